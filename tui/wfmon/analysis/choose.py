"""One figure, one source: which source answers for which figure (design, "What a source can be")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

from wfmon.analysis.observed import ObservedMetrics
from wfmon.model.record import dataclass
from wfmon.model.snapshot import LadderStep

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Claim(Generic[Value]):
    """A figure and the source it is from."""

    source: str
    at: float
    covered: float
    value: Value


def by_trust(sources: Sequence[ObservedMetrics]) -> list[ObservedMetrics]:
    """Sources that answer now first, else in the order of the config."""
    return sorted(sources, key=lambda source: not source.fresh)


def claim(
    sources: Sequence[ObservedMetrics], figures: Sequence[Mapping[str | None, Value]]
) -> dict[str | None, Claim[Value]]:
    """For each workflow the first source that has the figure.

    ``figures`` are the sources' own, in the same order. A source that does not split by workflow
    covers them all, so its figure stands only where no other has claimed any.
    """
    claims: dict[str | None, Claim[Value]] = {}
    for source, mapping in zip(sources, figures, strict=True):
        for name, value in mapping.items():
            if name in claims or None in claims or (name is None and claims):
                continue
            claims[name] = Claim(source.source, source.at, source.covered, value)
    return claims


def grown(ladder: Sequence[LadderStep], enough: int) -> LadderStep:
    """The shortest window that holds ``enough`` counted runs, else the longest.

    Windows longer than what is known add nothing: the first that reaches beyond it is the longest.
    """
    for step in ladder:
        if step.counts.n >= enough or step.covered < step.seconds:
            return step
    return ladder[-1]
