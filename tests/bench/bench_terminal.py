"""What the terminal side costs, against an empty Textual app in the same run.

``python -m pytest tests/bench/bench_terminal.py -s`` prints the table. It asserts only ratios and byte
counts, which do not depend on how fast the machine is.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.meter import Idle, Keys, Start, measure_idle, measure_keys, measure_start
from support.pty import Terminal

APPS = Path(__file__).parent / "apps"
STARTS = 5
SIZE = (120, 40)

pytestmark = pytest.mark.bench


@dataclass(frozen=True, slots=True)
class Figures:
    start: Start
    ready: float
    idle: Idle
    keys: Keys
    quit: float


def measure(app: str) -> Figures:
    argv = [sys.executable, str(APPS / app)]
    ready = []
    for _ in range(STARTS - 1):
        with Terminal(argv, size=SIZE) as terminal:
            ready.append(terminal.wait_for(r"\d\d:\d\d:\d\d") - terminal.started)
            terminal.send("q")
            terminal.wait_exit()
    with Terminal(argv, size=SIZE) as terminal:
        start = measure_start(terminal, r"\d\d:\d\d:\d\d")
        idle = measure_idle(terminal, 10)
        keys = measure_keys(terminal, ["down"])
        at = terminal.send("q")
        terminal.process.wait(10)
        import time

        gone = time.perf_counter() - at
    return Figures(start, statistics.median([*ready, start.ready]), idle, keys, gone)


def row(name: str, figures: Figures) -> str:
    start, idle, keys = figures.start, figures.idle, figures.keys
    return (
        f"| {name} | {figures.ready:.3f} | {start.bytes_to_rest:,} | {idle.bytes:.0f} | {100 * idle.cpu:.2f}"
        f" | {idle.wakeups:.1f} | {idle.rss / 2**20:.1f} | {1000 * keys.median:.1f} ({1000 * keys.p95:.1f})"
        f" | {keys.bytes:.0f} | {figures.quit:.3f} |"
    )


def test_the_base_class_costs_less_than_plain_textual() -> None:
    plain, quiet = measure("empty_textual.py"), measure("empty_quiet.py")
    print(
        "\n| app | paint s | B to rest | idle B/s | CPU % | wakeups/s"
        " | RSS MiB | key ms (p95) | B/key | quit s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    print(row("empty Textual", plain))
    print(row("empty, our base", quiet))
    assert quiet.ready < 1.3 * plain.ready
    assert quiet.start.bytes_to_rest < plain.start.bytes_to_rest
    assert quiet.idle.bytes < 0.6 * plain.idle.bytes
    assert quiet.idle.wakeups < 0.6 * plain.idle.wakeups
    assert quiet.idle.clears == 0
    assert quiet.keys.unanswered == 0
    assert quiet.keys.bytes < plain.keys.bytes
