"""Both ways to read a real system: its own /metrics, and a Prometheus that scrapes it."""

from __future__ import annotations

import time
from collections.abc import Callable

from support.servers import Server
from support.waiting import wait_until
from wfmon.config.schema import Duration, Windows
from wfmon.model.metrics import MetricsSample
from wfmon.model.run import RunStatus
from wfmon.sources.base import Reading
from wfmon.sources.profile import shipped_profiles
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.scrape import ScrapeSource

WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))


def scraping(*urls: str) -> ScrapeSource:
    return ScrapeSource("direct", urls, windows=WINDOWS, profiles=shipped_profiles(), timeout=30.0)


def asking(prometheus: Server) -> PrometheusSource:
    return PrometheusSource("prom", prometheus.url, windows=WINDOWS, profiles=shipped_profiles())


def scraped_by(prometheus: Server, query: str, holds: Callable[[float], bool]) -> None:
    """Waits until the only value of ``query`` holds."""
    wait_until(
        lambda: [holds(value) for _, value in prometheus.query(query)] == [True],
        timeout=60,
        message=f"{query}: {prometheus.query(query)}",
        pause=0.1,
    )


def sample_of(reading: Reading, profile: str) -> MetricsSample:
    found = {sample.profile: sample for sample in reading.samples}
    assert profile in found, (sorted(found), reading.missing)
    return found[profile]


def now() -> float:
    return time.time()


def runs(sample: MetricsSample) -> dict[tuple[str | None, RunStatus], int]:
    """What ended within the shortest window, by workflow and status, without what is 0."""
    counts = {(key.workflow, key.status): round(count) for key, count in sample.runs[0].counts.items()}
    return {key: count for key, count in counts.items() if count}
