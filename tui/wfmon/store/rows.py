"""Rows of ``acks.db`` as model objects. Another user may have written them: nothing is trusted."""

from __future__ import annotations

import json
import sqlite3
from typing import TypeGuard

from wfmon.model.alert import Ack, Labels, Severity
from wfmon.model.episode import EpisodeKey, EpisodeRecord
from wfmon.model.record import dataclass
from wfmon.store.identity import shown_name
from wfmon.text.sanitize import safe


@dataclass(frozen=True, slots=True)
class Row:
    """An episode with its newest ack that was not undone, as stored; ``signed`` is who took it, without
    the name that a comment adds."""

    record: EpisodeRecord
    ack: Ack | None
    signed: str = ""


_LAST_TIME = 253_402_300_799.0  # of the year 9999: no clock shows a later one
_COLUMNS = (
    "SELECT e.id, e.rule, e.labels, e.workflow, e.summary, e.severity, e.began_at, e.began_at_least, "
    "e.last_seen_at, e.ended_at, a.by, a.at, a.until, a.until_resolved, a.comment FROM episodes e "
    "LEFT JOIN acks a ON a.number = "
    "(SELECT max(number) FROM acks WHERE episode = e.id AND undone_at IS NULL) "
)


def load(connection: sqlite3.Connection) -> dict[str, Row]:
    """All episodes by id, oldest begin first, without rows that no version of ours can have written."""
    rows = [_row(found) for found in connection.execute(_COLUMNS + "ORDER BY e.began_at, e.rowid")]
    return {row.record.id: row for row in rows if row is not None}


def newest(connection: sqlite3.Connection, key: EpisodeKey) -> Row | None:
    found = connection.execute(
        _COLUMNS + "WHERE e.rule = ? AND e.labels = ? ORDER BY e.began_at DESC, e.rowid DESC LIMIT 1",
        (key[0], json.dumps(key[1])),
    ).fetchone()
    return None if found is None else _row(found)


def is_time(value: object) -> TypeGuard[float]:
    """Whether a stored value can be a time of ours: POSIX seconds up to the year 9999."""
    return isinstance(value, int | float) and 0 <= value <= _LAST_TIME


def _row(columns: tuple[object, ...]) -> Row | None:
    """A row as model objects; None unless every number in it can be one of ours. Another user may have
    written it: every text is made safe again."""
    severity, began, seen, ended, at, until = (columns[i] for i in (5, 6, 8, 9, 11, 12))
    if not isinstance(severity, int) or not is_time(began) or not is_time(seen):
        return None
    if not all(each is None or is_time(each) for each in (ended, at, until)):
        return None
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
        ended_at=float(ended) if is_time(ended) else None,
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


def labels_of(text: str) -> Labels:
    try:
        pairs = json.loads(text)
        return tuple((safe(str(name)), safe(str(value))) for name, value in pairs)
    except (ValueError, TypeError, RecursionError):
        return (("unreadable", safe(text, limit=80)),)
