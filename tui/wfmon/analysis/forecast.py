"""When a file system or a watched directory will be full, by two slopes (alerting-and-burn 6).

The line through the last 6 h says what happens now; the change against 24 h ago says whether it is more
than the daily coming and going of logs. Only where both fall there is something to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from wfmon.analysis.quantile import quantile
from wfmon.analysis.words import plural, size, span
from wfmon.model.forecast import Filling
from wfmon.model.record import dataclass

HOUR = 3600.0
DAY = 86400.0
SLOT = 600.0  # samples of ten minutes are taken together, by their median
SHORT = 6 * HOUR
ENOUGH_SLOTS = 18  # of the 36 of 6 h: fewer are no trend
FRESH = 2 * SLOT  # the newest sample is no older
DAY_SLACK = 1800.0  # how far from 24 h ago the nearest sample may be
MOST = 30 * DAY  # a time to full beyond this is not told
LITTLE_FREE = 0.4  # below this share one slope is enough while a day ago is not known
REGAINED = 2 / 3  # of what was lost within a day: more, and it comes and goes


def filling(mount: str, free: Sequence[tuple[float, float]], total: float | None, now: float) -> Filling:
    """``free``: (POSIX seconds, free bytes), oldest first, gaps allowed; of the last 25 h at least where
    they are known. ``total``: bytes in all, for a watched directory its limit.

    ``bytes_per_day`` is what was lost against 24 h ago, known as soon as free space of then (± 30 min) is.
    ``full_in`` is (shortest, longest) of the two times to full; where 24 h ago is not known it is the
    one of 6 h twice, and only where less than 40 % is free.
    """
    slots = _by_slot([(at, value) for at, value in free if now - DAY - HOUR < at <= now], SLOT)
    recent = [each for each in slots if each[0] > now - SHORT]
    if not recent or now - recent[-1][0] > FRESH:
        return Filling(mount, basis="no recent sample")
    left = recent[-1][1]
    slope = _slope(recent) if len(recent) >= ENOUGH_SLOTS else None
    day_ago = _near(free, now - DAY)
    per_day = None if day_ago is None else day_ago - _median_of(free, now - SLOT, now, left)
    full_in, basis = _full_in(
        _Room(left, total, slope, per_day, now - free[0][0], _comes_and_goes(free, now))
    )
    return Filling(mount, per_day, full_in, basis)


@dataclass(frozen=True, slots=True)
class _Room:
    """Bytes; ``slope`` in bytes per second; ``seen`` in seconds; None: not known."""

    left: float
    total: float | None
    slope: float | None
    per_day: float | None
    seen: float
    comes_and_goes: bool


def _full_in(room: _Room) -> tuple[tuple[float, float] | None, str]:
    """The range, or None, and from what in words."""
    if room.slope is None:
        return None, f"too few samples in the last {span(SHORT)}"
    trend = f"last {span(SHORT)}: {_rate(-room.slope * DAY)}"
    if room.left <= 0:
        return None, "full"
    if room.slope >= 0:
        return None, trend
    short = room.left / -room.slope
    if room.per_day is None:
        whole = room.seen > DAY - DAY_SLACK
        why = "nothing known of 24h ago" if whole else f"only {span(room.seen)} of history"
        if not room.total or room.left >= LITTLE_FREE * room.total:
            return None, f"{trend}, {why}"
        if room.comes_and_goes or short > MOST:
            return None, f"{trend}, not steady" if room.comes_and_goes else f"{trend}, over {_most()}"
        return (short, short), f"{trend}, {why}"
    both = f"{trend}; against 24h ago: {_rate(room.per_day)}"
    if room.per_day <= 0:
        return None, both
    if room.comes_and_goes:
        return None, f"{both}; comes and goes"
    long = room.left / room.per_day * DAY
    if max(short, long) > MOST:
        return None, f"{both}; over {_most()}"
    return (min(short, long), max(short, long)), both


def _rate(per_day: float) -> str:
    """Growth of what is used: ``+1.2G a day``."""
    return f"{'+' if per_day >= 0 else '-'}{size(abs(per_day))} a day"


def _most() -> str:
    return plural(int(MOST / DAY), "day")


def _by_slot(free: Sequence[tuple[float, float]], seconds: float) -> list[tuple[float, float]]:
    """Median time and value of each slot: equal weight to each, however densely it was sampled."""
    slots: dict[int, list[tuple[float, float]]] = {}
    for sample in free:
        slots.setdefault(int(sample[0] // seconds), []).append(sample)
    return [(_middle(each, _time), _middle(each, _value)) for _, each in sorted(slots.items())]


def _time(sample: tuple[float, float]) -> float:
    return sample[0]


def _value(sample: tuple[float, float]) -> float:
    return sample[1]


def _middle(samples: Sequence[tuple[float, float]], part: Callable[[tuple[float, float]], float]) -> float:
    return quantile(sorted(part(sample) for sample in samples), 0.5) or 0.0


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Ordinary least squares, per second."""
    n = len(points)
    mean_at = sum(at for at, _ in points) / n
    mean = sum(value for _, value in points) / n
    spread = sum((at - mean_at) ** 2 for at, _ in points)
    return sum((at - mean_at) * (value - mean) for at, value in points) / spread if spread else 0.0


def _median_of(free: Sequence[tuple[float, float]], begin: float, end: float, otherwise: float) -> float:
    within = [sample for sample in free if begin <= sample[0] <= end]
    return _middle(within, _value) if within else otherwise


def _near(free: Sequence[tuple[float, float]], at: float) -> float | None:
    """The median of the ten minutes around ``at``, else the nearest value within half an hour."""
    within = [sample for sample in free if abs(sample[0] - at) <= SLOT / 2]
    if within:
        return _middle(within, _value)
    nearest = min(free, key=lambda sample: abs(sample[0] - at), default=None)
    return nearest[1] if nearest is not None and abs(nearest[0] - at) <= DAY_SLACK else None


def _comes_and_goes(free: Sequence[tuple[float, float]], now: float) -> bool:
    """Whether of what a day took most was given back (rotation, clean-up): a sawtooth has no end.

    By the hour, so that the noise of single samples does not look like coming and going.
    """
    hours = _by_slot([sample for sample in free if now - DAY - HOUR < sample[0] <= now], HOUR)
    steps = [after[1] - before[1] for before, after in pairwise(hours)]
    lost = -sum(step for step in steps if step < 0)
    regained = sum(step for step in steps if step > 0)
    return regained > REGAINED * lost
