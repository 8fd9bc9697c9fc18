"""A shell without a terminal: doors that remember, a host that counts, a clock that stands."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any

from rich.cells import cell_len

from support.snapshots import NOW
from wfmon.model.action import Action, Outcome
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.past import Ended, PastMoment, Series, SeriesRequest
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Priced, Spending, SpendRequest
from wfmon.monitor.doors import Memory
from wfmon.monitor.memory import NoMemory
from wfmon.ui.keys import Keymap
from wfmon.ui.look import Look, make_look
from wfmon.ui.screenhost import Settings
from wfmon.ui.shell import Shell
from wfmon.ui.theme import load_theme
from wfmon.ui.views.base import View
from wfmon.ui.views.operations import OperationsView


class FakeMemory:
    """Answers that are posted by hand; what is not posted is not known.

    ``moments``: by their time. ``gaps`` (begin, end, why): nothing is known between. While ``held`` is
    there, questions wait for it.
    """

    def __init__(self, first: float | None = None, last: float | None = None) -> None:
        self.first, self.last = first, last
        self.moments: Callable[[float], Snapshot | None] = lambda at: None
        self.gaps: list[tuple[float, float, str]] = []
        self.seconds = 60.0
        self.asked: list[float] = []
        self.cancelled: list[float] = []
        self.series_asked: list[SeriesRequest] = []
        self.course: Series | None = None
        self.over = Ended()
        self.ended_asked: list[float] = []
        self.spending_asked: list[SpendRequest] = []
        self.held: asyncio.Event | None = None
        self.under_way = 0
        self.most_under_way = 0

    async def moment(self, at: float) -> PastMoment:
        self.asked.append(at)
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        try:
            if self.held is not None:
                await self.held.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(at)
            raise
        finally:
            self.under_way -= 1
        return self._moment(at)

    def _moment(self, at: float) -> PastMoment:
        if self.first is None or self.last is None:
            return PastMoment(at, None, why="no history is kept")
        if at < self.first:
            return PastMoment(at, None, after=self.first, why="nothing was kept then")
        if at > self.last:
            return PastMoment(at, None, before=self.last, why="not kept yet")
        for begin, end, why in self.gaps:
            if begin < at < end:
                return PastMoment(at, None, before=begin, after=end, why=why)
        before = at - self.seconds if at - self.seconds >= self.first else None
        after = at + self.seconds if at + self.seconds <= self.last else None
        return PastMoment(at, self.moments(at), self.seconds, before, after)

    async def series(self, request: SeriesRequest) -> Series:
        self.series_asked.append(request)
        return self.course or Series(request.begin, request.end, problem="no history is kept")

    async def ended(self, since: float, limit: int = 200) -> Ended:
        self.ended_asked.append(since)
        return self.over

    async def runs(self, workflow: str, limit: int = 100) -> tuple[Run, ...]:
        return ()

    async def spending(self, request: SpendRequest) -> Priced:
        self.spending_asked.append(request)
        return Priced(Spending(request.begin, request.end, problem="no history is kept"))


class FakeDoors:
    """Doors whose snapshots are posted by hand."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self._snapshot = snapshot
        self._deliver: list[Callable[[Snapshot], None]] = []
        self.actions: list[Action] = []
        self.outcome = Outcome(True, "done")
        self.page = LogPage(())
        self.requests: list[LogRequest] = []
        self.memory: Memory = NoMemory("no history is kept")
        self.rests = 0

    @property
    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    @property
    def subscribers(self) -> int:
        return len(self._deliver)

    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]:
        self._deliver.append(deliver)
        if self._snapshot is not None:
            deliver(self._snapshot)
        return lambda: self._deliver.remove(deliver)

    def publish(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        for deliver in list(self._deliver):
            deliver(snapshot)

    async def pages(self, request: LogRequest) -> LogPage:
        self.requests.append(request)
        return self.page

    async def act(self, action: Action) -> Outcome:
        self.actions.append(action)
        return self.outcome

    def rest(self) -> None:
        self.rests += 1


class FakeHost:
    """Counts what the shell asks of the program."""

    def __init__(self) -> None:
        self.draws = 0
        self.left = False
        self.suspended = False
        self.repainted = 0
        self.copied: list[str] = []

    def draw_soon(self) -> None:
        self.draws += 1

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Where no loop runs, ``work`` is done when this returns: it must not wait for anything."""
        try:
            return asyncio.get_running_loop().create_task(work)
        except RuntimeError:
            task = _loop().create_task(work)
            _loop().run_until_complete(task)
            return task

    def leave(self) -> None:
        self.left = True

    def suspend_to_shell(self) -> None:
        self.suspended = True

    def repaint(self) -> None:
        self.repainted += 1

    def copy(self, text: str) -> None:
        self.copied.append(text)

    def costs(self) -> list[tuple[str, str]]:
        return [("key may wait, p99", "3ms")]


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of tests that have none of their own."""
    loop = asyncio.new_event_loop()
    atexit.register(loop.close)
    return loop


def look(theme: str = "dark", *, ascii_only: bool = False) -> Look:
    return make_look(load_theme(theme, no_color=False), ascii_only=ascii_only, timezone="UTC")


async def settled() -> None:
    """Let everything run that need not wait for a person or for the time."""
    for _ in range(50):
        await asyncio.sleep(0)


class Stage:
    """A shell with a view, a clock and fakes around it."""

    def __init__(
        self,
        snapshot: Snapshot | None = None,
        *,
        view: View | None = None,
        ascii_only: bool = False,
        read_only: bool = False,
        label: str = "",
        size: tuple[int, int] = (80, 24),
        **kept: Any,
    ) -> None:
        """``kept``: ``copies`` and ``runbooks`` as ``Settings`` takes them."""
        self.now = NOW
        self.size = size
        self.doors = FakeDoors(snapshot)
        self.host = FakeHost()
        settings = Settings(look(ascii_only=ascii_only), Keymap(), "joe", label, read_only, **kept)
        self.shell = Shell(self.doors, settings, self.host, lambda: self.now)
        self.view = view or OperationsView()
        self.shell.open(self.view)
        if snapshot is not None:
            self.show(snapshot)

    def show(self, snapshot: Snapshot) -> list[str]:
        """A snapshot arrives and goes on the screen."""
        self.shell.arrived(snapshot)
        self.shell.present()
        return self.lines()

    def lines(self) -> list[str]:
        """The screen as text, without the blanks at the right."""
        width, height = self.size
        rows = self.shell.draw(width, height)
        assert len(rows) == height
        assert {cell_len(row.text) for row in rows} == {width}
        assert {row.strip.cell_length for row in rows} == {width}
        return [row.text.rstrip() for row in rows]

    def text(self) -> str:
        return "\n".join(self.lines())

    def press(self, *keys: str) -> list[str]:
        for key in keys:
            self.shell.press(key, key if len(key) == 1 else None)
        return self.lines()

    def type(self, text: str) -> list[str]:
        return self.press(*text)

    async def arrived(self, *keys: str) -> list[str]:
        """Press keys, if any; after each, what was asked of the memory is answered and drawn."""
        await settled()
        for key in keys:
            self.press(key)
            await settled()
            self.lines()
        return self.lines()

    def cursor_line(self) -> str:
        """The text of the row under the cursor."""
        width, height = self.size
        key = self.shell.view.cursor.key
        rows = [row for row in self.shell.draw(width, height) if row.key == key]
        return rows[0].text.rstrip() if rows else ""
