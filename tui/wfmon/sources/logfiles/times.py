"""Times as log lines write them, and the zone of those that name none.

A time is a POSIX second. A naive time is first read as if it were UTC; what it really means is
judged once per file (metric-catalogue 26) and applied by a ``Zone``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

EARLIEST = 631_152_000.0  # 1990-01-01: anything before is a counter, a duration or a broken clock
LATEST = 4_102_444_800.0  # 2100-01-01
NEAR_SECONDS = 1800.0  # a newest line this close to the file's mtime says which zone it was written in
CLEARLY_SECONDS = 60.0  # how much nearer local time must be: in doubt it is UTC
_QUARTER = 900  # zone offsets change at multiples of a quarter of an hour
_EPOCH_NAIVE = datetime(1970, 1, 1)
# Names that mean one thing wherever they are used.
_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9,
    "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6,
    "PST": -8, "PDT": -7,
}  # fmt: skip
_REGIONS = "Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific"

PREFIX = re.compile(
    r"\s{0,4}[\[(]?(\d{4}[-/]\d\d[-/]\d\d(?:[T ]|, )\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
    r"(?:\s?(?:Z\b|[+-]\d\d:?\d\d)|\s?(?:" + "|".join(name for name in _HOURS if name != "Z") + r")\b"
    r"|\s(?:" + _REGIONS + r")/[A-Z][A-Za-z_]{1,30}\b)?)[\])]?"
)


class Zone:
    """Turns naive times (read as if UTC) into POSIX seconds; ``name`` is ``UTC``, ``local`` or a zone.

    ``info`` None is the zone of this process.
    """

    __slots__ = ("_info", "_offsets", "name")

    def __init__(self, name: str, info: tzinfo | None) -> None:
        self.name = name
        self._info = info
        self._offsets: dict[int, float] = {}

    def posix(self, naive: float) -> float:
        """POSIX seconds of a naive time given in seconds as if it were UTC."""
        slot = int(naive // _QUARTER)
        offset = self._offsets.get(slot)
        if offset is None:
            if len(self._offsets) > 4096:
                self._offsets.clear()
            offset = self._offsets[slot] = self._offset(naive)
        return naive - offset

    def _offset(self, naive: float) -> float:
        wall = datetime.fromtimestamp(naive, UTC).replace(tzinfo=None)
        try:
            meant = wall.replace(tzinfo=self._info).timestamp() if self._info else wall.timestamp()
        except (OverflowError, OSError, ValueError):
            return 0.0
        return naive - meant


def utc_zone() -> Zone:
    return Zone("UTC", UTC)


def local_zone() -> Zone:
    return Zone("local", None)


def named_zone(name: str) -> Zone | None:
    """The zone of a setting (``UTC``, ``local``, ``Europe/Berlin``); None if there is no such zone."""
    if name.lower() in ("utc", "z"):
        return utc_zone()
    if name.lower() == "local":
        return local_zone()
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return Zone(name, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def judge_zone(naive: float, mtime: float) -> tuple[Zone, bool]:
    """UTC or local for a file whose newest line has the naive time and that was written at ``mtime``.

    The second value is False while the evidence is weak (the line is far from ``mtime`` either way):
    then it is UTC for now and may be judged again.
    """
    local = local_zone()
    off_utc, off_local = abs(mtime - naive), abs(mtime - local.posix(naive))
    if off_local < NEAR_SECONDS and off_local + CLEARLY_SECONDS < off_utc:
        return local, True
    return utc_zone(), off_utc < NEAR_SECONDS


def from_number(value: float) -> float | None:
    """POSIX seconds of an epoch in s, ms, us or ns, told apart by magnitude."""
    size = abs(value)
    if size < 1e11:
        seconds = float(value)
    elif size < 1e14:
        seconds = value / 1e3
    elif size < 1e17:
        seconds = value / 1e6
    elif size < 1e20:
        seconds = value / 1e9
    else:
        return None
    return seconds if EARLIEST <= seconds <= LATEST else None


def parse_time(value: object) -> tuple[float, bool] | None:
    """(seconds, naive) of a field's value, or None if it is no time.

    For a naive time the seconds are as if it were UTC.
    """
    if type(value) is str:
        return _from_text(value)
    if type(value) is int or type(value) is float:
        seconds = from_number(value)
        return None if seconds is None else (seconds, False)
    if type(value) is dict:
        return _from_parts(value)
    return None


def _from_parts(value: dict[str, object]) -> tuple[float, bool] | None:
    """``{"seconds": .., "nanos": ..}``, as protocol buffers write it."""
    whole, nanos = value.get("seconds"), value.get("nanos", 0)
    if type(whole) is str and whole.isdigit() and len(whole) < 12:
        whole = int(whole)
    if type(whole) is not int or type(nanos) is not int or not EARLIEST <= whole <= LATEST:
        return None
    return (whole + nanos / 1e9, False) if 0 <= nanos < 10**9 else None


def _from_text(text: str) -> tuple[float, bool] | None:
    if len(text) > 64:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _from_odd_text(text.strip())
    if len(text) < 15 and text.isdigit():  # fromisoformat takes 20260104; an epoch is likelier
        return _from_digits(text)
    return _finish(moment)


def _finish(moment: datetime) -> tuple[float, bool] | None:
    try:
        if moment.tzinfo is None:
            seconds, naive = (moment - _EPOCH_NAIVE).total_seconds(), True
        else:
            seconds, naive = moment.timestamp(), False
    except (OverflowError, ValueError):
        return None
    return (seconds, naive) if EARLIEST <= seconds <= LATEST else None


def _from_digits(text: str) -> tuple[float, bool] | None:
    try:
        seconds = from_number(float(text))
    except ValueError:
        return None
    return None if seconds is None else (seconds, False)


def _clf(text: str) -> datetime:
    return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")


def _slashes(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("/", "-"))


def _named_zone_time(text: str) -> datetime:
    """With a zone's name behind it. Letters of which the world knows several meanings (CST, IST) say only
    that the time is not UTC: it stays naive."""
    head, _, zone = text.rpartition(" ")
    moment = datetime.fromisoformat(head)
    if zone in _HOURS:
        return moment.replace(tzinfo=timezone(timedelta(hours=_HOURS[zone])))
    if "/" in zone:
        named = named_zone(zone)
        if named is not None:
            return datetime.fromtimestamp(named.posix((moment - _EPOCH_NAIVE).total_seconds()), UTC)
    if zone.isalpha() and zone.isupper() and 2 < len(zone) < 5:
        return moment
    raise ValueError(text)


def _spelled_out(text: str) -> datetime:
    """``Wed, 25 Feb 2026 06:13:11 GMT``"""
    from email.utils import parsedate_to_datetime  # rare, and slow to load

    return parsedate_to_datetime(text)


def _comma_date(text: str) -> datetime:
    """``2026-02-25, 06:13:11 UTC``"""
    date, comma, rest = text.partition(", ")
    if not comma or len(date) != 10:
        raise ValueError(text)
    try:
        return datetime.fromisoformat(f"{date} {rest}")
    except ValueError:
        return _named_zone_time(f"{date} {rest}")


def _c_time(text: str) -> datetime:
    """``Wed Feb 25 06:13:11 2026``"""
    return datetime.strptime(text, "%a %b %d %H:%M:%S %Y")


def _spaced_offset(text: str) -> datetime:
    head, _, zone = text.rpartition(" ")
    return datetime.fromisoformat(head + zone)


_ODD: tuple[Callable[[str], datetime], ...] = (
    _named_zone_time, _spaced_offset, _slashes, _comma_date, _clf, _c_time, _spelled_out,
)  # fmt: skip


def _from_odd_text(text: str) -> tuple[float, bool] | None:
    if text.replace(".", "", 1).isdigit() and text.isascii():
        return _from_digits(text)
    for reader in _ODD:
        try:
            return _finish(reader(text))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
