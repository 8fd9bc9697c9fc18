"""The frame writer through a real pty: the same picture, hostile text, foreign bytes, few bytes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from support.pty import Terminal

APPS = Path(__file__).parent / "apps"
BUSY = [sys.executable, str(APPS / "busy.py")]
HOSTILE = [sys.executable, str(APPS / "hostile.py")]
UNKNOWN_TEXTUAL = "99.0.0"

pytestmark = pytest.mark.pty


def run_busy(seed: str, *release: str) -> int:
    """Bytes of a busy run, in which what was drawn bit by bit is the same as when drawn anew."""
    with Terminal([*BUSY, seed, "50", *release], size=(100, 30)) as terminal:
        terminal.wait_for("^done", timeout=30)
        terminal.settle(0.3)
        picture, mark = terminal.cells(), terminal.mark()
        sent = len(terminal.bytes_since(0))
        terminal.scribble(b"\x1b[3;3HBroadcast message\x1b[4h")
        terminal.send("ctrl-l")
        terminal.wait_until(lambda: len(terminal.bytes_since(mark)) > 1000)
        terminal.settle(0.2)
        assert terminal.cells() == picture
        terminal.send("ctrl-c")
        assert terminal.wait_exit() == 130
        return sent


@pytest.mark.parametrize("seed", ["1", "2"])
def test_fewer_bytes_than_without(seed: str) -> None:
    assert run_busy(seed) < run_busy(seed, UNKNOWN_TEXTUAL) / 2


ALLOWED = re.compile(rb"\x1b\[[0-9;?<>]*[A-Za-z]|\x1b\[\?2026\$p|\x1b\\|\x1b\(B|\x0f|\r|\n")


FORBIDDEN = (
    *(b"\x1b]", b"\x1bc", b"\x1b[2J", b"\xc2\x9b", b"\xc2\x9d", b"\x00", b"\x07", b"\x08", b"\x0e", b"\x7f"),
    *("\u202e".encode(), "\u200b".encode(), "\u2028".encode(), b"evil/link"),
)


@pytest.mark.parametrize("release", [[], [UNKNOWN_TEXTUAL]], ids=["known", "unknown"])
def test_no_control_character_of_a_text_reaches_the_terminal(release: list[str]) -> None:
    with Terminal([*HOSTILE, *release], size=(80, 24)) as terminal:
        terminal.wait_for("<ready>")
        terminal.settle(0.2)
        output = terminal.bytes_since(0)
        rows = [terminal.row(y) for y in range(10)]
        terminal.send("ctrl-c")
        terminal.wait_exit()
    assert terminal.emulator.osc == []
    assert terminal.emulator.clears == 0
    for forbidden in FORBIDDEN:
        assert forbidden not in output
    rest = ALLOWED.sub(b"", output).decode()
    assert rest.isprintable()
    assert rows[0].startswith("<�]0;PWNED")
    assert rows[5].startswith("<�c")


@pytest.mark.parametrize("noise", [b"\x1b[5;5HBroadcast message", b"\x1b[2J\x1b[31;1m", b"\x1b(0\x1b[4h"])
def test_foreign_bytes_are_healed_by_ctrl_l(noise: bytes) -> None:
    with Terminal([sys.executable, str(APPS / "ways_out.py")], size=(80, 24)) as terminal:
        terminal.wait_for("ready 0")
        terminal.settle(0.1)
        picture = terminal.cells()
        terminal.scribble(noise)
        terminal.settle(0.1)
        mark = terminal.mark()
        terminal.send("ctrl-l")
        terminal.wait_until(lambda: len(terminal.bytes_since(mark)) > 500)
        terminal.settle(0.1)
        assert terminal.cells() == picture
        assert b"\x1b[2J" not in terminal.bytes_since(mark)


def test_foreign_bytes_are_healed_when_nobody_touches_a_key() -> None:
    code = "import wfmon.ui.terminal as t, runpy, sys; t.HEAL_AFTER = t._HEAL_PAUSE = 0.3; "
    code += f"runpy.run_path({str(APPS / 'ways_out.py')!r}, run_name='__main__')"
    with Terminal([sys.executable, "-c", code], size=(80, 24)) as terminal:
        terminal.wait_for("ready 0")
        terminal.settle(0.1)
        picture = terminal.cells()
        terminal.scribble(b"".join(b"\x1b[%d;20HBroadcast" % row for row in (1, 12, 24)))
        terminal.wait_for("Broadcast")
        terminal.wait_until(lambda: terminal.emulator.cells() == picture)
        assert terminal.emulator.clears == 0


def test_resizing_live_paints_every_size() -> None:
    with Terminal([*BUSY, "3", "1"], size=(80, 24)) as terminal:
        terminal.wait_for("^done")
        for columns, lines in ((120, 40), (60, 15), (200, 60), (80, 24)):
            terminal.resize(columns, lines)
            terminal.wait_for("one +two")
            terminal.settle(0.2)
        assert terminal.emulator.clears == 0
        assert terminal.row(0).startswith("done")


def test_one_changed_character_costs_a_few_bytes() -> None:
    with Terminal([sys.executable, str(APPS / "ways_out.py")], size=(120, 40)) as terminal:
        terminal.wait_for("ready 0")
        terminal.settle(0.2)
        mark = terminal.mark()
        terminal.send("p")
        terminal.wait_for("ready 1")
        terminal.settle(0.2)
        assert len(terminal.bytes_since(mark)) <= 50
