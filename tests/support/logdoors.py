"""Doors whose log is a list of lines, as a real source would page it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from support.screen import FakeDoors, Stage
from support.snapshots import NOW
from wfmon.model.log import Anchor, Level, LogLine, LogPage, LogRequest
from wfmon.model.snapshot import Snapshot
from wfmon.ui.logs.pane import LogPane
from wfmon.ui.views.logged import LoggedView

BYTES = 100  # of every line
V = TypeVar("V", bound=LoggedView)


def line(number: int, message: str = "", level: Level = Level.INFO, **fields: object) -> LogLine:
    """Line ``number`` of file 0, a tenth of a second after the one before."""
    made = LogLine(
        0, number * BYTES, (number + 1) * BYTES, NOW - 100 + number / 10, level, message or f"line {number}"
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def numbered(count: int, *, errors: Sequence[int] = (), **fields: object) -> list[LogLine]:
    return [line(n, level=Level.ERROR if n in errors else Level.INFO, **fields) for n in range(count)]


class LogDoors(FakeDoors):
    """``lines`` may grow. While ``held`` is there, requests wait for it; ``problem`` is told where there is
    no line.
    """

    def __init__(self, snapshot: Snapshot | None, lines: Sequence[LogLine] = ()) -> None:
        super().__init__(snapshot)
        self.lines = list(lines)
        self.requests: list[LogRequest] = []
        self.cancelled: list[LogRequest] = []
        self.held: asyncio.Event | None = None
        self.problem: str | None = None

    async def pages(self, request: LogRequest) -> LogPage:
        self.requests.append(request)
        try:
            if self.held is not None:
                await self.held.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(request)
            raise
        return self._page(request)

    def _page(self, request: LogRequest) -> LogPage:
        count, limit = len(self.lines), request.limit
        place = dict(request.position).get(0, 0)
        at = sum(line.offset < place for line in self.lines)
        match request.anchor:
            case Anchor.END:
                return self._slice(count - limit, count)
            case Anchor.START:
                return self._slice(0, limit)
            case Anchor.BEFORE:
                return self._slice(at - limit, at)
            case Anchor.AFTER:
                return self._slice(at, at + limit)
            case Anchor.NEWEST_ERROR:
                return self._around(request, range(count - 1, -1, -1)) or self._slice(count - limit, count)
            case Anchor.PREVIOUS:
                return self._around(request, range(at - 1, -1, -1)) or LogPage(())
            case Anchor.NEXT:
                return self._around(request, range(at, count)) or LogPage(())

    def _around(self, request: LogRequest, indexes: range) -> LogPage | None:
        for index in indexes:
            found = self.lines[index]
            held = found.level >= request.match_level
            if request.pattern is not None:
                held = any(request.pattern in text.lower() for text in (found.message, *found.detail))
            if held:
                low = max(0, index - request.limit // 2)
                return replace(self._slice(low, low + request.limit), focus=index - low)
        return None

    def _slice(self, low: int, high: int) -> LogPage:
        low, high = max(0, low), min(len(self.lines), max(0, high))
        return LogPage(
            tuple(self.lines[low:high]),
            start=((0, low * BYTES),),
            end=((0, high * BYTES),),
            at_start=low == 0,
            at_end=high == len(self.lines),
            behind_seconds=0.0 if high == len(self.lines) else None,
            problem=self.problem if not self.lines else None,
        )


async def settled(pane: LogPane) -> None:
    """Wait until the pane has what it asked for."""
    for _ in range(1_000):
        if not pane.feed.busy:
            return
        await asyncio.sleep(0)
    raise AssertionError("the pane never got its page")


async def staged(
    view: V, doors: LogDoors, *, size: tuple[int, int] = (80, 24), ascii_only: bool = False
) -> tuple[Stage, V]:
    """``view`` opened over the start screen, its first page there and drawn once."""
    stage = Stage(doors.snapshot, size=size, ascii_only=ascii_only)
    stage.shell.doors = doors
    stage.shell.open(view)
    stage.lines()
    await settled(view.log)
    stage.lines()
    return stage, view


async def pressed(stage: Stage, *keys: str) -> list[str]:
    """Press keys; after each, what it asked for is there."""
    for key in keys:
        stage.press(key)
        if isinstance(stage.shell.view, LoggedView):
            await settled(stage.shell.view.log)
    return stage.lines()


async def second(stage: Stage) -> list[str]:
    """A second goes by."""
    stage.now += 1.0
    view = stage.shell.view
    assert isinstance(view, LoggedView)
    view.log.tick()
    await settled(view.log)
    return stage.lines()
