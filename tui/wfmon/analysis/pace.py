"""How fast a budget is spent against what can be sustained, and how long it lasts (alerting-and-burn 3)."""

from __future__ import annotations

from collections.abc import Sequence

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
LEAST_SAMPLES = 3
LEAST_SPAN = 8 * MINUTE


def pace(spent: float, limit: float, rate_per_second: float, now: float, end: float) -> float | None:
    """The rate as a multiple of what can be spent until ``end``: (B - S) / (P - e). None where nothing is
    left to spend, or no time."""
    left, time = limit - spent, end - now
    if left <= 0 or time <= 0:
        return None
    return max(0.0, rate_per_second) / (left / time)


def exhausted_in(
    limit: float,
    spent: float,
    rates: Sequence[float],
    now: float,
    end: float,
    samples: int,
    span: float,
) -> tuple[tuple[float, float] | None, str]:
    """The earliest and the latest seconds until the budget is spent, by ``rates`` (a second, of several
    windows); None and why where saying it would not be honest.

    ``samples`` over ``span`` seconds are what the shortest rate was taken from.
    """
    left = limit - spent
    if left <= 0:
        return None, "spent"
    if samples < LEAST_SAMPLES or span < LEAST_SPAN:
        return None, "too early to say"
    known = [rate for rate in rates if rate > 0]
    if not known:
        return None, "nothing is spent now"
    times = sorted(left / rate for rate in known)
    if times[0] > end - now:
        return None, "lasts until the period ends"
    return (times[0], times[-1]), ""
