"""What rule ``cost_spike`` costs and gives, against rules without a logarithm (alerting-and-burn 4.5).

The bounds are loose: they catch a changed default, not a changed seed.
"""

from __future__ import annotations

from statistics import median

import pytest

from simulation.spending import (
    DAY,
    HOUR,
    LEARN,
    START,
    Incident,
    begins,
    first_at,
    linear_mad,
    mean_and_three_sigma,
    ours,
    spending,
    usuals,
)
from simulation.table import Row, show

FROM = START + LEARN + DAY
MINUTE = 60.0


@pytest.mark.parametrize(("spread", "naive_at_least", "ours_at_most"), [(0.7, 8, 2), (1.2, 15, 3)])
def test_false_alarms_in_thirty_days(spread: float, naive_at_least: int, ours_at_most: int) -> None:
    """Nothing happens but days, nights and weekends."""
    quiet = []
    for seed in range(2):
        money = spending(seed, spread, 59)
        quiet.append(begins(ours(money, usuals(money, 59), FROM, FROM + 30 * DAY)))
    money = spending(0, spread, 59)
    sigmas = begins(mean_and_three_sigma(money, FROM, FROM + 30 * DAY))
    linear = begins(linear_mad(money, FROM, FROM + 30 * DAY))
    traffic = f"12/2/4 runs an hour by day, night, weekend, ln sigma {spread}"
    show(Row("cost_spike", f"{traffic}; naive: mean + 3 sigma of 24 h", sigmas, sum(quiet) / len(quiet)))
    show(Row("cost_spike", f"{traffic}; naive: median + 3.5 MAD", linear, sum(quiet) / len(quiet)))
    assert sigmas >= naive_at_least
    assert linear >= naive_at_least
    assert max(quiet) <= ours_at_most


@pytest.mark.parametrize(
    ("factor", "seen_at_least", "detect_at_most", "clear_at_most"), [(6.0, 11, 80, 95), (3.0, 5, 180, 95)]
)
def test_minutes_to_detect_and_to_clear(
    factor: float, seen_at_least: int, detect_at_most: float, clear_at_most: float
) -> None:
    """Three hours of dearer runs by day. The clear pair needs the hour to pass, and its 30 minutes."""
    detected, cleared = [], []
    begin, end = FROM + 10 * HOUR, FROM + 13 * HOUR
    for seed in range(12):
        money = spending(100 + seed, 0.7, 31, Incident(begin, end, factor))
        states = list(ours(money, usuals(money, 31), begin - 2 * HOUR, end + 6 * HOUR))
        found = first_at(states, begin, True)
        if found is None or found >= end:
            continue
        over = first_at(states, end, False)
        assert over is not None, f"seed {seed}: it never cleared"
        detected.append((found - begin) / MINUTE)
        cleared.append((over - end) / MINUTE)
    traffic = f"x{factor:.0f} by day, ln sigma 0.7 (seen {len(detected)} of 12 times in 3 h)"
    row = show(Row("cost_spike", traffic, None, None, median(detected), median(cleared)))
    assert len(detected) >= seen_at_least
    assert row.detect is not None
    assert row.detect <= detect_at_most
    assert row.clear is not None
    assert row.clear <= clear_at_most
