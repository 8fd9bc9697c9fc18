"""Numbers as the screens show them (screens.md).

One law for all of them: unknown (``None``, NaN, infinite) is ``–``; what is not zero never reads as
zero (``<0.1``) and what is not the whole never reads as the whole (``>99%``). A minus stands only
before what is below zero (``abs`` where a number is written: -0.0 is zero).

| function | for | looks like |
|---|---|---|
| ``duration`` | how long something lasts | ``41s`` ``3m12s`` ``2h05m`` ``9h`` |
| ``span`` | run times in a column | ``0.4s`` ``5.2s`` ``41s`` ``3m04`` ``2h05`` |
| ``latency`` | how long an answer took | ``12ms`` ``3.2s`` |
| ``age`` | how long ago, one unit, rounded down | ``2s`` ``6m`` ``13h`` ``92d`` |
| ``count`` | counts and token rates | ``512`` ``8.1k`` ``61.0k`` ``2.3M`` |
| ``counted`` | a count and of what | ``500 runs`` ``1 hour`` |
| ``rate`` | a small rate, one decimal | ``50.0`` ``1.2`` ``<0.1`` |
| ``percent`` | a ratio in a sentence | ``32%`` ``0.8%`` ``<0.1%`` ``>99.9%`` |
| ``percent_cell`` | a ratio in an ERR% column | ``32.0`` ``0.8`` ``<0.1`` |
| ``times`` | a ratio to usual | ``2.1x`` |
| ``money`` | USD in a sentence | ``$4.20`` ``$123`` ``<$0.01`` |
| ``money_cell`` | USD in a $/h column | ``4.20`` ``1.10`` |
| ``size`` | bytes, 1024-based | ``18.2G`` ``512B`` |
| ``growth`` | bytes that a day brings | ``+1.2G`` ``-512M`` |
| ``size_pair`` | used of total, unit of the total | ``18.2/31.3G`` |
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, tzinfo
from typing import TypeGuard

UNKNOWN = "–"

_MINUTE = 60
_HOUR = 3600
_DAY = 86_400


def duration(seconds: float | None) -> str:
    """Two units at most, whole seconds, rounded down; a second unit of zero is left out.

    >>> duration(192), duration(41.9), duration(180), duration(7500), duration(0.4), duration(None)
    ('3m12s', '41s', '3m', '2h05m', '<1s', '–')
    """
    if not _known(seconds):
        return UNKNOWN
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if 0 < seconds < 1:
        return "<1s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return _two_units(whole, _MINUTE, "m", 1, "s")
    if whole < _DAY:
        return _two_units(whole, _HOUR, "h", _MINUTE, "m")
    return _two_units(whole, _DAY, "d", _HOUR, "h")


def span(seconds: float | None) -> str:
    """A run time in at most four or five columns.

    >>> span(5.24), span(41.2), span(184), span(7500), span(0.4), span(0.02), span(0), span(200_000)
    ('5.2s', '41s', '3m04', '2h05', '0.4s', '20ms', '0s', '2d07')
    """
    if not _known(seconds):
        return UNKNOWN
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds == 0:
        return "0s"
    if seconds < 0.0995:
        return latency(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}"
    if whole < 100 * _DAY:
        return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}"
    return f"{whole // _DAY}d"


def latency(seconds: float | None) -> str:
    """Milliseconds below a second.

    >>> latency(0.012), latency(0.0001), latency(3.21), latency(0)
    ('12ms', '<1ms', '3.2s', '0ms')
    """
    if not _known(seconds):
        return UNKNOWN
    if seconds < 0:
        return f"-{latency(-seconds)}"
    if seconds >= 0.9995:
        return span(seconds)
    if 0 < seconds < 0.001:
        return "<1ms"
    return f"{abs(seconds) * 1000:.0f}ms"


def age(seconds: float | None) -> str:
    """How long ago: one unit, rounded down (``13h`` is 13 h at least); negative is in the future.

    >>> age(2.9), age(119), age(47_000), age(8_000_000), age(0.3), age(-90)
    ('2s', '1m', '13h', '92d', '0s', '-1m')
    """
    if not _known(seconds):
        return UNKNOWN
    if seconds <= -1:
        return f"-{age(-seconds)}"
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < _DAY:
        return f"{whole // _HOUR}h"
    return f"{whole // _DAY}d"


def count(number: float | None) -> str:
    """A count, or a rate of counts; k, M, G, T are powers of 1000. Whole numbers stay whole.

    >>> count(250), count(8_100), count(61_000), count(999_960), count(3.5), count(0.04), count(0)
    ('250', '8.1k', '61.0k', '1.0M', '3.5', '<0.1', '0')
    """
    if not _known(number):
        return UNKNOWN
    if number < 0:
        return f"-{count(-number)}"
    if number < 999.5:
        if number == int(number):
            return f"{int(number)}"
        return rate(number) if number < 99.95 else f"{number:.0f}"
    for unit in "kMGT":
        number /= 1000
        if number < 999.95:
            return f"{number:.1f}{unit}"
    return f"{number:.3g}T"


def counted(number: float, what: str) -> str:
    """A count and what is counted; ``what`` takes an s.

    >>> counted(500, "run"), counted(1, "hour"), counted(4_000, "run")
    ('500 runs', '1 hour', '4.0k runs')
    """
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def rate(per_unit: float | None) -> str:
    """One decimal, always.

    >>> rate(50), rate(1.23), rate(0), rate(0.04), rate(12_345.6)
    ('50.0', '1.2', '0.0', '<0.1', '12.3k')
    """
    if not _known(per_unit):
        return UNKNOWN
    if per_unit < 0:
        return f"-{rate(-per_unit)}"
    if 0 < per_unit < 0.05:
        return "<0.1"
    return f"{abs(per_unit):.1f}" if per_unit < 999.95 else count(per_unit)


def percent(ratio: float | None, digits: int | None = None) -> str:
    """A ratio 0..1 (or above) in percent; without ``digits`` one decimal below 10 % where it has one.

    >>> percent(0.32), percent(0.008), percent(0.05), percent(0.76, 1), percent(0.9997), percent(1)
    ('32%', '0.8%', '5%', '76.0%', '>99%', '100%')
    """
    if not _known(ratio):
        return UNKNOWN
    if digits is not None:
        return _percent_number(ratio, digits) + "%"
    if 0 < abs(ratio) < 0.0995:
        return _percent_number(ratio, 1).removesuffix(".0") + "%"
    return _percent_number(ratio, 0) + "%"


def percent_cell(ratio: float | None) -> str:
    """A ratio 0..1 as a column of percents shows it, without the sign.

    >>> percent_cell(0.32), percent_cell(0), percent_cell(0.0004), percent_cell(0.9997)
    ('32.0', '0.0', '<0.1', '>99.9')
    """
    return _percent_number(ratio, 1) if _known(ratio) else UNKNOWN


def times(ratio: float | None) -> str:
    """A ratio to what is usual.

    >>> times(2.13), times(0.02), times(1234)
    ('2.1x', '<0.1x', '1.2kx')
    """
    return f"{rate(ratio)}x" if _known(ratio) else UNKNOWN


def money(usd: float | None, *, signed: bool = False) -> str:
    """US dollars; cents below 100.

    >>> money(4.2), money(123.4), money(0.004), money(2.8, signed=True), money(0), money(61_000)
    ('$4.20', '$123', '<$0.01', '+$2.80', '$0.00', '$61.0k')
    """
    if not _known(usd):
        return UNKNOWN
    if usd < 0:
        return f"-{money(-usd)}"
    sign = "+" if signed and usd > 0 else ""
    if 0 < usd < 0.005:
        return f"{sign}<$0.01"
    return f"{sign}${money_cell(usd)}"


def money_cell(usd: float | None) -> str:
    """US dollars in a column whose head has the sign.

    >>> money_cell(1.1), money_cell(123.4), money_cell(0.004), money_cell(12_340)
    ('1.10', '123', '<.01', '12.3k')
    """
    if not _known(usd):
        return UNKNOWN
    if usd < 0:
        return f"-{money_cell(-usd)}"
    if 0 < usd < 0.005:
        return "<.01"
    if usd < 99.995:
        return f"{abs(usd):.2f}"
    return f"{usd:.0f}" if usd < 9_999.5 else count(usd)


def size(bytes_: float | None) -> str:
    """Bytes; K, M, G, T are powers of 1024.

    >>> size(19_541_000_000), size(512), size(1536), size(1023.99 * 2**20), size(0), size(-1536)
    ('18.2G', '512B', '1.5K', '1.0G', '0B', '-1.5K')
    """
    if not _known(bytes_):
        return UNKNOWN
    if bytes_ < 0:
        return f"-{size(-bytes_)}"
    if bytes_ < 1023.5:
        return "<1B" if 0 < bytes_ < 1 else f"{abs(bytes_):.0f}B"
    for unit in "KMGT":
        bytes_ /= 1024
        if bytes_ < 1023.95:
            return f"{bytes_:.1f}{unit}"
    return f"{bytes_ / 1024:.1f}P"


def growth(bytes_per_day: float | None) -> str:
    """Bytes with their sign, in few cells: no decimals from 100 on.

    >>> growth(1.2 * 2**30), growth(-512 * 2**20), growth(0), growth(99.96 * 2**20), growth(None)
    ('+1.2G', '-512M', '+0B', '+100M', '–')
    """
    if not _known(bytes_per_day):
        return UNKNOWN
    text = size(abs(bytes_per_day))
    number, unit = text[:-1], text[-1]
    short = f"{float(number):.0f}" if not number.startswith("<") and float(number) >= 99.95 else number
    return f"{'-' if bytes_per_day < 0 else '+'}{short}{unit}"


def size_pair(used: float | None, total: float | None) -> str:
    """Used of total, both in the unit of the total, so that they can be compared by eye.

    >>> size_pair(19_541_000_000, 33_608_000_000), size_pair(0, 2 * 2**30), size_pair(5, 2 * 2**30)
    ('18.2/31.3G', '0.0/2.0G', '<0.1/2.0G')
    """
    if not _known(total) or total < 0:
        return f"{size(used)}/{UNKNOWN}" if _known(used) else UNKNOWN
    whole = size(total)
    scale = 1024.0 ** "BKMGTP".index(whole[-1])
    if not _known(used):
        return f"{UNKNOWN}/{whole}"
    if scale == 1.0:
        return f"{used:.0f}/{whole}"
    return f"{rate(used / scale)}/{whole}"


def measure(value: float | None, unit: str) -> str:
    """The value of an alert in its unit.

    >>> measure(0.32, "ratio"), measure(192, "seconds"), measure(4.2, "usd"), measure(2**31, "bytes")
    ('32%', '3m12s', '$4.20', '2.0G')
    >>> measure(7, "restarts"), measure(None, "usd")
    ('7', '–')
    """
    match unit:
        case "ratio":
            return percent(value)
        case "seconds":
            return duration(value)
        case "bytes":
            return size(value)
        case _ if unit.startswith("usd"):
            return money(value)
        case _:
            return count(value)


def rfc3339(at: float | None) -> str | None:
    """POSIX seconds as RFC 3339 in UTC with milliseconds; None for unknown or beyond the calendar.

    >>> rfc3339(1772334000)
    '2026-03-01T03:00:00.000Z'
    """
    when = _moment(at, UTC)
    return None if when is None else when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03}Z"


def clock(at: float | None, zone: tzinfo | None = None, *, seconds: bool = True) -> str:
    """Wall clock in ``zone`` (None: the local zone).

    >>> clock(1772334000, UTC), clock(1772334000, UTC, seconds=False)
    ('03:00:00', '03:00')
    """
    when = _moment(at, zone)
    return UNKNOWN if when is None else when.strftime("%H:%M:%S" if seconds else "%H:%M")


def clock_millis(at: float | None, zone: tzinfo | None = None) -> str:
    """Wall clock with milliseconds, as log lines carry it.

    >>> clock_millis(1772334000.12, UTC)
    '03:00:00.120'
    """
    when = _moment(at, zone)
    return UNKNOWN if when is None else f"{when:%H:%M:%S}.{when.microsecond // 1000:03}"


def day_clock(at: float | None, now: float, zone: tzinfo | None = None) -> str:
    """Clock to the minute, with the day in front where it is not the day of ``now``.

    >>> day_clock(1772334000, 1772334060, UTC), day_clock(1772334000, 1772434060, UTC)
    ('03:00', '03-01 03:00')
    """
    when, today = _moment(at, zone), _moment(now, zone)
    if when is None:
        return UNKNOWN
    same_day = today is not None and when.date() == today.date()
    return when.strftime("%H:%M" if same_day else "%m-%d %H:%M")


def zone_name(at: float, zone: tzinfo | None = None) -> str:
    """Short name of the display zone at that moment: ``UTC``, ``CEST``, ``+0330``."""
    when = _moment(at, zone)
    return UNKNOWN if when is None else when.strftime("%Z")


def find_zone(name: str) -> tzinfo | None:
    """The zone of ``[ui] timezone``: None for ``local``; ``ValueError`` for one nobody knows."""
    if name in ("", "local"):
        return None
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


def _known(number: float | None) -> TypeGuard[float]:
    return number is not None and math.isfinite(number)


def _two_units(whole: int, big: int, big_sign: str, small: int, small_sign: str) -> str:
    rest = whole % big // small
    return f"{whole // big}{big_sign}{rest:02}{small_sign}" if rest else f"{whole // big}{big_sign}"


def _percent_number(ratio: float, digits: int) -> str:
    if ratio < 0:
        return f"-{_percent_number(-ratio, digits)}"
    percents = abs(ratio) * 100
    shown = f"{percents:.{digits}f}"
    step = 10.0**-digits
    if ratio > 0 and float(shown) == 0:
        return f"<{step:.{digits}f}"
    if ratio < 1 and float(shown) >= 100:
        return f">{100 - step:.{digits}f}"
    return shown


def _moment(at: float | None, zone: tzinfo | None) -> datetime | None:
    if not _known(at):
        return None
    try:
        return datetime.fromtimestamp(at, UTC).astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return None
