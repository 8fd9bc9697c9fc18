"""Stretches of time, asked often."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Spans:
    """The union of (begin, end) pairs, ends included."""

    def __init__(self, pairs: Iterable[tuple[float, float]]) -> None:
        self._begins: list[float] = []
        self._ends: list[float] = []
        for begin, end in sorted(pair for pair in pairs if pair[0] <= pair[1]):
            if self._ends and begin <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._begins.append(begin)
                self._ends.append(end)

    def holds(self, at: float) -> bool:
        return self.touches(at, at)

    def touches(self, begin: float, end: float) -> bool:
        """Whether any of it lies within ``begin`` .. ``end``."""
        index = bisect_right(self._begins, end) - 1
        return index >= 0 and self._ends[index] >= begin
