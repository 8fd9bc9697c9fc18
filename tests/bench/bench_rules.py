"""What it costs to evaluate every rule on 1,000 workflows. Prints a table.

``python -m pytest tests/bench/bench_rules.py -s`` takes half a minute. It insists on ratios alone: of
the least disturbed evaluation to a plain loop that makes one finding for each rule and workflow, and on how
many findings there are.
"""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.report import Bar, count, insist, millis, ratio, table
from wfmon.analysis.merge import Windows
from wfmon.config.loader import load_config
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.host import HostSample, Memory, WorkflowProcesses
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.run import Run, RunsSample, RunStatus, Usage, WorkflowRuns
from wfmon.monitor.judge import Judge
from wfmon.monitor.picture import Picture, PictureMaker
from wfmon.monitor.remembered import Remembered
from wfmon.monitor.rulebook import rulebook
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.track import Pace, Track
from wfmon.monitor.worker import Answer
from wfmon.sources.base import Reading
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir
from wfmon.ui.terminal import SWITCH_SECONDS

WORKFLOWS = 1000
START = 1_772_373_807.0
EVERY = 5.0
TURNS = 12
FAILING, STUCK = 30, 20  # workflows in trouble
WINDOWS = Windows(runs=300.0, grow_runs=20, longest=21600.0, rate=300.0)
RULES = rule_settings(load_config(environ={}).config)

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]


class Logs:
    """1,000 workflows as log files tell them: some 60 runs an hour each, two of them open."""

    name, kind, where, interval, timeout = "logs", "logs", "x", 1.0, 5.0

    def __init__(self, troubled: bool) -> None:
        self.random = random.Random(7)
        self.now = START
        self.failing = FAILING if troubled else 0
        self.stuck = range(FAILING, FAILING + STUCK) if troubled else range(0)
        self.runs = {f"team/workflow_{number}": self._first(number) for number in range(WORKFLOWS)}

    def poll(self, now: float) -> Reading:
        processes = tuple(WorkflowProcesses(name, 50_000_000, 0.1, 2) for name in self.runs)
        memory = Memory(32 * 2**30, 16 * 2**30)
        host = HostSample(now, 0.2, 1.0, 8, 0.0, memory, None, processes, (), 2000, 0)
        return Reading(at=now, runs=RunsSample(now, dict(self.runs)), host=host)

    def page(self, request: LogRequest, cancelled: Callable[[], bool]) -> LogPage:
        return LogPage(())

    def close(self) -> None: ...

    def move(self, workflows: int) -> None:
        """``EVERY`` seconds later, with a run more of so many workflows."""
        self.now += EVERY
        for number, (name, known) in enumerate(list(self.runs.items())[:workflows]):
            finished = (*known.finished[1:], self._run(number, self.now - 1.0))
            open_runs = known.open if number in self.stuck else self._open(number, self.now - 20.0)
            self.runs[name] = WorkflowRuns(name, open_runs, finished, known.complete_since, True)

    def _first(self, number: int) -> WorkflowRuns:
        ends = sorted(START - self.random.uniform(1, 3600) for _ in range(60))
        begun = START - (7200.0 if number in self.stuck else 0.0)
        name = f"team/workflow_{number}"
        finished = tuple(self._run(number, end) for end in ends)
        return WorkflowRuns(name, self._open(number, begun), finished, START - 86400.0, True)

    def _open(self, number: int, begun: float) -> tuple[Run, ...]:
        return tuple(
            Run(
                f"o{number}-{place}",
                f"team/workflow_{number}",
                RunStatus.RUNNING,
                begun + place,
                source="logs",
                last_line_at=max(begun, START),
            )
            for place in range(2)
        )

    def _run(self, number: int, end: float) -> Run:
        fails = self.random.random() < (0.5 if number < self.failing else 0.01)
        status = RunStatus.ERROR if fails else RunStatus.SUCCESS
        took = self.random.lognormvariate(3, 0.5)
        usage = Usage(total=1000, cost_usd=0.01)
        return Run(
            f"r{number}-{end:.3f}",
            f"team/workflow_{number}",
            status,
            end - took,
            end,
            took,
            usage=usage,
            error="TimeoutError: 504" if fails else None,
            source="logs",
        )


def usual(name: str) -> Baseline:
    return Baseline(
        name,
        n=60,
        error_ratio=0.01,
        error_n=500,
        duration_p50_seconds=20.0,
        duration_p95_seconds=45.0,
        duration_p99_seconds=70.0,
        cost_p50_usd=0.01,
        cost_p95_usd=0.02,
        cost_p99_usd=0.03,
        hours=42,
        runs_per_hour=Usual(60.0, 8.0, 42),
        cost_per_hour=Usual(0.6, 0.3, 42),
        since=START - 20 * 86400,
        last_run_at=START - 30,
        gap_p50_seconds=60.0,
    )


class Pictures:
    """Made as the monitor makes them."""

    def __init__(self, *, troubled: bool) -> None:
        self.logs = Logs(troubled)
        self._maker = PictureMaker(WINDOWS, {}, {})
        self._track = Track(self.logs, Pace(60.0, 60.0, 100.0), random.Random(1))
        self._remembered = Remembered(baselines={name: usual(name) for name in self.logs.runs})

    def next(self, workflows: int) -> Picture:
        self.logs.move(workflows)
        now = self.logs.now
        self._track.asked(now)
        self._track.answered(Answer("logs", now, self.logs.poll(now), None, "", 0.0, 0.0), now)
        return self._maker.make([self._track], now, remembered=self._remembered)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AckStore]:
    store = AckStore(StateDir(tmp_path))
    yield store
    store.close()


def reference() -> list[float]:
    """CPU seconds, several times, of a loop that makes one plain finding for each rule and workflow."""
    names = [f"team/workflow_{number}" for number in range(WORKFLOWS)]
    rules = [rule.name for rule in rulebook()]
    spent = []
    for _ in range(7):
        before = time.thread_time()
        findings = [
            Finding(rule, (("workflow", name),), Severity.WARNING, False, "fine", name, 0.0, 0.05, 20, 0)
            for rule in rules
            for name in names
        ]
        spent.append(time.thread_time() - before)
        assert len(findings) == WORKFLOWS * len(rules)
    return spent


def evaluations(store: AckStore, moved: int, *, troubled: bool = False) -> list[float]:
    """CPU seconds of each evaluation, the first ones left out: they fill what is kept."""
    pictures, judge = Pictures(troubled=troubled), Judge(RULES, store)
    spent = []
    for turn in range(TURNS + 3):
        picture = pictures.next(moved)
        judged = judge.judge(picture, picture.at, anew=True)
        assert judged.failures == {}
        if turn >= 3:
            spent.append(judge.rules_cpu)
    open_alerts = [alert for alert in judged.alerts if alert.open]
    assert len(open_alerts) >= (FAILING + STUCK) * 0.8 if troubled else not open_alerts
    print(f"\n{moved} moved: {judged.rules_checked} rules checked, {len(open_alerts)} alerts open")
    assert judged.rules_checked <= 7 * WORKFLOWS + 20
    return spent


def waits(work: Callable[[], object]) -> list[float]:
    """For how long a thread that wants to run every millisecond did not each time, meanwhile; sorted."""
    told: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        last = time.perf_counter()
        while not stop.wait(0.001):
            now = time.perf_counter()
            told.append(now - last - 0.001)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    stop.set()
    watcher.join()
    return sorted(told)


def test_evaluating_a_crowd(store: AckStore) -> None:
    plain = min(reference())
    still = evaluations(store, 0)
    some = evaluations(store, WORKFLOWS // 20)
    every = evaluations(store, WORKFLOWS)
    troubled = evaluations(store, WORKFLOWS, troubled=True)
    bars = [
        Bar("one plain finding for each rule and workflow", plain, None, millis),
        Bar("evaluation, nothing new", min(still), 0.050, millis),
        Bar("evaluation, new runs of every twentieth workflow", min(some), 0.050, millis),
        Bar("evaluation, new runs of every workflow", min(every), 0.050, millis),
        Bar("the same, median on this machine now", statistics.median(every), None, millis),
        Bar("evaluation, as well 50 workflows in trouble", min(troubled), 0.050, millis),
        Bar("nothing new, to the plain loop", min(still) / plain, 4.0, ratio, sure=True),
        Bar("every workflow, to the plain loop", min(every) / plain, 4.0, ratio, sure=True),
        Bar("in trouble, to the plain loop", min(troubled) / plain, 5.0, ratio, sure=True),
        Bar("rules in the book", len(rulebook()), None, count),
    ]
    print(table(bars))
    insist(bars)


def test_the_screen_gets_its_turn_meanwhile(store: AckStore) -> None:
    """Rules are evaluated in one go in the monitor's own thread: the interpreter lets others in."""
    pictures, judge = Pictures(troubled=True), Judge(RULES, store)
    seen = [pictures.next(WORKFLOWS) for _ in range(TURNS)]
    before, bars = sys.getswitchinterval(), []
    try:
        for interval in (0.005, SWITCH_SECONDS):
            sys.setswitchinterval(interval)
            told = waits(lambda: [judge.judge(picture, picture.at, anew=True) for picture in seen])
            for share in (0.5, 0.95):
                name = f"wait of another thread, p{share * 100:.0f}, switches every {interval * 1000:g} ms"
                bars.append(Bar(name, told[int(len(told) * share)], 0.010, millis))
    finally:
        sys.setswitchinterval(before)
    print(table(bars))
