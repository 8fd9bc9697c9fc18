"""What the failure rule costs and gives, against the naive rule (alerting-and-burn 4.3).

The bounds are loose: they catch a changed default, not a changed seed.
"""

from __future__ import annotations

from statistics import median

import pytest

from simulation.table import Row, show
from simulation.traffic import HOUR, begins, naive, ours, traffic, usual

DAY = 24 * HOUR
START = 6 * HOUR


@pytest.mark.parametrize(
    ("per_hour", "chance", "days", "naive_at_least", "ours_at_most"),
    [
        (60, 0.01, 30, 200, 3),
        (60, 0.02, 30, 400, 14),
        (60, 0.10, 30, 400, 6),
        (600, 0.01, 10, 100, 3),
        (600, 0.02, 10, 400, 12),
        (6, 0.01, 30, 20, 3),
        (6, 0.02, 30, 40, 4),
    ],
)
def test_false_alarms_in_thirty_days(
    per_hour: float, chance: float, days: int, naive_at_least: int, ours_at_most: int
) -> None:
    """By the runs in order and what is usual, and by windows alone as on the first day."""
    until, share = START + days * DAY, 30 / days
    runs = traffic(7, per_hour, until, lambda _: chance)
    loud = begins(naive(runs, START, until, 60)) * share
    quiet = begins(ours(runs, START, until, 120, usual(chance, per_hour))) * share
    detected, cleared_after = incident(per_hour, 0.5, chance, seeds=7)
    show(Row("failure_rate", f"{per_hour:g} runs/h, {chance:.0%} fail", loud, quiet, detected, cleared_after))
    assert loud >= naive_at_least
    assert quiet <= ours_at_most


@pytest.mark.parametrize(("chance", "ours_at_most"), [(0.02, 14)])
def test_false_alarms_without_a_baseline(chance: float, ours_at_most: int) -> None:
    runs = traffic(7, 60, START + 30 * DAY, lambda _: chance)
    quiet = begins(ours(runs, START, START + 30 * DAY, 120))
    show(Row("failure_rate", f"60 runs/h, {chance:.0%} fail, first day", None, quiet))
    assert quiet <= ours_at_most


def incident(per_hour: float, chance: float, else_: float, seeds: int) -> tuple[float, float]:
    """Median minutes to detect and to clear. It lasts until 40 runs have ended in it."""
    detected, cleared_after = [], []
    step = 15.0 if per_hour > 10 else 60.0
    length = max(HOUR, 40 / per_hour * HOUR)
    for seed in range(seeds):
        end = START + length

        def failing(now: float, end: float = end) -> float:
            return chance if START < now < end else else_

        runs = traffic(seed, per_hour, end + 2 * length + HOUR, failing)
        begin = over = None
        for now, firing in ours(runs, START, end + 2 * length, step, usual(else_, per_hour)):
            if firing and begin is None:
                begin = now
            if not firing and now > end:
                over = now
                break
        assert begin is not None, f"seed {seed}: {chance:.0%} failing was not seen"
        assert over is not None, f"seed {seed}: it never cleared"
        detected.append((begin - START) / 60)
        cleared_after.append((over - end) / 60)
    return median(detected), median(cleared_after)


@pytest.mark.parametrize(
    ("per_hour", "chance", "detect", "clear"),
    [(60, 0.5, 14, 25), (60, 1.0, 6, 25), (600, 0.5, 4, 25), (600, 1.0, 2, 25), (6, 1.0, 45, 60)],
)
def test_minutes_to_detect_and_to_clear(per_hour: float, chance: float, detect: float, clear: float) -> None:
    found, over = incident(per_hour, chance, 0.01, seeds=11)
    show(
        Row(
            "failure_rate",
            f"{per_hour:g} runs/h, {chance:.0%} of them begin to fail",
            None,
            None,
            found,
            over,
        )
    )
    assert found <= detect
    assert over <= clear
