"""The monitor: the one loop, in a thread of its own, behind its three doors."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from wfmon.analysis.observed import ObservedRuns
from wfmon.model.action import Action, Outcome, Refresh
from wfmon.model.alert import Alert
from wfmon.model.log import LogPage, LogRequest
from wfmon.model.prices import EMPTY, PriceBook
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot, TokenRow
from wfmon.monitor.composing import Identity, compose, compose_broken
from wfmon.monitor.doors import Memory
from wfmon.monitor.hints import Hints
from wfmon.monitor.judge import Judge
from wfmon.monitor.logroom import choose_log, why_no_log
from wfmon.monitor.memory import NoMemory
from wfmon.monitor.outlet import Outlet
from wfmon.monitor.picture import Picture, PictureMaker
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.remembered import NOTHING, Remembered
from wfmon.monitor.rulelist import RuleList
from wfmon.monitor.spacing import Spacing
from wfmon.monitor.track import Pace, Track
from wfmon.monitor.worker import Answer, PageWorker, SourceWorker
from wfmon.sources.base import LogPages, Reading, Source
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.model.discovery import Discovery
    from wfmon.model.foreign import ForeignAlerts
    from wfmon.monitor.finder import Finder, Finding
    from wfmon.monitor.lookback import Found, LookBack

TICK = 1.0  # seconds between looks at time itself: staleness, expiries, acks of others
STOP_SECONDS = 0.3  # that the end waits for the present turn of the loop
SHARE = 0.003  # of one core that making pictures may take, and as much again rows and totals
LONGEST_PAUSE = 60.0  # seconds between two pictures, whatever they cost and the clock does


class Worker(Protocol):
    """What asks a source; tests put one in that answers at once."""

    def ask(self, now: float) -> None: ...
    def stop(self) -> None: ...
    def leave(self) -> None: ...


class Keeps(Protocol):
    """Who keeps what the loop sees (``historian.Historian``). Nothing of it waits for a disk but
    ``begin`` and ``join``, which are called before the sources are asked."""

    @property
    def remembered(self) -> Remembered: ...
    @property
    def superseded(self) -> bool: ...
    def begin(self, sources: Iterable[Source], now: float) -> None: ...
    def join(self, sources: Iterable[Source]) -> None: ...
    def took(self, source: str, reading: Reading) -> None: ...
    def saw(self, picture: Picture, now: float) -> None: ...
    def stop(self) -> None: ...


class Shares(Protocol):
    """Who shares acks with others' systems (``sharingthread.SharingThread``). Neither waits."""

    def saw(self, alerts: Sequence[Alert], foreign: tuple[ForeignAlerts, ...]) -> None: ...
    def stop(self) -> None: ...


class Prices(Protocol):
    """Who knows what models cost (``pricing.Pricing``). None waits."""

    @property
    def book(self) -> PriceBook: ...
    def saw(self, tokens: Sequence[TokenRow], logs: Sequence[ObservedRuns], now: float) -> None: ...
    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Command:
    action: Action
    outcome: Future[Outcome]


@dataclass(frozen=True, slots=True)
class _LookedBack:
    found: Found | Exception


@dataclass(frozen=True, slots=True)
class _LookedAround:
    finding: Finding


_Event = Answer | _Command | _LookedBack | _LookedAround | None


class Monitor:
    """Decides when each source is asked, keeps its last good answer, and publishes snapshots.

    ``clock`` gives POSIX seconds. ``collected`` is called in the loop's thread with every snapshot before
    it is presented, and whether it is settled; it must neither wait nor raise. ``start`` begins the
    thread; ``stop`` ends it and returns at once, whatever a source does at that moment.
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
        collected: Callable[[Snapshot, bool], None] | None = None,
        historian: Keeps | None = None,
        memory: Memory | None = None,
        shares: Shares | None = None,
        rules: RuleList | None = None,
        looks_back: Callable[[Callable[[Found | Exception], None]], LookBack] | None = None,
        finder: Finder | None = None,
        prices: Prices | None = None,
    ) -> None:
        rng = random.Random(seed)
        self._clock = clock
        self._maker = maker
        self._judge = judge
        self._presenter = presenter
        self._identity = identity
        self._refresh = refresh
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._track: Callable[[Source], Track] = lambda source: Track(source, pace, rng)
        self._worker: Callable[[Source], Worker] = lambda source: worker(source, self._events.put)
        self._tracks = {source.name: self._track(source) for source in sources}
        self._workers = {source.name: self._worker(source) for source in sources}
        self._finder = finder
        self._discovery: Discovery | None = finder.pending if finder is not None else None
        self._pages = PageWorker()
        self._historian = historian
        self._memory: Memory = memory or NoMemory("no history is kept")
        self._rules = rules or RuleList()
        self._shares = shares
        self._prices = prices
        self._make_look_back = looks_back
        self._look_back: LookBack | None = None
        self.past_known = looks_back is None  # whether what there is to know of the time before is known
        self._hints = Hints(sources)
        self._collected = collected
        self._outlet = Outlet()
        self._thread: threading.Thread | None = None
        self._kept: frozenset[str] = frozenset()  # sources that another will go on with
        self.turned_at = 0.0  # POSIX seconds of the last turn of the loop that went well
        self._stopping = False
        self._dirty = False
        self._next_picture = 0.0
        self._next_rows = 0.0
        self._spacing = Spacing(SHARE, LONGEST_PAUSE)
        self._rows_spacing = Spacing(SHARE, LONGEST_PAUSE)
        self._unpaid: set[str] = set()  # sources whose last answers are in no picture yet
        self._next_tick = 0.0

    # doors -----------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot | None:
        return self._outlet.snapshot

    def subscribe(self, deliver: Callable[[Snapshot], None]) -> Callable[[], None]:
        return self._outlet.subscribe(deliver)

    async def pages(self, request: LogRequest) -> LogPage:
        known = [(track.source, track.reading) for track in self._tracks.values()]
        source = choose_log(known, request)
        if source is None:
            has_logs = any(isinstance(source, LogPages) for source, _ in known)
            return LogPage(lines=(), problem=why_no_log(request, has_logs=has_logs))
        return await asyncio.wrap_future(self._pages.read(source, request))

    async def act(self, action: Action) -> Outcome:
        return await asyncio.wrap_future(self.submit(action))

    @property
    def memory(self) -> Memory:
        return self._memory

    def rest(self) -> None:
        """Nobody waits for anything of a monitor alone."""

    def submit(self, action: Action) -> Future[Outcome]:
        """``act`` for callers without an event loop."""
        outcome: Future[Outcome] = Future()
        self._events.put(_Command(action, outcome))
        return outcome

    # life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the loop; sources that hang are left behind in their daemon threads."""
        self._stopping = True
        if self._shares is not None:
            self._shares.stop()
        if self._finder is not None:
            self._finder.stop()
        if self._prices is not None:
            self._prices.stop()
        self._events.put(None)
        for name, worker in self._workers.items():
            if name in self._kept:
                worker.leave()
            else:
                worker.stop()
        if self._thread is not None:
            # So that the store is not closed under a turn of the loop; a turn takes milliseconds.
            self._thread.join(STOP_SECONDS)
        ended = self._thread is None or not self._thread.is_alive()
        if self._historian is not None and ended:
            self._historian.stop()

    def keep_logs(self) -> tuple[tuple[Source, Reading | None], ...]:
        """The log sources with what they last said, which ``stop`` then leaves open for another to read."""
        logs = [track for track in self._tracks.values() if isinstance(track.source, LogPages)]
        self._kept = frozenset(track.source.name for track in logs)
        return tuple((track.source, track.reading) for track in logs)

    def wait(self, enough: Callable[[Snapshot], bool], timeout: float) -> Snapshot | None:
        """The first snapshot that is ``enough``, or the last one when ``timeout`` seconds are over."""
        return self._outlet.wait(enough, timeout)

    @property
    def settled(self) -> bool:
        """Whether every source had answered, twice where a rate needs it, or failed, when the present
        snapshot was made."""
        return self._outlet.settled

    @property
    def superseded(self) -> bool:
        """Whether another collector writes the history now."""
        return self._historian is not None and self._historian.superseded

    @property
    def answered(self) -> int:
        """How many sources have given a good answer."""
        return sum(track.reading is not None for track in self._tracks.values())

    def _run(self) -> None:
        if self._historian is not None:
            self._historian.begin([track.source for track in self._tracks.values()], self._clock())
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
        last = self._outlet.snapshot
        shown = compose_broken(self._identity, last, text, self._clock())
        if self._collected is not None:
            self._collected(shown, True)
        self._outlet.show(shown)

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
                if self._historian is not None:
                    self._historian.took(event.source, event.reading)
            self._dirty = True
        elif isinstance(event, _Command):
            self._act(event)
        elif isinstance(event, _LookedBack):
            self._learn_past(event.found)
        elif isinstance(event, _LookedAround):
            self._join(event.finding)

    def _join(self, finding: Finding) -> None:
        """Ask what was found from now on too."""
        self._discovery = finding.discovery
        self._dirty = True
        self._next_picture = self._next_rows = 0.0
        new = [source for source in finding.sources if source.name not in self._tracks]
        if not new or self._stopping:
            return
        if self._historian is not None:
            self._historian.join(new)
        self._hints.join(new)
        # Others read these without waiting for the loop.
        self._tracks = {**self._tracks, **{source.name: self._track(source) for source in new}}
        self._workers = {**self._workers, **{source.name: self._worker(source) for source in new}}

    def _look_around(self) -> None:
        """Once what is named has answered: it must not wait for what is looked for."""
        finder = self._finder
        if finder is None or finder.begun or any(track.answers == 0 for track in self._tracks.values()):
            return
        finder.begin(lambda finding: self._events.put(_LookedAround(finding)))

    def _learn_past(self, found: Found | Exception) -> None:
        self.past_known = True
        self._dirty = True
        self._next_picture = 0.0
        if isinstance(found, Exception):
            raise found
        self._judge.look_back(found, self._clock())

    def _ask_past(self, picture: Picture, now: float) -> None:
        """Once, when somebody has something to read: of the time before, and what was over then."""
        if self.past_known or self._make_look_back is None:
            return
        if self._look_back is None:
            self._look_back = self._make_look_back(lambda found: self._events.put(_LookedBack(found)))
        if not self._look_back.begun and self._look_back.is_time(picture, now):
            from wfmon.monitor.lookback import Present

            sources = [track.source for track in self._tracks.values()]
            self._look_back.begin(Present(picture, self._judge.before, self._judge.holding, sources))

    def _act(self, command: _Command) -> None:
        if not command.outcome.set_running_or_notify_cancel():
            return  # whoever asked has gone before anything was done
        now = self._clock()
        if isinstance(command.action, Refresh):
            for track in self._tracks.values():
                track.refresh()
            if self._finder is not None:
                self._finder.hurry()
            command.outcome.set_result(Outcome(True, "asking every source now"))
            return
        outcome = self._presenter.act(command.action, now)
        self._publish(self._picture(now, rows=False), now)
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
            if self._presenter.stale:
                self._next_picture = 0.0  # what others did with an alert is shown at once
        if self._dirty and _is_due(self._next_picture, now):
            self._dirty = False
            self._show_picture(now)
            self._look_around()
        self.turned_at = now

    def _show_picture(self, now: float) -> None:
        """Publish this moment, with rows and totals made anew if it is time for that.

        What those cost is told to the sources whose answers they show, so that they are asked more
        seldom; rules have a share of their own; the rest spaces the pictures.
        """
        cpu = time.thread_time()
        picture = self._picture(now, rows=_is_due(self._next_rows, now))
        rows = time.thread_time() - cpu if self._maker.made_rows else 0.0
        if self._maker.made_rows:
            self._next_rows = now + self._rows_spacing.pause(rows)
            for name in self._unpaid:
                self._tracks[name].charge(rows)
            self._unpaid.clear()
        self._publish(picture, now)
        if self._historian is not None:
            self._historian.saw(picture, now)
        if self._prices is not None and self._maker.made_rows:
            self._prices.saw(picture.tokens, picture.logs, now)
        rest = time.thread_time() - cpu - rows - self._judge.rules_cpu
        self._next_picture = now + max(self._refresh / 2, self._spacing.pause(rest))

    @property
    def _remembered(self) -> Remembered:
        return NOTHING if self._historian is None else self._historian.remembered

    def _picture(self, now: float, *, rows: bool) -> Picture:
        tracks = list(self._tracks.values())
        book = EMPTY if self._prices is None else self._prices.book
        return self._maker.make(tracks, now, rows=rows, remembered=self._remembered, book=book)

    def _publish(self, picture: Picture, now: float) -> None:
        looking = self._discovery is not None and self._discovery.at is None
        settled = not looking and all(t.answers > 0 and t.settled for t in self._tracks.values())
        shown = self.settled
        judged = self._judge.judge(picture, now, anew=settled and not shown)
        # Nobody asks what a rule says before the first verdict.
        rules = self._rules.told(judged.failures, picture.foreign) if shown else ()
        snapshot = compose(self._identity, picture, judged, self._remembered, rules, self._discovery)
        if self._collected is not None:
            self._collected(snapshot, settled)
        self._outlet.show(self._presenter.present(snapshot, now), settled=settled)
        if self._shares is not None and settled and shown:
            self._shares.saw(judged.alerts, picture.foreign)
        if settled:
            self._ask_past(picture, now)


def _is_due(at: float, now: float) -> bool:
    """Whether it is ``at`` or later; also when the clock was set back behind any pause."""
    return now >= at or now < at - LONGEST_PAUSE
