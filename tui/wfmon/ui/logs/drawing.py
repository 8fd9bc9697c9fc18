"""How the lines of a log are drawn. Rows are kept while nothing in them changed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from rich.cells import cell_len, get_character_cell_size

from wfmon.model.log import Level, LogLine, Mark
from wfmon.model.record import dataclass
from wfmon.text import numbers
from wfmon.ui.logs.search import Pattern, Span
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, width_of

LEVEL_WIDTH = 6
STAMP_WIDTH = 12
_MOST_KEPT = 2_000
_NARROWEST_MESSAGE = 24
_LEVELS = {
    Level.DEBUG: ("DEBUG", "log_debug", "log_debug"),
    Level.INFO: ("INFO", "log_info", "log_info"),
    Level.WARN: ("WARN", "log_warn", "log_info"),
    Level.ERROR: ("ERROR", "log_error", "log_error"),
    Level.FATAL: ("FATAL", "log_fatal", "log_fatal"),
}


class Stamp(StrEnum):
    """What stands before a line; ``elapsed`` is the time since its run began."""

    CLOCK = "clock"
    ELAPSED = "elapsed since the run began"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Layout:
    """``shift``: cells of the message that are scrolled out at the left (not when wrapping)."""

    look: Look
    width: int
    stamp: Stamp
    wrap: bool
    shift: int
    step: int
    run: int

    @property
    def indent(self) -> int:
        """Cells before the pointer."""
        return 0 if self.stamp is Stamp.OFF else STAMP_WIDTH

    @property
    def message(self) -> int:
        """The column in which messages begin."""
        columns = sum(size + 1 for size in (self.step, self.run) if size)
        return self.indent + 1 + LEVEL_WIDTH + columns + 1

    @property
    def detail(self) -> int:
        """The column of what opening a line shows."""
        return self.indent + 3


@dataclass(frozen=True, slots=True)
class Shown:
    """How one line is shown now: opened or not, when its run began, what is looked for."""

    opened: bool
    began: float | None
    pattern: Pattern | None


def columns(width: int, widest_step: int, widest_run: int) -> tuple[int, int]:
    """Cells for the step and for the run id; 0 where there is no room for it or nothing to show."""
    room = width - STAMP_WIDTH - 1 - LEVEL_WIDTH - _NARROWEST_MESSAGE
    step = min(widest_step, 12 if width < 110 else 20)
    step = step if step and room > step else 0
    run = min(widest_run, 14) if room - step > 15 + 16 else 0
    return step, run


class LogRows:
    """Draws lines; keeps the rows of each line under its serial number."""

    def __init__(self) -> None:
        self._drawn: dict[int, tuple[LogLine, object, list[Row]]] = {}

    def rows(
        self, serial: int, line: LogLine, layout: Layout, shown: Shown, selected: int | None
    ) -> list[Row]:
        """All rows of a line; ``selected`` is the one under the cursor."""
        variant = (layout, shown, selected)
        known = self._drawn.get(serial)
        if known is not None and known[0] is line and known[1] == variant:
            return known[2]
        rows = _draw(f"l:{serial}", line, layout, shown, selected)
        if len(self._drawn) > _MOST_KEPT:
            self._drawn.clear()
        self._drawn[serial] = (line, variant, rows)
        return rows


def height(line: LogLine, layout: Layout, opened: bool) -> int:
    """How many rows ``LogRows.rows`` gives."""
    return len(_body(line, layout)) + len(_extra(line, layout, opened))


def overhang(line: LogLine, layout: Layout, opened: bool) -> int:
    """Cells of a line's longest row that find no room at the right."""
    size = width_of(line.message) - (layout.width - layout.message)
    if opened:
        size = max([size, *(width_of(text) - (layout.width - layout.detail) for text in line.detail)])
    return max(0, size)


def unfolds(line: LogLine) -> bool:
    return bool(line.detail)


def _draw(key: str, line: LogLine, layout: Layout, shown: Shown, selected: int | None) -> list[Row]:
    if line.mark is not Mark.LINE:
        return [_marker(key, line, layout, selected is not None)]
    rows = []
    word, word_role, role = _LEVELS.get(line.level, ("", "log_info", "log_info"))
    spans = shown.pattern.spans(line.message) if shown.pattern else []
    for number, piece in enumerate(_body(line, layout)):
        here = Line(layout.look, layout.width, selected=selected == number)
        if number == 0:
            _head(here, line, layout, shown, word, word_role, pointed=selected is not None)
        here.to(layout.message)
        _text(here, layout, line.message, piece, spans, role)
        rows.append(here.row(key))
    for text in _extra(line, layout, shown.opened):
        here = Line(layout.look, layout.width, selected=selected == len(rows)).to(layout.indent + 1)
        here.add(f"{layout.look.signs.column} ", "rule")
        spans = shown.pattern.spans(text) if shown.pattern and shown.opened else []
        shift = 0 if layout.wrap or not shown.opened else _skip(text, layout.shift)
        _text(here, layout, text, (shift, len(text)), spans, "log_info" if shown.opened else "muted")
        rows.append(here.row(key))
    return rows


def _head(
    here: Line, line: LogLine, layout: Layout, shown: Shown, word: str, role: str, *, pointed: bool
) -> None:
    if layout.stamp is not Stamp.OFF:
        here.add(_stamp(line, layout, shown), "log_time", STAMP_WIDTH, right=True)
    here.add(layout.look.signs.pointer if pointed else " ", "strong")
    here.add(word, role, LEVEL_WIDTH)
    if layout.run:
        here.add(" ").add(line.run or "", "muted", layout.run)
    if layout.step:
        here.add(" ").add(line.step or "", "label", layout.step)
    here.add(" ")


def _stamp(line: LogLine, layout: Layout, shown: Shown) -> str:
    if line.at is None:
        return numbers.UNKNOWN
    if layout.stamp is Stamp.CLOCK:
        return layout.look.millis(line.at)
    if shown.began is None:
        return numbers.UNKNOWN
    seconds = line.at - shown.began
    return f"{seconds:+.3f}s" if abs(seconds) < 10_000 else f"{int(seconds):+d}s"


def _marker(key: str, line: LogLine, layout: Layout, selected: bool) -> Row:
    rule = layout.look.signs.rule
    here = Line(layout.look, layout.width, selected=selected).to(layout.indent + 1)
    here.add(f"{rule * 2} {line.message} ", "log_mark")
    return here.add(rule * (layout.width - here.used), "log_mark").row(key)


def _body(line: LogLine, layout: Layout) -> list[Span]:
    """The parts of the message, one a row."""
    if line.mark is not Mark.LINE:
        return [(0, len(line.message))]
    if not layout.wrap:
        return [(_skip(line.message, layout.shift), len(line.message))]
    return _pieces(line.message, layout.width - layout.message)


def _extra(line: LogLine, layout: Layout, opened: bool) -> Sequence[str]:
    """What stands below the message: the opened detail, or that there is a traceback."""
    if line.mark is not Mark.LINE or not line.detail:
        return ()
    if not opened:
        if line.level < Level.ERROR or not any("Traceback" in text for text in line.detail):
            return ()
        sign, cut = layout.look.signs.enter, layout.look.signs.more
        return (f"Traceback {cut} ({sign} opens {len(line.detail)} lines)",)
    detail = _tracebacks_first(line.detail)
    if not layout.wrap:
        return detail
    width = layout.width - layout.detail
    return [text[start:end] for text in detail for start, end in _pieces(text, width)]


def _tracebacks_first(detail: Sequence[str]) -> Sequence[str]:
    """What stands behind a JSON object (texts of several rows) before it: it says why."""
    if not detail or detail[0] != "{" or "}" not in detail:
        return detail
    end = detail.index("}") + 1
    return (*detail[end:], *detail[:end])


def _text(here: Line, layout: Layout, text: str, piece: Span, spans: Sequence[Span], role: str) -> None:
    """Add ``text[piece]``; what is left out at either side is told by a sign."""
    start, end = piece
    sign = layout.look.signs.cut
    room = layout.width - here.used
    if start and not layout.wrap:
        here.add(sign, "muted")
        start = min(end, start + 1)
        room -= 1
    shown = start + len(_fitting(text[start:end], room))
    cut = shown < end
    if cut:
        shown = start + len(_fitting(text[start:end], room - 1))
    at = start
    for first, last in spans:
        low, high = max(first, at), min(last, shown)
        if low < high:
            here.add(text[at:low], role).add(text[low:high], "match")
            at = high
    here.add(text[at:shown], role)
    if cut:
        here.add(sign, "muted")


def _fitting(text: str, width: int) -> str:
    """As much of ``text`` as ``width`` cells hold."""
    if width <= 0:
        return ""
    if text.isascii() or cell_len(text) <= width:
        return text[:width] if text.isascii() else text
    used = 0
    for index, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > width:
            return text[:index]
    return text


def _skip(text: str, cells: int) -> int:
    """The index of the character behind the first ``cells`` cells, at most the last one."""
    if not cells or not text:
        return 0
    return min(len(_fitting(text, cells)), len(text) - 1)


def _pieces(text: str, width: int) -> list[Span]:
    """``text`` in rows of ``width`` cells, broken at a space where one is near the end."""
    pieces: list[Span] = []
    start = 0
    while True:
        part = _fitting(text[start:], max(1, width)) or text[start : start + 1]
        end = start + len(part)
        if end >= len(text):
            pieces.append((start, len(text)))
            return pieces
        space = text.rfind(" ", start + len(part) * 2 // 3, end + 1)
        if space > start:
            end = space
        pieces.append((start, end))
        start = end + 1 if text[end] == " " else end
