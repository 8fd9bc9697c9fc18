"""Episodes in ``acks.db``: opened, continued and ended, and asked for by time.

All take a connection; those that write expect to be inside a transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache

from wfmon.model.episode import EndedEpisode, EpisodeKey, EpisodeRecord, Sighting
from wfmon.model.record import replace
from wfmon.store.identity import shown_name
from wfmon.store.rows import CONTRIBUTORS, MEMBERS, WITH_ACK, Row, notes_of, rows, with_ack_at
from wfmon.text.sanitize import safe

# An open episode that nobody has seen for this long is over: not continued, no longer shown.
UNSEEN_SECONDS = 24 * 3600.0
# Episodes that nobody ever acked or wrote to are forgotten this long after their end.
FORGET_SECONDS = 366 * 24 * 3600.0
RECENT_LIMIT = 20_000  # episodes read at once
_HAD_LIMIT = 20  # names told of one episode
_ACKS_LIMIT = 20_000
_PREFIX_LIMIT = 50


def recent(connection: sqlite3.Connection, lane: str, since: float) -> list[Row]:
    """The newest episode of each rule and labels, if it was open after ``since``, with its notes; oldest
    begin first."""
    return _with_notes(
        connection,
        connection.execute(
            WITH_ACK + "WHERE +e.lane = ?1 AND (e.ended_at >= ?2 OR (e.ended_at IS NULL AND "
            "e.last_seen_at >= ?2)) AND e.rowid = (SELECT rowid FROM episodes WHERE lane = ?1 "
            "AND rule = e.rule AND labels = e.labels "
            "ORDER BY began_at DESC, rowid DESC LIMIT 1) ORDER BY e.began_at, e.rowid LIMIT ?3",
            (lane, since, RECENT_LIMIT),
        ),
    )


def newest(connection: sqlite3.Connection, lane: str, key: EpisodeKey) -> Row | None:
    found = rows(
        connection.execute(
            WITH_ACK + "WHERE e.lane = ? AND e.rule = ? AND e.labels = ? "
            "ORDER BY e.began_at DESC, e.rowid DESC LIMIT 1",
            (lane, key[0], json.dumps(key[1])),
        )
    )
    return found[0] if found else None


def held(connection: sqlite3.Connection, now: float) -> list[Row]:
    """The open episodes of all lanes that somebody has at ``now``, oldest ack first."""
    return _with_notes(
        connection,
        connection.execute(
            WITH_ACK + "WHERE e.ended_at IS NULL AND e.last_seen_at >= ?2 AND a.number IS NOT NULL "
            "AND (a.until IS NULL OR a.until > ?1) ORDER BY a.at, e.id LIMIT ?3",
            (now, now - UNSEEN_SECONDS, RECENT_LIMIT),
        ),
    )


def beginning(connection: sqlite3.Connection, prefix: str) -> list[Row]:
    """Episodes whose id begins so, oldest begin first: open ones, and the last of the others."""
    where = "WHERE e.id >= ? AND e.id < ? AND e.ended_at IS {} NULL ORDER BY e.began_at DESC LIMIT ?"
    bounds = (prefix, prefix + "\U0010ffff", _PREFIX_LIMIT)
    over = rows(connection.execute(WITH_ACK + where.format("NOT"), bounds))
    return [*over[:1], *reversed(rows(connection.execute(WITH_ACK + where.format(""), bounds)))]


def ended(
    connection: sqlite3.Connection, lane: str, since: float, limit: int, until: float = float("inf")
) -> tuple[EndedEpisode, ...]:
    """Those that ended after ``since`` and up to ``until``, newest end first, each with the ack in force
    when it ended."""
    found = _with_notes(
        connection,
        connection.execute(
            with_ack_at("e.ended_at") + "WHERE +e.lane = ? AND e.ended_at > ? AND e.ended_at <= ? "
            "ORDER BY e.ended_at DESC, e.id LIMIT ?",
            (lane, since, until, limit),
        ),
    )
    had = _holders(connection, lane, since, until, limit)
    return tuple(EndedEpisode(shown(row), had.get(row.record.id, ())) for row in found)


def open_at(connection: sqlite3.Connection, lane: str, at: float) -> tuple[EpisodeRecord, ...]:
    """Those that were open at ``at``, oldest begin first, each with the ack in force then."""
    found = connection.execute(
        with_ack_at("?1") + "WHERE +e.lane = ?4 AND e.began_at <= ?1 AND (e.ended_at > ?1 OR "
        "(e.ended_at IS NULL AND e.last_seen_at >= ?2)) ORDER BY e.began_at, e.rowid LIMIT ?3",
        (at, at - UNSEEN_SECONDS, RECENT_LIMIT, lane),
    )
    return tuple(map(shown, _with_notes(connection, found)))


def between(connection: sqlite3.Connection, lane: str, begin: float, end: float) -> tuple[EpisodeRecord, ...]:
    """Those that were open at any time from ``begin`` to ``end``, newest begin first. An episode whose
    end nobody saw counts until it was last seen."""
    found = connection.execute(
        WITH_ACK + "WHERE +e.lane = ?4 AND e.began_at < ?2 AND (e.ended_at > ?1 OR "
        "(e.ended_at IS NULL AND e.last_seen_at >= ?1)) ORDER BY e.began_at DESC, e.rowid DESC LIMIT ?3",
        (begin, end, RECENT_LIMIT, lane),
    )
    return tuple(row.record for row in rows(found))


def shown(row: Row) -> EpisodeRecord:
    """The record with the ack of the row, whether or not that holds now."""
    return row.record if row.ack is None else replace(row.record, ack=row.ack)


def see(
    connection: sqlite3.Connection, lane: str, sighting: Sighting, before: EpisodeRecord | None, now: float
) -> str:
    """Continue ``before`` or open a new episode; gives its id."""
    seen: dict[str, object] = {
        "last_seen_at": now,
        "severity": int(sighting.severity),
        "summary": sighting.summary,
        "value": sighting.value,
        "threshold": sighting.threshold,
        "n": sighting.n,
        "failed": sighting.failed,
        "unit": sighting.unit,
        "mean": sighting.mean,
        "samples": sighting.samples,
        "source": sighting.source,
    }
    members, contributors = sighting.members[:MEMBERS], sighting.contributors[:CONTRIBUTORS]
    # Most are the same every time.
    if before is None or members != before.members:
        seen["members"] = json.dumps(members)
    if before is None or contributors != before.contributors:
        seen["contributors"] = json.dumps(contributors)
    peak, low = worse(sighting.peak, sighting.value), _lower(sighting.low, sighting.value)
    if before is not None:
        since = min(before.began_at, sighting.since)
        older = sighting.since <= before.began_at
        seen |= {
            "ended_at": None,
            "began_at": since,
            "began_at_least": int(sighting.since_at_least if older else before.began_at_least),
            "peak": worse(before.peak, peak),
            "low": _lower(before.low, low),
        }
        connection.execute(
            _update(tuple(seen)), (*seen.values(), int(sighting.severity), sighting.flaps, before.id)
        )
        return before.id
    identity = _free_id(connection, lane, sighting)
    seen |= {
        "id": identity,
        "lane": lane,
        "rule": sighting.rule,
        "labels": json.dumps(sighting.labels),
        "workflow": sighting.workflow,
        "worst": int(sighting.severity),
        "began_at": sighting.since,
        "began_at_least": int(sighting.since_at_least),
        "peak": peak,
        "low": low,
        "flaps": sighting.flaps,
    }
    connection.execute(
        f"INSERT INTO episodes ({', '.join(seen)}) VALUES ({', '.join('?' * len(seen))})",
        tuple(seen.values()),
    )
    return identity


@lru_cache(maxsize=8)
def _update(names: tuple[str, ...]) -> str:
    values = ", ".join(f"{name} = ?" for name in names)
    return f"UPDATE episodes SET {values}, worst = max(worst, ?), flaps = max(flaps, ?) WHERE id = ?"


def close(connection: sqlite3.Connection, episode: str, at: float) -> None:
    connection.execute("UPDATE episodes SET ended_at = ? WHERE id = ?", (at, episode))


def last_moment(connection: sqlite3.Connection) -> float | None:
    """When anything was last seen of an episode; None where there is none."""
    ended, seen = connection.execute(
        "SELECT (SELECT max(ended_at) FROM episodes), "
        "(SELECT max(last_seen_at) FROM episodes WHERE ended_at IS NULL)"
    ).fetchone()
    return max((float(at) for at in (ended, seen) if at is not None), default=None)


def tidy(connection: sqlite3.Connection, now: float, believed: float) -> None:
    """Close what nobody has seen for a day at the moment it was last seen; forget what is old at the
    moment that is ``believed`` to be past (``TrustedClock``)."""
    connection.execute(
        "UPDATE episodes SET ended_at = last_seen_at WHERE ended_at IS NULL AND last_seen_at < ?",
        (now - UNSEEN_SECONDS,),
    )
    connection.execute(
        "DELETE FROM episodes WHERE ended_at < ? "
        "AND NOT EXISTS (SELECT 1 FROM acks WHERE episode = episodes.id) "
        "AND NOT EXISTS (SELECT 1 FROM notes WHERE episode = episodes.id)",
        (believed - FORGET_SECONDS,),
    )


def worse(one: float | None, other: float | None) -> float | None:
    """Every rule's value is worse the higher it is."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _lower(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _free_id(connection: sqlite3.Connection, lane: str, sighting: Sighting) -> str:
    """The id that the sighting proposes, unless another episode has it: two lanes may see the same."""
    identity, turn = sighting.id, 0
    while connection.execute("SELECT 1 FROM episodes WHERE id = ?", (identity,)).fetchone() is not None:
        turn += 1
        from hashlib import sha256

        text = f"{lane} {sighting.id} {turn}"
        identity = sha256(text.encode()).hexdigest()[:12]
    return identity


def _with_notes(connection: sqlite3.Connection, found: Iterable[Sequence[object]]) -> list[Row]:
    known = rows(found)
    notes = notes_of(connection, (row.record.id for row in known)) if known else {}
    if not notes:
        return known
    return [
        replace(row, record=replace(row.record, notes=notes[row.record.id]))
        if row.record.id in notes
        else row
        for row in known
    ]


def _holders(
    connection: sqlite3.Connection, lane: str, since: float, until: float, limit: int
) -> dict[str, tuple[str, ...]]:
    """Everybody who ever had each of them, in order."""
    found: Iterable[tuple[object, ...]] = connection.execute(
        "SELECT a.episode, a.by, a.comment FROM acks a JOIN (SELECT id FROM episodes WHERE +lane = ? "
        "AND ended_at > ? AND ended_at <= ? ORDER BY ended_at DESC, id LIMIT ?) e ON e.id = a.episode "
        "ORDER BY a.number LIMIT ?",
        (lane, since, until, limit, _ACKS_LIMIT),
    )
    names: dict[str, dict[str, None]] = {}
    for episode, by, comment in found:
        had = names.setdefault(safe(str(episode)), {})
        if len(had) < _HAD_LIMIT:
            had[shown_name(safe(str(by)), safe(str(comment)))] = None
    return {episode: tuple(had) for episode, had in names.items()}
