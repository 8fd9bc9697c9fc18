"""What is asked of past spending for a view: which time in which slots, one question at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from wfmon.model import calendar
from wfmon.model.budget import Period
from wfmon.model.money import Money
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Priced, RunCount, SpendRequest
from wfmon.text import numbers
from wfmon.ui.aside import aside
from wfmon.ui.look import Look
from wfmon.ui.views.base import ShellDoor

if TYPE_CHECKING:
    from wfmon.analysis.accounts import Ledger, SpendLine

Dimension = Literal["workflow", "model", "provider"]
DIMENSIONS: tuple[Dimension, ...] = ("model", "provider", "workflow")

HOUR = 3600.0
AGAIN_SECONDS = 10.0  # what moved is asked for no sooner
ANYWAY_SECONDS = 60.0  # and what did not seem to move, all the same
MANY_CELLS = 2000  # from which on they are added up aside, 5 ms at least

T = TypeVar("T")
Digest = Callable[[Priced, float, "tzinfo | None"], T]
Start = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Wanted(Protocol):
    """A time that is asked for; ``id`` tells it from others."""

    @property
    def id(self) -> str: ...
    @property
    def words(self) -> str: ...
    def request(self, now: float, zone: tzinfo | None) -> SpendRequest: ...


@dataclass(frozen=True, slots=True)
class Span:
    """``days`` 0: the last 24 hours, in slots of an hour; else so many calendar days with today."""

    id: str
    words: str
    days: int

    def request(self, now: float, zone: tzinfo | None) -> SpendRequest:
        if self.days:
            bounds = day_begins(now, zone, self.days)
        else:
            last = now // HOUR * HOUR
            bounds = tuple(last - (23 - number) * HOUR for number in range(24))
        return SpendRequest(bounds[0], max(now, bounds[-1] + 1), bounds)


SPANS = (Span("24h", "24 hours", 0), Span("7d", "7 days", 7), Span("30d", "30 days", 30))


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """``at``: when it was true. ``sums``: what the view makes of it, once."""

    span: Wanted
    request: SpendRequest
    priced: Priced
    sums: T
    at: float


@dataclass(frozen=True, slots=True)
class Sums:
    """What a ledger says of the whole time; ``lines`` by what they were split by, the dearest first."""

    ledger: Ledger
    lines: Mapping[Dimension, tuple[SpendLine, ...]]
    course: tuple[Money, ...]
    money: Money
    wasted: Money
    waste_share: float | None
    runs: RunCount | None
    per_success: Money | None


class Spendings(Generic[T]):
    """``digest`` makes the sums of an answer, at its time and in the zone of its days; where there is much
    of it, in a thread. ``answer`` is the last one, also while a new one is asked; ``why``: there is none that
    tells anything, and why."""

    def __init__(
        self, shell: ShellDoor, start: Start, digest: Digest[T], then: Callable[[], None] | None = None
    ) -> None:
        self.answer: Answer[T] | None = None
        self._then = then
        self._digest = digest
        self.why = ""
        self._shell = shell
        self._start = start
        self._asked_at = 0.0
        self._asked: tuple[object, ...] | None = None
        self._next: tuple[Wanted, tzinfo | None] = (SPANS[0], None)
        self._task: asyncio.Task[None] | None = None

    @property
    def asking(self) -> bool:
        return self._task is not None and not self._task.done()

    def refresh(self, span: Wanted, zone: tzinfo | None, moved: object = None) -> None:
        """Ask, if another span is wanted, or it is time and ``moved`` is not what it was."""
        now = self._shell.now()
        wanted = (span.id, zone, moved, now // HOUR)
        since = now - self._asked_at
        if self._asked is not None and self._asked[:2] == wanted[:2]:
            due = AGAIN_SECONDS if wanted != self._asked else ANYWAY_SECONDS
            if 0 <= since < due:
                return
        self._next = (span, zone)
        if not self.asking:
            self._asked_at, self._asked = now, wanted
            self._task = self._start(self._work())

    async def _work(self) -> None:
        """Ask for what is wanted, and for what a person wanted meanwhile."""
        wanted = None
        while wanted != self._next:
            wanted = self._next
            await self._ask(*wanted)
            self._shell.redraw()
            if self._then is not None:
                self._then()

    async def _ask(self, span: Wanted, zone: tzinfo | None) -> None:
        now = self._shell.now()
        request = span.request(now, zone)
        priced = await self._shell.doors.memory.spending(request)
        self.why = priced.spending.problem or ""
        if self.why:
            return
        cells = len(priced.spending.cells) + sum(len(slot.cells) for slot in priced.spending.slots)

        def work() -> T:
            return self._digest(priced, now, zone)

        sums = work() if cells < MANY_CELLS else await aside(work)
        self.answer = Answer(span, request, priced, sums, now)


def sums_of(priced: Priced, _at: float, _zone: tzinfo | None) -> Sums:
    from wfmon.analysis.accounts import Ledger

    ledger = Ledger(priced)
    return Sums(
        ledger,
        {by: ledger.by(by) for by in DIMENSIONS},
        ledger.course(),
        ledger.money(),
        ledger.wasted(),
        ledger.waste_share(),
        ledger.runs(),
        ledger.per_success(),
    )


def moved(snapshot: Snapshot | None) -> object:
    """What changes when money or tokens of the last hour do."""
    if snapshot is None:
        return None
    accounts = snapshot.cost.accounts
    return snapshot.cost.hour, accounts.at if accounts is not None else None


def zone_of(snapshot: Snapshot | None, look: Look) -> tzinfo | None:
    """The zone of calendar days; None: the local one."""
    accounts = snapshot.cost.accounts if snapshot is not None else None
    if accounts is None:
        return look.zone
    try:
        return numbers.find_zone(accounts.timezone)
    except ValueError:  # another machine's collector may know zones that this one does not
        return look.zone


def day_begins(now: float, zone: tzinfo | None, days: int) -> tuple[float, ...]:
    """The begins of the last ``days`` calendar days, today's last."""
    begins = [calendar.bounds(Period.DAY, now, zone)[0]]
    while len(begins) < days:
        begins.append(calendar.bounds(Period.DAY, begins[-1] - 1.0, zone)[0])
    return tuple(reversed(begins))


def same_hour_yesterday(now: float, zone: tzinfo | None) -> float:
    """Yesterday at the whole hour that as much of the day had passed."""
    today = calendar.bounds(Period.DAY, now, zone)[0]
    yesterday = calendar.bounds(Period.DAY, today - 1.0, zone)[0]
    return min(today, yesterday + (now - today) // HOUR * HOUR)
