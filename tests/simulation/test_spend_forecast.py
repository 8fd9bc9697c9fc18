"""Months of money: how far off the forecast is, how often its band holds, and when the pattern breaks."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.spendforecast import DaySpend, HourSpend, forecast_end
from wfmon.model.budget import Period, SpendForecast
from wfmon.model.calendar import bounds

HOUR, DAY = 3600.0, 86_400.0
MARCH, APRIL = (datetime(2026, month, 1, tzinfo=UTC).timestamp() for month in (3, 4))
BEGIN = MARCH - 42 * DAY
SEEDS = 60


def hours_of(
    seed: int, *, shift_at: float = 0.0, factor: float = 1.0, spread: float = 0.25
) -> list[HourSpend]:
    """About 30 dollars on a working day and 12 at a weekend, days and their hours apart."""
    rng = random.Random(seed)
    made = []
    at = BEGIN
    while at < APRIL:
        weekend = datetime.fromtimestamp(at, UTC).weekday() >= 5
        day = (12.0 if weekend else 30.0) * rng.lognormvariate(0.0, spread)
        weights = [(4.0 if 8 <= hour < 20 else 1.0) * rng.lognormvariate(0.0, 0.3) for hour in range(24)]
        for hour, weight in enumerate(weights):
            begin = at + hour * HOUR
            more = factor if shift_at and begin >= shift_at else 1.0
            made.append(HourSpend(begin, day * weight / sum(weights) * more, HOUR))
        at += DAY
    return made


def days_of(hours: list[HourSpend], until: float) -> list[DaySpend]:
    begins = sorted({each.begin // DAY * DAY for each in hours})
    sums = dict.fromkeys(begins, 0.0)
    for each in hours:
        sums[each.begin // DAY * DAY] += each.amount
    return [DaySpend(at, at + DAY, amount, DAY) for at, amount in sums.items() if at + DAY <= until]


def forecast(hours: list[HourSpend], now: float, begin: float = MARCH, end: float = APRIL) -> SpendForecast:
    spent = sum(each.amount for each in hours if begin <= each.begin < now)
    past = [each for each in hours if each.begin + HOUR <= now]
    return forecast_end(begin, end, spent, days_of(hours, now), past[-28 * 24 :], now, UTC)


def whole(hours: list[HourSpend], begin: float = MARCH, end: float = APRIL) -> float:
    return sum(each.amount for each in hours if begin <= each.begin < end)


@pytest.mark.parametrize(("day", "bound"), [(3, 0.06), (8, 0.055), (15, 0.045)])
def test_a_month_of_weekdays_and_weekends(day: int, bound: float) -> None:
    errors, held = [], 0
    for seed in range(SEEDS):
        hours = hours_of(seed)
        found, real = forecast(hours, MARCH + day * DAY + 9 * HOUR), whole(hours)
        assert found.mid is not None
        assert found.low is not None
        assert found.high is not None
        errors.append(abs(found.mid - real) / real)
        held += found.low <= real <= found.high
    print(
        "budget_burn", f"forecast of a month on day {day}",
        f"median error {median(errors):.1%}, band holds {held / SEEDS:.0%}",
    )  # fmt: skip
    assert median(errors) <= bound
    assert 0.80 <= held / SEEDS <= 1.0


def test_a_level_that_has_trebled_is_told_within_a_day_and_the_headline_follows() -> None:
    errors, told = [], 0
    for seed in range(SEEDS):
        shift = MARCH + 14 * DAY
        hours = hours_of(seed, shift_at=shift, factor=3.0)
        found, real = forecast(hours, shift + 25 * HOUR), whole(hours)
        told += found.broken
        assert found.mid is not None
        errors.append(abs(found.mid - real) / real)
    print(
        "budget_burn",
        "forecast a day after spending trebled",
        f"told {told / SEEDS:.0%}, median error {median(errors):.0%}",
    )
    assert told >= 0.95 * SEEDS
    assert median(errors) <= 0.30
    usual = sum(forecast(hours_of(seed), MARCH + 14 * DAY + 25 * HOUR).broken for seed in range(SEEDS))
    assert usual <= 0.15 * SEEDS, "what is as usual does not break the pattern"


def test_a_day_by_its_hours() -> None:
    errors, held = [], 0
    for seed in range(SEEDS):
        hours = hours_of(seed)
        begin = MARCH + 10 * DAY
        found = forecast(hours, begin + 12 * HOUR, begin, begin + DAY)
        real = whole(hours, begin, begin + DAY)
        assert found.mid is not None
        assert found.low is not None
        assert found.high is not None
        errors.append(abs(found.mid - real) / real)
        held += found.low <= real <= found.high
    print(
        "budget_burn",
        "forecast of a day at noon",
        f"median error {median(errors):.0%}, band holds {held / SEEDS:.0%}",
    )
    assert median(errors) <= 0.16
    assert held / SEEDS >= 0.70


def test_with_little_history_it_says_less() -> None:
    hours = [each for each in hours_of(1) if each.begin >= MARCH]
    assert forecast(hours, MARCH + 2 * DAY).why == "too early: 2 of 3 days known"
    few = forecast(hours, MARCH + 8 * DAY)
    assert few.basis == "mean of the last 7 days"
    many = forecast(hours_of(1), MARCH + 7 * DAY)
    assert not many.broken
    assert few.high is not None
    assert few.low is not None
    assert many.high is not None
    assert many.low is not None
    assert few.high - few.low > many.high - many.low
    nothing = forecast_end(MARCH, APRIL, 3.0, (), (), MARCH + DAY, UTC)
    assert (nothing.mid, nothing.why) == (None, "too early: no whole day is known")
    half = [DaySpend(at, at + DAY, 5.0, DAY / 2) for at in (MARCH, MARCH + DAY, MARCH + 2 * DAY)]
    assert forecast_end(MARCH, APRIL, 15.0, half, (), MARCH + 3 * DAY, UTC).mid is None, (
        "half a day is no day"
    )


@given(
    st.lists(st.floats(0, 1000), min_size=0, max_size=40),
    st.floats(0, 31),
    st.sampled_from([Period.DAY, Period.WEEK, Period.MONTH]),
)
def test_never_less_than_is_spent_and_in_order(amounts: list[float], day: float, period: Period) -> None:
    now = MARCH + day * DAY
    begin, end = bounds(period, now, UTC)
    first = now // DAY * DAY - len(amounts) * DAY
    days = [DaySpend(first + n * DAY, first + (n + 1) * DAY, each, DAY) for n, each in enumerate(amounts)]
    hours = [HourSpend(at.begin + n * HOUR, at.amount / 24, HOUR) for at in days for n in range(24)]
    found = forecast_end(begin, end, 7.0, days, hours, now, UTC)
    if found.mid is None:
        assert found.why
        return
    assert found.low is not None
    assert found.high is not None
    assert 7.0 <= found.low <= found.mid + 1e-6 <= found.high + 2e-6
    more = forecast_end(begin, end, 9.0, days, hours, now, UTC)
    assert more.mid is not None
    assert more.mid >= found.mid
