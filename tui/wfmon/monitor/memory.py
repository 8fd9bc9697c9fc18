"""What is remembered, behind the door of the same name."""

from __future__ import annotations

import asyncio
import platform
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import tzinfo
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import wfmon
from wfmon.model.history import Change, Point
from wfmon.model.past import Ended, PastMoment, Series, SeriesRequest
from wfmon.model.prices import EMPTY, PriceBook
from wfmon.model.record import dataclass, replace
from wfmon.model.run import Run
from wfmon.model.source import SourceStatus
from wfmon.model.spend import DearRun, Priced, Spending, SpendRequest
from wfmon.store.acks import AckStore
from wfmon.store.errors import StoreError
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.analysis.moment import Viewer
    from wfmon.store.history.records import Session

T = TypeVar("T")

DAY = 86_400.0
TREND_SECONDS = 900.0  # that drawn series of a past moment are over, as those of now ...
TREND_POINTS = 30  # ... from about so many points: each is a millisecond with 500 workflows
ENDED_SECONDS = 12 * 3600.0
# No answer holds more than so many.
MOST_POINTS = 2000
MOST_EPISODES = 1000
MOST_RUNS = 500
RUNS = 100
DEAREST = 50
CHANGES = 50


class NoMemory:
    """Nothing is kept; every answer says ``why``."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def moment(self, at: float) -> PastMoment:
        return PastMoment(at, None, why=self._why)

    async def series(self, request: SeriesRequest) -> Series:
        return Series(request.begin, request.end, problem=self._why)

    async def ended(self, since: float, limit: int = 200) -> Ended:
        return Ended(problem=self._why)

    async def runs(self, workflow: str, limit: int = 100) -> tuple[Run, ...]:
        return ()

    async def spending(self, request: SpendRequest) -> Priced:
        return Priced(Spending(request.begin, request.end, problem=self._why))


class Reads(Protocol):
    """What is asked of the history (``store.history.reader.HistoryReader``); each raises StoreError."""

    def point(self, at: float) -> Point | None: ...
    def near(self, at: float) -> tuple[float | None, float | None]: ...
    def points(self, begin: float, end: float, most: int) -> Sequence[Point]: ...
    def series(self, request: SeriesRequest) -> Series: ...
    def runs(self, workflow: str, limit: int, until: float | None = None) -> Sequence[Run]: ...
    def newest_runs(self, until: float, limit: int) -> Sequence[Run]: ...
    def states_at(self, at: float) -> Sequence[SourceStatus]: ...
    def changes(self, begin: float, end: float, limit: int) -> Sequence[Change]: ...
    def sessions(self, begin: float, end: float) -> Sequence[Session]: ...
    def spending(self, request: SpendRequest) -> Spending: ...
    def dearest(self, begin: float, end: float, book: PriceBook, limit: int) -> tuple[DearRun, ...]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Question:
    """``otherwise``: the answer where ``work`` fails, given why in words."""

    work: Callable[[], Any]
    otherwise: Callable[[str], Any]
    answer: Future[Any]


class StoredMemory:
    """Answers from the history and the episodes of a lane, in the order asked, in one thread of its own.
    A question that nobody waits for any more is dropped.

    ``zone``: in which times of day are told (None: local); ``me``: who looks; ``alone``: why this process
    keeps nothing and shares nothing with one that does; None where that is not so. ``book``: the prices that
    hold now; it is asked in the thread.
    """

    def __init__(
        self,
        reader: Reads,
        acks: AckStore,
        zone: tzinfo | None,
        *,
        me: str = "",
        alone: Callable[[], str | None] = lambda: None,
        clock: Callable[[], float] = time.time,
        book: Callable[[], PriceBook] = lambda: EMPTY,
    ) -> None:
        self._reader = reader
        self._book = book
        self._acks = acks
        self._zone = zone
        self._me = me
        self._alone = alone
        self._clock = clock
        self._questions: SimpleQueue[_Question | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def moment(self, at: float) -> PastMoment:
        return await self._ask(lambda: self._moment(at), lambda why: PastMoment(at, None, why=why))

    async def series(self, request: SeriesRequest) -> Series:
        few = replace(request, points=max(1, min(request.points, MOST_POINTS)))
        return await self._ask(
            lambda: self._reader.series(few),
            lambda why: Series(request.begin, request.end, problem=why),
        )

    async def ended(self, since: float, limit: int = 200) -> Ended:
        most = max(1, min(limit, MOST_EPISODES))
        return await self._ask(lambda: self._ended(since, most), lambda why: Ended(problem=why))

    async def runs(self, workflow: str, limit: int = 100) -> tuple[Run, ...]:
        most = max(1, min(limit, MOST_RUNS))
        nothing: tuple[Run, ...] = ()
        return await self._ask(lambda: tuple(self._reader.runs(workflow, most)), lambda _why: nothing)

    async def spending(self, request: SpendRequest) -> Priced:
        nothing = Spending(request.begin, request.end)
        return await self._ask(
            lambda: self._spent(request), lambda why: Priced(replace(nothing, problem=why))
        )

    def close(self) -> None:
        """End the thread after its present answer; never waits for it."""
        self._questions.put(None)

    # in the thread ----------------------------------------------------------------------------------

    async def _ask(self, work: Callable[[], T], otherwise: Callable[[str], T]) -> T:
        answer: Future[T] = Future()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
            self._thread.start()
        self._questions.put(_Question(work, otherwise, answer))
        return await asyncio.wrap_future(answer)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            if question.answer.set_running_or_notify_cancel():
                question.answer.set_result(_answer(question))
        self._reader.close()

    def _spent(self, request: SpendRequest) -> Priced:
        book = self._book()
        found = self._reader.spending(request)
        if not request.by_workflow:
            return Priced(found, book)
        return Priced(found, book, self._reader.dearest(request.begin, request.end, book, DEAREST))

    def _moment(self, at: float) -> PastMoment:
        from wfmon.analysis.moment import Kept, moment
        from wfmon.analysis.pasttrends import past_trends
        from wfmon.model.snapshot import Collector

        reader = self._reader
        point = reader.point(at)
        before, after = reader.near(at)
        if point is None:
            return PastMoment(at, None, before=before, after=after, why=self._why(at, before, after))
        begin = at - TREND_SECONDS
        session = next(iter(_covering(reader.sessions(at, at), at)), None)
        snapshot = moment(
            Kept(
                at=at,
                point=point,
                open=self._acks.episodes_at(at),
                ended=self._acks.ended(at - ENDED_SECONDS, MOST_EPISODES, at),
                statuses=reader.states_at(at),
                runs=reader.newest_runs(at, RUNS),
                changes=_newest(reader.changes(at - DAY, at, CHANGES)),
                trends=past_trends(reader.points(begin, at, TREND_POINTS), begin, at),
                collector=None
                if session is None
                else Collector(session.pid, session.user, False, session.version, session.begin),
            ),
            self._viewer(),
        )
        return PastMoment(at, snapshot, point.seconds, before, after)

    def _viewer(self) -> Viewer:
        from wfmon.analysis.moment import Viewer

        return Viewer(safe(platform.node()), wfmon.__version__, self._me, self._zone, self._acks.shared)

    def _why(self, at: float, before: float | None, after: float | None) -> str:
        """Why nothing is known of ``at``, with the hole that it lies in."""
        from wfmon.analysis.words import clock

        if before is None and after is None:
            alone = self._alone()
            return "nothing is kept yet" if alone is None else f"nothing is kept: {alone}"
        if before is None and after is not None:
            return f"the history begins {clock(after, at, self._zone)}"
        if after is None and before is not None:
            return f"the history ends {clock(before, at, self._zone)}"
        assert before is not None
        assert after is not None
        ran = any(_covering(self._reader.sessions(before, after), at))
        last = self._reader.point(before)
        ended = before if last is None else min(at, last.at + last.seconds)
        first, last_known = (clock(end, at, self._zone) for end in (ended, after))
        if first == last_known:  # within a minute
            first, last_known = (clock(end, at, self._zone, seconds=True) for end in (ended, after))
        hole = f"{first}–{last_known}"
        return f"nothing was kept {hole}" if ran else f"no collector ran {hole}"

    def _ended(self, since: float, limit: int) -> Ended:
        episodes = self._acks.ended(since, limit)
        problem = None if self._acks.readable else self._acks.problem
        try:
            changes = _newest(self._reader.changes(since, self._clock() + 1.0, limit))
        except StoreError as error:
            changes, problem = (), problem or error.reason
        return Ended(episodes, changes, problem)


def _answer(question: _Question) -> Any:
    """Whatever goes wrong is the answer, in words."""
    try:
        return question.work()
    except StoreError as error:
        return question.otherwise(error.reason)
    except Exception as error:  # noqa: BLE001 - told in the pane, as any other problem of the store
        return question.otherwise(safe(f"{type(error).__name__}: {error}"))


def _covering(sessions: Sequence[Session], at: float) -> list[Session]:
    """The newest first."""
    found = [session for session in sessions if session.begin <= at <= session.last_seen]
    return sorted(found, key=lambda session: -session.epoch)


def _newest(changes: Sequence[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: -change.at))
