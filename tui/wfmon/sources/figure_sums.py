"""Figures of one profile while they are added up over the series of all targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from wfmon.model.metrics import Amount, CallKey, Concept, CostKey, Quantiles, RunKey, TokenKey
from wfmon.model.record import dataclass, field
from wfmon.sources.canonical import settle_tokens
from wfmon.sources.feeds import Feed
from wfmon.sources.histogram import histogram_quantiles
from wfmon.sources.plan import FigureKey
from wfmon.sources.profile import Profile

_Key = TypeVar("_Key")


@dataclass(slots=True)
class AmountSum:
    """An amount while it is summed up; None until something is known."""

    delta: float | None = None
    total: float | None = None

    def add(self, delta: float | None, total: float | None) -> None:
        if delta is not None:
            self.delta = (self.delta or 0.0) + delta
        if total is not None:
            self.total = (self.total or 0.0) + total


def _sum_of(sums: dict[_Key, AmountSum], key: _Key) -> AmountSum:
    found = sums.get(key)
    if found is None:
        found = sums[key] = AmountSum()
    return found


@dataclass(slots=True)
class Cuts:
    """What is known of how long something took: growth of buckets by bound, quantiles as they are given
    (by the one they are shown as), growth of numbers of observations."""

    buckets: dict[str | None, dict[float, float]] = field(default_factory=dict)
    given: dict[str | None, dict[float, list[float]]] = field(default_factory=dict)
    seen: dict[str | None, float] = field(default_factory=dict)

    def quantiles(self) -> dict[str | None, Quantiles]:
        found: dict[str | None, Quantiles] = {}
        for workflow, bounds in self.buckets.items():
            p50, p95 = histogram_quantiles((0.5, 0.95), bounds.items())
            found[workflow] = Quantiles(p50, p95, bounds.get(math.inf))
        for workflow in dict.fromkeys((*self.given, *self.seen)):
            # Quantiles of several processes cannot be put together, numbers of observations can.
            given = self.given.get(workflow, {})
            only = Quantiles(_only(given.get(0.5)), _only(given.get(0.95)), self.seen.get(workflow))
            found.setdefault(workflow, only)
        return found


@dataclass(slots=True)
class FigureSums:
    """Everything of one profile's sample while it is summed up over series and targets."""

    runs: list[dict[RunKey, float]]
    counted: dict[float, dict[RunKey, float]] = field(default_factory=dict)
    hour_cost: dict[CostKey, float] = field(default_factory=dict)
    hour_tokens: dict[TokenKey, float] = field(default_factory=dict)
    retries: dict[str | None, AmountSum] = field(default_factory=dict)
    timeouts: dict[str | None, AmountSum] = field(default_factory=dict)
    calls: dict[CallKey, AmountSum] = field(default_factory=dict)
    tokens: dict[TokenKey, AmountSum] = field(default_factory=dict)
    cost: dict[CostKey, AmountSum] = field(default_factory=dict)
    levels: dict[Concept, dict[str | None, float]] = field(default_factory=dict)
    storage: dict[tuple[str | None, str], float] = field(default_factory=dict)
    cuts: dict[Concept, Cuts] = field(default_factory=dict)

    def add(self, feed: Feed, key: FigureKey, delta: float | None, total: float | None) -> None:
        """Into the amounts of the feed's concept; neither is scaled yet."""
        scale = feed.scale
        if delta is not None:
            delta *= scale
        if total is not None:
            total *= scale
        if isinstance(key, TokenKey):
            _sum_of(self.tokens, key).add(delta, total)
        elif isinstance(key, CostKey):
            _sum_of(self.cost, key).add(delta, total)
        elif isinstance(key, CallKey):
            _sum_of(self.calls, key).add(delta, total)
        elif not isinstance(key, RunKey):
            _sum_of(self.retries if feed.concept is Concept.RETRIES else self.timeouts, key).add(delta, total)

    def cut(self, concept: Concept) -> Cuts:
        found = self.cuts.get(concept)
        if found is None:
            found = self.cuts[concept] = Cuts()
        return found


def amounts(found: Mapping[_Key, AmountSum]) -> dict[_Key, Amount]:
    """Of a union that subtracts, what was taken away may be told before what it is taken from."""
    return {
        key: Amount(
            None if each.delta is None else max(0.0, each.delta),
            None if each.total is None else max(0.0, each.total),
        )
        for key, each in found.items()
    }


def hour_tokens(grown: Mapping[TokenKey, float], profile: Profile) -> dict[TokenKey, float]:
    """Of ``grown``, what token counters grew by in an hour, in the one form of the model."""
    settled = settle_tokens({key: Amount(max(0.0, each), None) for key, each in grown.items()}, profile)
    return {key: amount.delta for key, amount in settled.items() if amount.delta is not None}


def _only(values: list[float] | None) -> float | None:
    return values[0] if values is not None and len(values) == 1 else None
