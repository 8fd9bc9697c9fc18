"""Series at a width of their own: means, gaps, and the axis of time."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.screen import look
from support.snapshots import NOW
from wfmon.ui.panes.trend import trend
from wfmon.ui.series import resampled
from wfmon.ui.signs import ASCII, UNICODE

HOUR = 3600.0


def test_a_cell_is_the_mean_of_its_share_and_a_gap_where_none_is_known() -> None:
    points = (None,) * 6 + (0.0,) * 6 + (None, 0.2, 0.4) + (0.3,) * 3
    assert resampled(points, 3) == [None, 0.0, pytest.approx(0.3)]
    assert resampled((1.0, nan), 2) == [1.0, None]
    assert resampled((1.0, 2.0), 4) == [1.0, 1.0, 2.0, 2.0]
    assert resampled((), 2) == [None, None]
    assert resampled((1.0,), 0) == []


def test_a_stated_span_keeps_its_scale_while_it_fills() -> None:
    assert resampled((5.0,) * 6, 10, 60) == [None] * 9 + [5.0], "the newest at the right edge"
    assert resampled(tuple(range(90)), 2, 60) == [44.5, 74.5], "older ones are beyond the span"
    assert UNICODE.sparkline((0.0,) * 30 + (1.0,) * 30, 4, steps=60) == "▁▁██"
    assert UNICODE.sparkline((0.0,) * 15, 4, steps=60) == "   ▁"
    assert ASCII.sparkline((None,) * 15 + (0.0,) * 15, 4, steps=60) == "   ."


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=200),
    st.integers(1, 120),
    st.one_of(st.none(), st.integers(1, 200)),
)
def test_resampling_never_makes_up_a_value(points: list[float | None], cells: int, steps: int | None) -> None:
    drawn = resampled(points, cells, steps)
    assert len(drawn) == cells
    known = [point for point in points[-(steps or len(points) or 1) :] if point is not None]
    for cell in drawn:
        assert cell is None or min(known) - 1e-9 <= cell <= max(known) + 1e-9
    if known and (steps or len(points)) <= cells:
        assert any(cell is not None for cell in drawn), "what is known is somewhere"


def drawn(
    width: int = 80, *, mark: float | None = NOW - 600, points: tuple[float | None, ...] = ()
) -> list[str]:
    points = points or (0.0,) * 30 + (None,) * 10 + (0.3,) * 20
    rows = trend(look(), width, 3, points, 0.05, begin=NOW - HOUR, end=NOW, mark=mark)
    assert {row.strip.cell_length for row in rows} == {width}
    return [row.text.rstrip() for row in rows]


def test_the_axis_has_clocks_at_its_ends_and_at_the_begin_of_the_alert() -> None:
    clocks, *rows = drawn()
    assert clocks == "         13:03                                      13:53 ┆    14:03", (
        "left, where room is"
    )
    assert "┆ 13:33    " in drawn(mark=NOW - 1_800)[0]
    column = clocks.index("┆")
    assert len(rows) == 3
    assert rows[0].startswith("    30%")
    assert rows[2].endswith("threshold")
    assert rows[0][column] == "█", "what is known stands before the mark"
    assert rows[2][9:39] == "▁" * 30, "zero stands on the floor"
    assert "▁" not in rows[2][40:49], "a gap is no zero"


def test_the_mark_is_drawn_where_nothing_else_is() -> None:
    rows = drawn(points=(0.0,) * 60)
    column = rows[0].index("┆")
    assert [row[column] for row in rows[1:3]] == ["┆", "┆"]
    early, late = drawn(mark=NOW - HOUR), drawn(mark=NOW)
    assert early[0].count(":") == 2, "clocks do not touch"
    assert late[0].endswith("14:03 ┆")
    assert "┆" not in "".join(drawn(mark=NOW + 5) + drawn(mark=NOW - 2 * HOUR) + drawn(mark=None))


def test_a_short_span_has_seconds_and_an_old_one_its_day() -> None:
    rows = trend(look(), 80, 2, (0.1,) * 9, None, begin=NOW - 120, end=NOW)
    assert rows[0].text.split() == ["14:01:27", "14:03:27"]
    rows = trend(look(), 80, 2, (0.1,) * 9, None, begin=NOW - 30 * HOUR, end=NOW)
    assert rows[0].text.split() == ["03-01", "08:03", "14:03"]


@pytest.mark.parametrize("width", [60, 80, 133])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_it_keeps_its_width_at_any_size(width: int, ascii_only: bool) -> None:
    for at in range(0, 3_600, 97):
        rows = trend(
            look(ascii_only=ascii_only),
            width,
            4,
            (0.1, None, 0.4) * 9,
            0.05,
            begin=NOW - HOUR,
            end=NOW,
            mark=NOW - at,
        )
        assert {row.strip.cell_length for row in rows} == {width}
        assert not ascii_only or all(row.text.isascii() for row in rows)
