"""Starting late: the monitor finds out what was before it looked, and its store holds it once."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import pytest

from monitor.test_loop import START, WINDOWS, FakeLogs, Inline
from support.waiting import wait_until
from wfmon.analysis.episodes import EpisodeMemory, advance, begin
from wfmon.analysis.pastfailures import Windows
from wfmon.analysis.rejoin import held_longer
from wfmon.analysis.rules import memory as memory_rule
from wfmon.config.loader import load_config
from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.episode import PastEpisode, Sighting
from wfmon.model.history import Kind
from wfmon.model.host import HostSample, Memory
from wfmon.model.past import Series, SeriesRequest
from wfmon.model.pastcounts import PastCounts
from wfmon.model.run import Run, RunsSample, RunStatus, WorkflowRuns
from wfmon.model.snapshot import Collector, Snapshot
from wfmon.model.source import Failure
from wfmon.monitor.composing import Identity
from wfmon.monitor.judge import Judge
from wfmon.monitor.lookback import Deliver, LookBack, Means
from wfmon.monitor.loop import Monitor
from wfmon.monitor.pastlevels import kept_levels
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.track import Pace
from wfmon.sources.base import Reading, Source, SourceError
from wfmon.store.acks import AckStore
from wfmon.store.errors import StoreError
from wfmon.store.paths import StateDir

MINUTE = 60.0
RULES = rule_settings(load_config(environ={}).config)
KEY = ("failure_rate", (("workflow", "w"),))
STEP = 30.0


@dataclass
class Failing:
    """A run every 10 s; from ``begin`` to ``end`` minutes ago half of them fail."""

    spans: Sequence[tuple[float, float]]
    complete_since: float = 0.0
    hours: float = 3.0

    def runs(self, now: float) -> WorkflowRuns:
        finished = []
        for number in range(int(self.hours * 360)):
            at = START + 30 * MINUTE - number * 10.0
            ago = (START - at) / MINUTE
            failed = number % 2 == 0 and any(end < ago <= first for first, end in self.spans)
            if self.complete_since <= at <= now:
                status = RunStatus.ERROR if failed else RunStatus.SUCCESS
                finished.append(Run(f"r{number}", "w", status, ended_at=at, source="logs"))
        return WorkflowRuns("w", (), tuple(finished[::-1]), self.complete_since, open_complete=True)

    def __call__(self, now: float) -> Reading:
        return Reading(at=now, runs=RunsSample(now, {"w": self.runs(now)}))


def means(**more: object) -> Means:
    windows = Windows(WINDOWS.ladder, WINDOWS.grow_runs)
    return Means(RULES, windows, {}, {}, hurried=True, **more)  # type: ignore[arg-type]


class Started:
    """A monitor on a store; ``turn`` is one turn of its loop at a moment."""

    def __init__(self, source: Source, store: AckStore, looks: Means | None) -> None:
        config = load_config(environ={}).config

        def look_back(deliver: Deliver) -> LookBack:
            assert looks is not None
            return LookBack(looks, deliver)

        self.store = store
        self.monitor = Monitor(
            [source],
            PictureMaker(WINDOWS, {}, {}),
            Judge(rule_settings(config), store),
            Presenter(store, "joe", UTC),
            Identity("h", "0", Collector(1, "joe"), read_only=False),
            Pace(stale_after=60.0, backoff_max=60.0, stretch=100.0),
            seed=1,
            worker=Inline,
            looks_back=None if looks is None else look_back,
        )

    def turn(self, now: float) -> Snapshot:
        self.monitor._clock = lambda: now
        self.monitor._next_picture = 0.0
        self.monitor._next_rows = 0.0
        self.monitor.step(now)
        self.monitor._take(0.0)
        self.monitor._next_picture = 0.0
        self.monitor.step(now)
        assert self.monitor.snapshot is not None
        return self.monitor.snapshot

    def knows(self, now: float = START) -> Snapshot:
        """As soon as it is known what was before."""

        def known() -> bool:
            self.turn(now)
            return self.monitor.past_known

        wait_until(known, message="looked back")
        return self.turn(now)


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    return StateDir(tmp_path, shared=True)


@pytest.fixture
def store(state: StateDir) -> Iterator[AckStore]:
    store = AckStore(state)
    yield store
    store.close()


def failures(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.rule == "failure_rate"]


def ago(at: float | None) -> float:
    assert at is not None
    return (START - at) / MINUTE


def test_after_an_incident_that_is_over_it_is_told_as_ended(store: AckStore) -> None:
    started = Started(FakeLogs(Failing([(40.0, 20.0)])), store, means())
    first = started.turn(START)
    assert failures(first.ended) == [], "the first verdict waits for nothing"
    (alert,) = failures(started.knows().ended)
    assert (alert.state, alert.severity, alert.had) == (AlertState.RESOLVED, Severity.CRITICAL, ())
    assert 36 < ago(alert.since) < 40
    assert 8 < ago(alert.ended_at) < 20
    assert not alert.since_at_least
    assert alert.peak is not None
    assert 0.4 < alert.peak < 0.6
    assert alert.n
    (kept,) = store.ended(START - 3600.0)
    assert (kept.record.id, kept.record.ended_at, kept.had) == (alert.id, alert.ended_at, ())


def test_what_goes_on_began_when_it_began(store: AckStore) -> None:
    """Two thousand runs ago, beyond what a look at the present finds, and with a calm minute in between."""
    spans = [(100.0, 50.0), (48.0, -30.0)]
    alone = Started(FakeLogs(Failing(spans)), AckStore(StateDir(store._state.path / "other")), None)
    (short,) = failures(alone.turn(START).alerts)
    (alert,) = failures(Started(FakeLogs(Failing(spans)), store, means()).knows().alerts)
    assert 96 < ago(alert.since) <= 100
    assert not alert.since_at_least
    assert short.since >= alert.since
    assert store.records(START)[KEY].began_at == alert.since


def test_where_the_data_begin_in_it_it_is_at_least_as_old(store: AckStore) -> None:
    logs = Failing([(400.0, -30.0)], complete_since=START - 30 * MINUTE)
    (alert,) = failures(Started(FakeLogs(logs), store, means()).knows().alerts)
    assert alert.since_at_least
    assert 24 < ago(alert.since) <= 30


def left_open(store: AckStore, began: float, seen: float) -> str:
    """What a collector left that saw it fire last ``seen`` minutes ago."""
    told = Sighting(
        "abcdef012345", *KEY, Severity.CRITICAL, "50%", START - began * MINUTE, False, "w", 0.5, 0.05
    )
    store.observe([told], START - seen * MINUTE)
    return told.id


def test_a_stored_one_that_ended_unseen_ended_then_and_keeps_who_had_it(store: AckStore) -> None:
    episode = left_open(store, 65.0, 60.0)
    store.ack(episode, "dana", START - 60 * MINUTE, seconds=8 * 3600.0)
    started = Started(FakeLogs(Failing([(70.0, 45.0)])), store, means(seen_until=START - 60 * MINUTE))
    shown = started.knows()
    (alert,) = failures(shown.ended)
    assert (alert.id, alert.had) == (episode, ("dana",))
    assert ago(alert.since) == pytest.approx(65.0)
    assert 30 < ago(alert.ended_at) < 45
    assert store.acks(START) == ()
    assert [entry.what for entry in store.audit()][-1] == "resolved"


def test_what_fires_now_is_another_where_the_stored_one_was_over_and_its_ack_is_not_taken_along(
    store: AckStore,
) -> None:
    episode = left_open(store, 115.0, 110.0)
    store.ack(episode, "dana", START - 110 * MINUTE, seconds=8 * 3600.0)
    started = Started(
        FakeLogs(Failing([(120.0, 90.0), (20.0, -30.0)])), store, means(seen_until=START - 110 * MINUTE)
    )
    (first,) = failures(started.turn(START).alerts)
    assert (first.id, first.state) == (episode, AlertState.ACKED), "as far as can be known at once"
    shown = started.knows()
    (alert,) = failures(shown.alerts)
    assert alert.id != episode
    assert alert.state is AlertState.FIRING
    assert 16 < ago(alert.since) <= 20
    (over,) = failures(shown.ended)
    assert (over.id, over.had) == (episode, ("dana",))
    assert 78 < ago(over.ended_at) < 91
    store.ack(alert.id, "joe", START)
    assert [held.episode.id for held in store.acks(START)] == [alert.id]
    later = started.turn(START + 20.0)
    assert [each.id for each in failures(later.alerts)] == [alert.id]


def test_who_takes_it_before_that_is_known_has_what_fires(store: AckStore) -> None:
    episode = left_open(store, 115.0, 110.0)
    logs = FakeLogs(Failing([(120.0, 90.0), (20.0, -30.0)]))
    started = Started(logs, store, means(seen_until=START - 110 * MINUTE))
    started.turn(START)
    store.ack(episode, "joe", START)
    (alert,) = failures(started.knows(START + 1.0).alerts)
    assert alert.id != episode
    assert (alert.state, alert.ack and alert.ack.by) == (AlertState.ACKED, "joe")


def test_two_that_start_at_once_and_one_that_starts_again_find_it_once(state: StateDir) -> None:
    logs = Failing([(100.0, 80.0), (40.0, 20.0)])
    stores = [AckStore(state) for _ in range(3)]
    two = [Started(FakeLogs(logs), each, means()) for each in stores[:2]]
    for each in two:
        each.turn(START)
    for each in two:
        each.knows(START + 1.0)
    Started(FakeLogs(logs), stores[2], means()).knows(START + 60.0)
    kept = stores[0].ended(START - 6 * 3600.0)
    assert len(kept) == 2
    assert [round(ago(each.record.began_at)) for each in kept] == [39, 99]
    for each in stores:
        each.close()


def test_what_another_saw_is_not_looked_at_again(store: AckStore) -> None:
    """It saw that and kept it, or knew better: who looked has the say."""
    logs = FakeLogs(Failing([(100.0, 80.0), (40.0, 20.0)]))
    Started(logs, store, means(seen_until=START - 60 * MINUTE)).knows()
    assert [round(ago(each.record.began_at)) for each in store.ended(START - 6 * 3600.0)] == [39]
    again = Started(logs, store, means(seen_until=START - 2.0))
    again.knows()
    assert len(store.ended(START - 6 * 3600.0)) == 1


def test_who_may_not_write_knows_it_for_itself(state: StateDir) -> None:
    writer = AckStore(state)
    episode = left_open(writer, 115.0, 110.0)
    reader = AckStore(state, read_only=True)
    logs = FakeLogs(Failing([(120.0, 90.0), (70.0, 50.0), (20.0, -30.0)]))
    shown = Started(logs, reader, means(seen_until=START - 110 * MINUTE)).knows()
    (alert,) = failures(shown.alerts)
    assert (alert.id != episode, round(ago(alert.since))) == (True, 19)
    assert [round(ago(each.since)) for each in failures(shown.ended)] == [69, 115]
    assert writer.records(START)[KEY].ended_at is None
    for each in (writer, reader):
        each.close()


class Counting:
    """A source of counts of now, with a history of its own."""

    name, kind, where, interval, timeout = "prom", "prometheus", "x", 1.0, 5.0

    def __init__(self, logs: Failing, failing: Failure | None = None) -> None:
        self.logs, self.failing = logs, failing
        self.asked: list[Collection[str]] = []

    def poll(self, now: float) -> Reading:
        from wfmon.analysis.runindex import RunIndex
        from wfmon.model.metrics import Concept, MetricsSample, RunKey, RunWindow

        index = RunIndex(self.logs.runs(now))
        windows = []
        for seconds in WINDOWS.ladder:
            counts = index.step(now, seconds).counts
            keys = {
                RunKey("w", RunStatus.SUCCESS): float(counts.success),
                RunKey("w", RunStatus.ERROR): float(counts.error),
            }
            windows.append(RunWindow(seconds, seconds, keys))
        sample = MetricsSample(now, 300.0, 300.0, frozenset({Concept.RUNS}), tuple(windows))
        return Reading(at=now, metrics=sample)

    def past_runs(self, wanted: Collection[str], begin: float, end: float, seconds: float) -> PastCounts:
        from wfmon.model.metrics import RunKey

        self.asked.append(wanted)
        if self.failing is not None:
            raise SourceError(self.failing, "slow")
        times = [end - MINUTE * n for n in range(int((end - begin) / MINUTE))][::-1]
        finished = self.logs.runs(end).finished

        def count(status: RunStatus) -> tuple[float, ...]:
            ends = [run.ended_at or 0.0 for run in finished if run.status is status]
            return tuple(float(sum(at - MINUTE < each <= at for each in ends)) for at in times)

        counts = {RunKey("w", each): count(each) for each in (RunStatus.SUCCESS, RunStatus.ERROR)}
        return PastCounts(MINUTE, tuple(times), counts, ((times[0], times[-1]),))

    def close(self) -> None: ...


def test_of_counts_alone_the_source_is_asked_once_and_only_for_what_failed(store: AckStore) -> None:
    source = Counting(Failing([(100.0, 80.0), (20.0, -30.0)]))
    started = Started(source, store, means())
    (first,) = failures(started.turn(START).alerts)
    assert (first.since, first.since_at_least) == (START, True)
    shown = started.knows()
    (alert,) = failures(shown.alerts)
    assert (round(ago(alert.since), -1), alert.since_at_least, alert.id) == (20, False, first.id)
    assert 15 < ago(alert.since) <= 20
    (over,) = failures(shown.ended)
    assert 95 < ago(over.since) <= 100
    assert source.asked == [{"w"}]


def test_of_who_does_not_fail_no_source_is_asked(store: AckStore) -> None:
    fine = Counting(Failing([]))
    Started(fine, store, means()).knows()
    assert fine.asked == []


def test_a_source_that_cannot_tell_its_past_takes_nothing_from_the_present(store: AckStore) -> None:
    source = Counting(Failing([(20.0, -30.0)]), Failure.TIMEOUT)
    (alert,) = failures(Started(source, store, means()).knows().alerts)
    assert (alert.state, alert.since, alert.since_at_least) == (AlertState.FIRING, START, True)


@dataclass
class Kept:
    """A history that keeps what memory was available, by ``available`` (None: nothing)."""

    available: Callable[[float], float | None]
    broken: bool = False
    asked: list[str] = field(default_factory=list)

    def series(self, request: SeriesRequest) -> Series:
        if self.broken:
            raise StoreError("broken")
        self.asked.append(request.column)
        length = (request.end - request.begin) / request.points
        values: list[float | None] = []
        for number in range(request.points):
            left = self.available(request.begin + (number + 0.5) * length)
            columns = {"memory_total": 100.0, "memory_available": left}
            known = request.kind is Kind.HOST and left is not None
            values.append(columns.get(request.column) if known else None)
        return Series(request.begin, request.end, tuple(values))


MEMORY_KEY = (memory_rule.RULE, memory_rule.LABELS)


def short_of_memory() -> EpisodeMemory:
    """What a process knows that has just begun to look, with 8 % available."""
    host = HostSample(START, None, None, None, None, Memory(100, 8), None, (), (), 0, 0)
    return advance(begin([], START), memory_rule.evaluate(host, RULES.memory, START), START, RULES.episodes)


def since_by(kept: Kept, step: float = 10.0) -> tuple[float, bool]:
    found = kept_levels(kept, [MEMORY_KEY], RULES, START, 6 * 3600.0, step)
    episode = held_longer(short_of_memory(), found).episodes[MEMORY_KEY]
    return ago(episode.since), episode.at_least


@pytest.mark.parametrize("minutes", [4.0, 47.0, 200.0])
def test_memory_is_short_since_the_kept_figures_say_so(minutes: float) -> None:
    since, at_least = since_by(Kept(lambda at: 8.0 if ago(at) < minutes else 40.0))
    assert minutes - 2.5 < since <= minutes, "never earlier than it is known to be"
    assert not at_least


def test_kept_figures_that_begin_with_it_say_at_least() -> None:
    since, at_least = since_by(Kept(lambda at: 8.0 if ago(at) < 90 else None))
    assert 87 < since <= 90
    assert at_least


def test_a_hole_in_what_is_kept_is_not_gone_over_and_coarse_figures_stay_coarse() -> None:
    holed = Kept(lambda at: None if 30 < ago(at) < 60 else 8.0)
    assert since_by(holed)[0] == pytest.approx(30.0, abs=2.5)
    since, _ = since_by(Kept(lambda at: 8.0 if ago(at) < 100 else 40.0), step=3600.0)
    assert since <= 100.0
    assert since % 60 == pytest.approx(ago(START // 3600 * 3600) % 60)
    assert since_by(Kept(lambda at: 8.0, broken=True)) == (0.0, True)


def test_nothing_is_read_of_what_does_not_hold() -> None:
    kept = Kept(lambda at: 8.0)
    assert kept_levels(kept, [KEY], RULES, START, 6 * 3600.0, 10.0) == {}
    assert kept.asked == []


def test_a_crowd_takes_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch, store: AckStore) -> None:
    """The time over, what failed most has been looked at."""
    from wfmon.monitor import lookback

    source = random.Random(3)
    names = [f"w{number}" for number in range(60)]

    def reading(now: float) -> Reading:
        found = {}
        for number, name in enumerate(names):
            share = 0.5 if number == 7 else 0.1
            runs = tuple(
                Run(f"{name}{at}", name, RunStatus.ERROR if source.random() < share and 60 < at < 120 else
                    RunStatus.SUCCESS, ended_at=START - at * 30.0)
                for at in range(300, 0, -1)
            )  # fmt: skip
            found[name] = WorkflowRuns(name, (), runs, 0.0, open_complete=True)
        return Reading(at=now, runs=RunsSample(now, found))

    spent = iter(range(10_000))
    monkeypatch.setattr(lookback._Failures, "_spent", property(lambda _: next(spent) * 1.0))
    shown = Started(FakeLogs(reading), store, means()).knows()
    assert [alert.workflow for alert in failures(shown.ended)][:1] == ["w7"]
    assert len(failures(shown.ended)) <= 2


def test_what_another_saw_fire_after_the_end_goes_on(state: StateDir) -> None:
    """Data that come late, or other data: whoever looked then knew better."""
    one, other = AckStore(state), AckStore(state)
    episode = left_open(one, 65.0, 60.0)
    told = Sighting("x", *KEY, Severity.WARNING, "50%", START - 65 * MINUTE, False, "w")
    other.observe([told], START - 10 * MINUTE)
    past = PastEpisode(
        Sighting(episode, *KEY, Severity.WARNING, "9%", told.since, False), START - 30 * MINUTE
    )
    assert one.amend([past], START, START)
    assert one.records(START)[KEY].ended_at is None
    assert one.amend([past], START - 20 * MINUTE, START), "it was we who saw it then"
    assert one.records(START)[KEY].ended_at == START - 30 * MINUTE
    for each in (one, other):
        each.close()
