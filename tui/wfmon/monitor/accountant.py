"""What was spent today and this month, and what becomes of the budgets: from the hours that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

from wfmon.analysis.accounts import added, infra_usd
from wfmon.analysis.budgets import Meter, Past, Spent, Told, status_of
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
from wfmon.model.money import total
from wfmon.model.prices import PriceBook
from wfmon.model.record import replace
from wfmon.monitor.hourbooks import DAY, HOUR, Hour, HourBooks
from wfmon.store.history.reader import HistoryReader

FORECAST_SECONDS = 300.0
FORECAST_HOURS = 28 * 24
EVERYTHING = Scope()


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
        self._budgets = tuple(budgets)
        self._rates = rates
        self._zone = zone
        self._zone_name = zone_name
        self._books = HourBooks(reader, (EVERYTHING, *(each.scope for each in budgets)), book)
        self._meters = {budget.name: Meter() for budget in budgets}
        self._forecasts: dict[tuple[Scope, Period, bool], SpendForecast] = {}
        self._forecast_of: tuple[float, int] | None = None  # when, and of which past
        self._priced = 0
        self._last: Accounts | None = None

    def written(self, batch: Batch) -> None:
        """This has come into the history; hours that are over may be other now."""
        self._books.written(batch)

    def accounts(self, now: float) -> Accounts:
        """The same object while nothing has changed. Raises ``StoreError``."""
        self._books.read(now)
        made = self._made(now)
        if self._last is not None and replace(made, at=self._last.at) == self._last:
            return self._last
        self._last = made
        return made

    def _made(self, now: float) -> Accounts:
        books = self._books
        of = self._forecast_of
        if of is None or of[1] != books.revised or not 0 <= now - of[0] < FORECAST_SECONDS:
            self._forecasts, self._forecast_of = {}, (now, books.revised)
        anew, self._priced = books.priced != self._priced, books.priced
        every = self._hours(EVERYTHING)
        month = bounds(Period.MONTH, now, self._zone)
        budgets = tuple(self._status(budget, now, anew=anew) for budget in self._budgets)
        return Accounts(
            at=now,
            timezone=self._zone_name,
            day=self._account(every, bounds(Period.DAY, now, self._zone), now, Period.DAY),
            month=self._account(every, month, now, Period.MONTH),
            last_day=self._account(_cut(every, now - DAY), (now - DAY, now), now, None),
            budgets=budgets,
            host_usd=self._host_usd(every, month, now),
        )

    def _hours(self, scope: Scope) -> list[Hour]:
        return [*self._books.past[scope], *self._books.present[scope]]

    def _account(
        self, hours: Sequence[Hour], when: tuple[float, float], now: float, period: Period | None
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

    def _status(self, budget: Budget, now: float, *, anew: bool) -> BudgetStatus:
        hours = self._hours(budget.scope)
        begin, _ = bounds(budget.period, now, self._zone)
        own = [each for each in hours if each.at >= begin]
        money = total(each.money for each in own)
        tokens = [each.tokens for each in own if each.tokens is not None]
        amount = (sum(tokens) if tokens else None) if budget.tokens else money.least
        known = sum(each.known_seconds for each in own)
        if amount is None and known and not money.unpriced_tokens:
            amount = 0.0  # somebody looked, and nothing was used
        told = [
            Told(each.at, each.amount(tokens=budget.tokens), each.known_seconds)
            for each in hours[-27:]
            if each.at >= now - DAY - HOUR
        ]
        meter = self._meters[budget.name]
        if amount is not None:
            meter.saw(now, {each.at: each.amount for each in told}, anew=anew and not budget.tokens)
        forecast = None
        if amount is not None:
            forecast = self._forecast(budget.scope, budget.period, budget, hours, amount, now)
        spent = Spent(money, amount)
        return status_of(budget, spent, known, meter, Past(told), forecast, now, self._zone)

    def _forecast(
        self,
        scope: Scope,
        period: Period,
        budget: Budget | None,
        hours: Sequence[Hour],
        spent: float,
        now: float,
    ) -> SpendForecast:
        """Kept for some minutes: a figure that changes with every look says more than it knows."""
        tokens = budget is not None and budget.tokens
        key = (scope, period, tokens)
        known = self._forecasts.get(key)
        if known is not None and (known.mid is None or known.mid >= spent):
            return known
        over = [each for each in hours if each.at + HOUR <= now]
        by_hour = [
            HourSpend(each.at, each.amount(tokens=tokens), each.known_seconds)
            for each in over[-FORECAST_HOURS:]
        ]
        begin, end = bounds(period, now, self._zone)
        days = self._days(over, now, tokens=tokens)
        made = self._forecasts[key] = forecast_end(begin, end, spent, days, by_hour, now, self._zone)
        return made

    def _days(self, hours: Iterable[Hour], now: float, *, tokens: bool) -> list[DaySpend]:
        """Calendar days that are over."""
        found: list[DaySpend] = []
        for each in hours:
            if found and each.at < found[-1].end:
                day = found[-1]
                found[-1] = replace(
                    day,
                    amount=day.amount + each.amount(tokens=tokens),
                    known_seconds=day.known_seconds + each.known_seconds,
                )
            else:
                begin, end = bounds(Period.DAY, each.at, self._zone)
                found.append(DaySpend(begin, end, each.amount(tokens=tokens), each.known_seconds))
        return [day for day in found if day.end <= now]

    def _host_usd(self, hours: Sequence[Hour], month: tuple[float, float], now: float) -> float | None:
        """With the machine itself, which costs also while nobody looks."""
        if not self._rates.any:
            return None
        used = added(each.host for each in hours if each.at >= month[0])
        made = infra_usd(used, self._rates, month[1] - month[0])
        if self._rates.host_month:
            made = (made or 0.0) + self._rates.host_month * (now - month[0]) / (month[1] - month[0])
        return made


def _cut(hours: Sequence[Hour], begin: float) -> list[Hour]:
    """From ``begin`` on, where an hour that is cut is spread evenly."""
    found = []
    for each in hours:
        share = min(1.0, (each.at + HOUR - begin) / HOUR)
        if share >= 1.0:
            found.append(each)
        elif share > 0:
            found.append(
                replace(
                    each,
                    at=begin,
                    known_seconds=each.known_seconds * share,
                    money=each.money.scaled(share),
                    tokens=None if each.tokens is None else each.tokens * share,
                    wasted=each.wasted.scaled(share),
                )
            )
    return found
