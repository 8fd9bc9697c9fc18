"""The frame writer: turns Textual's screen updates into what the terminal does not show yet.

Textual sends every dirty span again; this remembers the cells and sends the difference. It reads
private parts of Textual, so it works so only on the versions it is tested with. On any other it sends
everything, as Textual would, with the text still guarded. Hyperlinks in styles are never sent: a
link's target is text from outside that no cell shows.
"""

from __future__ import annotations

from rich.color import ColorSystem
from rich.console import Console, RenderableType
from rich.style import Style

from wfmon.text.sanitize import guard
from wfmon.ui.screenmemory import SANE, ScreenMemory, add_cells
from wfmon.ui.textualrelease import RELEASE, textual_is_known

if textual_is_known(RELEASE):
    from textual._compositor import ChopsUpdate, LayoutUpdate
    from textual.strip import Strip


class FrameWriter:
    """``take`` what Textual wants shown, send what ``frame`` returns. Used on the event loop only."""

    def __init__(self, *, release: str | None = None) -> None:
        self._release = release or RELEASE
        self.diffs = textual_is_known(self._release)
        self.memory = ScreenMemory()
        self._plain: list[str] = []

    @property
    def status(self) -> str:
        """One line for ``:perf``."""
        if self.diffs:
            return f"sends what changed (Textual {self._release})"
        return f"sends everything, guarded: Textual {self._release} is not one it was tested with"

    def resize(self, width: int, height: int) -> None:
        """The terminal's size; another one than before means that nothing is known of the screen."""
        if (width, height) != (self.memory.width, self.memory.height):
            self.memory.resize(width, height)

    def take(self, update: RenderableType, console: Console) -> None:
        """An update as ``App._display`` gets it: a compositor update, or anything Rich can render."""
        if self.memory.pens.full:
            self.memory.drop_unused_pens()
        if self.diffs and isinstance(update, LayoutUpdate):
            self._take_layout(update, console)
        elif self.diffs and isinstance(update, ChopsUpdate):
            self._take_chops(update, console)
        else:
            self._plain.append(guarded(update, console))
            self.memory.forget()

    def frame(self) -> str:
        """The bytes to send now, "" when the terminal shows all that is wanted."""
        if self._plain:
            sequence = "".join(self._plain)
            self._plain.clear()
            return sequence
        return self.memory.frame() if self.diffs else ""

    def forget(self) -> None:
        """Nothing is known of the screen any more: the next frame has every row.

        Without ``diffs`` it has only the state to draw in; the rows come when Textual draws them.
        """
        self.memory.forget()
        if not self.diffs:
            self._plain.append(SANE)

    def heal(self, first: int, count: int) -> None:
        """The next frame has these rows whole, whatever the terminal is thought to show."""
        self.memory.forget(range(first, min(first + count, self.memory.height)))

    def _take_layout(self, update: LayoutUpdate, console: Console) -> None:
        colours = console._color_system or ColorSystem.TRUECOLOR
        for y, line in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in line:
                if strip is not None:
                    self._put(y, x, x + strip.cell_length, strip, colours)
                    x += strip.cell_length

    def _take_chops(self, update: ChopsUpdate, console: Console) -> None:
        colours = console._color_system or ColorSystem.TRUECOLOR
        for y, left, right in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x < right and end > left:
                    self._put(y, x, min(end, right), strip, colours)

    def _put(self, y: int, x: int, end: int, strip: Strip, colours: ColorSystem) -> None:
        """A strip at its place, cut at ``end`` (a guarded control character is wider than thought)."""
        pens = self.memory.pens
        cells: list[str] = []
        numbers: list[int] = []
        for text, style, control in strip:
            if control:
                continue
            before = len(cells)
            add_cells(cells, text if text.isprintable() else guard(text))
            if style is None:
                number = 0
            else:
                ansi = style._ansi
                number = pens.number(Strip.render_ansi(style, colours) if ansi is None else ansi)
            numbers += [number] * (len(cells) - before)
        if len(cells) > end - x:
            del cells[end - x :], numbers[end - x :]
        self.memory.put(y, x, cells, numbers)


def guarded(update: RenderableType, console: Console) -> str:
    """An update as Rich renders it, whole, with the control characters in its text replaced."""
    parts: list[str] = []
    colours = console._color_system
    for text, style, control in console.render(update):
        if control or text == "\n":
            parts.append(text)
        else:
            bare = style.update_link(None) if style else Style.null()
            parts.append(bare.render(guard(text), color_system=colours))
    return "".join(parts)
