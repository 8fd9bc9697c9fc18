"""The terminal is given back and the program ends, on every way out and whatever hangs."""

from __future__ import annotations

import re
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.pty import Terminal

APPS = Path(__file__).parent / "apps"
WAYS_OUT = [sys.executable, str(APPS / "ways_out.py")]
PROMPT_END = 3.0  # seconds a loaded machine may take for what takes 0.1 s, or 0.7 s when the app hangs

SWITCHED_ON = {
    *("alt-screen", "mouse", "bracketed-paste", "focus-events", "kitty-keyboard"),
    *("cursor-hidden", "no-autowrap", "termios"),
}

pytestmark = pytest.mark.pty


def key(name: str) -> Callable[[Terminal], object]:
    return lambda terminal: terminal.send(name)


def signalled(number: int) -> Callable[[Terminal], object]:
    return lambda terminal: terminal.signal(number)


WAYS = {
    "q": (key("q"), 0),
    "ctrl-c": (key("ctrl-c"), 130),
    "SIGINT": (signalled(signal.SIGINT), 130),
    "SIGTERM": (signalled(signal.SIGTERM), 143),
    "SIGHUP": (signalled(signal.SIGHUP), 129),
    "crash": (key("x"), 1),
}


def ready(terminal: Terminal) -> None:
    terminal.wait_for("ready 0")
    terminal.settle(0.1)


@pytest.mark.parametrize("way", WAYS)
def test_ends_and_restores(way: str) -> None:
    act, code = WAYS[way]
    with Terminal(WAYS_OUT, size=(80, 24)) as terminal:
        ready(terminal)
        assert set(terminal.left_behind()) >= SWITCHED_ON
        act(terminal)
        assert terminal.wait_exit() == code
        assert terminal.left_behind() == []
        assert "ready" not in terminal.screen_text()


@pytest.mark.parametrize("hang", ["h", "t"])
@pytest.mark.parametrize("way", ["q", "SIGTERM", "crash"])
def test_threads_that_hang_hold_nobody_up(hang: str, way: str) -> None:
    act, code = WAYS[way]
    with Terminal(WAYS_OUT, size=(80, 24)) as terminal:
        ready(terminal)
        terminal.send(hang)
        terminal.wait_for("ready 1")
        began = time.perf_counter()
        act(terminal)
        assert terminal.wait_exit() == code
        assert time.perf_counter() - began < PROMPT_END
        assert terminal.left_behind() == []


def test_an_exit_that_waits_for_threads_is_cut_short() -> None:
    """The interpreter's own exit would join the hung executor thread for 20 s."""
    with Terminal([*WAYS_OUT, "--no-end"], size=(80, 24)) as terminal:
        ready(terminal)
        terminal.send("h")
        terminal.wait_for("ready 1")
        began = time.perf_counter()
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert time.perf_counter() - began < PROMPT_END
        assert terminal.left_behind() == []


@pytest.mark.parametrize("way", ["ctrl-c", "SIGTERM", "SIGINT"])
def test_a_blocked_loop_holds_nobody_up(way: str) -> None:
    act, code = WAYS[way]
    with Terminal(WAYS_OUT, size=(80, 24)) as terminal:
        ready(terminal)
        terminal.send("p")
        terminal.wait_for("ready 1")
        terminal.send("b")
        began = time.perf_counter()
        act(terminal)
        assert terminal.wait_exit() == code
        assert time.perf_counter() - began < PROMPT_END
        assert terminal.left_behind() == []


# Only the leader of a session is told of a hang-up; behind a shell that stays, the app is not.
BEHIND_A_SHELL = ["/bin/sh", "-c", f"trap '' HUP; {shlex.join(WAYS_OUT)}; exit $?"]


@pytest.mark.parametrize("argv", [WAYS_OUT, BEHIND_A_SHELL], ids=["SIGHUP", "no signal"])
@pytest.mark.parametrize("blocked", [False, True], ids=["running", "blocked"])
def test_a_lost_terminal_ends_it(argv: list[str], blocked: bool) -> None:
    with Terminal(argv, size=(80, 24)) as terminal:
        ready(terminal)
        if blocked:
            terminal.send("b")
        began = time.perf_counter()
        terminal.hang_up()
        assert terminal.wait_exit() == 129
        assert time.perf_counter() - began < PROMPT_END


@pytest.mark.parametrize("way", ["SIGTERM", "ctrl-c", "crash"])
def test_a_terminal_that_takes_no_output_holds_nobody_up(way: str) -> None:
    """A hung link: the program still ends at once. Its last bytes cannot arrive, its settings can."""
    with Terminal([*WAYS_OUT, "--no-end"], size=(120, 40)) as terminal:
        ready(terminal)
        terminal.send("f")
        terminal.wait_for("[a-h]{80}")
        terminal.stop_reading()
        time.sleep(0.5)  # of output that nobody takes: more than the pty holds
        act, code = WAYS[way]
        act(terminal)
        began = time.perf_counter()
        assert terminal.process.wait(10) == code
        assert time.perf_counter() - began < PROMPT_END
        assert "termios" not in terminal.left_behind()


def test_a_crash_is_told_without_secrets_and_escapes() -> None:
    with Terminal(WAYS_OUT, size=(200, 60)) as terminal:
        ready(terminal)
        terminal.send("x")
        assert terminal.wait_exit() == 1
        shown = terminal.screen_text()
        assert "Traceback" in shown
        assert "action_crash" in shown
        assert "RuntimeError: password=<redacted> ␛]0;PWNED␇" in shown
        assert "hunter2" not in shown
        assert "sk-live" not in shown
        assert terminal.emulator.osc == []


def test_ctrl_z_gives_the_shell_its_terminal_and_fg_draws_again() -> None:
    command = shlex.join(WAYS_OUT)
    with Terminal(["/bin/bash", "--norc", "-i"], size=(80, 24), env={"PS1": "shell> "}) as terminal:
        terminal.wait_for(r"shell>$")
        terminal.type(f"{command}; echo code $?")
        terminal.send("enter")
        ready(terminal)
        terminal.send("p")
        terminal.wait_for("ready 1")
        terminal.send("ctrl-z")
        terminal.wait_for(r"Stopped")
        terminal.wait_for(r"shell>$")
        assert terminal.emulator.left_on() == ["bracketed-paste"]  # the shell's own
        assert "ready" not in terminal.screen_text()
        terminal.type("fg")
        terminal.send("enter")
        terminal.wait_for("^ready 1 *$")
        terminal.send("p")
        terminal.wait_for("ready 2")
        terminal.send("q")
        terminal.wait_for(r"shell>$")
        assert set(terminal.emulator.left_on()) <= {"bracketed-paste"}


def test_a_stop_that_nobody_announced_is_repaired() -> None:
    with Terminal(WAYS_OUT, size=(80, 24)) as terminal:
        ready(terminal)
        for _ in range(40):  # any of the process's threads may be given the signal to go on
            terminal.freeze()
            terminal.scribble(b"\x1b[2J\x1b[Hsomebody else")
            terminal.wait_for("somebody else")
            terminal.signal(signal.SIGCONT)
            terminal.wait_for("^ready 0")
            terminal.wait_gone("somebody")
        terminal.send("p")
        terminal.wait_for("ready 1")
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []


def test_no_mode_is_asked_for_twice_and_nothing_is_cleared() -> None:
    with Terminal(WAYS_OUT, size=(80, 24)) as terminal:
        ready(terminal)
        output = terminal.bytes_since(0)
        assert output.count(b"\x1b[?1049h") == 1
        assert terminal.emulator.clears == 0
        terminal.send("q")
        terminal.wait_exit()
        assert re.findall(rb"\x1b\[\?1049l", terminal.bytes_since(0)) == [b"\x1b[?1049l"]
