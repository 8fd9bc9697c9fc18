"""Hours as they are stored: which profile tells what of a workflow, what each tells of models, and what was
spent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.layers import MOST_SEEN, OUTERMOST, Layer
from wfmon.model.metrics import Concept, CostKey, TokenKey, TokenKind
from wfmon.model.record import dataclass, replace
from wfmon.model.run import COUNTED, FAILED
from wfmon.model.spend import SpendSum
from wfmon.sources.growth import Sums
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_growth import SUMMED, HourSums, Told, model_subject
from wfmon.sources.spending import Used, spend_key, used

ADDED = frozenset({TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.TOTAL})


def hour_sums(source: str, sums: HourSums, scope: Scope, told: Told) -> tuple[HourSum, ...]:
    """As they are stored, one of each workflow, and of each model and profile, that had anything.

    Where two profiles tell a workflow's figure, the one that is believed first tells it. Which profiles are
    added up by model is judged by who knows the other sources too.
    """
    return tuple(
        row
        for hour, by_profile in sums.items()
        for row in (
            *_by_workflow(source, hour, by_profile, scope, told),
            *_by_model(source, hour, by_profile, scope, told),
        )
    )


def spend_sums(source: str, sums: HourSums, scope: Scope) -> tuple[SpendSum, ...]:
    """What each profile tells of what was used and spent, in each hour that had anything."""
    return tuple(
        each.row(hour, spend_key(key), source, fitting.profile.name)
        for hour, by_profile in sums.items()
        for fitting in scope.fitting
        if (mine := by_profile.get(fitting.profile.name)) is not None
        for key, each in _used(fitting, mine).items()
    )


def _used(fitting: Fitting, sums: Sums) -> dict[CostKey, Used]:
    told = [key for key in sums.there if isinstance(key, CostKey)]
    return used(_tokens(fitting, sums), sums.cost, told)


def _tokens(fitting: Fitting, sums: Sums) -> dict[TokenKey, float]:
    return sums.settled_tokens(fitting.profile, [key for key in sums.there if isinstance(key, TokenKey)])


@dataclass(slots=True)
class _Cell:
    """What one profile has of one subject."""

    runs: float = 0.0
    failures: float = 0.0
    tokens: float = 0.0
    cost: float = 0.0


@dataclass(slots=True)
class _Row:
    """A subject's figures; None: nobody tells it."""

    runs: float | None = None
    failures: float | None = None
    tokens: float | None = None
    cost: float | None = None

    @property
    def anything(self) -> bool:
        return any((self.runs, self.failures, self.tokens, self.cost))


def _by_workflow(
    source: str, hour: float, by_profile: Mapping[str, Sums], scope: Scope, told: Told
) -> Iterator[HourSum]:
    cells: dict[str, dict[str, _Cell]] = {}
    for fitting in scope.fitting:
        mine = cells.setdefault(fitting.profile.name, defaultdict(_Cell))
        sums = by_profile.get(fitting.profile.name, Sums())
        for run, amount in sums.runs.items():
            if run.workflow is not None and run.status in COUNTED:
                mine[run.workflow].runs += round(amount)
                mine[run.workflow].failures += round(amount) if run.status in FAILED else 0
        for token, amount in _tokens(fitting, sums).items():
            if token.workflow is not None and token.kind in ADDED:
                mine[token.workflow].tokens += amount
        for cost, amount in sums.cost.items():
            if cost.workflow is not None:
                mine[cost.workflow].cost += amount
    for subject in dict.fromkeys(subject for mine in cells.values() for subject in mine):
        row = _Row()
        for concept in SUMMED:
            order = _believed(scope, concept)
            first = next((p for p in order if told.has(p, Kind.WORKFLOW, subject, concept)), None)
            if first is not None:
                _add(row, concept, cells[first].get(subject, _Cell()))
        yield from _stored(source, hour, Kind.WORKFLOW, subject, row)


def _by_model(
    source: str, hour: float, by_profile: Mapping[str, Sums], scope: Scope, told: Told
) -> Iterator[HourSum]:
    for fitting in scope.fitting:
        name = fitting.profile.name
        sums = by_profile.get(name, Sums())
        mine: dict[str, _Cell] = defaultdict(_Cell)
        for token, amount in _tokens(fitting, sums).items():
            if (token.provider or token.model) and token.kind in ADDED:
                mine[model_subject(token.provider, token.model)].tokens += amount
        for cost, amount in sums.cost.items():
            if cost.provider or cost.model:
                mine[model_subject(cost.provider, cost.model)].cost += amount
        for subject, cell in mine.items():
            row = _Row()
            for concept in (Concept.TOKENS, Concept.COST):
                if told.has(name, Kind.MODEL, subject, concept):
                    _add(row, concept, cell)
            for each in _stored(source, hour, Kind.MODEL, subject, row):
                yield replace(each, profile=name)


def _believed(scope: Scope, concept: Concept) -> list[str]:
    """The profiles in the order in which they are believed."""
    order = OUTERMOST if concept is Concept.RUNS else MOST_SEEN
    ranked = sorted(scope.fitting, key=lambda each: order.index(Layer(each.profile.layer)))
    return [each.profile.name for each in ranked]


def _add(row: _Row, concept: Concept, cell: _Cell) -> None:
    if concept is Concept.RUNS:
        row.runs, row.failures = (row.runs or 0.0) + cell.runs, (row.failures or 0.0) + cell.failures
    elif concept is Concept.TOKENS:
        row.tokens = (row.tokens or 0.0) + cell.tokens
    else:
        row.cost = (row.cost or 0.0) + cell.cost


def _stored(source: str, hour: float, kind: Kind, subject: str, row: _Row) -> Iterator[HourSum]:
    if row.anything:
        yield HourSum(
            hour,
            kind,
            subject,
            source,
            Role.METRICS,
            runs=row.runs,
            failures=row.failures,
            tokens=row.tokens,
            cost_usd=row.cost,
        )
