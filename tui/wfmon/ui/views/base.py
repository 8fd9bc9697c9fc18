"""What every screen is made of: rows to draw, deeds for keys, a cursor.

A view is a plain object, no Textual widget: the shell draws the rows of the top one on the one canvas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from wfmon.model.past import PastMoment
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.doors import Doors
from wfmon.ui.keys import Keymap, Where
from wfmon.ui.look import Look
from wfmon.ui.prompt import Question
from wfmon.ui.rows import Row, RowCursor

if TYPE_CHECKING:
    from wfmon.monitor.settings import RuleSettings
    from wfmon.ui.runbooks import Runbooks

Deed = Callable[[], object]
MOVES = ("up", "down", "top", "bottom", "page_up", "page_down", "half_up", "half_down")


@dataclass(frozen=True, slots=True)
class Frame:
    """What a view draws from. ``height`` leaves out the last row, which the shell draws.

    ``now`` is the time that ages are told from; of ``past``, a moment of the past, that moment.
    ``banner``: what the first row says in warning of a screen that is not of now.
    """

    snapshot: Snapshot | None
    now: float
    width: int
    height: int
    look: Look
    banner: str = ""
    past: PastMoment | None = None


class ShellDoor(Protocol):
    """What a view may ask of the shell around it."""

    @property
    def doors(self) -> Doors: ...
    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot on the screen (when paused: the one of that moment; None where nothing is known of
        a past one)."""
        ...

    @property
    def latest(self) -> Snapshot | None:
        """The newest snapshot, also while paused."""
        ...

    @property
    def paused_at(self) -> float | None: ...
    @property
    def moment(self) -> PastMoment | None:
        """The past moment on the screen; None: it is now."""
        ...

    def travel(self, at: float) -> None:
        """Ask for the past moment ``at`` (POSIX seconds) and show it when it is known."""
        ...

    @property
    def label(self) -> str:
        """What is watched, where the person named it (a profile, the demo)."""
        ...

    @property
    def by(self) -> str:
        """How this person's acks are signed."""
        ...

    @property
    def keymap(self) -> Keymap: ...
    @property
    def look(self) -> Look: ...
    @property
    def read_only(self) -> bool: ...
    def now(self) -> float: ...
    def open(self, view: View) -> None: ...
    def back(self) -> None: ...
    def switch(self, name: str) -> None:
        """Show the base view of that name (``baseviews``) in the place of all that is open."""
        ...

    def redraw(self) -> None:
        """Draw soon: something of the view changed."""
        ...

    def tell(self, text: str, *, ok: bool = True) -> None:
        """Show one line in the last row until the next key or for a few seconds."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Put ``text`` into the clipboard of the person's terminal; ``what`` it is, in words."""
        ...

    def hand_over(self, text: str, what: str) -> None:
        """Copy ``text`` and keep it in a file too, named by ``what``."""
        ...

    def save_each(self, texts: Mapping[str, str], what: str) -> None:
        """Keep ``texts``, by kind (``csv``, ``json``, ``md``), in files named by ``what``."""
        ...

    def runbooks(self) -> Runbooks:
        """The runbooks that may be read."""
        ...

    def rules(self) -> RuleSettings | None:
        """The settings of the rules, as this process has them; None: not known."""
        ...

    def ask(self, question: Question) -> None:
        """Put a question into the last row; it takes the keys until it is answered."""
        ...

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` on the event loop; an error in it is told in the last row."""
        ...


class View:
    """One screen. Subclasses give ``rows`` and ``deeds``.

    ``footer`` lists the actions that the last row offers, in order; it shows those that ``deeds``
    has now. ``page`` is how many rows of the list the last drawing had, for the page keys.
    """

    where: ClassVar[Where] = Where.LIST
    timed: ClassVar[bool] = True  # shows one moment: may be taken through time
    name: ClassVar[str] = ""
    footer: ClassVar[tuple[str, ...]] = ("open", "back")

    shell: ShellDoor

    def __init__(self) -> None:
        self.cursor = RowCursor()
        self.page = 1
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self, shell: ShellDoor) -> None:
        """The view is about to be drawn for the first time."""
        self.shell = shell

    def closed(self) -> None:
        """The view will not be drawn again; what it started is cancelled."""
        for task in self._tasks:
            task.cancel()

    def covered(self) -> None:
        """Another view was opened over this one."""

    def uncovered(self) -> None:
        """This view is on the screen again."""

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """A new snapshot goes on the screen (called for the view on top)."""

    def travelled(self) -> None:
        """A moment that is far from the one before goes on the screen (called for the view on top)."""

    def first_step_back(self) -> float | None:
        """Where the first step back from now leads; None: one minute back."""
        return None

    def on_key(self) -> None:
        """Some key was pressed while this view was on the screen."""

    def rows(self, frame: Frame) -> list[Row]:
        """At most ``frame.height`` rows of ``frame.width`` cells."""
        raise NotImplementedError

    def deeds(self) -> Mapping[str, Deed]:
        """What each action id does on this row now; an action that is not there does nothing."""
        return {}

    def moves(self, action: str) -> bool:
        """Obey a move action; a view that scrolls without a cursor overrides it."""
        return self.cursor.move(action, self.page)

    def click(self, key: str, column: int) -> None:
        """Row ``key`` was clicked: select it, or open it if it is selected."""
        if self.cursor.key == key:
            deed = self.deeds().get("open")
            if deed:
                deed()
        else:
            self.cursor.select(key)

    def wheel(self, direction: int, key: str | None) -> None:
        """The wheel was turned by one notch (-1 up, 1 down) over the row ``key``."""
        for _ in range(3):
            self.moves("up" if direction < 0 else "down")

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work``, ended with the view."""
        task = self.shell.start(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
