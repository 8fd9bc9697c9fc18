"""What is wanted is what an emulator shows, with the fewest bytes that are safe."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.emulator import Emulator
from wfmon.ui.screenmemory import ScreenMemory, add_cells, is_narrow

WIDTH, HEIGHT = 20, 4
PARAMETERS = ["", "1", "31", "38;2;1;2;3;48;2;9;9;9", "7;44"]
TEXTS = st.text(st.sampled_from("abc 012─▇…日本テ🚀"), max_size=WIDTH)


def cells_of(text: str) -> list[str]:
    cells: list[str] = []
    add_cells(cells, text)
    return cells


class Painted:
    def __init__(self) -> None:
        self.memory = ScreenMemory(WIDTH, HEIGHT)
        self.emulator = Emulator(WIDTH, HEIGHT)
        self.emulator.feed(b"\x1b[?7l")

    def put(self, y: int, x: int, text: str, parameters: str = "") -> None:
        cells = cells_of(text)
        self.memory.put(y, x, cells, [self.memory.pens.number(parameters)] * len(cells))

    def send(self) -> str:
        frame = self.memory.frame()
        self.emulator.feed(frame.encode())
        return frame


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, HEIGHT - 1),
            st.integers(0, WIDTH - 1),
            TEXTS,
            st.sampled_from(PARAMETERS),
            st.booleans(),
        ),
        max_size=25,
    )
)
def test_differences_lead_to_the_same_picture_as_painting_anew(
    changes: list[tuple[int, int, str, str, bool]],
) -> None:
    painted = Painted()
    for y in range(HEIGHT):
        painted.put(y, 0, " " * WIDTH)
    for y, x, text, parameters, send in changes:
        painted.put(y, x, text, parameters)
        if send:
            painted.send()
    painted.send()
    differences = painted.emulator.cells()
    painted.memory.forget()
    painted.emulator.feed(b"\x1b[m\x1b[2J")
    painted.send()
    assert differences == painted.emulator.cells()
    assert painted.send() == ""


def test_one_character_costs_a_move_and_itself() -> None:
    painted = Painted()
    painted.put(2, 0, "x" * WIDTH)
    painted.send()
    painted.put(2, 7, "y")
    assert painted.send() == "\x1b[3;8H\x1b[my"


def test_a_short_gap_is_sent_again_and_a_long_one_jumped_over() -> None:
    painted = Painted()
    painted.put(0, 0, "a" * WIDTH)
    painted.send()
    painted.put(0, 0, "b")
    painted.put(0, 3, "b")
    painted.put(0, 15, "b")
    assert painted.send() == "\x1b[H\x1b[mbaab\x1b[16Gb"


def test_blanks_at_the_end_are_erased_only_in_the_default_colours() -> None:
    painted = Painted()
    painted.put(0, 0, "x" * WIDTH)
    painted.put(1, 0, "x" * WIDTH)
    painted.send()
    painted.put(0, 3, " " * (WIDTH - 3))
    assert painted.send() == "\x1b[1;4H\x1b[m\x1b[K"
    painted.put(1, 3, " " * (WIDTH - 3), "44")
    assert "\x1b[K" not in painted.send()


@pytest.mark.parametrize("cluster", ["👩‍👧", "⚠️", "e\u0301\u0302", "🇩🇪", "क्षि", "한"])
def test_columns_behind_a_cluster_of_disputed_width_stay_in_place(cluster: str) -> None:
    """pyte draws some of these wider than Rich counts them: what follows must not move."""
    painted = Painted()
    behind = len(cells_of(cluster)) + 4
    painted.put(0, 0, " " * WIDTH)
    painted.put(0, 4, cluster + "12:00:01")
    painted.send()
    assert painted.emulator.row(0)[-8:] == "12:00:01"
    before = [cell.text for cell in painted.emulator.cells()[0][behind : behind + 8]]
    painted.put(0, behind + 7, "2")
    frame = painted.send()
    after = [cell.text for cell in painted.emulator.cells()[0][behind : behind + 8]]
    assert "".join(before) == "12:00:01"
    assert "".join(after) == "12:00:02"
    assert cluster in frame, "a row with such text is sent from there on, never in parts"


def test_a_halved_wide_character_is_blanked() -> None:
    painted = Painted()
    painted.put(0, 0, "日本語" + " " * 14)
    painted.put(0, 3, "x")
    painted.send()
    assert painted.emulator.row(0) == "日 x語"


def test_what_hangs_over_the_edge_is_cut() -> None:
    painted = Painted()
    painted.put(0, WIDTH - 1, "日x")
    painted.put(HEIGHT, 0, "outside")
    painted.put(0, WIDTH, "outside")
    painted.send()
    assert painted.emulator.text().strip() == ""


def test_a_resize_sends_all_that_is_wanted_and_fits() -> None:
    painted = Painted()
    painted.put(0, 0, "0123456789" * 2)
    painted.send()
    painted.memory.resize(10, 2)
    frame = painted.memory.frame()
    assert "0123456789" in frame
    assert "01234567890" not in frame


def test_many_colours_do_not_grow_without_end() -> None:
    painted = Painted()
    dice = random.Random(7)
    painted.put(0, 0, "a" * WIDTH, "38;2;1;2;3")
    painted.put(1, 0, "b" * WIDTH)
    painted.send()
    for _ in range(painted.memory.pens.LIMIT + 10):
        colour = f"48;2;{dice.randrange(256)};{dice.randrange(256)};{dice.randrange(256)}"
        painted.memory.pens.number(colour)
    painted.put(2, 0, "c" * WIDTH, "48;2;0;0;1")
    assert painted.memory.pens.full
    painted.memory.drop_unused_pens()
    assert not painted.memory.pens.full
    painted.put(0, 0, "a" * WIDTH, "38;2;1;2;3")
    assert painted.send() == "\x1b[3H\x1b[;48;2;0;0;1m" + "c" * WIDTH


def test_what_terminals_agree_on_is_narrow() -> None:
    assert is_narrow("plain ▇│─✖▲◆✓–…·≥⏎Ωλé�")
    for disputed in ("日", "🚀", "e\u0301", "\u200b", "ا", "\ue0b0", "🇩"):
        assert not is_narrow(disputed)
