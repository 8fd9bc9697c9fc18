"""Numbers against the drawings of screens.md, and against the two laws: unknown is not zero, and
nothing is rounded into a claim (zero, the whole) that is not true."""

from __future__ import annotations

import doctest
import math
import re
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.text import numbers
from wfmon.text.numbers import (
    UNKNOWN,
    age,
    clock,
    clock_millis,
    count,
    day_clock,
    duration,
    find_zone,
    latency,
    money,
    money_cell,
    percent,
    percent_cell,
    rate,
    rfc3339,
    size,
    size_pair,
    span,
    times,
    zone_name,
)

ALL = (duration, span, latency, age, count, rate, percent, percent_cell, times, money, money_cell, size)
GIB = 2**30


def test_examples_in_the_documentation() -> None:
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("shown", "drawn"),
    [
        (span(41), "41s"),
        (span(184), "3m04"),
        (span(5.2), "5.2s"),
        (span(9.8), "9.8s"),
        (span(0.4), "0.4s"),
        (span(59.7), "1m00"),
        (duration(192), "3m12s"),
        (duration(41), "41s"),
        (duration(180), "3m"),
        (age(2), "2s"),
        (age(46_900), "13h"),
        (age(92 * 86_400.0), "92d"),
        (latency(0.012), "12ms"),
        (latency(0.001), "1ms"),
        (rate(50.0), "50.0"),
        (rate(0.0), "0.0"),
        (percent_cell(0.32), "32.0"),
        (percent_cell(0.008), "0.8"),
        (percent(0.76, 1), "76.0%"),
        (percent(0.998, 1), "99.8%"),
        (percent(0.32), "32%"),
        (percent(0.008), "0.8%"),
        (percent(0), "0%"),
        (times(2.1), "2.1x"),
        (count(8_100), "8.1k"),
        (count(61_000), "61.0k"),
        (count(71_100), "71.1k"),
        (count(250), "250"),
        (money_cell(1.10), "1.10"),
        (money(4.20), "$4.20"),
        (money(2.80, signed=True), "+$2.80"),
        (size_pair(18.2 * GIB, 31.3 * GIB), "18.2/31.3G"),
        (size_pair(0, 2 * GIB), "0.0/2.0G"),
        (size(6.1 * GIB), "6.1G"),
        (size(41.2 * GIB), "41.2G"),
    ],
)
def test_as_drawn(shown: str, drawn: str) -> None:
    assert shown == drawn


@pytest.mark.parametrize("show", ALL)
@pytest.mark.parametrize("unknown", [None, math.nan, math.inf, -math.inf])
def test_unknown_is_not_a_number(show: object, unknown: float | None) -> None:
    assert callable(show)
    assert show(unknown) == UNKNOWN


@given(
    st.sampled_from([duration, span, latency, count, rate, percent, percent_cell, money, money_cell, size]),
    st.floats(min_value=1e-12, max_value=1e12),
)
def test_what_is_not_zero_does_not_read_as_zero(show: object, value: float) -> None:
    assert callable(show)
    shown = show(value)
    digits = re.sub(r"[^0-9]", "", shown)
    assert shown.lstrip("+$").startswith("<") or int(digits or "0") > 0


@given(st.floats(min_value=0, max_value=1, exclude_max=True), st.sampled_from([None, 0, 1, 2]))
def test_less_than_all_does_not_read_as_all(ratio: float, digits: int | None) -> None:
    shown = percent(ratio, digits)
    assert shown.startswith(">") or float(shown.strip("<%")) < 100
    cell = percent_cell(ratio)
    assert len(cell) <= 5
    assert cell.startswith(">") or float(cell.strip("<")) < 100


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_columns_stay_narrow_and_signs_are_kept(value: float) -> None:
    for show in (count, rate, size):
        assert len(show(value)) <= 8
        assert (value < 0) == show(value).startswith("-")
    assert len(span(min(abs(value), 9e8))) <= 7


@given(st.floats(min_value=0, max_value=1e9))
def test_age_never_rounds_up(seconds: float) -> None:
    shown = age(seconds)
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[shown[-1]]
    assert int(shown[:-1]) * unit <= seconds < (int(shown[:-1]) + 1) * unit


def test_a_pair_with_an_unknown_half() -> None:
    assert size_pair(None, 2 * GIB) == "–/2.0G"
    assert size_pair(GIB, None) == "1.0G/–"
    assert size_pair(None, None) == UNKNOWN


def test_times_of_day() -> None:
    at = 1_772_334_000.1239
    half = timezone(timedelta(hours=3, minutes=30))
    assert rfc3339(at) == "2026-03-01T03:00:00.123Z"
    assert clock(at, UTC) == "03:00:00"
    assert clock(at, half) == "06:30:00"
    assert clock(at, UTC, seconds=False) == "03:00"
    assert clock_millis(at, UTC) == "03:00:00.123"
    assert day_clock(at, at + 60, UTC) == "03:00"
    assert day_clock(at, at + 86_400, UTC) == "03-01 03:00"
    assert zone_name(at, UTC) == "UTC"


@pytest.mark.parametrize("at", [None, math.nan, 1e300, -1e300])
def test_times_beyond_the_calendar(at: float | None) -> None:
    assert rfc3339(at) is None
    assert clock(at, UTC) == clock_millis(at, UTC) == day_clock(at, 0.0, UTC) == UNKNOWN


def test_zones() -> None:
    assert find_zone("local") is None
    assert find_zone("UTC") is UTC
    berlin = find_zone("Europe/Berlin")
    assert clock(1_782_856_800, berlin, seconds=False) == "00:00"
    assert zone_name(1_782_856_800, berlin) == "CEST"
    for wrong in ("Mars/Base", "../../etc/passwd", "Europe", "/etc/localtime", "\0"):
        with pytest.raises(ValueError, match="unknown time zone"):
            find_zone(wrong)
