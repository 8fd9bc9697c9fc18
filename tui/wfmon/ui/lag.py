"""How long the event loop keeps a key waiting."""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Any

_SPAN = 60.0  # seconds looked back
_NOTED = 0.001  # seconds of work in one turn of the loop from which it is kept


class LagMeter:
    """Lag in seconds, over the last minute: what an event at a random moment would have waited.

    Measured without wake-ups: the loop does not listen from the end of one wait to the start of the
    next. An event ``t`` before the end of such a stretch waits ``t``.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = self._woke = clock()
        self._busy: deque[tuple[float, float]] = deque(maxlen=20_000)

    def woke(self) -> None:
        self._woke = self._clock()

    def waits(self) -> None:
        now = self._clock()
        if now - self._woke >= _NOTED:
            self._busy.append((now, now - self._woke))

    def quantile(self, share: float) -> float:
        """The lag that ``share`` (0..1) of all moments stay within, in seconds."""
        now = self._clock()
        span = min(_SPAN, now - self._began) or 1.0
        stretches = sorted((busy for at, busy in self._busy if at >= now - _SPAN), reverse=True)
        allowed = (1 - share) * span
        # Moments that wait longer than x: sum of (busy - x) over the stretches longer than x.
        above = 0.0
        for rank, busy in enumerate(stretches, 1):
            above += busy
            lower = stretches[rank] if rank < len(stretches) else 0.0
            if above - rank * lower >= allowed:
                return max((above - allowed) / rank, 0.0)
        return 0.0

    @property
    def longest(self) -> float:
        now = self._clock()
        return max((busy for at, busy in self._busy if at >= now - _SPAN), default=0.0)


class TimedSelector(selectors.BaseSelector):
    """A selector that tells the meter when the loop waits and when it works."""

    def __init__(self, meter: LagMeter, inner: selectors.BaseSelector) -> None:
        self._meter = meter
        self._inner = inner

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._meter.waits()
        try:
            return self._inner.select(timeout)
        finally:
            self._meter.woke()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Any:
        return self._inner.get_map()
