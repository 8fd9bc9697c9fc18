"""For how much of each hour a source was read: overlapping spans count once."""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections.abc import Iterable, Iterator

from wfmon.model.history import Watched
from wfmon.store.history.settings import HOUR

# Ends of one span and begins of the next are the same moment, told by two roundings.
SAME = 0.001
MOST_SPANS = 512  # of a source in an hour; the shortest are given up
MOST_HOURS = 24 * 400  # of one Watched

Span = tuple[float, float]


def by_hour(watched: Watched) -> Iterator[tuple[float, Span]]:
    """The part of each hour; nothing for what is no span."""
    begin, end = watched.begin, watched.end
    if not (math.isfinite(begin) and math.isfinite(end) and 0 <= begin < end):
        return
    for number in range(int(begin // HOUR), min(int(end // HOUR), int(begin // HOUR) + MOST_HOURS) + 1):
        at = number * HOUR
        part = (max(begin, at), min(end, at + HOUR))
        if part[1] > part[0]:
            yield at, part


def united(spans: Iterable[Span]) -> list[Span]:
    """Disjoint and in order; at most ``MOST_SPANS``, so that too little is told rather than too much."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1] + SAME:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    if len(found) > MOST_SPANS:
        found = sorted(sorted(found, key=lambda span: span[0] - span[1])[:MOST_SPANS])
    return found


def seconds(spans: Iterable[Span]) -> float:
    return min(HOUR, sum(end - begin for begin, end in spans))


def packed(spans: Iterable[Span]) -> bytes:
    return array("d", [each for span in spans for each in span]).tobytes()


def unpacked(blob: object, at: float) -> list[Span]:
    """The spans of the hour ``at``; what is not in it, or no span, is left out."""
    if not isinstance(blob, bytes) or len(blob) % 16 or len(blob) > 16 * MOST_SPANS:
        return []
    values = array("d", blob)
    spans = zip(values[::2], values[1::2], strict=True)
    return united((begin, end) for begin, end in spans if at <= begin < end <= at + HOUR)


def add(connection: sqlite3.Connection, at: float, source: int, role: int, spans: Iterable[Span]) -> bool:
    """Whether the hour is seen for longer than before."""
    row = connection.execute(
        "SELECT spans FROM watched WHERE at = ? AND source = ? AND role = ?", (at, source, role)
    ).fetchone()
    before = [] if row is None else unpacked(row[0], at)
    after = united([*before, *spans])
    if after == before:
        return False
    connection.execute(
        "INSERT OR REPLACE INTO watched (at, source, role, spans) VALUES (?, ?, ?, ?)",
        (at, source, role, packed(after)),
    )
    return True
