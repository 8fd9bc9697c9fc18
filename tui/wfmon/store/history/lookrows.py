"""The looks at scrape targets: thinned, but the last one stays as it is, because growth is counted up
to it."""

from __future__ import annotations

import sqlite3
import zlib

from wfmon.model.look import Look, Target
from wfmon.model.record import dataclass
from wfmon.store.rows import is_time
from wfmon.store.thinning import Keeping, thinned

MOST_PACKED = 4 * 1024 * 1024  # of one target in the file
MOST_LINES = 16 * 1024 * 1024  # of one target unpacked: what the next process has to parse
MOST_LOOKS = 4096
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    at: float
    length: int
    packed: int


def add(connection: sqlite3.Connection, target: Target, look: Look, keeping: Keeping) -> bool:
    """Keep ``look`` as the newest. False where it is too much to keep: then nothing of the target is
    kept, so that nobody counts from an older look what was counted already."""
    packed = zlib.compress(look.lines, _LEVEL)
    if len(packed) > MOST_PACKED or len(look.lines) > MOST_LINES or not is_time(look.at):
        connection.execute("DELETE FROM looks WHERE target = ?", (target.id,))
        return False
    # A clock that was set back must leave no look behind that seems to be newer.
    connection.execute("DELETE FROM looks WHERE target = ? AND at >= ?", (target.id, look.at))
    connection.execute(
        "INSERT INTO looks (target, at, length, packed) VALUES (?, ?, ?, ?)",
        (target.id, look.at, len(look.lines), packed),
    )
    rows = _rows(connection, target.id)
    kept = {row.number for row in _fitting(rows, keeping)}
    gone = [(row.number,) for row in rows if row.number not in kept]
    connection.executemany("DELETE FROM looks WHERE number = ?", gone)
    return True


def read(connection: sqlite3.Connection, target: Target, now: float, keeping: Keeping) -> tuple[Look, ...]:
    """The kept looks that still tell something at ``now``, oldest first; the newest in any case."""
    rows = [row for row in _rows(connection, target.id) if row.at <= now]
    if not rows or not _within_bounds(rows):
        return ()
    connected = keeping.connected(rows, now) or rows[-1:]
    looks = []
    for row in connected:
        found = connection.execute("SELECT packed FROM looks WHERE number = ?", (row.number,)).fetchone()
        lines = None if found is None else _unpacked(found[0], row.length)
        if lines is not None:
            looks.append(Look(row.at, lines))
    return tuple(looks)


def reached(connection: sqlite3.Connection) -> dict[str, float]:
    """Target id -> time of its newest look."""
    rows = connection.execute("SELECT target, max(at) FROM looks GROUP BY target")
    return {str(target): float(at) for target, at in rows if is_time(at)}


def forget(connection: sqlite3.Connection, before: float) -> int:
    """Drop the targets that nobody has looked at since; how many rows."""
    return connection.execute(
        "DELETE FROM looks WHERE target IN (SELECT target FROM looks GROUP BY target HAVING max(at) < ?)",
        (before,),
    ).rowcount


def _rows(connection: sqlite3.Connection, target: str) -> list[_Row]:
    """Oldest first."""
    rows = connection.execute(
        "SELECT number, at, length, length(packed) FROM looks WHERE target = ? AND typeof(packed) = 'blob' "
        "ORDER BY at DESC LIMIT ?",
        (target, MOST_LOOKS),
    ).fetchall()
    found = [_Row(number, at, length, packed) for number, at, length, packed in rows if is_time(at)]
    return [row for row in reversed(found) if isinstance(row.length, int) and row.length >= 0]


def _fitting(rows: list[_Row], keeping: Keeping) -> list[_Row]:
    """The densest choice within the bounds, the newest in any case."""
    now = rows[-1].at
    connected = keeping.connected(rows, now)
    kept = connected
    for near in (keeping.near, keeping.far):
        kept = thinned(connected, near, keeping.far, recent=now - keeping.recent)
        if _within_bounds(kept):
            return kept
    while len(kept) > 1 and not _within_bounds(kept):
        del kept[0]
    return kept


def _within_bounds(rows: list[_Row]) -> bool:
    return sum(row.packed for row in rows) <= MOST_PACKED and sum(row.length for row in rows) <= MOST_LINES


def _unpacked(blob: object, length: int) -> bytes | None:
    """None where it is not what was packed; never more than it says."""
    if not isinstance(blob, bytes):
        return None
    unpacker = zlib.decompressobj()
    try:
        lines = unpacker.decompress(blob, length + 1)
    except zlib.error:
        return None
    return lines if unpacker.eof and len(lines) == length else None
