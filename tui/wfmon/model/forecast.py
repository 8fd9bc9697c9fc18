"""When something will be full."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Filling:
    """A file system or watched directory by its two slopes (alerting-and-burn 6).

    ``bytes_per_day``: what it grows by; None until enough was seen. ``full_in``: the shortest and the
    longest time to full in seconds; None where that would not be honest. ``shrinking``: it gains room.
    ``basis``: what it was taken from, in words, for ``i``.
    """

    mount: str
    bytes_per_day: float | None = None
    full_in: tuple[float, float] | None = None
    basis: str = ""
