"""How many log lines a second are folded, of each format too, and what a page of a large log costs.
Prints figures."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from support.payloads import FOLDER
from wfmon.model.log import Anchor, LogRequest
from wfmon.sources.logfiles import LogFilesSource, LogSettings
from wfmon.sources.profile import load_profiles

RUNS = 15_000
STEPS = ("fetch", "extract", "ask", "store")
NOW = 1_772_000_000.0


def run_lines(number: int) -> list[str]:
    began = NOW - 20_000 + number
    common = {"workflow": f"wf-{number % 12}", "run_id": f"run-{number:08}", "pid": 1000 + number % 40}
    told: list[dict[str, object]] = [{"level": "INFO", "message": "run started", "status": "running"}]
    for step in STEPS:
        told.append(
            {"level": "INFO", "step": step, "status": "success", "message": f"{step} done",
             "duration_seconds": 0.7,
             "model": "gpt-x", "provider": "p", "input_tokens": 900, "output_tokens": 80, "cost_usd": 0.0031}
        )  # fmt: skip
    told.append({"level": "INFO", "message": "run success", "status": "success", "duration_seconds": 3.1})
    lines = []
    for index, fields in enumerate(told):
        stamp = datetime.fromtimestamp(began + index / 2, UTC).isoformat()
        lines.append(json.dumps({"timestamp": stamp, **common, **fields}))
    return lines


def test_folding(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("w") as file:
        for number in range(RUNS):
            file.write("".join(f"{text}\n" for text in run_lines(number)))
    count, size = RUNS * (len(STEPS) + 2), log.stat().st_size
    source = LogFilesSource("logs", [str(log)], settings=LogSettings(tail_bytes=1 << 30, keep_runs=RUNS))
    began, polls = time.process_time(), 0
    reading = source.poll(NOW)
    while not reading.settled:
        reading, polls = source.poll(NOW + polls), polls + 1
    took = time.process_time() - began
    assert reading.sees == f"1 file, {RUNS} runs"
    idle = time.process_time()
    for number in range(100):
        source.poll(NOW + 100 + number)
    idle = (time.process_time() - idle) / 100
    print(
        f"\nfold: {count / took:,.0f} lines/s, {size / took / 1e6:.0f} MB/s; an idle poll {idle * 1e6:.0f} us"
    )
    for name, request in (
        ("newest page of a workflow", LogRequest(workflow="wf-3")),
        ("newest page of all", LogRequest()),
        ("a run", LogRequest(workflow="wf-3", run="run-00007503")),
        ("newest error (none there)", LogRequest(workflow="wf-3", anchor=Anchor.NEWEST_ERROR)),
    ):
        began = time.perf_counter()
        page = source.page(request, lambda: False)
        print(f"page: {name}: {(time.perf_counter() - began) * 1e3:.1f} ms, {len(page.lines)} lines")
        assert page.lines


REPEATED = 400_000  # bytes of each payload, at least: enough to be measured
FORMATS = (
    "n8n/n8nEventLog.log", "n8n/n8n.log", "litellm/proxy.log", "prefect/worker.log", "temporal/worker.log",
    "claude-code/otlp.jsonl", "kestra/kestra.log", "kestra/ecs.jsonl", "dagster/dagster.jsonl",
    "langgraph/server.jsonl", "argo/controller.jsonl", "argo/controller.log", "ray-serve/replica.log",
    "dify/otlp.jsonl", "celery/worker.log", "generic/structlog.jsonl", "generic/python-json-logger.jsonl",
    "generic/winston.jsonl", "generic/pino.jsonl", "generic/zap.jsonl", "generic/logfmt.log",
    "generic/plain.log", "generic/otel-console.log",
    "airflow/logs/dag_id=etl/run_id=scheduled__2026-02-25T06:00:00+00:00/task_id=extract/attempt=1.log",
)  # fmt: skip


def test_each_format(tmp_path: Path) -> None:
    """Lines a second of each payload, repeated: every line is of the same few runs."""
    print("\n| format | taken for | lines/s | MB/s |\n|---|---|---|---|")
    for name in FORMATS:
        text = (FOLDER / "logs" / name).read_bytes()
        log = tmp_path / name
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(text * (REPEATED // len(text) + 1))
        os.utime(log, (NOW, NOW))
        source = LogFilesSource(
            "logs", [str(log)], settings=LogSettings(tail_bytes=1 << 30), profiles=load_profiles()
        )
        began = time.process_time()
        reading = source.poll(NOW)
        took = time.process_time() - began
        assert reading.settled
        size, lines = log.stat().st_size, log.read_bytes().count(b"\n")
        taken = reading.sees.partition("; ")[2].partition(" logs:")[0] or "-"
        shown = name.rpartition("/")[2] if "airflow" not in name else "airflow task"
        print(f"| {shown} | {taken} | {lines / took:,.0f} | {size / took / 1e6:.0f} |")
