"""A page of panes that is longer than the screen: the part of it that the cursor is in."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, Scroll


class PageScroll:
    """It begins at its top while the cursor is on its first row that can be selected, and shows its end
    while it is on the last. What is out of sight is told in the last row."""

    def __init__(self) -> None:
        self._scroll = Scroll()

    def shown(
        self, look: Look, width: int, page: Sequence[Row], height: int, cursor: str | None
    ) -> list[Row]:
        if len(page) <= height:
            return list(page)
        keyed = [number for number, row in enumerate(page) if row.key is not None]
        at = next((number for number in keyed if page[number].key == cursor), None)
        if at is not None and at == keyed[0]:
            at = 0
        elif at is not None and at == keyed[-1]:
            at = len(page) - 1
        window = self._scroll.window(at, len(page), height - 1)
        above, below = window.start, len(page) - window.stop
        words = f"  {look.signs.more} {f'{below} more below' if below else f'{above} more above'}"
        return [*page[window.start : window.stop], Line(look, width).add(words, "muted").row()]
