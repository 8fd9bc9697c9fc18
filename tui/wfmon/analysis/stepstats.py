"""Where the time of a workflow goes: its steps over many runs, and what a run of it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wfmon.analysis.quantile import quantile
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import PriceBook, run_money
from wfmon.model.record import dataclass
from wfmon.model.run import COUNTED, FAILED, Run, RunStatus, Step


@dataclass(frozen=True, slots=True)
class StepStat:
    """One step over many runs. ``n``: its ended executions, ``timed`` those of them whose seconds are known:
    ``p50_seconds``, ``p95_seconds`` and ``max_seconds`` are theirs, with all attempts and the waits between.

    ``share``: of the time of the finished runs that tell how long they took (0..1; steps beside each other
    may add up to more than 1; None: no such run). ``retries``: attempts that another followed. ``slowest``:
    the run that took ``max_seconds`` in it. ``going``: executions that have not ended, in no other figure.
    """

    name: str
    n: int
    timed: int
    p50_seconds: float | None
    p95_seconds: float | None
    max_seconds: float | None
    share: float | None
    failed: int
    retries: int
    going: int = 0
    slowest: Run | None = None


@dataclass(frozen=True, slots=True)
class PerRun:
    """What a finished run took in the mean: ``tokens`` of ``tokens_n`` runs that tell them, ``money`` of the
    ``money_n`` runs of which any is known. ``retried``: how many of ``n`` runs were tried more than once, of
    those ``retries_n`` that tell it."""

    n: int
    tokens: float | None = None
    tokens_n: int = 0
    money: Money = NO_MONEY
    money_n: int = 0
    retried: int = 0
    retries_n: int = 0


def step_seconds(step: Step) -> float | None:
    """How long an ended step took: all its attempts and the waits between them, where both ends are known;
    else what its log says, often of its last attempt alone."""
    if (step.attempt or 1) > 1 and step.started_at is not None and step.ended_at is not None:
        return max(0.0, step.ended_at - step.started_at)
    return step.duration_seconds


def step_stats(runs: Iterable[Run]) -> tuple[StepStat, ...]:
    """Of every step in ``runs``, first those that most of the time went to."""
    tallies: dict[str, _Tally] = {}
    whole = 0.0
    for run in runs:
        of_time = run.status is not RunStatus.RUNNING and run.duration_seconds is not None and bool(run.steps)
        whole += (run.duration_seconds or 0.0) if of_time else 0.0
        for step in run.steps:
            tally = tallies.get(step.name)
            if tally is None:
                tally = tallies[step.name] = _Tally(step.name)
            tally.take(step, run, of_time)
    return tuple(sorted((each.stat(whole) for each in tallies.values()), key=_slowest_first))


def per_run(runs: Sequence[Run], book: PriceBook) -> PerRun:
    """Means over those of ``runs`` that finished (success, error, timeout, lost)."""
    counted = [run for run in runs if run.status in COUNTED]
    tokens = [run.usage.total for run in counted if run.usage.total is not None]
    money, money_n = NO_MONEY, 0
    for run in counted:
        cost = run_money(run, book)
        if cost != NO_MONEY:
            money, money_n = money + cost, money_n + 1
    tries = [_retries(run) for run in counted]
    return PerRun(
        len(counted),
        sum(tokens) / len(tokens) if tokens else None,
        len(tokens),
        money.scaled(1 / money_n) if money_n else NO_MONEY,
        money_n,
        sum(bool(each) for each in tries),
        sum(each is not None for each in tries),
    )


def _retries(run: Run) -> int | None:
    if run.retries is not None:
        return run.retries
    known = [step.attempt for step in run.steps if step.attempt is not None]
    return sum(attempt - 1 for attempt in known) if known else None


class _Tally:
    """One step while runs are counted."""

    __slots__ = ("_most", "failed", "going", "n", "name", "retries", "seconds", "slowest", "spent")

    def __init__(self, name: str) -> None:
        self.name = name
        self.n = self.failed = self.retries = self.going = 0
        self.seconds: list[float] = []
        self.spent = 0.0  # in runs whose time is known
        self.slowest: Run | None = None
        self._most = 0.0

    def take(self, step: Step, run: Run, of_time: bool) -> None:
        self.retries += max(0, (step.attempt or 1) - 1)
        if step.status is RunStatus.RUNNING:
            self.going += 1
            return
        self.n += 1
        self.failed += step.status in FAILED
        seconds = step_seconds(step)
        if seconds is None:
            return
        if self.slowest is None or seconds > self._most:
            self.slowest, self._most = run, seconds
        self.seconds.append(seconds)
        self.spent += seconds if of_time else 0.0

    def stat(self, whole: float) -> StepStat:
        ordered = sorted(self.seconds)
        return StepStat(
            self.name,
            self.n,
            len(ordered),
            quantile(ordered, 0.5),
            quantile(ordered, 0.95),
            ordered[-1] if ordered else None,
            self.spent / whole if whole > 0 and ordered else None,
            self.failed,
            self.retries,
            self.going,
            self.slowest,
        )


def _slowest_first(stat: StepStat) -> tuple[float, float, str]:
    return -(stat.share or 0.0), -(stat.p95_seconds or 0.0), stat.name
