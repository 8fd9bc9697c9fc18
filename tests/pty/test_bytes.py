"""What goes to the terminal, counted at its other end, is little enough for a thin line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.program import Program, json_lines
from support.pty import Terminal
from wfmon.demo.workload import Workload

pytestmark = pytest.mark.pty

SIZE = (120, 40)
SECONDS = 15.0
REST = 60_000  # bytes from the start until nothing moves but the clock
WATCHING = 2_000  # bytes a second
CLOCK_ONLY = 300


@pytest.fixture
def workload(tmp_path: Path) -> Iterator[Program]:
    with Workload(1, ()) as running:
        yield Program(tmp_path, ("--config", str(running.info.config)))


def rate(terminal: Terminal, seconds: float) -> float:
    """Bytes a second; waits on the clock because that is what is measured."""
    mark, began = terminal.mark(), time.perf_counter()
    time.sleep(seconds)
    return len(terminal.bytes_since(mark)) / (time.perf_counter() - began)


def test_watching_a_workload_sends_little_and_clears_nothing(workload: Program) -> None:
    with workload.terminal(size=SIZE) as terminal:
        terminal.wait_for(r"3/3 sources[\s\S]*invoice_extract +[≥\d]", 60)
        terminal.settle(0.3, 30)
        assert len(terminal.bytes_since(0)) <= REST
        clears = terminal.emulator.clears
        assert rate(terminal, SECONDS) <= WATCHING
        assert terminal.emulator.clears == clears
        terminal.send("q")
        assert terminal.wait_exit() == 0


def test_a_world_that_stands_still_costs_only_the_clock(tmp_path: Path) -> None:
    now = time.time()
    log = tmp_path / "quiet.jsonl"
    log.write_bytes(
        json_lines(
            [
                {"timestamp": now - 30 + n, "workflow": f"wf{n % 5}", "run_id": f"r{n}", "status": "success"}
                for n in range(30)
            ]
        )
    )
    with Program(tmp_path).terminal("--no-host", "--logs", str(log), size=SIZE) as terminal:
        terminal.wait_for(r"1/1 source[\s\S]*wf1 +[≥\d]", 60)
        terminal.settle(0.3, 30)
        clears = terminal.emulator.clears
        sent = rate(terminal, SECONDS)
        assert 0 < sent <= CLOCK_ONLY, "the clock moves, nothing else"
        assert terminal.emulator.clears == clears
