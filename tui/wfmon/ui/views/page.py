"""A text to read: scrolls without a cursor."""

from __future__ import annotations

from typing import ClassVar

from wfmon.ui.keys import Where
from wfmon.ui.rows import Line, Row
from wfmon.ui.views.base import Frame, View


class PageView(View):
    """Subclasses give ``title`` and ``lines``."""

    where: ClassVar[Where] = Where.PAGE
    footer: ClassVar[tuple[str, ...]] = ("back",)

    def __init__(self) -> None:
        super().__init__()
        self.top = 0
        self._most = 0

    def title(self, frame: Frame) -> Row:
        raise NotImplementedError

    def lines(self, frame: Frame) -> list[Row]:
        raise NotImplementedError

    def rows(self, frame: Frame) -> list[Row]:
        lines = self.lines(frame)
        height = frame.height - 1
        self.page = max(1, height)
        self._most = max(0, len(lines) - height)
        self.top = min(self.top, self._most)
        shown = lines[self.top : self.top + height]
        if self.top < self._most:
            left = len(lines) - self.top - height + 1
            shown[-1] = Line(frame.look, frame.width).add(f"  … {left} more lines below", "muted").row()
        return [self.title(frame), *shown]

    def moves(self, action: str) -> bool:
        step = {
            "up": -1,
            "down": 1,
            "page_up": 1 - self.page,
            "page_down": self.page - 1,
            "half_up": -self.page // 2,
            "half_down": self.page // 2,
            "top": -self._most,
            "bottom": self._most,
        }.get(action, 0)
        before = self.top
        self.top = max(0, min(self._most, self.top + step))
        return self.top != before
