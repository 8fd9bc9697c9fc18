"""Seeded money of one workflow, and rules over it: the common ones and ours, as the monitor runs it."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from statistics import fmean, median, pstdev

from simulation.shipped import SHIPPED
from wfmon.analysis.episodes import EpisodeMemory, advance
from wfmon.analysis.hours import Bounds, Hours, hours_like
from wfmon.analysis.rules import cost_spike
from wfmon.analysis.spans import Spans
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.snapshot import Totals, Workflow

HOUR = 3600.0
DAY = 24 * HOUR
START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()  # a Monday
LEARN = 28 * DAY
STEP = 300.0
SETTINGS = SHIPPED.cost_spike
EPISODES = SHIPPED.episodes


@dataclass(frozen=True)
class Incident:
    """From ``begin`` to ``end`` every run costs ``factor`` times as much."""

    begin: float
    end: float
    factor: float


@dataclass(frozen=True)
class Money:
    """When it was spent, and how much up to then."""

    times: list[float]
    sums: list[float]

    def spent(self, begin: float, end: float) -> float:
        """In (begin, end]."""
        return self.sums[bisect_right(self.times, end)] - self.sums[bisect_right(self.times, begin)]


def spending(seed: int, spread: float, days: int, incident: Incident | None = None) -> Money:
    """A compound Poisson process: 12 runs an hour on working days, 2 by night, 4 at weekends; each costs
    lognormal(ln 0.5, ``spread``) dollars."""
    rng = random.Random(seed)
    times, usd, now = [], [], START
    while now < START + days * DAY:
        moment = datetime.fromtimestamp(now, UTC)
        rate = 4.0 if moment.weekday() >= 5 else 12.0 if 8 <= moment.hour < 20 else 2.0
        # Thinned from the highest rate, so that a night's long gap does not swallow the morning.
        now += rng.expovariate(12.0 / HOUR)
        if rng.random() * 12.0 < rate:
            ill = incident is not None and incident.begin <= now < incident.end
            times.append(now)
            usd.append(rng.lognormvariate(-0.693, spread) * (incident.factor if ill and incident else 1.0))
    return Money(times, [0.0, *accumulate(usd)])


def hour_sums(money: Money, days: int) -> list[HourSum]:
    return [
        HourSum(at, Kind.WORKFLOW, "w", "s", Role.METRICS, cost_usd=money.spent(at, at + HOUR))
        for at in (START + n * HOUR for n in range(days * 24))
    ]


def usuals(money: Money, days: int) -> dict[float, Usual | None]:
    """What is usual in each hour, from the hours before it."""
    rows = hour_sums(money, days)
    covered = {("s", Role.METRICS, row.at): HOUR for row in rows}
    hours = Hours("w", rows, covered)
    nothing = Spans([])
    return {
        row.at: hours.alike(Bounds(row.at, START, nothing), UTC, 28.0, 20).cost
        for row in rows
        if row.at >= START + LEARN
    }


States = Iterator[tuple[float, bool]]


def ours(money: Money, usual: dict[float, Usual | None], begin: float, end: float) -> States:
    """Whether the episode of rule ``cost_spike`` is open."""
    memory, now = EpisodeMemory(), begin
    while now < end:
        known = Baseline("w", hours=42, cost_per_hour=usual[now // HOUR * HOUR])
        row = Workflow("w", cost_hour_usd=money.spent(now - HOUR, now), cost_hour_seconds=HOUR, usual=known)
        memory = advance(memory, cost_spike.evaluate([row], Totals(), SETTINGS, {}, now), now, EPISODES)
        yield now, any(episode.firing for episode in memory.episodes.values())
        now += STEP


def held(holds: Iterator[tuple[float, bool]]) -> States:
    """A rule of one threshold: for 10 min, kept for 30 min, as ours is."""
    since, kept = None, float("-inf")
    for now, high in holds:
        since = (now if since is None else since) if high else None
        if since is not None and now - since >= SETTINGS.for_seconds:
            kept = now
        yield now, now - kept < SETTINGS.keep_seconds


def mean_and_three_sigma(money: Money, begin: float, end: float) -> States:
    """Of the hours of the last day."""

    def holds() -> Iterator[tuple[float, bool]]:
        now = begin
        while now < end:
            hours = [money.spent(now - HOUR * (n + 1), now - HOUR * n) for n in range(1, 25)]
            yield now, money.spent(now - HOUR, now) > fmean(hours) + 3 * pstdev(hours)
            now += STEP

    return held(holds())


def linear_mad(money: Money, begin: float, end: float) -> States:
    """More than 3.5 deviations from the median of the same hours, without the logarithm."""

    def holds() -> Iterator[tuple[float, bool]]:
        now, at, bar = begin, -1.0, 0.0
        while now < end:
            if now // HOUR != at:
                at = now // HOUR
                hours = [money.spent(h, h + HOUR) for h in hours_like(now, UTC, 28.0)[:42]]
                middle = median(hours)
                bar = middle + 3.5 * 1.4826 * median(abs(each - middle) for each in hours)
            yield now, money.spent(now - HOUR, now) > bar
            now += STEP

    return held(holds())


def begins(states: States) -> int:
    count, before = 0, False
    for _, firing in states:
        count += firing and not before
        before = firing
    return count


def first_at(states: list[tuple[float, bool]], since: float, wanted: bool) -> float | None:
    times = [now for now, _ in states]
    return next((now for now, firing in states[bisect_left(times, since) :] if firing is wanted), None)
