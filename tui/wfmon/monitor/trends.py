"""Drawn series: a value every so many seconds, kept while the program runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

LENGTH = 60


class TrendRing:
    """Equally spaced points of named series; a step without a value is a gap, not a zero."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._at: int | None = None
        self._series: dict[str, deque[float | None]] = {}
        self._drawn: dict[str, tuple[float | None, ...]] = {}

    def record(self, now: float, values: Mapping[str, float | None]) -> None:
        """Keep the first value of each step. Missed steps become gaps."""
        slot = int(now // self._step)
        if self._at is not None and slot <= self._at:
            return
        missed = 0 if self._at is None else min(slot - self._at - 1, LENGTH)
        self._at = slot
        for name in values.keys() | self._series.keys():
            series = self._series.setdefault(name, deque(maxlen=LENGTH))
            series.extend([None] * missed)
            series.append(values.get(name))
        for name in [name for name, series in self._series.items() if not any(v is not None for v in series)]:
            del self._series[name]
        self._drawn = {name: tuple(series) for name, series in self._series.items()}

    def drawn(self, name: str) -> tuple[float | None, ...]:
        """The points of a series, oldest first; empty for a series that is not known."""
        return self._drawn.get(name, ())
