"""Who collects, who reads, and what the screen is told while that changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.stations import START, Place, World
from support.waiting import wait_until
from wfmon.model.action import AckAlert, Refresh
from wfmon.model.alert import AlertState
from wfmon.model.log import LogRequest
from wfmon.model.snapshot import Level, Snapshot
from wfmon.store import livefile, wire
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.livefile import LiveWriter


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def seen(snapshot: Snapshot) -> Snapshot:
    """All but who asks."""
    collector = replace(snapshot.collector, self_=False)
    return replace(snapshot, collector=collector, read_only=False)


def test_the_first_collects_and_everybody_else_shows_the_same(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(3)
    ben, cat = world.enter("ben"), world.enter("cat", read_only=True)
    world.pass_by(2)
    assert ann.last.collector.self_
    for reader in (ben, cat):
        assert reader.monitors == []
        assert reader.source.polls == 0
        assert (reader.last.collector.user, reader.last.collector.self_) == ("ann", False)
        assert seen(reader.last).workflows == seen(ann.last).workflows
        assert reader.last.verdict == ann.last.verdict
        assert reader.last.alerts == ann.last.alerts
        assert "w fails 33%" in reader.last.verdict.text
    assert cat.last.read_only
    assert not ben.last.read_only


def test_a_reader_takes_over_within_two_seconds_and_forgets_nothing(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben", held=True)
    world.pass_by(4)
    began = ben.last.alerts[0].since
    asyncio_ack(ben, ben.last.alerts[0].id, "ben")
    world.kill(ann)
    ben.shown.clear()
    world.pass_by(1.6)
    assert ben.last.collector.self_
    assert ben.last.collector.user == "ben"
    world.pass_by(1)
    assert all(snapshot.workflows for snapshot in ben.shown), "its own sources have not answered yet"
    ben.source.held = False
    world.pass_by(8)
    assert all(snapshot.workflows for snapshot in ben.shown)
    assert ben.last.at > START + 10
    (alert,) = ben.last.alerts
    assert (alert.since, alert.state, alert.ack and alert.ack.by) == (began, AlertState.ACKED, "ben")


def test_a_collector_that_knows_nothing_after_three_seconds_says_so(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben", held=True)
    world.pass_by(4)
    world.kill(ann)
    world.pass_by(6)
    assert ben.last.collector.self_
    assert ben.last.workflows == ()
    assert ben.last.verdict.also == ("? cannot see logs",)
    (alert,) = ben.last.alerts  # what the one before saw is no better for that
    assert (alert.state, ben.last.verdict.level) == (AlertState.NO_DATA, Level.CRITICAL)


def test_one_that_starts_where_another_has_just_died_goes_on_from_there(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(4)
    world.kill(ann)
    world.clock.now += 2
    ben = world.enter("ben", held=True)
    world.pass_by(1)
    assert ben.last.collector.self_
    assert [row.name for row in ben.last.workflows] == ["w"]
    assert ben.last.at <= START + 4, "it is as old as it says"


def test_another_reader_never_sees_less_while_somebody_takes_over(world: World) -> None:
    ann, ben, cat = world.enter("ann"), world.enter("ben", held=True), world.enter("cat", held=True)
    world.pass_by(4)
    world.kill(ann)
    cat.shown.clear()
    world.pass_by(0.8, ben, cat)
    ben.source.held = False
    world.pass_by(6)
    assert ben.last.collector.self_ != cat.last.collector.self_
    assert all(snapshot.workflows for snapshot in cat.shown)
    assert ben.last.verdict == cat.last.verdict


def test_a_silent_collector_is_told_then_replaced_and_steps_down(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben")
    world.pass_by(4)
    world.pass_by(12, ben)  # ann is stopped, and holds the lock
    verdict = ben.last.verdict
    assert verdict.level is Level.UNKNOWN
    assert verdict.text.startswith("collector ann (pid ")
    assert "has not answered for 1" in verdict.text
    assert "figures are of 08:00:0" in verdict.text
    assert "then w fails 33%" in verdict.text
    assert ben.last.workflows
    world.pass_by(22, ben)
    assert ben.last.collector.self_
    assert ben.last.verdict.level is Level.CRITICAL
    polls = ann.source.polls
    world.pass_by(1)  # ann is continued
    assert ann.monitor is None
    world.pass_by(3)
    assert ann.source.polls <= polls + 1
    assert (ann.last.collector.user, ann.last.collector.self_) == ("ben", False)
    assert ann.last.verdict == ben.last.verdict


def test_a_collector_whose_loop_hangs_gives_no_sign_of_life(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben")
    world.pass_by(4)
    for _ in range(60):
        world.clock.now += 0.2
        ann.turn(loop=False)
        ben.turn()
    assert "has not answered" in ben.last.verdict.text


def test_read_only_looks_for_itself_only_while_nobody_collects(world: World) -> None:
    eve = world.enter("eve", read_only=True)
    world.pass_by(2)
    assert eve.last.collector.alone == "read-only, and nobody collects"
    assert eve.last.workflows
    assert not list(world.lane.state.path.iterdir()), "not even a lock"
    ann = world.enter("ann")
    world.pass_by(3)
    assert (eve.last.collector.user, eve.monitor) == ("ann", None)
    world.kill(ann)
    world.pass_by(4)
    assert eve.last.collector.self_
    assert eve.last.collector.alone
    assert eve.last.workflows


def test_a_directory_that_cannot_be_used_is_told_and_the_sources_are_asked(world: World) -> None:
    world.problem = "nowhere is not writable"
    ann = world.enter("ann")
    world.pass_by(2)
    assert ann.last.collector.alone == "nowhere is not writable"
    assert ann.last.workflows
    assert "fails 33%" in ann.last.verdict.text


def test_a_collector_of_another_version_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SCHEMA", wire.SCHEMA + 1)
    ann = world.enter("ann", version="0.9")
    world.pass_by(3, ann)
    assert ann.station._publisher is not None
    monkeypatch.undo()
    ben = world.enter("ben")
    world.pass_by(2)
    assert ben.last.collector.alone is not None
    assert "is of version 0.9: looking for myself" in ben.last.collector.alone
    assert ben.last.workflows
    world.kill(ann)
    world.pass_by(4)
    assert ben.last.collector.self_
    assert ben.last.collector.alone is None


def test_a_live_file_that_holds_nonsense_is_not_waited_for(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(3)
    publisher = ann.station._publisher
    assert publisher is not None
    writer = LiveWriter(world.lane, publisher._epoch, wire.SCHEMA)
    publisher._encoder = None  # from now on ann only says that it lives
    publisher._writer = writer
    publisher._write = lambda now: writer.publish([b"nonsense"], now)  # type: ignore[method-assign]
    world.pass_by(1)
    ben = world.enter("ben")
    world.pass_by(7)
    assert ben.last.collector.alone is not None
    assert "cannot be read" in ben.last.collector.alone
    assert ben.last.workflows


def test_a_file_of_other_settings_is_not_shown(world: World) -> None:
    other = replace(world.lane, key="ba9876543210")
    LiveWriter(other, 5, wire.SCHEMA).publish([b"x"], START)
    reader = livefile.LiveReader(world.lane)
    assert reader.look() is None
    eve = world.enter("eve", read_only=True)
    world.pass_by(2)
    assert eve.last.collector.alone


def test_resting_lets_another_collect_and_goes_on_afterwards(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben")
    world.pass_by(4)
    ann.station.rest()
    assert ann.monitor is None
    assert ann.last.workflows
    world.pass_by(1.5)
    assert ben.last.collector.self_
    world.pass_by(4)
    assert ann.last.collector.user == "ben"
    world.kill(ben)
    world.pass_by(5)
    assert ann.last.collector.self_


def test_alone_at_rest_it_collects_again_by_itself(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(4)
    ann.station.rest()
    world.pass_by(1)
    assert ann.monitor is None, "the stop of the process may be a moment late"
    ann.shown.clear()
    world.pass_by(3)
    assert ann.monitor is not None
    assert all(snapshot.workflows for snapshot in ann.shown)


def asyncio_ack(place: Place, alert: str, by: str) -> None:
    answer = place.station.submit(AckAlert(alert, by))
    place.turn()
    assert answer.result(timeout=0).ok


def test_an_ack_of_a_reader_is_seen_at_once_there_and_soon_everywhere(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben")
    world.pass_by(4)
    asyncio_ack(ben, ben.last.alerts[0].id, "ben")
    assert ben.last.alerts[0].state is AlertState.ACKED
    assert "ben has it" in ben.last.verdict.text
    world.pass_by(1.2)
    assert "ben has it" in ann.last.verdict.text


def test_an_action_that_was_not_done_when_the_role_ended_is_done_by_the_next(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(4)
    alert = ann.last.alerts[0].id
    answer = ann.station.submit(AckAlert(alert, "ann"))
    ann.station.turn(world.clock.now)  # handed to the monitor, whose loop does not turn any more
    assert not answer.done()
    ann.station.rest()
    ann.turn()
    assert answer.result(timeout=0).ok
    assert ann.last.alerts[0].state is AlertState.ACKED


def test_a_reader_that_refreshes_makes_the_collector_ask(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben")
    ann.source.interval = 50.0
    world.pass_by(60)
    before = ann.source.polls
    answer = ben.station.submit(Refresh())
    world.pass_by(1)
    assert answer.result(timeout=0).ok
    assert ann.source.polls == before + 1
    world.pass_by(3)
    assert ann.source.polls == before + 1
    eve = world.enter("eve", read_only=True)
    refused = eve.station.submit(Refresh())
    eve.turn()
    assert not refused.result(timeout=0).ok


def page_of(place: Place) -> int:
    """Which source answered."""
    return asyncio.run(place.station.pages(LogRequest(workflow="w"))).lines[0].offset


def test_a_reader_builds_its_logs_when_a_page_is_asked_and_keeps_them_over_a_take_over(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben")
    world.pass_by(4)
    assert ben.rooms == []
    first = page_of(ben)
    (room,) = ben.rooms
    assert first == id(room)
    wait_until(lambda: room.polls >= 1, timeout=10)
    world.kill(ann)
    world.pass_by(4)
    assert ben.last.collector.self_
    assert page_of(ben) == first, "positions of its pages are known to it alone"
    assert not room.closed
    ben.station.stop()
    assert room.closed


def test_a_collector_that_rests_leaves_its_logs_to_the_open_log_view(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(4)
    first = page_of(ann)
    assert first == id(ann.source)
    ann.station.rest()
    assert not ann.source.closed
    assert page_of(ann) == first
    assert ann.rooms == []


def test_the_end_frees_the_lock_after_the_last_snapshot(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(4)
    ann.station.stop()
    world.places.remove(ann)
    ben = world.enter("ben", held=True)
    assert ben.monitor is not None
    world.pass_by(1)
    assert ben.last.workflows


def test_a_full_disk_is_told_by_the_collector(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: LiveWriter, chunks: object, now: float) -> None:
        raise OSError(28, "No space left on device")

    ann = world.enter("ann")
    world.pass_by(3)
    monkeypatch.setattr(LiveWriter, "publish", full)
    world.pass_by(3)
    assert ann.last.store_problem == "others see old figures: No space left on device"
    assert "fails 33%" in ann.last.verdict.text
    monkeypatch.undo()
    world.pass_by(8)
    assert ann.last.store_problem is None


def test_what_somebody_published_long_ago_is_shown_by_nobody(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(4)
    world.kill(ann)
    world.clock.now += 3600
    eve = world.enter("eve", held=True, read_only=True)
    world.pass_by(6)
    assert eve.last.collector.alone
    assert all(snapshot.workflows == () for snapshot in eve.shown)
    ben = world.enter("ben", held=True)
    world.pass_by(2)
    assert all(snapshot.workflows == () for snapshot in ben.shown)


def test_what_is_between_two_collectors_is_told_by_its_age(world: World) -> None:
    """Who may not collect shows the last figures only so long without a word."""
    ann, eve = world.enter("ann"), world.enter("eve", read_only=True, held=True)
    world.pass_by(4)
    world.kill(ann)
    world.pass_by(5.8)
    assert eve.last.workflows
    assert "figures are of 08:00:0" in eve.last.verdict.text


def test_a_collector_that_has_just_begun_is_not_taken_for_one_that_hangs(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(4)
    world.kill(ann)
    world.clock.now += 3600  # what is published is that old
    ben = world.enter("ben", held=True)
    cat = world.enter("cat")
    world.pass_by(1, cat)
    assert cat.monitor is None
    assert cat.shown == []
    world.pass_by(8, cat)
    assert "collector ben" in cat.last.verdict.text
    assert cat.last.verdict.text.endswith("s: nothing is known")
    assert ben.station._lock.held()


def test_whoever_lost_the_lock_writes_nothing(world: World) -> None:
    ann = world.enter("ann")
    world.pass_by(3)
    before = (world.lane.state.path / "live").read_bytes()
    holder = ann.station._lock.holder()
    assert holder is not None
    other = CollectorLock(world.lane)
    assert other.replace_hung(holder, world.clock.now) is not None
    world.pass_by(3)
    assert (world.lane.state.path / "live").read_bytes() == before
    assert ann.monitor is None
    assert not ann.station._lock.held()


def test_the_first_picture_waits_until_the_screen_stands(world: World) -> None:
    ann = world.enter("ann")
    live = world.lane.state.path / "live"
    for _ in range(3):
        ann.turn()
    assert not live.exists()
    world.clock.now += 0.8
    ann.turn()
    assert live.exists()


def test_who_read_until_now_publishes_at_once(world: World) -> None:
    ann, ben = world.enter("ann"), world.enter("ben")
    world.pass_by(4)
    before = world.lane.state.path / "live"
    inode = before.stat().st_ino
    world.kill(ann)
    world.pass_by(0.6)
    assert ben.last.collector.self_
    assert before.stat().st_ino != inode
