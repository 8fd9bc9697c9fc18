"""One process among those that watch the same: who collects, who reads, and what happens in between.

At any moment a station has one of three roles. The **collector** holds the lock of the lane: it asks the
sources, evaluates, publishes and keeps the history. A **reader** shows what the collector published. One
that is **alone** asks for itself, keeps and shares nothing, and says why.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from wfmon.model.action import Action, Outcome, Refresh
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.record import replace
from wfmon.model.snapshot import Collector, Snapshot
from wfmon.monitor.doors import Memory
from wfmon.monitor.errands import Errand, Errands
from wfmon.monitor.follower import SILENT_SECONDS, Follower, Sight
from wfmon.monitor.logdoor import LogDoor
from wfmon.monitor.nudge import Nudge
from wfmon.monitor.publisher import Publisher
from wfmon.monitor.viewing import Viewer, Viewing
from wfmon.store.acks import AckStore
from wfmon.store.collectorlock import CollectorLock, Holder
from wfmon.store.lanes import Lane
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.model.discovery import Discovery
    from wfmon.monitor.loop import Monitor
    from wfmon.monitor.presenter import Presenter
    from wfmon.sources.base import Source

LOOK_SECONDS = 0.2  # between two looks at what the collector published
TRY_SECONDS = 0.4  # between two tries to become the collector
LATE_SECONDS = 2.0  # of silence until it is asked whether there still is a collector
HUNG_SECONDS = 30.0  # of silence until a collector that still holds the lock is replaced
VACANT_SECONDS = 1.5  # without a collector until who may not collect looks for itself
HEIR_SECONDS = 10.0  # a collector that spoke last so long ago is gone on from
REST_SECONDS = 2.0  # that the stop of the process may be late after ``rest``
STOP_SECONDS = 0.3


class Means(Protocol):
    """What a station is made of; each is built when its role comes."""

    def monitor(
        self,
        collector: Collector,
        epoch: int | None,
        collected: Callable[[Snapshot, bool], None],
        last: Snapshot | None,
    ) -> Monitor:
        """One that keeps and shares nothing where ``epoch`` is None. ``last``: what it goes on from."""
        ...

    def logs(self) -> Sequence[Source]: ...
    def found_logs(self, discovery: Discovery) -> Sequence[Source]:
        """Those that another collector found."""
        ...

    def presenter(self) -> Presenter: ...
    def memory(self, alone: Callable[[], str | None]) -> Memory: ...


class Station:
    """Implements the doors; ``start`` takes a role, ``stop`` leaves it and returns at once.

    ``clock`` gives POSIX seconds.
    """

    def __init__(
        self,
        lane: Lane,
        store: AckStore,
        viewer: Viewer,
        means: Means,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lane = lane
        self._viewer = viewer
        self._means = means
        self._clock = clock
        self._monotonic = monotonic
        self._viewing = Viewing(store, viewer, means.presenter, clock=clock, monotonic=monotonic)
        self._wake = threading.Event()
        self._errands = Errands(self._wake.set)
        self._logs = LogDoor(self._log_sources, clock=clock)
        self._hand_over = threading.RLock()  # one at a time changes the role
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._lock = CollectorLock(lane)
        self._nudge = Nudge(lane)
        self._follower = Follower(lane, monotonic)
        self._memory: Memory | None = None
        self._monitor: Monitor | None = None
        self._publisher: Publisher | None = None
        self._mine = Collector(os.getpid(), viewer.me, version=viewer.version)
        self._vacant_since: float | None = None
        self._try_at = 0.0

    # doors -----------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot | None:
        return self._viewing.outlet.snapshot

    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]:
        return self._viewing.outlet.subscribe(deliver)

    async def pages(self, request: LogRequest) -> LogPage:
        return await self._logs.pages(request)

    async def act(self, action: Action) -> Outcome:
        return await asyncio.wrap_future(self.submit(action))

    @property
    def memory(self) -> Memory:
        if self._memory is None:
            self._memory = self._means.memory(lambda: self._mine.alone)
        return self._memory

    def rest(self) -> None:
        """The process is about to be stopped: let another collect. Goes on by itself when it continues."""
        with self._hand_over:
            self._try_at = self._monotonic() + REST_SECONDS
            if self._publisher is not None:
                self._step_down(self._clock())

    def submit(self, action: Action) -> Future[Outcome]:
        """``act`` for callers without an event loop."""
        return self._errands.ask(action)

    # life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take a role, then go on in a thread. Raises ``ProfileError`` where the collector's role was free
        and a profile is wrong."""
        with self._hand_over:
            self.turn(self._clock())
        self._thread = threading.Thread(target=self._run, name="station", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leave the role and end; the lock is free when this returns."""
        self._stopping = True
        self._wake.set()
        mine = self._hand_over.acquire(timeout=STOP_SECONDS)
        try:
            self._leave_collecting(self._clock())
            self._leave_monitor()
            self._lock.release()
            self._logs.close()
        finally:
            if mine:
                self._hand_over.release()

    def wait(self, enough: Callable[[Snapshot], bool], timeout: float) -> Snapshot | None:
        """The first snapshot that is ``enough``, or the last one when ``timeout`` seconds are over."""
        return self._viewing.outlet.wait(enough, timeout)

    @property
    def settled(self) -> bool:
        """Whether waiting would tell no more than the present snapshot."""
        return self._viewing.outlet.settled

    @property
    def answered(self) -> int:
        """How many sources have given a good answer to whoever asks them."""
        snapshot = self.snapshot
        return sum(source.as_of is not None for source in snapshot.sources) if snapshot else 0

    @property
    def collector(self) -> Collector:
        """Who asks the sources of what is shown."""
        snapshot = self.snapshot
        return snapshot.collector if snapshot is not None else self._mine

    def _run(self) -> None:
        while not self._stopping:
            try:
                with self._hand_over:
                    pause = 0.0 if self._stopping else self.turn(self._clock())
            except Exception as error:  # noqa: BLE001 - a blind monitor must say that it is blind
                self._viewing.broken(error)
                pause = 1.0
            self._wake.wait(pause)
            self._wake.clear()

    # one turn ----------------------------------------------------------------------------------------

    def turn(self, now: float) -> float:
        """Do what is due; seconds until the next turn."""
        self._logs.tidy()
        pause = LOOK_SECONDS
        if self._publisher is not None:
            pause = self._collect(self._publisher, now)
        elif not self._takes(now):
            self._watch(now)
        self._viewing.show_held(now)
        for errand in self._errands.waiting():
            self._do(errand, now)
        return pause

    def _collect(self, publisher: Publisher, now: float) -> float:
        monitor = self._monitor
        assert monitor is not None
        if not publisher.turn(now) or monitor.superseded:
            self._step_down(now)
            return 0.0
        self._viewing.problem = publisher.problem
        if self._nudge.came():
            monitor.submit(Refresh())
        return min(TRY_SECONDS, self._viewer.refresh)

    def _takes(self, now: float) -> bool:
        """Try to become the collector."""
        if self._viewer.read_only or self._monotonic() < self._try_at:
            return False
        self._try_at = self._monotonic() + TRY_SECONDS
        epoch = self._lock.take(self._viewer.me, self._viewer.version, now)
        if epoch is None:
            return False
        self._become_collector(epoch, now)
        return True

    def _watch(self, now: float) -> None:
        """See what the collector published; who has none to read looks for itself."""
        sight = self._follower.look(now)
        punctual = sight.fresh and sight.silent < LATE_SECONDS
        holder = None if punctual else self._lock.holder()
        if sight.silent < HEIR_SECONDS or (holder is not None and holder.epoch == sight.epoch):
            self._viewing.read(sight)
        if not punctual and holder is None:
            self._watch_vacant(now)
            return
        self._vacant_since = None
        if sight.fresh:
            self._leave_monitor()
            self._viewing.show_read(sight.new, now)
        elif holder is not None:
            self._watch_holder(holder, sight, now)

    def _watch_vacant(self, now: float) -> None:
        """Nobody collects, and this process did not become the collector either."""
        why = self._lock.problem or ("read-only, and nobody collects" if self._viewer.read_only else None)
        if self._vacant_since is None:
            self._vacant_since = self._monotonic()
        # Another reader may be about to take over.
        waited = self._viewing.last is None or self._monotonic() - self._vacant_since >= VACANT_SECONDS
        if why is not None and (waited or self._monitor is not None):
            self._be_alone(why)
        elif self._viewing.last is not None:
            self._viewing.show_read(False, now)

    def _watch_holder(self, holder: Holder, sight: Sight, now: float) -> None:
        """Somebody collects, and nothing fresh of it can be read."""
        who = Collector(holder.pid, safe(holder.user), False, safe(holder.version), holder.since)
        silent = sight.silent
        if sight.epoch != holder.epoch:  # it has published nothing yet
            silent = min(silent, max(0.0, now - holder.since))
        if silent >= HUNG_SECONDS and self._replaces(holder, now):
            return
        if sight.foreign and sight.epoch == holder.epoch:
            self._be_alone(f"collector pid {who.pid} is of version {who.version}: looking for myself")
        elif sight.sick is not None:
            self._be_alone(f"collector pid {who.pid} cannot be read ({sight.sick}): looking for myself")
        elif self._monitor is None:
            self._viewing.show_read(sight.new, now, (who, silent) if silent >= SILENT_SECONDS else None)

    def _replaces(self, holder: Holder, now: float) -> bool:
        """Take the place of a collector that holds the lock and does nothing."""
        if self._viewer.read_only or self._monotonic() < self._try_at - TRY_SECONDS:
            return False
        epoch = self._lock.replace_hung(holder, now)
        if epoch is None:
            return False
        self._become_collector(epoch, now)
        return True

    def _do(self, errand: Errand, now: float) -> None:
        if self._monitor is not None:
            self._errands.hand(errand, self._monitor)
        elif not errand.outcome.set_running_or_notify_cancel():
            return
        elif isinstance(errand.action, Refresh):
            errand.outcome.set_result(self._nudge.give(read_only=self._viewer.read_only))
        else:
            outcome = self._viewing.act(errand.action, now)
            self._viewing.show_read(True, now)
            errand.outcome.set_result(outcome)

    # roles -------------------------------------------------------------------------------------------

    def _become_collector(self, epoch: int, now: float) -> None:
        began = self._viewing.last is None
        if began:
            # Who begins where another has just ended goes on from what that one knew.
            sight = self._follower.look(now)
            if sight.silent < HEIR_SECONDS:
                self._viewing.read(sight)
        self._leave_monitor()
        self._mine = replace(self._mine, since=now, alone=None)
        self._viewing.claim(self._mine, now)  # at once: to build what asks takes a moment
        publisher = Publisher(self._lane, self._lock, epoch, every=self._viewer.refresh)
        try:
            monitor = self._new_monitor(epoch, publisher.offer)
        except BaseException:
            self._lock.release()
            raise
        self._nudge.came()
        if self._viewing.last is not None:
            publisher.offer(self._viewing.last)
        publisher.begin(lambda: monitor.turned_at, now, at_once=not began)
        self._publisher = publisher
        monitor.start()

    def _be_alone(self, why: str) -> None:
        if self._monitor is not None and self._mine.alone == why:
            return
        self._leave_monitor()
        self._mine = replace(self._mine, since=None, alone=why)
        self._new_monitor(None, lambda _: None).start()

    def _log_sources(self) -> Sequence[Source]:
        last = self._viewing.last
        if last is None or last.discovery is None:
            return self._means.logs()
        return self._means.found_logs(last.discovery)

    def _new_monitor(self, epoch: int | None, offer: Callable[[Snapshot], None]) -> Monitor:
        last = self._viewing.last
        ear = self._viewing.listen(offer)
        monitor = self._means.monitor(self._mine, epoch, ear.collected, last)
        monitor.subscribe(lambda snapshot: ear.show(snapshot, monitor.settled))
        self._monitor = monitor
        self._logs.opened(monitor)
        return monitor

    def _step_down(self, now: float) -> None:
        """No longer the collector; what was known stays on the screen until there is something newer."""
        self._leave_collecting(now, keep_logs=True)
        self._lock.release()
        self._follower = Follower(self._lane, self._monotonic)
        last = self._viewing.last
        if last is not None:
            self._viewing.last = replace(last, collector=replace(self._mine, self_=False))

    def _leave_collecting(self, now: float, *, keep_logs: bool = False) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            self._leave_monitor(keep_logs=keep_logs)
            publisher.close(now)
            self._viewing.problem = None

    def _leave_monitor(self, *, keep_logs: bool = False) -> None:
        monitor, self._monitor = self._monitor, None
        if monitor is None:
            return
        self._logs.closing(keep=keep_logs)
        self._viewing.stop_listening()
        monitor.stop()
        self._errands.reclaim()
