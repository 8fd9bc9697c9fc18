"""What the monitor holds of one source when it merges: the last good answer, sorted by workflow.

Names are already the user's own (``aliases`` applied), so that sources join by name. A workflow of
None stands for figures that a source does not split by workflow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from wfmon.analysis.runindex import RunIndex
from wfmon.model.metrics import Amount, CallKey, CostKey, MetricsSample, Quantiles, RunWindow, TokenKey
from wfmon.model.record import dataclass, replace
from wfmon.model.run import RunStatus, WorkflowRuns
from wfmon.model.snapshot import LadderStep, StatusCounts

Aliases = Mapping[str, str]
Key = TypeVar("Key", TokenKey, CostKey, CallKey)
Groups = dict[str | None, list[tuple[Key, Amount]]]


@dataclass(frozen=True, slots=True)
class ObservedMetrics:
    """``fresh`` False: the source does not answer now; its figures are the last known."""

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

    def workflows(self) -> set[str]:
        every = {*self.ladders, *self.tokens, *self.cost, *self.calls, *self.active, *self.durations}
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
    )


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


def _sum_by_name(values: Mapping[str | None, float], aliases: Aliases) -> dict[str | None, float]:
    sums: dict[str | None, float] = {}
    for key, value in values.items():
        name = _name(key, aliases)
        sums[name] = sums.get(name, 0.0) + value
    return sums


def _ladders(windows: Iterable[RunWindow], aliases: Aliases) -> dict[str | None, tuple[LadderStep, ...]]:
    steps: dict[str | None, list[LadderStep]] = {}
    ordered = list(windows)
    names = {_name(key.workflow, aliases) for window in ordered for key in window.counts}
    for window in ordered:
        counts: dict[str | None, dict[RunStatus, float]] = {name: {} for name in names}
        for key, value in window.counts.items():
            by_status = counts[_name(key.workflow, aliases)]
            by_status[key.status] = by_status.get(key.status, 0.0) + value
        for name, by_status in counts.items():
            step = LadderStep(window.seconds, window.covered, _status_counts(by_status))
            steps.setdefault(name, []).append(step)
    return {name: tuple(ladder) for name, ladder in steps.items()}


def _status_counts(by_status: Mapping[RunStatus, float]) -> StatusCounts:
    def whole(status: RunStatus) -> int:
        return round(by_status.get(status, 0.0))

    return StatusCounts(
        success=whole(RunStatus.SUCCESS),
        error=whole(RunStatus.ERROR),
        timeout=whole(RunStatus.TIMEOUT),
        cancelled=whole(RunStatus.CANCELLED),
        lost=whole(RunStatus.LOST),
        other=whole(RunStatus.OTHER),
    )
