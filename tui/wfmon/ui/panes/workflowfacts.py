"""What is known of one workflow: each figure with its window and the source it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wfmon.model.host import WorkflowProcesses
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot, StatusCounts, Workflow
from wfmon.model.source import SourceState
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.order import worst_alerts
from wfmon.ui.panes.facts import Part, fact
from wfmon.ui.rows import Row, rule

_COUNTED = ("success", "error", "timeout", "lost", "cancelled", "other")


@dataclass(frozen=True, slots=True)
class _Figure:
    """``origin`` names the figure's source in ``Workflow.origin``; no ``parts``: it is not known."""

    label: str
    origin: str
    parts: tuple[Part, ...]


def workflow_rows(look: Look, width: int, snapshot: Snapshot, workflow: Workflow) -> list[Row]:
    """A title and the figures; those that nobody tells are named together in the last row."""
    silent = frozenset(
        one.name for one in snapshot.sources if one.state in (SourceState.DOWN, SourceState.STALE)
    )
    origins = dict(workflow.origin)
    rows = [rule(look, width, "Figures", "from")]
    unknown = []
    for figure in _figures(look, snapshot, workflow):
        source = origins.get(figure.origin, "host" if figure.origin == "host" else "")
        if not figure.parts:
            unknown.append(figure.label)
            continue
        parts = [(text, "stale") for text, _role in figure.parts] if source in silent else figure.parts
        right = f"{look.signs.unknown} {source}" if source in silent else source
        rows.append(fact(look, width, figure.label, *parts, right=(right, "muted")))
    if unknown:
        rows.append(fact(look, width, "unknown", (", ".join(unknown), "muted")))
    return rows


def _figures(look: Look, snapshot: Snapshot, workflow: Workflow) -> Iterator[_Figure]:
    yield _Figure("errors", "runs", tuple(_errors(look, snapshot, workflow)))
    yield _Figure("runs", "runs", tuple(_runs(look, workflow)))
    yield _Figure("duration", "duration", tuple(_durations(workflow)))
    yield _Figure("tokens", "tokens", _told(numbers.count, workflow.tokens_per_minute, "/min"))
    cost = workflow.cost_usd_per_hour
    sign = look.signs.quality(workflow.cost_quality)
    yield _Figure("cost", "cost", () if cost is None else ((f"{sign}{numbers.money(cost)}/h", "text"),))
    yield _Figure("retries", "retries", _told(numbers.count, workflow.retries, ""))
    yield _Figure("calls", "api_calls", _told(numbers.rate, workflow.api_calls_per_minute, "/min"))
    yield _Figure("memory", "host", tuple(_memory(snapshot, workflow)))


def _told(write: Callable[[float], str], value: float | None, unit: str) -> tuple[Part, ...]:
    if value is None:
        return ()
    return ((f"{write(value)}{unit}", "text"),)


def _errors(look: Look, snapshot: Snapshot, workflow: Workflow) -> Iterator[Part]:
    counts = workflow.runs
    if counts is None:
        return
    window = f" in {numbers.duration(workflow.window_seconds)}" if workflow.window_seconds else ""
    ratio = counts.error_ratio
    if ratio is None:
        yield f"no finished run{window}", "text"
        return
    alert = worst_alerts(snapshot.alerts).get(workflow.name)
    alarming = alert is not None and alert.rule == "failure_rate"
    yield numbers.percent(ratio), look.alert_sign(alert)[1] if alert and alarming else "strong"
    yield f"  {numbers.count(counts.failed)} of {numbers.count(counts.n)}{window}", "text"
    if workflow.usual is not None and workflow.usual.error_ratio is not None:
        yield f"  usual {numbers.percent(workflow.usual.error_ratio)}", "muted"
    trend = look.signs.sparkline(workflow.error_trend, 30, ceiling=0.25).strip()
    if trend:
        yield f"  {trend}", "spark_bad" if any(workflow.error_trend[-30:]) else "muted"


def _runs(look: Look, workflow: Workflow) -> Iterator[Part]:
    counts = workflow.runs
    dot = f" {look.signs.dot} "
    if workflow.runs_per_minute is not None:
        yield f"{numbers.rate(workflow.runs_per_minute)}/min", "text"
    if counts is not None:
        words = _statuses(counts)
        if words:
            yield ("" if workflow.runs_per_minute is None else dot) + words, "text"


def _statuses(counts: StatusCounts) -> str:
    named = ((getattr(counts, name), name) for name in _COUNTED)
    return ", ".join(f"{numbers.count(n)} {name}" for n, name in named if n)


def _durations(workflow: Workflow) -> Iterator[Part]:
    if workflow.duration_p95_seconds is None:
        return
    if workflow.duration_p50_seconds is not None:
        yield f"p50 {numbers.span(workflow.duration_p50_seconds)}  ", "text"
    yield f"p95 {numbers.span(workflow.duration_p95_seconds)}", "text"
    usual = workflow.usual.duration_p95_seconds if workflow.usual else None
    if usual:
        times = numbers.times(workflow.duration_p95_seconds / usual)
        yield f"  usual {numbers.span(usual)}, {times}", "muted"


def _memory(snapshot: Snapshot, workflow: Workflow) -> Iterator[Part]:
    used = _processes(snapshot, workflow.name)
    rss = used.rss_bytes if used is not None else workflow.rss_bytes
    if rss is None:
        return
    yield numbers.size(rss), "text"
    if used is not None:
        yield f" in {used.processes} process{'' if used.processes == 1 else 'es'}", "text"
        if used.cpu_ratio is not None:
            yield f", cpu {numbers.percent(used.cpu_ratio)} of one core", "text"
        if used.pids:
            shown = " ".join(map(str, used.pids[:6]))
            more = f" and {len(used.pids) - 6} more" if len(used.pids) > 6 else ""
            yield f"  pid {shown}{more}", "muted"


def _processes(snapshot: Snapshot, name: str) -> WorkflowProcesses | None:
    processes = snapshot.host.workflows if snapshot.host else ()
    return next((one for one in processes if one.workflow == name), None)
