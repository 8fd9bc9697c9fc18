"""False alarms and time to detect of rule ``silence`` for workflows that run by day more than by night.

Naive is what alerting-and-burn 4.7 has for any workflow: no run for twice the median gap and five minutes.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from statistics import median

import pytest

from simulation.shipped import CONFIG, SHIPPED
from simulation.table import Row, show
from wfmon.analysis.baseline import baseline
from wfmon.analysis.hours import DAY, HOUR
from wfmon.analysis.rules import silence
from wfmon.analysis.runindex import RunIndex
from wfmon.model.baseline import Baseline
from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.run import Run, RunStatus, WorkflowRuns
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow
from wfmon.monitor.settings import baseline_settings

SETTINGS = SHIPPED.silence
USUAL = baseline_settings(CONFIG)
START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()  # a Monday
LEARN, WATCH = 30, 30  # days
STEP = 120.0
COVERED = {("logs", Role.LOGS, START + n * HOUR): HOUR for n in range((LEARN + WATCH + 2) * 24)}


def weekday(by_day: float, by_night: float) -> Callable[[float], float]:
    """Runs an hour; nights are from 20 to 8, weekends a third of it all."""

    def rate(at: float) -> float:
        moment = datetime.fromtimestamp(at, UTC)
        per_hour = by_day if 8 <= moment.hour < 20 else by_night
        return per_hour / 3 if moment.weekday() >= 5 else per_hour

    return rate


class World:
    """A workflow whose runs all succeed and end at ``ends``."""

    def __init__(self, ends: list[float]) -> None:
        self.ends = ends
        self.runs = [Run(f"r{n}", "w", RunStatus.SUCCESS, ended_at=end) for n, end in enumerate(ends)]
        counts: dict[float, int] = {}
        for end in ends:
            counts[end // HOUR * HOUR] = counts.get(end // HOUR * HOUR, 0) + 1
        self.hours = [HourSum(at, Kind.WORKFLOW, "w", "logs", Role.LOGS, n, 0) for at, n in counts.items()]
        self.hour_begins = [each.at for each in self.hours]
        self.learnt: dict[float, Baseline] = {}

    def usual(self, hour: float) -> Baseline:
        """As it is learnt at the begin of an hour."""
        known = self.learnt.get(hour)
        if known is None:
            known = self.learnt[hour] = self._learn(hour)
        return known

    def _learn(self, hour: float) -> Baseline:
        high = bisect_right(self.ends, hour)
        low, until = (bisect_right(self.hour_begins, at) for at in (hour - 29 * DAY, hour - 1))
        runs, hours = self.runs[max(0, high - 500) : high], self.hours[low:until]
        return baseline("w", runs, hours, COVERED, [], None, hour + 1, UTC, USUAL)

    def states(self, begin: float, end: float, quiet_from: float) -> Iterator[tuple[float, bool, bool]]:
        """Every 2 min: whether ours holds, whether the naive rule does. From ``quiet_from`` nothing runs,
        and what is usual at an hour is learnt as if it did: alerts of this rule spoil no baseline."""
        now = begin
        while now < end:
            usual = self.usual(now // HOUR * HOUR)
            last = self.ends[bisect_right(self.ends, min(now, quiet_from)) - 1]
            naive = now - last > 2 * (usual.gap_p50_seconds or DAY) + 300
            yield now, self._holds(last, usual, now), naive
            now += STEP

    @staticmethod
    def _holds(last: float, usual: Baseline, now: float) -> bool:
        if now - last < 300:
            return False
        run = Run("r", "w", RunStatus.SUCCESS, ended_at=last)
        index = RunIndex(WorkflowRuns("w", (), (run,), START, open_complete=True))
        row = Workflow("w", ladder=(LadderStep(300.0, 300.0, StatusCounts()),))
        (found,) = silence.evaluate(
            [row],
            SETTINGS,
            now,
            baselines={"w": usual},
            limits={},
            indexes={"w": index},
            open_runs={},
        )
        return found.holds is True


def poisson(seed: int, rate: Callable[[float], float], most: float, days: float) -> World:
    source = random.Random(seed)
    ends, now = [], START
    while (now := now + source.expovariate(most / HOUR)) < START + days * DAY:
        if source.random() < rate(now) / most:
            ends.append(now)
    return World(ends)


def schedule(seed: int, every: float, days: float) -> World:
    """A run every so many seconds, late by up to a tenth."""
    source = random.Random(seed)
    return World(
        [START + n * every + source.uniform(0, every / 10) for n in range(1, int(days * DAY / every))]
    )


def begins(states: list[bool]) -> int:
    return sum(now and not before for before, now in zip([False, *states], states, strict=False))


WORLDS = {
    "60 runs/h by day, 15 by night": lambda seed, days: poisson(seed, weekday(60, 15), 60, days),
    "20 runs/h by day, none by night": lambda seed, days: poisson(seed, weekday(20, 0), 20, days),
    "6 runs/h by day, 2 by night": lambda seed, days: poisson(seed, weekday(6, 2), 6, days),
    "one run an hour on a schedule": lambda seed, days: schedule(seed, HOUR, days),
}


@pytest.mark.parametrize(
    ("traffic", "naive_at_least", "ours_at_most", "minutes"),
    [
        ("60 runs/h by day, 15 by night", 50, 1, 20),
        ("20 runs/h by day, none by night", 100, 2, 60),
        ("6 runs/h by day, 2 by night", 100, 2, 900),
        ("one run an hour on a schedule", 0, 0, 150),
    ],
)
def test_false_alarms_and_minutes_to_detect(
    traffic: str, naive_at_least: int, ours_at_most: int, minutes: float
) -> None:
    world = WORLDS[traffic](7, LEARN + WATCH + 1)
    begin, end = START + LEARN * DAY, START + (LEARN + WATCH) * DAY
    states = list(world.states(begin, end, end))
    quiet, loud = begins([each[1] for each in states]), begins([each[2] for each in states])
    detected = []
    for number in range(7):
        stops = begin + (number % 5) * DAY + (10 + number) * HOUR + 700 * number  # weekdays, 10 to 17 o'clock
        found = next((now for now, holds, _ in world.states(stops, stops + 2 * DAY, stops) if holds), None)
        assert found is not None, f"{traffic}: a silence of two days was not seen"
        detected.append((found - stops) / 60)
    show(Row("silence", traffic, loud, quiet, median(detected)))
    assert loud >= naive_at_least
    assert quiet <= ours_at_most
    assert median(detected) <= minutes
