"""How fast a budget goes and how long it lasts, by hand; and when that is not said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.pace import exhausted_in, pace

HOUR, DAY = 3600.0, 86_400.0


@pytest.mark.parametrize(
    ("spent", "per_hour", "expected"),
    [
        (0.0, 10.0, 1.0),  # 240 in 24 h is 10 an hour
        (120.0, 10.0, 2.0),  # only 5 an hour are left
        (0.0, 0.0, 0.0),
        (240.0, 10.0, None),
        (300.0, 10.0, None),
    ],
)
def test_pace_is_the_rate_over_what_is_left_of_money_and_time(
    spent: float, per_hour: float, expected: float | None
) -> None:
    assert pace(spent, 240.0, per_hour / HOUR, 0.0, DAY) == (
        None if expected is None else pytest.approx(expected)
    )


def test_there_is_no_pace_when_the_time_is_over() -> None:
    assert pace(1.0, 240.0, 1.0, DAY, DAY) is None


def lasts(spent: float, rates: list[float], samples: int = 9, span: float = HOUR) -> tuple[object, str]:
    return exhausted_in(100.0, spent, [each / HOUR for each in rates], 0.0, DAY, samples, span)


def test_it_lasts_between_what_the_fast_and_the_slow_window_say() -> None:
    assert lasts(40.0, [20.0, 10.0]) == ((pytest.approx(3 * HOUR), pytest.approx(6 * HOUR)), "")


@pytest.mark.parametrize(
    ("spent", "rates", "samples", "span", "why"),
    [
        (100.0, [10.0], 9, HOUR, "spent"),
        (130.0, [10.0], 9, HOUR, "spent"),
        (40.0, [10.0], 2, HOUR, "too early to say"),
        (40.0, [10.0], 9, 479.0, "too early to say"),
        (40.0, [0.0], 9, HOUR, "nothing is spent now"),
        (40.0, [], 9, HOUR, "nothing is spent now"),
        (40.0, [1.0, 2.0], 9, HOUR, "lasts until the period ends"),
    ],
)
def test_it_is_not_said_where_it_would_not_be_honest(
    spent: float, rates: list[float], samples: int, span: float, why: str
) -> None:
    assert lasts(spent, rates, samples, span) == (None, why)


@given(
    st.floats(0, 200),
    st.lists(st.floats(0, 1e3), max_size=3),
    st.integers(0, 5),
    st.floats(0, DAY),
)
def test_it_is_a_span_in_order_or_a_reason(
    spent: float, rates: list[float], samples: int, span: float
) -> None:
    found, why = exhausted_in(100.0, spent, rates, 0.0, DAY, samples, span)

    assert (found is None) is bool(why)
    if found is not None:
        assert 0 <= found[0] <= found[1]
        assert found[0] <= DAY
