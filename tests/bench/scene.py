"""What the benchmarks watch, and the program as a user has it: with its bytecode, in a home of its own."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.meter import cpu_seconds
from support.program import Program
from support.pty import Terminal

SIZE = (120, 40)
EMPTY = (sys.executable, str(Path(__file__).parent / "apps" / "empty_textual.py"))
EMPTY_READY = r"\d\d:\d\d:\d\d"
# An installed program has its bytecode; some machines forbid writing it.
WITH_BYTECODE: dict[str, str | None] = {"PYTHONDONTWRITEBYTECODE": None, "PYTHONUNBUFFERED": None}


@dataclass(frozen=True, slots=True)
class Opened:
    """One start: seconds from the spawn until the first output and until the wanted screen, CPU then."""

    first: float
    ready: float
    cpu: float


def started(argv: Sequence[str], ready: str, env: dict[str, str | None]) -> Opened:
    """Start, wait for the screen that matches ``ready``, leave."""
    with Terminal(argv, SIZE, env) as terminal:
        at = terminal.wait_for(ready, 60.0)
        cpu = cpu_seconds(terminal.pid)
        first = terminal.chunks_since(0)[0].at
        terminal.send("q")
        terminal.wait_exit()
    return Opened(first - terminal.started, at - terminal.started, cpu)


@dataclass(frozen=True, slots=True)
class Starts:
    """The same number of starts of the program and of the empty app, in turn."""

    ours: tuple[Opened, ...]
    empty: tuple[Opened, ...]

    def ratio(self) -> float:
        return statistics.median(one.ready for one in self.ours) / statistics.median(
            one.ready for one in self.empty
        )

    def cpu_ratio(self) -> float:
        return statistics.median(one.cpu for one in self.ours) / statistics.median(
            one.cpu for one in self.empty
        )

    def best_ratio(self) -> float:
        """Of the fastest starts: what other programs on the machine disturb least."""
        return min(one.ready for one in self.ours) / min(one.ready for one in self.empty)

    def __str__(self) -> str:
        def words(name: str, starts: Sequence[Opened]) -> str:
            ready = sorted(one.ready for one in starts)
            cpu = statistics.median(one.cpu for one in starts)
            middle = statistics.median(ready)
            return f"{name}: {middle:.3f} s ({ready[0]:.3f} to {ready[-1]:.3f}), CPU {cpu:.3f} s"

        return f"{words('verdict', self.ours)}\n{words('empty app', self.empty)}"


def measure_starts(
    program: Program, words: Sequence[str], ready: str, times: int, *, alone: bool = True
) -> Starts:
    """Interleaved, after one start of each that nobody counts (it writes the bytecode). ``alone``: none
    begins with the figures of the collector before, only with its history."""
    env = {**program.env(), **WITH_BYTECODE}
    ours: list[Opened] = []
    empty: list[Opened] = []
    for _ in range(times + 1):
        empty.append(started(EMPTY, EMPTY_READY, env))
        for live in program.folder.rglob("live") if alone else ():
            live.unlink()
        ours.append(started(program.argv(*words), ready, env))
    return Starts(tuple(ours[1:]), tuple(empty[1:]))


def verdict_pattern(sources: int, workflow: str) -> str:
    """All sources have answered, and the workflow's row has a number."""
    return rf"{sources}/{sources} sources[\s\S]*\b{re.escape(workflow)} +[≥>=]*\d"


def default_config(demo: Path, folder: Path) -> Path:
    """The sample workload's sources and workflows, everything else as it is shipped."""
    table = tomllib.loads(demo.read_text())
    lines = ["[state]", f"dir = {json.dumps(str(folder / 'state'))}"]
    for source in table["source"]:
        lines += [
            "[[source]]",
            *(f"{key} = {json.dumps(source[key])}" for key in source if key != "interval"),
        ]
    for workflow in table["workflow"]:
        lines += ["[[workflow]]", *(f"{key} = {json.dumps(workflow[key])}" for key in workflow)]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    os.makedirs(folder / "state", exist_ok=True)
    return path


def lag(terminal: Terminal) -> tuple[float, float]:
    """Seconds a key may have to wait, as the program measures it for ``:perf``: p99 and the longest."""
    terminal.send(":")
    terminal.type("perf")
    terminal.send("enter")
    terminal.wait_for(r"longest in a minute")
    shown = terminal.screen_text()
    terminal.send("esc")
    return _shown_seconds(shown, "key may wait, p99"), _shown_seconds(shown, "longest in a minute")


def _shown_seconds(shown: str, label: str) -> float:
    found = re.search(rf"{label} +([\d.]+) ?(µs|us|ms|s)", shown)
    assert found is not None, shown
    return float(found[1]) * {"µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0}[found[2]]
