"""A real Pushgateway: what jobs push by the convention is read, what was pushed long ago is told as old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, push_to_gateway

from live.reading import asking, now, runs, sample_of, scraped_by, scraping
from support.realsystems import running_pushgateway
from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.model.metrics import TokenKey, TokenKind
from wfmon.model.run import RunStatus

pytestmark = pytest.mark.server
HOUR = 3600.0


class Job:
    """A batch job that pushes what it counted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.registry = CollectorRegistry()
        labels = ["workflow", "status"]
        self.done = Counter("workflow_executions", "runs", labels, registry=self.registry)
        self.active = Gauge("active_workflows", "active", ["workflow"], registry=self.registry)
        self.tokens = Counter("token_usage", "tokens", ["workflow", "model"], registry=self.registry)
        self.duration = Histogram(
            "workflow_duration_seconds", "duration", ["workflow"], registry=self.registry, buckets=(1, 2, 4)
        )

    def count(self, succeeded: int, failed: int, active: int, tokens: int) -> None:
        self.done.labels(self.name, "success").inc(succeeded)
        self.done.labels(self.name, "failed").inc(failed)
        self.active.labels(self.name).set(active)
        self.tokens.labels(self.name, "gpt-4o").inc(tokens)
        for _ in range(succeeded + failed):
            self.duration.labels(self.name).observe(1.5)

    def push(self, gateway: Server) -> None:
        push_to_gateway(gateway.url, job=self.name, registry=self.registry)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Server]:
    with running_pushgateway(tmp_path) as server:
        yield server


def test_what_jobs_push_is_read_directly(gateway: Server) -> None:
    nightly, hourly = Job("nightly_report"), Job("invoice_extract")
    for job in (nightly, hourly):
        job.count(10, 1, 3, 1000)
        job.push(gateway)
    source, begun = scraping(f"{gateway.url}/metrics"), now()
    assert source.poll(begun).profile == "seed"
    hourly.count(7, 2, 5, 250)
    hourly.push(gateway)
    reading = source.poll(begun + 60)
    sample = sample_of(reading, "seed")
    assert runs(sample) == {
        ("invoice_extract", RunStatus.SUCCESS): 7,
        ("invoice_extract", RunStatus.ERROR): 2,
    }
    assert sample.active == {"nightly_report": 3, "invoice_extract": 5}
    used = sample.tokens[TokenKey("invoice_extract", None, "gpt-4o", TokenKind.TOTAL)]
    assert (used.delta, used.total) == (250, 1250)
    assert sample.durations["invoice_extract"].n == 9
    assert not any("pushed" in word for word in reading.missing)


def test_an_old_push_is_told_as_old_as_long_as_it_is_repeated(gateway: Server) -> None:
    nightly = Job("nightly_report")
    nightly.count(10, 1, 3, 1000)
    nightly.push(gateway)
    source, begun = scraping(f"{gateway.url}/metrics"), now()
    source.poll(begun)
    # The gateway answers as ever; only its own time says that the job was not heard of since.
    reading = source.poll(begun + 3 * HOUR)
    words = [word for word in reading.missing if "pushed" in word]
    assert len(words) == 1
    assert words[0].endswith("nightly_report pushed 3h ago: its figures are of then"), words
    assert runs(sample_of(reading, "seed")) == {}


def test_an_old_push_is_told_through_a_prometheus_too(gateway: Server, tmp_path: Path) -> None:
    """What is old is set to seconds, as nobody waits for hours."""
    job = Job("nightly_report")
    job.count(10, 1, 3, 1000)
    job.push(gateway)
    with running_prometheus(tmp_path, [gateway.url.removeprefix("http://")]) as prometheus:
        scraped_by(prometheus, "count(push_time_seconds)", lambda value: value == 1)
        source = asking(prometheus)

        def told() -> list[str]:
            return [word for word in source.poll(now()).missing if "pushed" in word]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("wfmon.sources.prometheus_pushed.OLD_SECONDS", -60.0)
            patch.setattr("wfmon.sources.pushed.OLD_SECONDS", 1.0)
            (words,) = wait_until(told, timeout=30)
        assert words.startswith("nightly_report pushed ")
        source.close()


def test_pushed_series_through_a_prometheus(gateway: Server, tmp_path: Path) -> None:
    """Scraped without ``honor_labels``: the job of the push is ``exported_job``."""
    job = Job("invoice_extract")
    job.count(0, 0, 1, 0)
    job.push(gateway)
    with running_prometheus(tmp_path, [gateway.url.removeprefix("http://")]) as prometheus:
        total = "sum(workflow_executions_total)"
        scraped_by(prometheus, total, lambda value: value == 0)
        source = asking(prometheus)
        source.poll(now())
        job.count(7, 2, 5, 250)
        job.push(gateway)
        scraped_by(prometheus, total, lambda value: value == 9)
        sample = sample_of(source.poll(now()), "seed")
        assert runs(sample) == {
            ("invoice_extract", RunStatus.SUCCESS): 7,
            ("invoice_extract", RunStatus.ERROR): 2,
        }
        assert sample.active == {"invoice_extract": 5}
