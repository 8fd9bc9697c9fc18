"""What is known from the past, for the next picture."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.baseline import Baseline
from wfmon.model.forecast import Filling
from wfmon.model.history import Change, HistoryStatus
from wfmon.model.record import dataclass, field
from wfmon.model.retention import Retention

Drawn = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Remembered:
    """Unchanged parts are the same objects. ``drawn``: values of drawn series from before the start, by
    name and slot (see ``TrendRing.precede``)."""

    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    fillings: tuple[Filling, ...] = ()
    retention: tuple[Retention, ...] = ()
    changes: tuple[Change, ...] = ()
    drawn: Drawn = field(default_factory=dict)
    status: HistoryStatus | None = None


NOTHING = Remembered()
