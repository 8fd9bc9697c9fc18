"""Several systems tell of the same work: each has its rows, and nothing is in a total twice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.test_merge import EXTRAS, NOW, WINDOWS, logs, run
from support.merging import cost_of, merge_workflows
from wfmon.analysis.burning import burning, first_logs, spent_on
from wfmon.analysis.choose import Claims, claims_of
from wfmon.analysis.counting import Counting, counting_of, left_out
from wfmon.analysis.observed import ObservedMetrics, ObservedRuns, observe_metrics
from wfmon.analysis.totals import token_rows, total
from wfmon.model.metrics import (
    Amount,
    CallKey,
    Concept,
    CostKey,
    HourCost,
    MetricsSample,
    Quantiles,
    RunKey,
    RunWindow,
    TokenKey,
    TokenKind,
)
from wfmon.model.prices import EMPTY
from wfmon.model.run import RunStatus
from wfmon.model.snapshot import Cost, TokenRow, Totals, Workflow

TITLES = {
    "n8n": "n8n",
    "temporal": "Temporal",
    "litellm": "LiteLLM proxy",
    "claude": "Claude Code",
    "vllm": "vLLM",
}
LAYERS = {"n8n": "engine", "temporal": "engine", "litellm": "gateway", "claude": "agent", "vllm": "server"}
Name = str | None


def system(
    profile: str,
    *,
    runs: dict[Name, float] | None = None,
    active: dict[Name, float] | None = None,
    tokens: dict[Name, float] | None = None,
    cost: dict[Name, float] | None = None,
    p95: dict[Name, float] | None = None,
    **more: Any,
) -> MetricsSample:
    """One look through one profile; growth is over five minutes."""
    counts = {RunKey(name, RunStatus.SUCCESS): n for name, n in (runs or {}).items()}
    return MetricsSample(
        at=NOW - 3,
        window=300.0,
        covered=300.0,
        exposed=frozenset(),
        runs=(RunWindow(300.0, 300.0, counts), RunWindow(21600.0, 300.0, counts)) if runs else (),
        active=active or {},
        tokens={TokenKey(k, "p", "m", TokenKind.TOTAL): Amount(v, v) for k, v in (tokens or {}).items()},
        cost={CostKey(k, "p", "m"): Amount(v, v) for k, v in (cost or {}).items()},
        durations={name: Quantiles(value / 2, value, 9.0) for name, value in (p95 or {}).items()},
        profile=profile,
        title=TITLES[profile],
        layer=LAYERS[profile],
        **more,
    )


class Host:
    """What is made of samples of one or more sources."""

    def __init__(
        self,
        *samples: MetricsSample,
        log: Sequence[ObservedRuns] = (),
        totals: Sequence[str] = (),
        sources: Sequence[str] = (),
        silent: Sequence[str] = (),
    ) -> None:
        names = sources or ["scrape"] * len(samples)
        self.metrics: list[ObservedMetrics] = [
            observe_metrics(name, name not in silent, sample, {})
            for name, sample in zip(names, samples, strict=True)
        ]
        self.logs = list(log)
        self.counting: Counting = counting_of(self.metrics, self.logs, totals)
        self.claims: Claims = claims_of(self.metrics, self.counting)
        merged = merge_workflows(self.metrics, self.claims, self.logs, WINDOWS, EXTRAS)
        self.rows: dict[str, Workflow] = {row.name: row for row in merged}
        self.tokens: tuple[TokenRow, ...]
        self.tokens, rate = token_rows(self.claims, self.logs, WINDOWS)
        self.cost: Cost = cost_of(self.claims, self.logs, WINDOWS)
        self.totals: Totals = total(merged, self.claims, self.logs, WINDOWS, rate, self.cost)

    @property
    def apart(self) -> dict[str, tuple[str, ...]]:
        return left_out(self.metrics, self.logs, self.counting)


N8N = system("n8n", runs={"invoices": 40, "mail": 10}, active={None: 3}, p95={"invoices": 4.0, None: 5.0})
LITELLM = system(
    "litellm",
    runs={"key a": 300},
    active={None: 7},
    tokens={"key a": 6000, "health checks": 100},
    cost={"key a": 1.0, "health checks": 0.5},
    p95={"key a": 1.0, None: 1.0},
)
CLAUDE = system("claude", tokens={"session": 900}, cost={"session": 0.25})
VLLM = system("vllm", runs={"llama": 290}, tokens={"llama": 5500}, p95={"llama": 0.5})


def test_runs_are_the_engines_and_tokens_the_gateways() -> None:
    host = Host(N8N, CLAUDE, LITELLM, VLLM)
    assert set(host.rows) == {
        "invoices", "mail", "n8n", "key a", "health checks", "session", "llama", "LiteLLM proxy"
    }  # fmt: skip
    assert host.totals.n == 50
    assert host.totals.active == 3
    assert host.totals.tokens_per_minute == 6100 / 5
    assert host.totals.cost_usd_per_hour == 1.5 * 12
    assert host.totals.cost_hour_usd == 1.5
    assert host.totals.duration_p95_seconds == 5.0
    assert host.rows["session"].cost_usd_per_hour == 0.25 * 12, "its row is there all the same"
    assert host.rows["llama"].runs_per_minute == 58.0
    assert (host.rows["n8n"].active, host.rows["LiteLLM proxy"].active) == (3, 7)
    assert not host.totals.active_at_least


def test_models_and_providers_are_summed_up_of_what_counts() -> None:
    host = Host(N8N, CLAUDE, LITELLM, VLLM)
    assert [(row.name, row.usd_per_hour) for row in host.cost.by_model] == [("m", 18.0)]
    assert [(row.name, row.usd_per_hour) for row in host.cost.by_provider] == [("p", 18.0)]
    assert {(row.name, row.usd_per_hour, row.counted) for row in host.cost.by_workflow} == {
        ("key a", 12.0, True), ("health checks", 6.0, True), ("session", 3.0, False), ("llama", None, False)
    }  # fmt: skip
    assert {row.workflow for row in host.tokens if not row.counted} == {"session", "llama"}


def test_what_is_left_out_is_said() -> None:
    words = "in its own rows, not in the totals ([profiles] totals)"
    assert Host(N8N, CLAUDE, LITELLM, VLLM).apart == {
        "scrape": (
            f"tokens, cost of Claude Code: {words}",
            f"runs, active, duration of LiteLLM proxy: {words}",
            f"runs, duration, tokens of vLLM: {words}",
        )
    }
    assert Host(N8N).apart == {}
    told = Host(LITELLM, log=[logs([run(1, 5)])], totals=["litellm"]).apart
    assert told == {"logs": (f"runs, active, duration, tokens, cost of runs in logs: {words}",)}


def test_whose_figures_count_can_be_said() -> None:
    host = Host(N8N, CLAUDE, LITELLM, VLLM, totals=["claude", "litellm"])
    assert host.totals.cost_usd_per_hour == 1.75 * 12
    assert host.totals.n == 300, "of runs only the gateway is named"
    assert host.totals.tokens_per_minute == 7000 / 5


def test_two_engines_are_added_and_their_quantiles_are_not() -> None:
    temporal = system("temporal", runs={"orders": 20}, active={"orders": 2}, p95={"orders": 1.0, None: 1.0})
    host = Host(N8N, temporal)
    assert (host.totals.n, host.totals.active) == (70, 5)
    assert not host.totals.active_at_least, "n8n tells of all its work in one figure"
    assert host.totals.duration_p95_seconds is None
    assert host.rows["orders"].duration_p95_seconds == 1.0
    assert host.rows["n8n"].active == 3
    assert host.apart == {}
    assert Host(N8N, system("temporal", runs={"orders": 20})).totals.active_at_least is True, (
        "of orders unknown"
    )


def test_a_profile_that_another_source_replaces_is_in_no_total() -> None:
    server = system("temporal", runs={None: 50}, replaces=("n8n",))
    workers = system("n8n", runs={"invoices": 40, "mail": 10}, active={None: 3})
    for samples in ([server, workers], [workers, server]):
        host = Host(*samples, sources=["a", "b"])
        assert host.totals.n == 50, "each run once"
        assert host.totals.active == 3, "which only the workers tell"
        assert set(host.rows) == {"Temporal", "invoices", "mail", "n8n"}
        assert "runs of n8n: in its own rows" in host.apart["b" if samples[0] is server else "a"][0]
    assert Host(server, workers, totals=["n8n", "temporal"]).totals.n == 100, "the user says so"


def test_one_system_that_splits_nothing_is_the_total_and_has_a_row_where_no_log_tells() -> None:
    bare = system("n8n", runs={None: 40}, active={None: 3}, p95={None: 5.0})
    host = Host(bare)
    assert set(host.rows) == {"n8n"}
    assert (host.rows["n8n"].active, host.rows["n8n"].duration_p95_seconds) == (3, 5.0)
    assert (host.totals.n, host.totals.active, host.totals.duration_p95_seconds) == (40, 3, 5.0)
    told = Host(bare, log=[logs([run(1, 5)])])
    assert set(told.rows) == {"w"}
    assert (told.totals.n, told.totals.active) == (40, 3), "what the log tells may be in it"


def test_what_is_split_in_part_only_is_not_lost() -> None:
    host = Host(system("litellm", tokens={"key a": 600, None: 300}, cost={None: 1.0, "key a": 2.0}))
    assert host.totals.tokens_per_minute == 180.0
    assert host.totals.cost_usd_per_hour == 36.0
    assert host.rows["LiteLLM proxy"].tokens_per_minute == 60.0
    assert host.totals.cost_hour_usd == 3.0


def test_a_workflow_that_has_the_name_of_its_system() -> None:
    host = Host(system("litellm", tokens={"LiteLLM proxy": 600, None: 300}))
    assert host.rows["LiteLLM proxy"].tokens_per_minute == 120.0
    assert host.rows["LiteLLM proxy, not split"].tokens_per_minute == 60.0
    assert host.totals.tokens_per_minute == 180.0


def test_two_sources_with_one_profile_tell_of_the_same_work() -> None:
    host = Host(N8N, LITELLM, N8N, LITELLM, sources=["prom", "prom", "scrape", "scrape"])
    assert host.totals == Host(N8N, LITELLM, sources=["prom", "prom"]).totals
    assert host.rows["invoices"].sources == ("prom",)


def test_a_workflow_of_two_systems_has_the_figure_that_is_counted() -> None:
    agent = system("claude", tokens={"key a": 10}, cost={"key a": 9.0})
    host = Host(agent, LITELLM)
    assert host.rows["key a"].cost_usd_per_hour == 12.0
    assert host.rows["key a"].systems[-1] == ("cost", "LiteLLM proxy")
    silent = Host(agent, LITELLM, sources=["a", "b"], silent=["b"])
    assert silent.rows["key a"].cost_usd_per_hour == 108.0, "who answers now is believed first"
    assert silent.totals.cost_usd_per_hour == host.totals.cost_usd_per_hour, "and counts no more than before"


def test_money_that_nobody_priced_counts_for_nothing() -> None:
    unpriced = replace(LITELLM, cost={}, exposed=frozenset({Concept.COST}))
    assert Host(CLAUDE, unpriced).totals.cost_usd_per_hour == 3.0
    assert Host(unpriced).totals.cost_usd_per_hour is None


def test_logs_are_an_engine() -> None:
    log = [logs([run(number, 10 + number) for number in range(30)])]
    host = Host(LITELLM, VLLM, log=log)
    assert host.totals.n == 30
    assert host.totals.tokens_per_minute == 6100 / 5
    assert host.rows["w"].cost_usd_per_hour == 30 * 0.5 * 12
    assert host.totals.cost_usd_per_hour == 18.0
    assert {row.workflow for row in host.tokens if not row.counted} == {"w", "llama"}
    beside = Host(VLLM, log=log)
    assert beside.totals.tokens_per_minute == 30 * 100 / 5
    assert beside.totals.api_calls_per_minute is None


def test_a_log_is_believed_before_a_system_below_it_that_has_its_name() -> None:
    below = system("vllm", runs={"w": 3}, tokens={"w": 5})
    host = Host(below, log=[logs([run(number, 10 + number) for number in range(30)])])
    assert host.rows["w"].tokens_per_minute == host.totals.tokens_per_minute == 600.0
    assert dict(host.rows["w"].origin)["tokens"] == "logs"


def test_the_hour_of_a_system_that_does_not_split_its_cost() -> None:
    hour = HourCost(3600.0, {CostKey(None, "p", "m"): 4.0})
    gateway = system("litellm", cost={None: 0.5}, hour_cost=hour)
    host = Host(gateway, CLAUDE)
    assert host.rows["LiteLLM proxy"].cost_hour_usd == host.totals.cost_hour_usd == 4.0
    assert spent_on(burning(host.claims, first_logs([]), 300.0, EMPTY)["LiteLLM proxy"], []) == [("m", 4.0)]


def test_what_waits_is_told_and_memory_only_where_the_host_does_not_know() -> None:
    waiting = system(
        "n8n", runs={"mail": 4},
        queue={"mail": 3, None: 2},
        wait={"mail": Quantiles(0.5, 2.0, 9.0)},
        timeouts={"mail": Amount(4.0, 9.0)},
        memory={"mail": 5e6, "bash": 1e6},
    )  # fmt: skip
    host = Host(waiting, CLAUDE)
    row = host.rows["mail"]
    assert (row.queue, row.wait_p95_seconds, row.timeouts, row.rss_bytes) == (3, 2.0, 4, 5_000_000)
    assert (host.totals.queue, host.rows["n8n"].queue) == (5, 2)
    assert "bash" not in host.rows, "memory alone is no workflow"
    known = merge_workflows(host.metrics, host.claims, [], WINDOWS, replace(EXTRAS, rss_bytes={"mail": 7}))
    assert {each.name: each.rss_bytes for each in known}["mail"] == 7


# --- whatever the figures are

names = st.sampled_from([None, "a", "b", "c"])
amounts = st.dictionaries(names, st.integers(0, 1000).map(float), max_size=4)
some = st.one_of(st.none(), amounts)


@st.composite
def systems(draw: st.DrawFn, profiles: Sequence[str] = tuple(TITLES)) -> list[MetricsSample]:
    return [
        system(
            profile, runs=draw(some), active=draw(some), tokens=draw(some), cost=draw(some),
            calls={CallKey(k, "p", True): Amount(v, v) for k, v in draw(amounts).items()},
            retries={k: Amount(v, v) for k, v in draw(amounts).items()},
            queue=draw(amounts),
        )
        for profile in draw(st.lists(st.sampled_from(list(profiles)), unique=True, min_size=1))
    ]  # fmt: skip


@given(systems(), st.sampled_from([(), ("litellm",), ("claude", "vllm"), ("n8n", "temporal")]))
def test_the_parts_are_the_whole(samples: list[MetricsSample], totals: Sequence[str]) -> None:
    host = Host(*samples, totals=totals)
    added = [row.per_minute for row in host.tokens if row.counted and row.per_minute is not None]
    assert host.totals.tokens_per_minute == (pytest.approx(sum(added)) if added else None)
    for rows in (host.cost.by_model, host.cost.by_provider, host.cost.by_workflow):
        known = [row.usd_per_hour for row in rows if row.counted and row.usd_per_hour is not None]
        assert host.totals.cost_usd_per_hour == (pytest.approx(sum(known)) if known else None)
    # One profile has each workflow once: what counts is what it said.
    counted = {
        concept: [each for each in host.metrics if host.counting.counts(concept, each.profile)]
        for concept in (Concept.TOKENS, Concept.COST)
    }
    for concept, told in counted.items():
        if len(told) == 1:
            figures = told[0].tokens if concept is Concept.TOKENS else told[0].cost
            grown = [amount.delta or 0.0 for group in figures.values() for _, amount in group]
            got = (
                host.totals.tokens_per_minute
                if concept is Concept.TOKENS
                else (host.totals.cost_usd_per_hour or 0.0) / 60.0
            )
            assert (got or 0.0) == pytest.approx(sum(grown) / 5)


@given(systems(), st.randoms(use_true_random=False))
def test_no_order_of_sources_counts_anything_twice(
    samples: list[MetricsSample], chance: random.Random
) -> None:
    mixed = list(samples)
    chance.shuffle(mixed)
    one, other = Host(*samples), Host(*mixed, sources=[f"s{number}" for number in range(len(mixed))])
    engines = {sample.profile for sample in samples if sample.layer == "engine"}
    assert one.counting == other.counting
    assert one.rows.keys() == other.rows.keys()
    if len(engines) < 2:  # two engines that name the same workflow: the first of the config has it
        assert one.totals == other.totals


@given(systems(("n8n", "litellm")), systems(("claude", "vllm")))
def test_who_stands_beside_changes_no_total(
    samples: list[MetricsSample], beside: list[MetricsSample]
) -> None:
    alone, host = Host(*samples), Host(*beside, *samples)
    for concept, figures in (
        (Concept.RUNS, ("n", "runs_per_minute", "window_seconds")),
        (Concept.ACTIVE, ("active",)),
        (Concept.QUEUE, ("queue",)),
        (Concept.RETRIES, ("retries",)),
        (Concept.CALLS, ("api_calls_per_minute",)),
        (Concept.TOKENS, ("tokens_per_minute",)),
        (Concept.COST, ("cost_usd_per_hour", "cost_hour_usd")),
    ):
        told = {sample.profile for sample in alone.metrics if concept in sample.told}
        order = ("n8n",) if concept in (Concept.RUNS, Concept.ACTIVE, Concept.QUEUE, Concept.RETRIES) else (
            "litellm",
        )  # fmt: skip
        if told.intersection(order):
            for figure in figures:
                assert getattr(host.totals, figure) == getattr(alone.totals, figure), figure


@given(systems())
def test_what_nobody_tells_is_unknown_and_never_zero(samples: list[MetricsSample]) -> None:
    host = Host(*samples)
    figures = {
        "runs": host.totals.n,
        "active": host.totals.active,
        "queue": host.totals.queue,
        "retries": host.totals.retries,
        "calls": host.totals.api_calls_per_minute,
        "tokens": host.totals.tokens_per_minute,
        "cost": host.totals.cost_usd_per_hour,
    }
    told = {concept.value for part in host.metrics for concept in part.told}
    assert {name for name, value in figures.items() if value is not None} == told & figures.keys()
    for row in host.rows.values():
        assert row.tokens_per_minute is None or dict(row.origin)["tokens"]


@given(systems())
def test_growth_that_is_not_known_yet_makes_no_sum_known(samples: list[MetricsSample]) -> None:
    young = [
        replace(sample, cost={key: Amount(None, each.total) for key, each in sample.cost.items()})
        for sample in samples
    ]
    assert Host(*young).totals.cost_usd_per_hour is None


def test_systems_that_tell_of_different_things_have_each_its_row() -> None:
    engine = system("n8n", runs={"mail": 4}, queue={None: 7})
    host = Host(engine, system("claude", cost={None: 1.0}))
    assert (host.rows["n8n"].queue, host.totals.queue) == (7, 7)
    assert (host.rows["Claude Code"].cost_usd_per_hour, host.totals.cost_usd_per_hour) == (12.0, 12.0)
    assert (host.rows["mail"].system, host.rows["Claude Code"].system) == ("n8n", "Claude Code")
    assert Host(engine).rows["mail"].system is None
    assert host.apart == {}


def test_storage_that_only_a_metric_tells_is_said_to_be_left_out() -> None:
    told = replace(system("vllm"), exposed=frozenset({Concept.STORAGE}), layer="host")
    assert Host(told).apart == {"scrape": ("storage of vLLM: not shown, only what this host sees itself is",)}
