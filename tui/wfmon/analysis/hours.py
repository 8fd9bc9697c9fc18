"""What hours like this one say: the same hour of the day ±1 on days of the same kind.

The set and its size are those of alerting-and-burn 4.5: of the last 28 days the newest 42 at most, weekdays
apart from weekends, by the clock of the display zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import lru_cache
from math import exp, log

from wfmon.analysis.quantile import quantile
from wfmon.analysis.spans import Spans
from wfmon.model.baseline import Usual
from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.record import dataclass

HOUR = 3600.0
DAY = 86400.0
ALIKE_DAYS = 28.0
MOST = 42
LEAST_ALIKE = 5
WRITTEN_SECONDS = 300.0  # what was watched of this hour is written a little later
WATCHED = 0.9  # of an hour: one that was watched less says nothing, not even zero
MONEY_OFFSET_USD = 0.05  # so that an hour without cost has a logarithm

Covered = Mapping[tuple[str, Role, float], float]
_Figure = Callable[[HourSum], float | None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Hours that count: those that begin at ``since`` or later and do not touch ``poisoned``."""

    now: float
    since: float
    poisoned: Spans


@dataclass(frozen=True, slots=True)
class Alike:
    """``hours``: samples of the figure that has most; ``left_out``: hours that were poisoned;
    ``oldest``: the first hour that counts."""

    runs: Usual | None = None
    cost: Usual | None = None
    hours: int = 0
    left_out: int = 0
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """Runs that three of four of just this hour of the day had at least, and of the hour before it; None:
    fewer than ``LEAST_ALIKE`` tell."""

    this: float | None = None
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """Runs and failures of all hours that count."""

    runs: float = 0.0
    failures: float = 0.0
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class _Samples:
    values: tuple[float, ...]
    oldest: float | None
    left_out: frozenset[float]


class Hours:
    """The hourly sums of one workflow. Each figure of each hour is one source's; nothing is added up."""

    def __init__(self, workflow: str, hours: Iterable[HourSum], covered: Covered) -> None:
        self._covered = covered
        self._rows: dict[tuple[str, Role], dict[float, HourSum]] = {}
        for row in hours:
            if row.kind is Kind.WORKFLOW and row.subject == workflow:
                self._rows.setdefault((row.source, row.role), {})[row.at] = row

    @property
    def begins(self) -> float | None:
        """The first hour that any source tells of: before it the workflow may not have been there."""
        return min((at for rows in self._rows.values() for at in rows), default=None)

    def alike(self, bounds: Bounds, zone: tzinfo | None, days: float, needed: int) -> Alike:
        """``bounds.since`` must not lie before the workflow's beginning: silence would count as zero."""
        hours = [at for at in hours_like(bounds.now, zone, min(days, ALIKE_DAYS)) if at >= bounds.since]
        runs = self._samples(_runs, Role.LOGS, hours, bounds)
        cost = self._samples(_cost, Role.METRICS, hours, bounds)
        return Alike(
            runs=_usual(runs.values) if len(runs.values) >= needed else None,
            cost=_usual_money(cost.values) if len(cost.values) >= needed else None,
            hours=max(len(runs.values), len(cost.values)),
            left_out=len(runs.left_out | cost.left_out),
            oldest=min((at for at in (runs.oldest, cost.oldest) if at is not None), default=None),
        )

    def expected(self, bounds: Bounds, zone: tzinfo | None, days: float) -> Expected:
        """Of the hour that ``bounds.now`` lies in; a quantile that days with less do not move."""
        this, before = _hours_apart(bounds.now // HOUR * HOUR, zone, min(days, ALIKE_DAYS))
        return Expected(self._lower(this, bounds), self._lower(before, bounds))

    def _lower(self, hours: Sequence[float], bounds: Bounds) -> float | None:
        values = self._samples(_runs, Role.LOGS, [at for at in hours if at >= bounds.since], bounds).values
        return quantile(sorted(values), 0.25) if len(values) >= LEAST_ALIKE else None

    def newest_run(self, now: float) -> float | None:
        """The end of the newest hour in which a run ended."""
        found = [at for rows in self._rows.values() for at, row in rows.items() if row.runs and at <= now]
        return min(max(found) + HOUR, now) if found else None

    def watched_since(self, now: float) -> float | None:
        """From when on, by whole hours, a source that tells of runs was watched; of several the longest."""
        hour = now // HOUR * HOUR
        begins = []
        for source in self._ranked(_runs, Role.LOGS):
            if self._covered.get((*source, hour), 0.0) < WATCHED * (now - hour) - WRITTEN_SECONDS:
                continue
            begin = hour
            while self._watched(source, begin - HOUR):
                begin -= HOUR
            begins.append(begin)
        return min(begins, default=None)

    def counted(self, bounds: Bounds, until: float) -> Counted:
        """Of hours that end by ``until``. A ratio needs no hour that was watched whole: each is from who
        watched it, else from who tells of it."""
        runs = failures = 0.0
        oldest: float | None = None
        ranked = self._ranked(_failures, Role.LOGS)
        for at in sorted({at for source in ranked for at in self._rows[source]}):
            if at < bounds.since or _end(at) > until or bounds.poisoned.touches(at, _end(at)):
                continue
            telling = [source for source in ranked if at in self._rows[source]]
            source = next((each for each in telling if self._watched(each, at)), telling[0])
            row = self._rows[source][at]
            if row.runs is not None and row.failures is not None:
                runs, failures = runs + row.runs, failures + row.failures
                oldest = at if oldest is None else oldest
        return Counted(runs, failures, oldest)

    def _samples(self, figure: _Figure, preferred: Role, hours: Sequence[float], bounds: Bounds) -> _Samples:
        ranked = self._ranked(figure, preferred)
        values: list[float] = []
        left_out: set[float] = set()
        oldest = None
        for at in hours:
            if len(values) == MOST:
                break
            value = self._value(figure, ranked, at)
            if value is None:
                continue
            if bounds.poisoned.touches(at, _end(at)):
                left_out.add(at)
                continue
            values.append(value)
            oldest = at
        return _Samples(tuple(values), oldest, frozenset(left_out))

    def _ranked(self, figure: _Figure, preferred: Role) -> list[tuple[str, Role]]:
        """Who ever tells the figure, the preferred role first."""
        telling = [
            key for key, rows in self._rows.items() if any(figure(r) is not None for r in rows.values())
        ]
        return sorted(telling, key=lambda key: (key[1] is not preferred, key))

    def _value(self, figure: _Figure, ranked: Sequence[tuple[str, Role]], at: float) -> float | None:
        for source in ranked:
            if not self._watched(source, at):
                continue
            row = self._rows[source].get(at)
            value = 0.0 if row is None else figure(row)
            if value is not None:
                return value
        return None

    def _watched(self, source: tuple[str, Role], at: float) -> bool:
        return self._covered.get((*source, at), 0.0) >= WATCHED * HOUR


def _runs(row: HourSum) -> float | None:
    return row.runs


def _failures(row: HourSum) -> float | None:
    return None if row.runs is None else row.failures


def _cost(row: HourSum) -> float | None:
    return row.cost_usd


def _end(at: float) -> float:
    """The last moment that belongs to the hour."""
    return at + HOUR - 1e-6


@lru_cache(maxsize=8)
def _like(hour: float, zone: tzinfo | None, days: float) -> tuple[float, ...]:
    clock, weekend = _clock(hour, zone)
    found = []
    for back in range(1, int(days * 24) + 1):
        at = hour - back * HOUR
        other, day = _clock(at, zone)
        if day is weekend and (other - clock) % 24 in (0, 1, 23):
            found.append(at)
    return tuple(found)


@lru_cache(maxsize=8)
def _hours_apart(
    hour: float, zone: tzinfo | None, days: float
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of the hours like this one those at the same hour of the day, and those an hour earlier (none where the
    hour before this one is of another kind of day)."""
    like = [(at, _clock(at, zone)[0]) for at in _like(hour, zone, days)]
    clock, weekend = _clock(hour, zone)
    earlier, other = _clock(hour - HOUR, zone)
    before = tuple(at for at, each in like if each == earlier) if other is weekend else ()
    return tuple(at for at, each in like if each == clock), before


def hours_like(now: float, zone: tzinfo | None, days: float) -> tuple[float, ...]:
    """The beginnings of the whole hours before now that are like this one, newest first."""
    return _like(now // HOUR * HOUR, zone, days)


def _clock(at: float, zone: tzinfo | None) -> tuple[int, bool]:
    """The hour that a clock on the wall shows, and whether it is a weekend."""
    moment = datetime.fromtimestamp(at, zone)
    return moment.hour, moment.weekday() >= 5


def _usual(values: Sequence[float]) -> Usual:
    middle, spread = _middle(values)
    return Usual(middle, spread, len(values))


def _usual_money(values: Sequence[float]) -> Usual:
    """Of ln(h + e): money grows by factors (alerting-and-burn 4.5)."""
    middle, spread = _middle([log(max(0.0, value) + MONEY_OFFSET_USD) for value in values])
    return Usual(max(0.0, exp(middle) - MONEY_OFFSET_USD), spread, len(values))


def _middle(values: Sequence[float]) -> tuple[float, float]:
    """Median and median absolute deviation of at least one value."""
    middle = quantile(sorted(values), 0.5) or 0.0
    return middle, quantile(sorted(abs(value - middle) for value in values), 0.5) or 0.0
