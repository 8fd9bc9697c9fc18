"""What the forecasts of rule ``storage`` cost and give: rotations, a leak, a burst (alerting-and-burn 6)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pytest

from simulation.shipped import SHIPPED
from simulation.table import Row, show
from wfmon.analysis.episodes import EpisodeMemory, advance
from wfmon.analysis.forecast import DAY, HOUR, slopes
from wfmon.analysis.rules import storage
from wfmon.model.alert import Severity
from wfmon.model.forecast import Filling
from wfmon.model.host import HostSample, Volume

G = 1024.0**3
TOTAL = 200 * G
SAMPLE = 60.0
STEP = 600.0  # between evaluations
START = 1_800_000_000.0 // DAY * DAY
EPISODES = SHIPPED.episodes
SETTINGS = SHIPPED.storage
Samples = list[tuple[float, float]]


def history(seed: int, days: float, free: Callable[[float], float], total: float = TOTAL) -> Samples:
    """Free bytes every minute with a noise of 100 M; ``free`` of the seconds since the start."""
    noise = random.Random(seed)
    return [
        (START + n * SAMPLE, min(total, max(0.0, free(n * SAMPLE) + noise.gauss(0, 0.1 * G))))
        for n in range(int(days * DAY / SAMPLE))
    ]


def states(
    samples: Samples, begin: float, end: float, step: float = STEP, total: float = TOTAL
) -> list[tuple[float, Severity | None]]:
    """What the episode of the volume says from ``begin`` to ``end`` (seconds since the start)."""
    memory, found = EpisodeMemory(), []
    for index in range(int(begin / SAMPLE), min(len(samples), int(end / SAMPLE)), int(step / SAMPLE)):
        now, free = samples[index]
        window = samples[max(0, index - int(26 * HOUR / SAMPLE)) : index + 1]
        volume = Volume("/", "disk", "/", int(total), int(free), 1 - free / total)
        host = HostSample(now, None, None, None, None, None, None, (), (volume,), 0, 0)
        fillings = [Filling("/", slopes=slopes(window, total, now))]
        memory = advance(memory, storage.evaluate(host, SETTINGS, now, fillings), now, EPISODES)
        firing = [each.severity for each in memory.episodes.values() if each.firing]
        found.append((now - START, firing[0] if firing else None))
    return found


def begins(found: list[tuple[float, Severity | None]]) -> int:
    return sum(one is None and other is not None for (_, one), (_, other) in pairwise(found))


def naive(samples: Samples, begin: float, end: float) -> int:
    """How often ``predict_linear`` of 6 h begins to see it full within 24 h."""
    count, before = 0, False
    for index in range(int(begin / SAMPLE), int(end / SAMPLE), int(STEP / SAMPLE)):
        then, now = samples[index - int(6 * HOUR / SAMPLE)][1], samples[index][1]
        firing = then > now and now / (then - now) * 6 < 24
        count += firing and not before
        before = firing
    return count


@dataclass(frozen=True)
class Rotation:
    """``amount`` is written in ``period`` seconds, then deleted, on ``room`` of ``total``; one differs from
    the next by a share of ``spread``."""

    words: str
    amount: float
    period: float
    room: float
    total: float = TOTAL
    spread: float = 0.1


@pytest.mark.parametrize(
    ("rotation", "naive_at_least"),
    [
        (Rotation("30 GB of log a day on 55 GB", 30 * G, DAY, 55 * G), 5),
        (Rotation("20 GB of files in 8 h on 55 GB", 20 * G, DAY / 3, 55 * G), 3),
        # Near the end of each both slopes say that it is full in hours.
        (Rotation("300 GB of files in 12 h on 380 GB", 300 * G, DAY / 2, 380 * G, 1000 * G, 0.03), 3),
    ],
)
def test_rotations_never_warn(rotation: Rotation, naive_at_least: int) -> None:
    loud = quiet = 0
    days = 5.0
    for seed in range(2):
        rng = random.Random(seed)
        count = int((days + 1) * DAY / rotation.period) + 1
        amounts = [rng.gauss(rotation.amount, rotation.spread * rotation.amount) for _ in range(count)]

        def free(at: float, amounts: list[float] = amounts) -> float:
            period = rotation.period
            return rotation.room - amounts[int(at // period)] * (at % period) / period

        samples = history(seed, days, free, rotation.total)
        loud += naive(samples, DAY, days * DAY)
        quiet += begins(states(samples, 1.1 * DAY, days * DAY, 1800.0, rotation.total))
    months = 2 * (days - 1) / 30
    show(Row("storage", f"{rotation.words}, rotated", loud / months, quiet / months))
    assert quiet == 0
    assert loud >= naive_at_least


def first(found: list[tuple[float, Severity | None]], severity: Severity) -> float:
    return next(at for at, each in found if each is not None and each >= severity)


def test_a_leak_is_told_a_day_ahead() -> None:
    ahead = []
    for seed in range(2):
        samples = history(seed, 6.3, lambda at: 120 * G - 20 * G * at / DAY)
        found = states(samples, 3 * DAY, 6.2 * DAY, 1800.0)
        ahead.append((6 * DAY - first(found, Severity.WARNING)) / HOUR)
    show(Row("storage", f"leak of 20 GB a day: warned {median(ahead):.0f} h before full", None, None))
    assert min(ahead) >= 22
    assert max(ahead) <= 40


def test_a_burst_is_told_and_its_end_too() -> None:
    """6 GB an hour from 80 GB free on; in the second case somebody clears up when it is critical."""
    begin = 2 * DAY
    warned, critical, cleared = [], [], []
    for seed in range(2):
        full = begin + 80 / 6 * HOUR
        samples = history(seed, 3, lambda at: 80 * G - 6 * G * max(0.0, at - begin) / HOUR)
        found = states(samples, begin - HOUR, full)
        warned.append((first(found, Severity.WARNING) - begin) / 60)
        critical.append((full - first(found, Severity.CRITICAL)) / HOUR)

        def tidied(at: float) -> float:
            gone = 6 * G * min(max(0.0, at - begin), 10 * HOUR) / HOUR
            return 80 * G - (gone if at < begin + 10 * HOUR else 0.0)

        found = states(history(seed, 4, tidied), begin, 4 * DAY)
        over = next(at for at, each in found if at > begin + 10 * HOUR and each is None)
        cleared.append((over - begin - 10 * HOUR) / 60)
        assert begins(found) == 1, "one alert"
    row = show(
        Row(
            "storage",
            f"burst of 6 GB an hour on 80 GB: critical {median(critical):.1f} h before full",
            None, None, median(warned), median(cleared),
        )
    )  # fmt: skip
    assert min(critical) >= 2.5
    assert max(warned) <= 8 * 60
    assert row.clear is not None
    assert row.clear <= 60
