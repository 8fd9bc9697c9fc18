"""The prometheus source against a real Prometheus that scrapes small exporters of this process."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter

from support.exporter import Exporter, Metrics, exporting
from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.config.schema import Duration, Windows
from wfmon.model.metrics import Concept, RunKey, TokenKey, TokenKind
from wfmon.model.run import RunStatus
from wfmon.sources.base import Reading, Source
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.scrape import ScrapeSource

pytestmark = pytest.mark.server

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))


@dataclass
class Lab:
    """One Prometheus for the module: it needs 5 s until it scrapes. Tests use workflows of their own."""

    prometheus: Server
    steady: Exporter
    restarting: Exporter
    leaving: Exporter

    def source(self) -> PrometheusSource:
        return PrometheusSource("prom", self.prometheus.url, windows=WINDOWS, profiles=load_profiles())

    def scraped(self, query: str, value: float) -> None:
        wait_until(
            lambda: [found for _, found in self.prometheus.query(query)] == [value],
            message=f"{query} == {value:g}",
        )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with exporting() as steady, exporting() as restarting, exporting() as leaving:
        jobs = {"steady": [steady.target], "restarting": [restarting.target], "leaving": [leaving.target]}
        with running_prometheus(tmp_path_factory.mktemp("lab"), jobs=jobs) as prometheus:
            wait_until(lambda: len(prometheus.query("up == 1")) == 3, message="three targets up")
            yield Lab(prometheus, steady, restarting, leaving)


def runs(reading: Reading, workflow: str, window: int = 0) -> dict[RunStatus, float]:
    assert reading.metrics is not None
    counts = reading.metrics.runs[window].counts
    return {key.status: value for key, value in counts.items() if key.workflow == workflow}


def test_the_first_run_and_the_first_failure_count(lab: Lab) -> None:
    lab.steady.metrics.run("birth", "failed")
    lab.scraped('workflow_executions_total{workflow="birth"}', 1)
    reading = lab.source().poll(time.time())
    for window in range(len(reading.metrics.runs if reading.metrics else ())):
        assert runs(reading, "birth", window) == {RunStatus.ERROR: 1, RunStatus.SUCCESS: 0}
    lab.steady.metrics.run("birth")
    lab.steady.metrics.run("birth", "cancelled")
    lab.scraped('sum(workflow_executions_total{workflow="birth"})', 3)
    assert runs(lab.source().poll(time.time()), "birth") == {
        RunStatus.ERROR: 1,
        RunStatus.SUCCESS: 1,
        RunStatus.CANCELLED: 1,
    }


def test_a_restart_loses_and_invents_nothing(lab: Lab) -> None:
    for _ in range(5):
        lab.restarting.metrics.run("reset")
    lab.scraped('workflow_executions_total{workflow="reset"}', 5)
    lab.restarting.metrics = Metrics()
    lab.restarting.metrics.run("reset")
    lab.restarting.metrics.run("reset", "error")
    lab.scraped('workflow_executions_total{workflow="reset",status="success"}', 1)
    assert runs(lab.source().poll(time.time()), "reset") == {RunStatus.SUCCESS: 6, RunStatus.ERROR: 1}


def test_tokens_cost_calls_and_gauges(lab: Lab) -> None:
    metrics = lab.steady.metrics
    metrics.tokens.labels("money", "gpt-x", "input").inc(1200)
    metrics.tokens.labels("money", "gpt-x", "output").inc(34)
    for cents in (0.1, 0.2, 0.03):
        metrics.cost.labels("money", "gpt-x").inc(cents)
    metrics.active.labels("money").set(3)
    metrics.retries.labels("money").inc(2)
    metrics.calls.labels("openai", "429").inc(4)
    metrics.run("money")
    lab.scraped('workflow_executions_total{workflow="money"}', 1)
    sample = lab.source().poll(time.time()).metrics
    assert sample is not None
    amounts = {
        key.kind: (amount.delta, amount.total)
        for key, amount in sample.tokens.items()
        if key.workflow == "money"
    }
    assert amounts == {TokenKind.INPUT: (1200, 1200), TokenKind.OUTPUT: (34, 34)}
    (cost,) = [amount for key, amount in sample.cost.items() if key.workflow == "money"]
    assert cost.delta == pytest.approx(0.33, abs=1e-9)
    assert sample.active["money"] == 3
    assert sample.retries["money"].delta == 2
    (calls,) = [amount for key, amount in sample.calls.items() if key.provider == "openai"]
    assert calls.delta == 4
    assert {Concept.RUNS, Concept.TOKENS, Concept.COST, Concept.ACTIVE, Concept.CALLS} <= sample.exposed
    assert Concept.QUEUE not in sample.exposed


def test_quantiles_equal_those_of_the_scraper(lab: Lab) -> None:
    scraper = ScrapeSource("direct", [lab.steady.url], windows=WINDOWS, profiles=load_profiles())
    scraper.poll(time.time())
    for seconds in (0.05, 0.2, 0.2, 0.7, 0.9, 1.2, 2.0, 3.0, 4.0, 40.0):
        lab.steady.metrics.run("slow", seconds=seconds)
    lab.scraped('workflow_duration_seconds_count{workflow="slow"}', 10)
    lab.scraped('workflow_executions_total{workflow="slow"}', 10)
    direct, indirect = scraper.poll(time.time()).metrics, lab.source().poll(time.time()).metrics
    assert direct is not None
    assert indirect is not None
    assert indirect.durations["slow"] == direct.durations["slow"]
    assert indirect.durations["slow"].p95 == 10.0
    assert indirect.durations["slow"].n == 10
    assert indirect.runs[0].counts[RunKey("slow", RunStatus.SUCCESS)] == 10
    assert direct.runs[0].counts[RunKey("slow", RunStatus.SUCCESS)] == 10


def test_what_is_known_is_told_with_its_age_and_cover(lab: Lab) -> None:
    lab.steady.metrics.run("cover")
    lab.scraped('workflow_executions_total{workflow="cover"}', 1)
    source = lab.source()
    assert isinstance(source, Source)
    now = time.time()
    source.poll(now)  # waits for no alerts, which may be there nevertheless
    reading = source.poll(now)
    sample = reading.metrics
    assert sample is not None
    assert now - 30 < reading.at <= now
    assert [window.seconds for window in sample.runs] == [300, 600, 900, 1800, 3600, 10800, 21600]
    for window in sample.runs:
        assert 0 < window.covered < 250, "the Prometheus of this test is younger than the windows"
    assert reading.settled
    assert reading.profile == "seed"
    assert "queue: not exposed by seed" in reading.missing
    assert source.interval == 5.0
    assert source.where == lab.prometheus.url


def test_longer_windows_are_kept_between_their_turns(lab: Lab) -> None:
    source = lab.source()
    lab.steady.metrics.run("turns")
    lab.scraped('workflow_executions_total{workflow="turns"}', 1)
    source.poll(time.time())
    lab.steady.metrics.run("turns")
    lab.scraped('workflow_executions_total{workflow="turns"}', 2)
    second = source.poll(time.time())
    assert runs(second, "turns", 0)[RunStatus.SUCCESS] == 2
    assert runs(second, "turns", 6)[RunStatus.SUCCESS] == 1

    def caught_up() -> bool:
        return runs(source.poll(time.time()), "turns", 6)[RunStatus.SUCCESS] == 2

    wait_until(caught_up, pause=0.2, message="the longest window is asked again")


def test_a_label_that_is_not_exposed_is_unknown_and_told(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.registry = CollectorRegistry()
    tokens = Counter("token_usage", "tokens", ["model"], registry=metrics.registry)
    executions = Counter("workflow_executions", "runs", ["workflow"], registry=metrics.registry)
    with exporting(metrics) as exporter, running_prometheus(tmp_path, [exporter.target]) as prometheus:
        wait_until(lambda: prometheus.query("up == 1"), message="scraped once")
        tokens.labels("gpt-x").inc(70)
        executions.labels("plain").inc()
        source = PrometheusSource("prom", prometheus.url, windows=WINDOWS, profiles=load_profiles())
        wait_until(lambda: prometheus.query("token_usage_total == 70"), message="the tokens are scraped")
        wait_until(lambda: source.poll(time.time()).settled, message="settled")
        reading = source.poll(time.time())
    sample = reading.metrics
    assert sample is not None
    (amount,) = sample.tokens.values()
    assert list(sample.tokens) == [TokenKey(None, None, "gpt-x", TokenKind.TOTAL)]
    assert amount.delta == 70
    assert sample.runs[0].counts == {RunKey("plain", RunStatus.OTHER): 1}
    assert "tokens by workflow: label not exposed" in reading.missing
    assert "tokens by direction: label not exposed" in reading.missing
    assert "runs by status: label not exposed" in reading.missing
    assert sample.durations == {}
    assert sample.active == {}


def test_a_server_that_has_scraped_once_knows_no_growth_yet(tmp_path: Path) -> None:
    with exporting() as exporter:
        exporter.metrics.run("once")
        with running_prometheus(tmp_path, [exporter.target], scrape_interval="10s") as prometheus:
            wait_until(lambda: prometheus.query("up == 1"), timeout=30, message="scraped once")
            source = PrometheusSource("prom", prometheus.url, windows=WINDOWS, profiles=load_profiles())
            reading = source.poll(time.time())
    sample = reading.metrics
    assert sample is not None
    assert Concept.RUNS in sample.exposed
    assert not reading.settled
    assert sample.covered == 0.0, "a rate over the second since that scrape would be zero"
    assert {window.covered for window in sample.runs} == {0.0}


def test_trends_are_sixty_points_with_gaps(lab: Lab) -> None:
    lab.steady.metrics.run("drawn", "failed")
    lab.scraped('workflow_executions_total{workflow="drawn"}', 1)
    sample = lab.source().poll(time.time()).metrics
    assert sample is not None
    for trend in sample.trends:
        assert len(trend.points) == 60
        assert trend.points[0][1] is None, "an hour ago nobody watched"
        steps = {round(b - a) for (a, _), (b, _) in zip(trend.points, trend.points[1:], strict=False)}
        assert steps == {60}
        assert all(value is None or math.isfinite(value) for _, value in trend.points)


def test_targets_that_are_down_are_counted(lab: Lab) -> None:
    """Last in the file: nothing brings the target back."""
    lab.leaving.metrics.run("gone")
    lab.scraped('workflow_executions_total{workflow="gone"}', 1)
    source = lab.source()
    assert source.poll(time.time()).partial is None
    lab.leaving.stop()
    wait_until(lambda: prometheus_down(lab), message="the target is down")
    reading = source.poll(time.time())
    assert reading.partial is not None
    assert "1 of 3 targets down" in reading.partial
    assert runs(reading, "gone") == {RunStatus.SUCCESS: 1, RunStatus.ERROR: 0}


def prometheus_down(lab: Lab) -> bool:
    return bool(lab.prometheus.query('up{job="leaving"} == 0'))
