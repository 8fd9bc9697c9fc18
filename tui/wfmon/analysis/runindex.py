"""Counts, durations and usage of a workflow's finished runs over any window, from logs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import cached_property
from math import fsum

from wfmon.analysis.quantile import quantile
from wfmon.analysis.runmoney import Named, money_by_model
from wfmon.model.metrics import Concept, Quantiles
from wfmon.model.money import Money
from wfmon.model.prices import PriceBook
from wfmon.model.record import dataclass
from wfmon.model.run import COUNTED, Run, RunStatus, WorkflowRuns
from wfmon.model.snapshot import LadderStep, StatusCounts

RECENT = 100  # finished runs of a workflow that its own screen lists
LONGEST_TAIL = 200  # runs of one outcome in a row that are counted


@dataclass(frozen=True, slots=True)
class RunSums:
    """Sums over a window; None where no run reported the figure. Tokens and cost per run."""

    runs: int
    tokens: int | None
    cost_usd: float | None
    retries: int | None


class RunIndex:
    """Built once per ``WorkflowRuns``; every question is then a bisection."""

    def __init__(self, runs: WorkflowRuns) -> None:
        self.runs = runs
        self._finished = runs.finished
        self._ends = [run.ended_at or 0.0 for run in runs.finished]
        self._failed_at = [place for place, run in enumerate(runs.finished) if run.failed]
        self._failed = [runs.finished[place] for place in self._failed_at]
        self._failed_ends = [run.ended_at or 0.0 for run in self._failed]
        self.recent = runs.finished[-RECENT:]
        self._sums = _running_counts(runs.finished)
        self._quantiles: tuple[tuple[int, int], Quantiles] | None = None
        self._money: dict[float, tuple[tuple[int, int], PriceBook, dict[Named, Money]]] = {}

    def _slice(self, now: float, seconds: float) -> tuple[int, int]:
        return bisect_right(self._ends, now - seconds), bisect_right(self._ends, now)

    def within(self, now: float, seconds: float) -> tuple[Run, ...]:
        """Runs that ended in (now - seconds, now], oldest first."""
        low, high = self._slice(now, seconds)
        return self._finished[low:high]

    def failed(self, now: float, seconds: float) -> list[Run]:
        """Failed runs that ended in (now - seconds, now], oldest first."""
        low = bisect_right(self._failed_ends, now - seconds)
        return self._failed[low : bisect_right(self._failed_ends, now)]

    def covered(self, now: float, seconds: float) -> float:
        """How much of the window was read back, in seconds."""
        return max(0.0, min(seconds, now - self.runs.complete_since))

    def told(self, now: float, seconds: float) -> float:
        """How much of the window lies behind the first line there is, in seconds: rates are over that."""
        begins = self.runs.begins_at
        covered = self.covered(now, seconds)
        return covered if begins is None or begins > now else min(covered, now - begins)

    def step(self, now: float, seconds: float) -> LadderStep:
        low, high = self._slice(now, seconds)
        counts = StatusCounts(*(b - a for a, b in zip(self._sums[low], self._sums[high], strict=True)))
        return LadderStep(seconds, self.covered(now, seconds), counts, self.told(now, seconds))

    def ends_before(self, now: float, most: int) -> list[float]:
        """The times at which the newest ``most`` runs ended, newest first."""
        high = bisect_right(self._ends, now)
        return self._ends[max(0, high - most) : high][::-1]

    def _newest_first(self, now: float) -> Iterator[Run]:
        """Finished runs that ended at ``now`` or before."""
        for number in range(bisect_right(self._ends, now) - 1, -1, -1):
            yield self._finished[number]

    def tail(self, now: float, after: float | None) -> tuple[int, int]:
        """Of the newest counted runs that ended in (after, now]: how many failed in a row (at most
        ``LONGEST_TAIL`` are counted), and how many succeeded in a row; one of the two is 0."""
        low = 0 if after is None else bisect_right(self._ends, after)
        succeeded = self._sums[bisect_right(self._ends, now)][0]
        last = bisect_right(self._failed_ends, now) - 1
        begin = self._failed_at[last] + 1 if last >= 0 else 0
        in_a_row = succeeded - self._sums[max(begin, low)][0]
        if in_a_row > 0:
            return 0, in_a_row
        failed = 0
        while last >= 0 and failed < LONGEST_TAIL:
            place = self._failed_at[last]
            if place < low or self._sums[place][0] != succeeded:
                break
            failed, last = failed + 1, last - 1
        return failed, 0

    def last_failure(self, now: float) -> float | None:
        """When the newest failed run ended."""
        number = bisect_right(self._failed_ends, now)
        return self._failed_ends[number - 1] if number else None

    def last_success(self, now: float) -> float | None:
        """When the newest successful run ended; None where no known one did."""
        for run in self._newest_first(now):
            if run.status is RunStatus.SUCCESS:
                return run.ended_at
        return None

    def ratio_of_last(self, at: float, runs: int) -> float:
        """The share of failures among the newest ``runs`` counted runs that ended at ``at`` or before."""
        told: list[bool] = []
        for run in self._newest_first(at):
            if run.status in COUNTED:
                told.append(run.failed)
            if len(told) == runs:
                break
        return sum(told) / len(told) if told else 0.0

    def durations(self, now: float, seconds: float) -> Quantiles:
        """p50 and p95 of the counted runs of the window that report a duration."""
        bounds = self._slice(now, seconds)
        if self._quantiles is None or self._quantiles[0] != bounds:
            ordered = sorted(
                run.duration_seconds
                for run in self._finished[bounds[0] : bounds[1]]
                if run.duration_seconds is not None and run.status in COUNTED
            )
            figures = Quantiles(quantile(ordered, 0.5), quantile(ordered, 0.95), float(len(ordered)))
            self._quantiles = (bounds, figures)
        return self._quantiles[1]

    def sums(self, now: float, seconds: float) -> RunSums:
        runs = self.within(now, seconds)
        tokens = [run.usage.total for run in runs if run.usage.total is not None]
        cost = [run.usage.cost_usd for run in runs if run.usage.cost_usd is not None]
        retries = [run.retries for run in runs if run.retries is not None]
        return RunSums(
            runs=len(runs),
            tokens=sum(tokens) if tokens else None,
            cost_usd=fsum(cost) if cost else None,
            retries=sum(retries) if retries else None,
        )

    def money(self, now: float, seconds: float, book: PriceBook) -> Mapping[Named, Money]:
        """What runs that ended in (now - seconds, now] cost, by provider and model."""
        bounds = self._slice(now, seconds)
        known = self._money.get(seconds)
        if known is None or known[0] != bounds or known[1] is not book:
            found = money_by_model(self._finished[bounds[0] : bounds[1]], book)
            known = self._money[seconds] = (bounds, book, found)
        return known[2]

    def api_calls(self, now: float, seconds: float) -> int:
        calls = self.runs.api_calls
        return bisect_right(calls, now) - bisect_right(calls, now - seconds)

    @cached_property
    def priced(self) -> bool:
        """Whether any finished run tells its cost."""
        return any(run.usage.cost_usd is not None for run in reversed(self._finished))

    @cached_property
    def concepts(self) -> frozenset[Concept]:
        """The concepts that its runs tell anything of."""
        told = {Concept.RUNS, Concept.ACTIVE, Concept.DURATION}
        if self.runs.api_calls:
            told.add(Concept.CALLS)
        if self.priced:
            told.add(Concept.COST)
        if any(run.usage.total is not None for run in reversed(self._finished)):
            told.add(Concept.TOKENS)
        if any(run.retries is not None for run in reversed(self._finished)):
            told.add(Concept.RETRIES)
        return frozenset(told)

    @property
    def newest(self) -> Run | None:
        return self._finished[-1] if self._finished else None

    @property
    def newest_error(self) -> str | None:
        return next((run.error for run in reversed(self._failed) if run.error), None)


_COLUMNS = (
    RunStatus.SUCCESS,
    RunStatus.ERROR,
    RunStatus.TIMEOUT,
    RunStatus.CANCELLED,
    RunStatus.LOST,
    RunStatus.OTHER,
)


def _running_counts(runs: tuple[Run, ...]) -> list[tuple[int, ...]]:
    """Row i: counts of the first i runs, in the order of the fields of ``StatusCounts``."""
    rows = [(0,) * len(_COLUMNS)]
    for run in runs:
        rows.append(tuple(n + (run.status is status) for n, status in zip(rows[-1], _COLUMNS, strict=True)))
    return rows
