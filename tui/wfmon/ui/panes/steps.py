"""The steps of a run on one axis of time."""

from __future__ import annotations

from wfmon.model.record import dataclass
from wfmon.model.run import Run, RunStatus, Step
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import run_sign, tokens
from wfmon.ui.rows import Line, Row, width_of

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


def step_rows(look: Look, width: int, run: Run, now: float, most: int) -> list[Row]:
    """One row per step, at most ``most``: then those about the one that fails or goes on."""
    if not run.steps or most <= 0:
        return []
    shown, before, after = _window(run, most)
    tails = [_tail(look, step) for step in shown]
    name = min(max(_NAME[0], *(width_of(step.name) for step in shown)), _NAME[1], width // 4)
    room = width - (2 + name + 7 + 2) - 2 - max(map(width_of, tails))
    axis = _axis(run, now, min(room, _LONGEST_BAR))
    rows = [_row(look, width, step, tail, name, axis, now) for step, tail in zip(shown, tails, strict=True)]
    if before or after:
        words = [f"{before} earlier"] if before else []
        words += [f"{after} later"] if after else []
        rows.append(Line(look, width).add(f"  {look.signs.more} {', '.join(words)}", "muted").row())
    return rows


def _row(look: Look, width: int, step: Step, tail: str, name: int, axis: _Axis, now: float) -> Row:
    sign, role = run_sign(look, step.status)
    line = Line(look, width).add(sign, role).add(" ")
    line.add(step.name, "strong" if role == "critical" else "text", name)
    line.add(" ").add(numbers.span(_seconds(step, now)), "text", 6, right=True)
    if axis.bar:
        line.add(" ").add(look.signs.column, "rule")
        if step.started_at is not None:
            left, length = axis.cells(step.started_at, _end(step, now))
            line.add(" " * left).add(look.signs.bar * length, "critical" if role == "critical" else "bar")
        line.to(2 + name + 7 + 2 + axis.bar)
    return line.add("  ").add(tail, "muted").row()


def _tail(look: Look, step: Step) -> str:
    parts = [step.model or "", tokens(step.usage.input, step.usage.output)]
    if step.attempt is not None and step.attempt > 1:
        parts.append(f"try {step.attempt}")
    return "  ".join(part for part in parts if part)


def _seconds(step: Step, now: float) -> float | None:
    """All attempts and the waits between them, where that is known; else what the log says."""
    if step.status is RunStatus.RUNNING and step.started_at is not None:
        return max(0.0, now - step.started_at)
    if (step.attempt or 1) > 1 and step.started_at is not None and step.ended_at is not None:
        return max(0.0, step.ended_at - step.started_at)
    return step.duration_seconds


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


def _window(run: Run, most: int) -> tuple[tuple[Step, ...], int, int]:
    """The steps to show, and how many come before and after them."""
    steps = run.steps
    if len(steps) <= most:
        return steps, 0, 0
    size = max(1, most - 1)
    failed = [number for number, step in enumerate(steps) if step.status is not RunStatus.SUCCESS]
    last = min(len(steps), (failed[-1] if failed else len(steps) - 1) + 2)
    first = max(0, last - size)
    return steps[first : first + size], first, max(0, len(steps) - first - size)
