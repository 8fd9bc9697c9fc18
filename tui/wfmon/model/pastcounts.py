"""Finished runs as a source with a history of its own counted them."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.metrics import RunKey
from wfmon.model.record import dataclass, field


@dataclass(frozen=True, slots=True)
class PastCounts:
    """``counts``: of each key how many runs ended in the ``step`` seconds before each of ``times`` (POSIX
    seconds by our clock, ascending). ``watched``: from when to when the source saw what happened,
    ascending; of what lies between nothing is known."""

    step: float
    times: tuple[float, ...] = ()
    counts: Mapping[RunKey, tuple[float, ...]] = field(default_factory=dict)
    watched: tuple[tuple[float, float], ...] = ()
