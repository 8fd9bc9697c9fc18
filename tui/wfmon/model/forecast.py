"""When something will be full."""

from __future__ import annotations

from wfmon.model.record import dataclass, field


@dataclass(frozen=True, slots=True)
class Slopes:
    """Seconds until nothing is free by single windows: ``quick`` of 45 min, ``short`` of 6 h, ``day`` of the
    change against 24 h ago. None: not known, or it does not get less.

    ``day_known``: what was free 24 h ago. ``steady``: it is no coming and going that goes no further than
    it went before. ``little``: less than 40 % is free.
    """

    quick: float | None = None
    short: float | None = None
    day: float | None = None
    day_known: bool = False
    steady: bool = False
    little: bool = False


@dataclass(frozen=True, slots=True)
class Filling:
    """A file system or watched directory by its two slopes (alerting-and-burn 6).

    ``bytes_per_day``: what it grows by; None until enough was seen. ``full_in``: the shortest and the
    longest time to full in seconds; None where that would not be honest. ``shrinking``: it gains room.
    ``basis``: what it was taken from, in words, for ``i``. ``slopes``: of bytes, for rules; ``inodes``: of
    inodes, None where they are not told.
    """

    mount: str
    bytes_per_day: float | None = None
    full_in: tuple[float, float] | None = None
    basis: str = ""
    slopes: Slopes = field(default_factory=Slopes)
    inodes: Slopes | None = None
