"""What the forecast of room costs and gives on the three cases of alerting-and-burn 6, seeded.

A warning is as in 4.6: full within 24 h by the shorter slope and within 72 h by the longer.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from wfmon.analysis.forecast import DAY, HOUR, filling

G = 1024.0**3
TOTAL = 200 * G
STEP = 300.0
START = 1_800_000_000.0 // DAY * DAY


def history(seed: int, days: float, free: Callable[[float], float]) -> list[tuple[float, float]]:
    """Free bytes every five minutes with a noise of 100 M; ``free`` of the seconds since the start."""
    noise = random.Random(seed)
    return [
        (START + n * STEP, max(0.0, free(n * STEP) + noise.gauss(0, 0.1 * G)))
        for n in range(int(days * DAY / STEP))
    ]


def warned(samples: list[tuple[float, float]], index: int) -> bool:
    window = samples[max(0, index - int(26 * HOUR / STEP)) : index + 1]
    found = filling("/", window, TOTAL, samples[index][0]).full_in
    return found is not None and found[0] < 24 * HOUR and found[1] < 72 * HOUR


def naive(samples: list[tuple[float, float]], index: int) -> bool:
    """``predict_linear`` of 6 h: full within 24 h."""
    then, now = samples[index - int(6 * HOUR / STEP)][1], samples[index][1]
    return then > now and now / (then - now) * 6 < 24


def test_a_daily_rotation_never_warns() -> None:
    """30 GB of log a day on 55 GB of room, rotated at midnight; days differ by a tenth."""
    loud = quiet = evaluations = 0
    for seed in range(2):
        volumes = [random.Random(seed * 100 + day).gauss(30 * G, 3 * G) for day in range(9)]

        def free(at: float, volumes: list[float] = volumes) -> float:
            day = int(at // DAY)
            return 55 * G - volumes[day] * (at % DAY) / DAY

        samples = history(seed, 8, free)
        for index in range(int(DAY / STEP), len(samples), 3):
            evaluations += 1
            loud += naive(samples, index)
            quiet += warned(samples, index)
    print(f"rotation: naive {loud}, ours {quiet} false warnings in {evaluations} evaluations")
    assert quiet == 0
    assert loud > evaluations / 20


def ahead(samples: list[tuple[float, float]], begin: float) -> float:
    """Seconds from the first warning after ``begin`` to when it is full."""
    full = next(at for at, free in samples if free <= 0)
    for index in range(int(begin / STEP), len(samples), 3):
        if warned(samples, index):
            return full - samples[index][0]
    raise AssertionError("never warned")


def test_a_leak_is_told_a_day_ahead() -> None:
    hours = []
    for seed in range(2):
        samples = history(seed, 7, lambda at: 120 * G - 20 * G * at / DAY)
        hours.append(ahead(samples, DAY) / HOUR)
    print("leak of 20 GB a day: warned", ", ".join(f"{each:.0f} h" for each in hours), "ahead")
    assert min(hours) >= 22
    assert max(hours) <= 40


def test_a_burst_is_told_hours_ahead() -> None:
    hours = []
    for seed in range(2):
        samples = history(seed, 4, lambda at: 80 * G - 6 * G * max(0.0, at - 2 * DAY) / HOUR)
        hours.append(ahead(samples, 2 * DAY) / HOUR)
    print("burst of 6 GB an hour: warned", ", ".join(f"{each:.1f} h" for each in hours), "ahead")
    assert min(hours) >= 7
