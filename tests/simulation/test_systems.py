"""A host with an engine, an agent, a gateway and a model server: the same work is told up to four times."""

from __future__ import annotations

import itertools
import json
import random

import pytest

from sources.profiles.reading import exposition
from support.expositions import WINDOWS, Replay
from wfmon.analysis.merge import Windows
from wfmon.cli.contract import snapshot_json
from wfmon.model.history import Kind
from wfmon.model.metrics import MetricsSample, TokenKind
from wfmon.model.run import COUNTED
from wfmon.model.snapshot import Collector, Level, Snapshot, Verdict
from wfmon.monitor.picture import Picture, PictureMaker
from wfmon.monitor.recorder import Recorder
from wfmon.monitor.track import Pace, Track
from wfmon.monitor.worker import Answer
from wfmon.sources.base import Reading
from wfmon.sources.profile import load_profiles

START = 1_800_000_000.0
HOST = ("n8n-queue", "litellm", "claude-code", "vllm")
TITLES = {"n8n": "n8n", "litellm": "LiteLLM proxy", "claude-code": "Claude Code", "vllm": "vLLM"}
PROFILES = [profile for profile in load_profiles() if profile.name in TITLES]
ADDED = (TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.TOTAL)


class Watched:
    """Two looks, a minute apart, at targets that are read by one source, or each by one of its own."""

    def __init__(self, *variants: str, apart: bool = False, totals: tuple[str, ...] = ()) -> None:
        groups = [[variant] for variant in variants] if apart else [list(variants)]
        self.recorder = Recorder({}, 10.0)
        maker = PictureMaker(Windows(300.0, 20, 21600.0, 300.0), {}, {}, totals=totals)
        sources = [self._source(number, group) for number, group in enumerate(groups)]
        tracks = [Track(source, Pace(60.0, 60.0, 100.0), random.Random(1)) for source in sources]
        self.samples: dict[str, MetricsSample] = {}
        for look, now in ((1, START), (2, START + 60)):
            for source, track, group in zip(sources, tracks, groups, strict=True):
                source.texts = [exposition(variant, look) for variant in group]
                self._answered(track, source.poll(now), now)
            self.picture: Picture = maker.make(tracks, now)
            self.batch = self.recorder.batch(self.picture, now)

    def _source(self, number: int, variants: list[str]) -> Replay:
        urls = [f"http://127.0.0.1:{9000 + each}/metrics" for each in range(len(variants))]
        source = Replay(f"hosts {number}", urls, windows=WINDOWS, profiles=PROFILES)
        source.recall(lambda _target, _now: (), self.recorder.told)
        return source

    def _answered(self, track: Track, reading: Reading, now: float) -> None:
        track.asked(now)
        track.answered(Answer(track.source.name, now, reading, None, "", 0.1, 0.0), now)
        self.recorder.took(track.source.name, reading)
        self.samples |= {sample.profile: sample for sample in reading.samples}

    def runs(self, profile: str) -> float:
        counts = self.samples[profile].runs[0].counts
        return sum(n for key, n in counts.items() if key.status in COUNTED)

    def tokens(self, profile: str) -> float:
        amounts = self.samples[profile].tokens.items()
        return sum(amount.delta or 0.0 for key, amount in amounts if key.kind in ADDED)

    def usd(self, profile: str) -> float:
        return sum(amount.delta or 0.0 for amount in self.samples[profile].cost.values())


@pytest.fixture(scope="module")
def host() -> Watched:
    return Watched(*HOST)


def test_all_four_are_read(host: Watched) -> None:
    assert [(sample.profile, sample.title) for sample in host.samples.values()] == [
        (name, TITLES[name]) for name in ("n8n", "claude-code", "litellm", "vllm")
    ]


def test_runs_are_those_of_the_engine_and_money_that_of_the_gateway(host: Watched) -> None:
    totals = host.picture.totals
    assert totals.n == round(host.runs("n8n"))
    assert totals.tokens_per_minute == pytest.approx(host.tokens("litellm"))
    assert totals.cost_usd_per_hour == pytest.approx(host.usd("litellm") * 60)
    assert totals.queue == round(sum(host.samples["n8n"].queue.values()))
    assert totals.duration_p95_seconds == host.samples["n8n"].durations[None].p95
    cost = host.picture.cost
    for rows in (cost.by_model, cost.by_provider):
        assert sum(row.usd_per_hour or 0.0 for row in rows) == pytest.approx(totals.cost_usd_per_hour)


def test_everybody_has_rows(host: Watched) -> None:
    by_system: dict[str, set[str]] = {}
    for row in host.picture.workflows:
        by_system.setdefault(row.system or "", set()).add(row.name)
    assert by_system.keys() == set(TITLES.values())
    assert "health checks" in by_system["LiteLLM proxy"]
    rows = {row.name: row for row in host.picture.workflows}
    assert rows["Claude Code"].cost_usd_per_hour == pytest.approx(host.usd("claude-code") * 60)
    assert rows["n8n"].queue is not None
    assert rows["LiteLLM proxy"].active is not None


def test_what_is_in_no_total_is_said_once(host: Watched) -> None:
    (source,) = host.picture.sources
    assert [words.split(":")[0] for words in source.apart] == [
        "calls, tokens, cost of n8n",
        "active, tokens, cost of Claude Code",
        "runs, active, duration, retries of LiteLLM proxy",
        "runs, active, queue, duration, retries, calls, tokens of vLLM",
    ]


def test_it_is_all_the_same_in_whatever_order_and_from_however_many_sources(host: Watched) -> None:
    for order in itertools.islice(itertools.permutations(HOST), 0, 24, 5):
        for apart in (False, True):
            other = Watched(*order, apart=apart).picture
            assert other.totals == host.picture.totals
            assert [row.name for row in other.workflows] == [row.name for row in host.picture.workflows]
            assert other.cost.by_model == host.picture.cost.by_model


def test_whoever_comes_beside_changes_no_total() -> None:
    pair = Watched("n8n-queue", "litellm")
    for more in (("claude-code",), ("vllm",), ("claude-code", "vllm")):
        assert Watched("n8n-queue", "litellm", *more).picture.totals == pair.picture.totals


def test_the_config_says_who_counts() -> None:
    host = Watched(*HOST, totals=("claude-code", "litellm"))
    assert host.picture.totals.cost_usd_per_hour == pytest.approx(
        (host.usd("claude-code") + host.usd("litellm")) * 60
    )
    assert not any("cost of Claude Code" in words for words in host.picture.sources[0].apart)


@pytest.mark.parametrize("apart", [False, True])
def test_hours_hold_each_workflow_once_and_the_models_of_the_gateway(apart: bool) -> None:
    host = Watched(*HOST, apart=apart)
    batch = host.batch
    assert batch is not None
    models = [each for each in batch.grown if each.kind is Kind.MODEL]
    workflows = [each for each in batch.grown if each.kind is Kind.WORKFLOW]
    told = {(sample_key.provider, sample_key.model) for sample_key in host.samples["litellm"].tokens}
    assert {each.subject for each in models} <= {f"{p or ''}/{m or ''}" for p, m in told}
    assert sum(each.tokens or 0.0 for each in models) == pytest.approx(host.tokens("litellm"))
    assert sum(each.cost_usd or 0.0 for each in models) == pytest.approx(host.usd("litellm"))
    assert len({each.subject for each in workflows}) == len(workflows)
    every = sum(host.usd(profile) for profile in ("n8n", "claude-code", "litellm"))
    assert sum(each.cost_usd or 0.0 for each in workflows) == pytest.approx(every)
    assert next(each.cost_usd for each in workflows if each.subject == "Claude Code") == pytest.approx(
        host.usd("claude-code")
    )


def test_the_point_of_models_is_that_of_the_gateway(host: Watched) -> None:
    batch = Watched(*HOST).recorder.rest(START + 61)
    assert batch is not None
    table = batch.points[-1].tables[Kind.MODEL]
    assert sum(table.values["tokens_per_minute"]) == pytest.approx(host.picture.totals.tokens_per_minute)


def test_the_json_tells_the_system_of_each_row(host: Watched) -> None:
    picture = host.picture
    told = snapshot_json(
        Snapshot(
            at=picture.at,
            host_name="h",
            version="1",
            collector=Collector(1, "me"),
            verdict=Verdict(Level.OK, "fine"),
            sources=picture.sources,
            totals=picture.totals,
            workflows=picture.workflows,
            tokens=picture.tokens,
            cost=picture.cost,
        )
    )
    seen = json.loads(json.dumps(told))
    rows = {row["name"]: row for row in seen["workflows"]}
    assert rows["Claude Code"]["profile"] == "Claude Code"
    assert rows["n8n"]["queue"] == seen["totals"]["queue"]
    assert all({"wait_p50_seconds", "wait_p95_seconds", "timeouts"} <= row.keys() for row in rows.values())
    assert seen["sources"][0]["apart"] == list(picture.sources[0].apart)
    counted = [row for row in seen["cost"]["by_workflow"] if row["counted"]]
    assert sum(row["usd_per_hour"] for row in counted) == pytest.approx(seen["totals"]["cost_usd_per_hour"])
    assert {row["counted"] for row in seen["tokens"]} == {True, False}
