"""Unit prices of models, and what usage costs by them.

Prices are multiplied here and not by the library that knows them: of a sum of many calls it would choose
the tier of long contexts (alerting-and-burn 1, trap 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from wfmon.model.money import NO_MONEY, Money, total
from wfmon.model.record import dataclass, field
from wfmon.model.run import ModelUsage, Run, Usage

PER = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens; None: not known. ``cached``: tokens read from the provider's cache,
    ``cache_write``: written to it; both are part of the input."""

    input: float | None = None
    output: float | None = None
    cached: float | None = None
    cache_write: float | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """``rates`` hold for all tokens of a call with more than ``above`` input tokens."""

    above: float
    rates: Rates


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """``source``: who says so, in words (``override``, ``genai-prices 0.2.3``). ``matched``: the name it was
    found under. ``tiers``: of single calls with long contexts, ascending."""

    rates: Rates
    source: str
    matched: str = ""
    tiers: tuple[Tier, ...] = ()

    def of_call(self, input_tokens: float) -> Rates:
        """The rates of one call."""
        return next((each.rates for each in reversed(self.tiers) if input_tokens > each.above), self.rates)


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model as sources name it. ``service``: how its calls are processed where that changes the price
    (``batch``, ``flex``, ``priority``, ``fast``); empty: as usual."""

    provider: str
    model: str
    service: str = ""

    @property
    def id(self) -> str:
        return f"{self.provider}/{self.model}" + (f"@{self.service}" if self.service else "")


@dataclass(frozen=True, slots=True)
class Override:
    """The user's own price; patterns are shell globs, the first that fits wins."""

    model: str
    rates: Rates
    provider: str = "*"
    service: str = "*"


@dataclass(frozen=True, slots=True)
class Mix:
    """USD per million tokens that eight of ten calls of known direction cost (p10, p90 of ``n`` of them)."""

    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class PriceBook:
    """What is known of prices now, by ``ModelRef.id``. ``found``: from the price data, None: looked up and
    not there. ``mixes``: from the model's own calls of known direction."""

    overrides: tuple[Override, ...] = ()
    found: Mapping[str, UnitPrice | None] = field(default_factory=dict)
    mixes: Mapping[str, Mix] = field(default_factory=dict)

    def unit(self, ref: ModelRef) -> UnitPrice | None:
        for each in self.overrides:
            fits = fnmatchcase(ref.model, each.model) and fnmatchcase(ref.provider, each.provider)
            if fits and fnmatchcase(ref.service, each.service):
                return UnitPrice(each.rates, "override", each.model)
        return self.found.get(ref.id)


EMPTY = PriceBook()


def run_money(run: Run, book: PriceBook) -> Money:
    """What a run cost: as it reports, else priced by model."""
    if run.usage.cost_usd is not None:
        return Money(exact=run.usage.cost_usd)
    return total(usage_money(part, book) for part in parts_of(run))


def retried_money(run: Run, book: PriceBook) -> Money:
    """What those attempts of a run cost that another followed, as far as its log tells them apart; of a run
    that tells only what it cost as a whole their share of its tokens."""
    if run.usage.cost_usd is None or any(part.usage.cost_usd is not None for part in run.retried):
        return total(usage_money(part, book) for part in run.retried)
    used = sum(part.usage.total or 0 for part in run.retried)
    if not run.usage.total or not used:
        return NO_MONEY
    return Money(exact=run.usage.cost_usd * min(1.0, used / run.usage.total))


def parts_of(run: Run) -> tuple[ModelUsage, ...]:
    """Its usage by model; one part where its log does not split it."""
    if run.parts:
        return run.parts
    if run.usage.total is None and run.usage.cost_usd is None:
        return ()
    return (ModelUsage(run.provider or "", run.model or "", "", run.usage, None),)


def usage_money(part: ModelUsage, book: PriceBook) -> Money:
    usage = part.usage
    if usage.cost_usd is not None:
        return Money(exact=usage.cost_usd)
    ref = ModelRef(part.provider, part.model, part.service)
    return priced(usage, book.unit(ref), single=part.calls == 1, mix=book.mixes.get(ref.id))


def priced(usage: Usage, unit: UnitPrice | None, *, single: bool = False, mix: Mix | None = None) -> Money:
    """Of usage without a reported cost. ``single``: it is one call, so that tiers hold; of a sum the base
    rates are taken, which are too low for those of its calls that were of a higher tier."""
    tokens = _tokens(usage)
    if tokens is None or (not tokens and unit is None):
        return NO_MONEY  # of what has no price none is not $0 either: the next token would change it
    if not tokens:
        return Money(priced=0.0)
    if unit is None:
        return Money(unpriced_tokens=tokens)
    rates = unit.of_call(usage.input or 0.0) if single else unit.rates
    if usage.input is None and usage.output is None:
        return _band(tokens, rates, mix)
    return _typed(usage, tokens, rates)


def _tokens(usage: Usage) -> float | None:
    if usage.input is None and usage.output is None:
        return usage.total
    return (usage.input or 0) + (usage.output or 0)


def _typed(usage: Usage, tokens: float, rates: Rates) -> Money:
    """Cached and written tokens are part of the input; reasoning is part of the output."""
    if (usage.input and rates.input is None) or (usage.output and rates.output is None):
        return Money(unpriced_tokens=tokens)
    into = rates.input or 0.0
    cached, written = usage.cached or 0, usage.cache_write or 0
    fresh = max(0, (usage.input or 0) - cached - written)
    usd = (
        fresh * into
        + cached * (into if rates.cached is None else rates.cached)
        + written * (into if rates.cache_write is None else rates.cache_write)
        + (usage.output or 0) * (rates.output or 0.0)
    )
    left = max(0.0, (usage.total or 0) - tokens)
    return Money(priced=usd / PER, unpriced_tokens=left)


def _band(tokens: float, rates: Rates, mix: Mix | None) -> Money:
    if mix is not None:
        return Money(low=tokens * mix.low / PER, high=tokens * mix.high / PER)
    known = [each for each in (rates.input, rates.output, rates.cached) if each is not None]
    if rates.input is None or not known:
        return Money(unpriced_tokens=tokens)
    return Money(low=tokens * min(known) / PER, high=tokens * max(known) / PER)
