"""A budget now: what is spent of it, how fast, how long it lasts, and what the period will come to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from fnmatch import fnmatchcase
from math import inf

from wfmon.analysis.accounts import cell_money
from wfmon.analysis.pace import LEAST_SPAN, exhausted_in, pace
from wfmon.model.budget import Budget, BudgetStatus, Burnt, Scope, SpendForecast
from wfmon.model.calendar import bounds
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import PriceBook
from wfmon.model.record import dataclass
from wfmon.model.spend import SpendCell

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
QUICK, RATE, LONG = 15 * MINUTE, HOUR, DAY
RING_SECONDS = DAY + HOUR
SETTLE_SECONDS = MINUTE
LATE_SECONDS = 2 * MINUTE  # after an hour, until the last of it is told
FINE_SECONDS = 2 * HOUR  # up to here windows are measured, beyond they are made of hours
KNOWN = 0.9


@dataclass(frozen=True, slots=True)
class Spent:
    """Of a budget's scope over some time: ``money``, and ``amount`` in its unit (the least of the money, or
    tokens; None: nothing is known)."""

    money: Money = NO_MONEY
    amount: float | None = None


def in_scope(cell: SpendCell, scope: Scope) -> bool:
    key = cell.key
    return (
        fnmatchcase(key.workflow, scope.workflow)
        and fnmatchcase(key.model, scope.model)
        and fnmatchcase(key.provider, scope.provider)
    )


def spent_of(budget: Budget, cells: Iterable[SpendCell], book: PriceBook) -> Spent:
    money, tokens = NO_MONEY, None
    for cell in cells:
        if not in_scope(cell, budget.scope):
            continue
        if cell.money:
            money = money + cell_money(cell, book)
        if cell.tokens and cell.amounts.tokens is not None:
            tokens = (tokens or 0.0) + cell.amounts.tokens
    return Spent(money, tokens if budget.tokens else money.least)


class Meter:
    """What was spent of one budget up to single moments of the last day: so that windows shorter than an
    hour are known.

    It follows the hours as they fill, not the sum of the period: what is told late of older hours (a log
    that is read back, a Prometheus that is asked for its past) was not spent now. For as long as sources may
    still tell what was before the start (``SETTLE_SECONDS``), nothing is measured.
    """

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []  # time, amount since the meter began
        self._began: float | None = None
        self._seen: dict[float, float] = {}  # by begin of the hour the most that was told of it

    def saw(self, at: float, hours: Mapping[float, float], *, anew: bool = False) -> None:
        """``hours``: by their begin the amounts of the open hour and of those before it that may still have
        grown. ``anew``: they are priced otherwise than before, which is no spending either."""
        before = self._samples[-1] if self._samples else None
        if before is not None and at <= before[0]:
            return
        self._began = at if self._began is None else self._began
        if before is None or at - self._began < SETTLE_SECONDS:
            self._samples = [(at, 0.0)]
            self._seen = dict(hours)
            return
        since = (before[0] - LATE_SECONDS) // HOUR * HOUR
        own = {hour: amount for hour, amount in hours.items() if hour >= since}
        grown = sum(max(0.0, amount - self._seen.get(hour, 0.0)) for hour, amount in own.items())
        # A correction downwards and back again is no spending.
        known = {} if anew else self._seen
        self._seen = {hour: max(amount, known.get(hour, 0.0)) for hour, amount in own.items()}
        self._samples.append((at, before[1] + (0.0 if anew else grown)))
        if len(self._samples) > 2 and self._samples[1][0] < at - RING_SECONDS:
            del self._samples[: bisect_left(self._samples, (at - RING_SECONDS,)) - 1]

    def burnt(self, now: float, seconds: float) -> Burnt:
        """Over the last ``seconds``, as far as samples reach back."""
        if not self._samples:
            return Burnt(seconds, 0.0, 0.0)
        begin = max(now - seconds, self._samples[0][0])
        return Burnt(
            seconds, min(seconds, max(0.0, now - begin)), max(0.0, self._samples[-1][1] - self._at(begin))
        )

    def samples(self, now: float, seconds: float) -> int:
        return len(self._samples) - bisect_right(self._samples, (now - seconds, inf))

    def _at(self, moment: float) -> float:
        """Between two samples in proportion to the time."""
        place = bisect_left(self._samples, (moment,))
        if place == 0 or place == len(self._samples):
            return self._samples[min(place, len(self._samples) - 1)][1]
        (earlier, low), (later, high) = self._samples[place - 1 : place + 1]
        return low + (high - low) * (moment - earlier) / (later - earlier)


@dataclass(frozen=True, slots=True)
class Told:
    """Of one budget's scope: ``amount`` of the hour that begins at ``at``, of which ``known_seconds`` are
    known."""

    at: float
    amount: float
    known_seconds: float


@dataclass(frozen=True, slots=True)
class Past:
    """Hours of one budget's scope, oldest first; the last may be open."""

    hours: Sequence[Told] = ()

    def burnt(self, now: float, seconds: float) -> Burnt:
        """Within an hour it is spread evenly; of windows that are shorter than what has passed of the open
        hour nothing is known."""
        begin, amount, known = now - seconds, 0.0, 0.0
        for hour in self.hours:
            passed = min(hour.at + HOUR, now) - hour.at
            inside = min(hour.at + HOUR, now) - max(hour.at, begin)
            if inside <= 0 or passed <= 0:
                continue
            amount += hour.amount * inside / passed
            if begin <= hour.at or hour.at + HOUR <= now:
                known += min(hour.known_seconds, inside)
        return Burnt(seconds, min(seconds, known), amount)


def status_of(
    budget: Budget,
    spent: Spent,
    known_seconds: float,
    meter: Meter,
    past: Past,
    forecast: SpendForecast | None,
    now: float,
    zone: tzinfo | None,
) -> BudgetStatus:
    """``spent`` of the present period until now, ``known_seconds`` of which are known."""
    begin, end = bounds(budget.period, now, zone)
    amount = spent.amount

    def burnt(seconds: float) -> Burnt:
        return _better(meter.burnt(now, seconds), past.burnt(now, seconds))

    lasting: tuple[float, float] | None = None
    why, rate = "nothing is known of it", None
    if amount is not None:
        rate = _rate(burnt(RATE))
        quick, long = meter.burnt(now, QUICK), _rate(burnt(LONG))
        samples, span = meter.samples(now, QUICK), quick.known_seconds
        # Where nothing is spent now, the mean of a day says nothing of when the budget will be spent.
        rates = [each for each in (_rate(quick), long) if each is not None] if quick.amount > 0 else []
        lasting, why = exhausted_in(budget.limit, amount, rates, now, end, samples, span)
    windows = {each for row in budget.windows for each in (row.long_seconds, row.short_seconds)}
    return BudgetStatus(
        budget,
        begin,
        end,
        spent.money,
        amount,
        known_seconds,
        None if amount is None or rate is None else pace(amount, budget.limit, rate, now, end),
        lasting,
        why,
        forecast,
        tuple(burnt(seconds) for seconds in sorted(windows)),
    )


def _better(fine: Burnt, coarse: Burnt) -> Burnt:
    """By the meter or by hours: long windows by hours, which hold also what was told late and are priced
    as prices are now; short ones by the meter, as soon as it knows as much of them."""
    if fine.seconds > FINE_SECONDS:
        return coarse if coarse.known_seconds >= KNOWN * fine.known_seconds else fine
    return fine if fine.known_seconds >= min(fine.seconds, coarse.known_seconds) else coarse


def _rate(burnt: Burnt) -> float | None:
    """Units a second; None where too little of the window is known."""
    known = burnt.known_seconds
    return burnt.amount / known if known >= min(burnt.seconds, LEAST_SPAN) else None
