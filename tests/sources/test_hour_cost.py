"""Cost and tokens of the last hour: of a real Prometheus, of the scraper, and of the ledger of who spent."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from sources.test_scrape import WINDOWS, figures, scraping, target
from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.model.look import Look, Target
from wfmon.model.metrics import CostKey, HourCost, MetricsSample, TokenKey, TokenKind
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource

HOUR = 3600.0
STEP = 15.0
BACK = 2.5 * HOUR
EDGE = 150.0  # nothing is spent so near to the edges of the hour: the servers' clocks move on meanwhile
MONEY = 1e-9
RUNS = 'workflow_executions_total{workflow="steady",status="success"} 1\n'  # what the profile is known by


@dataclass
class Spender:
    """One target; ``looks`` are what it exposed at each scrape."""

    instance: str
    values: dict[tuple[str, str], float] = field(default_factory=dict)
    tokens: dict[tuple[str, str], int] = field(default_factory=dict)
    looks: list[tuple[float, str]] = field(default_factory=list)
    began: float = 0.0

    def spend(self, workflow: str, model: str, usd: float, tokens: int) -> None:
        self.values[workflow, model] = self.values.get((workflow, model), 0.0) + usd
        self.tokens[workflow, model] = self.tokens.get((workflow, model), 0) + tokens

    def scrape(self, at: float) -> None:
        lines = [
            f'cost_usd_total{{workflow="{workflow}",model="{model}",provider="p"}} {usd!r}'
            for (workflow, model), usd in self.values.items()
        ]
        used = [
            f'token_usage_total{{workflow="{workflow}",model="{model}",provider="p",type="input"}} {count}'
            for (workflow, model), count in self.tokens.items()
        ]
        rest = [RUNS.rstrip(), f"process_start_time_seconds {self.began!r}", ""]
        self.looks.append((at, "\n".join([*lines, *used, *rest])))


@dataclass
class World:
    now: float
    spenders: list[Spender]
    ledger: dict[tuple[str, str], float]
    used: dict[tuple[str, str], int]
    prometheus: Server


def told(now: float) -> tuple[list[Spender], dict[tuple[str, str], float], dict[tuple[str, str], int]]:
    """Two targets over two and a half hours: one restarts in the last hour, later a workflow is born, another
    ended before it. (No query can tell a counter that began anew and overtook itself within the hour.)"""
    rng = random.Random(5)
    spenders = [Spender(f"10.0.0.{n}:9101", began=now - 9000.0) for n in (1, 2)]
    ledger: dict[tuple[str, str], float] = defaultdict(float)
    used: dict[tuple[str, str], int] = defaultdict(int)
    at = now - BACK
    while at < now - 1.0:
        ago = now - at
        near = abs(ago - HOUR) < EDGE or ago < EDGE
        for number, spender in enumerate(spenders):
            workflows = [
                w for w, there in (("steady", True), ("old", ago > HOUR + 600), ("new", ago < 1300)) if there
            ]
            for workflow in () if near else workflows:
                if rng.random() < 0.2:
                    model, usd = rng.choice(("m1", "m2")), rng.random() * 10 ** rng.randrange(-3, 2)
                    tokens = rng.randrange(1, 10**6)
                    spender.spend(workflow, model, usd, tokens)
                    if ago <= HOUR and at > now - BACK:
                        ledger[workflow, model] += usd
                        used[workflow, model] += tokens
            spender.scrape(at)
            if number == 0 and 1500 <= ago < 1500 + STEP:
                spender.values, spender.tokens, spender.began = {}, {}, at + 1.0
        at += STEP
    return spenders, dict(ledger), dict(used)


def open_metrics(spenders: Sequence[Spender]) -> str:
    families: dict[str, list[str]] = defaultdict(list)
    for spender in spenders:
        for at, text in spender.looks:
            where = f'job="workers",instance="{spender.instance}"'
            for line in text.splitlines():
                name, _, value = line.rpartition(" ")
                labelled = f"{name[:-1]},{where}}}" if name.endswith("}") else f"{name}{{{where}}}"
                families[name.partition("{")[0]].append(f"{labelled} {value} {at:.3f}")
            families["up"].append(f"up{{{where}}} 1 {at:.3f}")
    return "\n".join(line for lines in families.values() for line in lines) + "\n# EOF\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    now = time.time()
    spenders, ledger, used = told(now)
    with running_prometheus(tmp_path_factory.mktemp("hour"), past=open_metrics(spenders)) as server:
        yield World(now, spenders, ledger, used, server)


def by_key(cost: HourCost | None) -> dict[tuple[str, str], float]:
    assert cost is not None
    return {(key.workflow or "", key.model or ""): usd for key, usd in cost.usd.items() if usd > MONEY}


def tokens_by_key(cost: HourCost | None) -> dict[tuple[str, str], float]:
    assert cost is not None
    assert {key.kind for key in cost.tokens} == {TokenKind.INPUT}
    return {(key.workflow or "", key.model or ""): count for key, count in cost.tokens.items() if count}


@pytest.mark.server
def test_a_prometheus_tells_it_from_its_second_answer_on(world: World) -> None:
    source = PrometheusSource(
        "prom", world.prometheus.url, windows=WINDOWS, profiles=load_profiles(), timeout=20.0
    )
    try:
        assert figures(source.poll(time.time())).hour_cost is None, "nobody waits for it"
        found: list[MetricsSample] = []

        def asked() -> bool:
            found.append(figures(source.poll(time.time())))
            hour = found[-1].hour_cost
            return hour is not None and bool(hour.tokens)

        wait_until(asked, timeout=30.0, message="the cost of the last hour")
    finally:
        source.close()
    hour = found[-1].hour_cost
    assert hour is not None
    assert hour.covered == pytest.approx(HOUR, abs=1.0)
    assert by_key(hour) == pytest.approx(world.ledger, abs=1e-6)
    assert tokens_by_key(hour) == world.used


def test_the_scraper_tells_the_same(world: World) -> None:
    spenders = world.spenders
    with target(spenders[0].looks[-1][1]) as one, target(spenders[1].looks[-1][1]) as other:
        past = {
            server.url.removesuffix("/metrics").removeprefix("http://"): [
                Look(at, text.encode()) for at, text in spender.looks
            ]
            for server, spender in zip((one, other), spenders, strict=True)
        }

        def recalled(known: Target, now: float) -> Sequence[Look]:
            return next(looks for name, looks in past.items() if name in known.shown)

        with scraping(one.url, other.url) as source:
            source.recall(recalled)
            sample = figures(source.poll(world.now))
    assert sample.hour_cost is not None
    assert sample.hour_cost.covered == pytest.approx(HOUR, abs=60.0)
    assert by_key(sample.hour_cost) == pytest.approx(world.ledger, abs=1e-6)
    assert tokens_by_key(sample.hour_cost) == world.used


COST = RUNS + 'cost_usd_total{workflow="a",provider="p",model="m"} %s\n'
KEY = CostKey("a", "p", "m")


def test_what_is_known_of_the_hour_grows_and_moves_on() -> None:
    with target(COST % 10) as server, scraping(server.url) as source:
        now = 10_000.0
        first = figures(source.poll(now)).hour_cost
        assert first == HourCost(0.0, {}), "one look tells nothing"
        for minute in range(1, 91):
            server.text = COST % (10 + minute)
            sample = figures(source.poll(now + 60.0 * minute))
            hour = sample.hour_cost
            assert hour is not None
            assert hour.covered == min(60 * minute, 3600)
            assert hour.usd[KEY] == pytest.approx(min(minute, 60), abs=1.0)
            assert sample.cost[KEY].delta == min(minute, 5)


def test_a_series_that_vanished_stays_in_the_hour() -> None:
    with target(COST % 1) as server, scraping(server.url) as source:
        source.poll(10_000.0)
        server.text = COST % 8
        source.poll(10_060.0)
        server.text = COST.replace('"a"', '"b"') % 3
        for minute in range(2, 59):
            sample = figures(source.poll(10_000.0 + 60.0 * minute))
        assert sample.hour_cost is not None
        assert sample.hour_cost.usd == {KEY: 7.0, CostKey("b", "p", "m"): 3.0}


def test_growth_of_cost_is_told_once() -> None:
    with target(COST % 1) as server, scraping(server.url) as source:
        source.poll(10_000.0)
        server.text = COST % 4
        growth = figures(source.poll(10_005.0)).growth
        assert growth is not None
        assert growth.cost == {KEY: 3.0}
        again = figures(source.poll(10_010.0)).growth
        assert again is not None
        assert again.cost == {}


TOKENS = (
    RUNS
    + 'token_usage_total{workflow="a",provider="p",model="m",type="input"} %d\n'
    + 'token_usage_total{workflow="a",provider="p",model="m",type="output"} 5\n'
)
INPUT, OUTPUT = TokenKey("a", "p", "m", TokenKind.INPUT), TokenKey("a", "p", "m", TokenKind.OUTPUT)


def test_tokens_of_the_hour_outlive_the_rate_window_and_none_is_known_as_none() -> None:
    with target(TOKENS % 100) as server, scraping(server.url) as source:
        first = figures(source.poll(10_000.0)).hour_cost
        assert first == HourCost(0.0, {}), "one look tells nothing"
        server.text = TOKENS % 700
        for minute in range(1, 70):
            sample = figures(source.poll(10_000.0 + 60.0 * minute))
            hour = sample.hour_cost
            assert hour is not None
            assert hour.tokens == {INPUT: 600.0 if minute <= 60 else 0.0, OUTPUT: 0.0}
            assert sample.tokens[INPUT].delta == (600.0 if minute <= 5 else 0.0)
