"""The sources screen: is what I see fresh, and what do I not see?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wfmon.ui.panes.sources import head, source_rows, worst_first
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.rows import Line, Row, Scroll, width_of
from wfmon.ui.views.base import Deed, Frame, View


class SourcesView(View):
    name = "sources"
    footer: ClassVar[tuple[str, ...]] = ("open", "refresh", "back")

    def __init__(self) -> None:
        super().__init__()
        self._scroll = Scroll()
        self._opened: set[str] = set()

    def deeds(self) -> Mapping[str, Deed]:
        key = self.cursor.key
        if key is None:
            return {}
        return {"open": lambda: self._toggle(key)}

    def _toggle(self, key: str) -> None:
        self._opened ^= {key}

    def rows(self, frame: Frame) -> list[Row]:
        look, width, snapshot = frame.look, frame.width, frame.snapshot
        if snapshot is None and frame.past is not None:
            return [_title(frame), *unknown_rows(frame, frame.past)]
        rows = [_title(frame), head(look, width)]
        sources = worst_first(snapshot.sources) if snapshot else []
        if not sources:
            words = "  No source is configured. wfmon-tui --help names the ways to add one."
            return [*rows, Line(look, width).add(words, "muted").row()]
        self.cursor.place([source.name for source in sources])
        body: list[Row] = []
        last = 0
        for source in sources:
            selected = source.name == self.cursor.key
            opened = source.name in self._opened
            body += source_rows(look, width, source, frame.now, selected=selected, opened=opened)
            if selected:
                last = len(body) - 1
        height = frame.height - len(rows)
        self.page = max(1, height // 2)
        return rows + [body[index] for index in self._scroll.window(last, len(body), height)]


def _title(frame: Frame) -> Row:
    snapshot, width = frame.snapshot, frame.width
    line = Line(frame.look, width).add("Sources", "heading")
    if frame.banner:
        return line.to(width - width_of(frame.banner)).add(frame.banner, "warning").row()
    if snapshot is None:
        return line.row()
    who = "you" if snapshot.collector.self_ else snapshot.collector.user
    right = f"collector: {who} · pid {snapshot.collector.pid}"
    return line.to(width - width_of(right)).add(right, "title").row()
