"""The thread in which acks are shared; what talks to an Alertmanager is loaded there, when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.model.alert import Alert
from wfmon.model.record import dataclass
from wfmon.store.errors import StoreError

if TYPE_CHECKING:
    from wfmon.model.foreign import ForeignAlerts
    from wfmon.monitor.sharing import Sharer

IDLE_SECONDS = 5.0  # between two turns while something is shared and nothing is told
PAUSE_SECONDS = 5.0  # after a turn that failed


@dataclass(frozen=True, slots=True)
class Told:
    """What the loop knows: the alerts by id, and the last answers of other systems."""

    alerts: Mapping[str, Alert]
    foreign: tuple[ForeignAlerts, ...] = ()


class SharingThread:
    """``waiting``: whether the store has shares about which something is to be done; asked in the loop, so
    it must be quick. ``make`` is called in the thread, which begins when that is so for the first time."""

    def __init__(self, waiting: Callable[[], bool], make: Callable[[], Sharer]) -> None:
        self._waiting = waiting
        self._make = make
        self._told = Told({})
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._sharer: Sharer | None = None
        self._stopping = False

    def saw(self, alerts: Sequence[Alert], foreign: tuple[ForeignAlerts, ...]) -> None:
        """What is so now. Returns at once."""
        if self._stopping or not self._waiting():
            return
        self._told = Told({alert.id: alert for alert in alerts}, foreign)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sharing", daemon=True)
            self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """Returns at once; a question under way is left to the next collector."""
        self._stopping = True
        if self._sharer is not None:
            self._sharer.stop()
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            busy = True
            try:
                if self._sharer is None:
                    self._sharer = self._make()
                busy = self._sharer.turn(self._told)
            except StoreError:
                # The loop writes to the same store and tells that it cannot.
                self._pause()
            except Exception as error:  # noqa: BLE001 - who relies on a silence must know
                if self._sharer is not None:
                    self._sharer.broken(error)
                self._pause()
            if not self._stopping:
                self._wake.wait(IDLE_SECONDS if busy else None)
        if self._sharer is not None:
            self._sharer.close()

    def _pause(self) -> None:
        """News do not shorten it."""
        done = threading.Event()
        for _ in range(int(PAUSE_SECONDS / 0.5)):
            if self._stopping or done.wait(0.5):
                return
