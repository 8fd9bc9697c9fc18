"""A day of one workflow of the sample workload, from its plan alone, and what the rules say of it.

A rule is asked where it is likeliest to trip: of the failure rate at every failed run, of running runs
just before the longest of the day ends, of silence just before the longest gap does, of the cap at the
dearest rate window. That it holds there for a moment counts, whatever ``for`` says: the least favourable
reading.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from itertools import accumulate, pairwise, takewhile
from operator import attrgetter
from typing import NamedTuple

from wfmon.analysis.baseline import baseline
from wfmon.analysis.choose import grown
from wfmon.analysis.rules import cost_spike, failure_rate, runaway, silence, stall, timeout
from wfmon.analysis.runindex import RunIndex
from wfmon.config.schema import Config
from wfmon.demo.execution import BACKOFF
from wfmon.demo.incidents import Timeline
from wfmon.demo.plan import RunPlan, runs
from wfmon.demo.spec import WorkflowSpec
from wfmon.model.alert import Finding
from wfmon.model.run import Run, RunStatus, Usage, WorkflowRuns
from wfmon.model.snapshot import LadderStep, StatusCounts, Totals, Workflow
from wfmon.model.windows import window_ladder
from wfmon.monitor.settings import baseline_settings, rule_settings

DAY = 86_400.0
HOUR = 3600.0
NAIVE = 300.0
TOLD = 400  # runs that are told one by one; of those before them the windows are


class Known(NamedTuple):
    """What a run of the plan was, in seconds of the day."""

    begin: float
    end: float
    failed: bool
    usd: float

    def running(self, spec: WorkflowSpec) -> Run:
        return Run(
            "open", spec.name, RunStatus.RUNNING, started_at=self.begin, last_line_at=self.begin,
            usage=Usage(cost_usd=self.usd), limit_seconds=spec.limit,
        )  # fmt: skip

    def finished(self, spec: WorkflowSpec) -> Run:
        status = RunStatus.ERROR if self.failed else RunStatus.SUCCESS
        return Run(
            f"{self.begin}", spec.name, status, started_at=self.begin, ended_at=self.end,
            duration_seconds=self.end - self.begin, usage=Usage(cost_usd=self.usd),
        )  # fmt: skip


def day(spec: WorkflowSpec, seed: int, incidents: tuple[str, ...] = (), seconds: float = DAY) -> list[Known]:
    """Every run that begins within the day, by its end."""
    plans = takewhile(lambda plan: plan.offset < seconds, runs(spec, seed, Timeline(incidents)))
    return sorted((known(plan, spec.cap is not None) for plan in plans), key=attrgetter("end"))


def known(plan: RunPlan, priced: bool) -> Known:
    retries = sum(len(step.attempts) - 1 for step in plan.steps)
    usd = sum(call.cost_usd for step in plan.steps for call in step.attempts) if priced else 0.0
    return Known(plan.offset, plan.offset + plan.seconds + BACKOFF * retries, plan.status != "success", usd)


class Watch:
    """Rules by the settings of ``config`` over one day. ``calm``: a day that taught what is usual (runs of
    an incident teach nothing once its alert fires); None: this one."""

    def __init__(
        self, spec: WorkflowSpec, day: list[Known], config: Config, calm: list[Known] | None = None
    ) -> None:
        self._spec, self._day, self._rules = spec, day, rule_settings(config)
        self._windows = config.windows
        self._ladder = window_ladder(config.windows.runs, config.windows.max)
        self._ends = [each.end for each in day]
        self._failures = [0, *accumulate(each.failed for each in day)]
        taught = [each.finished(spec) for each in (calm or day)[: config.baseline.runs]]
        now = taught[-1].ended_at or 0.0
        self._usual = baseline(spec.name, taught, [], {}, [], None, now, UTC, baseline_settings(config))

    def alerts(self) -> list[str]:
        """The rule of each finding that holds, at all moments that are looked at."""
        return [finding.rule for finding in self._findings() if finding.holds]

    def _findings(self) -> Iterator[Finding]:
        for place, each in enumerate(self._day):
            if each.failed and self._may_trip(place):
                yield from self._failing(each.end)
        yield from self._running(max(self._day, key=lambda each: each.end - each.begin))
        yield from self._silent(*max(pairwise(self._ends), key=lambda pair: pair[1] - pair[0]))
        if self._spec.cap is not None:
            yield from self._capped(self._dearest())

    def _counts(self, now: float, seconds: float) -> StatusCounts:
        low, high = bisect_right(self._ends, now - seconds), bisect_right(self._ends, now)
        failed = self._failures[high] - self._failures[low]
        return StatusCounts(success=high - low - failed, error=failed)

    def _may_trip(self, place: int) -> bool:
        """The rule wants so many failures within its window, or the last ones all failed."""
        least = self._rules.failure_rate.min_failures
        in_a_row = self._failures[place + 1] - self._failures[max(0, place + 1 - least)] == least
        return in_a_row or self._row(self._ends[place]).runs.error >= least

    def _row(self, now: float) -> Workflow:
        ladder = tuple(LadderStep(each, each, self._counts(now, each)) for each in self._ladder)
        chosen = grown(ladder, self._windows.grow_runs)
        return Workflow(
            self._spec.name,
            runs=chosen.counts,
            window_seconds=chosen.seconds,
            ladder=ladder,
            usual=self._usual,
        )

    def _failing(self, now: float) -> tuple[Finding, ...]:
        high = bisect_right(self._ends, now)
        ended = tuple(each.finished(self._spec) for each in self._day[max(0, high - TOLD) : high])
        index = RunIndex(WorkflowRuns(self._spec.name, (), ended, 0.0, open_complete=True))
        return failure_rate.evaluate(
            [self._row(now)], self._rules.failure_rate, now, indexes={self._spec.name: index}
        )

    def _running(self, run: Known) -> Iterator[Finding]:
        now, name = run.end - 0.001, self._spec.name
        index = RunIndex(WorkflowRuns(name, (run.running(self._spec),), (), 0.0, open_complete=True))
        running, usual, limits = {name: index.runs.open}, {name: self._usual}, self._rules.limits
        yield from timeout.evaluate(running, self._rules.timeout, now, baselines=usual, limits=limits)
        yield from runaway.evaluate(running, self._rules.runaway, now, baselines=usual, limits=limits)
        yield from stall.evaluate({name: index}, self._rules.stall, now, rows={}, host=None)

    def _silent(self, last: float, following: float) -> tuple[Finding, ...]:
        now, name = following - 0.001, self._spec.name
        run = Run("last", name, RunStatus.SUCCESS, ended_at=last)
        index = RunIndex(WorkflowRuns(name, (), (run,), 0.0, open_complete=True))
        return silence.evaluate(
            [self._row(now)],
            self._rules.silence,
            now,
            baselines={name: self._usual},
            limits=self._rules.limits,
            indexes={name: index},
            open_runs={},
        )

    def _dearest(self) -> float:
        """When most was spent in the rate window."""
        sums = [0.0, *accumulate(each.usd for each in self._day)]
        rate = float(self._windows.rate)
        spent = (sums[n + 1] - sums[bisect_right(self._ends, end - rate)] for n, end in enumerate(self._ends))
        return max(zip(spent, self._ends, strict=True))[1]

    def _capped(self, now: float) -> tuple[Finding, ...]:
        def spent(seconds: float) -> float:
            low, high = bisect_right(self._ends, now - seconds), bisect_right(self._ends, now)
            return sum(each.usd for each in self._day[low:high])

        rate = float(self._windows.rate)
        row = replace(
            self._row(now), cost_usd_per_hour=spent(rate) * HOUR / rate, cost_hour_usd=spent(HOUR),
            cost_hour_seconds=HOUR,
        )  # fmt: skip
        return cost_spike.evaluate([row], Totals(), self._rules.cost_spike, self._rules.limits, now)


def naive(day: list[Known]) -> int:
    """How often more than 5 % of the last 5 minutes begins to have failed."""
    ends = [each.end for each in day]
    failures = [0, *accumulate(each.failed for each in day)]
    count, until = 0, 0.0
    for place, each in enumerate(day):
        low = bisect_right(ends, each.end - NAIVE)
        if each.failed and failures[place + 1] - failures[low] > 0.05 * (place + 1 - low):
            count += each.end > until
            until = each.end + NAIVE
    return count
