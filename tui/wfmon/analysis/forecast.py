"""When a file system or a watched directory will be full, by two slopes (alerting-and-burn 6).

The line through the last 6 h says what happens now; the change against 24 h ago says whether it is more
than the daily coming and going of logs. Only where both fall there is something to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wfmon.analysis.quantile import quantile
from wfmon.analysis.slope import fit, regained
from wfmon.analysis.words import plural, size, span
from wfmon.model.forecast import Filling, Slopes
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
# Of what was lost within a day: more, and it comes and goes (rotation, clean-up). By the hour, so that the
# noise of single samples does not look like that.
REGAINED = 2 / 3
DEEPER = 0.1
QUICK = 2700.0
QUICK_SAMPLES = 15
QUICK_KNOWN = 2 / 3


def filling(mount: str, free: Sequence[tuple[float, float]], total: float | None, now: float) -> Filling:
    """``free``: (POSIX seconds, free bytes), oldest first, gaps allowed; of the last 25 h at least where
    they are known. ``total``: bytes in all, for a watched directory its limit.

    ``bytes_per_day`` is what was lost against 24 h ago, known as soon as free space of then (± 30 min) is.
    ``full_in`` is (shortest, longest) of the two times to full; where 24 h ago is not known it is the
    one of 6 h twice, and only where less than 40 % is free.
    """
    room = _room(free, total, now)
    if room is None:
        return Filling(mount, basis="no recent sample")
    full_in, basis = _full_in(room)
    return Filling(mount, room.per_day, full_in, basis, _slopes(room))


def slopes(free: Sequence[tuple[float, float]], total: float | None, now: float) -> Slopes:
    """The times alone, of anything that may run out (inodes); ``free`` and ``total`` as for ``filling``."""
    room = _room(free, total, now)
    return Slopes() if room is None else _slopes(room)


@dataclass(frozen=True, slots=True)
class _Room:
    """Bytes; ``slope`` (6 h) and ``quick`` (45 min) per second; ``seen`` in seconds; None: not known.
    ``deeper``: less is free than ever was on the day before."""

    left: float
    total: float | None
    slope: float | None
    quick: float | None
    per_day: float | None
    seen: float
    comes_and_goes: bool
    deeper: bool


def _room(free: Sequence[tuple[float, float]], total: float | None, now: float) -> _Room | None:
    """None without a fresh sample."""
    seen = now - free[0][0] if free else 0.0
    free = [each for each in free if now - DAY - HOUR < each[0] <= now]
    slots = _by_slot(free, SLOT)
    recent = [each for each in slots if each[0] > now - SHORT]
    if not recent or now - recent[-1][0] > FRESH:
        return None
    left = recent[-1][1]
    line = fit(recent) if len(recent) >= ENOUGH_SLOTS else None
    day_ago = _near(free, now - DAY)
    per_day = None if day_ago is None else day_ago - _median_of(free, now - SLOT, now, left)
    hours = [value for _, value in _by_slot(free, HOUR)]
    return _Room(
        left=left,
        total=total,
        slope=None if line is None else line.slope,
        quick=_quick(free, now),
        per_day=per_day,
        seen=seen,
        comes_and_goes=regained(hours) > REGAINED,
        deeper=_deeper(slots, left, now),
    )


def _quick(free: Sequence[tuple[float, float]], now: float) -> float | None:
    recent = [each for each in free if each[0] > now - QUICK]
    if len(recent) < QUICK_SAMPLES or recent[-1][0] - recent[0][0] < QUICK_KNOWN * QUICK:
        return None
    line = fit(recent)
    return None if line is None else line.slope


def _deeper(slots: Sequence[tuple[float, float]], left: float, now: float) -> bool:
    """By more than a tenth of what it moved within."""
    before = [value for at, value in slots if at <= now - HOUR]
    if not before:
        return False
    lowest, highest = min(before), max(before)
    return left < lowest - DEEPER * (highest - lowest)


def _slopes(room: _Room) -> Slopes:
    return Slopes(
        quick=_empty_in(room.left, room.quick),
        short=_empty_in(room.left, room.slope),
        day=_empty_in(room.left, None if room.per_day is None else -room.per_day / DAY),
        day_known=room.per_day is not None,
        steady=not room.comes_and_goes or room.deeper,
        little=room.total is not None and room.left < LITTLE_FREE * room.total,
    )


def _empty_in(left: float, slope: float | None) -> float | None:
    return left / -slope if slope is not None and slope < 0 else None


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
