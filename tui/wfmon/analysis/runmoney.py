"""What runs cost, by provider and model: as they report it, else priced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import ModelRef, PriceBook, parts_of, usage_money
from wfmon.model.record import dataclass
from wfmon.model.run import ModelUsage, Run, Usage

Named = tuple[str | None, str | None]  # provider and model; None: not told
LONG_CALL = 100_000  # input tokens: so long a call may be of a higher tier, and is priced by itself


@dataclass(slots=True)
class _Sum:
    """Of one model; usage of which no cost is told is added up and priced once."""

    input: int | None = None
    output: int | None = None
    cached: int = 0
    cache_write: int = 0
    untyped: int | None = None

    def add(self, usage: Usage) -> None:
        if usage.input is None and usage.output is None:
            if usage.total is not None:
                self.untyped = (self.untyped or 0) + usage.total
            return
        if usage.input is not None:
            self.input = (self.input or 0) + usage.input
        if usage.output is not None:
            self.output = (self.output or 0) + usage.output
        self.cached += usage.cached or 0
        self.cache_write += usage.cache_write or 0

    def money(self, ref: ModelRef, book: PriceBook) -> Money:
        made = NO_MONEY
        if self.input is not None or self.output is not None:
            typed = Usage(self.input, self.output, self.cached, self.cache_write)
            made = usage_money(_part(ref, typed), book)
        if self.untyped is not None:
            made = made + usage_money(_part(ref, Usage(total=self.untyped)), book)
        return made


def money_by_model(runs: Iterable[Run], book: PriceBook) -> dict[Named, Money]:
    """What ``runs`` cost together; a run of several models that tells only what it cost as a whole is split
    by their tokens. Runs that neither tell a cost nor used tokens are in none of it."""
    exact: dict[Named, float] = {}
    sums: dict[ModelRef, _Sum] = {}
    long: list[tuple[Named, Money]] = []
    for run in runs:
        cost = run.usage.cost_usd
        if cost is not None:
            if not run.parts:
                name = (run.provider, run.model)
                exact[name] = exact.get(name, 0.0) + cost
            else:
                for name, usd in split(run, cost).items():
                    exact[name] = exact.get(name, 0.0) + usd
            continue
        for part in parts_of(run):
            if part.usage.cost_usd is not None:
                name = named(part)
                exact[name] = exact.get(name, 0.0) + part.usage.cost_usd
            elif part.calls == 1 and (part.usage.input or 0) > LONG_CALL:
                long.append((named(part), usage_money(part, book)))
            else:
                sums.setdefault(ModelRef(part.provider, part.model, part.service), _Sum()).add(part.usage)
    found: dict[Named, Money] = {name: Money(exact=usd) for name, usd in exact.items()}
    for ref, each in sums.items():
        long.append((_named(ref.provider, ref.model), each.money(ref, book)))
    for name, money in long:
        found[name] = found.get(name, NO_MONEY) + money
    return {name: money for name, money in found.items() if money != NO_MONEY}


def split(run: Run, usd: float) -> Mapping[Named, float]:
    """What a run cost as a whole, by model: as its parts tell it, else in proportion to their tokens."""
    told = [part.usage.cost_usd for part in run.parts]
    if told and None not in told:
        weights = [float(each or 0.0) for each in told]
    else:
        weights = [float(part.usage.total or 0) for part in run.parts]
    whole = sum(weights)
    if not whole:
        return {(run.provider, run.model): usd}
    found: dict[Named, float] = {}
    for part, weight in zip(run.parts, weights, strict=True):
        found[named(part)] = found.get(named(part), 0.0) + usd * weight / whole
    return found


def named(part: ModelUsage) -> Named:
    return _named(part.provider, part.model)


def _named(provider: str, model: str) -> Named:
    return provider or None, model or None


def _part(ref: ModelRef, usage: Usage) -> ModelUsage:
    return ModelUsage(ref.provider, ref.model, ref.service, usage)
