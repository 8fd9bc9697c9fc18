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
from wfmon.ui.panes.columns import TREND_CEILING
from wfmon.ui.panes.facts import LABEL_WIDTH, Part, fact, wrapped_fact
from wfmon.ui.panes.usual import made_of, money_rate, run_rate, usual_durations, usual_errors, usual_hour
from wfmon.ui.rows import Row, rule, width_of
from wfmon.ui.series import SPAN

_SELDOM = ("queue", "timeouts", "budget")  # few systems tell them: that they are unknown is not worth a word
_COUNTED = ("success", "error", "timeout", "lost", "cancelled", "other")


@dataclass(frozen=True, slots=True)
class _Figure:
    """``origin`` names the figure's source in ``Workflow.origin``; no ``parts``: it is not known.

    ``usual`` stands behind the parts, or in a row of its own where there is no room.
    """

    label: str
    origin: str
    parts: tuple[Part, ...]
    usual: str = ""


def workflow_rows(look: Look, width: int, snapshot: Snapshot, workflow: Workflow) -> list[Row]:
    """A title and the figures; those that nobody tells are named together, and what is usual is said to
    be made of in the last row."""
    silent = frozenset(
        one.name for one in snapshot.sources if one.state in (SourceState.DOWN, SourceState.STALE)
    )
    origins, systems = dict(workflow.origin), dict(workflow.systems)
    rows = [rule(look, width, "Figures", "from")]
    unknown = []
    for figure in _figures(look, width, snapshot, workflow):
        source = origins.get(figure.origin, "host" if figure.origin == "memory" else "")
        system = systems.get(figure.origin)
        told_by = f"{source} {look.signs.dot} {system}" if system is not None else source
        if figure.parts:
            rows += _rows(look, width, figure, told_by, source in silent)
        elif figure.label in _SELDOM:
            continue
        else:
            unknown.append(figure.label)
    if unknown:
        rows.append(fact(look, width, "unknown", (", ".join(unknown), "muted")))
    if workflow.usual is not None:
        words = f" {look.signs.dot} ".join(made_of(look, workflow.usual, snapshot.at))
        rows += wrapped_fact(look, width, "usual", words, "muted", 2)
    return rows


def _rows(look: Look, width: int, figure: _Figure, source: str, silent: bool) -> Iterator[Row]:
    parts = [(text, "stale") for text, _role in figure.parts] if silent else list(figure.parts)
    right = f"{look.signs.unknown} {source}" if silent else source
    used = LABEL_WIDTH + sum(width_of(text) for text, _role in parts)
    beside = used + 4 + width_of(figure.usual) + width_of(right) <= width
    if figure.usual and beside:
        parts.append((f"  {figure.usual}", "muted"))
    yield fact(look, width, figure.label, *parts, right=(right, "muted"))
    if figure.usual and not beside:
        yield fact(look, width, "", (figure.usual, "muted"))


def _figures(look: Look, width: int, snapshot: Snapshot, workflow: Workflow) -> Iterator[_Figure]:
    usual = workflow.usual
    yield _Figure("errors", "runs", tuple(_errors(look, width, snapshot, workflow)))
    present = workflow.runs_per_minute
    hourly = usual_hour(usual.runs_per_hour, run_rate, present and present * 60) if usual else ""
    yield _Figure("runs", "runs", tuple(_runs(look, workflow)), hourly)
    slow = usual_durations(usual, workflow.duration_p95_seconds)
    yield _Figure("duration", "duration", tuple(_durations(workflow)), slow)
    yield _Figure("tokens", "tokens", _told(numbers.count, workflow.tokens_per_minute, "/min"))
    cost = workflow.cost_usd_per_hour
    sign = look.signs.quality(workflow.cost_quality)
    parts = () if cost is None else ((f"{sign}{numbers.money(cost)}/h", "text"),)
    yield _Figure("cost", "cost", parts, usual_hour(usual.cost_per_hour, money_rate, cost) if usual else "")
    yield _Figure("budget", "budget", _left(workflow))
    yield _Figure("retries", "retries", _told(numbers.count, workflow.retries, ""))
    yield _Figure("calls", "api_calls", _told(numbers.rate, workflow.api_calls_per_minute, "/min"))
    waiting = "queue" if workflow.queue is not None else "wait"
    yield _Figure("queue", waiting, tuple(_waiting(workflow)))
    yield _Figure("timeouts", "timeouts", _told(numbers.count, workflow.timeouts, ""))
    yield _Figure("memory", "memory", tuple(_memory(snapshot, workflow)))


def _told(write: Callable[[float], str], value: float | None, unit: str) -> tuple[Part, ...]:
    if value is None:
        return ()
    return ((f"{write(value)}{unit}", "text"),)


def _errors(look: Look, width: int, snapshot: Snapshot, workflow: Workflow) -> Iterator[Part]:
    counts = workflow.runs
    if counts is None:
        return
    window = f" in {numbers.duration(workflow.window_seconds)}" if workflow.window_seconds else ""
    ratio, usual = counts.error_ratio, usual_errors(workflow.usual)
    if ratio is None:
        yield f"no finished run{window}", "text"
        if usual:
            yield f"  {usual}", "muted"
        return
    alert = worst_alerts(snapshot.alerts).get(workflow.name)
    alarming = alert is not None and alert.rule == "failure_rate"
    yield numbers.percent(ratio), look.alert_sign(alert)[1] if alert and alarming else "strong"
    yield f"  {numbers.count(counts.failed)} of {numbers.count(counts.n)}{window}", "text"
    if usual:
        yield f"  {usual}", "muted"
    cells = min(30, width - 62)
    trend = look.signs.sparkline(workflow.error_trend, cells, steps=SPAN, ceiling=TREND_CEILING)
    if trend.strip():
        yield f"  {trend}", "spark_bad" if any(workflow.error_trend[-SPAN:]) else "muted"


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


def _left(workflow: Workflow) -> tuple[Part, ...]:
    left = workflow.budget_left_usd
    return () if left is None else ((f"{numbers.money(left)} left", "text"),)


def _waiting(workflow: Workflow) -> Iterator[Part]:
    """``3 waiting  waited p50 0.4s  p95 2s``: what waits now, and how long work did before it began."""
    if workflow.queue is not None:
        yield f"{numbers.count(workflow.queue)} waiting", "text"
    quantiles = (("p50", workflow.wait_p50_seconds), ("p95", workflow.wait_p95_seconds))
    known = [f"{name} {numbers.span(seconds)}" for name, seconds in quantiles if seconds is not None]
    if known:
        yield f"{'  ' if workflow.queue is not None else ''}waited {'  '.join(known)}", "text"


def _memory(snapshot: Snapshot, workflow: Workflow) -> Iterator[Part]:
    used = _processes(snapshot, workflow.name)
    rss = used.rss_bytes if used is not None else workflow.rss_bytes
    if rss is None:
        return
    yield numbers.size(rss), "text"
    if used is not None and used.processes:  # of a past moment their number is not known
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
