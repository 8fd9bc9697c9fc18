"""Drawn series: gaps stay gaps, a source's own memory goes first."""

from wfmon.model.metrics import Trend
from wfmon.monitor.trends import LENGTH, Drawings, TrendRing, drawn_slots


def test_one_point_a_step_and_missed_steps_are_gaps() -> None:
    ring = TrendRing(10.0)
    for at in (100.0, 104.0, 110.0, 140.0):
        ring.record(at, {"w": at})
    assert ring.drawn("w") == (100.0, 110.0, None, None, 140.0)


def test_a_series_that_is_not_seen_any_more_ends_as_a_gap_and_then_goes() -> None:
    ring = TrendRing(1.0)
    ring.record(0.0, {"w": 0.0})
    ring.record(1.0, {})
    assert ring.drawn("w") == (0.0, None)
    ring.record(2.0 + LENGTH, {})
    assert ring.drawn("w") == ()


def test_a_clock_that_went_back_adds_nothing() -> None:
    ring = TrendRing(1.0)
    ring.record(5.0, {"w": 1.0})
    ring.record(3.0, {"w": 2.0})
    assert ring.drawn("w") == (1.0,)


def test_what_a_source_kept_itself_is_drawn_before_what_was_seen() -> None:
    drawings = Drawings(1.0)
    drawings.seen.record(0.0, {"w": 0.5, "v": 0.25})
    drawings.take([Trend("error_ratio", "w", ((0.0, 0.1), (60.0, None), (120.0, 0.2)))])
    assert drawings.drawn("w") == (0.1, None, 0.2)
    assert drawings.drawn("v") == (0.25,)


def test_what_was_kept_from_before_the_start_goes_in_front_with_its_gaps() -> None:
    ring = TrendRing(10.0)
    ring.record(100.0, {"w": 1.0})
    ring.record(110.0, {"w": 2.0, "late": 5.0})
    ring.precede({"w": {9: 0.9, 7: 0.7, 10: 99.0}, "gone": {8: 0.8}, "late": {10: 4.0}})
    assert ring.drawn("w") == (0.7, None, 0.9, 1.0, 2.0)
    assert ring.drawn("gone") == (0.8, None, None, None)
    assert ring.drawn("late") == (4.0, 5.0)
    ring.record(120.0, {"w": 3.0})
    assert ring.drawn("w")[-1] == 3.0


def test_older_than_the_ring_is_not_drawn() -> None:
    ring = TrendRing(1.0)
    ring.record(1000.0, {"w": 1.0})
    ring.precede({"w": {1000 - LENGTH: 7.0, 1001 - LENGTH: 8.0}})
    assert len(ring.drawn("w")) == LENGTH
    assert ring.drawn("w")[0] == 8.0


def test_a_new_ring_goes_on_from_what_another_process_drew() -> None:
    other, ring = TrendRing(10.0), TrendRing(10.0)
    for at, value in ((100.0, 1.0), (110.0, None), (120.0, 3.0)):
        other.record(at, {"w": value, "v": 0.5})
    ring.precede(drawn_slots(124.0, 10.0, {"w": other.drawn("w"), "v": other.drawn("v"), "none": ()}))
    assert ring.drawn("w") == (1.0, None, 3.0)
    ring.record(126.0, {"w": 9.0})
    assert ring.drawn("w") == (1.0, None, 3.0), "this step was recorded by the other"
    ring.record(141.0, {"w": 5.0})
    assert ring.drawn("w") == (1.0, None, 3.0, None, 5.0)
    ring.precede({"w": {9: 0.9, 10: 77.0}})
    assert ring.drawn("w") == (0.9, 1.0, None, 3.0, None, 5.0)


def test_nothing_to_go_on_from_is_no_begin() -> None:
    ring = TrendRing(10.0)
    ring.precede({"w": {}})
    ring.record(100.0, {"w": 1.0})
    assert ring.drawn("w") == (1.0,)
