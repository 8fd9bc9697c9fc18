"""The card that hands an alert on to the next person, as Markdown.

Texts from outside stand in code spans and fenced blocks, behind more backticks than they have themselves:
no link, picture, mention or heading of theirs comes to life where the card is pasted. All are redacted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from shlex import quote

from wfmon.analysis.patterns import Pattern
from wfmon.model.alert import Ack, Alert
from wfmon.model.log import LogLine
from wfmon.model.record import dataclass
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe
from wfmon.ui.moments import told
from wfmon.ui.panes.alertfacts import rule_words
from wfmon.ui.panes.facts import outcome
from wfmon.ui.panes.measured import against, figures
from wfmon.ui.panes.words import OURS, lasting, other_hand, sharing, subject

MOST_PATTERNS = 10
MOST_RUNS = 10
MOST_LINES = 20
MOST_NOTES = 50
_LONGEST = 500  # characters of one text


@dataclass(frozen=True, slots=True)
class Case:
    """What a card is made of. ``found``: what the errors say; ``runs``: the worst first; ``lines``: the last
    error lines, oldest first, ``why_no_lines`` where there are none. ``told_at``: now; ``at``: the moment
    that is told of. ``logs_command``: whether ``wfmon-tui logs`` is there."""

    alert: Alert
    snapshot: Snapshot
    at: float
    told_at: float
    zone: tzinfo | None
    found: Sequence[Pattern] = ()
    runs: Sequence[Run] = ()
    lines: Sequence[LogLine] = ()
    why_no_lines: str = ""
    logs_command: bool = False


def card(case: Case) -> str:
    parts = [
        _head(case),
        _section("Alert", _alert(case)),
        _section("What the errors say", _said(case)),
        _section("Worst runs", _runs(case)),
        _section("Who has it, and notes", _held(case)),
        _section("Last error lines", _last_lines(case)),
        _section("Look again", _commands(case)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def code(text: str) -> str:
    """``text`` as a code span that nothing in it can end."""
    shown = safe(redact(text), limit=_LONGEST) or " "
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _head(case: Case) -> str:
    alert, snapshot = case.alert, case.snapshot
    when = told(case.at, case.told_at, case.zone, seconds=True)
    day = numbers.rfc3339(case.at) or ""
    lines = [
        f"# {alert.severity.word} {alert.state.value}: {code(alert.rule)} {code(subject(alert))}",
        "",
        f"As of {when} {numbers.zone_name(case.at, case.zone)} ({day}) on {code(snapshot.host_name)}, "
        f"told by wfmon-tui {code(snapshot.version)}.",
        "",
        f"**Verdict:** {code(snapshot.verdict.text)}",
    ]
    return "\n".join(lines)


def _section(title: str, lines: Iterator[str]) -> str:
    body = "\n".join(lines)
    return f"## {title}\n\n{body}" if body else ""


def _alert(case: Case) -> Iterator[str]:
    alert = case.alert
    words, where = rule_words(case.snapshot, alert)
    yield f"- id: {code(alert.id)}"
    yield f"- rule: {code(words)}" + (f" ({code(where)})" if where else "")
    counted = ""
    if alert.n:
        failed = f"{numbers.count(alert.failed)} of " if alert.failed is not None else "n = "
        window = f" in {numbers.duration(alert.window_seconds)}" if alert.window_seconds else ""
        counted = f" ({failed}{numbers.count(alert.n)}{window})"
    value = against(alert)
    measured = f"{value}{counted}, " if value else ""
    yield f"- {'now' if alert.open else 'last'}: {measured}{code(alert.summary)}"
    earlier = " or earlier" if alert.since_at_least else ""
    ended = f", ended {_when(case, alert.ended_at)}" if alert.ended_at is not None else ""
    going = f", {lasting(alert, case.at)}" if alert.ended_at is None else ""
    yield f"- since: {_when(case, alert.since)}{earlier}{going}{ended}"
    if figures(alert):
        yield f"- episode: {', '.join(figures(alert))}"
    yield f"- flaps: {alert.flaps}"
    if alert.contributors:
        yield f"- comes from: {', '.join(map(code, alert.contributors))}"
    if alert.members:
        shown = ", ".join(map(code, alert.members[:MOST_RUNS]))
        more = len(alert.members) - MOST_RUNS
        yield f"- members: {shown}" + (f" and {more} more" if more > 0 else "")
    if alert.source != OURS:
        labels = " ".join(f"{name}={value}" for name, value in alert.labels)
        yield f"- from: {code(alert.source)} {code(labels)}"
    if alert.runbook:
        yield f"- runbook: {code(alert.runbook)}"


def _said(case: Case) -> Iterator[str]:
    for one in case.found[:MOST_PATTERNS]:
        times = (
            f"first {_when(case, one.first)}, last {_when(case, one.last)}" if one.last is not None else ""
        )
        yield f"- {numbers.count(one.count)}x {code(one.text)}" + (f" {times}" if times else "")
    if len(case.found) > MOST_PATTERNS:
        rest = sum(one.count for one in case.found[MOST_PATTERNS:])
        yield f"- {numbers.count(rest)}x {len(case.found) - MOST_PATTERNS} other patterns"


def _runs(case: Case) -> Iterator[str]:
    for run in case.runs[:MOST_RUNS]:
        parts = [outcome(run.status, run.status_word)]
        at = run.ended_at if run.ended_at is not None else run.started_at
        parts += [_when(case, at)] if at is not None else []
        parts += [numbers.span(run.duration_seconds)] if run.duration_seconds is not None else []
        parts += [f"try {run.attempt}"] if run.attempt is not None and run.attempt > 1 else []
        parts += [numbers.money(run.usage.cost_usd)] if run.usage.cost_usd is not None else []
        error = f": {code(run.error)}" if run.error else ""
        yield f"- {code(run.id)} {', '.join(parts)}{error}"
    if len(case.runs) > MOST_RUNS:
        yield f"- and {len(case.runs) - MOST_RUNS} more"


def _held(case: Case) -> Iterator[str]:
    alert = case.alert
    if alert.ack is not None:
        yield f"- {alert.state.value} by {_holder(case, alert.ack)}"
    elif alert.taken:
        yield f"- {alert.state.value} {code(alert.quieted)}" if alert.quieted else f"- {alert.state.value}"
    elif alert.open:
        yield "- nobody has it" if case.snapshot.acks_shared else "- not acked here; acks are private"
    if alert.had:
        yield f"- had it: {', '.join(map(code, alert.had))}"
    other = other_hand(alert)
    if other is not None and other != alert.ack:
        standing = alert.standing.value if alert.standing is not None else "held"
        yield f"- {standing} elsewhere by {_holder(case, other)}"
    older = len(alert.notes) - MOST_NOTES
    if older > 0:
        yield f"- {older} older notes"
    for note in alert.notes[-MOST_NOTES:]:
        yield f"- {_when(case, note.at)} {code(note.by)}: {code(note.text)}"


def _holder(case: Case, ack: Ack) -> str:
    until = "it ends" if ack.until is None or ack.until_resolved else _when(case, ack.until)
    comment = f": {code(ack.comment)}" if ack.comment else ""
    shared = f" ({code(sharing(ack))})" if sharing(ack) else ""
    return f"{code(ack.by)} since {_when(case, ack.at)} until {until}{shared}{comment}"


def _last_lines(case: Case) -> Iterator[str]:
    if not case.lines:
        if case.why_no_lines:
            yield code(case.why_no_lines)
        return
    yield from _fenced("text", [_line(case, line) for line in case.lines[-MOST_LINES:]])


def _line(case: Case, line: LogLine) -> str:
    parts = (numbers.clock_millis(line.at, case.zone), line.level.name, line.run, line.step, line.message)
    return safe(redact("  ".join(part for part in parts if part)), limit=_LONGEST)


def _commands(case: Case) -> Iterator[str]:
    rows = ["wfmon-tui check"]
    run = next((one for one in case.runs if one.has_id), None)
    if run is not None and case.logs_command:
        rows.append(f"wfmon-tui logs {_word(run.id)} --errors")
    elif run is not None and run.log:
        rows.append(f"grep -F -- {_word(run.id)} {_word(run.log)}")
    if case.alert.open:
        rows.append(f"wfmon-tui ack {_word(case.alert.id)}")
    yield from _fenced("sh", rows)


def _word(text: str) -> str:
    """One word of a shell, whatever it holds."""
    return quote(safe(redact(text), limit=_LONGEST))


def _fenced(kind: str, rows: Sequence[str]) -> Iterator[str]:
    fence = "`" * max(3, max(map(_longest_run, rows)) + 1)
    yield f"{fence}{kind}"
    yield from rows
    yield fence


def _when(case: Case, at: float | None) -> str:
    return told(at, case.told_at, case.zone, seconds=True) if at is not None else numbers.UNKNOWN


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
