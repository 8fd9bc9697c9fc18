"""What nobody saw when it was, found in data later, and told to ``acks.db`` then.

All that take a connection expect to be inside a transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from wfmon.model.episode import PastEpisode, Sighting
from wfmon.store import episodelog, observing, trail
from wfmon.store.rows import WITH_ACK, Row, in_force, one, rows
from wfmon.store.terms import AckTerms

MOST_ROWS = 1000


def amend(
    connection: sqlite3.Connection,
    lane: str,
    past: Sequence[PastEpisode],
    terms: AckTerms,
    looked_at: float,
    now: float,
) -> None:
    """Those that are over first: each is inserted once, or ends one that was thought to go on. Whoever took
    an alert after it was over meant the one that fires now. ``looked_at``: when whoever tells this saw
    anything first; what another saw before that and after an end is believed."""
    for each in past:
        if each.ended_at is not None:
            _end(connection, lane, each.sighting, each.ended_at, terms, looked_at)
    for each in past:
        if each.ended_at is None:
            identity = observing.see(connection, lane, each.sighting, terms, now)
            _move_acks(connection, lane, each.sighting, identity)


def _end(
    connection: sqlite3.Connection,
    lane: str,
    sighting: Sighting,
    ended_at: float,
    terms: AckTerms,
    looked_at: float,
) -> None:
    row = _known(connection, lane, sighting, ended_at, terms)
    if row is None:
        identity = episodelog.see(connection, lane, sighting, None, ended_at)
        episodelog.close(connection, identity, ended_at)
        return
    record = row.record
    known_end = record.last_seen_at if record.ended_at is None else record.ended_at
    seen_by_another = ended_at < min(record.last_seen_at, known_end) < looked_at
    if seen_by_another or (record.ended_at is not None and record.ended_at <= ended_at):
        return
    held = in_force(row, ended_at)
    episodelog.see(connection, lane, sighting, record, ended_at)
    if record.id == sighting.id:  # what it rose to after its end was another's
        connection.execute("UPDATE episodes SET worst = ? WHERE id = ?", (int(sighting.severity), record.id))
    episodelog.close(connection, record.id, ended_at)
    if held is not None and record.ended_at is None:
        trail.write(connection, trail.about(record), ended_at, row.signed, "resolved", held.comment)


def _known(
    connection: sqlite3.Connection, lane: str, sighting: Sighting, ended_at: float, terms: AckTerms
) -> Row | None:
    """The stored episode that it is: the one it goes on from, else one of the same time."""
    own = one(connection, sighting.id)
    if own is not None and own.record.key == sighting.key:
        return own
    found = rows(
        connection.execute(
            WITH_ACK + "WHERE e.lane = ?1 AND e.rule = ?2 AND e.labels = ?3 AND e.began_at < ?5 "
            "AND (e.ended_at IS NULL OR e.ended_at > ?4) ORDER BY e.began_at, e.rowid LIMIT ?6",
            (
                lane,
                sighting.rule,
                json.dumps(sighting.labels),
                sighting.since - terms.gap_seconds,
                ended_at + terms.gap_seconds,
                MOST_ROWS,
            ),
        )
    )
    return found[0] if found else None


def _move_acks(connection: sqlite3.Connection, lane: str, sighting: Sighting, identity: str) -> None:
    connection.execute(
        "UPDATE acks SET episode = ?1 WHERE at >= ?2 AND undone_at IS NULL AND episode IN "
        "(SELECT id FROM episodes WHERE lane = ?3 AND rule = ?4 AND labels = ?5 AND id != ?1 "
        "AND ended_at < ?2)",
        (identity, sighting.since, lane, sighting.rule, json.dumps(sighting.labels)),
    )
