"""The figures of a picture as one point of the history."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from wfmon.analysis.merge import ADDED_KINDS
from wfmon.model.history import Kind, Table
from wfmon.model.host import HostSample, Volume
from wfmon.model.money import Money, truth
from wfmon.model.retention import Keeps, Kept
from wfmon.model.run import FAILED
from wfmon.model.snapshot import TokenRow, Totals, Workflow
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor.picture import Picture

NAN = math.nan
Value = float | None

# Column -> the figure whose origin says which source it is from.
_FIGURES = {
    "active": "active",
    "n": "runs",
    "failed": "runs",
    "window": "runs",
    "runs_per_minute": "runs",
    "retries": "retries",
    "duration_p50": "duration",
    "duration_p95": "duration",
    "tokens_per_minute": "tokens",
    "cost_per_hour": "cost",
    "cost_truth": "cost",
    "calls_per_minute": "api_calls",
}
_WORKFLOW: Mapping[str, Callable[[Workflow], Value]] = {
    "active": lambda row: row.active,
    "n": lambda row: row.runs.n if row.runs else None,
    "failed": lambda row: row.runs.failed if row.runs else None,
    "window": lambda row: row.window_seconds,
    "runs_per_minute": lambda row: row.runs_per_minute,
    "retries": lambda row: row.retries,
    "duration_p50": lambda row: row.duration_p50_seconds,
    "duration_p95": lambda row: row.duration_p95_seconds,
    "tokens_per_minute": lambda row: row.tokens_per_minute,
    "cost_per_hour": lambda row: row.cost_usd_per_hour,
    "cost_truth": lambda row: truth(row.burn),
    "calls_per_minute": lambda row: row.api_calls_per_minute,
    "rss_bytes": lambda row: row.rss_bytes,
}
_VOLUME: Mapping[str, Callable[[Volume], Value]] = {
    "total_bytes": lambda volume: volume.total_bytes,
    "free_bytes": lambda volume: volume.free_bytes,
    "used_ratio": lambda volume: volume.used_ratio,
    "inodes_used_ratio": lambda volume: volume.inodes_used_ratio,
    "limit": lambda volume: float(volume.limit),
}


def tables(picture: Picture, kept: Sequence[Kept]) -> dict[Kind, Table]:
    """What is known at ``picture.at``. Figures of a source that does not answer are not known, though
    the screen still shows the last ones."""
    silent = _silent(picture.sources)
    made = {Kind.WORKFLOW: _workflows(picture, silent), Kind.MODEL: _models(picture.tokens)}
    if not silent & _counting(picture.sources):
        made[Kind.TOTAL] = _totals(picture.totals, picture.cost.burn)
    host = picture.host
    if host is not None and not any(s.kind == "host" and s.name in silent for s in picture.sources):
        made[Kind.HOST] = _host(host)
        made[Kind.VOLUME] = _table(
            [volume.mount for volume in host.volumes],
            {name: [figure(volume) for volume in host.volumes] for name, figure in _VOLUME.items()},
        )
    logs = [each for each in kept if each.keeps is not Keeps.METRICS]
    if logs:
        made[Kind.LOGS] = _logs(picture.at, logs)
    return {kind: table for kind, table in made.items() if table.subjects}


def _silent(sources: Iterable[SourceStatus]) -> frozenset[str]:
    return frozenset(source.name for source in sources if source.state is not SourceState.OK)


def _counting(sources: Iterable[SourceStatus]) -> frozenset[str]:
    """Sources whose figures are in the totals, as soon as they have answered once."""
    return frozenset(s.name for s in sources if s.kind != "host" and s.as_of is not None)


def _workflows(picture: Picture, silent: Collection[str]) -> Table:
    rows = picture.workflows
    values: dict[str, Sequence[Value]] = {
        name: [figure(row) for row in rows] for name, figure in _WORKFLOW.items()
    }
    if silent:
        origins = [dict(row.origin) for row in rows]
        for name, figure in _FIGURES.items():
            values[name] = [
                None if origin.get(figure) in silent else value
                for origin, value in zip(origins, values[name], strict=True)
            ]
    values["last_run_age"] = [
        None if row.last_run_at is None else max(0.0, picture.at - row.last_run_at) for row in rows
    ]
    values["last_failed"] = [
        None if row.last_status is None else float(row.last_status in FAILED) for row in rows
    ]
    return _table([row.name for row in rows], values)


def _models(rows: Iterable[TokenRow]) -> Table:
    """Tokens a minute by provider and model; money is known of these in the sums of hours alone."""
    found: dict[str, float] = {}
    for row in rows:
        if not row.counted or row.kind not in ADDED_KINDS:
            continue
        if row.per_minute is not None and (row.model or row.provider):
            name = f"{row.provider or ''}/{row.model or ''}"
            found[name] = found.get(name, 0.0) + row.per_minute
    return _table(list(found), {"tokens_per_minute": list(found.values())})


def _totals(totals: Totals, burn: Money) -> Table:
    n, ratio = totals.n, totals.error_ratio
    return _one(
        {
            "active": totals.active,
            "n": n,
            "failed": None if n is None else round(n * (ratio or 0.0)),
            "runs_per_minute": totals.runs_per_minute,
            "retries": totals.retries,
            "duration_p50": totals.duration_p50_seconds,
            "duration_p95": totals.duration_p95_seconds,
            "tokens_per_minute": totals.tokens_per_minute,
            "cost_per_hour": totals.cost_usd_per_hour,
            "cost_truth": truth(burn),
            "calls_per_minute": totals.api_calls_per_minute,
            "window": totals.window_seconds,
        }
    )


def _host(host: HostSample) -> Table:
    memory, swap = host.memory, host.swap
    return _one(
        {
            "memory_total": memory.total_bytes if memory else None,
            "memory_available": memory.available_bytes if memory else None,
            "swap_total": swap.total_bytes if swap else None,
            "swap_used": swap.used_bytes if swap else None,
            "cpu_ratio": host.cpu_ratio,
            "load1": host.load1,
            "psi_memory": host.psi_memory_full_avg10,
            "cpus": host.cpus,
        }
    )


def _logs(at: float, kept: Sequence[Kept]) -> Table:
    return _table(
        [each.subject for each in kept],
        {
            "bytes": [each.bytes for each in kept],
            "oldest_age": [
                None if each.oldest_at is None else max(0.0, at - each.oldest_at) for each in kept
            ],
        },
    )


def _one(values: Mapping[str, Value]) -> Table:
    return _table([""], {name: [value] for name, value in values.items()})


def _table(subjects: Sequence[str], values: Mapping[str, Sequence[Value]]) -> Table:
    return Table(
        tuple(subjects),
        {
            name: array("f", [NAN if value is None else value for value in column])
            for name, column in values.items()
        },
    )
