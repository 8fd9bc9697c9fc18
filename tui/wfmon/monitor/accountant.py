"""What was spent today and this month, and what becomes of the budgets: from the hours that are kept.

Hours that are over are read once an hour, or when something of them was written; the open one each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

from wfmon.analysis.accounts import added, cell_money, infra_usd
from wfmon.analysis.budgets import Meter, Past, Spent, in_scope, status_of
from wfmon.analysis.spendforecast import DaySpend, HourSpend, forecast_end
from wfmon.model.budget import (
    Account,
    Accounts,
    Budget,
    BudgetStatus,
    CostRates,
    Period,
    Scope,
    SpendForecast,
)
from wfmon.model.calendar import bounds
from wfmon.model.history import Batch
from wfmon.model.money import NO_MONEY, Money, total
from wfmon.model.prices import PriceBook
from wfmon.model.record import dataclass, replace
from wfmon.model.spend import Amounts, HourCells, Outcome, SpendCell
from wfmon.store.history.reader import HistoryReader

HOUR, DAY = 3600.0, 86_400.0
BACK = 35 * DAY
AGAIN_SECONDS = 60.0  # between two looks at hours of which more was written
FORECAST_SECONDS = 300.0
EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class _Hour:
    """Of one scope."""

    at: float
    known_seconds: float
    money: Money
    tokens: float | None
    wasted: Money
    host: Amounts

    def amount(self, budget: Budget | None) -> float:
        """In the unit of the budget, at least."""
        if budget is not None and budget.tokens:
            return self.tokens or 0.0
        return self.money.least or 0.0


class Accountant:
    """Used by the thread that writes the history. ``zone``: whose days are meant (None: local), named
    ``zone_name``; ``book``: the prices that hold now."""

    def __init__(
        self,
        reader: HistoryReader,
        budgets: Sequence[Budget],
        rates: CostRates,
        zone: tzinfo | None,
        zone_name: str,
        book: Callable[[], PriceBook],
    ) -> None:
        self._reader = reader
        self._budgets = tuple(budgets)
        self._rates = rates
        self._zone = zone
        self._zone_name = zone_name
        self._book = book
        self._scopes = tuple(dict.fromkeys((EVERYTHING, *(each.scope for each in budgets))))
        self._past: dict[Scope, list[_Hour]] = {}
        self._read_of: tuple[float, PriceBook] | None = None
        self._read_at = 0.0
        self._more = False
        self._meters = {budget.name: Meter() for budget in budgets}
        self._forecasts: dict[tuple[Scope, Period, bool], SpendForecast] = {}
        self._forecast_at: float | None = None
        self._last: Accounts | None = None

    def written(self, batch: Batch) -> None:
        """This has come into the history; hours that are over may be other now."""
        hour = 0.0 if self._read_of is None else self._read_of[0]
        times = [each.at for each in (*batch.spent, *batch.spent_hours)]
        times += [run.ended_at for run in batch.runs if run.ended_at is not None]
        times += [each.begin for each in batch.watched]
        self._more = self._more or any(at < hour for at in times)

    def accounts(self, now: float) -> Accounts:
        """The same object while nothing has changed. Raises ``StoreError``."""
        book, hour = self._book(), now // HOUR * HOUR
        again = self._more and not 0 <= now - self._read_at < AGAIN_SECONDS
        if self._read_of is None or self._read_of[0] != hour or self._read_of[1] is not book or again:
            self._past = self._hours(hour - BACK, hour, book)
            self._read_of, self._read_at, self._more = (hour, book), now, False
            self._forecast_at = None
        present = {scope: hours[-1:] for scope, hours in self._hours(hour, now, book).items()}
        made = self._made(now, present)
        if self._last is not None and replace(made, at=self._last.at) == self._last:
            return self._last
        self._last = made
        return made

    def _hours(self, begin: float, end: float, book: PriceBook) -> dict[Scope, list[_Hour]]:
        """By scope, read once for each pattern of workflows."""
        found: dict[Scope, list[_Hour]] = {}
        for pattern in dict.fromkeys(scope.workflow for scope in self._scopes):
            told = self._reader.course(begin, end, pattern)
            for scope in self._scopes:
                if scope.workflow == pattern:
                    found[scope] = [_hour(each, scope, book) for each in told]
        return found

    def _made(self, now: float, present: dict[Scope, list[_Hour]]) -> Accounts:
        hours = {scope: [*self._past[scope], *present[scope]] for scope in self._scopes}
        fresh = self._forecast_at is None or not 0 <= now - self._forecast_at < FORECAST_SECONDS
        if fresh:
            self._forecasts, self._forecast_at = {}, now
        every = hours[EVERYTHING]
        month = bounds(Period.MONTH, now, self._zone)
        budgets = tuple(self._status(budget, hours[budget.scope], present, now) for budget in self._budgets)
        return Accounts(
            at=now,
            timezone=self._zone_name,
            day=self._account(every, bounds(Period.DAY, now, self._zone), now, Period.DAY),
            month=self._account(every, month, now, Period.MONTH),
            last_day=self._account(every, (now // HOUR * HOUR - DAY, now), now, None),
            budgets=budgets,
            host_usd=self._host_usd([each for each in every if each.at >= month[0]], month, now),
        )

    def _account(
        self, hours: Sequence[_Hour], when: tuple[float, float], now: float, period: Period | None
    ) -> Account:
        begin, end = when
        own = [each for each in hours if begin <= each.at < end]
        tokens = [each.tokens for each in own if each.tokens is not None]
        money = total(each.money for each in own)
        forecast = None
        if period is not None and money.least is not None:
            forecast = self._forecast(EVERYTHING, period, None, hours, money.least, now)
        return Account(
            begin,
            end,
            money,
            sum(tokens) if tokens else None,
            total(each.wasted for each in own),
            sum(each.known_seconds for each in own),
            forecast,
        )

    def _status(
        self, budget: Budget, hours: Sequence[_Hour], present: dict[Scope, list[_Hour]], now: float
    ) -> BudgetStatus:
        begin, _ = bounds(budget.period, now, self._zone)
        own = [each for each in hours if each.at >= begin]
        money = total(each.money for each in own)
        tokens = [each.tokens for each in own if each.tokens is not None]
        amount = (sum(tokens) if tokens else None) if budget.tokens else money.least
        known = sum(each.known_seconds for each in own)
        if amount is None and known:
            amount = 0.0 if not money.unpriced_tokens else None
        meter = self._meters[budget.name]
        if amount is not None:
            meter.saw(now, begin, amount)
        open_hour = sum(each.amount(budget) for each in present[budget.scope])
        past = Past(
            [
                (each.at, each.amount(budget), each.known_seconds)
                for each in self._past[budget.scope]
                if each.at >= now - DAY - HOUR
            ]
        )
        forecast = None
        if amount is not None:
            forecast = self._forecast(budget.scope, budget.period, budget, hours, amount, now)
        spent = Spent(money, amount)
        return status_of(budget, spent, known, meter, past, open_hour, forecast, now, self._zone)

    def _forecast(
        self,
        scope: Scope,
        period: Period,
        budget: Budget | None,
        hours: Sequence[_Hour],
        spent: float,
        now: float,
    ) -> SpendForecast:
        """Kept for some minutes: a figure that changes with every look says more than it knows."""
        key = (scope, period, budget is not None and budget.tokens)
        known = self._forecasts.get(key)
        if known is not None and (known.mid is None or known.mid >= spent):
            return known
        over = [each for each in hours if each.at + HOUR <= now]
        by_hour = [HourSpend(each.at, each.amount(budget), each.known_seconds) for each in over[-28 * 24 :]]
        begin, end = bounds(period, now, self._zone)
        days = self._days(over, budget, now)
        made = self._forecasts[key] = forecast_end(begin, end, spent, days, by_hour, now, self._zone)
        return made

    def _days(self, hours: Iterable[_Hour], budget: Budget | None, now: float) -> list[DaySpend]:
        """Calendar days that are over."""
        found: list[DaySpend] = []
        for each in hours:
            if found and each.at < found[-1].end:
                day = found[-1]
                found[-1] = replace(
                    day,
                    amount=day.amount + each.amount(budget),
                    known_seconds=day.known_seconds + each.known_seconds,
                )
            else:
                begin, end = bounds(Period.DAY, each.at, self._zone)
                found.append(DaySpend(begin, end, each.amount(budget), each.known_seconds))
        return [day for day in found if day.end <= now]

    def _host_usd(self, hours: Sequence[_Hour], month: tuple[float, float], now: float) -> float | None:
        if not self._rates.any:
            return None
        whole = self._rates.host_month * (now - month[0]) / (month[1] - month[0])
        return infra_usd(added(each.host for each in hours), self._rates) + whole


def _hour(told: HourCells, scope: Scope, book: PriceBook) -> _Hour:
    money, wasted, tokens = NO_MONEY, NO_MONEY, None
    host: list[Amounts] = []
    for cell in told.cells:
        if _of_host(cell):
            host.append(cell.amounts)
            continue
        if not in_scope(cell, replace(scope, workflow="*")):
            continue
        each = cell_money(cell, book)
        if cell.money:
            money = money + each
        if cell.key.outcome is Outcome.WASTED:  # as its log tells it, also where counters tell the money
            wasted = wasted + each
        if cell.tokens and cell.amounts.tokens is not None:
            tokens = (tokens or 0.0) + cell.amounts.tokens
    return _Hour(told.at, told.known_seconds, money, tokens, wasted, added(host))


def _of_host(cell: SpendCell) -> bool:
    amounts = cell.amounts
    return amounts.cpu_seconds is not None or amounts.storage_gib_seconds is not None
