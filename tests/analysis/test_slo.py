"""Error budgets: parts add up, nothing is known of nothing, the target itself is met."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.slo import availability, both, success_share
from wfmon.model.spend import RunCount

counts = st.integers(0, 10**7).flatmap(
    lambda runs: st.integers(0, runs).map(lambda failed: RunCount(float(runs), float(failed)))
)
targets = st.floats(0.5, 1.0)


def test_by_hand() -> None:
    """12,400 runs at 99 %: 124 may fail; 98 did: 79 % of the budget."""
    known = availability(RunCount(12_400, 98), 0.99)
    assert known is not None
    assert known.allowed == pytest.approx(124)
    assert known.spent == pytest.approx(98 / 124)
    assert known.left == pytest.approx(26)
    assert known.success == pytest.approx(1 - 98 / 12_400)
    assert known.met


@pytest.mark.parametrize(("failures", "met"), [(0, True), (1, True), (2, False)])
def test_just_the_target_is_met(failures: int, met: bool) -> None:
    known = availability(RunCount(100, failures), 0.99)
    assert known is not None
    assert known.met is met


def test_where_none_may_fail() -> None:
    perfect, broken = availability(RunCount(10, 0), 1.0), availability(RunCount(10, 1), 1.0)
    assert perfect is not None
    assert broken is not None
    assert (perfect.spent, perfect.met) == (None, True)
    assert (broken.spent, broken.met) == (float("inf"), False)


@pytest.mark.parametrize(
    ("runs", "target"),
    [(None, 0.99), (RunCount(0, 0), 0.99), (RunCount(5, 1), None), (RunCount(5, 1), 0.0)],
)
def test_of_nothing_nothing_is_known(runs: RunCount | None, target: float | None) -> None:
    assert availability(runs, target) is None


@given(counts, targets)
def test_spent_and_left_are_the_whole(runs: RunCount, target: float) -> None:
    known = availability(runs, target)
    if runs.runs == 0:
        assert known is None
        return
    assert known is not None
    assert 0.0 <= known.success <= 1.0
    assert known.left + known.failures == pytest.approx(known.allowed, abs=1e-6)
    assert known.allowed >= 0.0
    if known.spent is not None and known.spent < float("inf"):
        assert known.spent * known.allowed == pytest.approx(known.failures, abs=1e-6)
        assert known.met or known.spent > 1.0


@given(counts, counts)
def test_two_parts_are_between_their_shares(one: RunCount, other: RunCount) -> None:
    whole = both(one, other)
    assert whole is not None
    assert whole.runs == one.runs + other.runs
    shares = [share for share in map(success_share, (one, other)) if share is not None]
    share = success_share(whole)
    assert (share is None) == (not shares)
    if share is not None:
        assert min(shares) - 1e-9 <= share <= max(shares) + 1e-9


@given(counts)
def test_the_unknown_adds_nothing(runs: RunCount) -> None:
    assert both(runs, None) == runs == both(None, runs)
    assert both(None, None) is None
