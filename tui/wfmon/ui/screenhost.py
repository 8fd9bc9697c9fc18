"""What the shell is given: the program that holds the terminal, and how the screen is to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from wfmon.model.record import dataclass
from wfmon.ui.keys import Keymap
from wfmon.ui.look import Look

if TYPE_CHECKING:
    from wfmon.monitor.settings import RuleSettings
    from wfmon.ui.copies import Copies
    from wfmon.ui.runbooks import Runbooks


class Host(Protocol):
    """What the shell needs of the program that holds the terminal."""

    def draw_soon(self) -> None: ...
    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...
    def leave(self) -> None: ...
    def suspend_to_shell(self) -> None: ...
    def repaint(self) -> None:
        """Send every row again, whatever the terminal is thought to show."""
        ...

    def copy(self, text: str) -> None: ...
    def costs(self) -> Sequence[tuple[str, str]]:
        """What the screen itself costs, as labels and figures."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """``label`` is the profile or target shown beside the host's name, if any. ``copies``: where what is
    copied is kept too (None: nowhere), ``runbooks``: those that may be read, ``rules``: what the rules are
    held against; each made when it is needed."""

    look: Look
    keymap: Keymap
    by: str = ""
    label: str = ""
    read_only: bool = False
    copies: Callable[[], Copies] | None = None
    runbooks: Callable[[], Runbooks] | None = None
    rules: Callable[[], RuleSettings] | None = None
