"""What ended, and what changed beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from wfmon.analysis.shown import told
from wfmon.model.alert import Alert
from wfmon.model.history import Change
from wfmon.model.past import Ended
from wfmon.model.snapshot import Snapshot
from wfmon.ui import navigate
from wfmon.ui.look import Look
from wfmon.ui.panes.changes import change_rows
from wfmon.ui.panes.endings import HOUR, KEY, columns, episode_row, head, matches, near
from wfmon.ui.panes.episode import span
from wfmon.ui.prompt import AskLine
from wfmon.ui.rows import Line, Row, blank, rule, wrap
from wfmon.ui.views.base import Deed, Frame, ShellDoor, View

DAYS = 30  # that are asked for
AGAIN_SECONDS = 10.0
BESIDE_WIDTH = 116  # from which on both parts stand side by side
LEAST_ROWS = 3  # of either part


class EndedView(View):
    """It tells of the past as seen from now, whatever moment the screen is of."""

    name = "ended"
    timed: ClassVar[bool] = False
    footer: ClassVar[tuple[str, ...]] = ("open", "copy", "filter", "sources", "back")

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""
        self._known: Ended | None = None
        self._alerts: dict[str, Alert] = {}
        self._asked_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def opened(self, shell: ShellDoor) -> None:
        super().opened(shell)
        self._refresh()

    def uncovered(self) -> None:
        self._refresh()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        if not 0 <= self.shell.now() - self._asked_at < AGAIN_SECONDS:
            self._refresh()

    def _refresh(self) -> None:
        if self._task is None or self._task.done():
            self._asked_at = self.shell.now()
            self._task = self.start(self._ask())

    async def _ask(self) -> None:
        self._known = await self.shell.doors.memory.ended(self.shell.now() - DAYS * 86_400.0)
        self._alerts = {KEY + one.record.id: told(one) for one in self._known.episodes}
        self.shell.redraw()

    # --- keys

    def deeds(self) -> Mapping[str, Deed]:
        deeds: dict[str, Deed] = {}
        alert = self._alerts.get(self.cursor.key or "")
        if alert is not None and self.cursor.keys:
            deeds["open"] = lambda: navigate.open_alert(self.shell, alert)
            deeds["copy"] = lambda: navigate.hand_off(self.shell, alert)
            deeds["explain"] = lambda: navigate.open_explain(
                self.shell, alert.workflow, alert.id, alert=alert
            )
        if self._known is not None and (self._known.episodes or self._known.changes):
            deeds["filter"] = self._ask_filter
        if self.filter:
            deeds["back"] = lambda: self._set_filter("")
        return deeds

    def _ask_filter(self) -> None:
        before = self.filter

        def done(text: str | None) -> None:
            self._set_filter(before if text is None else text)

        self.shell.ask(AskLine("filter:", done, self._set_filter))

    def _set_filter(self, text: str) -> None:
        self.filter = text

    # --- drawing

    def rows(self, frame: Frame) -> list[Row]:
        wanted = self.filter.casefold()
        shown = {key: one for key, one in self._alerts.items() if matches(one, wanted)}
        self.cursor.place(list(shown))
        selected = shown.get(self.cursor.key or "")
        look, width, height = frame.look, frame.width, frame.height
        if self._known is None:
            return [self._title(frame, width, 0), Line(look, width).add("  asking …", "muted").row()]
        if width >= BESIDE_WIDTH:
            left = width * 13 // 20
            return _joined(
                look,
                left,
                self._episodes(frame, left, height, shown),
                width - left - 1,
                self._changes(frame, width - left - 1, height, selected, wanted),
            )
        below = max(LEAST_ROWS, height // 3)
        above = self._episodes(frame, width, height - below, shown)
        return above + self._changes(frame, width, height - len(above), selected, wanted)

    def _title(self, frame: Frame, width: int, count: int) -> Row:
        notes = [f"/{self.filter} {count} of {len(self._alerts)}"] if self.filter else []
        notes += [frame.banner] if frame.banner else []
        if not notes and count:
            notes = [f"{count} in {DAYS} days"]
        return rule(frame.look, width, "Ended", f" {frame.look.signs.dot} ".join(notes))

    def _episodes(self, frame: Frame, width: int, height: int, shown: Mapping[str, Alert]) -> list[Row]:
        look, now, known = frame.look, self.shell.now(), self._known
        rows = [self._title(frame, width, len(shown))]
        self.page = max(1, height - 2)
        if not shown:
            why = f'nothing that ended matches "{self.filter}"' if self.filter else ""
            why = why or (known.problem if known else None) or f"no alert ended in the last {DAYS} days"
            return rows + _words(look, width, why, height - 1)
        keys = [self.cursor.keys[number] for number in self.cursor.window(height - 2)]
        at = columns(look, width, [shown[key] for key in keys], now)
        rows.append(head(look, width, at))
        latest, chosen = self.shell.latest, self.cursor.key
        shared = latest is not None and latest.acks_shared
        return rows + [
            episode_row(look, width, at, shown[key], now, selected=key == chosen, shared=shared)
            for key in keys
        ]

    def _changes(
        self, frame: Frame, width: int, height: int, selected: Alert | None, wanted: str
    ) -> list[Row]:
        """What changed near the selected episode; where nothing is known to have, the newest."""
        look, now, known = frame.look, self.shell.now(), self._known
        every = [one for one in (known.changes if known else ()) if _changed(one, wanted)]
        shown = near(every, selected)
        when = ""
        if selected is not None:
            end = selected.ended_at if selected.ended_at is not None else selected.since
            when = span(look, selected.since - HOUR, end, now)
        rows = [rule(look, width, "What changed", when)]
        if not shown:
            why = (known.problem if known else None) or f"no change is known of {when or 'this time'}"
            rows += _words(look, width, why, 2)
            if every and height - len(rows) > 1:
                rows.append(Line(look, width).add("  the newest that are known:", "muted").row())
        return [*rows, *change_rows(look, width, shown or every, now)][:height]


def _changed(change: Change, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (change.subject, change.kind.value, change.text))


def _words(look: Look, width: int, text: str, most: int) -> list[Row]:
    parts = wrap(text, width - 4, max(1, most))
    return [Line(look, width).add(f"  {part}", "muted").row() for part in parts]


def _joined(look: Look, left: int, ours: list[Row], right: int, theirs: list[Row]) -> list[Row]:
    """Both parts side by side; a row stands for what its left part stands for."""
    rows = []
    for number in range(max(len(ours), len(theirs))):
        mine = ours[number] if number < len(ours) else blank(look, left)
        its = theirs[number] if number < len(theirs) else blank(look, right)
        middle = look.signs.tee_down if number == 0 else look.signs.column
        line = Line(look, left + 1 + right).append(mine).add(middle, "rule").append(its)
        rows.append(line.row(mine.key))
    return rows
