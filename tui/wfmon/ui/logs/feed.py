"""Fills the buffer through the door: one request at a time, the latest wish first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from wfmon.model.log import Anchor, Level, LogPage, LogRequest, Position
from wfmon.model.record import replace
from wfmon.ui.logs.buffer import LogBuffer

PAGE_LINES = 300
CATCH_UP_LINES = 1_000

Start = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
Pages = Callable[[LogRequest], Awaitable[LogPage]]


class LogFeed:
    """``subject`` says whose lines; every other field of a request is set here.

    A new request cancels the one that is under way; only ``poll`` and ``more`` wait their turn.
    ``loaded`` is called when lines came that were asked for, ``grown`` when new ones came by themselves.
    """

    def __init__(
        self,
        subject: LogRequest,
        buffer: LogBuffer,
        pages: Pages,
        start: Start,
        *,
        loaded: Callable[[], None],
        grown: Callable[[], None],
    ) -> None:
        self.problem: str | None = None
        self.behind: float | None = None
        self.answered = False
        self.task: asyncio.Task[None] | None = None
        self._subject = subject
        self._buffer = buffer
        self._pages = pages
        self._start = start
        self._loaded = loaded
        self._grown = grown

    @property
    def busy(self) -> bool:
        return self.task is not None and not self.task.done()

    def jump(self, anchor: Anchor, arrived: Callable[[LogPage], None]) -> None:
        """Load another place of the log in the stead of what is loaded."""

        async def work() -> None:
            page = await self._ask(anchor)
            self._take(page)
            arrived(page)

        self._begin(work())

    def find(
        self,
        anchor: Anchor,
        position: Position,
        arrived: Callable[[LogPage], None],
        *,
        pattern: str | None = None,
        level: Level = Level.ERROR,
    ) -> None:
        """Look outside what is loaded; what is loaded stays when nothing is found."""

        async def work() -> None:
            page = await self._ask(anchor, position, pattern=pattern, level=level)
            if page.focus is not None:
                self._take(page)
            arrived(page)

        self._begin(work())

    def more(self, anchor: Anchor, near: int) -> None:
        """Load what is BEFORE or AFTER the loaded lines, if nothing else is under way."""
        if self.busy:
            return

        async def work() -> None:
            before = anchor is Anchor.BEFORE
            page = await self._ask(anchor, self._buffer.start if before else self._buffer.end)
            if before:
                self._buffer.prepend(page, near)
            else:
                self._buffer.append(page, near)
            self._loaded()

        self._begin(work())

    def poll(self, near: int, *, following: bool) -> None:
        """Take what is new, if nothing else is under way."""
        if self.busy:
            return
        if not len(self._buffer):
            self._begin(self._again())
        elif self._buffer.live:
            self._begin(self._follow(near, following))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        if self.task is not None:
            self.task.cancel()
        self.task = self._start(work)

    async def _again(self) -> None:
        self._take(await self._ask(Anchor.END))

    async def _follow(self, near: int, following: bool) -> None:
        page = await self._ask(Anchor.AFTER, self._buffer.end, limit=CATCH_UP_LINES)
        if following and not page.at_end and len(page.lines) >= CATCH_UP_LINES:
            self._take(await self._ask(Anchor.END))  # reading on would never catch up
            return
        self.behind = page.behind_seconds
        if page.lines:
            self._buffer.append(page, near)
            self._grown()
        else:
            self._buffer.end = page.end or self._buffer.end

    async def _ask(
        self,
        anchor: Anchor,
        position: Position = (),
        *,
        pattern: str | None = None,
        level: Level = Level.ERROR,
        limit: int = PAGE_LINES,
    ) -> LogPage:
        request = replace(
            self._subject,
            anchor=anchor,
            position=position,
            limit=limit,
            pattern=pattern,
            match_level=level,
        )
        return await self._pages(request)

    def _take(self, page: LogPage) -> None:
        self.answered = True
        self.problem = page.problem
        self.behind = page.behind_seconds
        self._buffer.replace(page)
        self._loaded()
