"""Rows of the screen, how one is put together, and the cursor that stays on a row's key."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from wfmon.model.record import dataclass
from wfmon.ui.look import Look
from wfmon.ui.signs import plain


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the screen. ``key`` names what it stands for; None cannot be selected."""

    strip: Strip
    key: str | None = None

    @property
    def text(self) -> str:
        return self.strip.text


def width_of(text: str) -> int:
    """Cells that ``text`` takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int, sign: str = "…") -> str:
    """``text`` in at most ``width`` cells; what was left out is told by ``sign``."""
    if width_of(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + sign


def tail(text: str, width: int, sign: str = "…") -> str:
    """The end of ``text`` in ``width`` cells: of a path it says most (``…lib/wf/data``)."""
    return cut(text[::-1], width, sign)[::-1]


def wrap(text: str, width: int, limit: int) -> list[str]:
    """``text`` broken at spaces into at most ``limit`` rows of ``width`` cells (the last may be longer)."""
    rows: list[str] = []
    rest = text
    while len(rows) < limit - 1 and width_of(rest) > width:
        head = set_cell_size(rest, width + 1)
        at = head.rfind(" ")
        if at <= width // 3:
            at = len(set_cell_size(rest, width))
        rows.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    rows.append(rest)
    return rows


class Line:
    """Puts one row together from pieces, each in the style of a role.

    What does not fit in ``width`` is cut; what is left over is filled with the ground. Text is never
    read as markup.
    """

    __slots__ = ("_look", "_parts", "_selected", "used", "width")

    def __init__(self, look: Look, width: int, *, selected: bool = False) -> None:
        self._look = look
        self._selected = selected
        self._parts: list[Segment] = []
        self.width = width
        self.used = 0

    def add(self, text: str, role: str = "text", width: int | None = None, *, right: bool = False) -> Line:
        """Append ``text``; with ``width``, cut or padded to it (``right``: aligned right)."""
        if self._look.ascii:
            text = plain(text)
        size = width_of(text)
        if width is not None and size != width:
            if size > width:
                text = cut(text, width, self._look.signs.cut)
                size = width_of(text)
            gap = " " * (width - size)
            text = gap + text if right else text + gap
            size = width
        if size > self.width - self.used:
            text = cut(text, self.width - self.used, self._look.signs.cut)
            size = width_of(text)
        if text:
            self._append(text, self._look.style(role, self._selected))
            self.used += size
        return self

    def to(self, column: int) -> Line:
        """Fill with the ground up to ``column``."""
        gap = min(column, self.width) - self.used
        return self.add(" " * gap) if gap > 0 else self

    def append(self, row: Row) -> Line:
        """Append a row drawn elsewhere (a pane beside another), as it is."""
        self._parts.extend(row.strip)
        self.used += row.strip.cell_length
        return self

    def row(self, key: str | None = None) -> Row:
        self.to(self.width)
        return Row(Strip(self._parts, self.width), key)

    def _append(self, text: str, style: Style) -> None:
        if self._parts and self._parts[-1].style == style:
            text = self._parts.pop().text + text
        self._parts.append(Segment(text, style))


def blank(look: Look, width: int) -> Row:
    return Row(Strip.blank(width, look.style("text")))


def rule(look: Look, width: int, title: str, right: str = "", *, active: bool = False) -> Row:
    """A pane's title line: ``─ Title ────── right ─``; a pointer begins it where the cursor is in the pane
    (``active``)."""
    sign = look.signs.rule
    line = Line(look, width).add(look.signs.pointer if active else sign, "key" if active else "rule")
    line.add(" ", "rule").add(title, "heading").add(" ")
    tail = width_of(right) + 3 if right else 0
    line.add(sign * max(0, width - line.used - tail), "rule")
    if right:
        line.add(" ").add(right, "heading").add(f" {sign}", "rule")
    return line.row()


class Scroll:
    """The window of a list that is drawn; it moves no further than the cursor needs."""

    def __init__(self) -> None:
        self.top = 0

    def window(self, index: int | None, count: int, height: int) -> range:
        """Indexes to draw in ``height`` rows; ``index`` (None: the cursor is elsewhere) is among them."""
        if height <= 0:
            return range(0)
        if index is not None:
            self.top = min(max(self.top, index - height + 1), index)
        self.top = max(0, min(self.top, count - height))
        return range(self.top, min(count, self.top + height))


class RowCursor:
    """A cursor over keys, and the window of a list that shows it.

    It stays on its key when the order changes; when the key goes, it takes the place's next one.
    """

    def __init__(self) -> None:
        self.key: str | None = None
        self._scroll = Scroll()
        self._keys: Sequence[str] = ()
        self._index = 0

    @property
    def index(self) -> int:
        return self._index

    @property
    def keys(self) -> Sequence[str]:
        return self._keys

    def place(self, keys: Sequence[str]) -> None:
        """Take the present keys in their order."""
        if keys is not self._keys:
            self._keys = keys
            if not keys:
                self._index = 0
                return
            if self._index >= len(keys) or keys[self._index] != self.key:
                try:
                    self._index = keys.index(self.key)
                except ValueError:
                    self._index = min(self._index, len(keys) - 1)
                    self.key = keys[self._index]

    def select(self, key: str) -> bool:
        """Go to ``key`` if it is there."""
        if key not in self._keys:
            return False
        self._index = self._keys.index(key)
        self.key = key
        return True

    def move(self, action: str, page: int) -> bool:
        """Obey one of the move actions; ``page`` is the number of rows shown. True if it moved."""
        step = {
            "up": -1,
            "down": 1,
            "page_up": -page,
            "page_down": page,
            "half_up": -(page // 2),
            "half_down": page // 2,
            "top": -len(self._keys),
            "bottom": len(self._keys),
        }.get(action)
        if step is None or not self._keys:
            return False
        self._index = max(0, min(len(self._keys) - 1, self._index + step))
        moved = self._keys[self._index] != self.key
        self.key = self._keys[self._index]
        return moved

    def window(self, height: int) -> range:
        """Indexes of the rows to draw in ``height`` rows, so that the cursor is among them."""
        return self._scroll.window(self._index, len(self._keys), height)
