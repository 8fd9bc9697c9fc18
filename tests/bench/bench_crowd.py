"""What watching a crowd costs: 1,000 workflows in a 3 MB exposition of 15,000 wanted lines; and 10,000.

``python -m pytest tests/bench/bench_crowd.py -s`` takes about four minutes and prints two tables. It
insists on byte counts, and on a reader that costs less than the collector.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
from bench.scene import SIZE, WITH_BYTECODE, lag
from support.program import Program
from support.pty import Terminal

WATCH_SECONDS = 60.0
WARM_UP_SECONDS = 30.0  # for the interval to be stretched to what a scrape costs
READ_SECONDS = 30.0
READY = r"2/2 sources[\s\S]*workflow_\d{4} +[≥>=]*\d"
EXPORTER = Path(__file__).parent / "apps" / "crowd_exporter.py"

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


@contextmanager
def crowd(*words: str) -> Iterator[str]:
    """The URL of the exporter, a process of its own."""
    with subprocess.Popen(
        [sys.executable, str(EXPORTER), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as exporter:
        assert exporter.stdout is not None
        assert exporter.stdin is not None
        yield f"http://127.0.0.1:{exporter.stdout.readline().strip()}/metrics"
        exporter.stdin.close()


def test_watching_a_crowd(tmp_path: Path) -> None:
    with crowd() as url:
        program = Program(tmp_path, ("--scrape", url))
        with Terminal(program.argv(), SIZE, {**program.env(), **WITH_BYTECODE}) as terminal:
            start = measure_start(terminal, READY)
            idle = measure_idle(terminal, WATCH_SECONDS, warmup=WARM_UP_SECONDS)
            lag_p99, longest = lag(terminal)
            keys = measure_keys(terminal, ["down", "up"])
            pages = measure_keys(terminal, ["pagedown"], presses=20)
            with Terminal(program.argv(), SIZE, {**program.env(), **WITH_BYTECODE}) as reader:
                read = measure_start(reader, READY)
                first = cpu_seconds(terminal.pid)
                reading = measure_idle(reader, READ_SECONDS, warmup=0.0)
                collecting = (cpu_seconds(terminal.pid) - first) / READ_SECONDS
    bars = [
        Bar("until the verdict", start.ready, None, seconds),
        Bar("bytes until rest", start.bytes_to_rest, 60_000, kilobytes, sure=True),
        Bar("bytes while watching", idle.bytes, 2_000, per_second, 1_000, sure=True),
        Bar("full clears", idle.clears, 0, count, sure=True),
        Bar("CPU at the stretched interval", idle.cpu, 0.02, share),
        Bar("wake-ups a second", idle.wakeups, None, count),
        Bar("resident memory", idle.rss, 120 * 2**20, mebibytes),
        Bar("event loop lag, p99 of all moments", lag_p99, 0.050, millis),
        Bar("event loop lag, longest of a minute", longest, None, millis),
        Bar("key to paint, median", keys.median, 0.010, millis),
        Bar("key to paint, p95", keys.p95, 0.030, millis),
        Bar("page to paint, median", pages.median, 0.025, millis),
        Bar("page to paint, p95", pages.p95, None, millis),
        Bar("bytes of a page", pages.bytes, None, kilobytes),
        Bar("keys without an answer", keys.unanswered + pages.unanswered, 0, count),
        Bar("reader: until the verdict", read.ready, None, seconds),
        Bar("reader: CPU, of the collector's meanwhile", reading.cpu / collecting, 1.0, ratio, sure=True),
        Bar("reader: CPU while watching", reading.cpu, 0.02, share),
        Bar("reader: bytes while watching", reading.bytes, 2_000, per_second, 1_000, sure=True),
        Bar("reader: resident memory", reading.rss, 120 * 2**20, mebibytes),
    ]
    print(table(bars))
    insist(bars)


def test_watching_ten_thousand(tmp_path: Path) -> None:
    """Three series of each, and typing a name that one in a hundred has."""
    with crowd("10000", "3") as url:
        program = Program(tmp_path, ("--scrape", url))
        with Terminal(program.argv(), SIZE, {**program.env(), **WITH_BYTECODE}) as terminal:
            start = measure_start(terminal, READY)
            idle = measure_idle(terminal, WATCH_SECONDS, warmup=WARM_UP_SECONDS)
            lag_p99, longest = lag(terminal)
            keys = measure_keys(terminal, ["down", "up"])
            pages = measure_keys(terminal, ["pagedown"], presses=20)
            terminal.send("/")
            typed = measure_keys(terminal, ["4", "2", "backspace", "backspace"], presses=20)
    bars = [
        Bar("until the verdict", start.ready, None, seconds),
        Bar("bytes until rest", start.bytes_to_rest, 60_000, kilobytes, sure=True),
        Bar("bytes while watching", idle.bytes, 2_000, per_second, 1_000, sure=True),
        Bar("full clears", idle.clears, 0, count, sure=True),
        Bar("CPU at the stretched interval", idle.cpu, 0.03, share),
        Bar("resident memory", idle.rss, 400 * 2**20, mebibytes),
        Bar("event loop lag, p99 of all moments", lag_p99, 0.050, millis),
        Bar("event loop lag, longest of a minute", longest, None, millis),
        Bar("key to paint, p95", keys.p95, 0.030, millis),
        Bar("page to paint, median", pages.median, 0.025, millis),
        Bar("letter of a filter to paint, p95", typed.p95, 0.100, millis),
        Bar("keys without an answer", keys.unanswered + pages.unanswered, 0, count),
    ]
    print(table(bars))
    insist(bars)
