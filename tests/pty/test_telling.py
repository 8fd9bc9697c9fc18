"""Bell, notification and title at a real terminal: sent when they should be, and everything given back."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.pty import Terminal

APP = [sys.executable, str(Path(__file__).parent / "apps" / "telling.py")]
BEFORE = "as it was"
FINE = "✓ all is well · prod-ai-01"
OUTSIDE_TMUX: dict[str, str | None] = {"TMUX": None, "TERM_PROGRAM": None}
FOCUS_IN, FOCUS_OUT = b"\x1b[I", b"\x1b[O"

pytestmark = pytest.mark.pty


def screen(*words: str) -> Terminal:
    return Terminal([*APP, *words], size=(80, 24), env=OUTSIDE_TMUX)


def titled(terminal: Terminal, words: str) -> None:
    terminal.wait_until(lambda: terminal.emulator.title == words, what=f"the title {words!r}")


def refresh(terminal: Terminal, alerts: int) -> None:
    """One more alert; wait until its refresh was answered, and so told of or not."""
    terminal.send("r")
    terminal.wait_for(f"{alerts} told")
    terminal.settle(0.1)


def notified(terminal: Terminal) -> list[str]:
    return [one for one in terminal.emulator.osc if not one.startswith("0;")]


def test_a_new_alert_is_told_and_what_it_says_harms_nothing() -> None:
    with screen() as terminal:
        titled(terminal, FINE)
        assert terminal.emulator.bells == 0
        assert notified(terminal) == []
        refresh(terminal, 1)
        assert terminal.emulator.bells == 1
        said = "wfmon prod-ai-01: warning: w0evil␛]0,PWNED␇,x: $4.20/h, 3.1x usual"
        assert notified(terminal) == [f"9;{said}", f"777;notify;{said.replace(': ', ';', 1)}"]
        titled(terminal, "▲ w0evil␛]0,PWNED␇,x: $4.20/h · prod-ai-01")
        refresh(terminal, 2)
        assert terminal.emulator.bells == 2
        assert "PWNED" not in re.sub(r"␛\]0,PWNED␇|�\]0;PWNED�", "", terminal.screen_text())
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.emulator.title == BEFORE


def test_not_while_the_terminal_reports_the_focus() -> None:
    with screen() as terminal:
        titled(terminal, FINE)
        assert terminal.emulator.modes[1004]
        terminal.write(FOCUS_IN)
        refresh(terminal, 1)
        assert terminal.emulator.bells == 0
        terminal.write(FOCUS_OUT)
        refresh(terminal, 2)
        assert terminal.emulator.bells == 1
        assert len(notified(terminal)) == 2
        assert "w1evil" in notified(terminal)[0]


def test_also_when_the_screen_is_paused() -> None:
    with screen() as terminal:
        titled(terminal, FINE)
        terminal.send("p")
        terminal.wait_for("PAUSED")
        refresh(terminal, 1)
        assert terminal.emulator.bells == 1
        terminal.wait_for("1 new alert")


def test_switched_off_it_sends_nothing() -> None:
    with screen("off") as terminal:
        terminal.wait_for("all is well")
        refresh(terminal, 1)
        terminal.wait_for("1 firing")
        assert terminal.emulator.osc == []
        assert terminal.emulator.bells == 0
        assert b"\x1b[22;0t" not in terminal.bytes_since(0)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert b"\x1b[23;0t" not in terminal.bytes_since(0), "it would take another's"


def key(name: str) -> Callable[[Terminal], object]:
    return lambda terminal: terminal.send(name)


def signalled(number: int) -> Callable[[Terminal], object]:
    return lambda terminal: terminal.signal(number)


WAYS = {
    "q": (key("q"), 0),
    "ctrl-c": (key("ctrl-c"), 130),
    "SIGTERM": (signalled(signal.SIGTERM), 143),
    "SIGHUP": (signalled(signal.SIGHUP), 129),
    "crash": (key("r"), 1),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_title_comes_back_on_every_way_out(way: str) -> None:
    act, code = WAYS[way]
    with screen(way) as terminal:
        titled(terminal, FINE)
        assert terminal.emulator.titles_kept == [BEFORE]
        act(terminal)
        assert terminal.wait_exit() == code
        assert terminal.emulator.title == BEFORE
        assert terminal.emulator.titles_kept == []
        assert terminal.left_behind() == []


def test_ctrl_z_gives_the_title_back_and_fg_takes_it_again() -> None:
    with Terminal(
        ["/bin/bash", "--norc", "-i"], size=(80, 24), env={**OUTSIDE_TMUX, "PS1": "shell> "}
    ) as terminal:
        terminal.wait_for(r"shell>$")
        terminal.type(shlex.join(APP))
        terminal.send("enter")
        titled(terminal, FINE)
        terminal.write(FOCUS_IN)
        terminal.send("ctrl-z")
        terminal.wait_for(r"Stopped")
        terminal.wait_for(r"shell>$")
        assert terminal.emulator.title == BEFORE
        assert terminal.emulator.left_on() == ["bracketed-paste"]
        terminal.type("fg")
        terminal.send("enter")
        titled(terminal, FINE)
        refresh(terminal, 1)
        assert terminal.emulator.bells == 1, "what was reported of the focus before is not true any more"
        terminal.send("q")
        terminal.wait_for(r"shell>$")
        assert terminal.emulator.title == BEFORE
        assert terminal.emulator.titles_kept == []


def test_after_a_stop_that_nobody_announced_the_title_is_ours_and_comes_back() -> None:
    with screen() as terminal:
        titled(terminal, FINE)
        terminal.freeze()
        terminal.scribble(b"\x1b]0;a shell\x07")
        titled(terminal, "a shell")
        terminal.signal(signal.SIGCONT)
        titled(terminal, FINE)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.emulator.title == BEFORE
        assert terminal.left_behind() == []
