"""Questions about past episodes, and a year of them."""

from __future__ import annotations

import random
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from store.storehelp import FIRING, NOW, OTHER, private
from wfmon.model.alert import Severity
from wfmon.model.episode import Sighting
from wfmon.store import episodelog
from wfmon.store.acks import NAME, AckStore
from wfmon.store.errors import StoreError

HOUR = 3600.0
DAY = 24 * HOUR
FULL = replace(FIRING, value=0.32, threshold=0.05, peak=0.4, n=250.0, failed=80.0, unit="ratio", flaps=1)


def test_what_an_episode_was_is_kept_and_its_peak_is_the_worst(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL], NOW)
    store.observe([replace(FULL, value=0.5, peak=0.5, n=300, failed=150)], NOW + 5)
    again = replace(FULL, value=0.1, peak=0.1, n=90, failed=9, flaps=0, severity=Severity.WARNING)
    store.observe([again], NOW + 30)
    record = AckStore(private(tmp_path)).records(NOW + 30)[FULL.key]
    assert (record.value, record.threshold, record.peak) == (0.1, 0.05, 0.5)
    assert (record.n, record.failed, record.unit, record.flaps) == (90, 9, "ratio", 1)


def test_a_peak_that_rises_is_written_at_once_and_a_small_step_waits(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL], NOW)
    revision = store.revision
    store.observe([replace(FULL, peak=0.41)], NOW + 1)
    assert store.revision == revision
    assert store.observe([replace(FULL, peak=0.5)], NOW + 2)[FULL.key].peak == 0.5


def test_what_is_over_is_told_as_the_worst_it_was(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([replace(FULL, severity=Severity.CRITICAL)], NOW)
    store.observe([FULL], NOW + 5)
    assert store.records(NOW + 5)[FULL.key].severity is Severity.WARNING
    store.observe([], NOW + 60, {FULL.key: NOW + 60})
    assert store.ended(NOW)[0].record.severity is Severity.CRITICAL


def test_everybody_who_ever_had_it_in_order(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL, OTHER], NOW)
    store.ack("abc", "joe", NOW, seconds=60)
    store.ack("abc", "ann", NOW + 61)
    store.ack("abc", "ann", NOW + 62, seconds=2 * HOUR)
    store.unack("abc", "ann", NOW + 63)
    store.ack("abc", "u", NOW + 64, comment="dana: mine")
    store.observe([], NOW + 100, {FULL.key: NOW + 100, OTHER.key: NOW + 90})
    first, second = store.ended(NOW)
    assert (first.record.id, first.had) == (FULL.id, ("joe", "ann", "dana (u)"))
    assert first.record.ack is not None
    assert first.record.ack.by == "dana (u)"
    assert (second.record.id, second.had) == (OTHER.id, ())
    assert [each.record.id for each in store.ended(NOW, limit=1)] == [FULL.id]
    assert store.ended(NOW + 100) == ()


def test_a_past_moment_shows_who_had_what_then(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL], NOW)
    store.ack("abc", "joe", NOW + 10, seconds=100)
    store.ack("abc", "joe", NOW + 50, seconds=200)
    store.unack("abc", "joe", NOW + 80)
    store.ack("abc", "ann", NOW + 90, seconds=30)
    store.observe([], NOW + 200, {FULL.key: NOW + 200})

    def had(at: float) -> tuple[str, float | None] | None:
        (record,) = store.episodes_at(at)
        return None if record.ack is None else (record.ack.by, record.ack.until)

    assert store.episodes_at(NOW - 61) == ()
    assert had(NOW) is None
    assert had(NOW + 10) == ("joe", NOW + 110)
    assert had(NOW + 50) == ("joe", NOW + 250)
    assert had(NOW + 80) is None
    assert had(NOW + 119) == ("ann", NOW + 120)
    assert had(NOW + 120) is None
    assert store.episodes_at(NOW + 200) == ()


def test_what_nobody_saw_end_ends_when_it_was_last_seen(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL], NOW)
    assert len(store.episodes_at(NOW + DAY - 1)) == 1
    assert store.episodes_at(NOW + DAY + 1) == ()
    store.observe([OTHER], NOW + 3 * DAY)
    assert [(each.record.id, each.record.ended_at) for each in store.ended(NOW - 1)] == [(FULL.id, NOW)]


def test_poisoned_hours_are_those_in_which_something_was_open(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL, OTHER], NOW)
    store.observe([], NOW + 100, {FULL.key: NOW + 100})
    assert store.episodes_between(NOW - 200, NOW - 60) == ()
    assert len(store.episodes_between(NOW - 200, NOW - 59)) == 2
    assert {each.id for each in store.episodes_between(NOW + 99, NOW + 500)} == {FULL.id}
    assert store.episodes_between(NOW + 100, NOW + 500) == ()


def test_a_new_normal_is_the_newest_of_its_workflow(tmp_path: Path) -> None:
    store, other = AckStore(private(tmp_path)), AckStore(private(tmp_path))
    assert store.accepted() == {}
    store.accept("w", "joe", NOW, NOW - 10)
    store.accept("v\x1b[2J", "joe", NOW, NOW - 10)
    other.accept("w", "ann", NOW + 1, NOW + 99)
    found = store.accepted()
    assert (found["w"].by, found["w"].since, found["w"].at) == ("ann", NOW + 1, NOW + 1)
    assert [name for name in found if "\x1b" in name] == []
    other.observe([FULL], NOW + 2)
    assert store.accepted() is found
    with pytest.raises(StoreError, match="read-only"):
        AckStore(private(tmp_path), read_only=True).accept("w", "joe", NOW, NOW)


def test_a_new_normal_of_one_lane_is_none_of_another(tmp_path: Path) -> None:
    """A workflow of the same name elsewhere goes on being held against what is usual there."""
    store, other = AckStore(private(tmp_path)), AckStore(private(tmp_path), lane="abcabcabcabc")
    store.accept("w", "joe", NOW, NOW - 10)
    assert other.accepted() == {}
    other.accept("w", "ann", NOW + 1, NOW)
    assert (store.accepted()["w"].by, other.accepted()["w"].by) == ("joe", "ann")


def test_a_clock_that_goes_back_still_finds_what_was_open_then(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL], NOW)
    store.observe([], NOW + 1, {FULL.key: NOW + 1})
    assert store.records(NOW + 2 * DAY) == {}
    assert FULL.key in store.records(NOW + 2)


def test_unacked_episodes_are_kept_for_a_year_and_acked_ones_for_ever(tmp_path: Path) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL, OTHER], NOW)
    store.ack("abcdef", "joe", NOW)
    store.observe([], NOW + 1, {FULL.key: NOW + 1, OTHER.key: NOW + 1})
    late = replace(FULL, id="cccccccccccc", labels=(("workflow", "z"),))
    store.observe([replace(late, since=NOW + 365 * DAY)], NOW + 365 * DAY)
    assert len(store.ended(0)) == 2
    days_on(store, replace(late, id="dddddddddddd", since=NOW + 367 * DAY), NOW + 367 * DAY)
    assert {each.record.id for each in store.ended(0)} == {FULL.id, late.id}


def days_on(store: AckStore, firing: Sighting, begin: float) -> None:
    """A day and an hour of looks, so that the clock is believed."""
    for half in range(51):
        store.observe([firing], begin + half * HOUR / 2)


@pytest.mark.parametrize("anew", [False, True])
def test_a_clock_that_leaps_ahead_forgets_nothing(tmp_path: Path, anew: bool) -> None:
    store = AckStore(private(tmp_path))
    store.observe([FULL, OTHER], NOW)
    store.observe([OTHER], NOW + 1, {FULL.key: NOW + 1})
    store = AckStore(private(tmp_path)) if anew else store
    far = NOW + 800 * DAY
    new = replace(OTHER, id="eeeeeeeeeeee", labels=(("workflow", "x"),), since=far)
    for second in range(3):
        store.observe([new], far + 20 * second)
    assert store.problem is None
    assert FULL.id in {each.record.id for each in store.ended(0)}
    store.observe([new], NOW + 40)
    store.observe([new], NOW + 60)
    assert FULL.id in {each.record.id for each in store.ended(0)}
    days_on(store, replace(new, id="ffffffffffff"), far)
    assert FULL.id not in {each.record.id for each in store.ended(0)}, "it has gone on for a day"


def test_a_year_of_episodes_is_not_read_at_every_change(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = AckStore(state)
    store.observe([FULL], NOW)
    rng = random.Random(1)
    connection = sqlite3.connect(state.path / NAME)
    with connection:
        connection.executemany(
            "INSERT INTO episodes (id, rule, labels, summary, severity, began_at, began_at_least, "
            "last_seen_at, ended_at) VALUES (?, 'failure_rate', ?, 's', 2, ?, 0, ?, ?)",
            (
                (f"e{i:011x}", f'[["workflow", "w{i % 500}"]]', at, at + 300, at + 300)
                for i in range(30_000)
                for at in (NOW - DAY - 300 - rng.random() * 364 * DAY,)
            ),
        )
    connection.close()
    statements: list[str] = []
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    used = store._database._current()
    used.set_trace_callback(statements.append)
    used.set_progress_handler(count, 100)  # a row read and compared takes some ten of its steps
    assert len(store.records(NOW + 1)) == 1
    assert statements
    assert steps < 20
    steps = 0
    assert len(store.ended(NOW - 2 * DAY, 50)) == 50
    assert steps < 500
    began = time.monotonic()
    store.episodes_at(NOW - 180 * DAY)
    store.episodes_between(NOW - 35 * DAY, NOW)
    assert time.monotonic() - began < 5


def test_numbers_of_another_hand_are_no_numbers(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = AckStore(state)
    store.observe([FULL], NOW)
    connection = sqlite3.connect(state.path / NAME)
    with connection:
        connection.execute(
            "UPDATE episodes SET value = 'x', peak = 9e999, n = -9e99, flaps = 99999999999, "
            "unit = ?, worst = 'z'",
            ("\x1b" * 99,),
        )
    connection.close()
    record = store.records(NOW)[FULL.key]
    assert (record.value, record.peak, record.n, record.threshold) == (None, None, None, 0.05)
    assert record.flaps == 10_000
    assert len(record.unit) <= 20
    assert "\x1b" not in record.unit
    store.observe([], NOW + 1, {FULL.key: NOW + 1})
    assert store.ended(NOW)[0].record.severity is Severity.WARNING


def test_of_a_flood_of_acks_a_bounded_number_of_names_is_told(tmp_path: Path) -> None:
    state = private(tmp_path)
    store = AckStore(state)
    store.observe([FULL], NOW)
    connection = sqlite3.connect(state.path / NAME)
    with connection:
        connection.executemany(
            "INSERT INTO acks (episode, by, at, until_resolved, comment, undone_at) "
            "VALUES (?, ?, ?, 0, '', 1)",
            ((FULL.id, f"u{i}", NOW) for i in range(500)),
        )
    connection.close()
    store.observe([], NOW + 1, {FULL.key: NOW + 1})
    assert len(store.ended(NOW)[0].had) == episodelog._HAD_LIMIT
