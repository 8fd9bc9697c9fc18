"""Facts as labelled rows, and the first row of a screen that is about one thing."""

from __future__ import annotations

from wfmon.model.run import FAILED, Run, RunStatus
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.order import worst_alerts
from wfmon.ui.panes.columns import coarse
from wfmon.ui.rows import Line, Row, width_of, wrap
from wfmon.ui.views.base import Frame

LABEL_WIDTH = 9
Part = tuple[str, str]  # text, role


def fact(
    look: Look,
    width: int,
    label: str,
    *parts: Part,
    right: Part | None = None,
    label_width: int = LABEL_WIDTH,
) -> Row:
    """``label    parts …      right``; the right part goes where there is no room for it."""
    line = Line(look, width).add(label, "label", label_width)
    for text, role in parts:
        line.add(text, role)
    if right is not None and line.used + 2 + width_of(right[0]) <= width:
        line.to(width - width_of(right[0])).add(*right)
    return line.row()


def wrapped_fact(look: Look, width: int, label: str, text: str, role: str, most: int) -> list[Row]:
    """A text that may take up to ``most`` rows."""
    parts = wrap(text, width - LABEL_WIDTH, most)
    return [fact(look, width, label if n == 0 else "", (part, role)) for n, part in enumerate(parts)]


def head(frame: Frame, sign: Part, title: str, rest: str, paused_at: float | None, right: str = "") -> Row:
    """The first row: sign, what it is about, the rest; at the right ``right``, or that the screen stands."""
    if frame.banner:
        right = frame.banner
    elif paused_at is not None:
        right = f"PAUSED {numbers.age(max(0.0, frame.now - paused_at))}"
    room = frame.width - (width_of(right) + 2 if right else 0)
    line = Line(frame.look, room).add(*sign).add(" ").add(title, "strong").add(rest)
    whole = Line(frame.look, frame.width).append(line.row())
    return (
        whole.to(frame.width - width_of(right))
        .add(right, "warning" if paused_at or frame.banner else "title")
        .row()
    )


def workflow_head(frame: Frame, name: str, paused_at: float | None) -> Row:
    """A workflow: how many runs are active, how the last one ended."""
    look, dot = frame.look, f" {frame.look.signs.dot} "
    snapshot = frame.snapshot
    workflow = next((one for one in snapshot.workflows if one.name == name), None) if snapshot else None
    if snapshot is None or workflow is None:
        return head(frame, (look.signs.unknown, "unknown"), name, f"{dot}not seen now", paused_at)
    alert = worst_alerts(snapshot.alerts).get(name)
    sign = look.alert_sign(alert) if alert is not None else (" ", "text")
    rest = ""
    if workflow.active is not None:
        active = numbers.count(workflow.active)
        rest += f"{dot}{look.signs.least(active) if workflow.active_at_least else active} active"
    if workflow.last_run_at is not None:
        word = outcome(workflow.last_status)
        rest += f"{dot}last run {word} {coarse(max(0.0, frame.now - workflow.last_run_at))} ago"
    return head(frame, sign, name, rest, paused_at)


def outcome(status: RunStatus | None, word: str | None = None) -> str:
    """A status as it stands in a sentence; ``word`` is the log's own for one that is not known."""
    match status:
        case RunStatus.RUNNING:
            return "running"
        case RunStatus.SUCCESS:
            return "done"
        case RunStatus.ERROR:
            return "failed"
        case RunStatus.TIMEOUT:
            return "timed out"
        case RunStatus.OTHER:
            return word or "ended"
        case None:
            return "ended"
        case _:
            return status.value


def run_sign(look: Look, status: RunStatus) -> Part:
    if status in FAILED:
        return look.signs.critical, "critical"
    if status is RunStatus.SUCCESS:
        return look.signs.good, "good"
    if status is RunStatus.RUNNING:
        return look.signs.more, "text"
    return look.signs.none, "muted"


def lasted(run: Run, now: float) -> float | None:
    """Seconds that a run took, or has taken so far."""
    if run.status is RunStatus.RUNNING and run.started_at is not None:
        return max(0.0, now - run.started_at)
    return run.duration_seconds


def run_head(frame: Frame, workflow: str, run_id: str, run: Run | None, paused_at: float | None) -> Row:
    """``✖ run-9f31 · invoice_extract · failed in 8.8s, try 3 · 1.2k tok · $0.01``."""
    look, dot = frame.look, f" {frame.look.signs.dot} "
    if run is None:
        rest = f"{dot}{workflow}{dot}not among the runs that are listed now"
        return head(frame, (look.signs.unknown, "unknown"), run_id, rest, paused_at)
    words = outcome(run.status, run.status_word)
    seconds = lasted(run, frame.now)
    if seconds is not None:
        joint = {RunStatus.RUNNING: "for", RunStatus.SUCCESS: "in", RunStatus.ERROR: "in"}
        words += f" {joint.get(run.status, 'after')} {numbers.span(seconds)}"
    if run.attempt is not None and run.attempt > 1:
        words += f", try {run.attempt}"
    parts = [workflow, words]
    if run.usage.total is not None:
        parts.append(f"{numbers.count(run.usage.total)} tok")
    if run.usage.cost_usd is not None:
        parts.append(numbers.money(run.usage.cost_usd))
    title = run.id if run.has_id else "run without id"
    return head(frame, run_sign(look, run.status), title, dot + dot.join(parts), paused_at)


def run_facts(look: Look, width: int, run: Run, now: float) -> list[Row]:
    """When, with what, and why it failed."""
    rows = []
    parts = _when(look, run, now)
    if run.retries:
        parts.append(f"{numbers.count(run.retries)} {'retry' if run.retries == 1 else 'retries'}")
    if run.pid is not None:
        parts.append(f"pid {run.pid}")
    if run.model:
        parts.append(f"{run.model} ({run.provider})" if run.provider else run.model)
    if run.usage.input is not None or run.usage.output is not None:
        parts.append(tokens(run.usage.input, run.usage.output))
    if parts:
        rows.append(fact(look, width, "when", (f" {look.signs.dot} ".join(parts), "text")))
    if run.error and run.failed:
        rows.append(fact(look, width, "error", (run.error, "log_error")))
    if run.log:
        rows.append(fact(look, width, "log", (run.log, "muted"), right=(run.source, "muted")))
    return rows


def tokens(read: int | None, written: int | None) -> str:
    """``1.1k in 100 out``, each where it is known."""
    parts = [f"{numbers.count(n)} {word}" for n, word in ((read, "in"), (written, "out")) if n is not None]
    return " ".join(parts)


def _when(look: Look, run: Run, now: float) -> list[str]:
    began, ended = run.started_at, run.ended_at
    at = ended if ended is not None else began
    if at is None:
        return []
    ago = f"{coarse(max(0.0, now - at))} ago"
    if began is None:
        return [f"ended {look.clock(at)}", ago]
    if ended is None:
        return [f"began {look.clock(began)}"]
    day = look.minute(began, now)
    first = look.clock(began) if len(day) == 5 else f"{day[:5]} {look.clock(began)}"
    return [f"{first}–{look.clock(ended)}", ago]
