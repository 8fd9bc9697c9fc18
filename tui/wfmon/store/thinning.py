"""Which looks at a target are worth keeping."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Protocol, TypeVar

from wfmon.model.record import dataclass


class Dated(Protocol):
    @property
    def at(self) -> float: ...


Row = TypeVar("Row", bound=Dated)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Which looks are kept; all in seconds.

    They lie at most ``near`` apart where calls are as dense, and older than ``recent`` at most ``far``;
    none is older than ``oldest``, and none lies before a gap longer than ``max_gap``.
    """

    near: float
    far: float
    recent: float
    oldest: float
    max_gap: float

    @classmethod
    def for_windows(cls, base: float, longest: float, lookback: float) -> Keeping:
        """Such that windows from ``base`` to ``longest`` find a look not further than ``lookback``
        before their begin."""
        return cls(base / 10, lookback, base + lookback, longest + 2 * lookback, base + lookback)

    def connected(self, rows: Sequence[Row], now: float) -> list[Row]:
        """Those (oldest first) that are young enough and behind the last gap."""
        kept: list[Row] = []
        later = now
        for row in reversed(rows):
            if later - row.at > self.max_gap or now - row.at > self.oldest:
                break
            kept.append(row)
            later = row.at
        return kept[::-1]


def thinned(rows: Sequence[Row], near: float, far: float, *, recent: float) -> list[Row]:
    """Without those whose neighbours lie at most ``near`` apart (``far`` before the time ``recent``);
    the first and the last stay."""
    kept = list(rows[:1])
    for row, later in itertools.pairwise(rows[1:]):
        if later.at - kept[-1].at > (near if row.at >= recent else far):
            kept.append(row)
    return [*kept, *rows[-1:]] if len(rows) > 1 else kept
