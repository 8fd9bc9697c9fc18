"""Calendar days, weeks and months, by whole hours.

What is spent is kept by hours of UTC. In zones whose days do not begin with one of them (India, Nepal) a day
begins with the next whole hour.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, tzinfo

from wfmon.model.budget import Period

HOUR = 3600.0


def bounds(period: Period, at: float, zone: tzinfo | None) -> tuple[float, float]:
    """Begin and end, in POSIX seconds, of the period that holds ``at``; ``zone`` None: local."""
    moment = datetime.fromtimestamp(at, zone)
    day = _midnight(moment)
    begin = _first(period, day)
    if _hour(begin, zone) > at:  # before the first whole hour of a day it is still the day before
        begin = _first(period, day - timedelta(days=1))
    return _hour(begin, zone), _hour(_next(period, begin), zone)


def days(begin: float, end: float, zone: tzinfo | None) -> tuple[float, ...]:
    """The begins of the days that touch ``begin`` to ``end``, the first at ``begin`` or before."""
    found = []
    at = begin
    while at < end:
        day, after = bounds(Period.DAY, at, zone)
        found.append(day)
        at = after
    return tuple(found)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)


def _first(period: Period, day: datetime) -> datetime:
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def _next(period: Period, begin: datetime) -> datetime:
    if period is Period.MONTH:
        return (begin + timedelta(days=32)).replace(day=1)
    return begin + timedelta(days=7 if period is Period.WEEK else 1)


def _hour(local: datetime, zone: tzinfo | None) -> float:
    """The first whole hour at or after a time on the wall."""
    at = local.astimezone().timestamp() if zone is None else local.replace(tzinfo=zone).timestamp()
    return math.ceil(at / HOUR) * HOUR
