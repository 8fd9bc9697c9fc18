"""When the room or the inodes of a volume will be used up, for rule ``storage`` (alerting-and-burn 4.6)."""

from __future__ import annotations

from wfmon.analysis.words import age, span
from wfmon.model.forecast import Slopes
from wfmon.model.record import dataclass
from wfmon.model.settings import FillingSettings

STILL = 2.0  # an open forecast stays until one of its times is this many horizons away
PRECISE = 7200.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """``words`` of when it is full, by the slopes of two windows. ``soon`` trips; ``far`` clears."""

    soon: bool = False
    far: bool = True
    for_seconds: float = 0.0
    words: str = ""


NOTHING = Outlook()


def will_warn(slopes: Slopes | None, settings: FillingSettings | None) -> Outlook:
    """By the slopes of 6 h and of a day; before a day is known by that of 6 h, where little is free."""
    if slopes is None or settings is None or slopes.short is None or not slopes.steady:
        return NOTHING
    if not slopes.day_known:
        words = f"full in {_about(slopes.short)} (6h slope)"
        return _fills((slopes.short, settings.horizon_seconds), None, slopes.little, settings, words)
    if slopes.day is None:
        return NOTHING
    words = _ranged(slopes.short, "6h", slopes.day, "day")
    return _fills(
        (slopes.short, settings.horizon_seconds),
        (slopes.day, settings.long_horizon_seconds),
        True,
        settings,
        words,
    )


def will_be_critical(slopes: Slopes | None, settings: FillingSettings | None) -> Outlook:
    """By the slopes of 45 min and of 6 h."""
    if slopes is None or settings is None or slopes.quick is None or slopes.short is None:
        return NOTHING
    if not slopes.steady:
        return NOTHING
    return _fills(
        (slopes.quick, settings.horizon_seconds),
        (slopes.short, settings.long_horizon_seconds),
        slopes.day_known or slopes.little,
        settings,
        _ranged(slopes.quick, "45m", slopes.short, "6h"),
    )


def _fills(
    one: tuple[float, float],
    other: tuple[float, float] | None,
    counts: bool,
    settings: FillingSettings,
    words: str,
) -> Outlook:
    """Each is a time to full and its horizon."""
    both = [one] if other is None else [one, other]
    soon = counts and all(full < horizon for full, horizon in both)
    far = not counts or any(full >= STILL * horizon for full, horizon in both)
    return Outlook(soon, far, settings.for_seconds, words)


def _ranged(one: float, one_window: str, other: float, other_window: str) -> str:
    """``full in 9h (6h slope) to 14h``, the earlier first."""
    (first, window), (last, _) = sorted(((one, one_window), (other, other_window)))
    return f"full in {_about(first)} ({window} slope) to {_about(last)}"


def _about(seconds: float) -> str:
    """A forecast is not known to the minute."""
    return span(seconds) if seconds < PRECISE else age(seconds)
