"""Drawn series: a value every so many seconds, kept while the program runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from wfmon.model.metrics import Trend

LENGTH = 60
STEPS = 20  # points a rate window is drawn with


class TrendRing:
    """Equally spaced points of named series; a step without a value is a gap, not a zero."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._at: int | None = None
        self._series: dict[str, deque[float | None]] = {}
        self._drawn: dict[str, tuple[float | None, ...]] = {}

    def due(self, now: float) -> bool:
        """Whether the step of ``now`` has no values yet."""
        return self._at is None or int(now // self._step) > self._at

    def record(self, now: float, values: Mapping[str, float | None]) -> None:
        """Keep the first value of each step. Missed steps become gaps."""
        if not self.due(now):
            return
        slot = int(now // self._step)
        missed = 0 if self._at is None else min(slot - self._at - 1, LENGTH)
        self._at = slot
        for name in values.keys() | self._series.keys():
            series = self._series.setdefault(name, deque(maxlen=LENGTH))
            series.extend([None] * missed)
            series.append(values.get(name))
        for name in [name for name, series in self._series.items() if not any(v is not None for v in series)]:
            del self._series[name]
        self._drawn = {name: tuple(series) for name, series in self._series.items()}

    def precede(self, earlier: Mapping[str, Mapping[int, float]]) -> None:
        """Put values from before this ring's time in front: name -> slot (time // step) -> value. A ring
        without values goes on from them."""
        if self._at is None:
            newest = [max(values) for values in earlier.values() if values]
            if not newest:
                return
            self._at = max(newest)
        for name, values in earlier.items():
            series = self._series.setdefault(name, deque(maxlen=LENGTH))
            first = self._at + 1 - len(series)
            oldest = self._at + 1 - LENGTH
            begin = min((slot for slot in values if oldest <= slot < first), default=first)
            series.extendleft(values.get(slot) for slot in range(first - 1, begin - 1, -1))
        self._drawn = {name: tuple(series) for name, series in self._series.items()}

    def drawn(self, name: str) -> tuple[float | None, ...]:
        """The points of a series, oldest first; empty for one that is not known."""
        return self._drawn.get(name, ())


class Drawings:
    """Series to draw: what a source has kept itself, else what was seen since the start."""

    def __init__(self, step: float) -> None:
        self.seen = TrendRing(step)
        self._kept: dict[str, tuple[float | None, ...]] = {}

    def take(self, trends: Iterable[Trend]) -> None:
        """Series of a source with a memory of its own (a Prometheus) go before the ring."""
        self._kept = {
            series_name(trend.concept, trend.workflow): tuple(value for _, value in trend.points)
            for trend in trends
            if any(value is not None for _, value in trend.points)
        }

    def drawn(self, name: str) -> tuple[float | None, ...]:
        """The points of a series, oldest first; empty for a series that is not known."""
        return self._kept.get(name) or self.seen.drawn(name)


def series_name(concept: str, workflow: str | None) -> str:
    """The name a series is kept under: a workflow's error ratio under its own name."""
    return workflow if workflow is not None else f" {concept}"  # no workflow's name begins with a blank


def drawn_slots(
    at: float, step: float, series: Mapping[str, tuple[float | None, ...]]
) -> dict[str, dict[int, float]]:
    """Points as another process drew them at ``at``, ``step`` apart, in the form of ``TrendRing.precede``."""
    newest = int(at // step)
    return {
        name: {
            newest + 1 - len(points) + index: value for index, value in enumerate(points) if value is not None
        }
        for name, points in series.items()
        if points
    }


def draw_step(rate_window: float) -> float:
    """Seconds from point to point of a drawn series."""
    return max(1.0, rate_window / STEPS)
