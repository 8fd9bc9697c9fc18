"""A host on which n8n calls its models through LiteLLM, as a scrape tells it."""

from __future__ import annotations

import random
from dataclasses import replace

from support.snapshots import NOW, incident
from wfmon.analysis.merge import Windows
from wfmon.model.metrics import (
    Amount,
    CallKey,
    Concept,
    CostKey,
    MetricsSample,
    Quantiles,
    RunKey,
    RunWindow,
    TokenKey,
    TokenKind,
)
from wfmon.model.run import RunStatus
from wfmon.model.snapshot import Level, Snapshot, Verdict
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.track import Pace, Track
from wfmon.monitor.worker import Answer
from wfmon.sources.base import Reading

LADDER = (300.0, 21600.0)


class Scrape:
    name = kind = "scrape"
    where = "http://127.0.0.1:5678/metrics http://127.0.0.1:4000/metrics"
    interval = timeout = 5.0

    def poll(self, now: float) -> Reading:
        raise AssertionError("not asked here")

    def close(self) -> None: ...


def _runs(counts: dict[tuple[str, RunStatus], float]) -> tuple[RunWindow, ...]:
    keyed = {RunKey(name, status): n for (name, status), n in counts.items()}
    return tuple(RunWindow(seconds, seconds, keyed) for seconds in LADDER)


def _tokens(name: str, model: str, into: float, out: float) -> dict[TokenKey, Amount]:
    provider = model.partition("/")[0]
    return {
        TokenKey(name, provider, model, TokenKind.INPUT): Amount(into, into * 90),
        TokenKey(name, provider, model, TokenKind.OUTPUT): Amount(out, out * 90),
    }


def engine() -> MetricsSample:
    told = {Concept.RUNS, Concept.ACTIVE, Concept.QUEUE, Concept.DURATION, Concept.WAIT, Concept.RETRIES}
    return MetricsSample(
        NOW - 2, 300.0, 300.0, frozenset({*told, Concept.TIMEOUTS}),
        runs=_runs(
            {
                ("invoice_extract", RunStatus.SUCCESS): 171, ("invoice_extract", RunStatus.ERROR): 4,
                ("mail_triage", RunStatus.SUCCESS): 58, ("crm_sync", RunStatus.SUCCESS): 25,
            }
        ),
        durations={
            "invoice_extract": Quantiles(4.1, 9.8, 175.0), "mail_triage": Quantiles(1.2, 3.0, 58.0),
            "crm_sync": Quantiles(12.0, 31.0, 25.0), None: Quantiles(3.9, 14.0, 258.0),
        },
        active={None: 6},
        queue={None: 12},
        wait={"invoice_extract": Quantiles(0.4, 2.0, 175.0)},
        timeouts={"invoice_extract": Amount(4.0, 41.0)},
        retries={"invoice_extract": Amount(7.0, 93.0)},
        profile="n8n", title="n8n", layer="engine",
    )  # fmt: skip


def gateway() -> MetricsSample:
    told = {Concept.RUNS, Concept.ACTIVE, Concept.DURATION, Concept.CALLS, Concept.TOKENS, Concept.COST}
    return MetricsSample(
        NOW - 2, 300.0, 300.0, frozenset({*told, Concept.BUDGET}),
        runs=_runs(
            {("team-billing", RunStatus.SUCCESS): 402, ("team-billing", RunStatus.ERROR): 6}
            | {("team-support", RunStatus.SUCCESS): 120}
        ),
        durations={"team-billing": Quantiles(1.1, 3.4, 408.0), "team-support": Quantiles(0.8, 2.2, 120.0)},
        active={None: 9},
        calls={
            CallKey(None, "openai", True): Amount(510.0, 9e4),
            CallKey(None, "openai", False): Amount(31.0, 800.0),
        },
        tokens=_tokens("team-billing", "openai/gpt-4o", 610_000, 84_000)
        | _tokens("team-support", "anthropic/claude-sonnet-4", 140_000, 22_000)
        | _tokens("health checks", "openai/gpt-4o", 90, 30),
        cost={
            CostKey("team-billing", "openai", "openai/gpt-4o"): Amount(2.37, 812.0),
            CostKey("team-support", "anthropic", "anthropic/claude-sonnet-4"): Amount(0.75, 120.0),
            CostKey("health checks", "openai", "openai/gpt-4o"): Amount(0.0006, 0.4),
        },
        budget={"team-billing": 37.5},
        profile="litellm", title="LiteLLM proxy", layer="gateway",
    )  # fmt: skip


def coder() -> MetricsSample:
    told = frozenset({Concept.TOKENS, Concept.COST})
    return MetricsSample(
        NOW - 2, 300.0, 300.0, told,
        tokens=_tokens("backend", "anthropic/claude-opus-4-1", 52_000, 3_000),
        cost={CostKey("backend", "anthropic", "anthropic/claude-opus-4-1"): Amount(0.61, 44.0)},
        profile="claude-code", title="Claude Code", layer="agent",
    )  # fmt: skip


def two_systems(*more: MetricsSample) -> Snapshot:
    """What is made of one answer of a scrape that is read with several profiles; nothing is wrong there."""
    first, *beside = (engine(), gateway(), *more)
    reading = Reading(
        NOW - 2, metrics=first, beside=tuple(beside), profile="n8n, litellm", sees="runs tokens cost",
        missing=("n8n: budget: n8n knows no budgets",),
    )  # fmt: skip
    track = Track(Scrape(), Pace(60.0, 60.0, 100.0), random.Random(1))
    track.asked(NOW - 2)
    track.answered(Answer("scrape", NOW - 2, reading, None, "", 0.04, 0.0), NOW - 2)
    picture = PictureMaker(Windows(LADDER[0], 20, LADDER[1], 300.0), {}, {}).make([track], NOW)
    return replace(
        incident(),
        verdict=Verdict(Level.OK, "all fine"),
        sources=picture.sources,
        totals=picture.totals,
        workflows=picture.workflows,
        tokens=picture.tokens,
        cost=picture.cost,
        alerts=(),
        ended=(),
        runs=(),
        runs_total=None,
        recent={},
        history=None,
        retention=(),
    )
