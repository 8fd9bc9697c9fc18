"""What a profile has to read from a pair of expositions, in plain figures, and what it did read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from wfmon.model.metrics import Amount, Concept, MetricsSample, Quantiles

EXPOSITIONS = Path(__file__).parents[2] / "payloads" / "expositions"

Grown = Mapping[object, tuple[float | None, float | None]]  # growth in a minute, present value
Level = Mapping[str | None, float]
Cuts = Mapping[str | None, tuple[float | None, float | None]]  # p50, p95 in seconds


@dataclass(frozen=True)
class Figures:
    """Of the second of two looks, a minute apart. None: the concept has no series.

    ``runs``: (workflow, status) -> how many. ``calls``: (workflow, provider, ok), ``tokens``: (workflow,
    provider, model, kind), ``cost``: (workflow, provider, model). ``storage``: mount -> (size, free).
    """

    runs: Mapping[tuple[str | None, str], float] | None = None
    active: Level | None = None
    queue: Level | None = None
    duration: Cuts | None = None
    wait: Cuts | None = None
    retries: Grown | None = None
    timeouts: Grown | None = None
    calls: Grown | None = None
    tokens: Grown | None = None
    cost: Grown | None = None
    budget: Level | None = None
    memory: Level | None = None
    storage: Mapping[str | None, tuple[float | None, float | None]] | None = None

    @property
    def concepts(self) -> set[str]:
        return {each.name for each in fields(self) if getattr(self, each.name) is not None}


def exposition(variant: str, number: int) -> str:
    return (EXPOSITIONS / f"{variant}_{number}.prom").read_text(encoding="utf-8")


def figures(sample: MetricsSample) -> Figures:
    """Runs of the shortest window; counts of zero and quantiles that are unknown are left out."""
    runs = sample.runs[0].counts if sample.runs else {}
    found = {
        Concept.RUNS: {(key.workflow, key.status.value): n for key, n in runs.items() if n},
        Concept.ACTIVE: sample.active,
        Concept.QUEUE: sample.queue,
        Concept.DURATION: _cuts(sample.durations),
        Concept.WAIT: _cuts(sample.wait),
        Concept.RETRIES: _grown(sample.retries),
        Concept.TIMEOUTS: _grown(sample.timeouts),
        Concept.CALLS: {(k.workflow, k.provider, k.ok): _pair(amount) for k, amount in sample.calls.items()},
        Concept.TOKENS: {
            (k.workflow, k.provider, k.model, k.kind.value): _pair(amount)
            for k, amount in sample.tokens.items()
        },
        Concept.COST: {(k.workflow, k.provider, k.model): _pair(amount) for k, amount in sample.cost.items()},
        Concept.BUDGET: sample.budget,
        Concept.MEMORY: sample.memory,
        Concept.STORAGE: {mount: (space.size, space.free) for mount, space in sample.storage.items()},
    }
    return Figures(**{concept.value: found[concept] for concept in sample.exposed})  # type: ignore[arg-type]


def _pair(amount: Amount) -> tuple[float | None, float | None]:
    return (amount.delta, amount.total)


def _grown(amounts: Mapping[str | None, Amount]) -> Grown:
    return {workflow: _pair(amount) for workflow, amount in amounts.items()}


def _cuts(quantiles: Mapping[str | None, Quantiles]) -> Cuts:
    """Those of all workflows together only where there are no others."""
    known = {
        workflow: (_rounded(each.p50), _rounded(each.p95))
        for workflow, each in quantiles.items()
        if each.p50 is not None or each.p95 is not None
    }
    return {workflow: each for workflow, each in known.items() if workflow is not None or len(known) == 1}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 9)
