"""Figures of a scrape: the operations (delta, quantile, now) over the targets of one source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from wfmon.model.metrics import (
    Concept,
    CostKey,
    HourCost,
    MetricsSample,
    Quantiles,
    RunKey,
    RunWindow,
    Space,
    TokenKey,
)
from wfmon.model.record import dataclass
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import (
    NEVER_NEGATIVE,
    aggregated,
    counted_window,
    settle_tokens,
    space_side,
    without_unpriced,
    zero_fill,
)
from wfmon.sources.feeds import Feed, Part
from wfmon.sources.figure_sums import Cuts, FigureSums, amounts, hour_tokens
from wfmon.sources.plan import Group, Grouped, Plan, figure_key
from wfmon.sources.profile import Profile
from wfmon.sources.series import Series

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class View:
    """One target: what it says now (None: it did not answer), and what its series feed.

    ``layout`` is another number whenever it exposes other series.
    """

    samples: Mapping[Series, float] | None
    layout: int
    plan: Plan


def build_samples(
    at: float, views: Sequence[View], profiles: Sequence[Profile], windows: Sequence[float], rate: float
) -> tuple[MetricsSample, ...]:
    """One sample for each of ``profiles``; ``windows`` shortest first, ``rate`` in seconds.

    Figures are sums over the targets, never over profiles. What is covered is what the target that is
    known for the shortest time covers; targets that never answered are not in it (the reading tells them
    as partial).
    """
    sums = {profile.name: FigureSums(runs=[{} for _ in windows]) for profile in profiles}
    seen = [view for view in views if view.plan.runs.history.looks]
    for view in seen:
        _add_runs(sums, view, at, windows)
        _add_spent(sums, view, at, rate)
        _add_growth(sums, view, at, rate)
        _add_present(sums, view)
    return tuple(_sample(at, seen, profile, sums[profile.name], windows, rate) for profile in profiles)


def no_sample(at: float, views: Sequence[View], rate: float) -> MetricsSample:
    """Of targets that expose nothing that any profile knows."""
    return MetricsSample(at=at, window=rate, covered=_covered(at, views, rate), exposed=frozenset())


def _covered(at: float, views: Sequence[View], rate: float) -> float:
    return min(
        (view.plan.rest.history.span(at, rate).covered for view in views if view.plan.runs.history.looks),
        default=0.0,
    )


def _sample(
    at: float,
    seen: Sequence[View],
    profile: Profile,
    sums: FigureSums,
    windows: Sequence[float],
    rate: float,
) -> MetricsSample:
    told = [view for view in seen if profile.name in view.plan.feeds.coverage]
    exposed = frozenset().union(*(view.plan.feeds.coverage[profile.name].exposed for view in told))
    cost = without_unpriced(amounts(sums.cost), profile)
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
        retries=amounts(sums.retries),
        timeouts=amounts(sums.timeouts),
        calls=amounts(sums.calls),
        tokens=settle_tokens(amounts(sums.tokens), profile),
        cost=cost,
        hour_cost=HourCost(
            min((v.plan.spent.history.span(at, HOUR).covered for v in told), default=0.0),
            spent,
            hour_tokens(sums.hour_tokens, profile),
        ),
        profile=profile.name,
        title=profile.title,
        layer=profile.layer,
        replaces=tuple(profile.replaces),
    )


def _run_windows(
    at: float, told: Sequence[View], profile: Profile, sums: FigureSums, windows: Sequence[float]
) -> tuple[RunWindow, ...]:
    own = {
        window
        for signal in profile.signals_of(Concept.RUNS)
        if (window := counted_window(Concept.RUNS, signal)) is not None
    }
    if own and not any(sums.runs):
        # The system counts over a window of its own; nothing is known of any other.
        answered = any(
            view.samples is not None and Concept.RUNS in view.plan.feeds.coverage[profile.name].exposed
            for view in told
        )
        return tuple(
            RunWindow(seconds, seconds, zero_fill(sums.counted.get(seconds, {})))
            for seconds in sorted(own)
            if answered
        )
    return tuple(
        RunWindow(
            seconds, min((v.plan.runs.history.span(at, seconds).covered for v in told), default=0.0), counts
        )
        for seconds, counts in zip(windows, _zero_filled(sums.runs), strict=True)
    )


def _add_runs(sums: Mapping[str, FigureSums], view: View, at: float, windows: Sequence[float]) -> None:
    grouped = view.plan.runs
    bases = [grouped.history.span(at, seconds).base for seconds in windows]
    for group in grouped.groups():
        known = [track for track in group.tracks if track.times]
        key, feed = group.key, group.feed
        if not known or not isinstance(key, RunKey):
            continue
        counts = sums[feed.profile].runs
        grown = [track.growth(bases) for track in known if track.times[-1] > bases[-1]]
        for window, growths in zip(counts, zip(*grown, strict=True), strict=True) if grown else ():
            window[key] = window.get(key, 0.0) + sum(growths) * feed.scale
        if not grown:
            for window in counts:
                window.setdefault(key, 0.0)


def _add_spent(sums: Mapping[str, FigureSums], view: View, at: float, rate: float) -> None:
    grouped = view.plan.spent
    span, hour = grouped.history.span(at, rate), grouped.history.span(at, HOUR)
    for group in grouped.groups():
        delta = _grown(group, span.base) if span.covered else None
        spent = _grown(group, hour.base) if span.covered else None
        key, mine = group.key, sums[group.feed.profile]
        _add_amount(mine, view, grouped, group, delta)
        if spent is None:
            continue
        if isinstance(key, CostKey):
            mine.hour_cost[key] = mine.hour_cost.get(key, 0.0) + spent * group.feed.scale
        elif isinstance(key, TokenKey):
            mine.hour_tokens[key] = mine.hour_tokens.get(key, 0.0) + spent * group.feed.scale


def _add_growth(sums: Mapping[str, FigureSums], view: View, at: float, rate: float) -> None:
    grouped = view.plan.rest
    span = grouped.history.span(at, rate)
    for group in grouped.groups():
        feed = group.feed
        mine = sums[feed.profile]
        if feed.part is Part.COUNTER:
            _add_amount(mine, view, grouped, group, _grown(group, span.base) if span.covered else None)
        elif not span.covered:
            continue
        elif feed.part is Part.SEEN:
            delta = _grown(group, span.base)
            if delta is not None:
                seen, workflow = mine.cut(feed.concept).seen, feed.dims.workflow
                seen[workflow] = seen.get(workflow, 0.0) + delta
        else:
            _add_buckets(mine.cut(feed.concept), group, span.base)


def _add_buckets(cuts: Cuts, group: Group, base: float) -> None:
    grown: dict[float, float] = {}
    for bound, track in zip(group.bounds, group.tracks, strict=True):
        if track.times:
            grown[bound] = grown.get(bound, 0.0) + track.growth_since(base)
    for workflow in {group.feed.dims.workflow, None}:
        bounds = cuts.buckets.get(workflow)
        if bounds is None:
            cuts.buckets[workflow] = dict(grown)
            continue
        for bound, growth in grown.items():
            bounds[bound] = bounds.get(bound, 0.0) + growth


def _grown(group: Group, base: float) -> float | None:
    """None while no member was ever a number."""
    grown = [track.growth_since(base) for track in group.tracks if track.times]
    return sum(grown) if grown else None


def _add_amount(sums: FigureSums, view: View, grouped: Grouped, group: Group, delta: float | None) -> None:
    total = _total(view, grouped, group)
    if delta is not None or total is not None:
        sums.add(group.feed, group.key, delta, total)


def _total(view: View, grouped: Grouped, group: Group) -> float | None:
    """What the counters that are there now have reached; None where none is, or none is a number."""
    if view.samples is None:
        return None
    look, odd = grouped.history.look, grouped.history.not_numbers
    there = [
        track.raw
        for track in group.tracks
        if track.seen == look and track.times and not (odd and track in odd)
    ]
    return sum(there) if there else None


def _add_present(sums: Mapping[str, FigureSums], view: View) -> None:
    samples = view.samples
    if samples is None:
        return
    for series, (feed, bound) in view.plan.present(samples, view.layout):
        value, mine = samples[series], sums[feed.profile]
        if feed.part is Part.LEVEL:
            _add_level(mine, feed, value)
        elif math.isfinite(value):
            given = mine.cut(feed.concept).given.setdefault(feed.dims.workflow, {})
            given.setdefault(bound, []).append(value * feed.scale)


def _add_level(sums: FigureSums, feed: Feed, value: float) -> None:
    agg = feed.signal.agg
    if agg == "count":
        value = 1.0
    elif not math.isfinite(value):
        return
    if feed.concept in _AMOUNTS:
        sums.add(feed, figure_key(feed), None, value)
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


def _level(sums: FigureSums, concept: Concept) -> dict[str | None, float]:
    levels = sums.levels.get(concept, {})
    if concept not in NEVER_NEGATIVE:
        return levels
    return {workflow: max(0.0, value) for workflow, value in levels.items()}


def _spaces(sums: FigureSums) -> dict[str | None, Space]:
    mounts: Iterable[str | None] = dict.fromkeys(mount for mount, _ in sums.storage)
    return {
        mount: Space(sums.storage.get((mount, "size")), sums.storage.get((mount, "free"))) for mount in mounts
    }


def _quantiles(sums: FigureSums, concept: Concept) -> dict[str | None, Quantiles]:
    return sums.cuts[concept].quantiles() if concept in sums.cuts else {}
