"""What a scrape costs: a large exposition with few wanted names, and one with 15,000 wanted series.

Run: python tests/bench/bench_scrape.py  (prints figures; asserts counts and generous bounds only)
"""

from __future__ import annotations

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from wfmon.config.schema import Duration, Windows
from wfmon.model.look import Look
from wfmon.model.metrics import MetricsSample, RunKey
from wfmon.model.run import RunStatus
from wfmon.sources.exposition import ExpositionReader
from wfmon.sources.http import Answer
from wfmon.sources.profile import load_profiles
from wfmon.sources.scrape import ScrapeSource
from wfmon.sources.vocabulary import Vocabulary

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))


def foreign_exposition(lines: int = 15_000, workflows: int = 20, step: int = 0) -> bytes:
    """About 3 MB of another server's metrics, with a few wanted ones in the middle."""
    rows = []
    for family in range(lines // 50):
        rows += [f"# HELP other_{family}_total Some help", f"# TYPE other_{family}_total counter"]
        rows += [
            f'other_{family}_total{{namespace="default",workflowType="wf-{i}",taskqueue="queue-{i % 7}",'
            f'operation="CompletionStats",padding="{"x" * 90}"}} {i + step}'
            for i in range(48)
        ]
        if family == 100:
            rows += [
                f'workflow_executions_total{{workflow="w{i}",status="{status}"}} {i + step}'
                for i in range(workflows)
                for status in ("success", "error")
            ]
    return ("\n".join(rows) + "\n").encode()


def wanted_exposition(workflows: int, step: int) -> bytes:
    """The convention's metrics of ``workflows`` workflows, 15 series each, all changing every step."""
    bounds = ("0.1", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "+Inf")
    rows = []
    for i in range(workflows):
        n = i + step
        rows += [
            f'workflow_executions_total{{workflow="wf_{i}",status="success"}} {float(n)}',
            f'workflow_executions_total{{workflow="wf_{i}",status="error"}} {float(step // 10)}',
            *(f'workflow_duration_seconds_bucket{{workflow="wf_{i}",le="{b}"}} {float(n)}' for b in bounds),
            f'workflow_duration_seconds_count{{workflow="wf_{i}"}} {float(n)}',
            f'workflow_duration_seconds_sum{{workflow="wf_{i}"}} {n * 1.5}',
            f'token_usage_total{{workflow="wf_{i}",model="m",type="input"}} {n * 100.0}',
            f'token_usage_total{{workflow="wf_{i}",model="m",type="output"}} {n * 10.0}',
        ]
    return ("\n".join(rows) + "\n").encode()


def cpu_ms(act: Callable[[], object], times: int = 9) -> float:
    spent = []
    for _ in range(times):
        begin = time.thread_time()
        act()
        spent.append((time.thread_time() - begin) * 1e3)
    return statistics.median(spent)


class _Replay(ScrapeSource):
    """The source without the network: what it does with an answer."""

    body = b""

    def _ask(self) -> list[Answer]:  # type: ignore[override]
        return [Answer(200, "text/plain", self.body)]


def replay() -> _Replay:
    return _Replay("bench", ["http://127.0.0.1:1/metrics"], windows=WINDOWS, profiles=load_profiles())


def bench_foreign() -> None:
    body = foreign_exposition()
    reader = ExpositionReader(Vocabulary(load_profiles()).wanted)
    first = cpu_ms(lambda: ExpositionReader(Vocabulary(load_profiles()).wanted).read(body), 3)
    again = cpu_ms(lambda: reader.read(body))
    bodies = [foreign_exposition(step=step) for step in range(10)]
    source = replay()
    polls = iter(range(10))

    def poll() -> None:
        step = next(polls)
        source.body = bodies[step]
        source.poll(1000.0 + 5 * step)

    whole = cpu_ms(poll)
    assert len(reader.read(body).samples) == 40
    print(f"{len(body) / 1e6:.1f} MB, {body.count(10):,} lines, 40 wanted series")
    print(f"  read first {first:.1f} ms, unchanged {again:.1f} ms, whole poll {whole:.1f} ms CPU")
    assert whole < 30 * 5, "a poll of a large exposition must stay cheap"


def bench_wanted() -> None:
    source = replay()
    source.body = wanted_exposition(1000, 0)
    first = cpu_ms(lambda: source.poll(1000.0), 1)
    looks = 70
    bodies = (wanted_exposition(1000, step) for step in range(1, looks + 1))
    spent, now = [], 1000.0
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for body in bodies:
        now += 5.0
        source.body = body
        begin = time.thread_time()
        reading = source.poll(now)
        spent.append((time.thread_time() - begin) * 1e3)
    gc.collect()
    grown = (tracemalloc.get_traced_memory()[0] - before) / 1e6
    tracemalloc.stop()
    traced = statistics.median(spent)
    calm = cpu_ms(lambda: source.poll(now), 3)
    sample = reading.metrics
    assert sample is not None
    key = RunKey("wf_7", RunStatus.SUCCESS)
    assert sample.runs[0].counts[key] == 60.0  # 300 s at one run every 5 s
    assert sample.runs[-1].counts[key] == 70.0
    print(f"1,000 workflows, {source.body.count(10):,} wanted series, all changing, {looks} looks")
    print(f"  first poll {first:.0f} ms, later {traced:.0f} ms (traced), unchanged {calm:.0f} ms CPU")
    print(f"  history of {looks} looks: {grown:.1f} MB")
    assert grown < 50


def bench_growth() -> None:
    """What telling growth is of a poll in which all 4,000 counters that are summed up grew."""
    source, now, polls, telling = replay(), 1000.0, [], []
    told = source._with_growth

    def growth(*known: Any) -> tuple[MetricsSample, ...]:
        begin = time.thread_time()
        try:
            return told(*known)
        finally:
            telling.append((time.thread_time() - begin) * 1e3)

    source._with_growth = growth  # type: ignore[method-assign]
    for step in range(30):
        source.body = wanted_exposition(1000, step)
        begin = time.thread_time()
        source.poll(now)
        polls.append((time.thread_time() - begin) * 1e3)
        now += 5.0
    whole, part = statistics.median(polls[3:]), statistics.median(telling[3:])
    print(f"1,000 workflows, all changing: poll {whole:.0f} ms, of which growth {part:.1f} ms CPU")
    assert part < 0.2 * whole


def bench_recall() -> None:
    """What going on from kept looks adds to the first poll of a screen."""
    for workflows in (3, 20, 100):
        looks = [Look(1000.0 + 30 * n, wanted_exposition(workflows, n).rstrip()) for n in range(80)]
        spent = []
        for _ in range(5):
            source = replay()
            source.recall(lambda target, now: looks)  # noqa: B023
            source.count_from({source._targets[0].known_as.id: looks[-1].at})
            begin = time.thread_time()
            source._remember(looks[-1].at + 5.0)
            spent.append((time.thread_time() - begin) * 1e3)
        taken = source._targets[0]._runs.looks
        print(f"{workflows} workflows, {taken} of 80 looks recalled in {statistics.median(spent):.1f} ms CPU")
        assert statistics.median(spent) < 100, "the first verdict waits for it"


if __name__ == "__main__":
    bench_foreign()
    bench_wanted()
    bench_growth()
    bench_recall()
