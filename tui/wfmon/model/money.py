"""Amounts of money that say how true they are."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from wfmon.model.record import dataclass


class CostQuality(StrEnum):
    """How true an amount of money is: reported, priced from typed tokens, a band, not priced."""

    EXACT = "exact"
    PRICED = "priced"
    BAND = "band"
    UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class Money:
    """A sum of USD, each part as true as it is known; a part is None where nothing of its kind is in it.

    ``exact``: reported by who was paid or by the workflow. ``priced``: typed tokens times unit prices.
    ``low`` and ``high``: the least and the most that tokens of unknown direction cost; both or neither.
    ``unpriced_tokens``: used, but nobody knows their price. ``partial``: something else is left out of it.
    """

    exact: float | None = None
    priced: float | None = None
    low: float | None = None
    high: float | None = None
    unpriced_tokens: float = 0.0
    partial: bool = False

    def __add__(self, other: Money) -> Money:
        return Money(
            _plus(self.exact, other.exact),
            _plus(self.priced, other.priced),
            _plus(self.low, other.low),
            _plus(self.high, other.high),
            self.unpriced_tokens + other.unpriced_tokens,
            self.partial or other.partial,
        )

    def scaled(self, factor: float) -> Money:
        """``factor`` times it: a rate from an amount."""
        return Money(
            _times(self.exact, factor),
            _times(self.priced, factor),
            _times(self.low, factor),
            _times(self.high, factor),
            self.unpriced_tokens * factor,
            self.partial,
        )

    @property
    def known(self) -> bool:
        """Whether any of it is known in USD."""
        return self.exact is not None or self.priced is not None or self.low is not None

    @property
    def least(self) -> float | None:
        """The least USD that it can be; None where none of it is known."""
        if not self.known:
            return None
        return (self.exact or 0.0) + (self.priced or 0.0) + (self.low or 0.0)

    @property
    def most(self) -> float | None:
        """The most USD that its known parts can be; None where none is known. What is ``at_least`` may
        be more."""
        if not self.known:
            return None
        return (self.exact or 0.0) + (self.priced or 0.0) + (self.high or 0.0)

    @property
    def at_least(self) -> bool:
        """Whether it is a lower bound: some tokens in it have no price, or something is left out."""
        return self.known and (self.unpriced_tokens > 0 or self.partial)

    @property
    def quality(self) -> CostQuality | None:
        """As true as its least true part; None where there is nothing."""
        if self.low is not None:
            return CostQuality.BAND
        if self.priced is not None:
            return CostQuality.PRICED
        if self.exact is not None:
            return CostQuality.EXACT
        return CostQuality.UNPRICED if self.unpriced_tokens > 0 else None


NO_MONEY = Money()
_TRUTHS = (CostQuality.EXACT, CostQuality.PRICED, CostQuality.BAND)


def truth(money: Money) -> int | None:
    """How true it is as a small number, to be kept beside its least: see ``of_truth``."""
    if not money.known or money.quality is None:
        return None
    return _TRUTHS.index(money.quality) + (len(_TRUTHS) if money.at_least else 0)


def of_truth(least: float | None, kept: float | None) -> Money:
    """What is known of an amount of which its least and its truth were kept; without a truth it was
    reported: prices came later."""
    if least is None:
        return NO_MONEY
    number = int(kept or 0)
    quality = _TRUTHS[number % len(_TRUTHS)]
    partial = number >= len(_TRUTHS) or quality is CostQuality.BAND
    if quality is CostQuality.EXACT:
        return Money(exact=least, partial=partial)
    return Money(priced=least, partial=partial)


def total(amounts: Iterable[Money]) -> Money:
    """The sum; of nothing, nothing is known."""
    every = NO_MONEY
    for each in amounts:
        every = every + each
    return every


def _plus(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else one + other


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
