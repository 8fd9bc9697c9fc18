"""When it will be full: only where two slopes agree, else not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.forecast import DAY, HOUR, MOST, filling, slopes
from wfmon.model.forecast import Filling, Slopes

NOW = 1_800_000_000.0
G = 1024.0**3
Samples = list[tuple[float, float]]


def samples(free: Callable[[float], float], hours: float = 30, step: float = 60.0) -> Samples:
    """``free`` of the seconds before now."""
    count = int(hours * HOUR / step)
    return [(NOW - (count - n) * step, free((count - n) * step)) for n in range(count + 1)]


def leak(per_day: float, left: float) -> Callable[[float], float]:
    return lambda ago: left + per_day * ago / DAY


def test_a_steady_leak_is_told_with_both_slopes() -> None:
    found = filling("/", samples(leak(20 * G, 40 * G)), 200 * G, NOW)
    assert found.bytes_per_day == pytest.approx(20 * G, rel=0.01)
    assert found.full_in == pytest.approx((2 * DAY, 2 * DAY), rel=0.02)
    assert found.basis == "last 6h: +20.0G a day; against 24h ago: +19.9G a day"


def test_a_burst_gives_a_range() -> None:
    burst = samples(lambda ago: 60 * G - 6 * G * (5 - min(ago, 5 * HOUR) / HOUR))
    found = filling("/", burst, 200 * G, NOW)
    assert found.full_in is not None
    short, long = found.full_in
    assert short < 6 * HOUR  # 30 G left at nearly 6 G an hour
    assert long == pytest.approx(DAY, rel=0.05)  # 30 G lost within a day


def test_with_less_than_a_day_of_history_only_where_room_is_short() -> None:
    young = samples(leak(20 * G, 40 * G), hours=8)
    found = filling("/", young, 120 * G, NOW)
    assert found.bytes_per_day is None
    assert found.full_in == pytest.approx((2 * DAY, 2 * DAY), rel=0.02)
    assert found.basis.endswith("only 8h of history")
    assert filling("/", young, 90 * G, NOW).full_in is None  # 44 % is free
    assert filling("/", young, None, NOW).full_in is None


@pytest.mark.parametrize(
    ("history", "total"),
    [
        ([], 100 * G),
        (samples(leak(20 * G, 4 * G), hours=2), 100 * G),  # too short
        (samples(leak(20 * G, 4 * G), hours=30)[:-60], 100 * G),  # an hour old
        (samples(leak(-20 * G, 40 * G)), 100 * G),  # it gains room
        (samples(leak(0.0, 4 * G)), 100 * G),
        (samples(leak(1 * G, 40 * G)), 100 * G),  # 40 days
        (samples(lambda ago: 40 * G + ago if ago < 5 * HOUR else 10 * G), 100 * G),  # cleaned up 5 h ago
        (samples(lambda ago: 0.0), 100 * G),
    ],
)
def test_what_would_not_be_honest_is_not_told(history: Samples, total: float) -> None:
    assert filling("/", history, total, NOW).full_in is None


def test_a_hole_a_day_ago_leaves_the_growth_unknown() -> None:
    holed = [each for each in samples(leak(20 * G, 40 * G)) if abs(NOW - DAY - each[0]) > HOUR]
    found = filling("/", holed, 100 * G, NOW)
    assert found.bytes_per_day is None
    near = [each for each in samples(leak(20 * G, 40 * G)) if abs(NOW - DAY - each[0]) > HOUR / 4]
    for total in (200 * G, 100 * G):
        assert filling("/", holed, total, NOW).basis == "last 6h: +20.0G a day, nothing known of 24h ago"
    assert filling("/", near, 100 * G, NOW).bytes_per_day == pytest.approx(20 * G, rel=0.02)


def test_a_leak_under_a_rotation_is_still_told() -> None:
    def free(ago: float) -> float:
        since_rotation = (DAY * 2 - ago - 3 * HOUR) % DAY
        return 60 * G + 20 * G * ago / DAY - 30 * G * since_rotation / DAY

    found = filling("/", samples(free), 300 * G, NOW)
    assert found.bytes_per_day == pytest.approx(20 * G, rel=0.05)
    assert found.full_in is not None


def test_single_windows_for_rules() -> None:
    """A leak, and since an hour ago a burst on top of it."""
    found = slopes(
        samples(lambda ago: 30 * G + 10 * G * ago / DAY + 6 * G * min(ago, HOUR) / HOUR), 100 * G, NOW
    )
    assert found.quick == pytest.approx(30 / (6 + 10 / 24) * HOUR, rel=0.02)
    assert found.short is not None
    assert found.quick is not None
    assert found.quick < found.short
    assert found.day == pytest.approx(30 / 16 * DAY, rel=0.05)  # its now is a median of minutes
    assert (found.day_known, found.steady, found.little) == (True, True, True)
    young = slopes(samples(leak(20 * G, 40 * G), hours=1), 100 * G, NOW)
    assert young.quick == pytest.approx(2 * DAY, rel=0.02)
    assert (young.short, young.day, young.day_known, young.little) == (None, None, False, False)
    assert slopes([], 100 * G, NOW) == Slopes()


def test_what_goes_further_than_ever_is_no_coming_and_going() -> None:
    """A rotation of 30 G every 6 hours that ends at 20 G, and one that did not end."""

    def tooth(ago: float) -> float:
        return 20 * G + 30 * G * (ago % (6 * HOUR)) / (6 * HOUR)

    assert slopes(samples(tooth), 100 * G, NOW).steady is False
    deeper = [(at, free - 5 * G * max(0.0, at - NOW + HOUR) / HOUR) for at, free in samples(tooth)]
    assert slopes(deeper, 100 * G, NOW).steady is True


@given(
    st.lists(st.tuples(st.floats(NOW - 2 * DAY, NOW), st.floats(0, 1e13)), max_size=200),
    st.one_of(st.none(), st.floats(1, 1e13)),
)
def test_whatever_it_is_given_the_range_is_one(raw: Samples, total: float | None) -> None:
    found: Filling = filling("/", sorted(raw), total, NOW)
    if found.full_in is not None:
        short, long = found.full_in
        assert 0 <= short <= long <= MOST
    for each in (found.slopes.quick, found.slopes.short, found.slopes.day):
        assert each is None or each >= 0


@given(st.sampled_from([1, 2, 5]), st.floats(5, 60), st.floats(10, 400))
def test_how_densely_it_was_sampled_does_not_matter(step: int, per_day: float, left: float) -> None:
    full = samples(leak(per_day * G, left * G))
    one = filling("/", full, 1000 * G, NOW).full_in
    other = filling("/", full[::-step][::-1], 1000 * G, NOW).full_in
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert other == pytest.approx(one, rel=0.05)
