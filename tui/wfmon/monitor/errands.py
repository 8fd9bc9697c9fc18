"""What persons asked for, until it is done by whoever has the role for it then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Protocol

from wfmon.model.action import Action, Outcome
from wfmon.model.record import dataclass


class Does(Protocol):
    """A monitor, which does it in its own time."""

    def submit(self, action: Action) -> Future[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Errand:
    action: Action
    outcome: Future[Outcome]


class Errands:
    """``ask`` may be called from any thread, the rest from one. ``asked`` is called when there is one."""

    def __init__(self, asked: Callable[[], None]) -> None:
        self._asked = asked
        self._waiting: SimpleQueue[Errand] = SimpleQueue()
        self._handed: list[tuple[Errand, Future[Outcome]]] = []

    def ask(self, action: Action) -> Future[Outcome]:
        errand = Errand(action, Future())
        self._waiting.put(errand)
        self._asked()
        return errand.outcome

    def waiting(self) -> Iterator[Errand]:
        """Those that nobody does yet, each once."""
        while True:
            try:
                yield self._waiting.get_nowait()
            except Empty:
                return

    def hand(self, errand: Errand, does: Does) -> None:
        """Let ``does`` do it; see ``reclaim``."""
        if errand.outcome.cancelled():
            return
        inner = does.submit(errand.action)
        self._handed = [each for each in self._handed if not each[1].done()]
        self._handed.append((errand, inner))

        def done(answer: Future[Outcome]) -> None:
            if not answer.cancelled() and errand.outcome.set_running_or_notify_cancel():
                errand.outcome.set_result(answer.result())

        inner.add_done_callback(done)
        errand.outcome.add_done_callback(lambda outcome: outcome.cancelled() and inner.cancel())

    def reclaim(self) -> None:
        """Whoever had them has gone: what was not begun waits again."""
        handed, self._handed = self._handed, []
        for errand, inner in handed:
            if inner.cancel():
                self._waiting.put(errand)
