"""The straight line through samples, and when it comes to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from wfmon.model.record import dataclass

Samples = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """Ordinary least squares: ``slope`` per second, ``r2`` the share of the variance that it explains."""

    slope: float
    r2: float
    n: int


def fit(samples: Samples) -> Line | None:
    """None of fewer than two different times."""
    n = len(samples)
    if n < 2:
        return None
    mean_at = sum(at for at, _ in samples) / n
    mean = sum(value for _, value in samples) / n
    along = sum((at - mean_at) ** 2 for at, _ in samples)
    if not along:
        return None
    spread = sum((value - mean) ** 2 for _, value in samples)
    together = sum((at - mean_at) * (value - mean) for at, value in samples)
    slope = together / along
    # Not as together**2 / (along * spread): that product of tiny numbers is 0.
    return Line(slope, min(1.0, slope * (together / spread)) if spread else 0.0, n)


def empty_in(left: float, line: Line | None) -> float | None:
    """Seconds until ``left`` is used up; None where it does not get less."""
    return left / -line.slope if line is not None and line.slope < 0 else None


def regained(values: Sequence[float]) -> float:
    """What came back as a share of what was lost between the first value and the last; 0 where nothing was
    lost. A sawtooth (rotation, a garbage collector) regains what it loses and has no end."""
    steps = [after - before for before, after in pairwise(values)]
    lost = -sum(step for step in steps if step < 0)
    return sum(step for step in steps if step > 0) / lost if lost else 0.0
