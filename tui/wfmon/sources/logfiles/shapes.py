"""The keys of a record: its shape, the paths to its values, and the names that these have."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.sources.logfiles.aliases import CONTAINERS, USAGE_CONTAINERS, normal
from wfmon.sources.logfiles.envelopes import Record
from wfmon.sources.logfiles.event import Path

_MAX_PATHS = 200
_MAX_DEPTH = 5


def shape_of(record: Record, depth: int) -> object:
    if depth >= _MAX_DEPTH:
        return None
    return tuple(
        [(key, shape_of(value, depth + 1)) if type(value) is dict else key for key, value in record.items()]
    )


def paths(record: Record) -> list[Path]:
    found: list[Path] = []
    pending: list[tuple[Path, Record]] = [((), record)]
    while pending and len(found) < _MAX_PATHS:
        base, part = pending.pop(0)
        for key, value in part.items():
            if len(found) >= _MAX_PATHS:
                break
            found.append((*base, key))
            if type(value) is dict and len(base) + 1 < _MAX_DEPTH:
                pending.append(((*base, key), value))
    return found


def readings(path: Path) -> Iterator[tuple[str, tuple[int, int], bool]]:
    """The names that a path has: as a whole, and without the containers it leads through. With each its rank
    and whether only what was used is looked for there."""
    inside, only_usage, rest = 0, False, path
    while True:
        yield normal("".join(rest)), (0 if rest is path else 1, inside), only_usage
        if len(rest) < 2:
            return
        head, rank = normal(rest[0]), None
        if head in USAGE_CONTAINERS:
            only_usage, rank = True, len(CONTAINERS)
        elif head in CONTAINERS:
            rank = CONTAINERS[head]
        elif len(rest) > 2 and (joined := normal(rest[0] + rest[1])) in CONTAINERS:
            rank, rest = CONTAINERS[joined], rest[1:]
        if rank is None:
            return
        inside, rest = rank, rest[1:]


def dotted(record: Record) -> frozenset[str]:
    """The dotted paths of all keys, also without the containers around them."""
    found: set[str] = set()
    for path in paths(record):
        rest = path
        found.add(".".join(rest))
        while len(rest) > 1 and normal(rest[0]) in CONTAINERS:
            rest = rest[1:]
            found.add(".".join(rest))
    return frozenset(found)
