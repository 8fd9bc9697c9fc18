"""A screen with a log in it: keys, clicks and the wheel go to the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wfmon.ui.keys import Where
from wfmon.ui.logs.pane import LogPane, Subject
from wfmon.ui.views.base import Deed, ShellDoor, View


class LoggedView(View):
    """Subclasses give ``subject``, and ``rows`` with those of ``log`` among them."""

    where: ClassVar[Where] = Where.LOG
    timed: ClassVar[bool] = False
    footer: ClassVar[tuple[str, ...]] = (
        "open",
        "next_error",
        "search",
        "next_match",
        "follow",
        "wrap",
        "timestamps",
        "pause",
        "back",
    )

    log: LogPane

    def __init__(self, *, focus_error: bool = False) -> None:
        super().__init__()
        self._focus_error = focus_error

    def subject(self) -> Subject:
        raise NotImplementedError

    def opened(self, shell: ShellDoor) -> None:
        super().opened(shell)
        self.log = LogPane(self.subject(), shell, self.start, focus_error=self._focus_error)
        self.start(self.log.keep_following())

    def covered(self) -> None:
        self.log.on_screen = False

    def uncovered(self) -> None:
        self.log.on_screen = True
        self.log.tick()

    def deeds(self) -> Mapping[str, Deed]:
        return self.log.deeds()

    def moves(self, action: str) -> bool:
        return self.log.moves(action)

    def click(self, key: str, column: int) -> None:
        self.log.click(key)

    def wheel(self, direction: int, key: str | None) -> None:
        self.log.wheel(direction)
