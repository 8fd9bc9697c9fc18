"""How far back logs and metrics reach, and how far they should."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.alert import Alert
from wfmon.model.record import replace
from wfmon.model.retention import Keeps, Retention
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import Part, fact, wrapped_fact
from wfmon.ui.rows import Line, Row, rule, width_of

_WIDE = 46  # from here on a line names which log set it is
RETENTION = "retention"  # the rule


def retention_lines(
    look: Look, width: int, retention: Sequence[Retention], now: float
) -> list[tuple[Row, bool]]:
    """One line for logs and one for metrics, and whether it is short; the short ones first.

    Of several it is the worst, with how many more there are. They are looked at seldom: how far back they
    reach goes on until ``now``.
    """
    aged = [_aged(one, now) for one in retention]
    metrics = [one for one in aged if one.keeps is Keeps.METRICS]
    logs = [one for one in aged if one.keeps is not Keeps.METRICS]
    lines = []
    for kind, kept in (("logs", logs), ("metrics", metrics)):
        if kept:
            worst = min(kept, key=_standing)
            words = _log_words(worst) if kind == "logs" else _metric_words(worst)
            lines.append((_line(look, width, kind, worst, words, len(kept) - 1), worst.short))
    return sorted(lines, key=lambda line: not line[1])


def _aged(one: Retention, now: float) -> Retention:
    if one.oldest_at is None or one.reach_seconds is None:
        return one
    return replace(one, reach_seconds=max(0.0, now - one.oldest_at))


def _line(look: Look, width: int, kind: str, worst: Retention, words: Sequence[str], others: int) -> Row:
    """The longest ``words`` that fit, and who else there is where that fits too."""
    who = numbers.counted(others, "set") if kind == "logs" else str(others)
    more = f" +{who}" if others else ""
    named = width >= _WIDE and worst.subject != kind
    whole = [f"{kind} {worst.subject}  {words[0].strip()}{more}"] if named else []
    whole += [f"{kind} {one}{more}" for one in words] + [f"{kind} {one}" for one in words]
    text = next((one for one in whole if width_of(one) < width), whole[-1])
    role = "warning" if worst.short else "unknown" if worst.problem else "muted"
    return Line(look, width).add(" ").add(text, role).row()


def _log_words(one: Retention) -> Sequence[str]:
    """``41.2G   oldest 92d``; what is short says of how much."""
    if one.reach_seconds is None:
        return (one.problem or "oldest not known", "not known")
    reach = _far(one.reach_seconds)
    reach += f" of {numbers.age(one.needed_seconds)}" if one.short else ""
    size = numbers.size(one.bytes)
    sized = (f"{size}  oldest {reach}", f"{size} oldest {reach}") if one.bytes is not None else ()
    return (*sized, f"oldest {reach}", reach)


def _metric_words(one: Retention) -> Sequence[str]:
    """``kept 15d of 365d``: its own setting, else how far back it reaches."""
    limit, reach = one.limit_seconds, one.reach_seconds
    if limit is None and reach is None:
        return (one.problem or "kept: not known", "not known")
    if one.short:
        # A setting that is long enough is not what cuts it short.
        kept = limit if reach is None or (limit is not None and limit < one.needed_seconds) else reach
        return (f" kept {_far(kept)} of {numbers.age(one.needed_seconds)}",)
    if limit is not None and reach is not None:
        return (f"kept {numbers.age(limit)}, oldest {_far(reach)}", f"kept {numbers.age(limit)}")
    return (f"kept {numbers.age(limit)}" if limit is not None else f"oldest {_far(reach)}",)


def _far(seconds: float | None) -> str:
    """How far back, without a figure that moves every second."""
    return "<1m" if seconds is not None and seconds < 60 else numbers.age(seconds)


def _standing(one: Retention) -> tuple[bool, float]:
    """What is short comes first, then what reaches back least of what is wanted; unknown last."""
    reach = one.reach_seconds
    return not one.short, float("inf") if reach is None else reach / max(1.0, one.needed_seconds)


def retention_rows(look: Look, width: int, now: float, snapshot: Snapshot, alert: Alert) -> list[Row]:
    """What is kept, first what the alert is about."""
    about = {value for _name, value in alert.labels}
    kept = sorted(snapshot.retention, key=lambda one: (one.subject not in about, not one.short))
    rows: list[Row] = []
    for one in kept:
        rows += kept_rows(look, width, now, one)
    return rows


def kept_rows(look: Look, width: int, now: float, one: Retention) -> list[Row]:
    """One log set or metrics server: its reach and its need, its size and growth, what is gone."""
    rows = [rule(look, width, one.subject, one.keeps.value)]
    rows.append(fact(look, width, "reaches", *_reach(one)))
    if one.oldest_at is not None:
        at = f"{look.minute(one.oldest_at, now)}, {numbers.age(max(0.0, now - one.oldest_at))} ago"
        rows.append(fact(look, width, "oldest", (at, "text")))
    if one.limit_seconds is not None:
        rows.append(fact(look, width, "setting", (f"keeps {numbers.age(one.limit_seconds)}", "text")))
    size = _size(one)
    if size:
        rows.append(fact(look, width, "size", (", ".join(size), "text")))
    if one.lost_before is not None:
        what = "samples" if one.keeps is Keeps.METRICS else "lines"
        words = f"{what} before {look.minute(one.lost_before, now)} have been deleted"
        rows.append(fact(look, width, "deleted", (words, "warning" if one.short else "text")))
    if one.words:
        rows += wrapped_fact(look, width, "means", one.words, "text", 2)
    if one.problem:
        rows += wrapped_fact(look, width, "problem", one.problem, "unknown", 2)
    return rows


def kept_words(one: Retention) -> str:
    """``production logs: 92d back, 90d wanted, 41.2G, +461M a day``."""
    parts = "".join(text for text, _role in _reach(one))
    return ", ".join((f"{one.keeps.value}: {parts}", *_size(one)))


def _size(one: Retention) -> list[str]:
    size = [numbers.size(one.bytes)] if one.bytes is not None else []
    return size + ([f"{numbers.growth(one.bytes_per_day)} a day"] if one.bytes_per_day is not None else [])


def _reach(one: Retention) -> list[Part]:
    wanted = f"{numbers.age(one.needed_seconds)} wanted"
    if one.reach_seconds is None:
        return [("not known", "unknown"), (f", {wanted}", "text")]
    role = "warning" if one.short else "strong"
    return [(numbers.age(one.reach_seconds), role), (f" back, {wanted}", "text")]
