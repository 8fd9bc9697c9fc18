"""What a terminal program costs: bytes, CPU, memory, wake-ups, and how long a person waits.

Times are stamped by the harness's reader thread when output has been read. Everything is of the
program's whole process tree unless it says otherwise.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from support.pty import Terminal

REST = 0.3  # seconds without output that count as rest


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the spawn (None: not asked for), and bytes of output until then."""

    first_byte: float
    ready: float
    bytes_to_ready: int
    bytes_to_rest: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Idle:
    """While nobody touches a key, per second; ``rss`` in bytes, ``cpu`` 1.0 = one core."""

    bytes: float
    reads: float
    cpu: float
    wakeups: float
    clears: int
    rss: int


@dataclass(frozen=True, slots=True)
class Keys:
    """Seconds from a key press to the output that follows, and the bytes of each."""

    median: float
    p95: float
    bytes: float
    unanswered: int


def tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def cpu_seconds(pid: int) -> float:
    """CPU of the live tree, with nanosecond clocks (Linux), and of the children it has waited for."""
    total = 0.0
    for process in tree(pid):
        with contextlib.suppress(psutil.Error, OSError):
            times = process.cpu_times()
            total += time.clock_gettime((~process.pid << 3) | 2)
            total += times.children_user + times.children_system
    return total


def rss_bytes(pid: int) -> int:
    total = 0
    for process in tree(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total


def wakeups(pid: int) -> int:
    """Voluntary context switches of all threads so far."""
    total = 0
    for process in tree(pid):
        for status in Path(f"/proc/{process.pid}/task").glob("*/status"):
            with contextlib.suppress(OSError):
                line = next(
                    (row for row in status.read_text().splitlines() if row.startswith("voluntary")), "x 0"
                )
                total += int(line.split()[-1])
    return total


def measure_start(terminal: Terminal, ready: str, *, timeout: float = 30.0) -> Start:
    """From the spawn until the screen matches ``ready``, then until rest."""
    at = terminal.wait_for(ready, timeout)
    cpu = cpu_seconds(terminal.pid)
    chunks = terminal.chunks_since(0)
    to_ready = sum(len(chunk.data) for chunk in chunks if chunk.at <= at)
    terminal.settle(REST, timeout)
    return Start(
        first_byte=chunks[0].at - terminal.started,
        ready=at - terminal.started,
        bytes_to_ready=to_ready,
        bytes_to_rest=len(terminal.bytes_since(0)),
        cpu=cpu,
    )


def measure_idle(terminal: Terminal, seconds: float, *, warmup: float = 2.0) -> Idle:
    time.sleep(warmup)
    pid, mark, clears = terminal.pid, terminal.mark(), terminal.emulator.clears
    began, cpu, woken = time.perf_counter(), cpu_seconds(pid), wakeups(pid)
    time.sleep(seconds)
    span = time.perf_counter() - began
    chunks = terminal.chunks_since(mark)
    return Idle(
        bytes=sum(len(chunk.data) for chunk in chunks) / span,
        reads=len(chunks) / span,
        cpu=(cpu_seconds(pid) - cpu) / span,
        wakeups=(wakeups(pid) - woken) / span,
        clears=terminal.emulator.clears - clears,
        rss=rss_bytes(pid),
    )


def measure_keys(
    terminal: Terminal, keys: Sequence[str], presses: int = 30, *, quiet: float = 0.1, timeout: float = 2.0
) -> Keys:
    """Press ``keys`` in turn, each from rest; the time to the first output after each."""
    waits: list[float] = []
    sizes: list[int] = []
    for press in range(presses):
        terminal.settle(quiet)
        mark = terminal.mark()
        at = terminal.send(keys[press % len(keys)])
        with contextlib.suppress(AssertionError):
            terminal.wait_until(lambda since=mark: terminal.mark() > since, timeout)  # type: ignore[misc]
        chunks = terminal.chunks_since(mark)
        if chunks:
            waits.append(chunks[0].at - at)
        terminal.settle(quiet)
        sizes.append(len(terminal.bytes_since(mark)))
    return Keys(
        median=statistics.median(waits) if waits else math.inf,
        p95=sorted(waits)[max(0, math.ceil(0.95 * len(waits)) - 1)] if waits else math.inf,
        bytes=statistics.median(sizes),
        unanswered=presses - len(waits),
    )


def median_of(measure: Callable[[], float], times: int) -> float:
    return statistics.median(measure() for _ in range(times))


def start_seconds(
    argv: Sequence[str], ready: str, *, size: tuple[int, int] = (120, 40), quit_key: str = "q"
) -> float:
    """Seconds from the spawn until the screen matches ``ready``, of one run that is ended at once."""
    with Terminal(argv, size=size) as terminal:
        at = terminal.wait_for(ready, 30.0)
        terminal.send(quit_key)
        terminal.wait_exit()
        return at - terminal.started
