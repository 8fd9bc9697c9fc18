"""A budget now: what is spent of it, how fast, how long it lasts, and what the period will come to."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from fnmatch import fnmatchcase
from math import inf

from wfmon.analysis.accounts import cell_money
from wfmon.analysis.pace import exhausted_in, pace
from wfmon.model.budget import Budget, BudgetStatus, Burnt, Scope, SpendForecast
from wfmon.model.calendar import bounds
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import PriceBook
from wfmon.model.record import dataclass
from wfmon.model.spend import SpendCell

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
QUICK, RATE, LONG = 15 * MINUTE, HOUR, DAY
RING_SECONDS = DAY + HOUR


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
    hour are known."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, float]] = []  # time, amount since the meter began
        self._last: tuple[float, float] | None = None  # of the period: its begin, amount

    def saw(self, at: float, begin: float, amount: float) -> None:
        """``amount`` since ``begin`` of the period, at ``at``. A correction downwards is no spending."""
        before = self._samples[-1] if self._samples else None
        if before is not None and at <= before[0]:
            return
        known = 0.0 if before is None else before[1]
        if self._last is None:
            grown = 0.0
        elif self._last[0] == begin:
            grown = max(0.0, amount - self._last[1])
        else:
            grown = amount  # a new period
        self._last = begin, amount
        self._samples.append((at, known + grown))
        if len(self._samples) > 2 and self._samples[1][0] < at - RING_SECONDS:
            del self._samples[: bisect_left(self._samples, (at - RING_SECONDS,)) - 1]

    def burnt(self, now: float, seconds: float) -> Burnt:
        """Over the last ``seconds``, as far as samples reach back."""
        if not self._samples:
            return Burnt(seconds, 0.0, 0.0)
        begin = max(now - seconds, self._samples[0][0])
        return Burnt(seconds, max(0.0, now - begin), max(0.0, self._samples[-1][1] - self._at(begin)))

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
class Past:
    """Of one budget's scope: amounts of hours that are over (begin, amount, known seconds), oldest first."""

    hours: Sequence[tuple[float, float, float]] = ()

    def burnt(self, now: float, seconds: float, open_hour: float) -> Burnt:
        """``open_hour``: the amount of the hour that is not over. Within an hour it is spread evenly."""
        begin = now - seconds
        amount, known = open_hour, now - now // HOUR * HOUR
        if begin > now // HOUR * HOUR:
            share = seconds / known if known else 0.0
            return Burnt(seconds, 0.0, amount * share)
        for at, each, seen in self.hours:
            inside = min(at + HOUR, now) - max(at, begin)
            if inside > 0:
                amount += each * inside / HOUR
                known += min(seen, inside)
        return Burnt(seconds, min(seconds, known), amount)


def status_of(
    budget: Budget,
    spent: Spent,
    known_seconds: float,
    meter: Meter,
    past: Past,
    open_hour: float,
    forecast: SpendForecast | None,
    now: float,
    zone: tzinfo | None,
) -> BudgetStatus:
    """``spent`` of the present period until now, ``open_hour`` of it in the hour that is not over."""
    begin, end = bounds(budget.period, now, zone)

    def burnt(seconds: float) -> Burnt:
        """By whichever knows more of the window."""
        short = meter.burnt(now, seconds)
        long = past.burnt(now, seconds, open_hour)
        return short if short.known_seconds >= min(seconds, long.known_seconds) else long

    amount = spent.amount
    lasting: tuple[float, float] | None = None
    why, rate = "nothing is known of it", None
    if amount is not None:
        rates = [_rate(burnt(seconds)) for seconds in (QUICK, LONG)]
        hour = burnt(RATE)
        rate = _rate(hour)
        told = [each for each in rates if each is not None]
        span = max(burnt(QUICK).known_seconds, hour.known_seconds)
        samples = max(meter.samples(now, QUICK), len(past.hours))
        lasting, why = exhausted_in(budget.limit, amount, told, now, end, samples, span)
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


def _rate(burnt: Burnt) -> float | None:
    """Units a second; None where nothing is known of the window."""
    return burnt.amount / burnt.known_seconds if burnt.known_seconds >= min(burnt.seconds, 60.0) else None
