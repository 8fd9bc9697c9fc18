"""What a process shows: the newest that is known, by whomever it was collected, as its viewer sees it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import tzinfo
from typing import TYPE_CHECKING

from wfmon.model.action import Outcome
from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Collector, Level, Snapshot, Verdict
from wfmon.monitor.follower import SILENT_SECONDS, Sight, not_live, unanswered
from wfmon.monitor.outlet import Outlet
from wfmon.store.acks import AckStore
from wfmon.text.numbers import clock
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.monitor.deeds import Act
    from wfmon.monitor.presenter import Presenter

SHOW_SECONDS = 1.0  # without news until acks and expiries are looked at all the same
SETTLE_SECONDS = 3.0  # that a new collector has to know as much as the last one knew


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who sits here. ``refresh``: seconds between two snapshots."""

    me: str
    version: str
    zone: tzinfo | None
    refresh: float
    read_only: bool = False


class Viewing:
    """``last``: the newest that was collected, ``beat``: when that was still true (POSIX seconds).

    ``problem``: why others do not see what is shown here; told where nothing worse is.
    """

    def __init__(
        self,
        store: AckStore,
        viewer: Viewer,
        presenter: Callable[[], Presenter],
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.outlet = Outlet()
        self.last: Snapshot | None = None
        self.beat = 0.0
        self.problem: str | None = None
        self._store = store
        self._viewer = viewer
        self._make_presenter = presenter
        self._presenter: Presenter | None = None
        self._clock = clock
        self._monotonic = monotonic
        self._choice = threading.RLock()  # one at a time chooses what is shown
        self._ear: Ear | None = None
        self._shown_at = monotonic() - SHOW_SECONDS

    # of another process ------------------------------------------------------------------------------

    def read(self, sight: Sight) -> None:
        """Keep what is new of somebody's figures, as they are seen here."""
        snapshot = sight.snapshot
        if snapshot is not None and (sight.new or self.last is None):
            collector = replace(snapshot.collector, self_=False)
            self.last = replace(snapshot, collector=collector, read_only=self._viewer.read_only)
            self.beat = sight.beat
        elif sight.fresh:
            self.beat = sight.beat

    def show_read(self, new: bool, now: float, hung: tuple[Collector, float] | None = None) -> None:
        """What was read; ``hung``: who has been silent for so many seconds."""
        last = self.last
        if not (new or self._due() or self._store.changed()) or (last is None and hung is None):
            return
        shown = self._presented(last, now) if last is not None else self._nothing(hung[0] if hung else None)
        if hung is not None:
            shown = unanswered(shown, *hung, self.beat or None, self._viewer.zone)
        self._show(shown, settled=last is not None and _whole(last))

    # of this process -----------------------------------------------------------------------------------

    def listen(self, offer: Callable[[Snapshot], None]) -> Ear:
        """For a new monitor, which is heard from now on instead of any other; ``offer`` gets what others
        may see of it."""
        with self._choice:
            self._ear = Ear(self, offer, self._monotonic() + SETTLE_SECONDS, holding=self.last is not None)
            return self._ear

    def stop_listening(self) -> None:
        with self._choice:
            self._ear = None

    def heard(self, ear: Ear, snapshot: Snapshot, settled: bool) -> None:
        """A monitor has collected this; while it knows less than what is shown, that stays."""
        with self._choice:
            if ear is not self._ear:
                return
            knows = settled or self._monotonic() >= ear.open_at
            ear.holding = ear.holding and not knows
            if knows:
                ear.offer(snapshot)
            if not ear.holding:
                self.last, self.beat = snapshot, snapshot.at

    def show_heard(self, ear: Ear, snapshot: Snapshot, settled: bool) -> None:
        with self._choice:
            if ear is self._ear and not ear.holding:
                self._show(snapshot, settled=settled)

    # in between ------------------------------------------------------------------------------------------

    def claim(self, collector: Collector, now: float) -> None:
        """``collector`` goes on from what is known: shown as its own until it knows as much."""
        if self.last is not None:
            self.last = replace(self.last, collector=collector, read_only=False)
            self._show_old(self.last, now)

    def show_held(self, now: float) -> None:
        """What is held back from a monitor that does not know enough yet, now and then."""
        with self._choice:
            if self._ear is not None and self._ear.holding and self.last is not None and self._due():
                self._show_old(self.last, now)

    def act(self, action: Act, now: float) -> Outcome:
        """Do it, and show what came of it at once."""
        outcome = self._present().act(action, now)
        self._shown_at = self._monotonic() - SHOW_SECONDS
        return outcome

    def broken(self, error: Exception) -> None:
        """The monitor itself has failed."""
        text = f"wfmon-tui itself failed: {safe(f'{type(error).__name__}: {error}')} · figures may be old"
        last = self.outlet.snapshot or self._nothing()
        self.outlet.show(replace(last, verdict=Verdict(Level.UNKNOWN, text), broken=text))

    def _due(self) -> bool:
        return self._monotonic() - self._shown_at >= SHOW_SECONDS

    def _show_old(self, last: Snapshot, now: float) -> None:
        shown = self._presented(last, now)
        if not 0 <= now - self.beat < SILENT_SECONDS:
            at = clock(self.beat, self._viewer.zone)
            shown = not_live(shown, f"asking every source now: figures are of {at}")
        self._show(shown)

    def _present(self) -> Presenter:
        if self._presenter is None:
            self._presenter = self._make_presenter()
        return self._presenter

    def _presented(self, snapshot: Snapshot, now: float) -> Snapshot:
        return self._present().present(snapshot, now)

    def _show(self, snapshot: Snapshot, *, settled: bool = False) -> None:
        if self.problem is not None and snapshot.store_problem is None:
            snapshot = replace(snapshot, store_problem=self.problem)
        self._shown_at = self._monotonic()
        self.outlet.show(snapshot, settled=settled)

    def _nothing(self, collector: Collector | None = None) -> Snapshot:
        """What is shown where nothing was ever read."""
        viewer = self._viewer
        return Snapshot(
            at=self._clock(),
            host_name=safe(os.uname().nodename),
            version=viewer.version,
            collector=collector or Collector(os.getpid(), viewer.me, version=viewer.version),
            verdict=Verdict(Level.UNKNOWN, ""),
            read_only=viewer.read_only,
        )


class Ear:
    """What one monitor says is heard through one of these. ``holding``: it knows less than is shown, which
    stays until it is settled, or until ``open_at`` (monotonic seconds)."""

    def __init__(
        self, viewing: Viewing, offer: Callable[[Snapshot], None], open_at: float, *, holding: bool
    ) -> None:
        self.offer = offer
        self.open_at = open_at
        self.holding = holding
        self._viewing = viewing

    def collected(self, snapshot: Snapshot, settled: bool) -> None:
        """See ``Monitor``."""
        self._viewing.heard(self, snapshot, settled)

    def show(self, snapshot: Snapshot, settled: bool) -> None:
        """What the monitor presents."""
        self._viewing.show_heard(self, snapshot, settled)


def _whole(snapshot: Snapshot) -> bool:
    return not snapshot.waiting
