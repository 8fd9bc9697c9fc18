"""The newest snapshot, and everybody who wants to see each one."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wfmon.model.snapshot import Snapshot


class Outlet:
    """Safe for threads. ``settled`` belongs to the present snapshot: whether waiting would tell more."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._snapshot: Snapshot | None = None
        self._settled = False

    @property
    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    @property
    def settled(self) -> bool:
        return self._settled

    def show(self, snapshot: Snapshot, *, settled: bool = False) -> None:
        """Hand it to everybody, in the caller's thread."""
        with self._changed:
            self._snapshot = snapshot
            self._settled = settled
            listeners = list(self._listeners)
            self._changed.notify_all()
        for deliver in listeners:
            deliver(snapshot)

    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]:
        """``deliver`` gets the present snapshot at once, if any; the call that ends it."""
        with self._changed:
            self._listeners.append(deliver)
            present = self._snapshot
        if present is not None:
            deliver(present)

        def end() -> None:
            with self._changed:
                if deliver in self._listeners:
                    self._listeners.remove(deliver)

        return end

    def wait(self, enough: Callable[[Snapshot], bool], timeout: float) -> Snapshot | None:
        """The first snapshot that is ``enough``, or the last one when ``timeout`` seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: self._snapshot is not None and enough(self._snapshot), timeout)
            return self._snapshot
