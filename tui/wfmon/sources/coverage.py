"""What a profile found in the series that are there, to be told in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wfmon.model.metrics import Concept, MetricsSample
from wfmon.model.record import dataclass, field
from wfmon.sources.canonical import COUNTED, TIMED, Dims, kept_dims, unpriced_models
from wfmon.sources.missing import (
    never_exposed,
    no_label,
    no_quantiles,
    not_exposed,
    other_quantiles,
    unpriced,
)
from wfmon.sources.profile import Profile, Signal

_TOLD_DIMS = ("workflow", "status", "model", "kind")


@dataclass(slots=True)
class Coverage:
    """``exposed``: concepts that have a metric. ``seen``: dims of which a series had a label, of those
    ``kept``. ``cut`` and ``uncut``: concepts that have series with and without buckets or quantiles;
    ``quantiles``: those of summaries, by the place of their signal."""

    profile: Profile
    exposed: set[Concept] = field(default_factory=set)
    kept: dict[Concept, set[str]] = field(default_factory=dict)
    seen: dict[Concept, set[str]] = field(default_factory=dict)
    cut: set[Concept] = field(default_factory=set)
    uncut: set[Concept] = field(default_factory=set)
    quantiles: dict[tuple[Concept, int], set[float]] = field(default_factory=dict)
    _noted: set[tuple[Concept, int, bool, tuple[bool, ...]]] = field(default_factory=set)

    def note(self, concept: Concept, signal: Signal, dims: Dims, *, cut: bool) -> None:
        said = (dims.workflow is not None, dims.status is not None, dims.model is not None, dims.kind_exposed)
        noted = (concept, id(signal), cut, said)
        if noted in self._noted:
            return
        self._noted.add(noted)
        (self.cut if cut else self.uncut).add(concept)
        self.kept.setdefault(concept, set()).update(kept_dims(concept, signal))
        self.seen.setdefault(concept, set()).update(
            dim for dim, there in zip(_TOLD_DIMS, said, strict=True) if there
        )


def merged(parts: Iterable[Coverage]) -> dict[str, Coverage]:
    """Of several targets, by profile."""
    found: dict[str, Coverage] = {}
    for part in parts:
        whole = found.setdefault(part.profile.name, Coverage(part.profile))
        whole.exposed |= part.exposed
        whole.cut |= part.cut
        whole.uncut |= part.uncut
        for mine, other in ((whole.kept, part.kept), (whole.seen, part.seen)):
            for concept, dims in other.items():
                mine.setdefault(concept, set()).update(dims)
        for place, there in part.quantiles.items():
            whole.quantiles.setdefault(place, set()).update(there)
    return found


def missing_words(covered: Mapping[str, Coverage], samples: Iterable[MetricsSample]) -> list[str]:
    """Of every profile in use: what is not there, and of what is there, what it does not say."""
    alone = len(covered) == 1
    words: list[str] = []
    for sample in samples:
        coverage = covered.get(sample.profile)
        if coverage is not None:
            words += [*_not_there(coverage), *_not_said(coverage, sample, alone)]
    return words


def _not_there(coverage: Coverage) -> Iterable[str]:
    profile = coverage.profile
    for concept in Concept:
        signals = profile.signals_of(concept)
        if any(signal.expr is not None for signal in signals):
            yield f"{concept.value}: {profile.name} has a PromQL expression, not for scraping"
        if signals and concept not in coverage.exposed:
            yield not_exposed(profile, concept)
    yield from never_exposed(profile)


def _not_said(coverage: Coverage, sample: MetricsSample, alone: bool) -> Iterable[str]:
    profile = coverage.profile
    for concept in TIMED:
        if concept in coverage.uncut - coverage.cut:
            yield no_quantiles(profile, concept, alone=alone)
    for (concept, index), there in coverage.quantiles.items():
        signal = profile.signals_of(concept)[index]
        words = other_quantiles(profile, concept, signal, there, alone=alone)
        if words is not None:
            yield words
    for concept, seen in coverage.seen.items():
        for dim in _TOLD_DIMS:
            if (
                dim not in coverage.kept[concept]
                or dim in seen
                or (concept not in COUNTED and dim != "workflow")
            ):
                continue
            if dim != "status" or concept is Concept.RUNS:
                yield no_label(profile, concept, dim, alone=alone)
    words = unpriced(profile, unpriced_models(sample.tokens, sample.cost), alone=alone)
    if words is not None:
        yield words
