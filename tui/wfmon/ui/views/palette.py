"""The command palette: every action that does something now, the themes, and a line to find them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar

from wfmon.config.resources import theme_names
from wfmon.model.record import dataclass, replace
from wfmon.ui.keys import shown
from wfmon.ui.prompt import AskLine
from wfmon.ui.rows import Line, Row, rule
from wfmon.ui.shell import Shell
from wfmon.ui.theme import ThemeError, load_theme
from wfmon.ui.views.base import MOVES, Deed, Frame, ShellDoor, View


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    words: str
    keys: str
    deed: Deed


class PaletteView(View):
    name = "palette"
    timed: ClassVar[bool] = False
    footer: ClassVar[tuple[str, ...]] = ("open", "back")

    def __init__(self, of: Shell) -> None:
        super().__init__()
        self._of = of
        self._entries = _entries(of)
        self._found = {entry.name: entry for entry in self._entries}

    def opened(self, shell: ShellDoor) -> None:
        super().opened(shell)
        self._ask()

    def deeds(self) -> Mapping[str, Deed]:
        return {"open": self._run} if self.cursor.key else {}

    def click(self, key: str, column: int) -> None:
        self.cursor.select(key)
        self._run()

    def rows(self, frame: Frame) -> list[Row]:
        look, width = frame.look, frame.width
        self.cursor.place(list(self._found))
        self.page = frame.height - 1
        rows = [rule(look, width, "Commands", f"{len(self._found)} of {len(self._entries)}")]
        entries = list(self._found.values())
        for index in self.cursor.window(self.page):
            entry = entries[index]
            line = Line(look, width, selected=entry.name == self.cursor.key).add("  ")
            line.add(entry.words, "strong", max(20, width - 34)).add(" ").add(entry.keys, "key", 12)
            rows.append(line.add(entry.name, "muted").row(entry.name))
        if not entries:
            rows.append(Line(look, width).add("  nothing of that name", "muted").row())
        return rows

    def _ask(self) -> None:
        self.shell.ask(AskLine(":", self._done, self._changed, self._other))

    def _changed(self, text: str) -> None:
        words = text.casefold().split()
        found = [
            entry
            for entry in self._entries
            if all(word in f"{entry.name} {entry.words}".casefold() for word in words)
        ]
        found.sort(key=lambda entry: not entry.name.startswith(text.casefold().strip()))
        self._found = {entry.name: entry for entry in found}
        self.cursor.place(list(self._found))
        if found:
            self.cursor.select(found[0].name)

    def _other(self, key: str) -> None:
        for move in MOVES:
            if key in self.shell.keymap.keys(move):
                self.moves(move)

    def _done(self, text: str | None) -> None:
        if text is None:
            self.shell.back()
        else:
            self._run()

    def _run(self) -> None:
        entry = self._found.get(self.cursor.key or "")
        self.shell.back()
        if entry is not None:
            entry.deed()


def _entries(shell: Shell) -> list[_Entry]:
    entries = []
    for action in shell.keymap.of(shell.view.where):
        deed = shell.deeds().get(action.id)
        if deed is None or action.id == "palette" or (action.writes and shell.read_only):
            continue
        keys = " ".join(shown(key, ascii_only=shell.look.ascii) for key in shell.keymap.keys(action.id))
        entries.append(_Entry(action.id, action.words, keys, deed))
    for name in theme_names(os.environ):
        entries.append(_Entry(f"theme {name}", f"theme: {name}", "", _wear(shell, name)))
    entries.append(_Entry("perf", "what wfmon-tui itself costs", "", _open_perf(shell)))
    return entries


def _wear(shell: Shell, name: str) -> Deed:
    def wear() -> None:
        try:
            theme = load_theme(name)
        except ThemeError as error:
            shell.tell(str(error), ok=False)
            return
        shell.wear(replace(shell.look, theme=theme))

    return wear


def _open_perf(shell: Shell) -> Deed:
    def open_perf() -> None:
        from wfmon.ui.views.perf import PerfView

        shell.open(PerfView(shell))

    return open_perf
