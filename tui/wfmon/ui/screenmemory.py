"""What the terminal shows and what it should show, cell by cell, and the difference as bytes.

A cell is its text: a character with whatever combines with it, and "" for the right half of a wide
one. Nothing here knows Textual.
"""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import bidirectional, category

from rich.cells import get_character_cell_size, split_graphemes

from wfmon.ui.sgr import Pens

# A screen that others have written on can have lost more than its text: string state, origin mode,
# scroll region, insert mode, character set, autowrap, the hidden cursor.
SANE = "\x1b\\\x1b[?6l\x1b[r\x1b[4l\x0f\x1b(B\x1b[?7l\x1b[?25l"

_BLANK = " "
_ERASE_FROM = 6  # blanks at the end of a row from which an erase is shorter

# Characters that every terminal draws one cell wide, as far as they have been met.
_narrow = {chr(code) for code in range(0x20, 0x7F)}
_NARROW_LIMIT = 4096
_RISKY_CATEGORIES = frozenset(("Mn", "Me", "Mc", "Cf", "Cc", "Cs", "Co", "Cn"))
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))


def is_narrow(text: str) -> bool:
    """Whether terminals agree that each character of ``text`` takes one cell of its own."""
    if _narrow.issuperset(text):
        return True
    for character in set(text) - _narrow:
        if not _is_narrow_character(character):
            return False
        if len(_narrow) < _NARROW_LIMIT:
            _narrow.add(character)
    return True


def _is_narrow_character(character: str) -> bool:
    return (
        ord(character) < 0x1F000
        and get_character_cell_size(character) == 1
        and category(character) not in _RISKY_CATEGORIES
        and bidirectional(character) not in _RIGHT_TO_LEFT
    )


def add_cells(cells: list[str], text: str) -> None:
    """Append ``text`` as cells; what has no width joins the cell before it, or goes where none is."""
    if is_narrow(text):
        cells += text
        return
    for start, end, width in split_graphemes(text)[0]:
        if width:
            cells.append(text[start:end])
            cells.extend([""] * (width - 1))
        elif cells:
            last = -1
            while cells[last] == "" and last > -len(cells):
                last -= 1
            cells[last] += text[start:end]


class Row:
    """One row of cells and the numbers of their pens."""

    __slots__ = ("cells", "pens")

    def __init__(self, width: int) -> None:
        self.cells = [_BLANK] * width
        self.pens = [0] * width

    def put(self, x: int, cells: list[str], pens: list[int]) -> None:
        """Overwrite from column ``x``; what hangs over the end is cut, a halved character blanked."""
        room = len(self.cells) - x
        if len(cells) > room:
            halved = cells[room] == ""
            cells, pens = cells[:room], pens[:room]
            if halved:
                cells[-1] = _BLANK
        end = x + len(cells)
        if not cells or (self.cells[x:end] == cells and self.pens[x:end] == pens):
            return
        if self.cells[x] == "":
            self._blank_head(x)
        if end < len(self.cells) and self.cells[end] == "":
            self._blank_tail(end)
        self.cells[x:end] = cells
        self.pens[x:end] = pens

    def _blank_head(self, x: int) -> None:
        while x and self.cells[x] == "":
            x -= 1
            half = self.cells[x]
            self.cells[x] = _BLANK
            if half:
                return

    def _blank_tail(self, x: int) -> None:
        while x < len(self.cells) and self.cells[x] == "":
            self.cells[x] = _BLANK
            x += 1

    def copy(self) -> Row:
        row = Row(0)
        row.cells, row.pens = self.cells[:], self.pens[:]
        return row

    def fitted(self, width: int) -> Row:
        row = Row(width)
        row.put(0, self.cells, self.pens)
        return row

    def same(self, other: Row) -> bool:
        return self.cells == other.cells and self.pens == other.pens

    def first_risky(self) -> int:
        """The first cell that terminals may draw in another width; the row's length if there is none."""
        if _narrow.issuperset(self.cells):
            return len(self.cells)
        return next(
            (x for x, cell in enumerate(self.cells) if len(cell) != 1 or not is_narrow(cell)),
            len(self.cells),
        )


class ScreenMemory:
    """Rows wanted and rows shown. ``put`` what is wanted, send what ``frame`` returns.

    A row of which it is not known what the terminal shows is sent whole; a row that nobody has put
    anything in is not sent at all.
    """

    def __init__(self, width: int = 0, height: int = 0) -> None:
        self.pens = Pens()
        self.width, self.height = width, height
        self._wanted: list[Row | None] = [None] * height
        self._shown: list[Row | None] = [None] * height
        self._dirty: set[int] = set()
        self._sane = False

    def resize(self, width: int, height: int) -> None:
        """What was wanted stays wanted as far as it fits; what the terminal shows is not known."""
        self.width, self.height = width, height
        self._wanted = [*self._wanted[:height], *[None] * (height - len(self._wanted))]
        for y, row in enumerate(self._wanted):
            if row is not None:
                self._wanted[y] = row.fitted(width)
        self._shown = [None] * height
        self._dirty.clear()
        self.forget()

    def put(self, y: int, x: int, cells: list[str], pens: list[int]) -> None:
        """What the terminal should show from column ``x`` of row ``y``; outside the screen is ignored."""
        if not (0 <= y < self.height and 0 <= x < self.width):
            return
        row = self._wanted[y]
        if row is None:
            row = self._wanted[y] = Row(self.width)
        row.put(x, cells, pens)
        self._dirty.add(y)

    def forget(self, rows: Iterable[int] | None = None) -> None:
        """It is not known what the terminal shows in these rows (None: in all, nor its state)."""
        if rows is None:
            rows = range(self.height)
            self._sane = False
        for y in rows:
            self._shown[y] = None
            self._dirty.add(y)

    def drop_unused_pens(self) -> None:
        """Between two frames, when ``pens.full``: colours that nobody shows are forgotten."""
        rows = [row for row in (*self._wanted, *self._shown) if row is not None]
        renumbered = self.pens.keep({number for row in rows for number in row.pens})
        for row in rows:
            row.pens = [renumbered[number] for number in row.pens]

    def frame(self) -> str:
        """The bytes that make the terminal show what is wanted, "" when it already does."""
        if not self._dirty and self._sane:
            return ""
        sender = _Sender(self.pens, self.width)
        if not self._sane:
            sender.out.append(SANE)
            self._sane = True
        for y in sorted(self._dirty):
            wanted, shown = self._wanted[y], self._shown[y]
            if wanted is None or (shown is not None and wanted.same(shown)):
                continue
            sender.row(y, shown, wanted)
            self._shown[y] = wanted.copy()
        self._dirty.clear()
        return "".join(sender.out)


class _Sender:
    """Cursor and pen while one frame is written; both unknown at its start, as others write too."""

    def __init__(self, pens: Pens, width: int) -> None:
        self.out: list[str] = []
        self._change = pens.change
        self._width = width
        self._x: int | None = None
        self._y: int | None = None
        self._pen: int | None = None

    def row(self, y: int, shown: Row | None, wanted: Row) -> None:
        risky = min(wanted.first_risky(), shown.first_risky() if shown else self._width)
        if shown is None:
            spans = [(0, self._width)]
        else:
            spans = _changed_spans(shown, wanted)
            if risky < self._width:
                spans = [(min(spans[0][0], risky), self._width)]
        blank_from = _blank_tail(wanted)
        for start, end in spans:
            stop = min(end, blank_from) if end == self._width else end
            if risky < self._width:
                self._risky_cells(y, wanted, start, stop)
            else:
                self._cells(y, wanted, start, stop)
            if stop < end:
                self._erase(y, max(stop, start))

    def _cells(self, y: int, row: Row, start: int, end: int) -> None:
        """Cells of one width, bridging what is unchanged before them when that is the shorter way."""
        if start >= end:
            return
        if self._y == y and self._x is not None and self._x < start:
            start = self._bridge(row, self._x, start)
        self._move(start, y)
        out, pens, at = self.out, row.pens, start
        while at < end:
            pen = pens[at]
            to = at + 1
            while to < end and pens[to] == pen:
                to += 1
            out.append(self._change(self._pen, pen))
            out.append("".join(row.cells[at:to]))
            self._pen, at = pen, to
        self._x = end if end < self._width else None

    def _bridge(self, row: Row, x: int, start: int) -> int:
        """Where to go on from: ``x`` when cells x..start cost no more than to jump over them."""
        jump = len(f"\x1b[{start - x}C")
        pens = row.pens[x : start + 1]
        changes = sum(before != after for before, after in zip([self._pen, *pens], pens, strict=False))
        least = self._pen != pens[-1]
        length = (
            len("".join(row.cells[x:start]).encode("utf-8", "replace")) if start - x <= jump else jump + 1
        )
        return x if changes == least and length <= jump else start

    def _risky_cells(self, y: int, row: Row, start: int, end: int) -> None:
        """As ``_cells`` for a row where terminals may differ about widths.

        Where such characters end, the column is said anew; before them their cells are erased, so
        that one drawn narrower than thought leaves nothing of the past behind.
        """
        at = start
        while at < end:
            risky = not self._is_plain(row.cells[at])
            to = at + 1
            while to < end and (not self._is_plain(row.cells[to])) == risky:
                to += 1
            if risky:
                self._move(at, y)
                self.out.append(self._change(self._pen, row.pens[at]))
                self.out.append(f"\x1b[{to - at}X")
                self._pen = row.pens[at]
            self._cells(y, row, at, to)
            if risky:
                self._x = None
            at = to

    @staticmethod
    def _is_plain(cell: str) -> bool:
        return len(cell) == 1 and is_narrow(cell)

    def _erase(self, y: int, x: int) -> None:
        """Blank the rest of a row; only in the default colours, which every terminal erases to."""
        self._move(x, y)
        self.out.append(self._change(self._pen, 0))
        self.out.append("\x1b[K")
        self._pen = 0

    def _move(self, x: int, y: int) -> None:
        if self._y == y and self._x == x:
            return
        ways = [f"\x1b[{y + 1 if y else ''}H" if x == 0 else f"\x1b[{y + 1};{x + 1}H"]
        if self._y == y:
            ways.append(f"\x1b[{x + 1}G")
            if self._x is not None and x > self._x:
                ways.append(f"\x1b[{x - self._x if x > self._x + 1 else ''}C")
        elif self._y is not None and x == 0 and self._y < y <= self._y + 1:
            ways.append("\r\n")
        self.out.append(min(ways, key=len))
        self._x, self._y = x, y


def _changed_spans(shown: Row, wanted: Row) -> list[tuple[int, int]]:
    """Columns that differ, as half-open spans; there is at least one."""
    spans: list[tuple[int, int]] = []
    start = -1
    rows = zip(shown.cells, wanted.cells, shown.pens, wanted.pens, strict=True)
    for x, (old, new, old_pen, new_pen) in enumerate(rows):
        if old != new or old_pen != new_pen:
            if start < 0:
                start = x
        elif start >= 0:
            spans.append((start, x))
            start = -1
    if start >= 0:
        spans.append((start, len(wanted.cells)))
    return spans


def _blank_tail(row: Row) -> int:
    """The column from which the row is blank in the default colours; its width if that is short."""
    width = len(row.cells)
    at = width
    while at and row.cells[at - 1] == _BLANK and row.pens[at - 1] == 0:
        at -= 1
    return at if width - at >= _ERASE_FROM else width
