"""Which time is on the screen: now, or a moment of the past that was asked of the memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Protocol

from wfmon.model.past import PastMoment
from wfmon.ui import moments
from wfmon.ui.look import Look

MINUTE, HOUR = 60.0, 3600.0
PATIENCE_SECONDS = 0.25  # that a question may have taken when the next step cancels it
SILENT_SECONDS = 0.3  # that an answer may take before the screen says what it waits for


class Traveller(Protocol):
    """What the journey needs of the shell."""

    @property
    def look(self) -> Look: ...
    def now(self) -> float: ...
    def ask_moment(self, at: float) -> Awaitable[PastMoment]: ...
    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...
    def tell(self, text: str, *, ok: bool = True) -> None: ...
    def arrived_at(self, moment: PastMoment | None, *, far: bool) -> None:
        """Another time is on the screen (None: now); ``far``: not by small steps."""
        ...


class Past:
    """One question at a time, and the latest wish after it: a held key adds up and never queues."""

    def __init__(self, traveller: Traveller) -> None:
        self.shown: PastMoment | None = None
        self._traveller = traveller
        self._wanted: float | None = None
        self._far = False
        self._direction = 0  # of the wish: -1 back, 1 forth, 0 a place of its own
        self._waiting_since = 0.0  # for the oldest wish that nothing has answered yet
        self._asked_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def away(self) -> bool:
        """Whether what is on the screen is of the past."""
        return self.shown is not None

    @property
    def is_live(self) -> bool:
        """Whether now is on the screen and nothing else is asked for."""
        return self.shown is None and self._wanted is None

    @property
    def under_way(self) -> float | None:
        """The moment that is asked for, once that takes so long that it should be told."""
        if self._wanted is None or self._traveller.now() - self._waiting_since < SILENT_SECONDS:
            return None
        return self._wanted

    def step(self, seconds: float, here: float) -> None:
        """``seconds`` back (negative) or forth, to a whole minute. ``here``: what is on the screen if it
        is not of the past. From a moment of which nothing is known it goes on to the next known one, from
        figures of a longer time to those of another."""
        direction = -1 if seconds < 0 else 1
        shown = self.shown
        if self._wanted is not None:
            here = self._wanted
        elif shown is not None:
            here = shown.at
        target = (here + seconds) // MINUTE * MINUTE
        if self._wanted is None and shown is not None and shown.snapshot is None:
            edge = shown.before if direction < 0 else shown.after
            if edge is None:
                self._beyond(shown, direction)
                return
            target = min(target, edge) if direction < 0 else max(target, edge)
        elif self._wanted is None and shown is not None and (shown.seconds or 0.0) > abs(seconds):
            target = (shown.before if direction < 0 else shown.after) or target
        if target < self._traveller.now():
            self._want(target, direction, far=abs(seconds) > MINUTE)
        elif self.shown is not None or self._wanted is not None:
            self.live()
        else:
            self._traveller.tell("this is now")

    def go(self, at: float) -> None:
        """To a moment of its own, such as the begin of an alert."""
        if at >= self._traveller.now():
            self.live()
        else:
            self._want(at, 0, far=True)

    def live(self) -> None:
        self._forget()
        if self.shown is not None:
            self.shown = None
            self._traveller.arrived_at(None, far=True)

    def _forget(self) -> None:
        """Nothing is asked for any more."""
        self._wanted = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _want(self, at: float, direction: int, *, far: bool) -> None:
        now = self._traveller.now()
        if self._wanted is None:
            self._waiting_since, self._far = now, False
        self._wanted, self._direction, self._far = at, direction, self._far or far
        busy = self._task is not None and not self._task.done()
        if busy and 0 <= now - self._asked_at < PATIENCE_SECONDS:
            return
        if self._task is not None:
            self._task.cancel()
        self._asked_at = now
        self._task = self._traveller.start(self._ask())

    async def _ask(self) -> None:
        while self._wanted is not None:
            at = self._wanted
            self._asked_at = self._traveller.now()
            try:
                moment = await self._traveller.ask_moment(at)
            except Exception:
                self._wanted = None
                raise
            if self._wanted == at:
                self._wanted = self._task = None
                self._answered(moment)
                return
            if moment.snapshot is not None:
                self._waiting_since = self._traveller.now()
                self._show(moment)

    def _answered(self, moment: PastMoment) -> None:
        if moment.snapshot is not None or (moment.before is not None and moment.after is not None):
            self._show(moment)
        elif moment.before is None and moment.after is None:
            self._traveller.tell(moment.why or "nothing is known of the past", ok=False)
        elif self._direction:
            self._beyond(moment, self._direction)
        else:
            self._show(moment)

    def _beyond(self, moment: PastMoment, direction: int) -> None:
        """A step led to where nothing is known any further."""
        if direction > 0 and moment.after is None:
            self.live()
        elif direction < 0 and moment.before is None:
            self._at_the_begin(moment)
        else:
            self._show(moment)

    def _at_the_begin(self, moment: PastMoment) -> None:
        first = moment.after
        if first is None:
            self._traveller.tell(moment.why or "nothing is known of the past", ok=False)
            return
        begin = moments.told(first, self._traveller.now(), self._traveller.look.zone)
        self._traveller.tell(f"nothing is known before {begin}", ok=False)
        if self.shown is None or self.shown.at > first:
            self._want(first, 0, far=False)

    def _show(self, moment: PastMoment) -> None:
        self.shown = moment
        far, self._far = self._far, False
        self._traveller.arrived_at(moment, far=far)
