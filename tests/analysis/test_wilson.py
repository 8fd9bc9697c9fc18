from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.wilson import lower_bound

Z = 2.3263


def fewest_to_trip(n: int) -> int:
    return next(k for k in range(3, n + 1) if lower_bound(k, n, Z) > 0.05)


@pytest.mark.parametrize(
    ("n", "failed"),
    [(3, 3), (8, 3), (10, 3), (20, 4), (30, 5), (50, 7), (100, 11), (200, 18), (500, 37)],
)
def test_fewest_failures_that_trip_at_five_percent(n: int, failed: int) -> None:
    """The table of alerting-and-burn 4.3."""
    assert fewest_to_trip(n) == failed


def test_one_of_two_is_above_five_percent_by_the_bound_alone() -> None:
    assert lower_bound(1, 2, Z) == pytest.approx(0.073, abs=0.001)


def test_nothing_seen_bounds_nothing() -> None:
    assert lower_bound(0, 0, Z) == 0.0


@pytest.mark.parametrize(("failed", "n"), [(-1, 5), (6, 5)])
def test_impossible_counts_are_refused(failed: int, n: int) -> None:
    with pytest.raises(ValueError, match="not within"):
        lower_bound(failed, n, Z)


@given(st.integers(1, 5000), st.data())
def test_bound_is_below_the_ratio_and_grows_with_failures(n: int, data: st.DataObject) -> None:
    failed = data.draw(st.integers(0, n))
    bound = lower_bound(failed, n, Z)
    assert 0.0 <= bound <= failed / n
    if failed < n:
        assert bound <= lower_bound(failed + 1, n, Z)
