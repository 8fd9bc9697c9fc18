"""Sums of what was used and spent: of all, by workflow, model and provider, and over time.

Tokens are priced here, by the prices that hold now (``Priced.book``); reported money is never priced again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Literal

from wfmon.model.budget import CostRates
from wfmon.model.money import NO_MONEY, Money, total
from wfmon.model.prices import PriceBook, priced
from wfmon.model.record import dataclass
from wfmon.model.run import Usage
from wfmon.model.spend import FIGURES, Amounts, Outcome, Priced, RunCount, SpendCell

Dimension = Literal["workflow", "model", "provider"]
HOUR = 3600.0
MONTH = 30 * 86_400.0  # seconds that a rate by the month is meant for, where no calendar month is


@dataclass(frozen=True, slots=True)
class SpendLine:
    """Of one workflow, model or provider (``name`` empty: not told).

    ``share``: of the money of all, by the least of each; None where that is not known. ``wasted``: on runs
    that failed or were cancelled, and on attempts that another followed. ``per_success``: its money for each
    run that succeeded; of workflows alone. ``counted`` False: it is in no sum, because another source tells
    of the same work. ``per_call``: its money for each call of a model, of those that tell both.
    ``host_usd``: of a workflow, what its part of the machine costs by the user's rates, which is not in
    ``money``; None without rates or where its use of the machine is not known.
    """

    name: str
    money: Money
    amounts: Amounts
    wasted: Money
    runs: RunCount | None
    per_success: Money | None
    share: float | None
    counted: bool
    per_call: Money | None = None
    host_usd: float | None = None

    @property
    def per_run(self) -> float | None:
        """Tokens of a finished run; of workflows alone."""
        return _per_run(self.amounts, self.runs)

    @property
    def whole(self) -> Money:
        """With its part of the machine."""
        return self.money if self.host_usd is None else self.money + Money(priced=self.host_usd)


def cell_money(cell: SpendCell, book: PriceBook) -> Money:
    """What it cost: as reported, else its tokens times the prices of its model."""
    amounts = cell.amounts
    if amounts.usd is not None:
        return Money(exact=amounts.usd)
    if cell.paid:
        return NO_MONEY
    unit, mix = book.unit(cell.key.ref), book.mixes.get(cell.key.ref.id)
    made = NO_MONEY
    if amounts.input is not None or amounts.output is not None:
        typed = Usage(
            _whole(amounts.input), _whole(amounts.output), _whole(amounts.cached), _whole(amounts.cache_write)
        )
        made = priced(typed, unit)
    if amounts.untyped is not None:
        made = made + priced(Usage(total=_whole(amounts.untyped)), unit, mix=mix)
    return made


def infra_usd(amounts: Amounts, rates: CostRates, month_seconds: float = MONTH) -> float | None:
    """What the host was used for costs by the user's rates, without the machine itself; None where nothing
    that has a rate is told."""
    parts = (
        (amounts.cpu_seconds, rates.cpu_hour / HOUR),
        (amounts.memory_gib_seconds, rates.memory_gib_hour / HOUR),
        (amounts.storage_gib_seconds, rates.storage_gib_month / month_seconds),
        (amounts.backup_gib_seconds, rates.backup_gib_month / month_seconds),
    )
    known = [used * rate for used, rate in parts if used is not None and rate]
    return sum(known) if known else None


def added(every: Iterable[Amounts]) -> Amounts:
    """Figure by figure; None where none of them tells it."""
    sums: list[float | None] = [None] * len(FIGURES)
    for amounts in every:
        for place, name in enumerate(FIGURES):
            value = getattr(amounts, name)
            if value is not None:
                sums[place] = value + (sums[place] or 0.0)
    return Amounts(*sums)


def cache_share(cells: Iterable[SpendCell]) -> float | None:
    """Tokens read from the cache / input tokens, of those that tell both; None of nothing."""
    both = [
        (each.amounts.cached, each.amounts.input)
        for each in cells
        if each.amounts.cached is not None and each.amounts.input
    ]
    whole = sum(into or 0.0 for _, into in both)
    return sum(cached or 0.0 for cached, _ in both) / whole if whole else None


class Ledger:
    """Of one answer. Each sum is made when it is first asked for."""

    def __init__(self, priced: Priced) -> None:
        self._spending = priced.spending
        self._book = priced.book
        self._rates = priced.rates
        self._money = [cell_money(cell, priced.book) for cell in priced.spending.cells]

    @property
    def _cells(self) -> Sequence[SpendCell]:
        return self._spending.cells

    @cached_property
    def _pairs(self) -> list[tuple[SpendCell, Money]]:
        """Cells whose money is in the sum."""
        pairs = zip(self._cells, self._money, strict=True)
        return [(cell, money) for cell, money in pairs if cell.money]

    def money(self) -> Money:
        return total(money for _, money in self._pairs)

    def amounts(self) -> Amounts:
        """Of all work: tokens of who tells them, money of who knows it."""
        used = added(cell.amounts for cell in self._cells if cell.tokens)
        usd = added(cell.amounts for cell, _ in self._pairs).usd
        return Amounts(*(usd if name == "usd" else getattr(used, name) for name in FIGURES))

    def wasted(self) -> Money:
        """On runs that failed or were cancelled, attempts that another followed. Only logs tell what became
        of a run, also where counters tell what it cost."""
        every = zip(self._cells, self._money, strict=True)
        return total(money for cell, money in every if cell.key.outcome is Outcome.WASTED)

    def waste_share(self) -> float | None:
        """Of the money whose outcome is told, by the least of both."""
        every = zip(self._cells, self._money, strict=True)
        told = total(money for cell, money in every if cell.key.outcome is not Outcome.UNKNOWN).least
        wasted = self.wasted()
        if not told or (wasted.unpriced_tokens > 0 and not wasted.known):
            return None
        return (wasted.least or 0.0) / told

    def cache_hit(self) -> float | None:
        return cache_share(cell for cell in self._cells if cell.tokens)

    def runs(self) -> RunCount | None:
        """Finished runs of all workflows; None where none are known."""
        every = self._spending.runs.values()
        return RunCount(sum(e.runs for e in every), sum(e.failures for e in every)) if every else None

    def per_success(self) -> Money | None:
        """All that was spent, also on what failed, for each run that succeeded."""
        return _per_success(self.money(), self.runs())

    def per_run(self) -> float | None:
        """Tokens for each finished run."""
        return _per_run(self.amounts(), self.runs())

    def per_call(self) -> Money | None:
        """Money for each call of a model, of those that tell both."""
        return _per_call(self._pairs)

    def host_usd(self) -> float | None:
        """What the machine, and what it keeps, cost by the user's rates in the time that is known; None
        without rates, or where nothing is known of its use."""
        used = infra_usd(self._host_used, self._rates)
        known = [each for each in (used, self._machine_usd) if each is not None]
        return sum(known) if known else None

    @cached_property
    def _host_used(self) -> Amounts:
        return added(cell.amounts for cell in self._cells)

    @property
    def _machine_usd(self) -> float | None:
        """The machine itself, as long as anything is known."""
        if not self._rates.host_month:
            return None
        return self._rates.host_month * self._spending.known_seconds / MONTH

    def by(self, dimension: Dimension) -> tuple[SpendLine, ...]:
        """The dearest first, then those with most tokens; what is in no sum comes last. Workflows have their
        part of the machine with them, where it has a rate."""
        groups: dict[str, list[tuple[SpendCell, Money]]] = {}
        hosted = dimension == "workflow" and self._rates.any
        for cell, money in zip(self._cells, self._money, strict=True):
            if _used(cell) or (hosted and cell.key.workflow):
                groups.setdefault(_name(cell, dimension), []).append((cell, money))
        whole = self.money().least
        lines = [self._line(dimension, name, own, whole) for name, own in groups.items()]
        shown = [line for line in lines if line is not None]
        return tuple(
            sorted(
                shown,
                key=lambda line: (
                    not line.counted, -(line.whole.least or 0.0), -(line.amounts.tokens or 0.0), line.name
                ),
            )
        )  # fmt: skip

    def course(self) -> tuple[Money, ...]:
        """What was spent in each slot."""
        return tuple(
            total(cell_money(cell, self._book) for cell in slot.cells if cell.money)
            for slot in self._spending.slots
        )

    def _line(
        self, dimension: Dimension, name: str, own: Sequence[tuple[SpendCell, Money]], whole: float | None
    ) -> SpendLine | None:
        paying = [(cell, money) for cell, money in own if cell.money]
        telling = [cell for cell, _ in own if cell.tokens]
        if dimension == "workflow" and not name and not paying and len(own) < len(self._cells):
            return None  # tokens that are not split by workflow: those of the workflows themselves
        counted = bool(paying or telling) or not any(_used(cell) for cell, _ in own)
        if not counted and not name:
            return None  # it says nothing of whom it is beside
        shown = paying if counted else own
        money = total(each for _, each in shown)
        runs = self._spending.runs.get(name) if dimension == "workflow" else None
        return SpendLine(
            name,
            money,
            added(cell.amounts for cell in telling or [cell for cell, _ in shown]),
            total(each for cell, each in own if cell.key.outcome is Outcome.WASTED),
            runs,
            _per_success(money, runs),
            (money.least or 0.0) / whole if counted and whole and money.known else None,
            counted,
            _per_call(shown),
            self._hosted(added(cell.amounts for cell, _ in own))
            if dimension == "workflow" and name
            else None,
        )

    def _hosted(self, used: Amounts) -> float | None:
        """A part of the machine; the machine itself is shared out by the time of its processors."""
        made, machine, whole = infra_usd(used, self._rates), self._machine_usd, self._host_used.cpu_seconds
        if machine is not None and used.cpu_seconds is not None and whole:
            made = (made or 0.0) + machine * used.cpu_seconds / whole
        return made


def _per_success(money: Money, runs: RunCount | None) -> Money | None:
    good = 0.0 if runs is None else runs.runs - runs.failures
    return money.scaled(1.0 / good) if good > 0 and money.known else None


def _per_run(amounts: Amounts, runs: RunCount | None) -> float | None:
    return (
        amounts.tokens / runs.runs if amounts.tokens is not None and runs is not None and runs.runs else None
    )


def _per_call(pairs: Iterable[tuple[SpendCell, Money]]) -> Money | None:
    told = [(cell.amounts.calls, money) for cell, money in pairs if cell.amounts.calls and money.known]
    calls = sum(each or 0.0 for each, _ in told)
    return total(money for _, money in told).scaled(1.0 / calls) if calls else None


def _used(cell: SpendCell) -> bool:
    """Not of the host alone."""
    amounts = cell.amounts
    return amounts.tokens is not None or amounts.usd is not None or amounts.calls is not None


def _name(cell: SpendCell, dimension: Dimension) -> str:
    key = cell.key
    if dimension == "workflow":
        return key.workflow
    if dimension == "provider":
        return key.provider
    return f"{key.model} · {key.service}" if key.service else key.model


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
