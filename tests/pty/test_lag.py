"""Lag is what an event at a random moment would have waited."""

from __future__ import annotations

import pytest

from wfmon.ui.lag import LagMeter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def worked(meter: LagMeter, clock: Clock, *, at: float, seconds: float) -> None:
    clock.now = at
    meter.woke()
    clock.now = at + seconds
    meter.waits()


def test_an_idle_loop_has_no_lag() -> None:
    clock = Clock()
    meter = LagMeter(clock)
    clock.now = 10.0
    assert meter.quantile(0.99) == 0.0
    assert meter.longest == 0.0


def test_one_long_stretch_in_ten_seconds() -> None:
    """Busy for 1 s of 10: one moment in ten waits, and one in a hundred longer than 0.9 s."""
    clock = Clock()
    meter = LagMeter(clock)
    worked(meter, clock, at=4.0, seconds=1.0)
    clock.now = 10.0
    assert meter.quantile(0.5) == 0.0
    assert meter.quantile(0.9) == pytest.approx(0.0)
    assert meter.quantile(0.99) == pytest.approx(0.9)
    assert meter.longest == pytest.approx(1.0)


def test_short_stretches_hold_the_tail_down() -> None:
    clock = Clock()
    meter = LagMeter(clock)
    for second in range(10):
        worked(meter, clock, at=float(second), seconds=0.05)
    clock.now = 10.0
    assert meter.quantile(0.99) == pytest.approx(0.04)
    assert meter.longest == pytest.approx(0.05)


def test_what_is_more_than_a_minute_ago_is_forgotten() -> None:
    clock = Clock()
    meter = LagMeter(clock)
    worked(meter, clock, at=1.0, seconds=2.0)
    clock.now = 70.0
    assert meter.quantile(0.999) == 0.0
