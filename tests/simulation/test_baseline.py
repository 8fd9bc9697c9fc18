"""Months of one workflow, seeded: an incident does not move what is usual, an accepted change does."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log

import pytest

from simulation.shipped import CONFIG
from wfmon.analysis.baseline import baseline
from wfmon.analysis.hours import DAY, HOUR
from wfmon.model.baseline import Baseline
from wfmon.model.episode import Accepted
from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.monitor.settings import baseline_settings

SETTINGS = baseline_settings(CONFIG)
START = datetime(2026, 1, 5, tzinfo=UTC).timestamp()  # a Monday
DAYS = 35
INCIDENT = START + 33 * DAY + 10 * HOUR
LENGTH = 6 * HOUR


@dataclass(frozen=True)
class World:
    runs: list[Run]
    hours: list[HourSum]
    covered: dict[tuple[str, Role, float], float]

    def usual(
        self, now: float, poisoned: list[tuple[float, float]], accepted: Accepted | None = None
    ) -> Baseline:
        kept = [run for run in self.runs if (run.ended_at or 0) <= now]
        hours = [row for row in self.hours if row.at + HOUR <= now]
        return baseline("w", kept, hours, self.covered, poisoned, accepted, now, UTC, SETTINGS)


def world(seed: int, ill: float | None, until: float) -> World:
    """20 runs an hour by day and 4 by night; from ``ill`` to ``until`` three times as many, slower and
    dearer by 5, of which 60 % fail; else 1 %."""
    source = random.Random(seed)
    runs: list[Run] = []
    now = START
    while now < START + DAYS * DAY:
        hour = (now - START) % DAY / HOUR
        sick = ill is not None and ill <= now < until
        now += source.expovariate((20 if 8 <= hour < 20 else 4) * (3 if sick else 1) / HOUR)
        failed = source.random() < (0.6 if sick else 0.01)
        seconds = source.lognormvariate(log(30), 0.4) * (5 if sick else 1)
        cost = source.lognormvariate(log(0.05), 0.5) * (5 if sick else 1)
        status = RunStatus.ERROR if failed else RunStatus.SUCCESS
        usage = Usage(total=int(cost * 20000), cost_usd=cost)
        runs.append(Run(f"r{len(runs)}", "w", status, now - seconds, now, seconds, usage=usage))
    return World(runs, *_hours(runs))


def _hours(runs: list[Run]) -> tuple[list[HourSum], dict[tuple[str, Role, float], float]]:
    by_hour: dict[float, list[Run]] = {}
    for run in runs:
        by_hour.setdefault((run.ended_at or 0) // HOUR * HOUR, []).append(run)
    rows = [
        HourSum(
            at, Kind.WORKFLOW, "w", "logs", Role.LOGS, len(each), sum(run.failed for run in each), None,
            sum(run.usage.cost_usd or 0 for run in each),
        )
        for at, each in by_hour.items()
    ]  # fmt: skip
    return rows, {("logs", Role.LOGS, START + n * HOUR): HOUR for n in range(DAYS * 24)}


def apart(one: float | None, other: float | None) -> float:
    assert one is not None
    assert other is not None
    return abs(one / other - 1)


@pytest.mark.parametrize("seed", range(3))
def test_six_hours_of_incident_move_nothing(seed: int) -> None:
    calm, ill = world(seed, None, 0), world(seed, INCIDENT, INCIDENT + LENGTH)
    poisoned = [(INCIDENT, INCIDENT + LENGTH)]
    before = calm.usual(INCIDENT, [])
    for hours in (1, 3, 6, 24):
        now = INCIDENT + hours * HOUR
        found = ill.usual(now, poisoned)
        assert found.error_ratio is not None
        assert found.error_ratio < 0.03
        assert apart(found.duration_p50_seconds, before.duration_p50_seconds) < 0.15
        assert apart(found.duration_p95_seconds, before.duration_p95_seconds) < 0.2
        assert apart(found.cost_p50_usd, before.cost_p50_usd) < 0.15
        same_hour = calm.usual(now, [])
        assert found.runs_per_hour is not None
        assert same_hour.runs_per_hour is not None
        assert found.runs_per_hour.median == pytest.approx(same_hour.runs_per_hour.median, abs=2)
        assert apart(found.cost_usd_per_hour, same_hour.cost_usd_per_hour) < 0.1
    unguarded = ill.usual(INCIDENT + LENGTH, [])
    assert unguarded.error_ratio is not None
    assert unguarded.error_ratio > 0.2  # what the guard is for
    assert apart(unguarded.duration_p95_seconds, before.duration_p95_seconds) > 1


@pytest.mark.parametrize("seed", range(3))
def test_an_accepted_change_is_the_new_normal(seed: int) -> None:
    """It goes on being ill: since it was accepted that is how it is."""
    ill = world(seed, INCIDENT, START + DAYS * DAY)
    now = START + DAYS * DAY
    alert = [(INCIDENT, now)]
    old = ill.usual(now, alert)
    found = ill.usual(now, alert, Accepted("w", INCIDENT, INCIDENT + HOUR, "joe"))
    assert found.error_ratio == pytest.approx(0.6, abs=0.07)
    assert old.error_ratio is not None
    assert old.error_ratio < 0.03
    assert found.duration_p50_seconds is not None
    assert old.duration_p50_seconds is not None
    assert found.duration_p50_seconds == pytest.approx(5 * old.duration_p50_seconds, rel=0.3)
    assert found.since is not None
    assert found.since >= INCIDENT
    assert found.runs_per_hour is None  # a day and a half of hours is not enough yet
    soon = ill.usual(INCIDENT + 1200, [(INCIDENT, now)], Accepted("w", INCIDENT, INCIDENT + 1000, "joe"))
    assert soon.learning or soon.n < 40
