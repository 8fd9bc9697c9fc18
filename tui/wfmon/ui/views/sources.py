"""The sources screen: is what I see fresh, and what do I not see?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wfmon.ui import explaining
from wfmon.ui.panes import discovery, history
from wfmon.ui.panes.facts import wrapped_fact
from wfmon.ui.panes.sources import head, ill_rules, kept_by, source_rows, worst_first
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.rows import Line, Row, Scroll, cut, width_of
from wfmon.ui.views.base import Deed, Frame, View


class SourcesView(View):
    name = "sources"
    footer: ClassVar[tuple[str, ...]] = ("open", "explain", "refresh", "back")

    def __init__(self) -> None:
        super().__init__()
        self._scroll = Scroll()
        self._opened: set[str] = set()

    def deeds(self) -> Mapping[str, Deed]:
        key = self.cursor.key
        if key is None or key in (history.KEY, discovery.KEY):
            return {}
        return {
            "open": lambda: self._toggle(key),
            "explain": lambda: explaining.explain_source(self.shell, key),
        }

    def _toggle(self, key: str) -> None:
        self._opened ^= {key}

    def rows(self, frame: Frame) -> list[Row]:
        look, width, snapshot = frame.look, frame.width, frame.snapshot
        if snapshot is None and frame.past is not None:
            return [_title(frame), *unknown_rows(frame, frame.past)]
        rows = [_title(frame)]
        if snapshot is not None and snapshot.collector.alone and not frame.banner:
            rows += wrapped_fact(look, width, "alone", snapshot.collector.alone, "unknown", 3)
        rows.append(head(look, width))
        body, last = self._body(frame)
        height = frame.height - len(rows)
        self.page = max(1, height // 2)
        return rows + [body[index] for index in self._scroll.window(last, len(body), height)]

    def _body(self, frame: Frame) -> tuple[list[Row], int]:
        """The sources and the history, and the last row of what the cursor is on."""
        look, width, snapshot = frame.look, frame.width, frame.snapshot
        sources = worst_first(snapshot.sources) if snapshot else []
        names = [source.name for source in sources]
        now = snapshot is not None and frame.past is None  # a past moment does not tell of the history
        found = snapshot.discovery if snapshot is not None else None
        blocks = ([discovery.KEY] if found is not None else []) + ([history.KEY] if now else [])
        self.cursor.place([*names, *blocks])
        rows: list[Row] = []
        last = 0
        for source in sources:
            selected = source.name == self.cursor.key
            opened = source.name in self._opened
            rows += source_rows(look, width, source, frame.now, selected=selected, opened=opened)
            if snapshot is not None:
                rows += ill_rules(look, width, snapshot, source.name)
            if opened and snapshot is not None:
                rows += kept_by(look, width, snapshot, source)
            if selected:
                last = len(rows) - 1
        if not sources and found is None:
            words = "  No source is configured. wfmon-tui --help names the ways to add one."
            rows.append(Line(look, width).add(words, "muted").row())
        if found is not None:
            selected = self.cursor.key == discovery.KEY
            rows += discovery.discovery_rows(look, width, found, selected=selected)
            last = len(rows) - 1 if selected else last
        if snapshot is not None and now:
            selected = self.cursor.key == history.KEY
            rows += history.history_rows(look, width, frame.now, snapshot.history, selected=selected)
            last = len(rows) - 1 if selected else last
        return rows, last


def _title(frame: Frame) -> Row:
    look, snapshot, width = frame.look, frame.snapshot, frame.width
    line = Line(look, width).add("Sources", "heading")
    if frame.banner:
        return line.to(width - width_of(frame.banner)).add(frame.banner, "warning").row()
    if snapshot is None:
        return line.row()
    collector = snapshot.collector
    if collector.alone:
        right = f"no collector: this process alone · pid {collector.pid}"
    elif collector.self_:
        right = f"collector: you · pid {collector.pid}"
    else:
        since = f" since {look.minute(collector.since, snapshot.at)}" if collector.since is not None else ""
        right = f"collector: {collector.user} · pid {collector.pid}{since}"
    right = cut(right, width - line.used - 2, look.signs.cut)
    return line.to(width - width_of(right)).add(right, "title").row()
