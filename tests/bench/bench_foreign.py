"""What alerts of other systems cost: a Prometheus and an Alertmanager that both tell of 50.

``python -m pytest tests/bench/bench_foreign.py -s`` takes three minutes: the sample workload with both
beside it, without alerts of their own and then with 50.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.meter import Idle, Keys, measure_idle, measure_keys, measure_start
from bench.report import Bar, count, insist, kilobytes, mebibytes, millis, per_second, share, table
from bench.scene import SIZE, WITH_BYTECODE, default_config
from support.program import Program
from support.pty import Terminal
from support.servers import Server, running_alertmanager, running_prometheus
from wfmon.demo.workload import Workload, WorkloadInfo

ALERTS = 50
WATCH_SECONDS = 60.0
READY = r"5/5 sources"

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


def rules(alerts: int) -> str:
    """A rule file, as JSON, which is YAML."""
    several = [
        {
            "alert": f"Alert{number}",
            "expr": f"vector({number}) + time() % 60",
            "labels": {"severity": "warning", "instance": f"host-{number}:9100"},
            "annotations": {"summary": f"host-{number} is at {{{{ $value }}}}"},
        }
        for number in range(alerts)
    ]
    return json.dumps({"groups": [{"name": "hosts", "rules": several}]})


def watched(info: WorkloadInfo, folder: Path, alerts: int) -> tuple[float, Idle, Keys]:
    """Bytes until rest, a minute, and keys."""
    folder.mkdir()
    config = default_config(info.config, folder)
    targets = [urlsplit(url).netloc for url in info.metrics]
    with running_alertmanager(folder) as manager:
        where = [urlsplit(manager.url).netloc]
        with running_prometheus(
            folder,
            targets,
            rules=rules(alerts),
            alertmanagers=where,
            scrape_interval="5s",
            options=["--rules.alert.resend-delay=5s"],
        ) as server:
            wait_for_alerts(manager, alerts)
            words = ("--config", str(config), "--prometheus", server.url, "--alertmanager", manager.url)
            program = Program(folder, words)
            with Terminal(program.argv(), SIZE, {**program.env(), **WITH_BYTECODE}) as terminal:
                start = measure_start(terminal, READY)
                idle = measure_idle(terminal, WATCH_SECONDS, warmup=15.0)
                return start.bytes_to_rest, idle, measure_keys(terminal, ["down", "up"])


def wait_for_alerts(manager: Server, alerts: int) -> None:
    until = time.monotonic() + 60.0
    while time.monotonic() < until:
        found = manager.get("/api/v2/alerts")
        if isinstance(found, list) and len(found) == alerts:
            return
        time.sleep(0.5)
    raise AssertionError(f"the Alertmanager did not get {alerts} alerts")


def test_watching_what_others_watch(tmp_path: Path) -> None:
    with Workload(1, ()) as running:
        time.sleep(10.0)
        _, without, _ = watched(running.info, tmp_path / "without", 0)
        to_rest, idle, keys = watched(running.info, tmp_path / "with", ALERTS)
    bars = [
        Bar("alerts of others", ALERTS, None, count),
        Bar("bytes until rest", to_rest, 60_000, kilobytes, sure=True),
        Bar("bytes while watching, without", without.bytes, None, per_second),
        Bar("bytes while watching", idle.bytes, 2_000, per_second, 1_000, sure=True),
        Bar("full clears", idle.clears, 0, count, sure=True),
        Bar("CPU while watching, without", without.cpu, None, share),
        Bar("CPU while watching", idle.cpu, 0.02, share, 0.015),
        Bar("resident memory", idle.rss, 65 * 2**20, mebibytes),
        Bar("key to paint, median", keys.median, 0.010, millis),
        Bar("key to paint, p95", keys.p95, 0.030, millis),
        Bar("keys without an answer", keys.unanswered, 0, count),
    ]
    print(table(bars))
    insist(bars)
