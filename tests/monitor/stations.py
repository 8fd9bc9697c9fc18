"""Stations that are turned by hand: real locks and files, a clock that is moved, sources that answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

from wfmon.analysis.merge import Windows
from wfmon.config.loader import load_config
from wfmon.model.log import Level as LogLevel
from wfmon.model.log import LogLine, LogPage, LogRequest
from wfmon.model.run import Run, RunsSample, RunStatus, WorkflowRuns
from wfmon.model.snapshot import Collector, Snapshot
from wfmon.monitor.composing import Identity
from wfmon.monitor.doors import Memory
from wfmon.monitor.judge import Judge
from wfmon.monitor.loop import Monitor
from wfmon.monitor.memory import NoMemory
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.station import Station
from wfmon.monitor.track import Pace
from wfmon.monitor.viewing import Viewer
from wfmon.monitor.worker import Answer, poll
from wfmon.sources.base import Reading, Source
from wfmon.store.acks import AckStore
from wfmon.store.lanes import Lane
from wfmon.store.paths import StateDir
from wfmon.store.terms import AckTerms

START = 1_800_000_000.0
WINDOWS = Windows(runs=300.0, grow_runs=20, longest=21600.0, rate=300.0)


@dataclass
class Clock:
    """One time for everybody: POSIX seconds, and a clock that only moves on."""

    now: float = START

    def wall(self) -> float:
        return self.now

    def steady(self) -> float:
        return self.now - START + 1_000.0


def runs(now: float, failed: int, good: int = 60) -> Reading:
    status = [RunStatus.ERROR] * failed + [RunStatus.SUCCESS] * good
    finished = tuple(
        Run(id=f"r{i}", workflow="w", status=s, ended_at=now - 1, duration_seconds=1.0, source="logs")
        for i, s in enumerate(status)
    )
    told = WorkflowRuns("w", open=(), finished=finished, complete_since=0.0, open_complete=True)
    return Reading(at=now, runs=RunsSample(now, {"w": told}))


@dataclass
class Logs:
    """A log source; ``failed`` runs of 60 and more. ``held``: it does not answer."""

    failed: int = 30
    held: bool = False
    name: str = "logs"
    kind: str = "logs"
    where: str = "x"
    interval: float = 1.0
    timeout: float = 5.0
    polls: int = 0
    closed: bool = False

    def poll(self, now: float) -> Reading:
        self.polls += 1
        return runs(now, self.failed)

    def page(self, request: LogRequest, cancelled: Callable[[], bool]) -> LogPage:
        return LogPage((LogLine(1, id(self), id(self) + 1, None, LogLevel.INFO, "line"),))

    def close(self) -> None:
        self.closed = True


class Inline:
    def __init__(self, source: Source, deliver: Callable[[Answer], None]) -> None:
        self.source = source
        self.deliver = deliver
        self.waiting: float | None = None

    def ask(self, now: float) -> None:
        self.waiting = now
        self.answer()

    def answer(self) -> None:
        if self.waiting is not None and not getattr(self.source, "held", False):
            self.deliver(poll(self.source, self.waiting))
            self.waiting = None

    def stop(self) -> None:
        self.source.close()

    def leave(self) -> None: ...


class ByHand(Monitor):
    """Its loop turns when ``Place.turn`` says so."""

    started = False
    stopped = False

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.stopped = True
        super().stop()

    def turn(self, now: float) -> None:
        for worker in self._workers.values():
            assert isinstance(worker, Inline)
            worker.answer()
        self.step(now)
        self._take(0.0)
        self._next_picture = 0.0
        self.step(now)
        self._take(0.0)


@dataclass
class Place:
    """One process: its station, the sources that it built, and all that it showed."""

    station: Station
    source: Logs
    clock: Clock
    monitors: list[ByHand] = field(default_factory=list)
    rooms: list[Logs] = field(default_factory=list)
    shown: list[Snapshot] = field(default_factory=list)

    def turn(self, seconds: float = 0.0, *, loop: bool = True) -> None:
        """Let time pass in steps of 0.2 s, and everything be done that is due in this process."""
        end = self.clock.now + seconds
        while True:
            self.station.turn(self.clock.now)
            monitor = self.monitor
            if monitor is not None and loop:
                monitor.turn(self.clock.now)
                self.station.turn(self.clock.now)
            if self.clock.now >= end:
                return
            self.clock.now = min(end, self.clock.now + 0.2)

    @property
    def monitor(self) -> ByHand | None:
        """The one that asks now."""
        asking = [monitor for monitor in self.monitors if monitor.started and not monitor.stopped]
        assert len(asking) <= 1
        return asking[0] if asking else None

    @property
    def last(self) -> Snapshot:
        snapshot = self.station.snapshot
        assert snapshot is not None
        return snapshot


@dataclass
class World:
    """A lane in which processes come and go."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    places: list[Place] = field(default_factory=list)
    problem: str | None = None

    @property
    def lane(self) -> Lane:
        folder = self.folder / "lanes" / "0123456789ab"
        folder.mkdir(parents=True, exist_ok=True)
        return Lane("0123456789ab", StateDir(folder, problem=self.problem), root=False)

    def enter(
        self, me: str, *, failed: int = 30, held: bool = False, read_only: bool = False, version: str = "1"
    ) -> Place:
        """A process that has just started."""
        store = AckStore(StateDir(self.folder, shared=True), AckTerms(), read_only=read_only)
        viewer = Viewer(me, version, UTC, 1.0, read_only)
        means = Workshop(self, store, me)
        station = Station(self.lane, store, viewer, means, clock=self.clock.wall, monotonic=self.clock.steady)
        place = means.place = Place(station, Logs(failed, held), self.clock)
        station.subscribe(place.shown.append)
        self.places.append(place)
        place.turn()
        return place

    def pass_by(self, seconds: float, *places: Place) -> None:
        """Time passes for ``places`` at once (all of them if none is named)."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + 0.2)
            for place in places or self.places:
                place.turn()

    def kill(self, place: Place) -> None:
        """As the kernel does it: locks are freed, nothing is said."""
        self.places.remove(place)
        place.station._lock.release()


@dataclass
class Workshop:
    """See ``station.Means``."""

    world: World
    store: AckStore
    me: str
    place: Place | None = None

    def monitor(
        self,
        collector: Collector,
        epoch: int | None,
        collected: Callable[[Snapshot, bool], None],
        last: Snapshot | None,
    ) -> Monitor:
        del last
        assert self.place is not None
        made = ByHand(
            [self.place.source],
            PictureMaker(WINDOWS, {}, {}),
            Judge(rule_settings(load_config(environ={}).config), self.store),
            Presenter(self.store, self.me, UTC),
            Identity("h", "1", collector, read_only=False),
            Pace(stale_after=60.0, backoff_max=60.0, stretch=100.0),
            clock=self.world.clock.wall,
            seed=1,
            worker=Inline,
            collected=collected,
        )
        self.place.monitors.append(made)
        return made

    def logs(self) -> Sequence[Source]:
        assert self.place is not None
        made = Logs()
        self.place.rooms.append(made)
        return [made]

    def presenter(self) -> Presenter:
        return Presenter(self.store, self.me, UTC)

    def memory(self, alone: Callable[[], str | None]) -> Memory:
        return NoMemory("no history is kept")
