"""What watching costs, beside real workers: every bar of the monitor, and an empty Textual app as the scale.

``python -m pytest tests/bench/bench_watch.py -s`` takes about four minutes and prints three
tables. It insists on byte counts and ratios only; the rest depends on the machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.meter import cpu_seconds, measure_idle, measure_keys, measure_start
from bench.report import (
    Bar,
    count,
    insist,
    kilobytes,
    mebibytes,
    millis,
    per_second,
    ratio,
    seconds,
    share,
    table,
)
from bench.scene import SIZE, WITH_BYTECODE, default_config, lag, measure_starts, verdict_pattern
from support.program import Program, json_lines
from support.pty import Terminal
from wfmon.demo.workload import Workload

STARTS = 9
WATCH_SECONDS = 60.0
READ_SECONDS = 30.0
READY = verdict_pattern(3, "invoice_extract")

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


@pytest.fixture
def workload(tmp_path: Path) -> Iterator[Program]:
    """The sample workload without incidents, running for some seconds, and the program that watches it."""
    with Workload(1, ()) as running:
        config = default_config(running.info.config, tmp_path)
        time.sleep(20.0)
        yield Program(tmp_path, ("--config", str(config)))


def test_watching_a_workload(workload: Program) -> None:
    starts = measure_starts(workload, (), READY, STARTS)
    print(f"\n{starts}")
    env = {**workload.env(), **WITH_BYTECODE}
    with Terminal(workload.argv(), SIZE, env) as terminal:
        start = measure_start(terminal, READY)
        idle = measure_idle(terminal, WATCH_SECONDS, warmup=5.0)
        lag_p99, longest = lag(terminal)
        keys = measure_keys(terminal, ["down", "up"])
        opened = detail_seconds(terminal)
    bars = [
        Bar("first frame", statistics.median(one.first for one in starts.ours), 0.050, seconds),
        Bar("verdict, against the empty app's first paint", starts.ratio(), 1.7, ratio, 1.5),
        Bar("the same, fastest against fastest", starts.best_ratio(), 1.7, ratio, 1.5),
        Bar("CPU until the verdict, against the empty app", starts.cpu_ratio(), 1.8, ratio, 1.5, sure=True),
        Bar("bytes until rest", start.bytes_to_rest, 60_000, kilobytes, sure=True),
        Bar("bytes while watching", idle.bytes, 2_000, per_second, 1_000, sure=True),
        Bar("full clears", idle.clears, 0, count, sure=True),
        Bar("CPU while watching", idle.cpu, 0.02, share, 0.015),
        Bar("wake-ups a second", idle.wakeups, None, count),
        Bar("resident memory", idle.rss, 65 * 2**20, mebibytes, 60 * 2**20),
        Bar("event loop lag, p99 of all moments", lag_p99, 0.050, millis),
        Bar("event loop lag, longest of a minute", longest, None, millis),
        Bar("key to paint, median", keys.median, 0.010, millis),
        Bar("key to paint, p95", keys.p95, 0.030, millis),
        Bar("keys without an answer", keys.unanswered, 0, count),
        Bar("opening a detail, median", opened, 0.050, millis),
    ]
    print(table(bars))
    insist(bars)


def test_a_reader_beside_the_collector(workload: Program) -> None:
    """A second person: the program shows what the first one's collects."""
    env = {**workload.env(), **WITH_BYTECODE}
    with Terminal(workload.argv(), SIZE, env) as collector:
        collector.wait_for(READY, 60.0)
        time.sleep(2.0)
        starts = measure_starts(workload, (), READY, STARTS, alone=False)
        print(f"\n{starts}")
        with Terminal(workload.argv(), SIZE, env) as reader:
            measure_start(reader, READY)
            time.sleep(12.0)  # the first batch, and what is learnt of it
            first = cpu_seconds(collector.pid)
            idle = measure_idle(reader, READ_SECONDS, warmup=0.0)
            collecting = (cpu_seconds(collector.pid) - first) / READ_SECONDS
            keys = measure_keys(reader, ["down", "up"])
            lag_p99, longest = lag(reader)
            assert f"pid {collector.pid}" in workload.run("doctor").out
    bars = [
        Bar("reader: verdict, against the empty app's first paint", starts.ratio(), 1.7, ratio, 1.5),
        Bar("the same, fastest against fastest", starts.best_ratio(), 1.7, ratio, 1.5),
        Bar(
            "reader: CPU until the verdict, against the empty app", starts.cpu_ratio(), 1.8, ratio, 1.5, True
        ),
        Bar("reader: CPU, of the collector's meanwhile", idle.cpu / collecting, 1.0, ratio, sure=True),
        Bar("reader: CPU while watching", idle.cpu, 0.02, share, 0.015),
        Bar("collector: CPU while watching", collecting, 0.02, share, 0.015),
        Bar("reader: bytes while watching", idle.bytes, 2_000, per_second, 1_000, sure=True),
        Bar("reader: resident memory", idle.rss, 65 * 2**20, mebibytes, 60 * 2**20),
        Bar("reader: event loop lag, p99 of all moments", lag_p99, 0.050, millis),
        Bar("reader: event loop lag, longest of a minute", longest, None, millis),
        Bar("reader: key to paint, median", keys.median, 0.010, millis),
        Bar("reader: key to paint, p95", keys.p95, 0.030, millis),
    ]
    print(table(bars))
    insist(bars)


def detail_seconds(terminal: Terminal, times: int = 9) -> float:
    """From enter on a workflow's row until its runs are on the screen, median; the first one counts too."""
    waits = []
    for _ in range(times):
        terminal.settle(0.1)
        at = terminal.send("enter")
        waits.append(terminal.wait_for(r"(?i)\brun-[0-9a-f]{4}") - at)
        terminal.settle(0.1)
        terminal.send("esc")
        terminal.wait_for(READY)
    return statistics.median(waits)


def test_nothing_changes_but_the_clock(tmp_path: Path) -> None:
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
    program = Program(tmp_path, ("--no-host", "--logs", str(log)))
    with Terminal(program.argv(), SIZE, {**program.env(), **WITH_BYTECODE}) as terminal:
        terminal.wait_for(verdict_pattern(1, "wf1"), 60.0)
        idle = measure_idle(terminal, 15.0, warmup=5.0)
    bars = [
        Bar("bytes when only the clock changes", idle.bytes, 300, per_second, sure=True),
        Bar("full clears", idle.clears, 0, count, sure=True),
        Bar("CPU when only the clock changes", idle.cpu, None, share),
    ]
    print(table(bars))
    insist(bars)
