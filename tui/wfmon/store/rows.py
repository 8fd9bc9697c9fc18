"""Rows of ``acks.db`` as model objects. Another user may have written them: nothing is trusted."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TypeGuard

from wfmon.model.alert import Ack, Labels, Severity
from wfmon.model.episode import Accepted, AuditEntry, EpisodeRecord
from wfmon.model.record import dataclass
from wfmon.store.identity import shown_name
from wfmon.text.sanitize import safe


@dataclass(frozen=True, slots=True)
class Row:
    """An episode with one of its acks, as stored; ``signed`` is who took it, without the name that a
    comment adds."""

    record: EpisodeRecord
    ack: Ack | None
    signed: str = ""


_LAST_TIME = 253_402_300_799.0  # of the year 9999: no clock shows a later one
_LARGEST = 1e18
_FLAPS = 10_000
_UNIT_LIMIT = 20
_COLUMNS = (
    "SELECT e.id, e.rule, e.labels, e.workflow, e.summary, e.severity, e.began_at, e.began_at_least, "
    "e.last_seen_at, e.ended_at, a.by, a.at, a.until, a.until_resolved, a.comment, e.value, e.threshold, "
    "e.peak, e.n, e.failed, e.unit, e.flaps, e.worst FROM episodes e "
)
# With its newest ack that was not undone.
WITH_ACK = _COLUMNS + (
    "LEFT JOIN acks a ON a.number = "
    "(SELECT max(number) FROM acks WHERE episode = e.id AND undone_at IS NULL) "
)


def with_ack_at(moment: str) -> str:
    """Each episode with the ack that was in force at ``moment`` (an SQL expression). An extended ack is
    several rows of one begin: the oldest that was not undone by then is what people saw."""
    return _COLUMNS + (
        f"LEFT JOIN acks a ON a.number = (SELECT min(number) FROM acks WHERE episode = e.id "
        f"AND at <= {moment} AND (undone_at IS NULL OR undone_at > {moment}) "
        f"AND (until IS NULL OR until > {moment})) "
    )


def rows(found: Iterable[Sequence[object]]) -> list[Row]:
    """In their order, without those that no version of ours can have written."""
    return [row for each in found if (row := _row(each)) is not None]


def one(connection: sqlite3.Connection, episode: str) -> Row | None:
    """The episode with this id and its newest ack."""
    found = rows(connection.execute(WITH_ACK + "WHERE e.id = ?", (episode,)))
    return found[0] if found else None


def is_time(value: object) -> TypeGuard[float]:
    """Whether a stored value can be a time of ours: POSIX seconds up to the year 9999."""
    return isinstance(value, int | float) and 0 <= value <= _LAST_TIME


def _row(columns: Sequence[object]) -> Row | None:
    """A row as model objects; None unless every number in it can be one of ours. Another user may have
    written it: every text is made safe again."""
    severity, began, seen, ended, at, until = (columns[i] for i in (5, 6, 8, 9, 11, 12))
    if not isinstance(severity, int) or not is_time(began) or not is_time(seen):
        return None
    if not all(each is None or is_time(each) for each in (ended, at, until)):
        return None
    flaps, worst = columns[21], columns[22]
    over = float(ended) if is_time(ended) else None
    if over is not None and isinstance(worst, int):
        severity = max(severity, worst)  # what is over is told as the worst it was
    record = EpisodeRecord(
        id=safe(str(columns[0])),
        rule=safe(str(columns[1])),
        labels=labels_of(str(columns[2])),
        workflow=None if columns[3] is None else safe(str(columns[3])),
        summary=safe(str(columns[4])),
        severity=Severity(min(max(severity, Severity.INFO), Severity.CRITICAL)),
        began_at=float(began),
        began_at_least=bool(columns[7]),
        last_seen_at=float(seen),
        ended_at=over,
        value=_number(columns[15]),
        threshold=_number(columns[16]),
        peak=_number(columns[17]),
        n=_number(columns[18]),
        failed=_number(columns[19]),
        unit=safe(str(columns[20]), limit=_UNIT_LIMIT),
        flaps=min(max(flaps, 0), _FLAPS) if isinstance(flaps, int) else 0,
    )
    if columns[10] is None or not is_time(at):
        return Row(record, None)
    by, comment = safe(str(columns[10])), safe(str(columns[14]))
    ack = Ack(
        by=shown_name(by, comment),
        at=float(at),
        until=float(until) if is_time(until) else None,
        until_resolved=bool(columns[13]),
        comment=comment,
    )
    return Row(record, ack, by)


def audit_entries(found: Iterable[Sequence[object]]) -> tuple[AuditEntry, ...]:
    """Of columns at, who, what, episode, rule, labels, comment, effect."""
    return tuple(
        AuditEntry(
            at=float(at),
            who=safe(str(who)),
            what=safe(str(what)),
            episode=safe(str(episode)),
            rule=safe(str(rule)),
            labels=labels_of(str(labels)),
            comment=safe(str(comment)),
            effect=safe(str(effect)),
        )
        for at, who, what, episode, rule, labels, comment, effect in found
        if is_time(at)
    )


def accepted(found: Iterable[Sequence[object]]) -> dict[str, Accepted]:
    """By workflow; of columns workflow, since, at, by."""
    return {
        name: Accepted(name, float(since), float(at), safe(str(by)))
        for workflow, since, at, by in found
        if is_time(since) and is_time(at) and (name := safe(str(workflow)))
    }


def labels_of(text: str) -> Labels:
    try:
        pairs = json.loads(text)
        return tuple((safe(str(name)), safe(str(value))) for name, value in pairs)
    except (ValueError, TypeError, RecursionError):
        return (("unreadable", safe(text, limit=80)),)


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > _LARGEST:
        return None
    return float(value)
