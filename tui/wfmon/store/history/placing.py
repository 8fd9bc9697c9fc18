"""Where points lie in time: which one tells of a moment, which come before and behind it, and which
together tell of a span.

Coarser points are made of finer ones. So where finer ones are still kept they alone count: a hole
between them is a hole, though the hour around it has a point.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from math import inf

from wfmon.model.record import dataclass

MOST_DISTANCES = 16


@dataclass(frozen=True, slots=True)
class Place:
    """A row of ``points``: what happened from ``at`` to ``end``."""

    number: int
    at: float
    seconds: float

    @property
    def end(self) -> float:
        return self.at + self.seconds


def distances(connection: sqlite3.Connection) -> list[float]:
    """The distances that there are points of, finest first, also those of other settings."""
    found: list[float] = []
    while len(found) < MOST_DISTANCES:
        row = connection.execute(
            "SELECT min(seconds) FROM points WHERE seconds > ?", (found[-1] if found else 0.0,)
        ).fetchone()
        if row[0] is None:
            break
        found.append(float(row[0]))
    return found


def bounds(connection: sqlite3.Connection) -> tuple[float, float] | None:
    """The begin of the first point and of the last one."""
    rows = [
        connection.execute("SELECT min(at), max(at) FROM points WHERE seconds = ?", (seconds,)).fetchone()
        for seconds in distances(connection)
    ]
    if not rows:
        return None
    return float(min(row[0] for row in rows)), float(max(row[1] for row in rows))


def covering(connection: sqlite3.Connection, at: float) -> Place | None:
    """The finest point that tells of ``at``."""
    finer: list[float] = []
    for seconds in distances(connection):
        row = connection.execute(
            "SELECT number, at FROM points WHERE seconds = ? AND at <= ? ORDER BY at DESC LIMIT 1",
            (seconds, at),
        ).fetchone()
        if row is not None and at < row[1] + seconds:
            place = Place(row[0], row[1], seconds)
            return None if _any_within(connection, finer, place.at, place.end) else place
        finer.append(seconds)
    return None


def before(connection: sqlite3.Connection, at: float) -> float | None:
    """The begin of the nearest point that is over at ``at``."""
    return max(
        (
            float(row[0])
            for seconds in distances(connection)
            for row in connection.execute(
                "SELECT max(at) FROM points WHERE seconds = ? AND at <= ?", (seconds, at - seconds)
            )
            if row[0] is not None
        ),
        default=None,
    )


def after(connection: sqlite3.Connection, at: float) -> float | None:
    """The begin of the nearest point from ``at`` on that tells of its begin."""
    nearest: float | None = None
    finer: list[float] = []
    for seconds in distances(connection):
        row = connection.execute(
            "SELECT min(at) FROM points WHERE seconds = ? AND at >= ?", (seconds, at)
        ).fetchone()
        begin = None if row[0] is None else float(row[0])
        if begin is not None and not _any_within(connection, finer, begin, begin + seconds):
            nearest = begin if nearest is None else min(nearest, begin)
        finer.append(seconds)
    return nearest


def spanning(connection: sqlite3.Connection, begin: float, end: float, wanted: float) -> list[Place]:
    """The points that together tell of ``begin`` to ``end``, oldest first, each moment by one of them.

    They are ``wanted`` apart; coarser before the first of those, finer behind the last.
    """
    known = distances(connection)
    if not known:
        return []
    first = max((place for place, seconds in enumerate(known) if seconds <= wanted), default=0)
    found = _within(connection, known[first], begin, end)
    lower, upper = _ends(connection, known[first])
    for coarser in known[first + 1 :]:
        older = _within(connection, coarser, begin, min(end, lower))
        found = [place for place in older if place.end <= lower] + found
        lower = min(lower, _ends(connection, coarser)[0])
    for finer in reversed(known[:first]):
        newer = _within(connection, finer, max(begin, upper), end)
        found += [place for place in newer if place.at >= upper]
        upper = max(upper, _ends(connection, finer)[1])
    return found


def fewer(places: Sequence[Place], most: int) -> list[Place]:
    """At most ``most`` of them, evenly spread."""
    if len(places) <= most:
        return list(places)
    return [places[(2 * number + 1) * len(places) // (2 * most)] for number in range(most)]


def _ends(connection: sqlite3.Connection, seconds: float) -> tuple[float, float]:
    """From the begin of the first point to the end of the last one."""
    row = connection.execute("SELECT min(at), max(at) FROM points WHERE seconds = ?", (seconds,)).fetchone()
    return (inf, -inf) if row[0] is None else (float(row[0]), float(row[1]) + seconds)


def _within(connection: sqlite3.Connection, seconds: float, begin: float, end: float) -> list[Place]:
    rows = connection.execute(
        "SELECT number, at FROM points WHERE seconds = ? AND at > ? AND at < ? ORDER BY at",
        (seconds, begin - seconds, end),
    )
    return [Place(number, at, seconds) for number, at in rows]


def _any_within(connection: sqlite3.Connection, distances: Sequence[float], begin: float, end: float) -> bool:
    return any(
        connection.execute(
            "SELECT 1 FROM points WHERE seconds = ? AND at >= ? AND at < ? LIMIT 1", (seconds, begin, end)
        ).fetchone()
        is not None
        for seconds in distances
    )
