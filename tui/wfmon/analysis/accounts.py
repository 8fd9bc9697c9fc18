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


@dataclass(frozen=True, slots=True)
class SpendLine:
    """Of one workflow, model or provider (``name`` empty: not told).

    ``share``: of the money of all, by the least of each; None where that is not known. ``wasted``: on runs
    that failed or were cancelled, and on attempts that another followed. ``per_success``: its money for each
    run that succeeded; of workflows alone. ``counted`` False: it is in no sum, because another source tells
    of the same work.
    """

    name: str
    money: Money
    amounts: Amounts
    wasted: Money
    runs: RunCount | None
    per_success: Money | None
    share: float | None
    counted: bool


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


def infra_usd(amounts: Amounts, rates: CostRates) -> float:
    """What the host was used for costs by the user's rates, without the machine itself."""
    month = 30 * 86_400.0
    return (
        (amounts.cpu_seconds or 0.0) / 3600.0 * rates.cpu_hour
        + (amounts.memory_gib_seconds or 0.0) / 3600.0 * rates.memory_gib_hour
        + (amounts.storage_gib_seconds or 0.0) / month * rates.storage_gib_month
        + (amounts.backup_gib_seconds or 0.0) / month * rates.backup_gib_month
    )


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
        """On runs that failed or were cancelled and attempts that another followed. Only logs tell what became
        of a run, also where counters tell what it cost."""
        every = zip(self._cells, self._money, strict=True)
        return total(money for cell, money in every if cell.key.outcome is Outcome.WASTED)

    def waste_share(self) -> float | None:
        """Of the money whose outcome is told, by the least of both."""
        every = zip(self._cells, self._money, strict=True)
        told = total(money for cell, money in every if cell.key.outcome is not Outcome.UNKNOWN).least
        return (self.wasted().least or 0.0) / told if told else None

    def cache_hit(self) -> float | None:
        return cache_share(cell for cell in self._cells if cell.tokens)

    def runs(self) -> RunCount | None:
        """Finished runs of all workflows; None where none are known."""
        every = self._spending.runs.values()
        return RunCount(sum(e.runs for e in every), sum(e.failures for e in every)) if every else None

    def per_success(self) -> Money | None:
        """All that was spent, also on what failed, for each run that succeeded."""
        return _per_success(self.money(), self.runs())

    def by(self, dimension: Dimension) -> tuple[SpendLine, ...]:
        """The dearest first, then those with most tokens; what is in no sum comes last."""
        groups: dict[str, list[tuple[SpendCell, Money]]] = {}
        for cell, money in zip(self._cells, self._money, strict=True):
            if _used(cell):
                groups.setdefault(_name(cell, dimension), []).append((cell, money))
        whole = self.money().least
        lines = [self._line(dimension, name, own, whole) for name, own in groups.items()]
        shown = [line for line in lines if line is not None]
        return tuple(
            sorted(
                shown,
                key=lambda line: (
                    not line.counted, -(line.money.least or 0.0), -(line.amounts.tokens or 0.0), line.name
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
        counted = bool(paying or telling)
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
        )


def _per_success(money: Money, runs: RunCount | None) -> Money | None:
    good = 0.0 if runs is None else runs.runs - runs.failures
    return money.scaled(1.0 / good) if good > 0 and money.known else None


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
