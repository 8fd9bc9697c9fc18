"""What a day, a week or a month will come to (alerting-and-burn 6, "Budget end of period").

The profile is the mean of the same weekdays of the last four weeks; of a day that of the same hours. The
errors and the cover of the band are those that ``tests/simulation`` asserts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from math import sqrt
from statistics import fmean, pstdev

from wfmon.model.budget import SpendForecast
from wfmon.model.record import dataclass

HOUR, DAY = 3600.0, 86_400.0
MOSTLY = 0.9  # of a day or an hour: one that was seen less says nothing
SAME_WEEKDAYS = 4
PROFILE_DAYS, MEAN_DAYS, LEAST_DAYS = 14, 7, 3
HOURS_DAYS = 7  # of hours for the profile of a day
BAND_Z, BAND_SHARE = 1.28, 0.05
WIDE = 0.15  # without a profile weekends are not told from weekdays
LIKE_USUAL = (0.67, 1.5)
LONGEST_DAY = 1.5 * DAY  # periods up to this are forecast from hours


@dataclass(frozen=True, slots=True)
class DaySpend:
    """A calendar day that is over. ``known_seconds`` of it any source was read."""

    begin: float
    end: float
    amount: float
    known_seconds: float

    @property
    def whole(self) -> float | None:
        """Scaled up to the whole day, where nearly all of it is known."""
        return _whole(self.amount, self.known_seconds, self.end - self.begin)


@dataclass(frozen=True, slots=True)
class HourSpend:
    """An hour that is over."""

    begin: float
    amount: float
    known_seconds: float

    @property
    def whole(self) -> float | None:
        return _whole(self.amount, self.known_seconds, HOUR)


def forecast_end(
    period_begin: float,
    period_end: float,
    spent: float,
    days: Sequence[DaySpend],
    hours: Sequence[HourSpend],
    now: float,
    zone: tzinfo | None,
) -> SpendForecast:
    """At the end of the period; ``days`` and ``hours`` are those before now, oldest first. Never less than
    is ``spent``."""
    if now >= period_end:
        return SpendForecast(spent, spent, spent, "the period is over")
    known = [(day, amount) for day in days if (amount := day.whole) is not None]
    if period_end - period_begin <= LONGEST_DAY:
        return _of_day(period_end, spent, hours, now, zone)
    if len(known) < LEAST_DAYS:
        per_day = fmean(amount for _, amount in known) if known else None
        few = "no whole day is known" if not known else f"{len(known)} of {LEAST_DAYS} days known"
        return SpendForecast(why=f"too early: {few}", per_day=per_day)
    recent = _last_day(hours, now)
    if len(known) < PROFILE_DAYS:
        return _of_mean(period_end, spent, known, now)
    return _of_weekdays(period_end, spent, known, recent, now, zone)


# weeks and months -----------------------------------------------------------------------------------

_Known = Sequence[tuple[DaySpend, float]]


def _of_mean(period_end: float, spent: float, known: _Known, now: float) -> SpendForecast:
    last = [amount for _, amount in known[-MEAN_DAYS:]]
    per_day, left = fmean(last), (period_end - now) / DAY
    mid = spent + per_day * left
    spread = BAND_Z * pstdev(last) * sqrt(left) + (BAND_SHARE + WIDE) * per_day * left
    basis = f"mean of the last {len(last)} days"
    return SpendForecast(mid, max(spent, mid - spread), mid + spread, basis, per_day=per_day)


def _of_weekdays(
    period_end: float, spent: float, known: _Known, recent: float | None, now: float, zone: tzinfo | None
) -> SpendForecast:
    profile = _weekday_means(known, zone)
    usually = _remaining(now, period_end, lambda at: profile[_weekday(at, zone)])
    residuals = [
        amount - before
        for day, amount in known[-PROFILE_DAYS:]
        if (before := _mean_before(known, day, zone)) is not None
    ]
    left = (period_end - now) / DAY
    deviation = pstdev(residuals) if len(residuals) > 1 else pstdev([amount for _, amount in known])
    mid = spent + usually
    spread = BAND_Z * deviation * sqrt(left) + BAND_SHARE * usually
    weeks = min(SAME_WEEKDAYS, len(known) // 7)
    basis = f"mean of {weeks} same weekdays"
    expected = _remaining(now - DAY, now, lambda at: profile[_weekday(at, zone)])
    if recent is not None and expected > 0 and not LIKE_USUAL[0] <= recent / expected <= LIKE_USUAL[1]:
        return _broken(spent, usually, spread, recent / expected, left, basis)
    return SpendForecast(mid, max(spent, mid - spread), mid + spread, basis, per_day=usually / left)


def _broken(
    spent: float, usually: float, spread: float, factor: float, left: float, basis: str
) -> SpendForecast:
    """The profile at the level of the last 24 h; one unlike day may also be all: the band reaches to what is
    usual."""
    mid, usual_mid = spent + usually * factor, spent + usually
    low, high = min(mid - spread * factor, usual_mid - spread), max(mid + spread * factor, usual_mid + spread)
    return SpendForecast(
        mid, max(spent, low), high, f"last 24h at {factor:.1f}x the {basis}",
        broken=True, usual_mid=usual_mid, per_day=usually * factor / left,
    )  # fmt: skip


def _weekday_means(known: _Known, zone: tzinfo | None) -> Mapping[int, float]:
    """Of each weekday; one that is not known has the mean of those of its kind, else of all."""
    by_day: dict[int, list[float]] = {}
    for day, amount in known:
        by_day.setdefault(_weekday(day.begin, zone), []).append(amount)
    means = {weekday: fmean(amounts[-SAME_WEEKDAYS:]) for weekday, amounts in by_day.items()}
    for weekday in range(7):
        if weekday not in means:
            kind = [mean for other, mean in means.items() if (other >= 5) is (weekday >= 5)]
            means[weekday] = fmean(kind or means.values())
    return means


def _mean_before(known: _Known, day: DaySpend, zone: tzinfo | None) -> float | None:
    """What the profile said of a day from the weeks before it."""
    weekday = _weekday(day.begin, zone)
    same = [a for other, a in known if other.begin < day.begin and _weekday(other.begin, zone) == weekday]
    return fmean(same[-SAME_WEEKDAYS:]) if same else None


def _remaining(begin: float, end: float, of_day: Callable[[float], float]) -> float:
    """The sum of a profile over whole and broken days, by the hour."""
    total, at = 0.0, begin
    while at < end:
        step = min(HOUR - at % HOUR, end - at)
        total += of_day(at) * step / DAY
        at += step
    return total


def _last_day(hours: Sequence[HourSpend], now: float) -> float | None:
    """What the last 24 hours that are over came to, where nearly all of them are known."""
    end = now // HOUR * HOUR
    amounts = [each.whole for each in hours if end - DAY <= each.begin < end]
    known = [amount for amount in amounts if amount is not None]
    return sum(known) * 24 / len(known) if len(known) >= MOSTLY * 24 else None


# a day ----------------------------------------------------------------------------------------------


def _of_day(
    period_end: float, spent: float, hours: Sequence[HourSpend], now: float, zone: tzinfo | None
) -> SpendForecast:
    known = [(each.begin, amount) for each in hours if (amount := each.whole) is not None]
    covered = len(known) / 24
    if covered < HOURS_DAYS * MOSTLY:
        return SpendForecast(why=f"too early: hours of {covered:.0f} of {HOURS_DAYS} days known")
    profile = _hour_means(known, zone)
    left, at = 0.0, now
    while at < period_end:
        step = min(HOUR - at % HOUR, period_end - at)
        left += profile[_like(at, zone)] * step / HOUR
        at += step
    rests = _rests(known, now, period_end, zone)
    deviation = pstdev(rests) if len(rests) > 1 else left
    mid, spread = spent + left, BAND_Z * deviation + BAND_SHARE * left
    basis = f"same hours of the last {min(28, round(covered))} days"
    return SpendForecast(mid, max(spent, mid - spread), mid + spread, basis)


def _hour_means(
    known: Sequence[tuple[float, float]], zone: tzinfo | None
) -> Mapping[tuple[int, bool], float]:
    by_hour: dict[tuple[int, bool], list[float]] = {}
    for at, amount in known:
        by_hour.setdefault(_like(at, zone), []).append(amount)
    means = {like: fmean(amounts[-28:]) for like, amounts in by_hour.items()}
    everything = fmean(amount for _, amount in known)
    for clock in range(24):
        for weekend in (False, True):
            other = means.get((clock, not weekend), everything)
            means.setdefault((clock, weekend), other)
    return means


def _rests(known: Sequence[tuple[float, float]], now: float, end: float, zone: tzinfo | None) -> list[float]:
    """What the same rest of earlier days of this kind came to."""
    amounts = dict(known)
    weekend = _like(now, zone)[1]
    found = []
    for back in range(1, 29):
        begin, until = now - back * DAY, end - back * DAY
        if _like(begin, zone)[1] is not weekend:
            continue
        hours = range(int(begin // HOUR + 1), int(until // HOUR))
        told = [amounts[hour * HOUR] for hour in hours if hour * HOUR in amounts]
        if told and len(told) >= MOSTLY * len(hours):
            found.append(sum(told) * (end - now) / (len(told) * HOUR))
    return found


def _like(at: float, zone: tzinfo | None) -> tuple[int, bool]:
    moment = datetime.fromtimestamp(at, zone)
    return moment.hour, moment.weekday() >= 5


def _weekday(at: float, zone: tzinfo | None) -> int:
    return datetime.fromtimestamp(at, zone).weekday()


def _whole(amount: float, known: float, length: float) -> float | None:
    if length <= 0 or known < MOSTLY * length:
        return None
    return amount * length / min(known, length)
