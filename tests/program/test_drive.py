"""The drive: from the start to the error line, to the ack and out, over a real workload in a real pty."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from support.program import Program
from support.pty import Terminal
from support.waiting import wait_until

pytestmark = pytest.mark.pty

ALERT = r"^[✖▲] failure_rate +invoice_extract"
TAKEN = r"^◆ failure_rate +invoice_extract.*acked joe"
STARTED, BURST = 30.0, 90.0  # seconds that the start and the first alert may take


@contextmanager
def demo(home: Program, size: tuple[int, int]) -> Iterator[Terminal]:
    """The demo with an error burst; sees to it that nothing of it is left."""
    temporary = home.folder / "tmp"
    temporary.mkdir()
    with home.terminal(
        "demo", "--incident", "error-burst", "--seed", "3", size=size, env={"TMPDIR": str(temporary)}
    ) as terminal:
        terminal.wait_for(r"^ +WORKFLOW", STARTED)
        wait_until(lambda: len(children(terminal)) >= 5, timeout=STARTED, message="the workers are up")
        family = children(terminal)
        (folder,) = temporary.iterdir()
        yield terminal
        terminal.wait_exit()
        wait_until(lambda: not [one for one in family if alive(one)], message=f"the end of {family}")
        wait_until(lambda: not list(temporary.iterdir()), message=f"{folder} to go")


def children(terminal: Terminal) -> list[psutil.Process]:
    return psutil.Process(terminal.pid).children(recursive=True)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def first_row(terminal: Terminal, pattern: str) -> str:
    found = re.search(rf"{pattern}.*", terminal.screen_text(), re.M)
    assert found, terminal.screen_text()
    return found[0]


def test_from_the_start_to_the_error_line_to_the_ack_and_out(home: Program) -> None:
    with demo(replace(home, user="joe"), (120, 40)) as terminal:
        terminal.wait_for(ALERT, BURST)
        wait_until(lambda: failed_runs(home.folder) > 0, timeout=BURST, message="a failed run is logged")
        one_key_to_the_newest_error_line(terminal)
        terminal.resize(80, 24)
        terminal.wait_for(r"^[✖▲] invoice_extract fails \d+%")
        from_alert_to_run_to_error_line(terminal)
        back_to_operations(terminal)
        take_it_with_a_comment_and_give_it_back(terminal)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.left_behind() == []
        assert "invoice_extract" not in terminal.screen_text(), "the normal screen is back"
    assert os.listdir(home.folder) == ["tmp"], "the demo keeps its state with itself"


def one_key_to_the_newest_error_line(terminal: Terminal) -> None:
    terminal.send("e")
    terminal.wait_for(r"^✖ run-[0-9a-f]{8} · invoice_extract · failed")
    terminal.wait_for(r"▶ERROR .*(TimeoutError|ValidationError)")
    terminal.send("q")  # in a detail: back first
    terminal.wait_for(r"^wfmon .* · ops")
    terminal.wait_for(ALERT)


def from_alert_to_run_to_error_line(terminal: Terminal) -> None:
    terminal.send("enter")  # the cursor stands on the worst alert that nobody has
    terminal.wait_for(r"^[✖▲] failure_rate · invoice_extract")
    terminal.wait_for(r"─ Failing runs ─")
    terminal.wait_for(r"^✖ run-[0-9a-f]{8} .*(TimeoutError|ValidationError)")
    run = first_row(terminal, r"^✖ run-[0-9a-f]{8}").split()[1]
    terminal.send("enter")
    terminal.wait_for(rf"^✖ {run} · invoice_extract · failed")
    terminal.wait_for(r"─ Log ")
    terminal.send("e")
    terminal.wait_for(r"▶ERROR .*(TimeoutError|ValidationError)")
    terminal.send("enter")  # the line is opened: its traceback, its JSON
    terminal.wait_for(r"Traceback|\"run_id\"|\"level\"")
    terminal.send("esc")


def take_it_with_a_comment_and_give_it_back(terminal: Terminal) -> None:
    terminal.wait_for(ALERT)
    terminal.send("a")
    terminal.wait_for(r"comment")
    terminal.wait_for(TAKEN)  # stored before the comment is asked for
    terminal.type("looking at the 504s")
    terminal.send("enter")
    terminal.wait_for(r"comment saved")
    terminal.send("u")
    terminal.wait_gone(TAKEN)
    terminal.wait_for(ALERT)
    terminal.send("a")
    terminal.wait_for(r"comment")
    terminal.send("esc")  # a comment is optional
    terminal.wait_for(TAKEN)


def back_to_operations(terminal: Terminal) -> None:
    for _ in range(5):
        terminal.settle(0.3)
        if re.match(r"wfmon .* · ops", terminal.row(0)):
            return
        terminal.send("esc")
    raise AssertionError(terminal.screen_text())


def failed_runs(folder: Path) -> int:
    return sum(b'"status": "error"' in log.read_bytes() for log in folder.rglob("invoice_extract.jsonl"))
