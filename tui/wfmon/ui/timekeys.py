"""The keys that take the screen through time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

from wfmon.model.snapshot import Snapshot
from wfmon.ui.keys import Where
from wfmon.ui.look import Look
from wfmon.ui.past import HOUR, MINUTE, Past
from wfmon.ui.prompt import AskLine, Question
from wfmon.ui.views.base import Deed, View

STEPS = {"step_back": -MINUTE, "step_forth": MINUTE, "hour_back": -HOUR, "hour_forth": HOUR}
FOOTER = (*STEPS, "live")


class Screen(Protocol):
    """What the keys need of the shell."""

    @property
    def view(self) -> View: ...
    @property
    def views(self) -> tuple[View, ...]: ...
    @property
    def snapshot(self) -> Snapshot | None: ...
    @property
    def look(self) -> Look: ...

    paused_at: float | None

    def now(self) -> float: ...
    def ask(self, question: Question) -> None: ...
    def tell(self, text: str, *, ok: bool = True) -> None: ...


class TimeKeys:
    def __init__(self, screen: Screen, past: Past) -> None:
        self._screen = screen
        self._past = past

    def deeds(self) -> Mapping[str, Deed]:
        """What these keys do in the view on the screen now."""
        screen = self._screen
        deeds: dict[str, Deed] = {}
        if screen.view.timed:
            deeds = {name: partial(self._step, seconds) for name, seconds in STEPS.items()}
            deeds["go_to_time"] = self._ask
        if not self._past.is_live and screen.view.where is not Where.LOG:
            deeds["live"] = self._past.live
            if len(screen.views) == 1:
                deeds["back"] = self._past.live
        return deeds

    def _step(self, seconds: float) -> None:
        screen = self._screen
        paused = screen.paused_at is not None and screen.snapshot is not None
        here = screen.snapshot.at if paused and screen.snapshot is not None else screen.now()
        first = screen.view.first_step_back() if seconds == -MINUTE and self._past.is_live else None
        if first is not None and first < here:
            self._past.go(first)
        else:
            self._past.step(seconds, here)

    def _ask(self) -> None:
        def done(text: str | None) -> None:
            if text and text.strip():
                self._go_to(text)

        self._screen.ask(AskLine("go to (14:02, yesterday 14:02, -3h):", done))

    def _go_to(self, text: str) -> None:
        from wfmon.ui.moments import EXAMPLES, told, understood

        now, zone = self._screen.now(), self._screen.look.zone
        at = understood(text, now, zone)
        if at is None:
            self._screen.tell(f'"{text}" is no time that is understood, such as {EXAMPLES}', ok=False)
        elif at > now:
            self._screen.tell(f"{told(at, now, zone)} is yet to come", ok=False)
        else:
            self._past.go(at)
