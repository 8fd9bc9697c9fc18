"""The hours that are kept, by scope, at the prices that hold now.

Hours that are over are read once. They are read again from the first one on that something came into later,
and all of them where a model that is in them has another price.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import thread_time

from wfmon.analysis.accounts import added, cell_money
from wfmon.analysis.budgets import in_scope
from wfmon.model.budget import Scope
from wfmon.model.history import Batch
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import EMPTY, Mix, ModelRef, PriceBook, UnitPrice
from wfmon.model.record import dataclass, replace
from wfmon.model.spend import Amounts, HourCells, Outcome
from wfmon.store.history.reader import HistoryReader

HOUR, DAY = 3600.0, 86_400.0
BACK = 35 * DAY
# Between two looks at hours of which more was written, or which cost otherwise now; and so many times the
# CPU time that the last such look took.
AGAIN_SECONDS = 10.0
AGAIN_FACTOR = 50.0
MIX_SECONDS = 600.0  # a band moves a little with each run


@dataclass(frozen=True, slots=True)
class Hour:
    """Of one scope. ``host``: what the host was used for, of all workflows."""

    at: float
    known_seconds: float
    money: Money
    tokens: float | None
    wasted: Money
    host: Amounts

    def amount(self, *, tokens: bool) -> float:
        """In tokens, or in USD at least."""
        return (self.tokens or 0.0) if tokens else (self.money.least or 0.0)


class HourBooks:
    """``past`` and ``present``: by scope the hours that are over, oldest first, and the one that is not (none
    where nothing is known of it). ``revised`` counts how often the past became another, ``priced`` how often
    prices did."""

    def __init__(self, reader: HistoryReader, scopes: Sequence[Scope], book: Callable[[], PriceBook]) -> None:
        self._reader = reader
        self._scopes = tuple(dict.fromkeys(scopes))
        self._book = book
        self.past: Mapping[Scope, list[Hour]] = {scope: [] for scope in self._scopes}
        self.present: Mapping[Scope, list[Hour]] = {}
        self.revised = self.priced = 0
        self._until: float | None = None  # the past ends there
        self._late: float | None = None  # the first hour of the past that may be another now
        self._read_at = self._priced_at = 0.0
        self._wait = AGAIN_SECONDS
        self._prices = EMPTY  # one for all hours: that an hour costs otherwise is no spending
        self._units: dict[ModelRef, UnitPrice | None] = {}  # that the past was priced with
        self._mixes: dict[ModelRef, Mix | None] = {}

    def written(self, batch: Batch) -> None:
        """This has come into the history."""
        if self._until is None:
            return
        times = [each.at for each in (*batch.spent, *batch.spent_hours)]
        times += [run.ended_at for run in batch.runs if run.ended_at is not None]
        times += [each.begin for each in batch.watched]
        first = min(times, default=self._until)
        if first < self._until:
            self._late = first if self._late is None else min(first, self._late)

    def read(self, now: float) -> None:
        """Raises ``StoreError``."""
        hour = now // HOUR * HOUR
        since = self._since(self._book(), hour, now)
        if since is not None:
            began = thread_time()
            fresh = self._hours(since, hour)
            kept = hour - BACK
            self.past = {
                scope: [*(each for each in old if kept <= each.at < since), *fresh[scope]]
                for scope, old in self.past.items()
            }
            self.revised += 1
            self._until, self._read_at, self._late = hour, now, None
            self._wait = max(AGAIN_SECONDS, AGAIN_FACTOR * (thread_time() - began))
        self.present = self._hours(hour, now)

    def _since(self, book: PriceBook, hour: float, now: float) -> float | None:
        """From where on the past is to be read; None: it is as it was."""
        if self._until is None or hour < self._until or self._other_prices(book, now):
            self._prices, self._priced_at = book, now
            self._units, self._mixes = {}, {}
            self.priced += 1
            return hour - BACK
        if self._late is not None and not 0 <= now - self._read_at < self._wait:
            return max(hour - BACK, self._late // HOUR * HOUR)
        return self._until if hour > self._until else None

    def _other_prices(self, book: PriceBook, now: float) -> bool:
        """Whether it is time to price all anew. A book changes with every model that is looked up: what
        counts are the prices of those that were used."""
        waited = now - self._priced_at
        if book is self._prices or 0 <= waited < self._wait:
            return False
        units = any(book.unit(ref) != unit for ref, unit in self._units.items())
        mixes = any(book.mixes.get(ref.id) != mix for ref, mix in self._mixes.items())
        if not units and not mixes:
            self._prices = book
        return units or (mixes and not 0 <= waited < MIX_SECONDS)

    def _hours(self, begin: float, end: float) -> dict[Scope, list[Hour]]:
        """Read once for each pattern of workflows."""
        found: dict[Scope, list[Hour]] = {}
        for pattern in dict.fromkeys(scope.workflow for scope in self._scopes):
            told = self._reader.course(begin, end, pattern)
            for scope in self._scopes:
                if scope.workflow == pattern:
                    found[scope] = [self._hour(each, scope) for each in told]
        return found

    def _hour(self, told: HourCells, scope: Scope) -> Hour:
        book = self._prices
        money, wasted, tokens = NO_MONEY, NO_MONEY, None
        models = replace(scope, workflow="*")  # the workflows are those that were asked for
        for cell in told.cells:
            if not in_scope(cell, models):
                continue
            if cell.amounts.usd is None and not cell.paid and cell.amounts.tokens is not None:
                ref = cell.key.ref
                self._units[ref] = book.unit(ref)
                if cell.amounts.untyped is not None:
                    self._mixes[ref] = book.mixes.get(ref.id)
            each = cell_money(cell, book)
            if cell.money:
                money = money + each
            if cell.key.outcome is Outcome.WASTED:  # as its log tells it, also where counters tell the money
                wasted = wasted + each
            if cell.tokens and cell.amounts.tokens is not None:
                tokens = (tokens or 0.0) + cell.amounts.tokens
        host = added(cell.amounts for cell in told.cells)
        return Hour(told.at, told.known_seconds, money, tokens, wasted, host)
