"""A series as columns, with the threshold that it is held against."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import LABEL_WIDTH
from wfmon.ui.rows import Line, Row

_FEWEST_POINTS = 3


def ratio_trend(
    look: Look,
    width: int,
    height: int,
    points: Sequence[float | None],
    threshold: float | None,
) -> list[Row]:
    """Ratios 0..1 in ``height`` rows, oldest at the left; nothing where fewer than 3 are known."""
    known = [point for point in points if point is not None]
    if len(known) < _FEWEST_POINTS or height < 1:
        return []
    first = next(number for number, point in enumerate(points) if point is not None)
    shown = points[first:][-(width - LABEL_WIDTH - 12) :]
    top = max(*known, 1.5 * (threshold or 0.0)) or 1.0
    at = None if threshold is None else min(height - 1, int(threshold / top * height))
    rows = []
    for level in reversed(range(height)):
        label = numbers.percent(top) if level == height - 1 else "0%" if level == 0 else ""
        if level == at:
            label = numbers.percent(threshold)
        line = Line(look, width).add(label, "label", LABEL_WIDTH - 2, right=True).add("  ")
        for number, point in enumerate(shown):
            cell = _cell(look, point, level, height, top)
            if cell == " " and level == at:
                line.add(look.signs.rule if number % 2 == 0 else " ", "warning")
            else:
                over = threshold is not None and point is not None and point > threshold
                line.add(cell, "spark_bad" if over else "spark")
        rows.append(line.add(_note(level, at), "muted").row())
    return rows


def _cell(look: Look, point: float | None, level: int, height: int, top: float) -> str:
    """What row ``level`` (0 is the lowest) shows of a point."""
    if point is None:
        return " "
    signs = look.signs.spark
    fill = min(1.0, point / top) * height - level
    if fill <= 0:
        return signs[0] if level == 0 else " "
    return signs[max(0, min(len(signs), round(fill * len(signs))) - 1)]


def _note(level: int, at: int | None) -> str:
    """What stands behind a row; the time from point to point differs by source and is not told."""
    if level == at:
        return " threshold"
    return " now" if level == (0 if at != 0 else 1) else ""
