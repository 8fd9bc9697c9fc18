"""A series of a figure with as many steps as are drawn."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from math import ceil, floor

from wfmon.model.past import SeriesRequest
from wfmon.store.history import placing
from wfmon.store.history.codec import Picker
from wfmon.store.history.names import KnownNames
from wfmon.store.history.placing import Place
from wfmon.store.history.rolling import PACKED

ERROR_RATIO = "error_ratio"
MOST_STEPS = 10_000
# Points that are read of one step, evenly spread: a drawn step does not tell 24 from 4.
MOST_OF_STEP = 4

Values = tuple[float | None, ...]


def values(connection: sqlite3.Connection, names: KnownNames, request: SeriesRequest) -> Values:
    """One value per step: the mean of the known ones, for ``error_ratio`` all failed by all counted runs;
    None where nothing is known."""
    count = min(request.points, MOST_STEPS)
    if count < 1 or not request.end > request.begin:
        return (None,) * max(0, count)
    wanted = ("failed", "n") if request.column == ERROR_RATIO else (request.column,)
    subject, kind = names.id(connection, request.subject), names.id(connection, request.kind.value)
    ids = [names.id(connection, name) for name in wanted]
    if subject is None or kind is None:
        return (None,) * count
    picker = Picker(kind, subject, [-1 if number is None else number for number in ids])
    length = (request.end - request.begin) / count
    places = placing.spanning(connection, request.begin, request.end, length)
    steps = _steps(places, request.begin, length, count)
    read: dict[int, tuple[float | None, ...] | None] = {}
    for number in sorted({place.number for step in steps for place in step}):
        row = connection.execute(f"SELECT {PACKED} FROM points WHERE number = ?", (number,)).fetchone()
        read[number] = None if row is None else picker.pick(row[0])
    join = _ratio if request.column == ERROR_RATIO else _mean
    return tuple(join(step, read) for step in steps)


def _steps(places: Sequence[Place], begin: float, length: float, count: int) -> list[list[Place]]:
    """The points of each step: those with their middle in it, or longer ones around its middle."""
    found: list[list[Place]] = [[] for _ in range(count)]
    for place in places:
        if place.seconds <= length:
            step = floor((place.at + place.seconds / 2 - begin) / length)
            if 0 <= step < count:
                found[step].append(place)
        else:
            first = max(0, ceil((place.at - begin) / length - 0.5))
            behind = min(count, ceil((place.end - begin) / length - 0.5))
            for step in range(first, behind):
                found[step].append(place)
    return [placing.fewer(step, MOST_OF_STEP) for step in found]


def _mean(step: Sequence[Place], read: Mapping[int, tuple[float | None, ...] | None]) -> float | None:
    known = [
        picked[0] for place in step if (picked := read[place.number]) is not None and picked[0] is not None
    ]
    return sum(known) / len(known) if known else None


def _ratio(step: Sequence[Place], read: Mapping[int, tuple[float | None, ...] | None]) -> float | None:
    failed = counted = 0.0
    for place in step:
        picked = read[place.number]
        if picked is not None and picked[0] is not None and picked[1] is not None:
            failed, counted = failed + picked[0], counted + picked[1]
    return failed / counted if counted > 0 else None
