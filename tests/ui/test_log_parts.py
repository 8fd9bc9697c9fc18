"""The parts that a log is read with, each by itself: what is loaded, where one is, how it is drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from support.logdoors import BYTES, line, numbered
from support.screen import look
from wfmon.model.log import Level, LogLine, LogPage, Mark
from wfmon.text.sanitize import safe
from wfmon.ui.logs.buffer import LogBuffer
from wfmon.ui.logs.drawing import Layout, LogRows, Shown, Stamp, columns, height
from wfmon.ui.logs.search import Matches, Pattern
from wfmon.ui.logs.viewport import Viewport

LOOK = look()


def page(lines: list[LogLine], **fields: object) -> LogPage:
    made = LogPage(tuple(lines), start=((0, lines[0].offset),), end=((0, lines[-1].end),), at_end=True)
    return replace(made, **fields)  # type: ignore[arg-type]


def loaded(lines: list[LogLine], most: int = 5_000) -> LogBuffer:
    buffer = LogBuffer(most)
    buffer.replace(page(lines))
    return buffer


def test_serial_numbers_stay_while_lines_come_and_go() -> None:
    lines = numbered(100)
    buffer = loaded(lines[40:60], most=30)
    here = buffer.first + 10
    assert buffer[here] is lines[50]
    buffer.prepend(page(lines[30:40], at_end=False), here)
    assert buffer[here] is lines[50]
    buffer.append(page(lines[60:70]), here)
    assert buffer[here] is lines[50]
    assert len(buffer) == 30


@given(
    steps=st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.booleans()), max_size=30),
    most=st.integers(10, 50),
)
def test_what_is_loaded_is_always_one_stretch_and_its_ends_are_where_reading_goes_on(
    steps: list[tuple[bool, int, bool]], most: int
) -> None:
    lines = numbered(300, errors=range(0, 300, 7))
    buffer = loaded(lines[140:150], most)
    buffer.live = False
    for before, count, near_start in steps:
        near = buffer.first if near_start else buffer.stop
        (_, start), (_, end) = buffer.start[0], buffer.end[0]
        if before and start:
            low = max(0, start // BYTES - count)
            buffer.prepend(page(lines[low : start // BYTES], at_start=low == 0), near)
        elif not before and end < 300 * BYTES:
            high = min(300, end // BYTES + count)
            buffer.append(page(lines[end // BYTES : high], at_end=high == 300), near)
        held = [buffer[serial] for serial in range(buffer.first, buffer.stop)]
        first = lines.index(held[0])
        assert held == lines[first : first + len(held)]
        assert len(held) <= most
        assert buffer.start == ((0, held[0].offset),)
        assert buffer.end == ((0, held[-1].end),)
        assert buffer.errors == sum(one.level >= Level.ERROR for one in held)
        assert not buffer.at_start or first == 0
        assert not buffer.live or held[-1] is lines[-1]


def test_a_new_attempt_that_comes_while_following_is_marked_once() -> None:
    def tried(number: int, attempt: int) -> LogLine:
        return line(number, attempt=attempt, step="extract", run="r1")

    buffer = loaded([tried(0, 1)])
    buffer.append(page([tried(1, 1)]), 0)
    buffer.append(page([tried(2, 2)]), 0)
    told = replace(tried(4, 3), mark=Mark.ATTEMPT, message="attempt 3")
    buffer.append(page([tried(3, 2), told, tried(4, 3)]), 0)
    messages = [buffer[n].message for n in range(buffer.first, buffer.stop) if buffer[n].mark is Mark.ATTEMPT]
    assert messages == ["attempt 2", "attempt 3"]
    assert buffer.marks == 2


@given(
    rows=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    height_=st.integers(1, 25),
    moves=st.lists(
        st.tuples(st.sampled_from(["move", "page", "scroll", "go"]), st.integers(-40, 40)), max_size=20
    ),
)
def test_the_window_is_full_and_holds_the_cursor(
    rows: list[int], height_: int, moves: list[tuple[str, int]]
) -> None:
    buffer = loaded(numbered(len(rows)))
    view = Viewport(buffer, lambda serial: rows[serial - buffer.first])
    every = [(buffer.first + n, row) for n, count in enumerate(rows) for row in range(count)]
    for move, by in moves:
        before = view.cursor
        if move == "go":
            view.go(buffer.first + by % len(rows))
        else:
            getattr(view, move)(by)
        spots = view.window(height_)
        assert len(spots) == min(height_, len(every))
        at = every.index(spots[0])
        assert spots == every[at : at + len(spots)]
        assert view.cursor in spots
        if move == "move" and before in every:
            wanted = max(0, min(len(every) - 1, every.index(before) + by))
            assert view.cursor == every[wanted]


@given(
    texts=st.lists(st.sampled_from(["a b", "B", "xa", "", "ba a"]), min_size=1, max_size=20),
    growth=st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=10),
    wanted=st.sampled_from(["a", "b", "B", "q"]),
)
def test_matches_are_those_of_a_full_look(
    texts: list[str], growth: list[tuple[bool, int]], wanted: str
) -> None:
    lines = [line(n, text or "-") for n, text in enumerate(texts * 10)]
    middle = len(lines) // 2
    buffer = loaded([lines[middle]], most=15)
    matches = Matches(Pattern(wanted))
    low = high = middle
    for before, count in growth:
        matches.refresh(buffer)
        if before and low:
            buffer.prepend(page(lines[max(0, low - count) : low]), buffer.first)
        elif not before and high + 1 < len(lines):
            buffer.append(page(lines[high + 1 : high + 1 + count]), buffer.stop)
        low, high = lines.index(buffer[buffer.first]), lines.index(buffer[buffer.stop - 1])
    matches.refresh(buffer)
    found = [n for n in range(buffer.first, buffer.stop) if Pattern(wanted).holds(buffer[n])]
    assert len(matches) == len(found)
    for serial in range(buffer.first - 1, buffer.stop + 1):
        assert matches.after(serial) == next((n for n in found if n > serial), None)
        assert matches.before(serial) == next((n for n in reversed(found) if n < serial), None)


def layout(width: int, *, wrap: bool = False, shift: int = 0, stamp: Stamp = Stamp.CLOCK) -> Layout:
    step, run = columns(width, 7, 8)
    return Layout(LOOK, width, stamp, wrap, shift, step, run)


@given(
    text=st.text(max_size=200),
    detail=st.lists(st.text(max_size=60), max_size=4),
    width=st.integers(60, 160),
    wrap=st.booleans(),
    shift=st.integers(0, 200),
    opened=st.booleans(),
    stamp=st.sampled_from(Stamp),
    wanted=st.text(min_size=1, max_size=3),
)
def test_every_row_of_any_text_has_its_width(
    text: str, detail: list[str], width: int, wrap: bool, shift: int, opened: bool, stamp: Stamp, wanted: str
) -> None:
    shown = line(0, safe(text) or "-", Level.ERROR, step="extract", run="run-9f31")
    shown = replace(shown, detail=tuple(safe(row) for row in detail))
    drawn = layout(width, wrap=wrap, shift=0 if wrap else shift, stamp=stamp)
    rows = LogRows().rows(0, shown, drawn, Shown(opened, None, Pattern(safe(wanted))), 0)
    assert len(rows) == height(shown, drawn, opened)
    for row in rows:
        assert row.strip.cell_length == width
        assert cell_len(row.text) == width


@given(words=st.lists(st.text(alphabet="abc漢é", min_size=1, max_size=90), min_size=1, max_size=20))
def test_wrapping_loses_nothing_but_spaces(words: list[str]) -> None:
    text = " ".join(words)
    drawn = layout(80, wrap=True)
    rows = LogRows().rows(0, line(0, text), drawn, Shown(False, None, None), None)
    joined = "".join(row.text[drawn.message if n else 0 :].strip() for n, row in enumerate(rows))
    assert joined.replace(" ", "").endswith(text.replace(" ", ""))


def test_rows_are_kept_until_something_in_them_changes() -> None:
    kept, shown = LogRows(), Shown(False, None, None)
    one = line(0)
    rows = kept.rows(0, one, layout(80), shown, None)
    assert kept.rows(0, one, layout(80), shown, None) is rows
    assert kept.rows(0, one, layout(81), shown, None) is not rows
    assert kept.rows(0, one, layout(80), shown, 0) is not rows
    assert kept.rows(0, line(0), layout(80), Shown(False, None, Pattern("line")), None) is not rows


@pytest.mark.parametrize(("width", "wanted"), [(60, (7, 0)), (80, (7, 0)), (100, (7, 8)), (200, (7, 8))])
def test_columns_leave_room_for_the_message(width: int, wanted: tuple[int, int]) -> None:
    assert columns(width, 7, 8) == wanted
