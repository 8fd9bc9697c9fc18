"""Tables of the model to those of the file, and back."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping

from wfmon.model.history import LAST, LEVELS, Kind, Point, Table, columns
from wfmon.store.history.codec import Rows


def by_ids(table: Table, kind: Kind, number: Callable[[str], int | None]) -> Rows | None:
    """Without sums (hour points have them from the sums of hours), columns that a kind does not have, and
    subjects that get no number."""
    values = {
        given: table.values[name]
        for name in (*LEVELS[kind], *LAST[kind])
        if name in table.values and (given := number(name)) is not None
    }
    numbers = [number(subject) for subject in table.subjects]
    subjects = [each for each in numbers if each is not None]
    if len(subjects) == len(numbers):
        return Rows(subjects, values) if subjects and values else None
    kept = [place for place, each in enumerate(numbers) if each is not None]
    return Rows(
        subjects, {name: array("f", [column[place] for place in kept]) for name, column in values.items()}
    )


def by_names(at: float, seconds: float, tables: Mapping[int, Rows], names: Mapping[int, str]) -> Point:
    """Without kinds, subjects and columns that have no name of ours."""
    found: dict[Kind, Table] = {}
    for number, rows in tables.items():
        kind = _KINDS.get(names.get(number, ""))
        if kind is None:
            continue
        wanted = frozenset(columns(kind))
        values = {
            name: column for given, column in rows.columns.items() if (name := names.get(given, "")) in wanted
        }
        subjects = [names.get(subject) for subject in rows.subjects]
        if None in subjects:
            kept = [place for place, subject in enumerate(subjects) if subject is not None]
            values = {name: array("f", [column[place] for place in kept]) for name, column in values.items()}
        known = tuple(subject for subject in subjects if subject is not None)
        if known and values:
            found[kind] = Table(known, values)
    return Point(at, seconds, found)


_KINDS = {kind.value: kind for kind in Kind}
