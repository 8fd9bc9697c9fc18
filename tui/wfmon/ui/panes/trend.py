"""A series as columns over a span of time, with the threshold that it is held against."""

from __future__ import annotations

from collections.abc import Callable

from wfmon.model.record import dataclass
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import LABEL_WIDTH
from wfmon.ui.rows import Line, Row, width_of
from wfmon.ui.series import Points, resampled

_FEWEST_POINTS = 3
_NOTE = " threshold"
_SHORT = 600.0  # seconds; a shorter span is labelled with seconds


@dataclass(frozen=True, slots=True)
class Axis:
    """The span that the points cover evenly, in POSIX seconds; ``mark``: a moment to point out."""

    begin: float
    end: float
    mark: float | None = None

    def column(self, cells: int) -> int | None:
        """The cell of the mark among ``cells``; None where there is none within the span."""
        if self.mark is None or not self.begin <= self.mark <= self.end or self.end <= self.begin:
            return None
        return min(cells - 1, int((self.mark - self.begin) / (self.end - self.begin) * cells))


def trend(
    look: Look,
    width: int,
    height: int,
    points: Points,
    threshold: float | None,
    *,
    begin: float | None = None,
    end: float | None = None,
    mark: float | None = None,
    write: Callable[[float | None], str] = numbers.percent,
    most: float | None = None,
) -> list[Row]:
    """Values in ``height`` rows, oldest at the left; nothing where fewer than 3 are known.

    With ``begin`` and ``end`` the points are drawn over the whole width, under one more row with clocks
    at its ends and at ``mark``. A gap is blank; zero stands on the floor. ``write`` labels a value; ``most``:
    what no value can be above (1 of a share), so that no label is.
    """
    if sum(point is not None for point in points) < _FEWEST_POINTS or height < 1:
        return []
    cells = max(1, width - LABEL_WIDTH - len(_NOTE) - 2)
    axis = Axis(begin, end, mark) if begin is not None and end is not None else None
    if axis is None:
        first = next(number for number, point in enumerate(points) if point is not None)
        shown = resampled(points[first:], min(cells, len(points) - first))
    else:
        shown = resampled(points, cells)
    known = [point for point in shown if point is not None]
    above = 1.5 * (threshold or 0.0)
    top = max(above if most is None else min(above, most), *known) or 1.0
    at = None if threshold is None else min(height - 1, int(threshold / top * height))
    column = None if axis is None else axis.column(cells)
    rows = [] if axis is None else [_clocks(look, width, axis, cells, column)]
    for level in reversed(range(height)):
        label = write(top) if level == height - 1 else write(0.0) if level == 0 else ""
        if level == at:
            label = write(threshold)
        line = Line(look, width).add(label, "label", LABEL_WIDTH - 2, right=True).add("  ")
        for number, point in enumerate(shown):
            cell = _cell(look, point, level, height, top)
            if cell != " ":
                over = threshold is not None and point is not None and point > threshold
                line.add(cell, "spark_bad" if over else "spark")
            elif number == column:
                line.add(look.signs.moment, "label")
            elif level == at:
                line.add(look.signs.rule if number % 2 == 0 else " ", "warning")
            else:
                line.add(" ")
        rows.append(line.add(_note(level, at, axis), "muted").row())
    return rows


def _clocks(look: Look, width: int, axis: Axis, cells: int, column: int | None) -> Row:
    """The times at both ends and at the mark, as far as they do not touch."""
    left, right = _clock(look, axis, axis.begin), _clock(look, axis, axis.end)
    line = Line(look, width).add("", "label", LABEL_WIDTH).add(left, "label")
    end = LABEL_WIDTH + cells
    if column is not None and axis.mark is not None:
        words = _clock(look, axis, axis.mark)
        at = LABEL_WIDTH + column
        if at + 3 + width_of(words) + width_of(right) < end and at > line.used:
            line.to(at).add(look.signs.moment, "label").add(f" {words}", "strong")
        elif at > line.used + width_of(words) + 2 and at + 1 + width_of(right) < end:
            line.to(at - 1 - width_of(words)).add(words, "strong").add(" ").add(look.signs.moment, "label")
        elif at > line.used + width_of(words) + 2:
            # The mark is where the right clock stands: it tells more.
            return line.to(at - 1 - width_of(words)).add(words, "strong").add(f" {look.signs.moment}").row()
    return line.to(end - width_of(right)).add(right, "label").row()


def _clock(look: Look, axis: Axis, at: float) -> str:
    """To the second in a short span; with the day where it is not that of the end."""
    short = axis.end - axis.begin < _SHORT
    return look.clock(at) if short else look.minute(at, axis.end)


def _cell(look: Look, point: float | None, level: int, height: int, top: float) -> str:
    """What row ``level`` (0 is the lowest) shows of a point."""
    if point is None:
        return " "
    signs = look.signs.spark
    fill = min(1.0, point / top) * height - level
    if fill <= 0:
        return signs[0] if level == 0 else " "
    return signs[max(0, min(len(signs), round(fill * len(signs))) - 1)]


def _note(level: int, at: int | None, axis: Axis | None) -> str:
    """What stands behind a row; without an axis the last point is of now."""
    if level == at:
        return _NOTE
    return " now" if axis is None and level == (0 if at != 0 else 1) else ""
