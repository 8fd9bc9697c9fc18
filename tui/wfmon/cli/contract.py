"""``snapshot --json``, schema 1: the outer form of a snapshot (the contract's names and units)."""

from __future__ import annotations

from dataclasses import asdict

from wfmon.cli.contract_cost import call_json, cost_json, money_json
from wfmon.model.alert import Ack, Alert, ForeignRef, Note
from wfmon.model.baseline import Baseline
from wfmon.model.discovery import Discovery
from wfmon.model.forecast import Filling
from wfmon.model.history import Change, HistoryStatus
from wfmon.model.host import HostSample, Volume
from wfmon.model.prices import PriceBook, run_money
from wfmon.model.retention import Retention
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot, Totals, Workflow
from wfmon.model.source import SourceState, SourceStatus
from wfmon.text.numbers import rfc3339
from wfmon.text.redact import redact

SCHEMA = 1

Json = dict[str, object]


def snapshot_json(snapshot: Snapshot) -> Json:
    """Every field of the contract; what is not known, or is later work, is null or an empty list."""
    at = snapshot.at
    return {
        "schema": SCHEMA,
        "at": rfc3339(at),
        "hostname": snapshot.host_name,
        "version": snapshot.version,
        "collector": {
            "pid": snapshot.collector.pid,
            "user": snapshot.collector.user,
            "self": snapshot.collector.self_,
            "since": rfc3339(snapshot.collector.since),
            "alone": snapshot.collector.alone,
        },
        "verdict": {"level": snapshot.verdict.level, "text": snapshot.verdict.text},
        "sources": [_source(source, at) for source in snapshot.sources],
        "totals": _totals(snapshot.totals),
        "workflows": [_workflow(workflow, at) for workflow in snapshot.workflows],
        "runs": [_run(run, snapshot.prices) for run in snapshot.runs],
        "runs_total": snapshot.runs_total,
        "tokens": [asdict(row) for row in snapshot.tokens],
        "calls": [call_json(row) for row in snapshot.calls],
        "cost": cost_json(snapshot.cost),
        "host": _host(snapshot.host_name, snapshot.host),
        "memory": _memory(snapshot.host),
        "storage": _storage(snapshot),
        "alerts": [alert_json(alert) for alert in snapshot.alerts],
        "ended": [{**alert_json(alert), "had": list(alert.had)} for alert in snapshot.ended],
        "retention": [_retention(retention) for retention in snapshot.retention],
        "history": _history(snapshot.history) if snapshot.history else None,
        "changes": [_change(change) for change in snapshot.changes],
        "discovery": _discovery(snapshot.discovery, at) if snapshot.discovery else None,
    }


def _age(then: float | None, at: float) -> float | None:
    return None if then is None else max(0.0, at - then)


def _discovery(discovery: Discovery, at: float) -> Json:
    return {
        "age_seconds": _age(discovery.at, at),
        "found": [
            {"what": each.what, "source": each.source or None, "gone_since": rfc3339(each.gone_since)}
            for each in discovery.found
        ],
        "not_seen": list(discovery.left),
        "looked_at": list(discovery.looked),
        "error": discovery.problem,
    }


def _source(source: SourceStatus, at: float) -> Json:
    # waiting is a state of the first seconds only; the contract knows it as stale without an age
    state = SourceState.STALE if source.state is SourceState.WAITING else source.state
    return {
        "name": source.name,
        "kind": source.kind,
        "profile": source.profile,
        "state": state,
        "age_seconds": _age(source.as_of, at),
        "latency_seconds": source.latency_seconds,
        "error": f"{source.failure}: {source.error}" if source.failure and source.error else source.failure,
        "missing": list(source.missing),
        "apart": list(source.apart),
    }


def _totals(totals: Totals) -> Json:
    return {
        "active": totals.active,
        "active_at_least": totals.active_at_least,
        "n": totals.n,
        "runs_per_minute": totals.runs_per_minute,
        "success_ratio": totals.success_ratio,
        "error_ratio": totals.error_ratio,
        "retries": totals.retries,
        "duration_p50_seconds": totals.duration_p50_seconds,
        "duration_p95_seconds": totals.duration_p95_seconds,
        "tokens_per_minute": totals.tokens_per_minute,
        "cost_usd_per_hour": totals.cost_usd_per_hour,
        "cost_quality": totals.cost_quality,
        "api_calls_per_minute": totals.api_calls_per_minute,
        "window_seconds": totals.window_seconds,
        "queue": totals.queue,
    }


def _workflow(workflow: Workflow, at: float) -> Json:
    counts = workflow.runs
    return {
        "name": workflow.name,
        "sources": list(workflow.sources),
        "active": workflow.active,
        "active_at_least": workflow.active_at_least,
        "runs": asdict(counts) if counts else None,
        "n": counts.n if counts else None,
        "window_seconds": workflow.window_seconds,
        "age_seconds": _age(workflow.as_of, at),
        "runs_per_minute": workflow.runs_per_minute,
        "success_ratio": counts.success_ratio if counts else None,
        "error_ratio": counts.error_ratio if counts else None,
        "retries": workflow.retries,
        "duration_p50_seconds": workflow.duration_p50_seconds,
        "duration_p95_seconds": workflow.duration_p95_seconds,
        "tokens_per_minute": workflow.tokens_per_minute,
        "cost_usd_per_hour": workflow.cost_usd_per_hour,
        "cost_quality": workflow.cost_quality,
        "cost_rate": money_json(workflow.burn),
        "cost_last_hour": {**money_json(workflow.hour), "known_seconds": workflow.cost_hour_seconds},
        "slo": workflow.slo,
        "api_calls_per_minute": workflow.api_calls_per_minute,
        "last_run_at": rfc3339(workflow.last_run_at),
        "last_error": workflow.last_error,
        "usual": _usual(workflow.usual) if workflow.usual else None,
        "origin": dict(workflow.origin),
        "profile": workflow.system,
        "queue": workflow.queue,
        "wait_p50_seconds": workflow.wait_p50_seconds,
        "wait_p95_seconds": workflow.wait_p95_seconds,
        "timeouts": workflow.timeouts,
        "budget_left_usd": workflow.budget_left_usd,
    }


def _usual(usual: Baseline) -> Json:
    """Each figure is null until enough is known of it; ``hours`` is the n of what is per hour."""
    return {
        "n": usual.n,
        "needed": usual.needed,
        "learning": usual.learning,
        "error_ratio": usual.error_ratio,
        "error_n": usual.error_n,
        "duration_p50_seconds": usual.duration_p50_seconds,
        "duration_p95_seconds": usual.duration_p95_seconds,
        "duration_p99_seconds": usual.duration_p99_seconds,
        "duration_from": usual.duration_from,
        "tokens_p50": usual.tokens_p50,
        "tokens_p95": usual.tokens_p95,
        "cost_p50_usd": usual.cost_p50_usd,
        "cost_p95_usd": usual.cost_p95_usd,
        "cost_p99_usd": usual.cost_p99_usd,
        "hours": usual.hours,
        "runs_per_hour": usual.runs_per_hour.median if usual.runs_per_hour else None,
        "cost_usd_per_hour": usual.cost_usd_per_hour,
        "since": rfc3339(usual.since),
        "accepted_at": rfc3339(usual.accepted_at),
    }


def _run(run: Run, prices: PriceBook) -> Json:
    """``cost_usd``: the least that it can be where it is priced and not reported."""
    money = run_money(run, prices)
    return {
        "id": run.id,
        "workflow": run.workflow,
        "status": run.status,
        "started_at": rfc3339(run.started_at),
        "ended_at": rfc3339(run.ended_at),
        "duration_seconds": run.duration_seconds,
        "attempt": run.attempt,
        "tokens": run.usage.total,
        "input_tokens": run.usage.input,
        "output_tokens": run.usage.output,
        "cached_tokens": run.usage.cached,
        "model": run.model,
        "provider": run.provider,
        "cost_usd": money.least,
        "cost_quality": money.quality,
        "pid": run.pid,
        "error": run.error,
        "source": run.source,
        "log": run.log,
    }


def _host(name: str, host: HostSample | None) -> Json:
    """The contract names ``host`` twice, as a name and as figures: the object carries both."""
    return {
        "name": name,
        "cpu_ratio": host.cpu_ratio if host else None,
        "load1": host.load1 if host else None,
        "cpus": host.cpus if host else None,
        "psi_memory_full_avg10": host.psi_memory_full_avg10 if host else None,
    }


def _memory(host: HostSample | None) -> Json:
    memory, swap = (host.memory, host.swap) if host else (None, None)
    return {
        "host": {
            "total_bytes": memory.total_bytes if memory else None,
            "available_bytes": memory.available_bytes if memory else None,
            "used_ratio": memory.used_ratio if memory else None,
        },
        "swap": {
            "total_bytes": swap.total_bytes if swap else None,
            "used_bytes": swap.used_bytes if swap else None,
        },
        "workflows": [
            {
                "workflow": part.workflow,
                "rss_bytes": part.rss_bytes,
                "cpu_ratio": part.cpu_ratio,
                "processes": part.processes,
            }
            for part in (host.workflows if host else ())
        ],
    }


def _storage(snapshot: Snapshot) -> list[Json]:
    fillings = {filling.mount: filling for filling in snapshot.fillings}
    volumes = snapshot.host.volumes if snapshot.host else ()
    return [_volume(volume, fillings.get(volume.mount)) for volume in volumes]


def _volume(volume: Volume, filling: Filling | None) -> Json:
    """``full_in_seconds`` is the shorter end of ``full_in_range_seconds``."""
    full_in = filling.full_in if filling else None
    return {
        "mount": volume.mount,
        "device": volume.device,
        "path": volume.path,
        "total_bytes": volume.total_bytes,
        "free_bytes": volume.free_bytes,
        "used_ratio": volume.used_ratio,
        "inodes_used_ratio": volume.inodes_used_ratio,
        "bytes_per_day": filling.bytes_per_day if filling else None,
        "full_in_seconds": full_in[0] if full_in else None,
        "full_in_range_seconds": list(full_in) if full_in else None,
    }


def _retention(retention: Retention) -> Json:
    return {
        "subject": retention.subject,
        "keeps": retention.keeps,
        "needed_seconds": retention.needed_seconds,
        "reach_seconds": retention.reach_seconds,
        "limit_seconds": retention.limit_seconds,
        "oldest_at": rfc3339(retention.oldest_at),
        "lost_before": rfc3339(retention.lost_before),
        "bytes": retention.bytes,
        "bytes_per_day": retention.bytes_per_day,
        "short": retention.short,
        "text": retention.words,
        "problem": retention.problem,
    }


def _history(history: HistoryStatus) -> Json:
    return {
        "path": history.path,
        "size_bytes": history.size_bytes,
        "limit_bytes": history.limit_bytes,
        "oldest": rfc3339(history.oldest),
        "newest": rfc3339(history.newest),
        "problem": history.problem,
        "notes": list(history.notes),
    }


def _change(change: Change) -> Json:
    return {
        "at": rfc3339(change.at),
        "kind": change.kind,
        "subject": change.subject,
        "text": change.text,
        "workflow": change.workflow,
    }


def alert_json(alert: Alert) -> Json:
    """One alert as ``snapshot`` and ``check`` print it."""
    return {
        "id": alert.id,
        "rule": alert.rule,
        "severity": alert.severity.word,
        "state": alert.state,
        "workflow": alert.workflow,
        "labels": dict(alert.labels),
        "summary": alert.summary,
        "since": rfc3339(alert.since),
        "since_at_least": alert.since_at_least,
        "ended_at": rfc3339(alert.ended_at),
        "value": alert.value,
        "threshold": alert.threshold,
        "n": _whole(alert.n),
        "peak": alert.peak,
        "flaps": alert.flaps,
        "source": alert.source,
        "runbook": alert.runbook,
        "ack": ack_json(alert.ack) if alert.ack else None,
        "low": alert.low,
        "mean": alert.mean,
        "samples": alert.samples,
        "members": list(alert.members),
        "contributors": list(alert.contributors),
        "notes": [note_json(note) for note in alert.notes],
        "quieted": alert.quieted or None,
        "foreign": _foreign(alert.foreign) if alert.foreign else None,
    }


def _whole(number: float | None) -> float | None:
    """A count is told as one, also where it was kept as a number with a fraction."""
    return int(number) if number is not None and float(number).is_integer() else number


def ack_json(ack: Ack) -> Json:
    """``silence`` is that of the Alertmanager ``via``; ``problem`` is why that does not mute it."""
    return {
        "by": ack.by,
        "at": rfc3339(ack.at),
        "until": rfc3339(ack.until),
        "until_resolved": ack.until_resolved,
        "comment": ack.comment,
        "shared": ack.shared,
        "snooze": ack.snooze,
        "silence": ack.silence,
        "via": ack.via,
        "problem": ack.problem,
    }


def note_json(note: Note) -> Json:
    return {"by": note.by, "at": rfc3339(note.at), "text": note.text}


def _foreign(foreign: ForeignRef) -> Json:
    return {
        "labels": dict(foreign.labels),
        "alertmanager": foreign.alertmanager,
        "fingerprint": foreign.fingerprint,
        "receivers": list(foreign.receivers),
        "writable": foreign.writable,
        "description": redact(foreign.description),
        "link": redact(foreign.link),
    }
