"""One process among those that watch the same: who collects, who reads, and what happens in between.

At any moment a station has one of three roles. The **collector** holds the lock of the lane: it asks the
sources, evaluates, publishes and keeps the history. A **reader** shows what the collector published. One
that is **alone** asks for itself, keeps and shares nothing, and says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from wfmon.model.action import Action, Outcome, Refresh
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Collector, Level, Snapshot, Verdict
from wfmon.model.source import SourceState
from wfmon.monitor.doors import Memory
from wfmon.monitor.follower import SILENT_SECONDS, Follower, Sight, not_live, unanswered
from wfmon.monitor.nudge import Nudge
from wfmon.monitor.outlet import Outlet
from wfmon.monitor.publisher import Publisher
from wfmon.store.acks import AckStore
from wfmon.store.collectorlock import CollectorLock, Holder
from wfmon.store.lanes import Lane
from wfmon.text.numbers import clock
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from datetime import tzinfo

    from wfmon.monitor.logroom import LogRoom
    from wfmon.monitor.loop import Monitor
    from wfmon.monitor.presenter import Presenter
    from wfmon.sources.base import Source

LOOK_SECONDS = 0.2  # between two looks at what the collector published
TRY_SECONDS = 0.4  # between two tries to become the collector
SHOW_SECONDS = 1.0  # without news until acks and expiries are looked at all the same
LATE_SECONDS = 2.0  # of silence until it is asked whether there still is a collector
SETTLE_SECONDS = 3.0  # that a new collector has to know as much as the last one knew
HUNG_SECONDS = 30.0  # of silence until a collector that still holds the lock is replaced
VACANT_SECONDS = 1.5  # without a collector until who may not collect looks for itself
HEIR_SECONDS = 10.0  # a collector that spoke last so long ago is gone on from
REST_SECONDS = 2.0  # that the stop of the process may be late after ``rest``
PAGES_SECONDS = 60.0  # after its last page a log is still being read
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
        """One that keeps and shares nothing where ``epoch`` is None; ``last`` is what the last collector
        saw."""
        ...

    def logs(self) -> Sequence[Source]: ...
    def presenter(self) -> Presenter: ...
    def memory(self) -> Memory: ...


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who sits here. ``refresh``: seconds between two snapshots."""

    me: str
    version: str
    zone: tzinfo | None
    refresh: float
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    action: Action
    outcome: Future[Outcome]


class Station:
    """Implements the doors; ``start`` takes a role, ``stop`` leaves it and returns at once.

    ``clock`` gives POSIX seconds. ``problem``: why nothing can be shared here, known before the start.
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
        self._store = store
        self._viewer = viewer
        self._means = means
        self._clock = clock
        self._monotonic = monotonic
        self._outlet = Outlet()
        self._hand_over = threading.RLock()  # one at a time changes the role ...
        self._choice = threading.RLock()  # ... and chooses what is shown
        self._asked: SimpleQueue[_Asked] = SimpleQueue()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._lock = CollectorLock(lane)
        self._nudge = Nudge(lane)
        self._follower = Follower(lane, monotonic)
        self._presenter: Presenter | None = None
        self._memory: Memory | None = None
        self._monitor: Monitor | None = None
        self._publisher: Publisher | None = None
        self._mine = Collector(os.getpid(), viewer.me, version=viewer.version)
        self._life = 0  # of the present monitor: what an earlier one still says is not heard
        self._last: Snapshot | None = None  # the newest that was collected, by whomever
        self._last_beat = 0.0
        self._holding = False  # the present monitor knows less than what is shown
        self._open_at = 0.0
        self._shown_at = -SHOW_SECONDS
        self._vacant_since: float | None = None
        self._try_at = 0.0
        self._pending: list[tuple[_Asked, Future[Outcome]]] = []
        self._rooms = threading.Lock()
        self._room: LogRoom | None = None
        self._paged_at = -PAGES_SECONDS

    # doors -----------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot | None:
        return self._outlet.snapshot

    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]:
        return self._outlet.subscribe(deliver)

    async def pages(self, request: LogRequest) -> LogPage:
        with self._rooms:
            self._paged_at = self._monotonic()
            room, monitor = self._room, self._monitor
            if room is None and monitor is None:
                room = self._room = self._new_room()
            page = None if room is None else room.read(request)
        if page is not None:
            return await asyncio.wrap_future(page)
        assert monitor is not None
        return await monitor.pages(request)

    async def act(self, action: Action) -> Outcome:
        return await asyncio.wrap_future(self.submit(action))

    @property
    def memory(self) -> Memory:
        if self._memory is None:
            self._memory = self._means.memory()
        return self._memory

    def rest(self) -> None:
        """The process is about to be stopped: let another collect. Goes on by itself when it continues."""
        with self._hand_over:
            self._try_at = self._monotonic() + REST_SECONDS
            if self._publisher is not None:
                self._step_down(self._clock())

    def submit(self, action: Action) -> Future[Outcome]:
        """``act`` for callers without an event loop."""
        asked = _Asked(action, Future())
        self._asked.put(asked)
        self._wake.set()
        return asked.outcome

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
            self._leave()
        finally:
            if mine:
                self._hand_over.release()

    def wait(self, enough: Callable[[Snapshot], bool], timeout: float) -> Snapshot | None:
        """The first snapshot that is ``enough``, or the last one when ``timeout`` seconds are over."""
        return self._outlet.wait(enough, timeout)

    @property
    def settled(self) -> bool:
        """Whether waiting would tell no more than the present snapshot."""
        return self._outlet.settled

    @property
    def answered(self) -> int:
        """How many sources have given a good answer to whoever asks them."""
        snapshot = self._outlet.snapshot
        return sum(source.as_of is not None for source in snapshot.sources) if snapshot else 0

    @property
    def collector(self) -> Collector:
        """Who asks the sources of what is shown."""
        snapshot = self._outlet.snapshot
        return snapshot.collector if snapshot is not None else self._mine

    def _run(self) -> None:
        while not self._stopping:
            try:
                with self._hand_over:
                    pause = 0.0 if self._stopping else self.turn(self._clock())
            except Exception as error:  # noqa: BLE001 - a blind monitor must say that it is blind
                self._broken(error)
                pause = 1.0
            self._wake.wait(pause)
            self._wake.clear()

    def _broken(self, error: Exception) -> None:
        text = f"wfmon-tui itself failed: {safe(f'{type(error).__name__}: {error}')} · figures may be old"
        last = self._outlet.snapshot or self._nothing()
        self._outlet.show(replace(last, verdict=Verdict(Level.UNKNOWN, text), broken=text))
        with self._hand_over:
            if self._monitor is None:
                self._lock.release()  # another may fare better

    # one turn ----------------------------------------------------------------------------------------

    def turn(self, now: float) -> float:
        """Do what is due; seconds until the next turn."""
        self._tidy_room()
        if self._publisher is not None:
            pause = self._collect(self._publisher, now)
        elif self._takes(now):
            pause = LOOK_SECONDS
        else:
            self._watch(now)
            pause = LOOK_SECONDS
        if self._holding and self._last is not None and self._monotonic() - self._shown_at >= SHOW_SECONDS:
            self._show_old(self._last, now)
        self._do_asked(now)
        return pause

    def _collect(self, publisher: Publisher, now: float) -> float:
        monitor = self._monitor
        assert monitor is not None
        if not publisher.turn(now) or monitor.superseded:
            self._step_down(now)
            return 0.0
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
        living = punctual or holder is not None
        if living or sight.silent < HEIR_SECONDS:
            self._read(sight)
        if not living:
            self._watch_vacant(now)
            return
        self._vacant_since = None
        if sight.fresh:
            self._leave_monitor()
            self._show_read(sight.new, now)
        elif holder is not None:
            self._watch_holder(holder, sight, now)

    def _read(self, sight: Sight) -> None:
        """Keep what is new of somebody's figures, as they are seen here."""
        snapshot = sight.snapshot
        if snapshot is not None and (sight.new or self._last is None):
            collector = replace(snapshot.collector, self_=False)
            self._last = replace(snapshot, collector=collector, read_only=self._viewer.read_only)
            self._last_beat = sight.beat
        elif sight.fresh:
            self._last_beat = sight.beat

    def _watch_vacant(self, now: float) -> None:
        """Nobody collects, and this process did not become the collector either."""
        why = self._lock.problem or ("read-only, and nobody collects" if self._viewer.read_only else None)
        if self._vacant_since is None:
            self._vacant_since = self._monotonic()
        # Another reader may be about to take over.
        waited = self._last is None or self._monotonic() - self._vacant_since >= VACANT_SECONDS
        if why is not None and (waited or self._monitor is not None):
            self._be_alone(why)
        elif self._last is not None:
            self._show_read(False, now)

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
            self._show_read(sight.new, now, (who, silent) if silent >= SILENT_SECONDS else None)

    def _replaces(self, holder: Holder, now: float) -> bool:
        """Take the place of a collector that holds the lock and does nothing."""
        if self._viewer.read_only or self._monotonic() < self._try_at - TRY_SECONDS:
            return False
        epoch = self._lock.replace_hung(holder, now)
        if epoch is None:
            return False
        self._become_collector(epoch, now)
        return True

    # roles -------------------------------------------------------------------------------------------

    def _become_collector(self, epoch: int, now: float) -> None:
        self._inherit(now)
        self._leave_monitor()
        self._mine = replace(self._mine, self_=True, since=now, alone=None)
        if self._last is not None:
            self._last = replace(self._last, collector=self._mine, read_only=False)
            self._show_old(self._last, now)  # to build what asks takes a moment
        try:
            monitor = self._new_monitor(epoch)
        except BaseException:
            self._lock.release()
            raise
        publisher = Publisher(
            self._lane, self._lock, epoch, lambda: monitor.turned_at, every=self._viewer.refresh
        )
        self._nudge.came()
        if self._last is not None:
            publisher.offer(self._last)
        self._publisher = publisher
        monitor.start()

    def _inherit(self, now: float) -> None:
        """Whoever begins where another has just ended goes on from what that one knew."""
        if self._last is None:
            sight = self._follower.look(now)
            if sight.silent < HEIR_SECONDS:
                self._read(sight)

    def _be_alone(self, why: str) -> None:
        if self._monitor is not None and self._mine.alone == why:
            return
        self._leave_monitor()
        self._mine = replace(self._mine, self_=True, since=None, alone=why)
        monitor = self._new_monitor(None)
        monitor.start()

    def _new_monitor(self, epoch: int | None) -> Monitor:
        self._life += 1
        life = self._life
        self._holding = self._last is not None
        self._open_at = self._monotonic() + SETTLE_SECONDS

        def collected(snapshot: Snapshot, settled: bool) -> None:
            with self._choice:
                if life != self._life:
                    return
                knows = settled or self._monotonic() >= self._open_at
                self._holding = self._holding and not knows
                if knows and self._publisher is not None:
                    self._publisher.offer(snapshot)
                if not self._holding:
                    self._last, self._last_beat = snapshot, snapshot.at

        def show(snapshot: Snapshot) -> None:
            with self._choice:
                if life == self._life and not self._holding:
                    self._show(snapshot, settled=monitor.settled)

        monitor = self._means.monitor(self._mine, epoch, collected, self._last)
        monitor.subscribe(show)
        self._monitor = monitor
        return monitor

    def _step_down(self, now: float) -> None:
        """No longer the collector; what was known stays on the screen until there is something newer."""
        publisher = self._publisher
        self._publisher = None
        self._leave_monitor(keep_logs=True)
        if publisher is not None:
            publisher.close(now)
        self._lock.release()
        self._follower = Follower(self._lane, self._monotonic)
        if self._last is not None:
            self._last = replace(self._last, collector=replace(self._mine, self_=False))

    def _leave_monitor(self, *, keep_logs: bool = False) -> None:
        monitor = self._monitor
        if monitor is None:
            return
        with self._rooms:
            if keep_logs and self._room is None and self._monotonic() - self._paged_at < PAGES_SECONDS:
                self._room = self._new_room(monitor)
            self._monitor = None
        with self._choice:
            self._life += 1
            self._holding = False
        monitor.stop()
        pending, self._pending = self._pending, []
        for asked, inner in pending:
            if inner.cancel():
                self._asked.put(asked)

    def _leave(self) -> None:
        if self._publisher is not None:
            publisher, self._publisher = self._publisher, None
            self._leave_monitor()
            publisher.close(self._clock())
        else:
            self._leave_monitor()
        self._lock.release()
        with self._rooms:
            if self._room is not None:
                self._room.close()

    # what is shown -------------------------------------------------------------------------------------

    def _show_read(self, new: bool, now: float, hung: tuple[Collector, float] | None = None) -> None:
        """The last snapshot that was read; ``hung``: who has been silent for so many seconds."""
        last = self._last
        recently = self._monotonic() - self._shown_at < SHOW_SECONDS
        if (recently and not new and not self._store.changed()) or (last is None and hung is None):
            return
        shown = self._presented(last, now) if last is not None else self._nothing(hung)
        if hung is not None:
            shown = unanswered(shown, *hung, self._last_beat or None, self._viewer.zone)
        self._show(shown, settled=last is not None and _settled(last))

    def _show_old(self, last: Snapshot, now: float) -> None:
        """What the last collector knew, until this one knows as much."""
        shown = self._presented(last, now)
        if not 0 <= now - self._last_beat < SILENT_SECONDS:
            at = clock(self._last_beat, self._viewer.zone)
            shown = not_live(shown, f"asking every source now: figures are of {at}")
        with self._choice:
            if self._monitor is None or self._holding:
                self._show(shown)

    def _presented(self, snapshot: Snapshot, now: float) -> Snapshot:
        if self._presenter is None:
            self._presenter = self._means.presenter()
        return self._presenter.present(snapshot, now)

    def _show(self, snapshot: Snapshot, *, settled: bool = False) -> None:
        problem = self._publisher.problem if self._publisher is not None else None
        if problem is not None and snapshot.store_problem is None:
            snapshot = replace(snapshot, store_problem=problem)
        self._shown_at = self._monotonic()
        self._outlet.show(snapshot, settled=settled)

    def _nothing(self, hung: tuple[Collector, float] | None = None) -> Snapshot:
        """What is shown where nothing was ever read."""
        return Snapshot(
            at=self._clock(),
            host_name=safe(os.uname().nodename),
            version=self._viewer.version,
            collector=hung[0] if hung is not None else self._mine,
            verdict=Verdict(Level.UNKNOWN, ""),
            read_only=self._viewer.read_only,
        )

    # actions and logs ------------------------------------------------------------------------------------

    def _do_asked(self, now: float) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._do(self._asked.get_nowait(), now)

    def _do(self, asked: _Asked, now: float) -> None:
        if self._monitor is not None:
            self._forward(asked, self._monitor)
            return
        if not asked.outcome.set_running_or_notify_cancel():
            return
        if isinstance(asked.action, Refresh):
            asked.outcome.set_result(self._nudge.give(read_only=self._viewer.read_only))
            return
        if self._presenter is None:
            self._presenter = self._means.presenter()
        outcome = self._presenter.act(asked.action, now)
        if self._last is not None:
            self._shown_at = -SHOW_SECONDS
            self._watch(now)
        asked.outcome.set_result(outcome)

    def _forward(self, asked: _Asked, monitor: Monitor) -> None:
        """To the monitor; should it be gone before it does it, the next role does."""
        if asked.outcome.cancelled():
            return
        inner = monitor.submit(asked.action)
        self._pending = [entry for entry in self._pending if not entry[1].done()]
        self._pending.append((asked, inner))

        def done(answer: Future[Outcome]) -> None:
            if not answer.cancelled() and asked.outcome.set_running_or_notify_cancel():
                asked.outcome.set_result(answer.result())

        inner.add_done_callback(done)
        asked.outcome.add_done_callback(lambda outcome: outcome.cancelled() and inner.cancel())

    def _new_room(self, monitor: Monitor | None = None) -> LogRoom:
        from wfmon.monitor.logroom import LogRoom

        read = monitor.keep_logs() if monitor is not None else None
        return LogRoom(self._means.logs, read, clock=self._clock)

    def _tidy_room(self) -> None:
        with self._rooms:
            if self._room is not None and self._room.idle:
                self._room.close()
                self._room = None


def _settled(snapshot: Snapshot) -> bool:
    return all(source.state is not SourceState.WAITING for source in snapshot.sources)
