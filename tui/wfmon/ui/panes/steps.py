"""The steps of a run on one axis of time."""

from __future__ import annotations

from wfmon.analysis.stepstats import step_seconds
from wfmon.model.record import dataclass
from wfmon.model.run import FAILED, Run, RunStatus, Step
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import run_sign, tokens
from wfmon.ui.rows import Line, Row, width_of

KEY = "s:"
_NAME = (8, 24)  # fewest and most cells of a name
_SHORTEST_BAR = 10
_LONGEST_BAR = 60


@dataclass(frozen=True, slots=True)
class _Axis:
    """``bar`` cells from ``begin`` to ``end`` (POSIX seconds); no bars where ``bar`` is 0."""

    begin: float
    end: float
    bar: int

    def cells(self, start: float, stop: float) -> tuple[int, int]:
        """Cells before a bar, and its length: one at least."""
        whole = max(self.end - self.begin, 1e-9)
        left = min(self.bar - 1, int((start - self.begin) / whole * self.bar))
        right = round((stop - self.begin) / whole * self.bar)
        return max(0, left), max(1, min(self.bar, right) - max(0, left))


def step_rows(
    look: Look,
    width: int,
    run: Run,
    now: float,
    most: int,
    *,
    errors: bool = False,
    chosen: int | None = None,
    selected: bool = False,
) -> list[Row]:
    """One row per step, at most ``most``: then those about the one that fails or goes on, or about the
    step ``chosen`` (``selected``: the cursor is on it). ``errors``: what failed says why in a row of its
    own, where there is room. Attempts that another followed are drawn light."""
    if not run.steps or most <= 0:
        return []
    window = _window(run, most, chosen)
    shown = [(number, run.steps[number]) for number in window]
    tails = [_tail(look, step) for _, step in shown]
    name = min(max(_NAME[0], *(width_of(step.name) for _, step in shown)), _NAME[1], width // 4)
    room = width - (2 + name + 7 + 2) - 2 - max(map(width_of, tails))
    axis = _axis(run, now, min(room, _LONGEST_BAR))
    before, after = window.start, len(run.steps) - window.stop
    spare = most - len(shown) - bool(before or after)
    rows = []
    for (number, step), tail in zip(shown, tails, strict=True):
        here = selected and number == chosen
        rows.append(_row(look, width, step, tail, name, axis, now, number, here))
        if errors and step.error and step.status in FAILED and spare > 0:
            spare -= 1
            rows.append(Line(look, width).add("  ").add(step.error, "log_error").row())
    if before or after:
        words = [f"{before} earlier"] if before else []
        words += [f"{after} later"] if after else []
        rows.append(Line(look, width).add(f"  {look.signs.more} {', '.join(words)}", "muted").row())
    return rows


def _row(
    look: Look,
    width: int,
    step: Step,
    tail: str,
    name: int,
    axis: _Axis,
    now: float,
    number: int,
    selected: bool,
) -> Row:
    sign, role = run_sign(look, step.status)
    line = Line(look, width, selected=selected).add(sign, role).add(" ")
    line.add(step.name, "strong" if role == "critical" else "text", name)
    line.add(" ").add(numbers.span(_seconds(step, now)), "text", 6, right=True)
    if axis.bar:
        line.add(" ").add(look.signs.column, "rule")
        if step.started_at is not None:
            left, length = axis.cells(step.started_at, _end(step, now))
            light = _superseded(step, axis, left, length)
            line.add(" " * left).add(look.signs.bar_rest * light, "bar_rest")
            line.add(look.signs.bar * (length - light), "critical" if role == "critical" else "bar")
        line.to(2 + name + 7 + 2 + axis.bar)
    return line.add("  ").add(tail, "muted").row(f"{KEY}{number}")


def _superseded(step: Step, axis: _Axis, left: int, length: int) -> int:
    """Cells of the bar that are of attempts that another followed, and of the waits: the log tells how long
    the last attempt took."""
    last = step.duration_seconds
    if (step.attempt or 1) < 2 or last is None or step.started_at is None or step.ended_at is None:
        return 0
    begin, _ = axis.cells(max(step.started_at, step.ended_at - last), step.ended_at)
    return max(0, min(length - 1, begin - left))


def _tail(look: Look, step: Step) -> str:
    parts = [step.model or "", tokens(step.usage.input, step.usage.output)]
    if step.attempt is not None and step.attempt > 1:
        parts.append(f"try {step.attempt}")
    return "  ".join(part for part in parts if part)


def _seconds(step: Step, now: float) -> float | None:
    """All attempts and the waits between them, where that is known; else what the log says."""
    if step.status is RunStatus.RUNNING and step.started_at is not None:
        return max(0.0, now - step.started_at)
    return step_seconds(step)


def _end(step: Step, now: float) -> float:
    seconds = _seconds(step, now)
    return (step.started_at or 0.0) + (seconds or 0.0)


def _axis(run: Run, now: float, bar: int) -> _Axis:
    begins = [step.started_at for step in run.steps if step.started_at is not None]
    if not begins or bar < _SHORTEST_BAR:
        return _Axis(0.0, 0.0, 0)
    begin = min([*begins, *([run.started_at] if run.started_at is not None else [])])
    ends = [_end(step, now) for step in run.steps if step.started_at is not None]
    return _Axis(begin, max(ends), bar)


def _window(run: Run, most: int, chosen: int | None) -> range:
    """Which steps to show: all, or one row fewer and a row that counts the rest."""
    count = len(run.steps)
    if count <= most:
        return range(count)
    size = max(1, most - 1)
    failed = [number for number, step in enumerate(run.steps) if step.status is not RunStatus.SUCCESS]
    last = min(count, (failed[-1] if failed else count - 1) + 2)
    first = max(0, last - size)
    if chosen is not None:
        first = min(max(first, chosen - size + 1), chosen)
    return range(first, min(count, first + size))
