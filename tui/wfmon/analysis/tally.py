"""Lowest, mean and highest value of an episode so far."""

from __future__ import annotations

from math import isfinite

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Over ``samples`` evaluations with a known value; ``mean`` weighs each of them alike.

    ``peak`` may come from a store that kept nothing else.
    """

    low: float | None = None
    mean: float | None = None
    peak: float | None = None
    samples: int = 0


NO_TALLY = Tally()


def counted(tally: Tally, value: float | None) -> Tally:
    """``tally`` with one more evaluation; an unknown value is none."""
    if value is None or not isfinite(value):
        return tally
    samples = tally.samples + 1
    low = value if tally.low is None else min(tally.low, value)
    peak = value if tally.peak is None else max(tally.peak, value)
    mean = value if tally.mean is None else tally.mean + (value - tally.mean) / samples
    return Tally(low, min(max(mean, low), peak), peak, samples)
