"""Whose figures make up the totals where several systems tell of the same work, and what is left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from wfmon.analysis.observed import ObservedMetrics, ObservedRuns
from wfmon.model.layers import Layer, Part, counted_by_concept
from wfmon.model.metrics import Concept
from wfmon.model.record import dataclass

LOGS = "logs"  # the name that runs in logs have among the profiles

# What is summed up, in the order in which it is named.
SUMMED = (
    Concept.RUNS,
    Concept.ACTIVE,
    Concept.QUEUE,
    Concept.DURATION,
    Concept.RETRIES,
    Concept.CALLS,
    Concept.TOKENS,
    Concept.COST,
)


@dataclass(frozen=True, slots=True)
class Counting:
    """``counted``: by concept the profiles whose figures are added up; None: all of them. ``several``:
    concepts that more than one system tells; ``named``: those in which a figure that is not split by workflow
    stands under the name of its system; ``systems``: whether more than one tells of work at all."""

    counted: Mapping[Concept, frozenset[str]] | None = None
    several: frozenset[Concept] = frozenset()
    named: frozenset[Concept] = frozenset()
    systems: bool = False

    def counts(self, concept: Concept, profile: str) -> bool:
        return self.counted is None or profile in self.counted.get(concept, ())

    def only(self, concept: Concept, profile: str) -> bool:
        """Whether what ``profile`` tells of all its work is the whole."""
        if self.counted is None:
            return concept not in self.several
        return self.counted.get(concept) in (frozenset({profile}), frozenset({profile, LOGS}))


EVERYTHING = Counting()


def counting_of(
    metrics: Sequence[ObservedMetrics], logs: Sequence[ObservedRuns], totals: Sequence[str] = ()
) -> Counting:
    """``totals``: as ``[profiles] totals``. Profiles of several sources are one: which of those sources a
    workflow's figure is of is another question."""
    told: dict[Part, set[Concept]] = {}
    for part in metrics:
        told.setdefault(Part(part.profile, part.layer), set()).update(part.told)
    several = frozenset(concept for concept in Concept if len(_telling(told, concept)) > 1)
    systems = len({part.profile for part, concepts in told.items() if concepts.intersection(SUMMED)}) > 1
    replaced = _replaced(metrics)
    if not totals and not replaced and all(part.layer is Layer.ENGINE for part in told):
        named = several | (_all(told) if systems else _unseen(metrics, logs))
        return Counting(None, several, named, systems) if systems or named else EVERYTHING
    logged = logged_concepts(logs)
    everyone: dict[Part, Collection[Concept]] = {**told}
    if logged:
        everyone[Part(LOGS, Layer.ENGINE)] = logged
    counted = {
        concept: names if names & set(totals) else names - replaced.get(concept, set())
        for concept, names in counted_by_concept(everyone, totals).items()
    }
    beside = {
        concept
        for concept in logged
        if _telling(told, concept) and not _telling(told, concept) | {LOGS} <= counted[concept]
    }
    named = several | beside | (_all(told) if systems else _unseen(metrics, logs))
    if all(_telling(everyone, concept) <= counted.get(concept, frozenset()) for concept in SUMMED):
        return Counting(None, several, named, systems)
    return Counting(counted, several, named, systems or bool(beside))


def _replaced(metrics: Sequence[ObservedMetrics]) -> dict[Concept, set[str]]:
    """Profiles of which the same is told by one that replaces them, in whatever source: a source itself
    chooses among its own only."""
    names = {part.profile for part in metrics}
    replaced: dict[Concept, set[str]] = {}
    for part in metrics:
        for concept in part.told if names.intersection(part.replaces) else ():
            replaced.setdefault(concept, set()).update(part.replaces)
    return replaced


def _telling(told: Mapping[Part, Collection[Concept]], concept: Concept) -> set[str]:
    return {part.profile for part, concepts in told.items() if concept in concepts}


def _all(told: Mapping[Part, Collection[Concept]]) -> set[Concept]:
    return {concept for concepts in told.values() for concept in concepts}


def _unseen(metrics: Sequence[ObservedMetrics], logs: Sequence[ObservedRuns]) -> set[Concept]:
    """What a system tells that splits no run by workflow, where no log does either: it would have no row,
    and no rule would see it fail."""
    if any(source.indexes for source in logs):
        return set()
    return {
        concept for part in metrics if part.title and part.ladders.keys() == {None} for concept in part.told
    }


def logged_concepts(logs: Sequence[ObservedRuns]) -> frozenset[Concept]:
    """What runs in logs tell anything of."""
    return frozenset(
        concept for source in logs for index in source.indexes.values() for concept in index.concepts
    )


def left_out(
    metrics: Sequence[ObservedMetrics], logs: Sequence[ObservedRuns], counting: Counting
) -> dict[str, tuple[str, ...]]:
    """By source, in words, what is in rows but in no total, and what is not shown at all."""
    told = [(part.source, part.profile, part.system, part.told) for part in metrics]
    if counting.counted is not None:
        told += [(source.source, LOGS, "runs in logs", logged_concepts((source,))) for source in logs]
    words: dict[str, tuple[str, ...]] = {}
    for source, profile, system, concepts in told:
        said = words.get(source, ())
        apart = _apart(concepts, profile, counting)
        if apart:
            text = f"{', '.join(apart)} of {system}: in its own rows, not in the totals ([profiles] totals)"
            said = (*said, text)
        if Concept.STORAGE in concepts:
            said = (*said, f"storage of {system}: not shown, only what this host sees itself is")
        if said:
            words[source] = said
    return words


def _apart(concepts: Collection[Concept], profile: str, counting: Counting) -> list[str]:
    if counting.counted is None:
        return []
    return [
        concept.value for concept in SUMMED if concept in concepts and not counting.counts(concept, profile)
    ]
