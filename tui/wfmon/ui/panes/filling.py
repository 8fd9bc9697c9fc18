"""Growth and time to full in few cells."""

from __future__ import annotations

from wfmon.text import numbers


def grown(bytes_per_day: float) -> str:
    """``+1.2G``: what a day brings, in one unit."""
    sign = "+" if bytes_per_day >= 0 else ""
    return f"{sign}{numbers.size(bytes_per_day)}"


def full_in(seconds: tuple[float, float]) -> str:
    """``9h``, or ``9h–2d`` where the slopes differ: one unit, rounded down, at the near end."""
    near, far = (numbers.age(max(0.0, one)) for one in sorted(seconds))
    return near if near == far else f"{near}–{far}"
