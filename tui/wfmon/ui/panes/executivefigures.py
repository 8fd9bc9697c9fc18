"""What today, 7 days and 30 days came to, and the same time before each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from wfmon.analysis.slo import both
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.record import dataclass
from wfmon.model.spend import Priced, RunCount, Slot, Spending, SpendRequest
from wfmon.ui.spendings import HOUR, day_begins

COMPARED = 0.9  # of both times must be known for their sums to be compared
SPANS = (1, 7, 30)  # days, with today
ASKED_DAYS = 2 * max(SPANS)
_NAMES = {1: "today", 7: "7 days", 30: "30 days"}


@dataclass(frozen=True, slots=True)
class TwiceThirty:
    """Sixty days by the day; the day before each span is parted where as much of it had passed as has of
    today."""

    id: str = "60d"
    words: str = "60 days"

    def request(self, now: float, zone: tzinfo | None) -> SpendRequest:
        days = day_begins(now, zone, ASKED_DAYS)
        cuts = {_cut(days, span, now) for span in SPANS}
        bounds = tuple(sorted({*days, *cuts}))
        return SpendRequest(bounds[0], max(now, bounds[-1] + 1), bounds, by_workflow=False)


@dataclass(frozen=True, slots=True)
class LastDays:
    """The last ``days``, as a whole: what became of the work that was paid for is not told by slots."""

    days: int

    @property
    def id(self) -> str:
        return f"{self.days}d"

    @property
    def words(self) -> str:
        return _NAMES.get(self.days, f"{self.days} days")

    def request(self, now: float, zone: tzinfo | None) -> SpendRequest:
        return SpendRequest(day_begins(now, zone, self.days)[0], now, by_workflow=False)


@dataclass(frozen=True, slots=True)
class Waste:
    """``share``: of the money of which it is told what became of the work; None: it is told of none."""

    wasted: Money
    share: float | None


def waste_of(priced: Priced, _at: float, _zone: tzinfo | None) -> Waste:
    from wfmon.analysis.accounts import Ledger

    ledger = Ledger(priced)
    return Waste(ledger.wasted(), ledger.waste_share())


@dataclass(frozen=True, slots=True)
class Stretch:
    """``known`` of its ``seconds`` any source was read."""

    begin: float
    seconds: float
    known: float
    runs: RunCount | None
    money: Money

    @property
    def whole(self) -> bool:
        return self.known >= COMPARED * self.seconds


@dataclass(frozen=True, slots=True)
class Compared:
    """One column: the last ``days`` until now, and as much of the ``days`` before. ``until``: where the
    earlier one ends."""

    days: int
    now: Stretch
    before: Stretch
    until: float

    @property
    def name(self) -> str:
        return _NAMES[self.days]


def compared(priced: Priced, now: float, zone: tzinfo | None) -> tuple[Compared, ...]:
    """The answer to ``TwiceThirty`` at ``now``."""
    days = day_begins(now, zone, ASKED_DAYS)
    columns = []
    for span in SPANS:
        cut = _cut(days, span, now)
        present = _stretch(priced, days[-span], priced.spending.end)
        columns.append(Compared(span, present, _stretch(priced, days[-2 * span], cut), cut))
    return tuple(columns)


def by_day(slots: Sequence[Slot], now: float, zone: tzinfo | None, days: int) -> tuple[Slot, ...]:
    """The last ``days``, a slot each, with their runs alone: those that were parted are one again."""
    begins = day_begins(now, zone, days)
    found = []
    for begin, end in zip(begins, (*begins[1:], float("inf")), strict=True):
        mine = [slot for slot in slots if begin <= slot.begin < end]
        if mine:
            known = sum(slot.known_seconds for slot in mine)
            found.append(Slot(begin, mine[-1].end, known, runs=_runs(mine)))
    return tuple(found)


def _cut(days: Sequence[float], span: int, now: float) -> float:
    """On the last day before the span: as many whole hours of it as have passed of today."""
    passed = (now - days[-1]) // HOUR * HOUR
    return min(days[-span], days[-span - 1] + passed)


def _stretch(priced: Priced, begin: float, end: float) -> Stretch:
    from wfmon.analysis.accounts import Ledger

    slots = [slot for slot in priced.spending.slots if begin <= slot.begin < end]
    known = sum(slot.known_seconds for slot in slots)
    cells = tuple(cell for slot in slots for cell in slot.cells)
    if not cells:
        return Stretch(begin, end - begin, known, _runs(slots), NO_MONEY)
    ledger = Ledger(Priced(Spending(begin, end, cells, known_seconds=known), priced.book))
    return Stretch(begin, end - begin, known, _runs(slots), ledger.money())


def _runs(slots: Sequence[Slot]) -> RunCount | None:
    runs = None
    for slot in slots:
        runs = both(runs, slot.runs)
    return runs
