"""Which exposed series feeds which figure of which profile."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import Enum, auto
from operator import itemgetter

from wfmon.model.metrics import Concept, CostKey, RunKey, TokenKey
from wfmon.model.record import dataclass
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import COUNTED, TIMED, Canon, Dims, is_level, kept_dims, quantiles_of
from wfmon.sources.coverage import Coverage
from wfmon.sources.matchers import Matcher, accepts_all, parse_matchers
from wfmon.sources.profile import Profile, Signal, exposes, first_exposed
from wfmon.sources.series import Series
from wfmon.sources.targetlabels import TARGET, TargetLabels

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
MAX_JUDGED = 50_000  # of one signal, that are remembered; labels with run ids in them are without end
# Counters of amounts, which are told by the hour too.
SPENT = (Concept.TOKENS, Concept.COST)


SumKey = RunKey | TokenKey | CostKey


class Part(Enum):
    """What a sample is to its concept. ``SEEN`` is a count of observations that have no buckets."""

    COUNTER = auto()
    LEVEL = auto()
    BUCKET = auto()
    QUANTILE = auto()
    SEEN = auto()


GROWING = (Part.COUNTER, Part.BUCKET, Part.SEEN)
_BOUND = (Part.BUCKET, Part.QUANTILE)


@dataclass(slots=True, eq=False)
class Feed:
    """One figure that series contribute to; the same object for all of them that mean the same. Not changed.

    ``profile`` is the name of the one that says so. ``scale`` is of values, unless they are numbers of
    observations. ``sum_key``: where its growth is summed up over time; None where it is not.
    """

    profile: str
    concept: Concept
    part: Part
    dims: Dims
    signal: Signal
    scale: float
    sum_key: SumKey | None = None


# With the bound of a bucket, in the unit of the concept; with the quantile (0.5 or 0.95) that a quantile is
# shown as; NaN of anything else.
Placed = tuple[Feed, float]


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
    field = signal.field or ("sum" if concept in SPENT else "count")
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
                        self.coverage[profile.name].exposed.add(concept)
                        self._add(profile, concept, index, metric, canon, names)
                    elif any(exposes(names, each) for each in signal.metrics):
                        continue  # beside what this target exposes it is not to be looked at
                    elif (metric := first_exposed(signal, everywhere)) is not None:
                        self._add(profile, concept, index, metric, canon, everywhere)

    @property
    def present_names(self) -> frozenset[str]:
        """Names whose present values are figures by themselves, not only as what a counter has reached."""
        return frozenset(
            name
            for name, origins in self._by_name.items()
            if any(origin.part in (Part.LEVEL, Part.QUANTILE) for origin in origins)
        )

    def read(self) -> Iterator[tuple[str, Concept, Part, Signal]]:
        """Each sample name that is read: for which concept, as what, by which signal."""
        for name, origins in self._by_name.items():
            for origin in origins:
                yield name, origin.concept, origin.part, origin.signal

    def of(self, series: Series) -> list[Placed]:
        placed: list[Placed] = []
        for origin in self._by_name.get(series.name, ()):
            feed = origin.feed_of(series, self._new)
            if feed is None:
                continue
            if origin.part in _BOUND:
                placed += [(feed, bound) for bound in self._bounds(origin, series)]
            else:
                placed.append((feed, math.nan))
        return placed

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
        labels = {*canon.raw_labels(kept_dims(concept, signal)), "quantile"}
        matchers = parse_matchers(signal.match)
        labels.update(matcher.label for matcher in matchers)
        if profile.name in self._labels:
            labels.update(TARGET)
        unit = signal.scale_of(metric)
        for name, part in parts_there(concept, signal, metric, names).items():
            origin = _Origin(profile, concept, part, signal, index, unit, matchers, canon, labels)
            self._by_name.setdefault(name, []).append(origin)

    def _new(self, origin: _Origin, labels: Mapping[str, str]) -> Feed | None:
        if not accepts_all(origin.matchers, labels):
            return None
        if origin.part is Part.COUNTER and "quantile" in labels:
            return None
        name = origin.profile.name
        told = self._labels[name].added(labels) if name in self._labels else labels
        dims = origin.canon.dims(origin.concept, origin.signal, told, self._joined.get(name))
        self.coverage[name].note(origin.concept, origin.signal, dims, cut=origin.part is not Part.SEEN)
        key = sum_key(origin.concept, dims) if origin.part is Part.COUNTER else None
        return Feed(name, origin.concept, origin.part, dims, origin.signal, origin.unit, key)

    def _bounds(self, origin: _Origin, series: Series) -> Sequence[float]:
        """Of a bucket its bound, of a quantile what it is shown as; none where that cannot be read."""
        if origin.part is Part.BUCKET:
            text = series.label("le")
            bounds = origin.bounds.get(text)
            if bounds is None:
                bound = _number(text)
                bounds = origin.bounds[text] = () if bound is None else (bound * origin.unit,)
            return bounds
        shown = quantiles_of(origin.signal)
        if origin.signal.type == "gauge":
            return [_SHOWN[name] for name in shown]
        there = _number(series.label("quantile"))
        if there is None:
            return ()
        place = (origin.concept, origin.index)
        self.coverage[origin.profile.name].quantiles.setdefault(place, set()).add(there)
        return [_SHOWN[name] for name, quantile in shown.items() if quantile == there]


_SHOWN = {"p50": 0.5, "p95": 0.95}


class _Origin:
    """Where series of one name go for one signal, whose values (or bounds of buckets) are in ``unit``. Of
    series that are equal in ``labels`` only the first is judged."""

    def __init__(
        self,
        profile: Profile,
        concept: Concept,
        part: Part,
        signal: Signal,
        index: int,
        unit: float,
        matchers: tuple[Matcher, ...],
        canon: Canon,
        labels: Collection[str],
    ) -> None:
        self.profile = profile
        self.concept = concept
        self.part = part
        self.signal = signal
        self.index = index
        self.unit = unit
        self.matchers = matchers
        self.canon = canon
        self._labels = frozenset(labels)
        self.bounds: dict[str | None, tuple[float, ...]] = {}
        # By the names of a series' labels: how those that matter are picked, and what was judged.
        self._forms: dict[tuple[str, ...], _Form] = {}
        self._last: _Form | None = None

    def feed_of(
        self, series: Series, new: Callable[[_Origin, Mapping[str, str]], Feed | None]
    ) -> Feed | None:
        form = self._last
        if form is None or form.names is not series.label_names:
            form = self._forms.get(series.label_names)
            if form is None:
                form = self._forms[series.label_names] = _Form(series.label_names, self._labels)
            self._last = form
        key, judged = form.pick(series.label_values), form.judged
        if key in judged:
            return judged[key]
        if len(judged) >= MAX_JUDGED:
            judged.clear()
        feed = judged[key] = new(self, dict(zip(form.picked, key, strict=True)))
        return feed


class _Form:
    """How the values of the labels that matter (``picked``) are got from those of ``names``."""

    __slots__ = ("judged", "names", "pick", "picked")

    def __init__(self, names: tuple[str, ...], matter: Collection[str]) -> None:
        places = [index for index, name in enumerate(names) if name in matter]
        self.names = names
        self.picked = [names[place] for place in places]
        self.pick: Callable[[tuple[str, ...]], tuple[str, ...]] = (
            itemgetter(*places)
            if len(places) > 1
            else lambda values: tuple([values[place] for place in places])
        )
        self.judged: dict[tuple[str, ...], Feed | None] = {}


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
