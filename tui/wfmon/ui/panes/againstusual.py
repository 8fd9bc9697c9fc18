"""How slow against usual: one run beside its workflow's quantiles, retries, and calls by provider."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.analysis.stepstats import PerRun
from wfmon.model.baseline import Baseline
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import CallRow, Snapshot, Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import LABEL_WIDTH, Part, fact, lasted
from wfmon.ui.rows import Line, Row, width_of

_LONGEST_BAR = 72
_BEYOND = 1.05  # of the axis: the greatest mark stands a little before its end


def usual_rows(
    look: Look,
    width: int,
    height: int,
    snapshot: Snapshot,
    workflow: Workflow,
    run: Run | None,
    mean: PerRun,
    now: float,
) -> list[Row]:
    """At most ``height`` rows: duration, with a plot where there is room, retries, calls."""
    dot = f" {look.signs.dot} "
    rows = [fact(look, width, "duration", *_duration(dot, workflow, run, now))]
    rest = [
        ("retries", _retries(dot, snapshot, workflow, run, mean)),
        ("calls", _calls(dot, snapshot, workflow, run)),
    ]
    rest = [(label, parts) for label, parts in rest if parts]
    if height >= 3 + len(rest):
        rows += _plot(look, width, workflow.usual, run, now)
    rows += [fact(look, width, label, (parts, "text")) for label, parts in rest]
    return rows[:height]


def _duration(dot: str, workflow: Workflow, run: Run | None, now: float) -> Iterator[Part]:
    """``this run 8.8s: over the usual p95 20s · usual p50 7.8s  p95 20s  p99 29s``."""
    usual = workflow.usual
    marks = quantiles(usual)
    seconds = lasted(run, now) if run is not None else None
    if run is not None and seconds is not None:
        so_far = " so far" if run.status is RunStatus.RUNNING else ""
        yield f"this run {numbers.span(seconds)}{so_far}", "strong"
        yield _place(seconds, marks)
        yield dot, "muted"
    if marks:
        yield "usual " + "  ".join(f"{name} {numbers.span(value)}" for name, value in marks), "text"
        if usual is not None and usual.duration_from != "runs":
            yield f" ({usual.duration_from})", "muted"
    else:
        yield "what is usual is not known yet", "muted"


def quantiles(usual: Baseline | None) -> list[tuple[str, float]]:
    if usual is None:
        return []
    known = (
        ("p50", usual.duration_p50_seconds),
        ("p95", usual.duration_p95_seconds),
        ("p99", usual.duration_p99_seconds),
    )
    return [(name, value) for name, value in known if value is not None]


def _place(seconds: float, marks: list[tuple[str, float]]) -> Part:
    """Where a run stands among the usual ones; that one which failed was quick is no praise."""
    over = [(name, value) for name, value in marks if seconds > value]
    if not marks:
        return "", "text"
    if not over:
        return f", under the usual {marks[0][0]}", "text"
    name, value = over[-1]
    if name == "p50":
        return ", as usual", "text"
    return f", {numbers.times(seconds / value)} the usual {name}", "warning"


def _plot(look: Look, width: int, usual: Baseline | None, run: Run | None, now: float) -> Iterator[Row]:
    """The run as a bar, and the quantiles as marks above their names."""
    marks = quantiles(usual)
    seconds = lasted(run, now) if run is not None else None
    bar = min(_LONGEST_BAR, width - LABEL_WIDTH - 12)
    if not marks or seconds is None or bar < 20:
        return
    whole = max(seconds, marks[-1][1]) * _BEYOND or 1.0
    filled = max(1, min(bar, round(seconds / whole * bar)))
    at = {max(0, min(bar - 1, round(value / whole * bar))): name for name, value in marks}
    line = Line(look, width).add("", "label", LABEL_WIDTH)
    slow = len(marks) > 1 and seconds > marks[1][1]
    for cell in range(bar):
        if cell in at:
            line.add(look.signs.moment, "label")
        else:
            line.add(look.signs.bar if cell < filled else " ", "warning" if slow else "bar")
    yield line.row()
    names = Line(look, width).add("", "label", LABEL_WIDTH)
    for cell, name in sorted(at.items()):
        value = dict(marks)[name]
        text = f"{name} {numbers.span(value)}"
        if names.used <= LABEL_WIDTH + cell and names.used + width_of(text) < width:
            names.to(LABEL_WIDTH + cell).add(text, "muted").add(" ")
    yield names.row()


def _retries(dot: str, snapshot: Snapshot, workflow: Workflow, run: Run | None, mean: PerRun) -> str:
    parts = []
    if run is not None and run.retries is not None:
        parts.append(f"this run {numbers.count(run.retries)}")
    if workflow.retries is not None:
        window = _retry_window(snapshot, workflow)
        parts.append(f"{numbers.count(workflow.retries)} in {numbers.duration(window)}" if window else "")
    if mean.retries_n:
        parts.append(f"{mean.retried} of {numbers.counted(mean.retries_n, 'recent run')} were tried again")
    return dot.join(part for part in parts if part)


def _retry_window(snapshot: Snapshot, workflow: Workflow) -> float | None:
    """Of runs in logs the window of the counts, of metrics the rate window."""
    origin = dict(workflow.origin).get("retries")
    of_log = any(one.name == origin and one.kind == "logs" for one in snapshot.sources)
    return workflow.window_seconds if of_log else snapshot.totals.rate_window_seconds


def _calls(dot: str, snapshot: Snapshot, workflow: Workflow, run: Run | None) -> str:
    """``openai 120/min, 3.0/min of them failed · this run: openai 5``."""
    parts = [_called(each) for each in calls_of(snapshot, workflow.name)]
    if not parts and workflow.api_calls_per_minute is not None:
        parts.append(f"{numbers.rate(workflow.api_calls_per_minute)}/min, provider not told")
    if run is not None and run.calls:
        told = ", ".join(f"{name or 'provider not told'} {numbers.count(n)}" for name, n in run.calls)
        parts.append(f"this run: {told}")
    return dot.join(parts)


def calls_of(snapshot: Snapshot, workflow: str) -> list[CallRow]:
    """The calls of one workflow by provider, the most first."""
    rows = [each for each in snapshot.calls if each.workflow == workflow]
    return sorted(rows, key=lambda row: (-(row.per_minute or 0.0), row.provider or ""))


def _called(row: CallRow) -> str:
    words = f"{row.provider or 'provider not told'} {numbers.rate(row.per_minute)}/min"
    if row.failed_per_minute:
        words += f", {numbers.rate(row.failed_per_minute)}/min of them failed"
    return words
