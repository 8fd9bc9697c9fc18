"""The windows over which finished runs are counted."""

from __future__ import annotations

STEPS = (1, 2, 3, 6, 12, 36, 72)


def window_ladder(base: float, longest: float) -> tuple[float, ...]:
    """Windows in seconds, shortest first: multiples of ``base`` up to ``longest``, and ``longest``.

    A workflow with few runs is judged over the shortest window that holds enough of them.
    """
    steps = [base * step for step in STEPS if base * step < longest]
    return (*steps, max(base, longest))
