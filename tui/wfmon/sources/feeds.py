"""Which exposed series feeds which figure of which profile."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, auto

from wfmon.model.metrics import Concept, CostKey, RunKey, TokenKey
from wfmon.model.record import dataclass
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import COUNTED, TIMED, Canon, Dims, is_level, quantiles_of
from wfmon.sources.coverage import Coverage
from wfmon.sources.exposition import Series
from wfmon.sources.matchers import Matcher, accepts_all, parse_matchers
from wfmon.sources.profile import Profile, Signal, first_exposed
from wfmon.sources.targetlabels import TARGET_INFO, TargetLabels

# What a scrape answers, in the order in which the sources screen names it.
CONCEPTS = (
    Concept.RUNS,
    Concept.ACTIVE,
    Concept.TOKENS,
    Concept.DURATION,
    Concept.COST,
    Concept.RETRIES,
    Concept.CALLS,
    Concept.QUEUE,
    Concept.MEMORY,
    Concept.WAIT,
    Concept.TIMEOUTS,
    Concept.BUDGET,
    Concept.STORAGE,
)
MAX_KNOWN = 200_000  # series whose feeds are remembered; labels with run ids in them are without end
_SUMMED = (Concept.TOKENS, Concept.COST)


SumKey = RunKey | TokenKey | CostKey


class Part(Enum):
    """What a sample is to its concept. ``SEEN`` is a count of observations that have no buckets."""

    COUNTER = auto()
    LEVEL = auto()
    BUCKET = auto()
    QUANTILE = auto()
    SEEN = auto()


_GROWING = (Part.COUNTER, Part.BUCKET, Part.SEEN)


@dataclass(frozen=True, slots=True)
class Feed:
    """One figure that one series contributes to. ``bound``: of a bucket, in the unit of the concept; of a
    quantile 0.5 or 0.95, which it is shown as. ``profile`` is the name of the one that says so.

    ``scale`` is of values, and 1 where they are numbers of observations. ``sum_key``: where its growth is
    summed up over time; None where it is not.
    """

    profile: str
    concept: Concept
    part: Part
    dims: Dims
    signal: Signal
    scale: float
    bound: float = math.nan
    sum_key: SumKey | None = None


def sum_key(concept: Concept, dims: Dims) -> SumKey | None:
    """A counter of starts is not one of finished runs."""
    if concept is Concept.TOKENS:
        return dims.token_key
    if concept is Concept.COST:
        return dims.cost_key
    return dims.run_key if concept is Concept.RUNS and dims.status is not RunStatus.RUNNING else None


def sample_parts(concept: Concept, signal: Signal, metric: str) -> dict[str, Part]:
    """The sample names of ``metric`` that may say ``concept``, whatever type it will turn out to have."""
    if is_level(concept, signal):
        return {metric: Part.LEVEL}
    if concept in TIMED:
        if signal.type == "gauge":
            return {metric: Part.QUANTILE}
        if signal.type == "timer":
            return {f"{metric}_count": Part.SEEN}
        return {f"{metric}_bucket": Part.BUCKET, metric: Part.QUANTILE, f"{metric}_count": Part.SEEN}
    if concept not in COUNTED:
        return {}
    field = signal.field or ("sum" if concept in _SUMMED else "count")
    inside = {f"{metric}_{field}": Part.COUNTER}
    if signal.type in ("histogram", "summary", "timer") or signal.field is not None:
        return inside
    return {metric: Part.COUNTER} if signal.type == "counter" else {metric: Part.COUNTER, **inside}


def parts_there(concept: Concept, signal: Signal, metric: str, names: Collection[str]) -> dict[str, Part]:
    """Those of ``sample_parts`` that are read where ``names`` are exposed, so that nothing is read twice."""
    parts = sample_parts(concept, signal, metric)
    if parts.get(metric) is Part.COUNTER and metric in names:
        return {metric: Part.COUNTER}
    if f"{metric}_bucket" in names and Part.BUCKET in parts.values():
        return {f"{metric}_bucket": Part.BUCKET}
    return parts


def _profile_names(profile: Profile) -> Iterable[str]:
    for entry in profile.detect:
        for name in [entry] if isinstance(entry, str) else entry:
            yield from (name, f"{name}_count")
    if profile.target_labels:
        yield TARGET_INFO
    yield from (table["metric"] for table in profile.names.values())
    for concept in CONCEPTS:
        for signal in profile.signals_of(concept):
            for metric in signal.metrics:
                yield from (*sample_parts(concept, signal, metric), f"{metric}_count")
            for metric in (*signal.needs, *signal.unless):
                yield from (metric, f"{metric}_count")


def wanted_names(profiles: Iterable[Profile]) -> frozenset[str]:
    """Every sample name that any of ``profiles`` could use, for figures, detection and joins."""
    return frozenset(name for profile in profiles for name in _profile_names(profile))


def joined_names(profiles: Iterable[Profile]) -> frozenset[str]:
    """Those whose labels are read with the series of others."""
    names = {table["metric"] for profile in profiles for table in profile.names.values()}
    return frozenset(names | {TARGET_INFO for profile in profiles if profile.target_labels})


def used_names(profiles: Collection[Profile], names: Collection[str]) -> frozenset[str]:
    """Those of the exposed ``names`` of which the figures of ``profiles`` need the samples."""
    used = set(joined_names(profiles))
    for profile in profiles:
        for concept in CONCEPTS:
            for signal in profile.signals_of(concept):
                metric = first_exposed(signal, names)
                if metric is not None and signal.expr is None:
                    used.update(parts_there(concept, signal, metric, names))
    return frozenset(used.intersection(names))


@dataclass(frozen=True, slots=True)
class CounterNames:
    """Sample names that count runs, cost, and anything else (buckets included); one may count several.

    ``always``: those that begin at 0 together with their target.
    """

    runs: frozenset[str]
    cost: frozenset[str]
    rest: frozenset[str]
    always: frozenset[str]


def counter_names(profiles: Iterable[Profile]) -> CounterNames:
    found: dict[Concept, set[str]] = {}
    always: set[str] = set()
    for profile in profiles:
        for concept in CONCEPTS:
            for signal in profile.signals_of(concept):
                for metric in signal.metrics:
                    for name, part in sample_parts(concept, signal, metric).items():
                        if part in _GROWING:
                            found.setdefault(concept, set()).add(name)
                            always.update((name,) if signal.lazy == "always" else ())
    runs, cost = found.pop(Concept.RUNS, set()), found.pop(Concept.COST, set())
    return CounterNames(
        frozenset(runs), frozenset(cost), frozenset().union(*found.values()), frozenset(always)
    )


def summed_names(profiles: Iterable[Profile]) -> frozenset[str]:
    """Sample names of what is summed up over time: runs, tokens and cost."""
    return frozenset(
        name
        for profile in profiles
        for concept in (Concept.RUNS, *_SUMMED)
        for signal in profile.signals_of(concept)
        for metric in signal.metrics
        for name, part in sample_parts(concept, signal, metric).items()
        if part is Part.COUNTER
    )


class Feeds:
    """The feeds of each series of one target, for the ``names`` that it exposes now.

    ``profiles`` are all used; figures of two of them never meet. ``joined``: profile name -> dim -> id ->
    name. ``labels``: profile name -> labels of the target. ``elsewhere``: what other targets expose; they
    say which alternative is meant where this one exposes none.
    """

    def __init__(
        self,
        profiles: Sequence[Profile],
        names: Collection[str],
        joined: Mapping[str, Mapping[str, Mapping[str, str]]],
        labels: Mapping[str, TargetLabels] | None = None,
        elsewhere: Collection[str] = (),
    ) -> None:
        self._joined = joined
        self._labels = labels or {}
        self._known: dict[Series, tuple[Feed, ...]] = {}
        self._shared: dict[Dims, Dims] = {}
        self._by_name: dict[str, list[_Origin]] = {}
        self.coverage = {profile.name: Coverage(profile) for profile in profiles}
        everywhere = frozenset(names).union(elsewhere)
        for profile in profiles:
            canon = Canon(profile)
            for concept in CONCEPTS:
                for index, signal in enumerate(profile.signals_of(concept)):
                    if signal.expr is not None:
                        continue
                    metric = first_exposed(signal, names)
                    if metric is not None:
                        self._add(profile, concept, index, metric, canon, names)
                    elif (metric := first_exposed(signal, everywhere)) is not None:
                        self._add(profile, concept, index, metric, canon, everywhere)

    def of(self, series: Series) -> tuple[Feed, ...]:
        feeds = self._known.get(series)
        if feeds is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            feeds = self._known[series] = tuple(self._new(series))
        return feeds

    def _add(
        self,
        profile: Profile,
        concept: Concept,
        index: int,
        metric: str,
        canon: Canon,
        names: Collection[str],
    ) -> None:
        signal = profile.signals_of(concept)[index]
        coverage = self.coverage[profile.name]
        coverage.exposed.add(concept)
        parts = parts_there(concept, signal, metric, names)
        matchers = parse_matchers(signal.match)
        for name, part in parts.items():
            scale = 1.0 if part in (Part.BUCKET, Part.SEEN) else signal.scale_of(metric)
            origin = _Origin(
                concept, part, signal, index, scale, signal.scale_of(metric), matchers, canon, profile
            )
            self._by_name.setdefault(name, []).append(origin)

    def _new(self, series: Series) -> Iterable[Feed]:
        origins = self._by_name.get(series.name, ())
        labels = series.labels if origins else {}
        for origin in origins:
            if not accepts_all(origin.matchers, labels):
                continue
            bounds = list(self._bounds(origin, labels))
            if not bounds:
                continue
            name = origin.profile.name
            told = self._labels[name].added(labels) if name in self._labels else labels
            dims = origin.canon.dims(origin.concept, origin.signal, told, self._joined.get(name))
            dims = self._shared.setdefault(dims, dims)  # buckets of one histogram have the same
            self.coverage[name].note(origin.concept, origin.signal, dims, cut=origin.part is not Part.SEEN)
            key = sum_key(origin.concept, dims) if origin.part is Part.COUNTER else None
            for bound in bounds:
                yield Feed(name, origin.concept, origin.part, dims, origin.signal, origin.scale, bound, key)

    def _bounds(self, origin: _Origin, labels: Mapping[str, str]) -> Iterable[float]:
        """Of a bucket its bound, of a quantile what it is shown as; none where that cannot be read."""
        part, signal = origin.part, origin.signal
        if part is Part.BUCKET:
            bound = _number(labels.get("le"))
            return () if bound is None else (bound * origin.unit,)
        if part is not Part.QUANTILE:
            return () if part is Part.COUNTER and "quantile" in labels else (math.nan,)
        shown = quantiles_of(signal)
        if signal.type == "gauge":
            return [_SHOWN[name] for name in shown]
        there = _number(labels.get("quantile"))
        if there is None:
            return ()
        place = (origin.concept, origin.index)
        self.coverage[origin.profile.name].quantiles.setdefault(place, set()).add(there)
        return [_SHOWN[name] for name, quantile in shown.items() if quantile == there]


_SHOWN = {"p50": 0.5, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class _Origin:
    """``scale`` is of values, ``unit`` of what they measure (bounds of buckets)."""

    concept: Concept
    part: Part
    signal: Signal
    index: int
    scale: float
    unit: float
    matchers: tuple[Matcher, ...]
    canon: Canon
    profile: Profile


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
