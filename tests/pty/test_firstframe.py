"""Line 1 stands before anything heavy is loaded, and goes again without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.pty import Terminal

APP = [sys.executable, str(Path(__file__).parent / "apps" / "first_frame.py")]
LINE = rf"^wfmon  {os.uname().nodename} · ops   starting…$"

pytestmark = pytest.mark.pty


def test_line_one_is_shown_and_taken_over_without_a_second_switch() -> None:
    with Terminal([*APP, "run"], size=(80, 24)) as terminal:
        terminal.wait_for(LINE)
        terminal.wait_for("^ready 0")
        terminal.settle(0.1)
        assert "starting" not in terminal.screen_text()
        assert terminal.bytes_since(0).count(b"\x1b[?1049h") == 1
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []


def test_a_failure_is_told_on_the_normal_screen() -> None:
    with Terminal([*APP, "fail"], size=(80, 24)) as terminal:
        assert terminal.wait_exit() == 2
        assert terminal.left_behind() == []
        assert terminal.screen_text().startswith("config.toml:3: windows.runs")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_the_start_restores(number: int) -> None:
    with Terminal([*APP, "wait"], size=(80, 24)) as terminal:
        terminal.wait_for(LINE)
        terminal.wait_until(lambda: "termios" in terminal.left_behind())
        terminal.signal(number)
        assert terminal.wait_exit() == 128 + number
        assert terminal.left_behind() == []


def test_keys_typed_meanwhile_are_not_echoed_and_not_lost() -> None:
    with Terminal([*APP, "run"], size=(80, 24)) as terminal:
        terminal.wait_until(lambda: "termios" in terminal.left_behind())
        terminal.write(b"pp")
        terminal.wait_for("^ready 2")
        assert terminal.row(0) == "ready 2"
        terminal.send("q")
        terminal.wait_exit()


@pytest.mark.parametrize("argv", [["check"], ["--help"], ["snapshot", "--json"], ["--config", "x", "doctor"]])
def test_nothing_is_shown_for_what_opens_no_screen(argv: list[str]) -> None:
    with Terminal([*APP, "fail", *argv], size=(80, 24)) as terminal:
        terminal.wait_exit()
        assert b"\x1b[?1049h" not in terminal.bytes_since(0)


def test_nothing_is_shown_without_a_terminal() -> None:
    done = subprocess.run([*APP, "fail"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout == b""


def test_ascii_where_the_terminal_has_no_utf_8() -> None:
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for extra, changes in (([], env), (["--ascii"], {})):
        with Terminal([*APP, "wait", *extra], size=(80, 24), env=changes) as terminal:
            terminal.wait_for(r"ops   starting\.\.\.$")


def test_it_loads_no_textual() -> None:
    code = "import wfmon.ui.firstframe, sys; print([m for m in sys.modules if m.split('.')[0] in HEAVY])"
    code = code.replace("HEAVY", "('textual', 'rich', 'asyncio', 'msgspec', 're')")
    shown = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    assert shown.stdout == "[]\n"
