"""Plots: as high and wide as asked, full at the greatest, a gap where nothing is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.screen import look
from wfmon.text import numbers
from wfmon.ui.plots import bars, share_bar

LOOK, PLAIN = look(), look(ascii_only=True)
values_of = st.lists(st.none() | st.floats(0, 1e9, allow_nan=False), min_size=1, max_size=31)


def drawn(values: list[float | None], width: int = 40, height: int = 5, **kept: object) -> list[str]:
    rows = bars(LOOK, values, width, height, write=numbers.money, labels={0: "00"}, **kept)  # type: ignore[arg-type]
    assert {row.strip.cell_length for row in rows} <= {width}
    return [row.text for row in rows]


def test_a_plot() -> None:
    rows = bars(LOOK, [2.0, None, 0.0, 4.0], 30, 5, write=numbers.money, labels={0: "00", 3: "03"})
    assert [row.text.rstrip() for row in rows] == [
        " $4.00                ████",
        "                      ████",
        " $2.00 ████           ████",
        " $0.00 ████      ▁▁▁▁ ████",
        "       00             03",
    ]


def test_unknown_is_a_gap_and_zero_is_the_floor() -> None:
    floor = drawn([4.0, None, 0.0], 12, 3)[1]
    assert floor.rstrip() == " $0.00 █ ▁"


@given(values_of, st.integers(40, 120), st.integers(3, 12), st.booleans(), st.floats(0.01, 1e9) | st.none())
def test_size_and_height(
    values: list[float | None], width: int, height: int, ascii_only: bool, limit: float | None
) -> None:
    rows = bars(
        PLAIN if ascii_only else LOOK,
        values,
        width,
        height,
        write=numbers.money_cell,
        labels={number: f"{number:02}" for number in range(len(values))},
        limit=limit,
    )
    known = [value for value in values if value is not None]
    if not known:
        assert rows == []
        return
    assert len(rows) == height
    assert all(row.strip.cell_length == width for row in rows)
    if ascii_only:
        assert all(row.text.isascii() for row in rows)


@given(values_of)
def test_the_greatest_fills_the_height_and_the_unknown_nothing(values: list[float | None]) -> None:
    rows = bars(LOOK, values, 120, 6, write=lambda _value: "", labels={})
    known = [value for value in values if value is not None]
    if not known:
        assert rows == []
        return
    left, cell = 2, min(8, (120 - 3) // len(values))
    top = max(known)
    for number, value in enumerate(values):
        column = "".join(row.text[left + number * cell] for row in rows[:5])
        if value is None:
            assert column == "     "
        elif value == top and top > 0:
            assert column == "█████"
        elif value == 0:
            assert column == "    ▁"
        else:
            assert column.strip()


def test_a_limit_is_a_line_that_columns_stand_before() -> None:
    rows = drawn([1.0, 4.0, 1.0], 30, 6, limit=2.0)
    line = next(row for row in rows if "─" in row)
    assert line.strip().startswith("$2.00")
    assert "█" in line, "the column above the limit stands before the line"
    assert drawn([1.0, 1.0], 30, 6, limit=2.0)[0].count("─") > 5, "the scale reaches the limit"


@pytest.mark.parametrize(("width", "height"), [(5, 6), (40, 2)])
def test_without_room_nothing_is_drawn(width: int, height: int) -> None:
    assert drawn([1.0] * 24, width, height) == []


def test_labels_that_would_touch_are_left_out() -> None:
    rows = bars(LOOK, [1.0] * 24, 60, 4, write=numbers.money, labels={n: f"{n:02}:00" for n in range(24)})
    labels = rows[-1].text.split()
    assert labels[0] == "00:00"
    assert all(len(label) == 5 for label in labels)


@given(st.floats(0, 1), st.integers(1, 40))
def test_share_bars(share: float, width: int) -> None:
    filled, rest = share_bar(LOOK, share, width)
    assert len(filled + rest) == width
    assert bool(filled) == (share > 0)
    if share < 1 and width > 1:
        assert rest


def test_an_unknown_share_has_no_bar() -> None:
    assert share_bar(LOOK, None, 5) == ("", "     ")
