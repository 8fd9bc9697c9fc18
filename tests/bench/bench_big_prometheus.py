"""What a Prometheus with a million series is asked: questions, bytes and its CPU, by poll.

``python -m pytest tests/bench/bench_big_prometheus.py -s`` takes two minutes and 6 GB of memory. Of the
million some 40,000 are of systems that have a profile (1,000 workflows of the convention, and a LiteLLM proxy
with 400 keys); the others have 20,000 names that nobody asks for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import mean

import psutil
import pytest

from bench.report import Bar, count, insist, kilobytes, millis, table
from support.remotewrite import OPTION, remote_write
from support.servers import Server, running_prometheus
from wfmon.config.schema import Duration, Windows
from wfmon.sources.profile import Profile, load_profiles
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.prometheus_api import PrometheusApi

SERIES = 1_000_000
NAMES = 20_000
WORKFLOWS = 1_000
KEYS, MODELS = 400, 8
STEP, LOOKS = 15.0, 22
BATCH = 10_000
POLLS = 12
WINDOWS = Windows(runs=Duration(300), grow_runs=20, max=Duration(21600), rate=Duration(300))
BOUNDS = ("0.1", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "+Inf")

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]

Labels = Mapping[str, str]


def ours() -> Iterator[tuple[Labels, float]]:
    """Series with a profile, and how much they grow in a look."""
    for number in range(WORKFLOWS):
        told = {"job": "work", "instance": f"10.0.0.{number % 5}:9101", "workflow": f"workflow-{number}"}
        for status in ("success", "error"):
            yield {"__name__": "workflow_executions_total", "status": status, **told}, 3.0
        for place, bound in enumerate(BOUNDS):
            yield {"__name__": "workflow_duration_seconds_bucket", "le": bound, **told}, float(place)
        yield {"__name__": "workflow_duration_seconds_count", **told}, 8.0
        yield {"__name__": "active_workflows", **told}, 0.0
        for kind in ("input", "output"):
            yield {"__name__": "token_usage_total", "model": "m", "type": kind, **told}, 900.0
        yield {"__name__": "cost_usd_total", "model": "m", **told}, 0.01
    for key in range(KEYS):
        for model in range(MODELS):
            told = {"job": "litellm", "instance": "10.0.0.9:4000", "api_key_alias": f"key-{key}"}
            told |= {"model": f"openai/model-{model}", "requested_model": f"model-{model}"}
            for code in ("200", "429"):
                name = "litellm_proxy_total_requests_metric_total"
                yield {"__name__": name, "status_code": code, **told}, 2.0
            for name in ("litellm_input_tokens_metric_total", "litellm_output_tokens_metric_total"):
                yield {"__name__": name, **told}, 500.0
            yield {"__name__": "litellm_spend_metric_total", **told}, 0.02


def foreign(wanted: int) -> Iterator[tuple[Labels, float]]:
    for number in range(wanted):
        yield (
            {
                "__name__": f"other_{number % NAMES}_total",
                "job": f"job-{number % 50}",
                "instance": f"10.1.{number % 200}.7:9100",
                "pod": f"pod-{number // 100}",
            },
            1.0,
        )


def filled(server: Server) -> None:
    now = time.time()
    told = list(ours())
    times = [now - (LOOKS - 1 - look) * STEP for look in range(LOOKS)]
    up = [({"job": "litellm", "instance": "10.0.0.9:4000"}, 0.0)]
    up += [({"job": "work", "instance": f"10.0.0.{number}:9101"}, 0.0) for number in range(5)]
    up += [({"job": f"job-{n % 50}", "instance": f"10.1.{n}.7:9100"}, 0.0) for n in range(200)]
    remote_write(
        server.url, [({"__name__": "up", **labels}, [(at, 1.0) for at in times]) for labels, _ in up]
    )
    for begin in range(0, len(told), BATCH):
        remote_write(
            server.url,
            [
                (labels, [(at, 1.0 + grows * look) for look, at in enumerate(times)])
                for labels, grows in told[begin : begin + BATCH]
            ],
        )
    rest = foreign(SERIES - len(told) - len(up))
    while batch := [next(rest, None) for _ in range(BATCH)]:
        there = [each for each in batch if each is not None]
        if not there:
            break
        remote_write(server.url, [(labels, [(now - STEP, 1.0), (now, 2.0)]) for labels, _ in there])


class Meter:
    """Counts what is asked: each question is one answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
        self.questions = self.bytes = self.longest = self.largest = 0
        self._process = psutil.Process(server.process.pid)
        examined = PrometheusApi._examine

        def counting(api: PrometheusApi, response: object, **more: object) -> None:
            size = len(response.content)  # type: ignore[attr-defined]
            self.questions, self.bytes = self.questions + 1, self.bytes + size
            self.largest = max(self.largest, size)
            self.longest = max(self.longest, len(response.request.url))  # type: ignore[attr-defined]
            examined(api, response, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(PrometheusApi, "_examine", counting)

    def cpu(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)

    def take(self) -> tuple[int, int]:
        found = self.questions, self.bytes
        self.questions = self.bytes = 0
        return found


def polls(
    server: Server, meter: Meter, profiles: tuple[Profile, ...]
) -> tuple[list[tuple[int, int, float]], set[str]]:
    """Questions, bytes and the server's CPU of each poll; and what profiles answered."""
    # Polls are as far apart as in earnest, without waiting for it.
    passed = [0.0]
    source = PrometheusSource(
        "big",
        server.url,
        windows=WINDOWS,
        profiles=profiles,
        timeout=60.0,
        steady=lambda: passed[0] + time.monotonic(),
    )
    found: list[tuple[int, int, float]] = []
    names: set[str] = set()
    meter.take()
    for _ in range(POLLS):
        before = meter.cpu()
        reading = source.poll(time.time())
        found.append((*meter.take(), meter.cpu() - before))
        names |= {sample.profile for sample in reading.samples if sample.exposed}
        passed[0] += 7.5
    source.close()
    return found, names


def test_a_million_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is asked beside the polls (how far back it keeps, alerts) would be counted by chance.
    monkeypatch.setattr(PrometheusSource, "_with_what_was_learned", lambda self, reading, *known: reading)
    monkeypatch.setattr(PrometheusSource, "_with_alerts", lambda self, reading, *known: reading)
    with running_prometheus(tmp_path, options=[OPTION]) as server:
        began = time.monotonic()
        filled(server)
        series = head_series(server)
        print(f"\n{series:,} series written in {time.monotonic() - began:.0f} s")
        meter = Meter(monkeypatch, server)
        every, names = polls(server, meter, load_profiles())
        alone, _ = polls(server, meter, tuple(p for p in load_profiles() if p.name == "seed"))
    assert series >= SERIES
    assert names == {"seed", "litellm"}
    later = every[1:]
    bars = [
        Bar("series", float(series), None, count),
        Bar("questions of the first poll", float(every[0][0]), 32, count, sure=True),
        Bar("... with the convention alone", float(alone[0][0]), 25, count, sure=True),
        Bar("most questions of a later poll", float(max(q for q, _, _ in later)), 60, count, sure=True),
        Bar("bytes of the first poll", float(every[0][1]), 8_000_000, kilobytes, sure=True),
        Bar("... with the convention alone", float(alone[0][1]), 8_000_000, kilobytes, sure=True),
        Bar(
            "bytes of a later poll (mean)",
            sum(b for _, b, _ in later) / len(later),
            8e6,
            kilobytes,
            sure=True,
        ),
        Bar("largest answer", float(meter.largest), 4_000_000, kilobytes, sure=True),
        Bar("longest URL", float(meter.longest), 8_000, count, sure=True),
        Bar("server CPU of the first poll", every[0][2], None, millis),
        Bar("... with the convention alone", alone[0][2], None, millis),
        Bar("server CPU of a later poll (mean)", mean([c for _, _, c in later]), None, millis),
    ]
    print(table(bars))
    insist(bars)


def head_series(server: Server) -> int:
    answer = server.get("/api/v1/status/tsdb")
    assert isinstance(answer, dict)
    return int(answer["data"]["headStats"]["numSeries"])
