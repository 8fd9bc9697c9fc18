"""What a picture costs: rows are made anew only when they could be others."""

from __future__ import annotations

import random
from dataclasses import replace

from wfmon.analysis.merge import Windows
from wfmon.model.metrics import Amount, Concept, CostKey, MetricsSample, RunKey, RunWindow, Trend
from wfmon.model.run import RunStatus
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.track import Pace, Track
from wfmon.monitor.worker import Answer
from wfmon.sources.base import Reading

START = 1_800_000_000.0


class Scraped:
    name = kind = where = "scrape"
    interval = 5.0
    timeout = 5.0

    def poll(self, now: float) -> Reading:
        raise AssertionError("not asked here")

    def close(self) -> None: ...


def reading(now: float, runs: float) -> Reading:
    window = RunWindow(300.0, 300.0, {RunKey("w", RunStatus.SUCCESS): runs})
    sample = MetricsSample(now, 300.0, 300.0, frozenset({Concept.RUNS}), runs=(window,))
    return Reading(at=now, metrics=sample)


def tracked(stretch: float = 100.0) -> Track:
    return Track(Scraped(), Pace(stale_after=60.0, backoff_max=60.0, stretch=stretch), random.Random(1))


def answer(track: Track, now: float, runs: float = 1.0, cpu: float = 0.0) -> None:
    track.asked(now)
    track.answered(Answer("scrape", now, reading(now, runs), None, "", 0.1, cpu), now)


def maker() -> PictureMaker:
    return PictureMaker(Windows(runs=300.0, grow_runs=20, longest=21600.0, rate=300.0), {}, {})


def test_how_figures_are_got_is_told_of_each_source() -> None:
    track = tracked()
    assert track.status(START).formulas == ()
    told = replace(reading(START, 1.0), formulas=(("runs", "growth of x"),))
    track.asked(START)
    track.answered(Answer("scrape", START, told, None, "", 0.1, 0.0), START)
    assert track.status(START).formulas is told.formulas


def test_a_moment_without_news_keeps_rows_and_tells_the_age() -> None:
    make, track = maker(), tracked()
    answer(track, START)
    first = make.make([track], START)
    assert make.made_rows
    later = make.make([track], START + 1)
    assert not make.made_rows
    assert later.workflows is first.workflows
    assert later.at == START + 1
    answer(track, START + 5, runs=2.0)
    newest = make.make([track], START + 5)
    assert make.made_rows
    assert [row.runs.success for row in newest.workflows if row.runs] == [2]


def test_a_source_that_falls_silent_is_news() -> None:
    make, track = maker(), tracked()
    answer(track, START)
    make.make([track], START)
    assert track.fresh(START + 59)
    assert not track.fresh(START + 61)
    make.make([track], START + 61)
    assert make.made_rows


def test_news_can_wait() -> None:
    make, track = maker(), tracked()
    answer(track, START)
    first = make.make([track], START)
    answer(track, START + 5, runs=2.0)
    between = make.make([track], START + 5, rows=False)
    assert between.workflows is first.workflows
    assert between.sources[0].as_of == START + 5
    after = make.make([track], START + 6)
    assert after.workflows is not first.workflows


def test_drawn_series_have_no_gap_while_nothing_is_new() -> None:
    make, track = maker(), tracked()
    answer(track, START)
    for second in range(60):
        make.make([track], START + second)
    answer(track, START + 60)
    drawn = make.make([track], START + 60).totals.error_trend
    assert len(drawn) >= 4
    assert None not in drawn


def test_an_answer_is_charged_with_what_is_made_of_it() -> None:
    track = tracked()
    answer(track, START, cpu=9.0)
    assert track.due_at == START + 5, "the first answer pays for what is loaded with it"
    track.charge(9.0)
    assert track.due_at == START + 5
    answer(track, START + 5, cpu=0.06)
    assert track.due_at == START + 11
    track.charge(0.04)
    assert track.due_at == START + 15
    assert track.status(START + 11).interval_seconds == 10.0


def profiled(now: float, profile: str, layer: str, usd: float, trend: float | None = None) -> MetricsSample:
    return MetricsSample(
        now, 300.0, 300.0, frozenset({Concept.COST, Concept.RUNS}), profile=profile, title=profile.upper(),
        layer=layer, cost={CostKey(f"of {profile}", None, "m"): Amount(usd, usd)},
        runs=(RunWindow(300.0, 300.0, {RunKey(f"of {profile}", RunStatus.SUCCESS): 9.0}),),
        trends=() if trend is None else (
            Trend("error_ratio", None, ((now, trend),)),
            Trend("error_ratio", f"of {profile}", ((now, trend),)),
        ),
    )  # fmt: skip


def told(track: Track, now: float, *samples: MetricsSample) -> None:
    track.asked(now)
    reading = Reading(at=now, metrics=samples[0], beside=samples[1:])
    track.answered(Answer("scrape", now, reading, None, "", 0.1, 0.0), now)


def test_profiles_of_one_source_come_and_go() -> None:
    make, track = maker(), tracked()
    gateway, agent = profiled(START, "g", "gateway", 1.0), profiled(START, "a", "agent", 9.0)
    told(track, START, agent, gateway)
    both = make.make([track], START)
    assert [row.name for row in both.workflows] == ["of a", "of g"]
    assert both.totals.cost_usd_per_hour == 12.0
    assert both.sources[0].apart == (
        "cost of A: in its own rows, not in the totals ([profiles] totals)",
        "runs of G: in its own rows, not in the totals ([profiles] totals)",
    )
    told(track, START + 5, agent)
    alone = make.make([track], START + 5)
    assert make.made_rows
    assert [row.name for row in alone.workflows] == ["of a"]
    assert alone.totals.cost_usd_per_hour == 108.0
    assert alone.sources[0].apart == ()
    told(track, START + 10, agent)
    make.make([track], START + 10)
    assert not make.made_rows, "the same samples are no news"


def test_drawn_totals_are_of_the_system_that_counts() -> None:
    make, track = maker(), tracked()
    told(track, START, profiled(START, "a", "agent", 9.0, 0.5), profiled(START, "g", "gateway", 1.0, 0.25))
    picture = make.make([track], START)
    assert picture.totals.error_trend == (0.5,), "runs are those of the agent"
    assert {row.name: row.error_trend for row in picture.workflows} == {"of a": (0.5,), "of g": (0.25,)}
    engines = [profiled(START + 5, name, "engine", 1.0, 0.5) for name in ("e", "f")]
    told(track, START + 5, *engines)
    assert 0.5 not in make.make([track], START + 5).totals.error_trend, "two series are not added up"
