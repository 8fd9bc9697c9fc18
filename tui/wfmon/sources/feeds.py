"""Which exposed series feeds which figure, under the profiles that fit."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum, auto

from wfmon.model.metrics import Concept, CostKey, RunKey, TokenKey
from wfmon.model.record import dataclass
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import Canon, Dims, kept_dims
from wfmon.sources.exposition import Series
from wfmon.sources.matchers import Matcher, accepts_all, parse_matchers
from wfmon.sources.profile import Profile, Signal, first_exposed

COUNTED = (Concept.RUNS, Concept.RETRIES, Concept.CALLS, Concept.TOKENS, Concept.COST)
LEVELS = (Concept.ACTIVE, Concept.QUEUE, Concept.MEMORY)
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
)
_SUMMED = (Concept.TOKENS, Concept.COST)


SumKey = RunKey | TokenKey | CostKey


class Part(Enum):
    """What a sample is to its concept."""

    COUNTER = auto()
    LEVEL = auto()
    BUCKET = auto()
    QUANTILE = auto()


@dataclass(frozen=True, slots=True)
class Feed:
    """One figure that one series contributes to. ``bound``: of a bucket, or the quantile (0..1).

    ``sum_key``: where its growth is summed up over time; None where it is not.
    """

    concept: Concept
    part: Part
    dims: Dims
    scale: float
    agg: str
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
    """The sample names of ``metric`` that say ``concept``, whatever type it will turn out to have."""
    if concept in LEVELS:
        return {metric: Part.LEVEL}
    if concept is Concept.DURATION:
        return {f"{metric}_bucket": Part.BUCKET, metric: Part.QUANTILE}
    if concept not in COUNTED:
        return {}
    field = signal.field or ("sum" if concept in _SUMMED else "count")
    inside = {f"{metric}_{field}": Part.COUNTER}
    if signal.type in ("histogram", "summary", "timer"):
        return inside
    return {metric: Part.COUNTER} if signal.type == "counter" else {metric: Part.COUNTER, **inside}


def wanted_names(profiles: Iterable[Profile]) -> frozenset[str]:
    """Every sample name that any of ``profiles`` could use, for figures, detection and joins."""
    names: set[str] = set()
    for profile in profiles:
        for entry in profile.detect:
            for name in [entry] if isinstance(entry, str) else entry:
                names.update((name, f"{name}_count"))
        names.update(table["metric"] for table in profile.names.values())
        for concept in CONCEPTS:
            for signal in profile.signals_of(concept):
                for metric in signal.metrics:
                    names.update(sample_parts(concept, signal, metric), (f"{metric}_count",))
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class CounterNames:
    """Sample names that count runs, cost, and anything else (buckets included); one may count several."""

    runs: frozenset[str]
    cost: frozenset[str]
    rest: frozenset[str]


def counter_names(profiles: Iterable[Profile]) -> CounterNames:
    found: dict[Concept, set[str]] = {}
    for profile in profiles:
        for concept in CONCEPTS:
            for signal in profile.signals_of(concept):
                for metric in signal.metrics:
                    for name, part in sample_parts(concept, signal, metric).items():
                        if part in (Part.COUNTER, Part.BUCKET):
                            found.setdefault(concept, set()).add(name)
    runs, cost = found.pop(Concept.RUNS, set()), found.pop(Concept.COST, set())
    return CounterNames(frozenset(runs), frozenset(cost), frozenset().union(*found.values()))


def summed_names(profiles: Iterable[Profile]) -> frozenset[str]:
    """Sample names of what is summed up over time: runs, tokens and cost."""
    return frozenset(
        name
        for profile in profiles
        for concept in (Concept.RUNS, *_SUMMED)
        for signal in profile.signals_of(concept)
        for metric in signal.metrics
        for name in sample_parts(concept, signal, metric)
    )


class Feeds:
    """The feeds of each series, for the names that are exposed now.

    A concept is taken from the first profile that has it: one figure, one source.
    ``joined``: profile name -> dim -> id -> name.
    """

    def __init__(
        self,
        profiles: Sequence[Profile],
        names: Collection[str],
        joined: Mapping[str, Mapping[str, Mapping[str, str]]],
    ) -> None:
        self._joined = joined
        self._known: dict[Series, tuple[Feed, ...]] = {}
        self._shared: dict[Dims, Dims] = {}
        self._by_name: dict[str, list[_Origin]] = {}
        self._dims_seen: dict[Concept, set[str]] = {}
        self._kept: dict[Concept, set[str]] = {}
        self._not_there: list[str] = []
        self.owners: dict[Concept, Profile] = {}
        canons = {profile.name: Canon(profile) for profile in profiles}
        for concept in CONCEPTS:
            for profile in profiles:
                self._add(concept, profile, canons[profile.name], names)

    @property
    def exposed(self) -> frozenset[Concept]:
        return frozenset(self.owners)

    def of(self, series: Series) -> tuple[Feed, ...]:
        feeds = self._known.get(series)
        if feeds is None:
            feeds = self._known[series] = tuple(self._new(series))
        return feeds

    def missing(self) -> list[str]:
        """In words: what no series says, and which labels nobody exposes. Ask after the figures."""
        words = list(self._not_there)
        for concept, seen in self._dims_seen.items():
            words.extend(
                f"{concept.value} by {'direction' if dim == 'kind' else dim}: label not exposed"
                for dim in ("workflow", "status", "model", "kind")
                if dim in self._kept[concept]
                and dim not in seen
                and (dim != "status" or concept is Concept.RUNS)
            )
        return words

    def _add(self, concept: Concept, profile: Profile, canon: Canon, names: Collection[str]) -> None:
        signals = profile.signals_of(concept)
        chosen = [(signal, first_exposed(signal, names)) for signal in signals if signal.expr is None]
        exposed = [(signal, metric) for signal, metric in chosen if metric is not None]
        owner = self.owners.get(concept)
        if any(signal.expr is not None for signal in signals):
            self._not_there.append(
                f"{concept.value}: {profile.name} has a PromQL expression, not for scraping"
            )
        if signals and not exposed and owner is None:
            self._not_there.append(f"{concept.value}: not exposed by {profile.name}")
        if not exposed:
            return
        if owner is not None:
            self._not_there.append(f"{concept.value} of {profile.name}: left out, taken from {owner.name}")
            return
        self.owners[concept] = profile
        for signal, metric in exposed:
            matchers = parse_matchers(signal.match)
            parts = sample_parts(concept, signal, metric)
            if metric in names and parts.get(metric) is Part.COUNTER:
                parts = {metric: Part.COUNTER}
            for name, part in parts.items():
                self._by_name.setdefault(name, []).append(
                    _Origin(concept, part, signal, matchers, canon, profile.name)
                )
            if concept is Concept.DURATION and not any(name in names for name in parts):
                self._not_there.append("duration quantiles: no buckets exposed")

    def _new(self, series: Series) -> Iterable[Feed]:
        for origin in self._by_name.get(series.name, ()):
            if not accepts_all(origin.matchers, series.labels):
                continue
            bound = _bound(series, origin.part)
            if bound is None:
                continue
            dims = origin.canon.dims(
                origin.concept, origin.signal, series.labels, self._joined.get(origin.profile)
            )
            dims = self._shared.setdefault(dims, dims)  # buckets of one histogram have the same
            self._note(origin, dims)
            key = sum_key(origin.concept, dims) if origin.part is Part.COUNTER else None
            signal = origin.signal
            yield Feed(origin.concept, origin.part, dims, signal.scale, signal.agg, bound, key)

    def _note(self, origin: _Origin, dims: Dims) -> None:
        seen = self._dims_seen.setdefault(origin.concept, set())
        self._kept.setdefault(origin.concept, set()).update(kept_dims(origin.concept, origin.signal))
        for dim, there in (
            ("workflow", dims.workflow is not None),
            ("status", dims.status is not None),
            ("model", dims.model is not None),
            ("kind", dims.kind_exposed),
        ):
            if there:
                seen.add(dim)


@dataclass(frozen=True, slots=True)
class _Origin:
    concept: Concept
    part: Part
    signal: Signal
    matchers: tuple[Matcher, ...]
    canon: Canon
    profile: str


def _bound(series: Series, part: Part) -> float | None:
    """Of a bucket or a quantile; NaN where there is none to have, None where it cannot be read."""
    if part in (Part.COUNTER, Part.LEVEL):
        return math.nan
    try:
        return float(series.labels["le" if part is Part.BUCKET else "quantile"])
    except (KeyError, ValueError):
        return None
