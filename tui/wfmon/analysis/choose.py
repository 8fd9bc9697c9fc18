"""One figure, one source: which source answers for which figure (design, "What a source can be")."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from wfmon.analysis.counting import EVERYTHING, LOGS, Counting
from wfmon.analysis.observed import HourOf, ObservedMetrics, Teller
from wfmon.model.metrics import Amount, CallKey, Concept, CostKey, Quantiles, TokenKey
from wfmon.model.record import dataclass, field, replace
from wfmon.model.snapshot import LadderStep

Value = TypeVar("Value")
Hours = Mapping[tuple[Teller, str | None], HourOf]  # by part and workflow (None: not split)


@dataclass(frozen=True, slots=True)
class Claim(Generic[Value]):
    """A figure and the part it is from. ``rest``: the part does not split it by workflow, so it stands
    under the name of the system."""

    part: ObservedMetrics
    value: Value
    rest: bool = False

    @property
    def source(self) -> str:
        return self.part.source

    @property
    def at(self) -> float:
        return self.part.at

    @property
    def covered(self) -> float:
        return self.part.covered


@dataclass(frozen=True, slots=True)
class Claims:
    """Who answers for what, among the metrics sources; keyed by workflow (None: not split).

    ``counted``: the claims among those parts alone whose figures make up the totals; None: these.
    """

    ladders: dict[str | None, Claim[tuple[LadderStep, ...]]]
    durations: dict[str | None, Claim[Quantiles]]
    active: dict[str | None, Claim[float]]
    retries: dict[str | None, Claim[Amount]]
    tokens: dict[str | None, Claim[list[tuple[TokenKey, Amount]]]]
    cost: dict[str | None, Claim[list[tuple[CostKey, Amount]]]]
    calls: dict[str | None, Claim[list[tuple[CallKey, Amount]]]]
    queue: dict[str | None, Claim[float]]
    wait: dict[str | None, Claim[Quantiles]]
    timeouts: dict[str | None, Claim[Amount]]
    memory: dict[str | None, Claim[float]]
    budget: dict[str | None, Claim[float]]
    hours: Hours = field(default_factory=dict)
    parts: tuple[ObservedMetrics, ...] = ()
    counting: Counting = EVERYTHING
    counted: Claims | None = None

    @property
    def whole(self) -> Claims:
        """What totals are made of."""
        return self if self.counted is None else self.counted

    @property
    def waiting(self) -> bool:
        """Whether anybody tells what waits, or was ended for its age."""
        return bool(self.queue or self.wait or self.timeouts)

    def rests(self) -> set[str]:
        """Names that only stand for what a system does not split by workflow."""
        return {
            name
            for name in self._rest_names()
            if any(name in claims and claims[name].rest for claims in self._named())
        }

    def rest_of(self, concept: Concept, teller: Teller) -> str | None:
        """Under which name stands what a part does not split of ``concept``."""
        kinds = dict(zip((*_IN_TOTALS, Concept.TOKENS), self._named(), strict=False))
        found = ((name, kinds[concept].get(name)) for name in self._rest_names())
        return next((name for name, each in found if each and each.rest and each.part.teller == teller), None)

    def covers_all(self, claims: Mapping[str | None, Claim[Any]]) -> bool:
        """Whether a part tells of all its work in one figure: that of runs in logs may be in it."""
        return None in claims or any(name in claims and claims[name].rest for name in self._rest_names())

    def _rest_names(self) -> set[str]:
        return {name for part in self.parts for name in (part.system, _beside(part.system))}

    def apart(self) -> set[str]:
        """Names that hold a figure which is in no total."""
        kinds = zip(_IN_TOTALS, self._in_totals(), strict=True)
        counts = self.counting.counts
        return {
            name
            for concept, claims in kinds
            for name, each in claims.items()
            if name is not None and not counts(concept, each.part.profile)
        }

    def _in_totals(self) -> tuple[Mapping[str | None, Claim[Any]], ...]:
        return self.ladders, self.active, self.retries, self.calls, self.cost

    def _named(self) -> tuple[Mapping[str | None, Claim[Any]], ...]:
        return (*self._in_totals(), self.tokens, self.durations, self.queue, self.wait, self.timeouts)


_IN_TOTALS = (Concept.RUNS, Concept.ACTIVE, Concept.RETRIES, Concept.CALLS, Concept.COST)


def claims_of(metrics: Sequence[ObservedMetrics], counting: Counting = EVERYTHING) -> Claims:
    """Sort out the metrics sources once; rows and totals then only look up."""
    every = _claims(metrics, counting, counted_only=False)
    if counting.counted is None:
        return every
    return replace(every, counted=_claims(metrics, counting, counted_only=True))


def _claims(metrics: Sequence[ObservedMetrics], counting: Counting, *, counted_only: bool) -> Claims:
    def told(
        concept: Concept, figures: Callable[[ObservedMetrics], Mapping[str | None, Value]]
    ) -> dict[str | None, Claim[Value]]:
        ranked = by_trust(metrics, concept, counting, counted_only=counted_only)
        return claim(ranked, [figures(part) for part in ranked], named=concept in counting.named)

    def split(
        concept: Concept, figures: Callable[[ObservedMetrics], Mapping[str | None, Quantiles]]
    ) -> dict[str | None, Claim[Quantiles]]:
        ranked = by_trust(metrics, concept, counting, counted_only=counted_only)
        return claim_split(ranked, [figures(part) for part in ranked], named=concept in counting.named)

    return Claims(
        ladders=told(Concept.RUNS, lambda part: part.ladders),
        durations=split(Concept.DURATION, lambda part: part.durations),
        active=told(Concept.ACTIVE, lambda part: part.active),
        retries=told(Concept.RETRIES, lambda part: part.retries),
        tokens=told(Concept.TOKENS, lambda part: part.tokens),
        cost=told(Concept.COST, lambda part: part.cost),
        calls=told(Concept.CALLS, lambda part: part.calls),
        queue=told(Concept.QUEUE, lambda part: part.queue),
        wait=split(Concept.WAIT, lambda part: part.wait),
        timeouts=told(Concept.TIMEOUTS, lambda part: part.timeouts),
        memory=told(Concept.MEMORY, lambda part: part.memory),
        budget=told(Concept.BUDGET, lambda part: part.budget),
        hours={(part.teller, name): hour for part in metrics for name, hour in part.hour_cost.items()},
        parts=tuple(metrics),
        counting=counting,
    )


def by_trust(
    metrics: Sequence[ObservedMetrics],
    concept: Concept,
    counting: Counting = EVERYTHING,
    *,
    counted_only: bool = False,
) -> list[ObservedMetrics]:
    """Who answers now first, then whose figure is in the totals, else in the order of the config and,
    within a source, of its profiles."""

    def distrust(part: ObservedMetrics) -> tuple[bool, bool]:
        return not part.fresh, not counting.counts(concept, part.profile)

    wanted = [part for part in metrics if counting.counts(concept, part.profile)] if counted_only else metrics
    return sorted(wanted, key=distrust)


def claim(
    parts: Sequence[ObservedMetrics],
    figures: Sequence[Mapping[str | None, Value]],
    *,
    named: bool = False,
) -> dict[str | None, Claim[Value]]:
    """For each workflow the first part that has the figure.

    ``figures`` are the parts' own, in the same order. A part that does not split by workflow covers all
    that its profile tells, so its figure stands only where no other source read with that profile has
    claimed any. ``named``: what is not split stands under the name of its system; so it does where only
    some of it is split.
    """
    claims: dict[str | None, Claim[Value]] = {}
    covered: set[str] = set()
    split: set[str] = set()
    for part, mapping in zip(parts, figures, strict=True):
        if not mapping or part.profile in covered:
            continue
        if None not in mapping:
            split.add(part.profile)
        elif part.profile not in split:
            covered.add(part.profile)
            rest = named or len(mapping) > 1
            claims.setdefault(rest_name(part, mapping) if rest else None, Claim(part, mapping[None], rest))
        for name, value in mapping.items():
            if name not in claims and name is not None:
                claims[name] = Claim(part, value)
    return claims


def claim_split(
    parts: Sequence[ObservedMetrics],
    figures: Sequence[Mapping[str | None, Quantiles]],
    *,
    named: bool = False,
) -> dict[str | None, Claim[Quantiles]]:
    """Quantiles are given both per workflow and for all: the two are no parts of each other."""
    claims: dict[str | None, Claim[Quantiles]] = {}
    for part, mapping in zip(parts, figures, strict=True):
        if named and len(mapping) == 1 and None in mapping:
            claims.setdefault(rest_name(part, mapping), Claim(part, mapping[None], rest=True))
        for name, value in mapping.items():
            claims.setdefault(name, Claim(part, value))
    return claims


def rest_name(part: ObservedMetrics, names: Collection[str | None]) -> str:
    """What stands for the work of a system that it does not split, beside its workflows ``names``."""
    return _beside(part.system) if part.system in names else part.system


def _beside(system: str) -> str:
    """A name of the rest where a workflow has that of the system."""
    return f"{system}, not split"


def logs_first(concept: Concept, claimed: Claim[Value], counting: Counting) -> bool:
    """Whether logs that tell the figure too are to be believed rather than who claimed it."""
    return counting.counts(concept, LOGS) and not counting.counts(concept, claimed.part.profile)


def grown(ladder: Sequence[LadderStep], enough: int) -> LadderStep:
    """The shortest window that holds ``enough`` counted runs, else the longest.

    Windows longer than what is known add nothing: the first that reaches beyond it is the longest.
    """
    for step in ladder:
        if step.counts.n >= enough or step.covered < step.seconds:
            return step
    return ladder[-1]
