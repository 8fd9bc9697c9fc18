"""What is known from the past, for the next picture."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.baseline import Baseline
from wfmon.model.budget import Accounts
from wfmon.model.forecast import Filling
from wfmon.model.history import Change, HistoryStatus
from wfmon.model.record import dataclass, field
from wfmon.model.retention import Retention

Drawn = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class Remembered:
    """Unchanged parts are the same objects. ``drawn``: values of drawn series from before the start, by
    name and slot (see ``TrendRing.precede``). ``accounts``: what was spent until now."""

    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    fillings: tuple[Filling, ...] = ()
    retention: tuple[Retention, ...] = ()
    changes: tuple[Change, ...] = ()
    drawn: Drawn = field(default_factory=dict)
    status: HistoryStatus | None = None
    accounts: Accounts | None = None


NOTHING = Remembered()
