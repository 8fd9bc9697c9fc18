"""What was spent in the last hour, as far as it is known, and what on.

It is of the source that the cost itself is of: one figure, one source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum

from wfmon.analysis.choose import Claim, Claims, Hours
from wfmon.analysis.observed import HourOf, ObservedRuns
from wfmon.analysis.runindex import RunIndex
from wfmon.model.metrics import Amount, CostKey
from wfmon.model.record import dataclass
from wfmon.model.run import Run
from wfmon.model.snapshot import Workflow

HOUR = 3600.0

Costs = list[tuple[CostKey, Amount]]
CostClaims = Mapping[str | None, Claim[Costs]]


@dataclass(frozen=True, slots=True)
class Spent:
    """``usd`` in the last hour. ``seconds`` of the hour are known; None: there is more in it that nobody
    priced. ``usd`` is then, as where the hour is not known whole, the least that it can be."""

    usd: float
    seconds: float | None


def claimed_hour(name: str | None, claims: CostClaims, hours: Hours) -> Spent | None:
    """Of the source that has claimed the cost; before it tells of the hour, what its rate is of."""
    claimed = claims.get(name)
    if claimed is None:
        return None
    hour = _hour(name, claimed, hours)
    if hour is not None and hour.covered >= claimed.covered:
        return Spent(fsum(usd for _, usd in hour.parts), min(HOUR, hour.covered))
    grown = [amount.delta for _, amount in claimed.value]
    if not claimed.covered or any(delta is None for delta in grown):
        return None
    return Spent(fsum(delta for delta in grown if delta is not None), min(HOUR, claimed.covered))


def _hour(name: str | None, claimed: Claim[Costs], hours: Hours) -> HourOf | None:
    return hours.get((claimed.part.teller, None if claimed.rest else name))


def logged_hour(index: RunIndex, at: float) -> Spent | None:
    """Runs that ended within the hour, and open ones that began in it, so that all their cost is of it.
    None where no run ever told its cost."""
    begun = [run.usage.cost_usd for run in _begun(index, at) if run.usage.cost_usd is not None]
    if not begun and not index.priced:
        return None
    ended = index.priced_sum(at, HOUR)
    return Spent(ended.usd + fsum(begun), None if ended.unpriced else index.covered(at, HOUR))


def total_hour(workflows: Sequence[Workflow], claims: Claims) -> Spent | None:
    """Of all workflows whose cost is known; what logs tell may be in what a source does not split."""
    if claims.covers_all(claims.cost):
        return _added([claimed_hour(name, claims.cost, claims.hours) for name in claims.cost])
    return _added(
        [
            Spent(row.cost_hour_usd, row.cost_hour_seconds)
            for row in workflows
            if row.cost_hour_usd is not None
        ]
    )


def _added(every: Sequence[Spent | None]) -> Spent | None:
    known = [spent for spent in every if spent is not None]
    if not known:
        return None
    seconds = [spent.seconds for spent in known]
    return Spent(
        fsum(spent.usd for spent in known),
        None if None in seconds else min((each for each in seconds if each is not None), default=None),
    )


def spent_on(
    workflow: str | None, claims: CostClaims, hours: Hours, logs: Sequence[ObservedRuns]
) -> list[tuple[str, float]]:
    """What the last hour of ``workflow`` went to, in USD, the most first: models, else runs of its log."""
    claimed = claims.get(workflow)
    if claimed is not None:
        hour = _hour(workflow, claimed, hours)
        return _ordered((key.model, usd) for key, usd in hour.parts) if hour is not None else []
    for source in logs:
        index = source.indexes.get(workflow or "")
        if index is not None:
            runs = (*index.within(source.at, HOUR), *_begun(index, source.at))
            return _ordered((run.model or run.id, run.usage.cost_usd or 0.0) for run in runs)
    return []


def _begun(index: RunIndex, at: float) -> list[Run]:
    return [run for run in index.runs.open if run.started_at is not None and at - HOUR < run.started_at <= at]


def _ordered(parts: Iterable[tuple[str | None, float]]) -> list[tuple[str, float]]:
    sums: dict[str, float] = {}
    for name, usd in parts:
        if name is not None and usd > 0:
            sums[name] = sums.get(name, 0.0) + usd
    return sorted(sums.items(), key=lambda each: (-each[1], each[0]))
