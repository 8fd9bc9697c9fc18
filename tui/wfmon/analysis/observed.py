"""What the monitor holds of one source when it merges: the last good answer, sorted by workflow.

What each profile reads of a metrics source is a part of its own. Names are already the user's own
(``aliases`` applied), so that sources join by name. A workflow of None stands for figures that a source
does not split by workflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from wfmon.analysis.runindex import RunIndex
from wfmon.model.layers import Layer
from wfmon.model.metrics import (
    Amount,
    CallKey,
    Concept,
    CostKey,
    HourCost,
    MetricsSample,
    Quantiles,
    RunKey,
    RunWindow,
    TokenKey,
)
from wfmon.model.record import dataclass, field, replace
from wfmon.model.run import RunStatus, WorkflowRuns
from wfmon.model.snapshot import LadderStep, StatusCounts

Aliases = Mapping[str, str]
Teller = tuple[str, str]  # a source and the profile that it is read with
Key = TypeVar("Key", TokenKey, CostKey, CallKey)
Groups = dict[str | None, list[tuple[Key, Amount]]]


@dataclass(frozen=True, slots=True)
class HourOf:
    """What one workflow cost, and the tokens it used, in the last hour, of which ``covered`` seconds are
    known."""

    covered: float
    parts: tuple[tuple[CostKey, float], ...] = ()
    tokens: tuple[tuple[TokenKey, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedMetrics:
    """What one profile reads of a source. ``fresh`` False: the source does not answer now; its figures are
    the last known. ``told``: the concepts of which it has anything."""

    source: str
    fresh: bool
    at: float
    covered: float
    ladders: dict[str | None, tuple[LadderStep, ...]]
    tokens: Groups[TokenKey]
    cost: Groups[CostKey]
    calls: Groups[CallKey]
    retries: dict[str | None, Amount]
    durations: dict[str | None, Quantiles]
    active: dict[str | None, float]
    hour_cost: dict[str | None, HourOf] = field(default_factory=dict)
    profile: str = ""
    title: str = ""
    layer: Layer = Layer.ENGINE
    told: frozenset[Concept] = frozenset()
    queue: dict[str | None, float] = field(default_factory=dict)
    wait: dict[str | None, Quantiles] = field(default_factory=dict)
    timeouts: dict[str | None, Amount] = field(default_factory=dict)
    memory: dict[str | None, float] = field(default_factory=dict)
    budget: dict[str | None, float] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()

    @property
    def teller(self) -> Teller:
        return self.source, self.profile

    @property
    def system(self) -> str:
        """Whose figures these are, for people."""
        return self.title or self.profile or self.source

    def workflows(self) -> set[str]:
        every = {
            *self.ladders, *self.tokens, *self.cost, *self.calls, *self.active, *self.durations,
            *self.queue, *self.retries,
        }  # fmt: skip
        return {name for name in every if name is not None}


@dataclass(frozen=True, slots=True)
class ObservedRuns:
    """Logs of one source; ``indexes`` by workflow."""

    source: str
    fresh: bool
    at: float
    indexes: dict[str, RunIndex]


def observe_metrics(source: str, fresh: bool, sample: MetricsSample, aliases: Aliases) -> ObservedMetrics:
    """Sort the sample's keys by workflow. Quantiles of aliased twins cannot be added: the first stays."""
    return ObservedMetrics(
        source=source,
        fresh=fresh,
        at=sample.at,
        covered=sample.covered,
        ladders=_ladders(sample.runs, aliases),
        tokens=_group(sample.tokens.items(), aliases),
        cost=_group(sample.cost.items(), aliases),
        calls=_group(sample.calls.items(), aliases),
        retries={_name(key, aliases): amount for key, amount in sample.retries.items()},
        durations={_name(key, aliases): value for key, value in reversed(sample.durations.items())},
        active=_sum_by_name(sample.active, aliases),
        hour_cost=_hour_cost(sample.hour_cost, aliases),
        profile=sample.profile,
        title=sample.title,
        layer=Layer(sample.layer),
        told=_told(sample),
        queue=_sum_by_name(sample.queue, aliases),
        wait={_name(key, aliases): value for key, value in reversed(sample.wait.items())},
        timeouts={_name(key, aliases): amount for key, amount in sample.timeouts.items()},
        memory=_sum_by_name(sample.memory, aliases),
        budget={_name(key, aliases): usd for key, usd in sample.budget.items()},
        replaces=sample.replaces,
    )


def _told(sample: MetricsSample) -> frozenset[Concept]:
    """What has a series now, or a figure; money that nobody priced is not told."""
    figures = (
        (Concept.RUNS, any(window.counts for window in sample.runs)),
        (Concept.ACTIVE, sample.active),
        (Concept.QUEUE, sample.queue),
        (Concept.DURATION, sample.durations),
        (Concept.WAIT, sample.wait),
        (Concept.RETRIES, sample.retries),
        (Concept.TIMEOUTS, sample.timeouts),
        (Concept.CALLS, sample.calls),
        (Concept.TOKENS, sample.tokens),
        (Concept.COST, sample.cost),
    )
    told = sample.exposed | {concept for concept, figure in figures if figure}
    return told if sample.cost else told - {Concept.COST}


def observe_runs(
    workflows: Mapping[str, WorkflowRuns], before: Mapping[str, RunIndex], aliases: Aliases
) -> dict[str, RunIndex]:
    """Index each workflow, keeping the index of those whose runs are the same object as before."""
    named: dict[str, list[WorkflowRuns]] = {}
    for name, runs in workflows.items():
        named.setdefault(aliases.get(name, name), []).append(runs)
    indexes: dict[str, RunIndex] = {}
    for name, parts in named.items():
        known = before.get(name)
        if known is not None and len(parts) == 1 and known.runs is parts[0]:
            indexes[name] = known
        else:
            indexes[name] = RunIndex(parts[0] if len(parts) == 1 else _join(name, parts))
    return indexes


def _join(name: str, parts: list[WorkflowRuns]) -> WorkflowRuns:
    finished = sorted((run for part in parts for run in part.finished), key=lambda run: run.ended_at or 0.0)
    return WorkflowRuns(
        workflow=name,
        open=tuple(replace(run, workflow=name) for part in parts for run in part.open),
        finished=tuple(replace(run, workflow=name) for run in finished),
        complete_since=max(part.complete_since for part in parts),
        open_complete=all(part.open_complete for part in parts),
        api_calls=tuple(sorted(at for part in parts for at in part.api_calls)),
        begins_at=min((part.begins_at for part in parts if part.begins_at is not None), default=None),
    )


def _name(workflow: str | None, aliases: Aliases) -> str | None:
    return None if workflow is None else aliases.get(workflow, workflow)


def _group(items: Iterable[tuple[Key, Amount]], aliases: Aliases) -> Groups[Key]:
    groups: Groups[Key] = {}
    for key, amount in items:
        groups.setdefault(_name(key.workflow, aliases), []).append((key, amount))
    return groups


def _hour_cost(cost: HourCost | None, aliases: Aliases) -> dict[str | None, HourOf]:
    if cost is None:
        return {}
    usd: dict[str | None, list[tuple[CostKey, float]]] = {}
    for key, spent in cost.usd.items():
        usd.setdefault(_name(key.workflow, aliases), []).append((key, spent))
    tokens: dict[str | None, list[tuple[TokenKey, float]]] = {}
    for token, used in cost.tokens.items():
        tokens.setdefault(_name(token.workflow, aliases), []).append((token, used))
    return {
        name: HourOf(cost.covered, tuple(usd.get(name, ())), tuple(tokens.get(name, ())))
        for name in dict.fromkeys((*usd, *tokens))
    }


def _sum_by_name(values: Mapping[str | None, float], aliases: Aliases) -> dict[str | None, float]:
    sums: dict[str | None, float] = {}
    for key, value in values.items():
        name = _name(key, aliases)
        sums[name] = sums.get(name, 0.0) + value
    return sums


def _ladders(windows: Iterable[RunWindow], aliases: Aliases) -> dict[str | None, tuple[LadderStep, ...]]:
    ordered = list(windows)
    keys: dict[str | None, list[RunKey]] = {}
    for key in {key: None for window in ordered for key in window.counts}:
        keys.setdefault(_name(key.workflow, aliases), []).append(key)
    return {name: _ladder(ordered, own) for name, own in keys.items()}


def _ladder(windows: Sequence[RunWindow], keys: Sequence[RunKey]) -> tuple[LadderStep, ...]:
    """The windows of one workflow; those of equal counts share them."""
    steps: list[LadderStep] = []
    values: list[float] | None = None
    for window in windows:
        before, values = values, [window.counts.get(key, 0.0) for key in keys]
        counts = steps[-1].counts if values == before else _status_counts(keys, values)
        steps.append(LadderStep(window.seconds, window.covered, counts))
    return tuple(steps)


def _status_counts(keys: Sequence[RunKey], values: Sequence[float]) -> StatusCounts:
    by_status: dict[RunStatus, float] = {}
    for key, value in zip(keys, values, strict=True):
        by_status[key.status] = by_status.get(key.status, 0.0) + value
    known = by_status.get
    return StatusCounts(
        success=round(known(RunStatus.SUCCESS, 0.0)),
        error=round(known(RunStatus.ERROR, 0.0)),
        timeout=round(known(RunStatus.TIMEOUT, 0.0)),
        cancelled=round(known(RunStatus.CANCELLED, 0.0)),
        lost=round(known(RunStatus.LOST, 0.0)),
        other=round(known(RunStatus.OTHER, 0.0)),
    )
