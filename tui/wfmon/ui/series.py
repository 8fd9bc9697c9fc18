"""A series drawn at a width of its own: the same span, in as many cells as there are."""

from __future__ import annotations

import math
from collections.abc import Sequence

SPAN = 60  # values of a series that a snapshot carries, and that a sparkline stands for

Points = Sequence[float | None]


def resampled(points: Points, cells: int, steps: int | None = None) -> list[float | None]:
    """``points`` in ``cells`` equal shares of ``steps`` values, the newest in the last one.

    A cell is the mean of the known values in its share and None where none is known; a share of less
    than one value is the value that it lies in. ``steps`` None: as many as there are points.
    """
    if cells <= 0:
        return []
    steps = len(points) if steps is None else steps
    if steps <= 0:
        return [None] * cells
    shown = points[-steps:]
    missing = steps - len(shown)
    shares = []
    for cell in range(cells):
        first = cell * steps // cells
        last = max(first + 1, (cell + 1) * steps // cells)
        shares.append(_mean(shown[max(0, first - missing) : max(0, last - missing)]))
    return shares


def _mean(points: Points) -> float | None:
    known = [point for point in points if point is not None and math.isfinite(point)]
    return sum(known) / len(known) if known else None
