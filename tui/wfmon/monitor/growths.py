"""From growth that several profiles tell to sums of hours: of each workflow once, of models and of what was
spent what counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wfmon.analysis.choose import Claims
from wfmon.analysis.observed import Aliases
from wfmon.model.history import HourSum, Kind
from wfmon.model.metrics import Concept, CostKey, Growth, MetricsSample, TokenKey, TokenKind
from wfmon.model.record import dataclass, replace
from wfmon.model.run import COUNTED, FAILED
from wfmon.model.spend import Amounts, SpendKey, SpendSum
from wfmon.sources.spending import Used, spend_key, used

HOUR = 3600.0
ADDED = frozenset({TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.TOTAL})

SumKey = tuple[float, Kind, str, str]
SpentKey = tuple[float, str, SpendKey]
_TOKENS = ("input", "output", "cached", "cache_write", "reasoning", "untyped")


@dataclass(slots=True)
class Sum:
    """Growth of one subject in one hour by one source; None until something is known of it."""

    runs: float | None = None
    failures: float | None = None
    tokens: float | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Grown:
    """One answer of a source in which counters may have grown."""

    source: str
    at: float
    samples: tuple[MetricsSample, ...]


class Growths:
    """Holds what has grown until it is known who is counted, then adds it up."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._held: list[Grown] = []
        self.sums: dict[SumKey, Sum] = {}
        self.spent: dict[SpentKey, Used] = {}

    def took(self, grown: Grown) -> None:
        self._held.append(grown)

    def add_up(self, claims: Claims | None) -> None:
        """``claims``: of a picture that shows what was taken; None: of none, everything counts."""
        held, self._held = self._held, []
        for grown in held:
            self._add(grown, claims)

    def _add(self, grown: Grown, claims: Claims | None) -> None:
        for _, growth, names in self._named(Concept.RUNS, grown, claims):
            for run, count in growth.runs.items():
                name = names.get(run.workflow)
                if name is not None and run.status in COUNTED:
                    each = self._sum(grown, Kind.WORKFLOW, name)
                    each.runs = (each.runs or 0.0) + count
                    each.failures = (each.failures or 0.0) + (count if run.status in FAILED else 0.0)
        for sample, growth, names in self._named(Concept.TOKENS, grown, claims):
            models = _counts(claims, Concept.TOKENS, sample)
            for token, count in growth.tokens.items():
                for kind, subject in _subjects(token, names, models=models) if token.kind in ADDED else ():
                    each = self._sum(grown, kind, subject)
                    each.tokens = (each.tokens or 0.0) + count
        for sample, growth, names in self._named(Concept.COST, grown, claims):
            models = _counts(claims, Concept.COST, sample)
            for cost, usd in growth.cost.items():
                for kind, subject in _subjects(cost, names, models=models):
                    each = self._sum(grown, kind, subject)
                    each.cost_usd = (each.cost_usd or 0.0) + usd
        self._add_spent(grown, claims)

    def _add_spent(self, grown: Grown, claims: Claims | None) -> None:
        for sample in grown.samples:
            growth = sample.growth
            if growth is None:
                continue
            tokens = growth.tokens if _counts(claims, Concept.TOKENS, sample) else {}
            reports = _counts(claims, Concept.COST, sample)
            elsewhere = _paid_elsewhere(claims, sample.profile)
            hour = grown.at // HOUR * HOUR
            grew = used(tokens, growth.cost if reports else {}, sample.cost if reports else ())
            for key, each in grew.items():
                spent = renamed(spend_key(key), self._aliases)
                into = self.spent.setdefault((hour, grown.source, spent), Used())
                into.add(each.figures, paid=each.paid or elsewhere)

    def _sum(self, grown: Grown, kind: Kind, subject: str) -> Sum:
        return self.sums.setdefault((grown.at // HOUR * HOUR, kind, subject, grown.source), Sum())

    def _named(
        self, concept: Concept, grown: Grown, claims: Claims | None
    ) -> Iterator[tuple[MetricsSample, Growth, Mapping[str | None, str]]]:
        """What each profile's growth is written under: a workflow in the first that tells it, counted ones
        first, as its row shows it."""
        ranked = sorted(grown.samples, key=lambda sample: not _counts(claims, concept, sample))
        taken: set[str] = set()
        for sample in ranked:
            names = {}
            for workflow in _told(concept, sample, alone=len(ranked) == 1):
                name = (
                    _rest(claims, concept, grown.source, sample)
                    if workflow is None
                    else self._aliases.get(workflow, workflow)
                )
                if name is not None and name not in taken:
                    names[workflow] = name
            taken.update(names.values())
            if sample.growth is not None:
                yield sample, sample.growth, names


def of_counted(hours: Sequence[HourSum], claims: Claims | None) -> list[HourSum]:
    """``hours`` without what profiles tell of models that are in no total."""
    if claims is None or claims.counting.counted is None:
        return list(hours)
    counts = claims.counting.counts
    left = [
        replace(
            each,
            tokens=each.tokens if counts(Concept.TOKENS, each.profile) else None,
            cost_usd=each.cost_usd if counts(Concept.COST, each.profile) else None,
        )
        if each.kind is Kind.MODEL
        else each
        for each in hours
    ]
    return [
        each for each in left if each.kind is not Kind.MODEL or (each.tokens, each.cost_usd) != (None, None)
    ]


def spent_of_counted(rows: Sequence[SpendSum], claims: Claims | None) -> list[SpendSum]:
    """``rows`` without the tokens and the cost of profiles that are in no total."""
    if claims is None or claims.counting.counted is None:
        return list(rows)
    left = []
    for each in rows:
        amounts = each.amounts
        reports = claims.counting.counts(Concept.COST, each.profile)
        if not reports:
            amounts = replace(amounts, usd=None)
        if not claims.counting.counts(Concept.TOKENS, each.profile):
            amounts = replace(amounts, **dict.fromkeys(_TOKENS))
        if amounts != Amounts():
            paid = each.paid if reports else _paid_elsewhere(claims, each.profile)
            left.append(replace(each, amounts=amounts, paid=paid))
    return left


def renamed(key: SpendKey, aliases: Aliases) -> SpendKey:
    name = aliases.get(key.workflow, key.workflow)
    return key if name == key.workflow else replace(key, workflow=name)


def _paid_elsewhere(claims: Claims | None, profile: str) -> bool:
    """Whether the totals have the cost from another layer than ``profile``, which sees the same work."""
    if claims is None or claims.counting.counts(Concept.COST, profile):
        return False
    counts = claims.counting.counts
    return any(part.cost and counts(Concept.COST, part.profile) for part in claims.parts)


def _counts(claims: Claims | None, concept: Concept, sample: MetricsSample) -> bool:
    return claims is None or claims.counting.counts(concept, sample.profile)


def _told(concept: Concept, sample: MetricsSample, *, alone: bool) -> set[str | None]:
    """Workflows of which the sample has the figure; ``alone``: those that grew are enough."""
    told: set[str | None] = set()
    growth = sample.growth
    if concept is Concept.RUNS:
        if growth is not None:
            told |= {run.workflow for run in growth.runs}
        if not alone:
            told |= {run.workflow for window in sample.runs[-1:] for run in window.counts}
    elif concept is Concept.TOKENS:
        if growth is not None:
            told |= {token.workflow for token in growth.tokens}
        if not alone:
            told |= {token.workflow for token in sample.tokens}
    else:
        if growth is not None:
            told |= {cost.workflow for cost in growth.cost}
        if not alone:
            told |= {cost.workflow for cost in sample.cost}
    return told


def _rest(claims: Claims | None, concept: Concept, source: str, sample: MetricsSample) -> str | None:
    """The row that has what a profile does not split by workflow; None where there is none."""
    if claims is None:
        return None
    return claims.rest_of(concept, (source, sample.profile))


def _subjects(
    key: TokenKey | CostKey, names: Mapping[str | None, str], *, models: bool
) -> Iterator[tuple[Kind, str]]:
    name = names.get(key.workflow)
    if name is not None:
        yield Kind.WORKFLOW, name
    if models and (key.provider is not None or key.model is not None):
        yield Kind.MODEL, f"{key.provider or ''}/{key.model or ''}"
