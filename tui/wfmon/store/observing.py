"""What a collector sees, told to ``acks.db``: episodes go on or end, acks wake or run out.

All that take a connection expect to be inside a transaction.
"""

from __future__ import annotations

import sqlite3

from wfmon.model.episode import EpisodeKey, EpisodeRecord, Sighting
from wfmon.store import episodelog, trail
from wfmon.store.episodelog import UNSEEN_SECONDS, worse
from wfmon.store.rows import MEMBERS, Row, in_force, one
from wfmon.store.terms import AckTerms
from wfmon.store.waking import why_woken

OURSELVES = "wfmon"  # who ends an ack that no person ended
TOUCH_SECONDS = 20.0
PEAK_STEP = 1.05  # a peak is written at once when it rises by this factor
VALUE_STEP = 1.25  # a value when it moves by this factor: who takes it now takes it as it is


def continues(record: EpisodeRecord, terms: AckTerms, now: float) -> bool:
    """Whether the same rule and labels, firing now, are still this episode."""
    if record.ended_at is not None:
        return now - record.ended_at < terms.gap_seconds
    return now - record.last_seen_at <= UNSEEN_SECONDS


def news(sighting: Sighting, row: Row | None, terms: AckTerms, now: float) -> bool:
    """Whether it has to be written at once that this is seen."""
    if row is None:
        return True
    known = row.record
    return (
        known.ended_at is not None
        or not continues(known, terms, now)
        or known.severity is not sighting.severity
        or abs(now - known.last_seen_at) >= TOUCH_SECONDS
        or _rose(known.peak, worse(sighting.peak, sighting.value))
        or _moved(known.value, sighting.value)
        or known.members != sighting.members[:MEMBERS]
        or why_woken(row, sighting, terms.wake, now) is not None
    )


def ends(record: EpisodeRecord | None, at: float) -> bool:
    """Not if somebody else has seen it fire since."""
    return record is not None and record.ended_at is None and record.last_seen_at <= at


def lapsed(row: Row, now: float) -> bool:
    """Whether an ack of an open episode has run out, and nobody has said so yet."""
    if row.ack is None or in_force(row, now) is not None:
        return False
    return row.record.ended_at is None and now - row.record.last_seen_at <= UNSEEN_SECONDS


def see(
    connection: sqlite3.Connection,
    lane: str,
    sighting: Sighting,
    terms: AckTerms,
    now: float,
    row: Row | None = None,
) -> str:
    """Continue its episode or open one; gives the id. Whoever had it is woken if it got worse. ``row``: the
    newest of its rule and labels, where it is known as it is now."""
    row = row or episodelog.newest(connection, lane, sighting.key)
    if row is None:
        return episodelog.see(connection, lane, sighting, None, now)
    if not continues(row.record, terms, now):
        if row.record.ended_at is None:
            episodelog.close(connection, row.record.id, row.record.last_seen_at)
        return episodelog.see(connection, lane, sighting, None, now)
    why = why_woken(row, sighting, terms.wake, now)
    if why is not None:
        _end_ack(connection, row, now, "woke", why)
    return episodelog.see(connection, lane, sighting, row.record, now)


def end(connection: sqlite3.Connection, lane: str, key: EpisodeKey, at: float, now: float) -> None:
    row = episodelog.newest(connection, lane, key)
    if row is None or not ends(row.record, at):
        return
    episodelog.close(connection, row.record.id, at)
    held = in_force(row, now)
    if held is not None:
        trail.write(connection, trail.about(row.record), at, row.signed, "resolved", held.comment)


def lapse(connection: sqlite3.Connection, episode: str, now: float) -> None:
    """Say that the ack has run out, unless somebody has said so or undone it."""
    row = one(connection, episode)
    if row is not None and row.ack is not None and row.ack.until is not None and lapsed(row, now):
        _end_ack(connection, row, row.ack.until, "expired")


def _end_ack(connection: sqlite3.Connection, row: Row, at: float, what: str, why: str = "") -> None:
    """The ack ends, and what was shared of it; it is told why, and whose it was."""
    from wfmon.store import shares

    assert row.ack is not None
    shares.release(connection, row.record.id)
    connection.execute(
        "UPDATE acks SET undone_at = ?, undone_by = ? WHERE number = ?",
        (at, f"{OURSELVES}: {why or what}", row.number),
    )
    kind = "snooze" if row.ack.snooze else "ack"
    trail.write(
        connection,
        trail.about(row.record),
        at,
        OURSELVES,
        what,
        why,
        effect=f"{kind} of {row.ack.by} ended",
    )


def _rose(known: float | None, peak: float | None) -> bool:
    if known is None or peak is None:
        return peak is not None
    return peak > known * PEAK_STEP if known > 0 else peak > known


def _moved(known: float | None, value: float | None) -> bool:
    if known is None or value is None:
        return value is not None
    least, most = sorted((known, value))
    return most > least * VALUE_STEP if least > 0 else most != least
