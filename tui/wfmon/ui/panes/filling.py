"""Growth and time to full in few cells."""

from __future__ import annotations

from wfmon.model.forecast import Filling
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers

SOON = 86_400.0  # seconds; what may be full within them is a warning


def filling_of(snapshot: Snapshot, mount: str) -> Filling | None:
    return next((one for one in snapshot.fillings if one.mount == mount), None)


def full_in(seconds: tuple[float, float]) -> str:
    """``9h``, or ``9h–2d`` where the slopes differ: one unit each, rounded down."""
    near, far = (numbers.age(max(0.0, one)) for one in sorted(seconds))
    return near if near == far else f"{near}–{far}"


def at_the_earliest(seconds: tuple[float, float]) -> str:
    return numbers.age(max(0.0, min(seconds)))


def filling_role(filling: Filling | None) -> str:
    """Whether it is a warning that a volume fills."""
    soon = filling is not None and filling.full_in is not None and min(filling.full_in) < SOON
    return "warning" if soon else "text"
