"""Coarser points from finer ones."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan

from wfmon.model.history import LAST, LEVELS, Kind
from wfmon.model.record import dataclass
from wfmon.store.history.codec import Rows

# A LAST figure that grows by itself: it is told as of the end of the point.
AGES = frozenset({"last_run_age"})
# Kinds with many rows, whose means are rounded to ``_BITS`` of the 23 bits of a float32 (0.012 %): the
# others say nothing of a mean of what was shown, and would be a third of the file.
ROUNDED = frozenset({Kind.WORKFLOW, Kind.MODEL})
_BITS = 12
_HALF = 1 << (22 - _BITS)
_MASK = 0xFFFFFFFF ^ ((1 << (23 - _BITS)) - 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind by id: averaged, the newest known, and of these which are ages."""

    levels: frozenset[int]
    last: frozenset[int]
    ages: frozenset[int]
    rounded: bool = False

    @classmethod
    def of(cls, kind: Kind, ids: Mapping[str, int]) -> Columns:
        """``ids`` of the column names that the file knows."""

        def known(names: Iterable[str]) -> frozenset[int]:
            return frozenset(ids[name] for name in names if name in ids)

        last = LAST[kind]
        return cls(known(LEVELS[kind]), known(last), known(AGES.intersection(last)), kind in ROUNDED)


@dataclass(frozen=True, slots=True)
class _Part:
    """A column of a finer point that ends at ``end``; ``places`` of its rows in the coarser one."""

    end: float
    places: Sequence[int]
    values: array[float]


def joined(parts: Sequence[tuple[float, Rows]], columns: Columns, end: float) -> Rows:
    """One table from those of finer points, given with the end of each, oldest first.

    ``levels`` are the mean of the known values (each point counts alike; see ``ROUNDED``), of ``last`` the
    newest known value stays, of ``ages`` as it is at ``end``. Other columns are left out.
    """
    subjects: dict[int, int] = {}
    for _, rows in parts:
        for subject in rows.subjects:
            subjects.setdefault(subject, len(subjects))
    placed = [(at, [subjects[subject] for subject in rows.subjects], rows.columns) for at, rows in parts]
    names = dict.fromkeys(name for _, _, values in placed for name in values)
    made: dict[int, array[float]] = {}
    for name in names:
        found = [_Part(at, places, values[name]) for at, places, values in placed if name in values]
        if name in columns.levels:
            means = _means(found, len(subjects))
            made[name] = rounded(means) if columns.rounded else means
        elif name in columns.last:
            made[name] = _newest(found, len(subjects), end if name in columns.ages else None)
    return Rows(list(subjects), made)


def _means(found: Sequence[_Part], length: int) -> array[float]:
    sums, counts = [0.0] * length, [0] * length
    for part in found:
        for place, value in zip(part.places, part.values, strict=True):
            if not isnan(value):
                sums[place] += value
                counts[place] += 1
    means = [total / count if count else nan for total, count in zip(sums, counts, strict=True)]
    return array("f", means)


def _newest(found: Sequence[_Part], length: int, end: float | None) -> array[float]:
    newest = [nan] * length
    for part in found:
        later = 0.0 if end is None else end - part.end
        for place, value in zip(part.places, part.values, strict=True):
            if not isnan(value):
                newest[place] = value + later
    return array("f", newest)


def rounded(values: array[float]) -> array[float]:
    """To the nearest value with ``_BITS`` bits behind the first one."""
    bits = array("I", values.tobytes())
    return array("f", array("I", [(each + _HALF) & _MASK for each in bits]).tobytes())
