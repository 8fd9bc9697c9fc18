"""Rule ``cost_spike`` over a picture: who is asked what it went to, and whose cost is not seen now."""

from __future__ import annotations

import random

from wfmon.analysis.episodes import EpisodeMemory
from wfmon.analysis.merge import Windows
from wfmon.config.loader import load_config
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.metrics import Amount, Concept, CostKey, HourCost, MetricsSample
from wfmon.model.run import RunsSample, WorkflowRuns
from wfmon.model.source import Failure
from wfmon.monitor.costs import cost_spikes
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.remembered import Remembered
from wfmon.monitor.rulebook import known
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.track import Pace, Track
from wfmon.monitor.worker import Answer
from wfmon.sources.base import Reading

START = 1_800_000_000.0
KEYS = CostKey("w", "p", "gpt-5"), CostKey("w", "p", "haiku")


class Quiet:
    interval = timeout = 5.0

    def __init__(self, name: str) -> None:
        self.name = self.kind = self.where = name

    def poll(self, now: float) -> Reading:
        raise AssertionError("not asked here")

    def close(self) -> None: ...


def answered(track: Track, reading: Reading | None, now: float) -> Track:
    track.asked(now)
    failure = None if reading is not None else Failure.REFUSED
    track.answered(Answer(track.source.name, now, reading, failure, "", 0.1, 0.0), now)
    return track


def tracked(name: str) -> Track:
    return Track(Quiet(name), Pace(stale_after=60.0, backoff_max=60.0, stretch=100.0), random.Random(1))


def spikes(tracks: list[Track], now: float) -> list[Finding]:
    maker = PictureMaker(Windows(runs=300.0, grow_runs=20, longest=21600.0, rate=300.0), {}, {})
    usual = {"w": Baseline("w", hours=42, cost_per_hour=Usual(1.0, 0.2, 42))}
    picture = maker.make(tracks, now, remembered=Remembered(baselines=usual))
    rules = rule_settings(load_config().config)
    return list(cost_spikes(known(picture, EpisodeMemory(), rules, now)))


def reading(now: float) -> Reading:
    sample = MetricsSample(
        now, 300.0, 300.0, frozenset({Concept.COST}),
        cost=dict.fromkeys(KEYS, Amount(0.5, 90.0)),
        hour_cost=HourCost(3600.0, {KEYS[0]: 20.0, KEYS[1]: 1.0}),
    )  # fmt: skip
    return Reading(at=now, metrics=sample)


def test_a_spike_says_what_the_hour_went_to() -> None:
    (found,) = spikes([answered(tracked("prom"), reading(START), START)], START)
    assert (found.severity, found.holds, found.value) == (Severity.WARNING, True, 21.0)
    assert found.contributors == ("gpt-5 $20.00", "haiku $1.00")


def test_a_cost_whose_source_is_gone_is_unknown_also_where_the_runs_are_seen() -> None:
    prom = answered(tracked("prom"), reading(START), START)
    for n in range(1, 4):
        answered(prom, None, START + 30.0 * n)
    now = START + 120.0
    told = WorkflowRuns("w", open=(), finished=(), complete_since=0.0, open_complete=True)
    logs = answered(tracked("logs"), Reading(at=now, runs=RunsSample(now, {"w": told})), now)
    (found,) = spikes([prom, logs], now)
    assert (found.holds, found.summary) == (None, "no data")
