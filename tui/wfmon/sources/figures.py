"""Figures of a scrape: the operations (delta, quantile, now) over the targets of one source."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    Space,
)
from wfmon.model.record import dataclass, field
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import (
    NEVER_NEGATIVE,
    Dims,
    aggregated,
    counted_window,
    settle_tokens,
    space_side,
    without_unpriced,
    zero_fill,
)
from wfmon.sources.counters import CounterHistory
from wfmon.sources.exposition import Series
from wfmon.sources.feeds import Feed, Feeds, Part
from wfmon.sources.histogram import histogram_quantile
from wfmon.sources.profile import Profile

HOUR = 3600.0

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class View:
    """One target: what it says now (None: it did not answer), its counters' history, and what they feed.

    ``runs`` reaches back over the longest window of the ladder, ``cost`` over an hour at least, ``rest``
    over the rate window.
    """

    samples: Mapping[Series, float] | None
    runs: CounterHistory[Series]
    cost: CounterHistory[Series]
    rest: CounterHistory[Series]
    feeds: Feeds


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
class _Cuts:
    """What is known of how long something took: growth of buckets by bound, quantiles as they are given
    (by the one they are shown as), growth of numbers of observations."""

    buckets: dict[str | None, dict[float, float]] = field(default_factory=dict)
    given: dict[str | None, dict[float, list[float]]] = field(default_factory=dict)
    seen: dict[str | None, float] = field(default_factory=dict)

    def quantiles(self) -> dict[str | None, Quantiles]:
        found = {
            workflow: Quantiles(
                p50=histogram_quantile(0.5, bounds.items()),
                p95=histogram_quantile(0.95, bounds.items()),
                n=bounds.get(math.inf),
            )
            for workflow, bounds in self.buckets.items()
        }
        for workflow in dict.fromkeys((*self.given, *self.seen)):
            # Quantiles of several processes cannot be put together, numbers of observations can.
            given = self.given.get(workflow, {})
            only = Quantiles(_only(given.get(0.5)), _only(given.get(0.95)), self.seen.get(workflow))
            found.setdefault(workflow, only)
        return found


@dataclass(slots=True)
class _Sums:
    """Everything of one profile's sample while it is summed up over series and targets."""

    runs: list[dict[RunKey, float]]
    counted: dict[float, dict[RunKey, float]] = field(default_factory=dict)
    hour_cost: dict[CostKey, float] = field(default_factory=dict)
    amounts: dict[Concept, dict[Dims, _Sum]] = field(default_factory=dict)
    levels: dict[Concept, dict[str | None, float]] = field(default_factory=dict)
    storage: dict[tuple[str | None, str], float] = field(default_factory=dict)
    cuts: dict[Concept, _Cuts] = field(default_factory=dict)

    def amount(self, feed: Feed) -> _Sum:
        return self.amounts.setdefault(feed.concept, {}).setdefault(feed.dims, _Sum())

    def cut(self, feed: Feed) -> _Cuts:
        return self.cuts.setdefault(feed.concept, _Cuts())


def build_samples(
    at: float, views: Sequence[View], profiles: Sequence[Profile], windows: Sequence[float], rate: float
) -> tuple[MetricsSample, ...]:
    """One sample for each of ``profiles``; ``windows`` shortest first, ``rate`` in seconds.

    Figures are sums over the targets, never over profiles. What is covered is what the target that is
    known for the shortest time covers; targets that never answered are not in it (the reading tells them
    as partial).
    """
    sums = {profile.name: _Sums(runs=[{} for _ in windows]) for profile in profiles}
    seen = [view for view in views if view.runs.looks]
    for view in seen:
        _add_runs(sums, view, at, windows)
        _add_cost(sums, view, at, rate)
        _add_growth(sums, view, at, rate)
        _add_present(sums, view)
    return tuple(_sample(at, seen, profile, sums[profile.name], windows, rate) for profile in profiles)


def no_sample(at: float, views: Sequence[View], rate: float) -> MetricsSample:
    """Of targets that expose nothing that any profile knows."""
    return MetricsSample(at=at, window=rate, covered=_covered(at, views, rate), exposed=frozenset())


def _covered(at: float, views: Sequence[View], rate: float) -> float:
    return min((view.rest.span(at, rate).covered for view in views if view.runs.looks), default=0.0)


def _sample(
    at: float,
    seen: Sequence[View],
    profile: Profile,
    sums: _Sums,
    windows: Sequence[float],
    rate: float,
) -> MetricsSample:
    told = [view for view in seen if profile.name in view.feeds.coverage]
    exposed = frozenset().union(*(view.feeds.coverage[profile.name].exposed for view in told))
    cost = without_unpriced(_amounts(sums, Concept.COST, _cost_key), profile)
    spent = {key: usd for key, usd in sums.hour_cost.items() if usd or key in cost}
    return MetricsSample(
        at=at,
        window=rate,
        covered=_covered(at, told, rate),
        exposed=exposed,
        runs=_run_windows(at, told, profile, sums, windows) if Concept.RUNS in exposed else (),
        durations=_quantiles(sums, Concept.DURATION),
        wait=_quantiles(sums, Concept.WAIT),
        active=_level(sums, Concept.ACTIVE),
        queue=_level(sums, Concept.QUEUE),
        memory=_level(sums, Concept.MEMORY),
        budget=_level(sums, Concept.BUDGET),
        storage=_spaces(sums),
        retries=_amounts(sums, Concept.RETRIES, lambda dims: dims.workflow),
        timeouts=_amounts(sums, Concept.TIMEOUTS, lambda dims: dims.workflow),
        calls=_amounts(sums, Concept.CALLS, _call_key),
        tokens=settle_tokens(_amounts(sums, Concept.TOKENS, lambda dims: dims.token_key), profile),
        cost=cost,
        hour_cost=HourCost(min((v.cost.span(at, HOUR).covered for v in told), default=0.0), spent),
        profile=profile.name,
        title=profile.title,
        layer=profile.layer,
    )


def _call_key(dims: Dims) -> CallKey:
    return dims.call_key


def _cost_key(dims: Dims) -> CostKey:
    return dims.cost_key


def _run_windows(
    at: float, told: Sequence[View], profile: Profile, sums: _Sums, windows: Sequence[float]
) -> tuple[RunWindow, ...]:
    own = {
        window
        for signal in profile.signals_of(Concept.RUNS)
        if (window := counted_window(Concept.RUNS, signal)) is not None
    }
    if own and not any(sums.runs):
        # The system counts over a window of its own; nothing is known of any other.
        answered = any(view.samples is not None for view in told)
        return tuple(
            RunWindow(seconds, seconds, zero_fill(sums.counted.get(seconds, {})))
            for seconds in sorted(own)
            if answered
        )
    return tuple(
        RunWindow(seconds, min((v.runs.span(at, seconds).covered for v in told), default=0.0), counts)
        for seconds, counts in zip(windows, _zero_filled(sums.runs), strict=True)
    )


def _add_runs(sums: Mapping[str, _Sums], view: View, at: float, windows: Sequence[float]) -> None:
    bases = [view.runs.span(at, seconds).base for seconds in windows]
    for series, track in view.runs.tracks.items():
        for feed in view.feeds.of(series) if track.known else ():
            # A counter of starts is not one of finished runs.
            if feed.concept is Concept.RUNS and feed.sum_key is not None:
                key = feed.dims.run_key
                for window, growth in zip(sums[feed.profile].runs, track.growth(bases), strict=True):
                    window[key] = window.get(key, 0.0) + growth * feed.scale


def _add_cost(sums: Mapping[str, _Sums], view: View, at: float, rate: float) -> None:
    span = view.cost.span(at, rate)
    if not span.covered:
        return
    recent, hour = [span.base], [view.cost.span(at, HOUR).base]
    for series, track in view.cost.tracks.items():
        for feed in view.feeds.of(series) if track.known else ():
            if feed.concept is Concept.COST and feed.part is Part.COUNTER:
                mine, key = sums[feed.profile], feed.dims.cost_key
                mine.amount(feed).add(track.growth(recent)[0] * feed.scale, None)
                spent = track.growth(hour)[0] * feed.scale
                mine.hour_cost[key] = mine.hour_cost.get(key, 0.0) + spent


def _add_growth(sums: Mapping[str, _Sums], view: View, at: float, rate: float) -> None:
    span = view.rest.span(at, rate)
    if not span.covered:
        return
    bases = [span.base]
    for series, track in view.rest.tracks.items():
        for feed in view.feeds.of(series) if track.known else ():
            if feed.concept in (Concept.RUNS, Concept.COST):
                continue
            growth, mine = track.growth(bases)[0] * feed.scale, sums[feed.profile]
            if feed.part is Part.BUCKET:
                for workflow in {feed.dims.workflow, None}:
                    bounds = mine.cut(feed).buckets.setdefault(workflow, {})
                    bounds[feed.bound] = bounds.get(feed.bound, 0.0) + growth
            elif feed.part is Part.SEEN:
                seen, workflow = mine.cut(feed).seen, feed.dims.workflow
                seen[workflow] = seen.get(workflow, 0.0) + growth
            elif feed.part is Part.COUNTER:
                mine.amount(feed).add(growth, None)


def _add_present(sums: Mapping[str, _Sums], view: View) -> None:
    for series, value in (view.samples or {}).items():
        for feed in view.feeds.of(series):
            mine = sums[feed.profile]
            if feed.part is Part.LEVEL:
                _add_level(mine, feed, value)
            elif not math.isfinite(value):
                continue
            elif feed.part is Part.QUANTILE:
                given = mine.cut(feed).given.setdefault(feed.dims.workflow, {})
                given.setdefault(feed.bound, []).append(value * feed.scale)
            elif feed.part is Part.COUNTER and feed.concept is not Concept.RUNS:
                mine.amount(feed).add(None, value * feed.scale)


def _add_level(sums: _Sums, feed: Feed, value: float) -> None:
    agg = feed.signal.agg
    if agg == "count":
        value = 1.0
    elif not math.isfinite(value):
        return
    scaled, workflow = value * feed.scale, feed.dims.workflow
    window = counted_window(feed.concept, feed.signal)
    if window is not None:
        if feed.dims.status is not RunStatus.RUNNING:
            counts, key = sums.counted.setdefault(window, {}), feed.dims.run_key
            counts[key] = aggregated(agg, counts.get(key), scaled)
    elif feed.concept is Concept.STORAGE:
        side = space_side(feed.signal)
        if side is not None:
            place = (feed.dims.mount, side)
            sums.storage[place] = aggregated(agg, sums.storage.get(place), scaled)
    elif feed.concept in _AMOUNTS:
        sums.amount(feed).add(None, scaled)
    else:
        level = sums.levels.setdefault(feed.concept, {})
        level[workflow] = aggregated(agg, level.get(workflow), scaled)


_AMOUNTS = frozenset({Concept.RETRIES, Concept.TIMEOUTS, Concept.CALLS, Concept.TOKENS, Concept.COST})


def _zero_filled(counts: Sequence[dict[RunKey, float]]) -> list[dict[RunKey, float]]:
    """``zero_fill`` for windows that all have the same keys, as those of one sample do."""
    missing = zero_fill(counts[0]).keys() - counts[0].keys()
    return [{**_not_negative(window), **dict.fromkeys(missing, 0.0)} for window in counts]


def _not_negative(counts: dict[RunKey, float]) -> dict[RunKey, float]:
    """Of a union that subtracts: what was taken away may be told before what it is taken from."""
    return {key: max(0.0, count) for key, count in counts.items()}


def _amounts(sums: _Sums, concept: Concept, key_of: Callable[[Dims], _Key]) -> dict[_Key, Amount]:
    merged: dict[_Key, _Sum] = {}
    for dims, entry in sums.amounts.get(concept, {}).items():
        merged.setdefault(key_of(dims), _Sum()).add(entry.delta, entry.total)
    return {
        key: Amount(
            None if entry.delta is None else max(0.0, entry.delta),
            None if entry.total is None else max(0.0, entry.total),
        )
        for key, entry in merged.items()
    }


def _level(sums: _Sums, concept: Concept) -> dict[str | None, float]:
    levels = sums.levels.get(concept, {})
    if concept not in NEVER_NEGATIVE:
        return levels
    return {workflow: max(0.0, value) for workflow, value in levels.items()}


def _spaces(sums: _Sums) -> dict[str | None, Space]:
    mounts: Iterable[str | None] = dict.fromkeys(mount for mount, _ in sums.storage)
    return {
        mount: Space(sums.storage.get((mount, "size")), sums.storage.get((mount, "free"))) for mount in mounts
    }


def _quantiles(sums: _Sums, concept: Concept) -> dict[str | None, Quantiles]:
    return sums.cuts[concept].quantiles() if concept in sums.cuts else {}


def _only(values: list[float] | None) -> float | None:
    return values[0] if values is not None and len(values) == 1 else None
