"""A runbook: a link to be copied, or the text of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wfmon.text.sanitize import safe
from wfmon.ui.aside import aside
from wfmon.ui.panes.facts import wrapped_fact
from wfmon.ui.rows import Line, Row, rule, wrap
from wfmon.ui.runbooks import Runbook
from wfmon.ui.views.base import Deed, Frame, ShellDoor
from wfmon.ui.views.page import PageView

_MOST_ROWS = 40  # of one line


class RunbookView(PageView):
    name = "runbook"
    footer: ClassVar[tuple[str, ...]] = ("copy", "back")

    def __init__(self, text: str, subject: str) -> None:
        """``text`` as the alert or the config says it; ``subject``: whose it is."""
        super().__init__()
        self.text = text
        self.subject = subject
        self._book: Runbook | None = None

    def opened(self, shell: ShellDoor) -> None:
        super().opened(shell)
        self.start(self._read())

    async def _read(self) -> None:
        runbooks, text = self.shell.runbooks(), self.text
        self._book = await aside(lambda: runbooks.read(text))
        self.shell.redraw()

    def deeds(self) -> Mapping[str, Deed]:
        what = "the link" if self._book is not None and self._book.is_link else "where it is"
        return {"copy": lambda: self.shell.copy(self._named, what)}

    def title(self, frame: Frame) -> Row:
        note = self._book.note if self._book is not None else ""
        return rule(frame.look, frame.width, f"Runbook: {self.subject}", frame.banner or note or "esc closes")

    def lines(self, frame: Frame) -> list[Row]:
        look, width, book = frame.look, frame.width, self._book
        if book is None:
            return [Line(look, width).add("  reading …", "muted").row()]
        label = "link" if book.is_link else "file"
        rows = wrapped_fact(look, width, label, self._named, "strong", _MOST_ROWS)
        if book.problem:
            return rows + wrapped_fact(look, width, "", book.problem, "warning", 3)
        if book.is_link:
            key = self.shell.keymap.key("copy")
            words = f"{key} copies it; wfmon-tui opens and fetches nothing by itself"
            return rows + wrapped_fact(look, width, "", words, "muted", 2)
        rows.append(Line(look, width).row())
        for text in book.lines or ("(it is empty)",):
            role = "heading" if text.startswith("#") else "text"
            rows += [
                Line(look, width).add(f" {part}", role).row() for part in wrap(text, width - 2, _MOST_ROWS)
            ]
        return rows

    @property
    def _named(self) -> str:
        book = self._book
        return safe(book.place) if book is not None and book.place else self.text
