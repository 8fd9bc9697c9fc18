"""What the errors say: equal texts, counted."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.record import dataclass
from wfmon.model.run import Run
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.columns import coarse
from wfmon.ui.rows import Line, Row, rule


@dataclass(frozen=True, slots=True)
class ErrorText:
    """``first`` and ``last`` are when it was said (POSIX seconds), where that is known."""

    text: str
    count: int
    first: float | None
    last: float | None


def error_texts(runs: Sequence[Run]) -> list[ErrorText]:
    """The error texts of the failed runs, the most frequent first."""
    times: dict[str, list[float]] = {}
    found: dict[str, int] = {}
    for run in runs:
        if run.failed and run.error:
            at = run.error_at or run.ended_at
            found[run.error] = found.get(run.error, 0) + 1
            times.setdefault(run.error, []).extend([at] if at is not None else [])
    made = [
        ErrorText(text, count, min(times[text], default=None), max(times[text], default=None))
        for text, count in found.items()
    ]
    return sorted(made, key=lambda one: (-one.count, -(one.last or 0.0), one.text))


def error_rows(look: Look, width: int, height: int, texts: Sequence[ErrorText], now: float) -> list[Row]:
    """A title and the most frequent texts, in ``height`` rows."""
    if height < 2 or not texts:
        return []
    different = f"{len(texts)} different texts" if len(texts) > 1 else ""
    rows = [rule(look, width, "What the errors say", different)]
    for one in texts[: height - 1]:
        first = f"first {look.clock(one.first)}" if one.first is not None and one.count > 1 else ""
        last = f"{coarse(max(0.0, now - one.last))} ago" if one.last is not None else ""
        line = Line(look, width).add(f"{numbers.count(one.count)}x", "strong", 5, right=True).add("  ")
        line.add(one.text, "text", width - 7 - 26).add("  ").add(first, "muted", 14)
        rows.append(line.add(last, "muted", 10, right=True).row())
    return rows
