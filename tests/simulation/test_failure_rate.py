"""What the failure rule costs and gives, against the naive rule (alerting-and-burn 4.3).

The bounds are loose: they catch a changed default, not a changed seed.
"""

from __future__ import annotations

from statistics import median

import pytest

from simulation.traffic import HOUR, begins, first, naive, ours, traffic

DAY = 24 * HOUR
START = 6 * HOUR


@pytest.mark.parametrize(("chance", "naive_at_least", "ours_at_most"), [(0.01, 200, 3), (0.02, 400, 14)])
def test_false_alarms_in_thirty_days_at_sixty_runs_an_hour(
    chance: float, naive_at_least: int, ours_at_most: int
) -> None:
    runs = traffic(7, 60, START + 30 * DAY, lambda _: chance)
    loud = begins(naive(runs, START, START + 30 * DAY, 60))
    quiet = begins(ours(runs, START, START + 30 * DAY, 60))
    print(f"true {chance:.0%}: naive {loud}, ours {quiet} false alarms in 30 days")
    assert loud >= naive_at_least
    assert quiet <= ours_at_most


@pytest.mark.parametrize(("chance", "minutes"), [(0.5, 14), (1.0, 8)])
def test_minutes_to_detect_and_to_clear(chance: float, minutes: float) -> None:
    detected, cleared_after = [], []
    for seed in range(15):
        end = START + HOUR
        runs = traffic(seed, 60, end + 4 * HOUR, lambda now, end=end: chance if START < now < end else 0.01)
        states = ours(runs, START, end + 4 * HOUR, 15)
        begin = first(states, True)
        assert begin is not None, f"seed {seed}: an hour of {chance:.0%} failing was not seen"
        detected.append((begin - START) / 60)
        quiet = next((now for now, firing in states if now > end and not firing), None)
        assert quiet is not None, f"seed {seed}: it never cleared"
        cleared_after.append((quiet - end) / 60)
    found, over = median(detected), median(cleared_after)
    print(f"{chance:.0%} failing: detected in {found:.0f} min, cleared in {over:.0f}")
    assert found <= minutes
    assert over <= 25
