"""What is kept of the past: where, how much of what it may take, how far back, at which distances."""

from __future__ import annotations

from wfmon.model.history import HistoryStatus
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import LABEL_WIDTH, fact, wrapped_fact
from wfmon.ui.rows import Line, Row, rule, tail

KEY = " history"  # of its row, among those of sources: no name of one begins with a blank


def history_rows(
    look: Look, width: int, now: float, history: HistoryStatus | None, *, selected: bool
) -> list[Row]:
    """The last block of the sources screen."""
    line = Line(look, width, selected=selected)
    if history is None:
        return [rule(look, width, "History"), line.add("  no history is kept", "muted").row(KEY)]
    rows = [rule(look, width, "History", _size(history))]
    line.add("path", "label", LABEL_WIDTH)
    rows.append(line.add(tail(history.path, width - LABEL_WIDTH, look.signs.cut)).row(KEY))
    reaches = "nothing is kept yet"
    if history.oldest is not None:
        ago = numbers.age(max(0.0, now - history.oldest))
        reaches = f"back to {look.minute(history.oldest, now)}, {ago} ago"
    rows.append(fact(look, width, "reaches", (reaches, "text")))
    if history.tiers:
        dot = f" {look.signs.dot} "
        kept = dot.join(f"{_step(one.seconds)} for {numbers.age(one.keep)}" for one in history.tiers)
        rows.append(fact(look, width, "points", (kept, "text")))
    if history.problem:
        rows += wrapped_fact(look, width, "problem", history.problem, "warning", 3)
    for note in history.notes:
        rows += wrapped_fact(look, width, "note", note, "text", 3)
    return rows


def _size(history: HistoryStatus) -> str:
    """``41 MB of 500 MB``."""
    if history.size_bytes is None:
        return ""
    of = f" of {_megabytes(history.limit_bytes)}" if history.limit_bytes is not None else ""
    return f"{_megabytes(history.size_bytes)}{of}"


def _megabytes(size: int) -> str:
    """In millions of bytes, as the limit is set; it moves seldom enough to be read."""
    if size >= 1e10:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 or size == 0 else "<1 MB"


def _step(seconds: float) -> str:
    """``10 s``, ``1 min``, ``1 h``."""
    for unit, word in ((3600.0, "h"), (60.0, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:.0f} {word}"
    return f"{seconds:.0f} s"
