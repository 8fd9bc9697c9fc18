"""Who answers for log pages in this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from wfmon.model.log import LogPage, LogRequest

if TYPE_CHECKING:
    from wfmon.monitor.logroom import LogRoom
    from wfmon.sources.base import Reading, Source

IDLE_SECONDS = 60.0  # without a question until sources that are read for pages alone are given up


class Reads(Protocol):
    """A monitor: it reads its logs anyway."""

    async def pages(self, request: LogRequest) -> LogPage: ...
    def keep_logs(self) -> Sequence[tuple[Source, Reading | None]]: ...


class LogDoor:
    """Answers for pages: the monitor of this process while there is one, else a room; but a room that is
    being read is asked on. Safe for threads."""

    def __init__(
        self, build: Callable[[], Sequence[Source]], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._build = build
        self._clock = clock
        self._guard = threading.Lock()
        self._monitor: Reads | None = None
        self._room: LogRoom | None = None
        self._asked_at: float | None = None

    async def pages(self, request: LogRequest) -> LogPage:
        with self._guard:
            self._asked_at = time.monotonic()
            monitor = self._monitor
            if self._room is None and monitor is None:
                self._room = self._new_room()
            page = self._room.read(request) if self._room is not None else None
        if page is not None:
            return await asyncio.wrap_future(page)
        assert monitor is not None
        return await monitor.pages(request)

    def opened(self, monitor: Reads) -> None:
        """From now on there is a monitor."""
        with self._guard:
            self._monitor = monitor

    def closing(self, *, keep: bool) -> None:
        """The monitor is about to be stopped; ``keep`` its logs for who reads them now."""
        with self._guard:
            monitor, self._monitor = self._monitor, None
            recently = self._asked_at is not None and time.monotonic() - self._asked_at < IDLE_SECONDS
            if keep and monitor is not None and self._room is None and recently:
                self._room = self._new_room(monitor.keep_logs())

    def tidy(self) -> None:
        """Give up a room that nobody asks any more."""
        with self._guard:
            if self._room is not None and self._room.idle:
                self._room.close()
                self._room = None

    def close(self) -> None:
        with self._guard:
            if self._room is not None:
                self._room.close()

    def _new_room(self, read: Sequence[tuple[Source, Reading | None]] | None = None) -> LogRoom:
        from wfmon.monitor.logroom import LogRoom  # what reads logs is loaded when somebody reads them

        return LogRoom(self._build, read, clock=self._clock)
