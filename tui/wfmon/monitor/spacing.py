"""How long to wait between two pieces of work, so that they take no more than a share of the CPU."""

from __future__ import annotations

from collections import deque

REMEMBERED = 3


class Spacing:
    """``share`` of one core; ``longest`` pause in seconds.

    The cheapest of the last few counts: what is dear once (a module is loaded, a large picture is made
    for the first time) must not keep what follows waiting.
    """

    def __init__(self, share: float, longest: float) -> None:
        self._share = share
        self._longest = longest
        self._costs: deque[float] = deque(maxlen=REMEMBERED)

    def pause(self, cost: float) -> float:
        """Seconds to wait after work that took ``cost`` seconds of CPU."""
        self._costs.append(cost)
        return min(self._longest, min(self._costs) / self._share)
