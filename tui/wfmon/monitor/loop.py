"""The monitor: the one loop, in a thread of its own, behind its three doors."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Protocol

from wfmon.model.action import Action, Outcome, Refresh
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Collector, Level, Snapshot, Verdict
from wfmon.monitor.doors import Memory
from wfmon.monitor.hints import Hints
from wfmon.monitor.judge import Judge
from wfmon.monitor.memory import NoMemory
from wfmon.monitor.picture import Picture, PictureMaker
from wfmon.monitor.presenter import NOT_JUDGED, Presenter
from wfmon.monitor.track import Pace, Track
from wfmon.monitor.worker import Answer, PageWorker, SourceWorker
from wfmon.sources.base import LogPages, Source
from wfmon.text.sanitize import safe

TICK = 1.0  # seconds between looks at time itself: staleness, expiries, acks of others
STOP_SECONDS = 0.3  # that the end waits for the present turn of the loop
SHARE = 0.005  # of one core that making pictures may take, and as much again rows and totals
LONGEST_PAUSE = 60.0  # seconds between two pictures, whatever they cost and the clock does


class Worker(Protocol):
    """What asks a source; tests put one in that answers at once."""

    def ask(self, now: float) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Who watches what, for the head of a snapshot."""

    host_name: str
    version: str
    collector: Collector
    read_only: bool


@dataclass(frozen=True, slots=True)
class _Command:
    action: Action
    outcome: Future[Outcome]


_Event = Answer | _Command | None


class Monitor:
    """Decides when each source is asked, keeps its last good answer, and publishes snapshots.

    ``clock`` gives POSIX seconds. ``start`` begins the thread; ``stop`` ends it and returns at once,
    whatever a source does at that moment.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        maker: PictureMaker,
        judge: Judge,
        presenter: Presenter,
        identity: Identity,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.time,
        refresh: float = 1.0,
        seed: int | None = None,
        worker: Callable[[Source, Callable[[Answer], None]], Worker] = SourceWorker,
    ) -> None:
        rng = random.Random(seed)
        self._clock = clock
        self._maker = maker
        self._judge = judge
        self._presenter = presenter
        self._identity = identity
        self._refresh = refresh
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._tracks = {source.name: Track(source, pace, rng) for source in sources}
        self._workers = {source.name: worker(source, self._events.put) for source in sources}
        self._pages = PageWorker()
        self._memory: Memory = NoMemory("no history is kept")
        self._hints = Hints(sources)
        self._listeners: list[Callable[[Snapshot], None]] = []
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._snapshot: Snapshot | None = None
        self._thread: threading.Thread | None = None
        self._settled = False
        self._stopping = False
        self._dirty = False
        self._next_picture = 0.0
        self._next_rows = 0.0
        self._unpaid: set[str] = set()  # sources whose last answers are in no picture yet
        self._next_tick = 0.0

    # doors -----------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(deliver)
            present = self._snapshot
        if present is not None:
            deliver(present)

        def end() -> None:
            with self._lock:
                if deliver in self._listeners:
                    self._listeners.remove(deliver)

        return end

    async def pages(self, request: LogRequest) -> LogPage:
        source = self._log_source(request)
        if source is None:
            return LogPage(lines=(), problem=self._why_no_log(request))
        return await asyncio.wrap_future(self._pages.read(source, request))

    async def act(self, action: Action) -> Outcome:
        return await asyncio.wrap_future(self.submit(action))

    @property
    def memory(self) -> Memory:
        return self._memory

    def submit(self, action: Action) -> Future[Outcome]:
        """``act`` for callers without an event loop."""
        outcome: Future[Outcome] = Future()
        self._events.put(_Command(action, outcome))
        return outcome

    def _log_source(self, request: LogRequest) -> LogPages | None:
        named = self._tracks.get(request.source) if request.source else None
        if named is not None and isinstance(named.source, LogPages):
            return named.source
        for track in self._tracks.values():
            runs = track.reading.runs if track.reading else None
            if isinstance(track.source, LogPages) and (
                request.workflow is None or (runs is not None and request.workflow in runs.workflows)
            ):
                return track.source
        return None

    def _why_no_log(self, request: LogRequest) -> str:
        subject = f" of {request.workflow}" if request.workflow else ""
        if any(isinstance(track.source, LogPages) for track in self._tracks.values()):
            return (
                f"no log line{subject} was found; add its files to paths of a [[source]] of kind "
                '"logs", or give --logs GLOB'
            )
        return (
            f'no log{subject} is known; [[source]] kind = "logs" paths = [..] in the config, '
            "or --logs GLOB, would give one"
        )

    # life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the loop; sources that hang are left behind in their daemon threads."""
        self._stopping = True
        self._events.put(None)
        for worker in self._workers.values():
            worker.stop()
        if self._thread is not None:
            # So that the store is not closed under a turn of the loop; a turn takes milliseconds.
            self._thread.join(STOP_SECONDS)

    def wait(self, enough: Callable[[Snapshot], bool], timeout: float) -> Snapshot | None:
        """The first snapshot that is ``enough``, or the last one when ``timeout`` seconds are over."""
        with self._changed:
            self._changed.wait_for(lambda: self._snapshot is not None and enough(self._snapshot), timeout)
            return self._snapshot

    @property
    def settled(self) -> bool:
        """Whether every source had answered, twice where a rate needs it, or failed, when the present
        snapshot was made."""
        return self._settled

    @property
    def answered(self) -> int:
        """How many sources have given a good answer."""
        return sum(track.reading is not None for track in self._tracks.values())

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.step(self._clock())
                self._take(self._wait_seconds())
            except Exception as error:  # noqa: BLE001 - a blind monitor must say that it is blind
                self._broken(error)
                time.sleep(TICK)

    def _broken(self, error: Exception) -> None:
        """Show the failure of the monitor itself as the verdict over the last picture."""
        text = f"wfmon-tui itself failed: {safe(f'{type(error).__name__}: {error}')} · figures may be old"
        last = self._snapshot
        identity = self._identity
        self._show(
            replace(last, verdict=Verdict(Level.UNKNOWN, text), broken=text)
            if last is not None
            else Snapshot(
                at=self._clock(),
                host_name=identity.host_name,
                version=identity.version,
                collector=identity.collector,
                verdict=Verdict(Level.UNKNOWN, text),
                read_only=identity.read_only,
                broken=text,
            )
        )

    def _wait_seconds(self) -> float:
        now = self._clock()
        times = [self._next_tick, *(due for t in self._tracks.values() if (due := t.due_at) is not None)]
        if self._dirty:
            times.append(self._next_picture)
        return max(0.0, min(TICK, min(times) - now))

    def _take(self, seconds: float) -> None:
        try:
            self._handle(self._events.get(timeout=seconds))
            while True:
                self._handle(self._events.get_nowait())
        except Empty:
            return

    def _handle(self, event: _Event) -> None:
        if isinstance(event, Answer):
            track = self._tracks[event.source]
            known = track.answers > 0 and track.settled
            track.answered(event, self._clock())
            if track.answers == 1 or (track.settled and not known):
                self._next_picture = self._next_rows = 0.0  # what somebody waits for is shown at once
            self._unpaid.add(event.source)
            if event.reading is not None:
                self._hints.spread(event.source, event.reading)
            self._dirty = True
        elif isinstance(event, _Command):
            self._act(event)

    def _act(self, command: _Command) -> None:
        if not command.outcome.set_running_or_notify_cancel():
            return  # whoever asked has gone before anything was done
        now = self._clock()
        if isinstance(command.action, Refresh):
            for track in self._tracks.values():
                track.refresh()
            command.outcome.set_result(Outcome(True, "asking every source now"))
            return
        outcome = self._presenter.act(command.action, now)
        self._publish(self._maker.make(list(self._tracks.values()), now, rows=False), now)
        command.outcome.set_result(outcome)

    def step(self, now: float) -> None:
        """Ask what is due and publish if something is new; one turn of the loop."""
        for name, track in self._tracks.items():
            due = track.due_at
            if due is not None and due <= now:
                track.asked(now)
                self._workers[name].ask(now)
        if now >= self._next_tick or now < self._next_tick - 2 * TICK:
            self._next_tick = now + TICK
            self._dirty = True
        if self._dirty and _is_due(self._next_picture, now):
            self._dirty = False
            self._show_picture(now)

    def _show_picture(self, now: float) -> None:
        """Publish this moment, with rows and totals made anew if it is time for that.

        What those cost is told to the sources whose answers they show, so that they are asked more
        seldom; rules have a share of their own; the rest spaces the pictures.
        """
        cpu = time.thread_time()
        picture = self._maker.make(list(self._tracks.values()), now, rows=_is_due(self._next_rows, now))
        rows = time.thread_time() - cpu if self._maker.made_rows else 0.0
        if self._maker.made_rows:
            self._next_rows = now + min(LONGEST_PAUSE, rows / SHARE)
            for name in self._unpaid:
                self._tracks[name].charge(rows)
            self._unpaid.clear()
        self._publish(picture, now)
        rest = time.thread_time() - cpu - rows - self._judge.rules_cpu
        self._next_picture = now + min(LONGEST_PAUSE, max(self._refresh / 2, rest / SHARE))

    def _publish(self, picture: Picture, now: float) -> None:
        settled = all(track.answers > 0 and track.settled for track in self._tracks.values())
        judged = self._judge.judge(picture, now, anew=settled and not self._settled)
        identity = self._identity
        snapshot = Snapshot(
            at=now,
            host_name=identity.host_name,
            version=identity.version,
            collector=identity.collector,
            verdict=NOT_JUDGED,
            sources=picture.sources,
            totals=picture.totals,
            workflows=picture.workflows,
            runs=picture.runs,
            runs_total=picture.runs_total,
            recent=picture.recent,
            tokens=picture.tokens,
            cost=picture.cost,
            host=picture.host,
            alerts=judged.alerts,
            unjudged=judged.unjudged,
            rules_checked=judged.rules_checked,
            rules_checked_at=judged.checked_at,
            read_only=identity.read_only,
        )
        self._show(self._presenter.present(snapshot, now), settled=settled)

    def _show(self, snapshot: Snapshot, *, settled: bool = False) -> None:
        with self._changed:
            self._snapshot = snapshot
            self._settled = settled
            listeners = list(self._listeners)
            self._changed.notify_all()
        for deliver in listeners:
            deliver(snapshot)


def _is_due(at: float, now: float) -> bool:
    """Whether it is ``at`` or later; also when the clock was set back behind any pause."""
    return now >= at or now < at - LONGEST_PAUSE
