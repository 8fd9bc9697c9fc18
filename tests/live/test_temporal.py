"""A real Temporal server and a worker of its SDK: runs that succeed, fail, time out and are tried again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from live.reading import asking, now, runs, sample_of, scraped_by, scraping
from support.realsystems import running_script, running_temporal
from support.servers import Server, running_prometheus
from support.waiting import wait_until
from wfmon.model.metrics import Amount, Concept, MetricsSample
from wfmon.model.run import RunStatus
from wfmon.sources.base import Reading

pytestmark = pytest.mark.server
ERROR, SUCCESS, TIMEOUT = RunStatus.ERROR, RunStatus.SUCCESS, RunStatus.TIMEOUT
SUCCEEDED = 3
QUEUE = "invoices"
WORK = Path(__file__).with_name("temporal_work.py")


@dataclass
class Lab:
    """``readings``: by way, the look after everything that the test ran has ended."""

    server: Server
    readings: dict[str, Reading] = field(default_factory=dict)


async def work(address: str) -> list[str]:
    """Runs them all at once; how each ended, as its client was told."""
    from temporalio.client import Client, WorkflowFailureError

    client = await Client.connect(address)

    async def run(workflow: str, limit: timedelta | None = None) -> str:
        name = f"{workflow}-{time.time_ns()}"
        try:
            await client.execute_workflow(workflow, id=name, task_queue=QUEUE, execution_timeout=limit)
        except WorkflowFailureError as error:
            return f"{workflow}: {type(error.cause).__name__}"
        return f"{workflow}: done"

    others = [run(each) for each in ("Retries", "Fails", "Stuck")]
    done = [run("Succeeds") for _ in range(SUCCEEDED)]
    return await asyncio.gather(*done, *others, run("Sleeps", timedelta(seconds=1)))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("temporal")
    with running_temporal(folder) as (server, address), running_script(folder, WORK, address, QUEUE) as sdk:
        jobs = {each: [running.url.removeprefix("http://")] for each, running in (("s", server), ("w", sdk))}
        with running_prometheus(folder, jobs=jobs) as prometheus:
            urls = {"server": [server.url], "worker": [sdk.url], "both": [server.url, sdk.url]}
            sources = {way: scraping(*(f"{url}/metrics" for url in each)) for way, each in urls.items()}
            scraped_by(prometheus, "sum(up)", lambda value: value == 2)
            for source in sources.values():
                source.poll(now())
            ended = asyncio.run(work(address))
            assert sorted(ended) == sorted(
                [
                    *["Succeeds: done"] * SUCCEEDED,
                    "Retries: done",
                    "Fails: ActivityError",
                    "Stuck: ActivityError",
                    "Sleeps: TimeoutError",
                ]
            )
            for metric, value in (("workflow_success", 4), ("workflow_failed", 2), ("workflow_timeout", 1)):
                counted = f'sum({metric}{{namespace="default"}})'
                scraped_by(prometheus, counted, lambda found, value=value: found == value)
            scraped_by(prometheus, "sum(temporal_workflow_failed)", lambda found: found == 2)
            lab = Lab(server)
            lab.readings = {way: source.poll(now()) for way, source in sources.items()}
            through = asking(prometheus)
            lab.readings["through"] = wait_until(lambda: settled(through.poll(now())), timeout=60)
            yield lab
            through.close()


def settled(reading: Reading) -> Reading | None:
    return reading if reading.settled else None


def of_server(lab: Lab, way: str) -> MetricsSample:
    return sample_of(lab.readings[way], "temporal")


@pytest.mark.parametrize("way", ["server", "both", "through"])
def test_runs_by_workflow_and_how_they_ended(lab: Lab, way: str) -> None:
    assert runs(of_server(lab, way)) == {
        ("Succeeds", SUCCESS): SUCCEEDED,
        ("Retries", SUCCESS): 1,
        ("Fails", ERROR): 1,
        ("Stuck", ERROR): 1,
        ("Sleeps", TIMEOUT): 1,
    }


@pytest.mark.parametrize("way", ["server", "both", "through"])
def test_an_attempt_that_is_followed_by_another_is_a_retry(lab: Lab, way: str) -> None:
    retried = {name: round(amount.delta or 0) for name, amount in of_server(lab, way).retries.items()}
    assert {name: count for name, count in retried.items() if count} == {"Retries": 2, "Fails": 2, "Stuck": 1}


def test_an_activity_that_timed_out_is_told_apart_from_a_run(lab: Lab) -> None:
    assert of_server(lab, "server").timeouts == {"Stuck": Amount(1, 1)}


@pytest.mark.parametrize("way", ["server", "through"])
def test_a_run_took_as_long_as_its_limit(lab: Lab, way: str) -> None:
    durations = of_server(lab, way).durations
    assert {name for name in durations if name is not None} >= {"Succeeds", "Retries", "Fails", "Stuck"}
    quick, limited = durations["Succeeds"], durations["Sleeps"]
    assert quick.p95 is not None
    assert limited.p50 is not None
    assert 0 < quick.p50 <= quick.p95 < 60  # type: ignore[operator]
    assert 0.5 <= limited.p50 <= 5  # as exact as the server's buckets
    assert (quick.n or 0) == pytest.approx(SUCCEEDED)


def test_memory_is_a_part_of_what_the_process_has(lab: Lab) -> None:
    heap = of_server(lab, "server").memory[None]
    assert 1e6 < heap < 2 * psutil.Process(lab.server.process.pid).memory_info().rss


def test_a_worker_alone_does_not_see_what_the_server_ends(lab: Lab) -> None:
    reading = lab.readings["worker"]
    assert reading.profile == "temporal-sdk"
    sample = sample_of(reading, "temporal-sdk")
    assert runs(sample) == {
        ("Succeeds", SUCCESS): SUCCEEDED,
        ("Retries", SUCCESS): 1,
        ("Fails", ERROR): 1,
        ("Stuck", ERROR): 1,
    }
    assert any(word.startswith("Temporal workers: timeouts: only the server") for word in reading.missing)
    assert (sample.durations["Succeeds"].n or 0) == SUCCEEDED
    assert 0 < (sample.durations["Succeeds"].p95 or 0) < 60


@pytest.mark.parametrize("way", ["both", "through"])
def test_server_and_workers_count_one_run_once(lab: Lab, way: str) -> None:
    reading = lab.readings[way]
    assert reading.profile == "temporal"
    assert len(reading.samples) == 1
    assert {Concept.WAIT, Concept.ACTIVE} <= reading.samples[0].exposed  # what only the workers tell


def test_what_temporal_does_not_know_is_said(lab: Lab) -> None:
    said = lab.readings["server"].missing
    for concept in ("calls", "tokens", "cost", "budget", "storage"):
        assert any(word.startswith(f"Temporal: {concept}: ") for word in said), concept
