"""Figures of a scrape: the operations (delta, quantile, now) over the targets of one source."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from wfmon.model.metrics import (
    Amount,
    CallKey,
    Concept,
    CostKey,
    HourCost,
    MetricsSample,
    Quantiles,
    RunKey,
    RunWindow,
)
from wfmon.model.record import dataclass, field
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import Dims, settle_tokens, zero_fill
from wfmon.sources.counters import CounterHistory
from wfmon.sources.exposition import Series
from wfmon.sources.feeds import Feed, Feeds, Part
from wfmon.sources.histogram import histogram_quantile

HOUR = 3600.0

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class View:
    """One target: what it says now (None: it did not answer) and its counters' history.

    ``runs`` reaches back over the longest window of the ladder, ``cost`` over an hour at least, ``rest``
    over the rate window.
    """

    samples: Mapping[Series, float] | None
    runs: CounterHistory[Series]
    cost: CounterHistory[Series]
    rest: CounterHistory[Series]


@dataclass(slots=True)
class _Sum:
    """An amount while it is summed up; None until something is known."""

    delta: float | None = None
    total: float | None = None

    def add(self, delta: float | None, total: float | None) -> None:
        if delta is not None:
            self.delta = (self.delta or 0.0) + delta
        if total is not None:
            self.total = (self.total or 0.0) + total


@dataclass(slots=True)
class _Sums:
    """Everything of a sample while it is summed up over series and targets."""

    runs: list[dict[RunKey, float]]
    hour_cost: dict[CostKey, float] = field(default_factory=dict)
    amounts: dict[Concept, dict[Dims, _Sum]] = field(default_factory=dict)
    levels: dict[Concept, dict[str | None, float]] = field(default_factory=dict)
    buckets: dict[str | None, dict[float, float]] = field(default_factory=dict)
    quantiles: dict[str | None, dict[float, list[float]]] = field(default_factory=dict)

    def amount(self, feed: Feed) -> _Sum:
        return self.amounts.setdefault(feed.concept, {}).setdefault(feed.dims, _Sum())


def build_sample(
    at: float, views: Sequence[View], feeds: Feeds, windows: Sequence[float], rate: float
) -> MetricsSample:
    """``windows`` shortest first, ``rate`` in seconds. Figures are sums over the targets.

    What is covered is what the target that is known for the shortest time covers; targets that
    never answered are not in it (the reading tells them as partial).
    """
    sums = _Sums(runs=[{} for _ in windows])
    seen = [view for view in views if view.runs.looks]
    for view in seen:
        _add_runs(sums.runs, view, feeds, at, windows)
        _add_cost(sums, view, feeds, at, rate)
        _add_growth(sums, view, feeds, at, rate)
        _add_present(sums, view, feeds)
    tokens = _amounts(sums, Concept.TOKENS, lambda dims: dims.token_key)
    owner = feeds.owners.get(Concept.TOKENS)
    return MetricsSample(
        at=at,
        window=rate,
        covered=min((view.rest.span(at, rate).covered for view in seen), default=0.0),
        exposed=feeds.exposed,
        runs=tuple(
            RunWindow(seconds, min((v.runs.span(at, seconds).covered for v in seen), default=0.0), counts)
            for seconds, counts in zip(windows, _zero_filled(sums.runs), strict=True)
        )
        if Concept.RUNS in feeds.exposed
        else (),
        durations=_durations(sums),
        active=sums.levels.get(Concept.ACTIVE, {}),
        queue=sums.levels.get(Concept.QUEUE, {}),
        memory=sums.levels.get(Concept.MEMORY, {}),
        retries=_amounts(sums, Concept.RETRIES, lambda dims: dims.workflow),
        calls=_amounts(sums, Concept.CALLS, _call_key),
        tokens=settle_tokens(tokens, owner) if owner is not None else tokens,
        cost=_amounts(sums, Concept.COST, _cost_key),
        hour_cost=HourCost(min((v.cost.span(at, HOUR).covered for v in seen), default=0.0), sums.hour_cost),
    )


def _call_key(dims: Dims) -> CallKey:
    return dims.call_key


def _cost_key(dims: Dims) -> CostKey:
    return dims.cost_key


def _add_runs(
    counts: list[dict[RunKey, float]], view: View, feeds: Feeds, at: float, windows: Sequence[float]
) -> None:
    bases = [view.runs.span(at, seconds).base for seconds in windows]
    for series, track in view.runs.tracks.items():
        for feed in feeds.of(series) if track.known else ():
            # A counter of starts is not one of finished runs.
            if feed.concept is Concept.RUNS and feed.dims.status is not RunStatus.RUNNING:
                key = feed.dims.run_key
                for window, growth in zip(counts, track.growth(bases), strict=True):
                    window[key] = window.get(key, 0.0) + growth * feed.scale


def _add_cost(sums: _Sums, view: View, feeds: Feeds, at: float, rate: float) -> None:
    span = view.cost.span(at, rate)
    if not span.covered:
        return
    recent, hour = [span.base], [view.cost.span(at, HOUR).base]
    for series, track in view.cost.tracks.items():
        for feed in feeds.of(series) if track.known else ():
            if feed.concept is Concept.COST and feed.part is Part.COUNTER:
                sums.amount(feed).add(track.growth(recent)[0] * feed.scale, None)
                key = feed.dims.cost_key
                sums.hour_cost[key] = sums.hour_cost.get(key, 0.0) + track.growth(hour)[0] * feed.scale


def _add_growth(sums: _Sums, view: View, feeds: Feeds, at: float, rate: float) -> None:
    span = view.rest.span(at, rate)
    if not span.covered:
        return
    bases = [span.base]
    for series, track in view.rest.tracks.items():
        for feed in feeds.of(series) if track.known else ():
            if feed.concept in (Concept.RUNS, Concept.COST):
                continue
            growth = track.growth(bases)[0] * feed.scale
            if feed.part is Part.BUCKET:
                for workflow in {feed.dims.workflow, None}:
                    bounds = sums.buckets.setdefault(workflow, {})
                    bounds[feed.bound] = bounds.get(feed.bound, 0.0) + growth
            elif feed.part is Part.COUNTER:
                sums.amount(feed).add(growth, None)


def _add_present(sums: _Sums, view: View, feeds: Feeds) -> None:
    for series, value in (view.samples or {}).items():
        if not math.isfinite(value):
            continue
        for feed in feeds.of(series):
            scaled = value * feed.scale
            if feed.part is Part.LEVEL:
                level = sums.levels.setdefault(feed.concept, {})
                workflow = feed.dims.workflow
                level[workflow] = _aggregated(feed.agg, level.get(workflow), scaled)
            elif feed.part is Part.QUANTILE:
                sums.quantiles.setdefault(feed.dims.workflow, {}).setdefault(feed.bound, []).append(scaled)
            elif feed.part is Part.COUNTER and feed.concept is not Concept.RUNS:
                sums.amount(feed).add(None, scaled)


def _zero_filled(counts: Sequence[dict[RunKey, float]]) -> list[dict[RunKey, float]]:
    """``zero_fill`` for windows that all have the same keys, as those of one sample do."""
    missing = zero_fill(counts[0]).keys() - counts[0].keys()
    return [{**window, **dict.fromkeys(missing, 0.0)} for window in counts]


def _aggregated(agg: str, before: float | None, value: float) -> float:
    if before is None:
        return value
    if agg == "max":
        return max(before, value)
    return min(before, value) if agg == "min" else before + value


def _amounts(sums: _Sums, concept: Concept, key_of: Callable[[Dims], _Key]) -> dict[_Key, Amount]:
    merged: dict[_Key, _Sum] = {}
    for dims, entry in sums.amounts.get(concept, {}).items():
        merged.setdefault(key_of(dims), _Sum()).add(entry.delta, entry.total)
    return {key: Amount(entry.delta, entry.total) for key, entry in merged.items()}


def _durations(sums: _Sums) -> dict[str | None, Quantiles]:
    found = {
        workflow: Quantiles(
            p50=histogram_quantile(0.5, bounds.items()),
            p95=histogram_quantile(0.95, bounds.items()),
            n=bounds.get(math.inf),
        )
        for workflow, bounds in sums.buckets.items()
    }
    for workflow, values in sums.quantiles.items():
        # Quantiles of several processes cannot be put together.
        found.setdefault(workflow, Quantiles(p50=_only(values.get(0.5)), p95=_only(values.get(0.95)), n=None))
    return found


def _only(values: list[float] | None) -> float | None:
    return values[0] if values is not None and len(values) == 1 else None
