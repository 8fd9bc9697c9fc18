"""Pauses between pictures follow what they usually cost, not what one of them cost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wfmon.monitor.spacing import REMEMBERED, Spacing


def test_what_is_dear_once_keeps_nobody_waiting() -> None:
    spacing = Spacing(0.01, 60.0)
    assert spacing.pause(0.002) == 0.2
    assert spacing.pause(0.5) == 0.2


def test_what_stays_dear_is_done_more_seldom() -> None:
    spacing = Spacing(0.01, 60.0)
    pauses = [spacing.pause(cost) for cost in [0.001] + [0.1] * REMEMBERED]
    assert pauses[0] == 0.1
    assert pauses[-1] == 10.0


@given(st.lists(st.floats(0, 100), min_size=1))
def test_never_longer_than_the_longest(costs: list[float]) -> None:
    spacing = Spacing(0.003, 60.0)
    assert all(0 <= spacing.pause(cost) <= 60.0 for cost in costs)
