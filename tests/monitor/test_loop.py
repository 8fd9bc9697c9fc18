"""The loop with sources that answer at once, a clock that is moved by hand, and a real store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

import pytest

from support.waiting import wait_until
from wfmon.analysis.merge import Windows
from wfmon.config.loader import load_config
from wfmon.model.action import AckAlert, Refresh, UnackAlert
from wfmon.model.alert import AlertState
from wfmon.model.log import LogRequest
from wfmon.model.run import Run, RunsSample, RunStatus, WorkflowRuns
from wfmon.model.snapshot import Collector, Level, Snapshot
from wfmon.model.source import Failure, SourceState
from wfmon.monitor.composing import Identity
from wfmon.monitor.judge import Judge
from wfmon.monitor.loop import Monitor
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.track import Pace
from wfmon.monitor.worker import Answer, poll
from wfmon.sources.base import Reading, Source, SourceError
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir
from wfmon.store.terms import AckTerms

START = 1_800_000_000.0
WINDOWS = Windows(runs=300.0, grow_runs=20, longest=21600.0, rate=300.0)


@dataclass
class FakeLogs:
    """A source of runs: what ``answer`` gives or raises."""

    answer: Callable[[float], Reading]
    name: str = "logs"
    kind: str = "logs"
    where: str = "x"
    interval: float = 1.0
    timeout: float = 5.0
    polls: list[float] = field(default_factory=list)

    def poll(self, now: float) -> Reading:
        self.polls.append(now)
        return self.answer(now)

    def close(self) -> None: ...


class Inline:
    """Answers in the caller's thread; ``held`` keeps the question unanswered."""

    def __init__(self, source: Source, deliver: Callable[[Answer], None]) -> None:
        self.source = source
        self.deliver = deliver

    def ask(self, now: float) -> None:
        self.deliver(poll(self.source, now))

    def stop(self) -> None: ...


class Silent(Inline):
    def ask(self, now: float) -> None: ...


def failing_runs(now: float, failed: int = 30, good: int = 60) -> Reading:
    status = [RunStatus.ERROR] * failed + [RunStatus.SUCCESS] * good
    finished = tuple(
        Run(id=f"r{i}", workflow="w", status=s, ended_at=START - 1, duration_seconds=1.0, source="logs")
        for i, s in enumerate(status)
    )
    runs = WorkflowRuns("w", open=(), finished=finished, complete_since=0.0, open_complete=True)
    return Reading(at=now, runs=RunsSample(now, {"w": runs}))


def monitor(source: Source, store: AckStore, worker: type[Inline] = Inline, clock: float = START) -> Monitor:
    config = load_config(environ={}).config
    identity = Identity("h", "0", Collector(1, "joe"), read_only=False)
    return Monitor(
        [source],
        PictureMaker(WINDOWS, {}, {}),
        Judge(rule_settings(config), store),
        Presenter(store, "joe", UTC),
        identity,
        Pace(stale_after=60.0, backoff_max=60.0, stretch=100.0),
        clock=lambda: clock,
        seed=1,
        worker=worker,
    )


@pytest.fixture
def store(tmp_path: Path) -> AckStore:
    return AckStore(StateDir(tmp_path, shared=False), AckTerms())


def turn(m: Monitor, now: float) -> Snapshot:
    """One turn of the loop at ``now``, with what was answered taken in, then another."""
    m._clock = lambda: now
    m.step(now)
    m._take(0.0)
    m._next_picture = 0.0
    m.step(now)
    assert m.snapshot is not None
    return m.snapshot


def test_failing_runs_become_a_firing_alert_and_the_verdict(store: AckStore) -> None:
    snapshot = turn(monitor(FakeLogs(failing_runs), store), START)
    assert snapshot.verdict.level is Level.CRITICAL
    assert "w fails 33% (30 of 90 in 5m)" in snapshot.verdict.text
    (alert,) = [a for a in snapshot.alerts if a.rule == "failure_rate"]
    assert alert.state is AlertState.FIRING


def test_who_looks_in_the_middle_of_it_is_told_when_it_began(store: AckStore) -> None:
    def answer(now: float) -> Reading:
        finished = tuple(
            Run(
                id=f"r{ago}",
                workflow="w",
                status=RunStatus.ERROR if ago < 1200 and ago % 10 == 0 else RunStatus.SUCCESS,
                ended_at=START - ago,
            )
            for ago in range(7200, 0, -5)
        )
        runs = WorkflowRuns("w", open=(), finished=finished, complete_since=0.0, open_complete=True)
        return Reading(at=now, runs=RunsSample(now, {"w": runs}))

    (alert,) = [
        a for a in turn(monitor(FakeLogs(answer), store), START).alerts if a.state is AlertState.FIRING
    ]
    assert START - 1200 < alert.since < START - 1000
    assert not alert.since_at_least


def test_a_source_is_asked_at_its_interval_and_not_in_between(store: AckStore) -> None:
    source = FakeLogs(failing_runs)
    m = monitor(source, store)
    for step in range(21):
        turn(m, START + step * 0.5)
    assert len(source.polls) == 11


def test_a_poll_under_way_is_not_repeated_and_becomes_slow(store: AckStore) -> None:
    source = FakeLogs(failing_runs)
    m = monitor(source, store, Silent)
    turn(m, START)
    snapshot = turn(m, START + 60)
    (status,) = snapshot.sources
    assert status.state is SourceState.DOWN
    assert status.failure is Failure.TIMEOUT


def test_a_source_that_fails_is_asked_less_and_less_often_and_its_last_answer_stays(store: AckStore) -> None:
    def answer(now: float) -> Reading:
        if now > START:
            raise SourceError(Failure.REFUSED, "connection refused")
        return failing_runs(now)

    source = FakeLogs(answer)
    m = monitor(source, store)
    for second in range(300):
        snapshot = turn(m, START + second)
    assert 5 <= len(source.polls) <= 20
    (status,) = snapshot.sources
    assert (status.state, status.failure, status.as_of) == (SourceState.DOWN, Failure.REFUSED, START)
    assert [row.name for row in snapshot.workflows] == ["w"]
    (alert,) = [a for a in snapshot.alerts if a.rule == "failure_rate"]
    assert alert.state is AlertState.NO_DATA


def test_an_unforeseen_error_is_a_state_and_no_crash(store: AckStore) -> None:
    def answer(now: float) -> Reading:
        raise ZeroDivisionError("\x1b[2J")

    snapshot = turn(monitor(FakeLogs(answer), store), START)
    (status,) = snapshot.sources
    assert status.failure is Failure.INTERNAL
    assert status.error is not None
    assert "ZeroDivisionError" in status.error
    assert "\x1b" not in status.error


def test_no_data_is_never_fine(store: AckStore) -> None:
    m = monitor(FakeLogs(lambda now: Reading(at=START - 3600, runs=RunsSample(now, {}))), store)
    snapshot = turn(m, START)
    assert snapshot.sources[0].state is SourceState.STALE
    assert snapshot.verdict.level is Level.UNKNOWN


def test_ack_and_undo_through_the_door_with_the_loop_running(store: AckStore) -> None:
    m = monitor(FakeLogs(failing_runs), store)
    m.start()
    try:
        snapshot = m.wait(lambda s: bool(s.alerts), 10)
        assert snapshot is not None
        alert = snapshot.alerts[0]
        outcome = asyncio.run(m.act(AckAlert(alert.id, "joe", comment="mine")))
        assert outcome.ok
        assert m.snapshot is not None
        assert m.snapshot.alerts[0].state is AlertState.ACKED
        assert "joe has it" in m.snapshot.verdict.text
        assert asyncio.run(m.act(UnackAlert(alert.id, "joe"))).ok
        assert m.snapshot.alerts[0].state is AlertState.FIRING
        assert not asyncio.run(m.act(UnackAlert("ffffffffffff", "joe"))).ok
    finally:
        m.stop()


def test_another_process_acks_and_the_next_turn_shows_it(store: AckStore, tmp_path: Path) -> None:
    m = monitor(FakeLogs(failing_runs), store)
    alert = turn(m, START).alerts[0]
    AckStore(StateDir(tmp_path, shared=False), AckTerms()).ack(alert.id, "eva", START + 0.5)
    snapshot = turn(m, START + 1.1)
    assert snapshot.alerts[0].ack is not None
    assert snapshot.alerts[0].ack.by == "eva"


def test_a_persons_refresh_asks_at_once(store: AckStore) -> None:
    source = FakeLogs(failing_runs, interval=50.0)
    m = monitor(source, store)
    turn(m, START)
    m.submit(Refresh())
    m._take(0.0)
    turn(m, START + 1)
    assert source.polls == [START, START + 1]


def test_an_action_that_its_asker_gave_up_is_not_done_and_breaks_nothing(store: AckStore) -> None:
    m = monitor(FakeLogs(failing_runs), store)
    (alert,) = [a for a in turn(m, START).alerts if a.rule == "failure_rate"]
    for action in (Refresh(), AckAlert(alert.id, "joe")):
        assert m.submit(action).cancel()
        m._take(0.0)
    assert [a.state for a in turn(m, START + 1).alerts if a.id == alert.id] == [AlertState.FIRING]


def test_subscribers_get_every_snapshot_until_they_leave(store: AckStore) -> None:
    m = monitor(FakeLogs(failing_runs), store)
    got: list[Snapshot] = []
    end = m.subscribe(got.append)
    turn(m, START)
    seen = len(got)
    assert seen >= 1
    end()
    turn(m, START + 5)
    assert len(got) == seen


def test_no_log_says_which_setting_would_give_one(store: AckStore) -> None:
    m = monitor(FakeLogs(failing_runs), store)
    page = asyncio.run(m.pages(LogRequest(workflow="w")))
    assert page.problem is not None
    assert "--logs GLOB" in page.problem


def test_a_failure_of_the_monitor_itself_is_said(store: AckStore, monkeypatch: pytest.MonkeyPatch) -> None:
    m = monitor(FakeLogs(failing_runs), store)
    monkeypatch.setattr(m, "_maker", None)
    m.start()
    try:
        wait_until(lambda: m.snapshot is not None, message="no snapshot")
        assert m.snapshot is not None
        assert m.snapshot.verdict.level is Level.UNKNOWN
        assert "wfmon-tui itself failed" in m.snapshot.verdict.text
    finally:
        m.stop()


def test_stop_does_not_wait_for_a_source_that_hangs(store: AckStore) -> None:
    import threading
    import time

    gate = threading.Event()

    def answer(now: float) -> Reading:
        gate.wait(30)
        return failing_runs(now)

    from wfmon.monitor.worker import SourceWorker

    m = monitor(FakeLogs(answer), store, SourceWorker)  # type: ignore[arg-type]
    m.start()
    began = time.monotonic()
    m.stop()
    assert time.monotonic() - began < 5
    gate.set()


def test_an_answer_counts_as_settled_once_the_snapshot_shows_it(store: AckStore) -> None:
    m = monitor(FakeLogs(failing_runs), store)
    m.step(START)
    m._take(0.0)
    assert not m.settled, "check would print the snapshot of before the answer"
    m._next_picture = 0.0
    m.step(START)
    assert m.settled


def test_a_source_that_needs_a_second_sample_is_asked_again_soon(store: AckStore) -> None:
    def answer(now: float) -> Reading:
        return replace(failing_runs(now), settled=now > START)

    source = FakeLogs(answer, interval=5.0)
    m = monitor(source, store)
    for second in range(12):
        turn(m, START + second)
    assert source.polls == [START, START + 1, START + 6, START + 11]


def test_a_source_that_never_has_enough_is_not_asked_soon_for_ever(store: AckStore) -> None:
    source = FakeLogs(lambda now: replace(failing_runs(now), settled=False), interval=5.0)
    m = monitor(source, store)
    for second in range(60):
        turn(m, START + second)
    assert len(source.polls) < 22


def test_what_the_second_sample_proves_is_said_with_it(store: AckStore) -> None:
    """``check`` ends there: it must not wait for the next time that rules are due, nor miss it."""

    def answer(now: float) -> Reading:
        if now > START:
            return failing_runs(now)
        return replace(failing_runs(now, failed=0), settled=False)

    m = monitor(FakeLogs(answer), store)
    assert turn(m, START).verdict.level is Level.OK
    assert turn(m, START + 1).verdict.level is Level.CRITICAL
    assert m.settled


def test_the_answer_that_makes_it_whole_is_shown_at_once(store: AckStore) -> None:
    def answer(now: float) -> Reading:
        return replace(failing_runs(now), settled=now > START)

    m = monitor(FakeLogs(answer), store)
    m.step(START)
    m._take(0.0)
    m.step(START)
    m._next_picture = START + 60  # making pictures of this host is dear
    m._clock = lambda: START + 1
    m.step(START + 1)
    m._take(0.0)
    m.step(START + 1)
    assert m.settled
