"""Panes beside each other under one title line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wfmon.model.record import dataclass
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, blank


@dataclass(frozen=True, slots=True)
class Part:
    """``draw`` gets width and height and gives at most that many rows.

    ``stale``: what it shows is the last that was known; then it is grey under a ``?``. ``pointed``: the
    cursor is in it.
    """

    title: str
    width: int
    draw: Callable[[int, int], list[Row]]
    stale: bool = False
    pointed: bool = False


def beside(look: Look, parts: Sequence[Part], height: int) -> list[Row]:
    """A title line and at most ``height`` rows, as many as the longest part has."""
    drawn = [
        [_grey(look, row) if part.stale else row for row in part.draw(part.width, height)] for part in parts
    ]
    width = sum(part.width for part in parts) + len(parts) - 1
    title = Line(look, width)
    end = 0
    for number, part in enumerate(parts):
        title.add(look.signs.tee_down if number else look.signs.rule, "rule")
        title.add(*(look.signs.pointer, "key") if part.pointed else (" ", "text"))
        title.add(part.title, "heading").add(" ")
        if part.stale:
            title.add(look.signs.unknown, "unknown").add(" ")
        end += part.width + (1 if number else 0)
        title.add(look.signs.rule * (end - title.used), "rule")
    rows = [title.row()]
    for index in range(max((len(part) for part in drawn), default=0)):
        line = Line(look, width)
        for number, part in enumerate(parts):
            if number:
                line.add(look.signs.column, "rule")
            line.append(drawn[number][index] if index < len(drawn[number]) else blank(look, part.width))
        rows.append(line.row())
    return rows


def _grey(look: Look, row: Row) -> Row:
    return Line(look, row.strip.cell_length).add(row.text, "stale").row(row.key)


def split(width: int) -> tuple[int, int, int]:
    """Widths of the three panes at the bottom, without the two lines between them."""
    if width < 80:
        part = (width - 2) // 3
        return part, part, width - 2 - 2 * part
    left = min(44, 26 + (width - 80) // 3)
    middle = min(38, 23 + (width - 80) // 4)
    return left, middle, width - 2 - left - middle
