"""Changes between pens lead from any pen to any other, and are never longer than starting anew."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st

from wfmon.ui.sgr import Pen, Pens, change, read_pen

ATTRIBUTES = st.frozensets(st.sampled_from(["1", "3", "4", "5", "7", "9"]))
BYTE = st.integers(0, 255)


def colours(base: int) -> st.SearchStrategy[str]:
    return st.one_of(
        st.just(""),
        st.builds(lambda code: str(base + code), st.integers(0, 7)),
        st.builds(lambda code: str(base + 60 + code), st.integers(0, 7)),
        st.builds(lambda code: f"{base + 8};5;{code}", BYTE),
        st.builds(lambda *rgb: f"{base + 8};2;{rgb[0]};{rgb[1]};{rgb[2]}", BYTE, BYTE, BYTE),
    )


PENS = st.builds(Pen, ATTRIBUTES, colours(30), colours(40))


def shown(*sequences: str) -> object:
    screen = pyte.Screen(4, 1)
    pyte.Stream(screen).feed("".join(sequences))
    return screen.cursor.attrs


def parameters(pen: Pen) -> str:
    return ";".join([*sorted(pen.on), *filter(None, (pen.fg, pen.bg))])


@given(PENS, PENS)
def test_a_change_leads_to_the_pen(before: Pen, after: Pen) -> None:
    anew = f"\x1b[0;{parameters(after)}m"
    step = change(before, after)
    assert shown(change(None, before), step) == shown(anew)
    assert shown("\x1b[1;3;31;44m", change(None, after)) == shown(anew)
    assert len(step) <= len(anew)


@given(PENS)
def test_a_pen_is_read_back_from_its_parameters(pen: Pen) -> None:
    assert read_pen(parameters(pen)) == pen


def test_bold_stays_when_dim_ends() -> None:
    both, bold = Pen(frozenset("12")), Pen(frozenset("1"))
    assert change(both, bold) in ("\x1b[22;1m", "\x1b[;1m")


def test_one_pen_has_one_number_however_it_is_written() -> None:
    pens = Pens()
    assert pens.number("1;31") == pens.number("31;1") != pens.number("")
    assert pens.number("39;49") == pens.number("") == 0
    assert pens.change(0, 0) == ""
