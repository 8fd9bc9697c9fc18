"""Moments as a person writes and reads them, in the display zone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LAST = 2.5e11  # seconds; later ones have no calendar in every zone
_AGO = r"-?((?:\d{1,6}[smhdw])+)(?: ago)?"
_CLOCK = r"(?:(?P<day>.+?)[ t]+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
_DATE = r"(?:(\d{4})-)?(\d{1,2})-(\d{1,2})"

EXAMPLES = "14:02, yesterday 14:02, mon 14:02, -3h, 2026-11-22 14:02"


def told(at: float, now: float, zone: tzinfo | None, *, seconds: bool = False) -> str:
    """``14:02``; of another day ``Mon 14:02``, of one more than six days off ``11-16 14:02``, with the
    year when that is another one."""
    when, today = _local(at, zone), _local(now, zone)
    clock = when.strftime("%H:%M:%S" if seconds else "%H:%M")
    apart = abs((when.date() - today.date()).days)
    if apart == 0:
        return clock
    if apart <= 6:
        return f"{_DAYS[when.weekday()][:3].capitalize()} {clock}"
    return f"{when.strftime('%m-%d' if when.year == today.year else '%Y-%m-%d')} {clock}"


def understood(text: str, now: float, zone: tzinfo | None) -> float | None:
    """The moment that ``text`` means (POSIX seconds), None if nothing is understood.

    A clock without a day, a week day and a date without a year mean the last such moment. What was
    written out in full may lie after ``now``.
    """
    words = " ".join(text.casefold().split())
    at = _relative(words, now)
    if at is None:
        try:
            at = _calendar(words, now, zone)
        except (ValueError, OverflowError, OSError):
            return None
    return at if at is not None and 0 <= at < _LAST else None


def _relative(words: str, now: float) -> float | None:
    if words in ("now", "live"):
        return now
    ago = re.fullmatch(_AGO, words, re.ASCII)
    if ago is None:
        return None
    return now - sum(int(part[:-1]) * _UNITS[part[-1]] for part in re.findall(r"\d+[smhdw]", ago[1]))


def _calendar(words: str, now: float, zone: tzinfo | None) -> float | None:
    """Raises ``ValueError`` or ``OverflowError`` for days and clocks that cannot be."""
    found = re.fullmatch(_CLOCK, words, re.ASCII)
    if found is None:
        clock, day = time(), words
        if not re.fullmatch(_DATE, day, re.ASCII) and day not in ("yesterday", "today"):
            return None
    else:
        clock = time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
        day = found["day"] or ""
    today = _local(now, zone).date()
    if day == "":
        return _last(((today - timedelta(days=back)) for back in range(3)), clock, now, zone)
    if day in ("today", "yesterday"):
        return _at(today - timedelta(days=day == "yesterday"), clock, zone)
    weekday = next((number for number, name in enumerate(_DAYS) if name.startswith(day)), None)
    if weekday is not None and len(day) > 1:
        first = (today.weekday() - weekday) % 7
        return _last((today - timedelta(days=first + week) for week in (0, 7)), clock, now, zone)
    dated = re.fullmatch(_DATE, day, re.ASCII)
    if dated is None:
        return None
    month, of_month = int(dated[2]), int(dated[3])
    if dated[1]:
        return _at(date(int(dated[1]), month, of_month), clock, zone)
    return _last((date(today.year - back, month, of_month) for back in range(2)), clock, now, zone)


def _last(days: Iterable[date], clock: time, now: float, zone: tzinfo | None) -> float | None:
    """The newest moment with that clock, on the newest of ``days`` first, that is not after ``now``."""
    for day in days:
        for fold in (1, 0):
            at = _at(day, clock, zone, fold)
            if at <= now and _local(at, zone).time() == clock:
                return at
    return None


def _at(day: date, clock: time, zone: tzinfo | None, fold: int = 0) -> float:
    return datetime.combine(day, clock.replace(fold=fold), zone).timestamp()


def _local(at: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)
