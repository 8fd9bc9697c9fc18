"""Quantiles of a finite sample."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """The ``q`` quantile (0..1) of ascending values by linear interpolation; None of nothing.

    Definition 7 of Hyndman and Fan (1996), "Sample Quantiles in Statistical Packages".
    """
    if not ordered:
        return None
    position = (len(ordered) - 1) * q
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
