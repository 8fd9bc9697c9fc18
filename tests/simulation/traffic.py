"""Seeded runs of one workflow and two rules over them: the naive one and ours, as the monitor runs it."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from simulation.shipped import CONFIG, SHIPPED
from wfmon.analysis.choose import grown
from wfmon.analysis.episodes import EpisodeMemory, advance, cleared
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.runindex import RunIndex
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.run import Run, RunStatus, WorkflowRuns
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow
from wfmon.model.windows import window_ladder

HOUR = 3600.0
SETTINGS = SHIPPED.failure_rate
EPISODES = SHIPPED.episodes
LADDER = window_ladder(CONFIG.windows.runs, CONFIG.windows.max)
GROW_RUNS = CONFIG.windows.grow_runs


@dataclass(frozen=True)
class Traffic:
    """Finished runs in time order; ``failures[i]`` counts those that failed among the first ``i``."""

    times: list[float]
    failures: list[int]

    def counts(self, now: float, seconds: float) -> StatusCounts:
        first, last = bisect_right(self.times, now - seconds), bisect_right(self.times, now)
        failed = self.failures[last] - self.failures[first]
        return StatusCounts(success=last - first - failed, error=failed)

    @cached_property
    def index(self) -> RunIndex:
        """As logs tell it. It knows the future too, and is asked of no more than the past."""
        runs = tuple(
            Run(str(n), "w", RunStatus.ERROR if failed else RunStatus.SUCCESS, ended_at=at)
            for n, (at, failed) in enumerate(zip(self.times, self._failed(), strict=True))
        )
        return RunIndex(WorkflowRuns("w", (), runs, 0.0, open_complete=True))

    def _failed(self) -> Iterator[bool]:
        return (after > before for before, after in zip(self.failures, self.failures[1:], strict=False))


def usual(ratio: float, per_hour: float) -> Baseline:
    """What 500 runs taught."""
    return Baseline(
        "w", n=500, error_ratio=ratio, error_n=500, runs_per_hour=Usual(per_hour, per_hour**0.5, 42)
    )


def traffic(seed: int, per_hour: float, until: float, chance: Callable[[float], float]) -> Traffic:
    """A Poisson process of runs; a run at time t fails with the chance ``chance(t)``."""
    source = random.Random(seed)
    times, failures, now = [], [0], 0.0
    while (now := now + source.expovariate(per_hour / HOUR)) < until:
        times.append(now)
        failures.append(failures[-1] + (source.random() < chance(now)))
    return Traffic(times, failures)


def naive(runs: Traffic, start: float, until: float, step: float) -> Iterator[tuple[float, bool]]:
    """More than 5 % of the last 5 minutes failed."""
    now = start
    while now <= until:
        ratio = runs.counts(now, 300.0).error_ratio
        yield now, ratio is not None and ratio > 0.05
        now += step


def ours(
    runs: Traffic, start: float, until: float, step: float, known: Baseline | None = None
) -> Iterator[tuple[float, bool]]:
    """Whether the episode of rule ``failure_rate`` is open. ``known``: what is usual; without it there is no
    order of runs either, as of metrics on their first day."""
    indexes = {} if known is None else {"w": runs.index}
    memory, now = EpisodeMemory(), start
    while now <= until:
        ladder = tuple(LadderStep(each, each, runs.counts(now, each)) for each in LADDER)
        chosen = grown(ladder, GROW_RUNS)
        workflow = Workflow(
            "w", runs=chosen.counts, window_seconds=chosen.seconds, ladder=ladder, usual=known
        )
        findings = failure_rate.evaluate(
            [workflow], SETTINGS, now, cleared=cleared(memory, failure_rate.RULE), indexes=indexes
        )
        memory = advance(memory, findings, now, EPISODES)
        yield now, any(episode.firing for episode in memory.episodes.values())
        now += step


def begins(states: Iterator[tuple[float, bool]]) -> int:
    """How often it went from quiet to firing."""
    count, before = 0, False
    for _, firing in states:
        count += firing and not before
        before = firing
    return count
