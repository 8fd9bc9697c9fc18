"""From rows of instant vectors to the figures of the model: canonical keys, scale, honest gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

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
    Trend,
)
from wfmon.model.record import dataclass, field
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import Canon, Dims, kept_dims, plus, settle_tokens, zero_fill
from wfmon.sources.histogram import histogram_quantile
from wfmon.sources.profile import Profile
from wfmon.sources.prometheus_api import Row
from wfmon.sources.promql import OP_LABEL, Op, Query

HOUR = 3600.0

Key = TypeVar("Key")
Names = Mapping[str, Mapping[str, str]]  # dim -> id -> name


@dataclass(frozen=True, slots=True)
class Answered:
    """The rows of one query, true at ``at`` (the server's clock)."""

    query: Query
    at: float
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class _Read:
    """One row in the words of the model. NaN and infinities are unknown and never get here."""

    dims: Dims
    op: Op
    value: float
    bound: float = math.nan


@dataclass(slots=True)
class _Durations:
    """``buckets``: growth by upper bound; None is the whole of all workflows."""

    buckets: dict[str | None, dict[float, float]] = field(default_factory=dict)
    given: dict[tuple[str | None, Op], list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    """A look while its answers are put together. Every concept has one profile, its owner.

    ``names`` are the name tables by profile; ``growing`` is False while the server has not watched
    long enough for growth to be known.
    """

    names: Mapping[str, Names]
    growing: bool
    runs: dict[float, dict[RunKey, float]] = field(default_factory=dict)
    levels: dict[Concept, dict[str | None, float]] = field(default_factory=dict)
    retries: dict[str | None, Amount] = field(default_factory=dict)
    calls: dict[CallKey, Amount] = field(default_factory=dict)
    tokens: dict[TokenKey, Amount] = field(default_factory=dict)
    cost: dict[CostKey, Amount] = field(default_factory=dict)
    hour_cost: dict[CostKey, float] | None = None
    exposed: set[Concept] = field(default_factory=set)
    labels_seen: dict[Concept, set[str]] = field(default_factory=dict)
    labels_kept: dict[Concept, set[str]] = field(default_factory=dict)
    _durations: _Durations = field(default_factory=_Durations)
    _tokens_of: Profile | None = None

    def add(self, answer: Answered) -> None:
        concept, query = answer.query.concept, answer.query
        rows = self._read(answer)
        if rows:
            self.exposed.add(concept)
        if concept is Concept.RUNS and query.window is not None:
            _count(rows, self.runs.setdefault(query.window, {}))
        elif concept is Concept.DURATION:
            self._add_durations(rows)
        elif concept in (Concept.ACTIVE, Concept.QUEUE, Concept.MEMORY):
            _level(rows, self.levels.setdefault(concept, {}), query.signal.agg)
        elif concept is Concept.RETRIES:
            self._amounts(rows, self.retries, lambda dims: dims.workflow)
        elif concept is Concept.CALLS:
            self._amounts(rows, self.calls, lambda dims: dims.call_key)
        elif concept is Concept.TOKENS:
            self._tokens_of = query.profile
            self._amounts(rows, self.tokens, lambda dims: dims.token_key)
        elif concept is Concept.COST:
            self._amounts(rows, self.cost, lambda dims: dims.cost_key)

    def add_hour_cost(self, answer: Answered) -> None:
        self.hour_cost = self.hour_cost or {}
        for row in self._read(answer):
            key = row.dims.cost_key
            self.hour_cost[key] = self.hour_cost.get(key, 0.0) + row.value

    def sample(self, at: float, window: float, known: float, trends: tuple[Trend, ...]) -> MetricsSample:
        """``known``: for how many seconds the server has been watching; no window covers more."""
        return MetricsSample(
            at=at,
            window=window,
            covered=min(window, known),
            exposed=frozenset(self.exposed),
            runs=tuple(
                RunWindow(seconds, min(seconds, known), zero_fill(counts))
                for seconds, counts in sorted(self.runs.items())
            )
            if Concept.RUNS in self.exposed
            else (),
            durations=self._quantiles(),
            active=self.levels.get(Concept.ACTIVE, {}),
            queue=self.levels.get(Concept.QUEUE, {}),
            retries=self.retries,
            calls=self.calls,
            tokens=settle_tokens(self.tokens, self._tokens_of) if self._tokens_of else self.tokens,
            cost=self.cost,
            hour_cost=None
            if self.hour_cost is None or not self.growing
            else HourCost(min(HOUR, known), self.hour_cost),
            memory=self.levels.get(Concept.MEMORY, {}),
            trends=trends,
        )

    def _read(self, answer: Answered) -> list[_Read]:
        query = answer.query
        canon = Canon(query.profile)
        names = self.names.get(query.profile.name)
        seen = self.labels_seen.setdefault(query.concept, set())
        self.labels_kept.setdefault(query.concept, set()).update(kept_dims(query.concept, query.signal))
        read: list[_Read] = []
        for row in answer.rows:
            if not math.isfinite(row.value):
                continue
            dims = canon.dims(query.concept, query.signal, row.labels, names)
            _note_labels(dims, seen)
            op = Op(row.labels.get(OP_LABEL, Op.NOW))
            whole = op is Op.BUCKET or (op is Op.DELTA and query.concept is Concept.DURATION)
            value = row.value if whole else row.value * query.signal.scale
            bound = _bound(row.labels) * query.signal.scale if op is Op.BUCKET else math.nan
            read.append(_Read(dims, op, value, bound))
        return read

    def _amounts(self, rows: Iterable[_Read], into: dict[Key, Amount], key_of: Callable[[Dims], Key]) -> None:
        """Adds up rows whose labels mean the same."""
        deltas: dict[Key, float] = {}
        totals: dict[Key, float] = {}
        for row in rows:
            side = deltas if row.op is Op.DELTA else totals
            key = key_of(row.dims)
            side[key] = side.get(key, 0.0) + row.value
        for key in deltas.keys() | totals.keys():
            delta = deltas.get(key) if self.growing else None
            into[key] = plus(into.get(key), Amount(delta, totals.get(key)))

    def _add_durations(self, rows: Iterable[_Read]) -> None:
        for row in rows:
            if row.op is Op.BUCKET and self.growing:
                for workflow in {row.dims.workflow, None}:
                    bounds = self._durations.buckets.setdefault(workflow, {})
                    bounds[row.bound] = bounds.get(row.bound, 0.0) + row.value
            elif row.op is not Op.BUCKET:
                self._durations.given.setdefault((row.dims.workflow, row.op), []).append(row.value)

    def _quantiles(self) -> dict[str | None, Quantiles]:
        found = {
            workflow: Quantiles(
                histogram_quantile(0.5, bounds.items()),
                histogram_quantile(0.95, bounds.items()),
                bounds.get(math.inf),
            )
            for workflow, bounds in self._durations.buckets.items()
        }
        given = self._durations.given
        for workflow in {workflow for workflow, _ in given}:
            # Quantiles of several series cannot be put together, numbers of observations can.
            p50, p95 = given.get((workflow, Op.P50), []), given.get((workflow, Op.P95), [])
            n = given.get((workflow, Op.DELTA))
            found.setdefault(
                workflow,
                Quantiles(
                    p50[0] if len(p50) == 1 else None,
                    p95[0] if len(p95) == 1 else None,
                    sum(n) if n is not None and self.growing else None,
                ),
            )
        return found


def _count(rows: Iterable[_Read], counts: dict[RunKey, float]) -> None:
    for row in rows:
        # A counter of starts is not one of finished runs.
        if row.op is Op.DELTA and row.dims.status is not RunStatus.RUNNING:
            key = row.dims.run_key
            # Runs are whole; only increase(), the last resort of exact_increase, is not.
            counts[key] = counts.get(key, 0.0) + round(row.value)


def _level(rows: Iterable[_Read], levels: dict[str | None, float], agg: str) -> None:
    """Raw labels that mean the same are aggregated as the server did with equal ones."""
    for row in rows:
        before = levels.get(row.dims.workflow)
        if before is None:
            levels[row.dims.workflow] = row.value
        elif agg == "sum":
            levels[row.dims.workflow] = before + row.value
        else:
            levels[row.dims.workflow] = max(before, row.value) if agg == "max" else min(before, row.value)


def _bound(labels: Mapping[str, str]) -> float:
    try:
        return float(labels.get("le", "nan"))
    except ValueError:
        return math.nan


def _note_labels(dims: Dims, seen: set[str]) -> None:
    if dims.workflow is not None:
        seen.add("workflow")
    if dims.status is not None:
        seen.add("status")
    if dims.model is not None:
        seen.add("model")
    if dims.kind_exposed:
        seen.add("kind")
