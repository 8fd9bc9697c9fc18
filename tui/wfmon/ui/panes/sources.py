"""The sources: what each sees, how fresh it is, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wfmon.model.metrics import Concept
from wfmon.model.snapshot import Snapshot
from wfmon.model.source import SourceState, SourceStatus
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.retention import kept_words
from wfmon.ui.rows import Line, Row, cut, width_of, wrap

ILL = "err"  # the health of a rule that cannot be evaluated
_INDENT = 14
# What a profile says is not exposed: the system, the concept, where it is instead.
_OF_SYSTEM = re.compile(rf"(?P<system>[^:]+): (?P<concept>{'|'.join(Concept)}): .*")
_MOST_ROWS = 20  # of one detail
_MOST_RULES = 5


def head(look: Look, width: int) -> Row:
    line = Line(look, width).add("  ").add("NAME", "label", 12).add("KIND", "label", 12)
    line.add("STATE", "label", 6).add("AGE", "label", 5, right=True).add("TOOK", "label", 7, right=True)
    line.add("  ").add("SEES", "label", _sees_width(width)).add("MISSING", "label")
    return line.row()


def source_rows(
    look: Look, width: int, source: SourceStatus, now: float, *, selected: bool, opened: bool
) -> list[Row]:
    """The row of one source and, below it, what does not fit there.

    ``opened``: also where it is and how often it is asked.
    """
    sign, role = _sign(look, source.state)
    line = Line(look, width, selected=selected).add(sign, role).add(" ")
    line.add(cut(source.name, 11), "strong", 12).add(cut(source.kind, 11), "text", 12)
    line.add(_state(source.state), role if source.state is not SourceState.OK else "text", 7)
    line.add(_age(source, now), "text", 4, right=True)
    line.add(" ").add(numbers.latency(source.latency_seconds), "text", 6, right=True).add("  ")
    sees, room = _sees(source), _sees_width(width)
    missing = _missing(source)
    short = missing if width_of(missing) <= width - line.used - room else ""
    fits = width_of(sees) < room
    line.add(sees if fits else cut(sees, room - 1, look.signs.cut), "text", room)
    line.add(short or ("below" if missing else look.signs.none), "muted" if not missing else "text")
    rows = [line.row(source.name)]
    details = [] if fits else [("sees", sees)]
    if not short and missing:
        details += _missed(source, opened=opened) if source.missing else [("why", missing)]
    details += [("apart", text) for text in source.apart]
    if source.error and source.error != missing and (opened or source.state is not SourceState.OK):
        details.append(("why", source.error))
    if opened:
        details += _opened(source)
    for label, text in details:
        rows += _detail(look, width, source.name, label, text)
    return rows


def kept_by(look: Look, width: int, snapshot: Snapshot, source: SourceStatus) -> list[Row]:
    """How far back what a source reads reaches, where that is known."""
    rows = []
    for one in snapshot.retention:
        if one.subject == source.name:
            rows += _detail(look, width, source.name, "keeps", kept_words(one))
    return rows


def ill_rules(look: Look, width: int, snapshot: Snapshot, system: str) -> list[Row]:
    """The rules of a system that it cannot evaluate, and why; how many it has stands in what it sees."""
    ill = [rule for rule in snapshot.rules if rule.system == system and rule.health == ILL]
    rows = []
    for number, rule in enumerate(ill[:_MOST_RULES]):
        words = f"{rule.name}: {rule.error}" if rule.error else rule.name
        text = f"{len(ill)} ill: {words}" if number == 0 else words
        rows += _detail(look, width, system, "rules" if number == 0 else "", text, "warning")
    if len(ill) > _MOST_RULES:
        rows += _detail(look, width, system, "", f"and {len(ill) - _MOST_RULES} more")
    return rows


def _detail(look: Look, width: int, key: str, label: str, text: str, role: str = "text") -> list[Row]:
    rows = []
    for number, part in enumerate(wrap(text, width - _INDENT - 9, _MOST_ROWS)):
        line = Line(look, width).to(_INDENT).add(label if number == 0 else "", "label", 9)
        rows.append(line.add(part, role).row(key))
    return rows


def _opened(source: SourceStatus) -> list[tuple[str, str]]:
    details = [("where", source.where)] if source.where else []
    if source.profile:
        details.append(("profile", source.profile))
    if source.interval_seconds is not None:
        details.append(("asked", f"every {numbers.span(source.interval_seconds)}"))
    return details


def _sees(source: SourceStatus) -> str:
    if source.state in (SourceState.DOWN, SourceState.STALE) and source.sees:
        return f"last: {source.sees}"
    return source.sees or numbers.UNKNOWN


def _missing(source: SourceStatus) -> str:
    if source.state is SourceState.DOWN and source.failure is not None:
        return source.failure.value
    return "; ".join(source.missing)


def _missed(source: SourceStatus, *, opened: bool) -> list[tuple[str, str]]:
    """Of each system which figures it does not expose, and where those are only when ``opened``."""
    if opened:
        return [("missing" if number == 0 else "", text) for number, text in enumerate(source.missing)]
    plain = [text for text in source.missing if _OF_SYSTEM.fullmatch(text) is None]
    systems: dict[str, list[str]] = {}
    for text in source.missing:
        if (match := _OF_SYSTEM.fullmatch(text)) is not None:
            systems.setdefault(match["system"], []).append(match["concept"])
    told = [f"{system}: no {', '.join(names)}" for system, names in systems.items()]
    told += ["; ".join(plain)] if plain else []
    details = [("missing" if number == 0 else "", text) for number, text in enumerate(told)]
    return [*details, ("", "⏎ says why, and what would show it")] if systems else details


def _sees_width(width: int) -> int:
    return 27 + max(0, width - 80) // 2


def _state(state: SourceState) -> str:
    return "asked" if state is SourceState.WAITING else state.value


def _age(source: SourceStatus, now: float) -> str:
    since = source.failing_since if source.state is SourceState.DOWN else source.as_of
    since = since if since is not None else source.as_of
    return numbers.age(max(0.0, now - since)) if since is not None else numbers.UNKNOWN


def _sign(look: Look, state: SourceState) -> tuple[str, str]:
    match state:
        case SourceState.OK:
            return look.signs.good, "good"
        case SourceState.DOWN:
            return look.signs.critical, "critical"
        case SourceState.OFF:
            return look.signs.none, "muted"
        case _:
            return look.signs.unknown, "unknown"


def worst_first(sources: Sequence[SourceStatus]) -> list[SourceStatus]:
    """As configured, but what does not answer on top."""
    return sorted(sources, key=lambda source: source.state in (SourceState.OK, SourceState.OFF))
