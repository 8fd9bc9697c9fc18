"""Coarser tables are what the finer ones say, no more."""

from __future__ import annotations

import math
from array import array

from hypothesis import given
from hypothesis import strategies as st

from wfmon.model.history import Kind
from wfmon.store.history.codec import Rows
from wfmon.store.history.rollup import Columns, joined, rounded

LEVEL, LAST, AGE, OTHER = 1, 2, 3, 4
COLUMNS = Columns(frozenset({LEVEL}), frozenset({LAST, AGE}), frozenset({AGE}))
VALUES = st.none() | st.integers(0, 1000)
CELLS = st.dictionaries(
    st.tuples(st.integers(1, 6), st.sampled_from([LEVEL, LAST, AGE, OTHER])), VALUES, max_size=12
)


def rows(cells: dict[tuple[int, int], int | None]) -> Rows:
    subjects = list(dict.fromkeys(subject for subject, _ in cells))
    names = list(dict.fromkeys(name for _, name in cells))
    found = {
        name: array(
            "f", [math.nan if (v := cells.get((subject, name))) is None else v for subject in subjects]
        )
        for name in names
    }
    return Rows(subjects, found)


@given(st.lists(CELLS, max_size=6))
def test_joining(parts: list[dict[tuple[int, int], int | None]]) -> None:
    ends = [10.0 * (number + 1) for number in range(len(parts))]
    made = joined([(at, rows(cells)) for at, cells in zip(ends, parts, strict=True)], COLUMNS, 60.0)
    assert OTHER not in made.columns
    for place, subject in enumerate(made.subjects):
        for name, column in made.columns.items():
            told = [
                (at, cells[subject, name])
                for at, cells in zip(ends, parts, strict=True)
                if cells.get((subject, name)) is not None
            ]
            if not told:
                assert math.isnan(column[place])
                continue
            values = [float(value) for _, value in told if value is not None]
            if name == LEVEL:
                wanted = sum(values) / len(values)
            else:
                wanted = values[-1] + (60.0 - told[-1][0] if name == AGE else 0.0)
            assert math.isclose(column[place], wanted, rel_tol=1e-6)


def test_columns_of_a_kind() -> None:
    ids = {"n": 7, "window": 8, "last_run_age": 9, "runs": 10}
    assert Columns.of(Kind.WORKFLOW, ids) == Columns(frozenset({7}), frozenset({8, 9}), frozenset({9}), True)


@given(st.floats(width=32, allow_infinity=False, allow_nan=False, max_value=2.0**100, min_value=-(2.0**100)))
def test_rounding_is_within_an_eighth_of_a_thousandth(value: float) -> None:
    found = rounded(array("f", [value, math.nan]))
    assert math.isnan(found[1])
    assert math.isclose(found[0], value, rel_tol=2**-13, abs_tol=2.0**-130)
    assert rounded(found)[0] == found[0]


def test_small_whole_numbers_stay_whole() -> None:
    assert list(rounded(array("f", range(4097)))) == list(range(4097))
