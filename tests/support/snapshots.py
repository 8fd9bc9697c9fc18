"""Realistic snapshots: the drawings of the screens, and a crowd of workflows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from wfmon.model.alert import Ack, Alert, AlertState, Severity
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.forecast import Filling
from wfmon.model.history import HistoryStatus, Tier
from wfmon.model.host import HostSample, Memory, Swap, Volume, WorkflowProcesses
from wfmon.model.metrics import TokenKind
from wfmon.model.retention import Keeps, Retention
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.model.snapshot import (
    Collector,
    Cost,
    CostQuality,
    Level,
    Snapshot,
    StatusCounts,
    TokenRow,
    Totals,
    Verdict,
    Workflow,
)
from wfmon.model.source import Failure, SourceState, SourceStatus

GIB = 2**30
DAY = 86_400.0
NOW = datetime(2026, 3, 2, 14, 3, 27, tzinfo=UTC).timestamp()


def series(*values: float | None) -> tuple[float | None, ...]:
    """60 points, as a snapshot carries them, in equal shares."""
    return tuple(value for value in values for _ in range(60 // len(values)))


TREND = series(None, None, 0.0, 0.0, 0.01, 0.0, 0.1, 0.2, 0.32, 0.32)
CALM = series(0.0)


def learnt(
    name: str, n: int, errors: float, p95: float, *, per_hour: float, usd: float | None = None, **fields: Any
) -> Baseline:
    """What is usual for a workflow, of ``n`` runs and 21 hours."""
    return Baseline(
        name,
        n,
        error_ratio=errors,
        error_n=n,
        duration_p50_seconds=round(p95 * 0.4, 1),
        duration_p95_seconds=p95,
        duration_p99_seconds=round(p95 * 1.5, 1),
        hours=21,
        runs_per_hour=Usual(per_hour, 40.0, 21),
        cost_per_hour=None if usd is None else Usual(usd, 0.2, 21),
        since=NOW - 12 * DAY,
        **fields,
    )


def fillings() -> tuple[Filling, ...]:
    return (
        Filling("/", 1.2 * GIB, None, "free space over 6h and over a day"),
        Filling("/var/lib/wf", 4.1 * GIB, (9 * 3600.0, 50 * 3600.0), "slope of 6h, and of a day"),
    )


def retention(now: float = NOW) -> tuple[Retention, ...]:
    return (
        Retention(
            "app logs",
            Keeps.PRODUCTION_LOGS,
            90 * DAY,
            reach_seconds=92 * DAY + 3600,
            oldest_at=now - 92 * DAY - 3600,
            lost_before=now - 92 * DAY - 3600,
            bytes=int(41.2 * GIB),
            bytes_per_day=0.45 * GIB,
        ),
        Retention(
            "prom",
            Keeps.METRICS,
            365 * DAY,
            reach_seconds=15 * DAY,
            limit_seconds=15 * DAY,
            oldest_at=now - 15 * DAY,
            bytes=3 * GIB,
            short=True,
            words="the setting of the server keeps 15d of the 365d that are wanted",
        ),
    )


def history_status(now: float = NOW) -> HistoryStatus:
    return HistoryStatus(
        "/var/lib/wfmon/lanes/7f3a/history.db",
        size_bytes=41_000_000,
        limit_bytes=500_000_000,
        oldest=now - 15 * DAY,
        newest=now - 7,
        tiers=(Tier(10.0, DAY), Tier(60.0, 7 * DAY), Tier(3600.0, 365 * DAY)),
    )


def ok_sources(now: float = NOW) -> tuple[SourceStatus, ...]:
    return (
        SourceStatus(
            "prom",
            "prometheus",
            SourceState.OK,
            profile="convention",
            as_of=now - 4,
            latency_seconds=0.012,
            interval_seconds=5.0,
            sees="runs active tokens duration",
            missing=("cost",),
            where="http://127.0.0.1:9090",
        ),
        SourceStatus(
            "workers",
            "scrape",
            SourceState.OK,
            as_of=now - 2,
            latency_seconds=0.003,
            sees="runs tokens",
            where="http://127.0.0.1:8000/metrics",
        ),
        SourceStatus(
            "app logs", "logs", SourceState.OK, as_of=now, latency_seconds=0.001, sees="6 files, 41 runs"
        ),
        SourceStatus(
            "host",
            "host",
            SourceState.OK,
            as_of=now - 1,
            latency_seconds=0.003,
            sees="memory disks 14 processes",
            missing=("pids of other users: run as root or wf",),
        ),
    )


def host_sample(now: float = NOW) -> HostSample:
    return HostSample(
        at=now - 1,
        cpu_ratio=0.34,
        load1=3.1,
        cpus=8,
        psi_memory_full_avg10=0.0,
        memory=Memory(total_bytes=int(31.3 * GIB), available_bytes=int(13.1 * GIB)),
        swap=Swap(total_bytes=2 * GIB, used_bytes=0),
        workflows=(
            WorkflowProcesses("invoice_extract", int(3.0 * GIB), 0.6, 2, (4001, 4002)),
            WorkflowProcesses("research_agent", int(2.6 * GIB), 0.3, 1, (4003,)),
            WorkflowProcesses("email_triage", int(0.5 * GIB), 0.1, 1, (4004,)),
        ),
        volumes=(
            Volume("/", "/dev/sda1", "/", 200 * GIB, 78 * GIB, 0.61, 0.12),
            Volume("/var/lib/wf", None, "/var/lib/wf", 50 * GIB, int(3.5 * GIB), 0.93, limit=True),
        ),
        processes_seen=14,
        hidden_processes=3,
    )


def workflows(now: float = NOW) -> tuple[Workflow, ...]:
    metrics = (("active", "prom"), ("cost", "workers"), ("runs", "prom"), ("tokens", "workers"))
    return (
        Workflow(
            "data_processing",
            sources=("prom",),
            active=2,
            runs=StatusCounts(success=60),
            window_seconds=300.0,
            runs_per_minute=12.0,
            duration_p95_seconds=5.2,
            last_run_at=now - 3,
            last_status=RunStatus.SUCCESS,
            usual=learnt("data_processing", 500, 0.001, 5.2, per_hour=700),
            error_trend=CALM,
            origin=(("active", "prom"), ("runs", "prom")),
        ),
        Workflow(
            "email_triage",
            sources=("prom", "workers"),
            active=2,
            runs=StatusCounts(success=18),
            window_seconds=300.0,
            runs_per_minute=3.5,
            retries=0,
            duration_p95_seconds=9.8,
            tokens_per_minute=2_000.0,
            cost_usd_per_hour=0.13,
            cost_quality=CostQuality.EXACT,
            api_calls_per_minute=7.0,
            last_run_at=now - 9,
            last_status=RunStatus.SUCCESS,
            usual=learnt("email_triage", 300, 0.004, 10.9, per_hour=200, usd=0.11),
            error_trend=CALM,
            origin=metrics,
        ),
        Workflow(
            "invoice_extract",
            sources=("prom", "workers"),
            active=4,
            runs=StatusCounts(success=170, error=76, timeout=4),
            window_seconds=300.0,
            runs_per_minute=50.0,
            retries=154,
            duration_p50_seconds=8.1,
            duration_p95_seconds=41.0,
            tokens_per_minute=8_100.0,
            cost_usd_per_hour=1.10,
            cost_quality=CostQuality.EXACT,
            api_calls_per_minute=150.0,
            last_run_at=now - 2,
            last_status=RunStatus.ERROR,
            last_error="TimeoutError: api.example 504 after 2 s",
            usual=learnt("invoice_extract", 500, 0.008, 19.5, per_hour=2_900, usd=0.95, left_out=3),
            rss_bytes=3 * GIB,
            error_trend=TREND,
            origin=metrics,
        ),
        Workflow(
            "nightly_report",
            sources=("prom",),
            active=0,
            runs=StatusCounts(),
            window_seconds=21_600.0,
            runs_per_minute=0.0,
            last_run_at=now - 13 * 3600 - 90,
            last_status=RunStatus.SUCCESS,
            usual=Baseline("nightly_report", 7, since=NOW - 7 * DAY),
            origin=(("active", "prom"), ("runs", "prom")),
        ),
        Workflow(
            "research_agent",
            sources=("prom", "workers"),
            active=6,
            runs=StatusCounts(success=99, error=1),
            window_seconds=5_000.0,
            runs_per_minute=1.2,
            retries=1,
            duration_p95_seconds=184.0,
            tokens_per_minute=61_000.0,
            cost_usd_per_hour=4.20,
            cost_quality=CostQuality.EXACT,
            api_calls_per_minute=40.0,
            last_run_at=now - 40,
            last_status=RunStatus.SUCCESS,
            last_error="RateLimitError: 429",
            usual=learnt(
                "research_agent", 250, 0.011, 153.0, per_hour=70, usd=1.20, accepted_at=now - 9 * DAY
            ),
            rss_bytes=int(2.6 * GIB),
            error_trend=series(0.0, 0.0, 0.01, 0.01, 0.01, 0.0, 0.0, 0.01, 0.01, 0.01),
            origin=metrics,
        ),
    )


def alerts(now: float = NOW) -> tuple[Alert, ...]:
    return (
        Alert(
            "a1b2c3d4e5f6",
            "failure_rate",
            (("workflow", "invoice_extract"),),
            Severity.CRITICAL,
            AlertState.FIRING,
            "32% (80 of 250 in 5m)",
            now - 192,
            False,
            workflow="invoice_extract",
            fired_at=now - 190,
            value=0.32,
            threshold=0.05,
            n=250,
            failed=80,
            window_seconds=300.0,
            peak=0.33,
            runbook="runbooks/invoice.md",
        ),
        Alert(
            "b1b2c3d4e5f6",
            "cost_spike",
            (("workflow", "research_agent"),),
            Severity.WARNING,
            AlertState.FIRING,
            "$4.20/h, 3.1x usual",
            now - 41,
            False,
            workflow="research_agent",
            unit="usd_per_hour",
        ),
        Alert(
            "c1b2c3d4e5f6",
            "storage",
            (("mount", "/var/lib/wf"),),
            Severity.WARNING,
            AlertState.ACKED,
            "/var/lib/wf 93% full (3.5G free)",
            now - 5_000,
            False,
            value=0.93,
            threshold=0.9,
            ack=Ack("joe", now - 200, now + 3393),
        ),
        Alert(
            "d1b2c3d4e5f6",
            "failure_rate",
            (("workflow", "email_triage"),),
            Severity.CRITICAL,
            AlertState.RESOLVED,
            "32% (8 of 25 in 5m)",
            now - 760,
            False,
            workflow="email_triage",
            ended_at=now - 370,
            value=0.0,
            threshold=0.05,
            peak=0.32,
        ),
    )


def runs(now: float = NOW) -> tuple[Run, ...]:
    return (
        Run(
            "run-9f31",
            "invoice_extract",
            RunStatus.ERROR,
            started_at=now - 14.8,
            ended_at=now - 6,
            duration_seconds=8.8,
            attempt=3,
            retries=2,
            usage=Usage(input=1_100, output=100, total=1_200, cost_usd=0.01),
            error="TimeoutError: api.example 504 after 2 s",
            error_at=now - 6,
            source="app logs",
            log="/var/log/wf/invoice.jsonl",
        ),
        Run(
            "run-9f2c",
            "invoice_extract",
            RunStatus.ERROR,
            ended_at=now - 8,
            duration_seconds=8.1,
            attempt=3,
            error="TimeoutError: api.example 504 after 2 s",
            source="app logs",
        ),
        Run("run-7a01", "research_agent", RunStatus.RUNNING, started_at=now - 100, source="app logs"),
    )


def incident(now: float = NOW) -> Snapshot:
    return Snapshot(
        at=now,
        host_name="prod-ai-01",
        version="0.1.0",
        collector=Collector(4120, "joe"),
        verdict=Verdict(
            Level.CRITICAL,
            "invoice_extract fails 32% (80 of 250 in 5m) since 14:00 · nobody has it",
            "a1b2c3d4e5f6",
        ),
        sources=ok_sources(now),
        totals=Totals(
            active=14,
            n=250,
            runs_per_minute=66.7,
            success_ratio=0.76,
            error_ratio=0.24,
            tokens_per_minute=71_100.0,
            cost_usd_per_hour=5.43,
            cost_quality=CostQuality.EXACT,
            api_calls_per_minute=197.0,
            window_seconds=300.0,
            rate_window_seconds=300.0,
            tokens_trend=series(20e3, 21e3, None, 30e3, 50e3, 71.1e3),
            error_trend=TREND,
        ),
        workflows=workflows(now),
        runs=runs(now),
        runs_total=3,
        tokens=(
            TokenRow("gpt-x", None, None, TokenKind.INPUT, 50_000.0, 9e6),
            TokenRow("gpt-x", None, None, TokenKind.OUTPUT, 9_000.0, 2e6),
            TokenRow("claude-y", None, None, TokenKind.INPUT, 11_000.0, 1e6),
            TokenRow("claude-y", None, None, TokenKind.OUTPUT, 1_100.0, 1e5),
        ),
        cost=Cost(usd_per_hour=5.43, wasted_usd=4.12),
        host=host_sample(now),
        alerts=alerts(now),
        ended=alerts(now)[3:],
        rules_checked=11,
        rules_checked_at=now - 1,
        acks_shared=True,
        fillings=fillings(),
        retention=retention(now),
        history=history_status(now),
    )


def without_usual(snapshot: Snapshot) -> Snapshot:
    """As it is where no history is kept."""
    bare = tuple(replace(one, usual=None) for one in snapshot.workflows)
    return replace(snapshot, workflows=bare, history=None)


def all_fine(now: float = NOW) -> Snapshot:
    calm = incident(now)
    healthy = tuple(
        replace(one, runs=StatusCounts(success=one.runs.n if one.runs else 0), error_trend=CALM)
        for one in calm.workflows
    )
    return replace(
        calm,
        verdict=Verdict(Level.OK, "all 5 workflows normal · 11 rules checked 1s ago · $2.10/h, as usual"),
        workflows=healthy,
        runs=calm.runs[2:],
        totals=replace(calm.totals, success_ratio=0.998, error_ratio=0.002, error_trend=CALM),
        alerts=calm.alerts[3:],
    )


def input_gone(now: float = NOW) -> Snapshot:
    calm = all_fine(now)
    prom = replace(
        calm.sources[0],
        state=SourceState.DOWN,
        as_of=now - 44,
        failing_since=now - 40,
        latency_seconds=None,
        failure=Failure.REFUSED,
        error="connection refused by http://127.0.0.1:9090",
    )
    return replace(
        calm,
        verdict=Verdict(
            Level.UNKNOWN, "cannot see metrics: prometheus refused for 40s · last known 14:03:27, greyed"
        ),
        sources=(prom, *calm.sources[1:]),
        alerts=(),
    )


def nothing_yet(now: float = NOW) -> Snapshot:
    return Snapshot(
        at=now,
        host_name="prod-ai-01",
        version="0.1.0",
        collector=Collector(4120, "joe"),
        verdict=Verdict(Level.UNKNOWN, "no workflow seen yet · host is fine · S: what was looked for"),
        sources=ok_sources(now)[2:],
        host=host_sample(now),
    )


def crowd(count: int = 1_000, now: float = NOW) -> Snapshot:
    """``count`` workflows, of which every hundredth fails."""
    base = incident(now)
    made = tuple(
        Workflow(
            f"workflow_{number:04d}",
            sources=("prom",),
            active=number % 7,
            runs=StatusCounts(success=100, error=5 if number % 100 == 0 else 0),
            window_seconds=300.0,
            runs_per_minute=number % 50 + 0.5,
            duration_p95_seconds=1.0 + number % 90,
            tokens_per_minute=100.0 * (number % 300),
            last_run_at=now - number % 60,
            last_status=RunStatus.SUCCESS,
            error_trend=CALM,
            origin=(("active", "prom"), ("runs", "prom"), ("tokens", "prom")),
        )
        for number in range(count)
    )
    return replace(base, workflows=made, alerts=(), runs=())


def many_alerts(count: int = 13, now: float = NOW) -> Snapshot:
    """More alerts than the pane holds, the last three critical and taken."""
    base = incident(now)
    made = tuple(
        replace(
            base.alerts[1],
            id=f"{number:012x}",
            workflow=f"workflow_{number:02d}",
            labels=(("workflow", f"workflow_{number:02d}"),),
            severity=Severity.CRITICAL if number >= count - 3 else Severity.WARNING,
            state=AlertState.ACKED if number >= count - 3 else AlertState.FIRING,
            ack=Ack("ann", now, now + 60) if number >= count - 3 else None,
            since=now - 1_000 + number,
        )
        for number in range(count)
    )
    return replace(base, alerts=made)
