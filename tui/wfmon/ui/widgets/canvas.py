"""The one widget: it shows rows of text and repaints only those that changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Canvas(Widget):
    """Rows are given whole; what is equal to what is shown is not painted again."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; }"

    def __init__(
        self,
        on_resize: Callable[[], None],
        on_click: Callable[[int, int], None],
        on_wheel: Callable[[int, int, int], None],
    ) -> None:
        """``on_click`` gets column and row, ``on_wheel`` column, row and -1 (up) or 1 (down)."""
        super().__init__()
        self._strips: list[Strip] = []
        self._resized = on_resize
        self._clicked = on_click
        self._wheeled = on_wheel

    def show(self, strips: Sequence[Strip]) -> int:
        """Show ``strips`` from the top; returns how many rows had to be painted."""
        width = self.size.width
        old = self._strips
        self._strips = list(strips)
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(old), len(strips)))
            if y >= len(old) or y >= len(strips) or not _same(old[y], strips[y])
        ]
        if changed:
            self.refresh(*changed)
        return len(changed)

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(self.size.width)
        return Strip.blank(self.size.width)

    def render_lines(self, crop: Region) -> list[Strip]:
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def on_resize(self) -> None:
        self._resized()

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self._clicked(event.x, event.y)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._wheeled(event.x, event.y, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._wheeled(event.x, event.y, 1)


def _same(one: Strip, other: Strip) -> bool:
    return one is other or one == other
