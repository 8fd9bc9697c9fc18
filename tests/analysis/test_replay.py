"""Whoever looks later finds the episodes that somebody who watched all the time saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulation.traffic import EPISODES, GROW_RUNS, HOUR, LADDER, SETTINGS, traffic, usual
from wfmon.analysis.choose import grown
from wfmon.analysis.episode import Episode
from wfmon.analysis.episodes import EpisodeMemory, advance, cleared, sighting
from wfmon.analysis.levels import Level
from wfmon.analysis.pastfailures import FailuresPast, Windows
from wfmon.analysis.rejoin import rejoined
from wfmon.analysis.replay import Replayed, replay
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.runindex import RunIndex
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.episode import EpisodeKey, EpisodeRecord
from wfmon.model.run import Run, RunStatus, WorkflowRuns
from wfmon.model.snapshot import Workflow

KEY: EpisodeKey = (failure_rate.RULE, (("workflow", "w"),))
WINDOWS = Windows(LADDER, GROW_RUNS)
LIVE_STEP, STEP = 5.0, 30.0


@dataclass(frozen=True)
class Incident:
    begin: float
    seconds: float
    chance: float


incidents = st.builds(
    Incident,
    st.floats(600.0, 4.0 * HOUR),
    st.floats(120.0, 1.5 * HOUR),
    st.sampled_from([0.2, 0.5, 0.9, 1.0]),
)


def failing(several: Sequence[Incident], otherwise: float) -> Callable[[float], float]:
    def chance(now: float) -> float:
        return max((i.chance for i in several if i.begin < now < i.begin + i.seconds), default=otherwise)

    return chance


class Live:
    """The monitor's own engine, which looked every 5 s from the start."""

    def __init__(self, index: RunIndex, known: Baseline | None) -> None:
        self.index, self.known = index, known
        self.memory = EpisodeMemory()
        self.at = 0.0
        self.fired: dict[str, Episode] = {}

    def watch(self, until: float) -> None:
        while self.at + LIVE_STEP <= until:
            self.at += LIVE_STEP
            self.look(self.at)

    def look(self, at: float) -> None:
        ladder = tuple(self.index.step(at, seconds) for seconds in LADDER)
        chosen = grown(ladder, GROW_RUNS)
        row = Workflow(
            "w", runs=chosen.counts, window_seconds=chosen.span or None, ladder=ladder, usual=self.known
        )
        ends = cleared(self.memory, failure_rate.RULE)
        found = failure_rate.evaluate([row], SETTINGS, at, cleared=ends, indexes={"w": self.index})
        self.memory = advance(self.memory, found, at, EPISODES)
        for episode in self.memory.episodes.values():
            if episode.fired_at is not None:
                self.fired[episode.id] = episode

    @property
    def over(self) -> list[Episode]:
        return [each for each in self.fired.values() if each.ended_at is not None]

    @property
    def open(self) -> list[Episode]:
        return [each for each in self.fired.values() if each.ended_at is None]


def replayed(
    index: RunIndex,
    known: Baseline | None,
    begin: float,
    end: float,
    records: Sequence[EpisodeRecord] = (),
    step: float = STEP,
) -> Replayed:
    past = FailuresPast("w", index, WINDOWS, SETTINGS, known)
    found = replay(past.said, past.moments(begin, end), records, EPISODES, past.held)
    return found.get(KEY, Replayed(end))


def opened(found: Replayed) -> list[Episode]:
    return [found.last] if found.last is not None and found.last.open else []


def as_stored(live: Live, at: float) -> list[EpisodeRecord]:
    """What a collector that watched until ``at`` left in the store: its newest episode."""
    newest = max(live.fired.values(), key=lambda each: each.since, default=None)
    if newest is None:
        return []
    told = sighting(newest)
    return [
        EpisodeRecord(
            newest.id, told.rule, told.labels, told.severity, told.summary, told.since, told.since_at_least,
            at if newest.ended_at is None else newest.ended_at, newest.ended_at, "w", peak=told.peak,
        )
    ]  # fmt: skip


def assert_alike(seen: Sequence[Episode], found: Sequence[Episode], step: float) -> None:
    assert len(seen) == len(found), (seen, found)
    for mine, theirs in zip(seen, found, strict=True):
        assert abs(mine.since - theirs.since) <= step
        if mine.ended_at is None or theirs.ended_at is None:
            assert mine.ended_at is theirs.ended_at is None
        else:
            assert abs(mine.ended_at - theirs.ended_at) <= step


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([30.0, 60.0, 300.0]),
    st.lists(incidents, max_size=2),
    st.sampled_from([0.0, 0.01, 0.03]),
    st.integers(12, 72).map(lambda n: n * 300.0),
    st.booleans(),
)
def test_a_replay_finds_what_somebody_who_watched_saw(
    seed: int, per_hour: float, several: list[Incident], otherwise: float, now: float, known: bool
) -> None:
    index = traffic(seed, per_hour, 6.1 * HOUR, failing(several, otherwise)).index
    learnt = usual(otherwise, per_hour) if known else None
    live = Live(index, learnt)
    live.watch(now)
    found = replayed(index, learnt, 0.0, now)
    assert_alike(live.over, found.over, STEP)
    assert_alike(live.open, opened(found), STEP)
    for mine, theirs in zip(live.over, found.over, strict=True):
        assert (mine.severity, mine.at_least, len(mine.restarts)) == (
            theirs.severity,
            theirs.at_least,
            len(theirs.restarts),
        )
        assert theirs.tally.peak is not None


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from([60.0, 300.0]),
    st.lists(incidents, min_size=1, max_size=2),
    st.integers(6, 36).map(lambda n: n * 300.0),
    st.integers(1, 30).map(lambda n: n * 300.0),
)
# It last held 70 s before the collector left, and ended for that 600 s after it last held.
@example(8305, 300.0, [Incident(600.0, 120.0, 0.2)], 1800.0, 600.0)
def test_a_replay_goes_on_from_what_a_collector_left(
    seed: int, per_hour: float, several: list[Incident], left: float, unseen: float
) -> None:
    """It began before, in the hole, or never; it ended in it or not: as one who never left saw it."""
    index = traffic(seed, per_hour, 6.1 * HOUR, failing(several, 0.01)).index
    live = Live(index, None)
    live.watch(left)
    stored = as_stored(live, left)
    known = {each.id for each in live.over}
    live.watch(left + unseen)
    found = replayed(index, None, left - STEP, left + unseen, stored)
    since = [each for each in live.over if each.id not in known]
    over = [each for each in found.over if each.id not in known]
    assert_alike(since, over, 2 * STEP)
    assert_alike(live.open, opened(found), 2 * STEP)
    if stored and stored[0].ended_at is None:
        first = over[0] if over else found.last
        assert first is not None
        assert (first.id, first.since) == (stored[0].id, stored[0].began_at)


def of_store(began: float, seen: float, severity: Severity = Severity.CRITICAL) -> EpisodeRecord:
    return EpisodeRecord("e", *KEY, severity, "", began, False, seen)


def all_fail(begin: float, end: float, complete_since: float = 0.0) -> RunIndex:
    """A run every 10 s for an hour."""
    runs = tuple(
        Run(str(at), "w", RunStatus.ERROR if begin < at <= end else RunStatus.SUCCESS, ended_at=at)
        for at in (10.0 * n for n in range(1, 361))
        if at > complete_since
    )
    return RunIndex(WorkflowRuns("w", (), runs, complete_since, open_complete=True))


def test_what_keeps_an_alert_is_asked_of_the_runs_before_it_was_last_seen() -> None:
    past = FailuresPast("w", all_fail(600.0, 700.0), WINDOWS, SETTINGS)
    held = past.held(of_store(650.0, 1200.0))
    assert held.keys() == {Severity.WARNING, Severity.CRITICAL}
    assert 700.0 <= held[Severity.CRITICAL] <= held[Severity.WARNING] < 1000.0
    assert not past.held(of_store(650.0, 2400.0))


def test_where_the_runs_do_not_reach_it_may_have_held() -> None:
    past = FailuresPast("w", all_fail(600.0, 700.0, complete_since=1000.0), WINDOWS, SETTINGS)
    # The shortest window is known from 1300 (less a hundredth of it) on.
    assert past.held(of_store(650.0, 1400.0)) == {Severity.WARNING: 1295.0, Severity.CRITICAL: 1295.0}


@pytest.mark.parametrize(("mine", "after"), [(1200.0, 900.0), (1500.0, 1500.0)])
def test_who_goes_on_counts_from_when_it_last_held(mine: float, after: float) -> None:
    """Unless it has held since: what is taken over of the store says only when it was last seen."""

    def opened_at(held_at: float) -> Episode:
        level = Level(Severity.CRITICAL, 650.0, False, held_at, 650.0)
        shown = Finding(*KEY, Severity.CRITICAL, True, "")
        return Episode("e", KEY, 650.0, False, (level,), shown, seen_at=1500.0, fired_at=650.0)

    memory = EpisodeMemory(at=1500.0, episodes={KEY: opened_at(mine)})
    pasts = {KEY: Replayed(1300.0, last=opened_at(900.0))}
    (level,) = rejoined(memory, pasts, EPISODES, 1500.0).memory.episodes[KEY].levels
    assert level.held_at == after
