"""Plots in characters that every terminal has: columns over time, bars of shares.

Unknown is a gap; zero is the lowest sign, as in sparklines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, cut, width_of
from wfmon.ui.series import Points

LEAST_HEIGHT = 3  # two rows of columns and the labels below
MOST_CELLS = 8  # of one column with the gap behind it


def bars(
    look: Look,
    values: Points,
    width: int,
    height: int,
    *,
    write: Callable[[float], str],
    labels: Mapping[int, str],
    limit: float | None = None,
    role: str = "spark",
    marked: frozenset[int] = frozenset(),
) -> list[Row]:
    """``values``, the newest at the right, as columns in ``height`` rows of ``width`` cells with the labels
    below: ``labels`` by the number of the value that they stand under.

    ``limit``: drawn as a line across and part of the scale. ``marked``: columns in the role of what is bad.
    Nothing where there is no room, or where nothing is known.
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if height < LEAST_HEIGHT or not known:
        return []
    top = max([*known, limit or 0.0, 0.0])
    axis = _axis(top, height - 1, write, limit)
    margin = max(map(width_of, axis.values()), default=0) + 1
    room = width - margin - 2
    cell = min(MOST_CELLS, room // len(values)) if room >= len(values) else 0
    if cell < 1:
        return []
    level = None if limit is None or top <= 0 else _row_of(limit, top, height - 1)
    rows = []
    for row in range(height - 1):
        line = Line(look, width).add(axis.get(row, ""), "muted", margin, right=True).add(" ")
        for number, value in enumerate(values):
            sign, of = _cell(look, value, top, height - 1, row), role
            if number in marked:
                of = "spark_bad"
            crossed = row == level
            body = max(1, cell - 1)
            if sign == " " and crossed:
                line.add(look.signs.rule * cell, "warning")
                continue
            line.add(sign * body, of)
            if cell > body:
                line.add(look.signs.rule if crossed else " ", "warning" if crossed else "text")
        rows.append(line.row())
    rows.append(_below(look, width, margin + 1, cell, labels))
    return rows


def share_bar(look: Look, share: float | None, width: int) -> tuple[str, str]:
    """The filled and the empty part of a bar; what is not zero fills a cell at least, what is not the whole
    leaves one."""
    if share is None or not math.isfinite(share) or width <= 0:
        return "", " " * max(0, width)
    filled = max(0, min(width, round(share * width)))
    if share > 0 and not filled:
        filled = 1
    if share < 1 and filled == width and width > 1:
        filled = width - 1
    return look.signs.bar * filled, look.signs.bar_rest * (width - filled)


def _cell(look: Look, value: float | None, top: float, height: int, row: int) -> str:
    """The sign of one value in ``row`` (0: the highest)."""
    floor = row == height - 1
    if value is None or not math.isfinite(value):
        return " "
    steps = len(look.signs.spark)
    if value <= 0 or top <= 0:
        return look.signs.spark[0] if floor else " "
    filled = max(2, round(min(1.0, value / top) * height * steps))
    here = filled - (height - 1 - row) * steps
    return look.signs.spark[min(steps, here) - 1] if here > 0 else " "


def _row_of(value: float, top: float, height: int) -> int:
    return height - max(1, min(height, math.ceil(value / top * height)))


def _axis(top: float, height: int, write: Callable[[float], str], limit: float | None) -> dict[int, str]:
    """By row: of the full height, of the floor, and between them of the limit, else of the half."""
    labels = {0: write(top), height - 1: write(0.0)}
    if limit is not None and 0 < limit < top:
        row = _row_of(limit, top, height)
        if 0 < row < height - 1:
            labels[row] = write(limit)
    elif height >= 4 and height % 2 == 0:  # the upper edge of this row
        labels[height // 2] = write(top / 2)
    return labels


def _below(look: Look, width: int, left: int, cell: int, labels: Mapping[int, str]) -> Row:
    line = Line(look, width)
    for number, text in sorted(labels.items()):
        at = left + number * cell
        if at < line.used or at + width_of(text) > width:
            continue
        line.to(at).add(cut(text, width - at, look.signs.cut), "muted")
        line.add(" ")
    return line.row()
