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
    Space,
    TokenKey,
    Trend,
)
from wfmon.model.record import dataclass, field
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import (
    NEVER_NEGATIVE,
    TIMED,
    Canon,
    Dims,
    aggregated,
    counted_window,
    kept_dims,
    settle_tokens,
    space_side,
    without_unpriced,
    zero_fill,
)
from wfmon.sources.figure_sums import hour_tokens
from wfmon.sources.histogram import histogram_quantile
from wfmon.sources.prometheus_api import Row
from wfmon.sources.prometheus_fit import Fitting
from wfmon.sources.prometheus_queries import Query
from wfmon.sources.promql import OP_LABEL, Op

HOUR = 3600.0

Key = TypeVar("Key")


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
class _Times:
    """``buckets``: growth by upper bound; None is the whole of all workflows."""

    buckets: dict[str | None, dict[float, float]] = field(default_factory=dict)
    given: dict[tuple[str | None, Op], list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    """A look as one profile reads it, while its answers are put together.

    ``growing`` is False while the server has not watched long enough for growth to be known. The signals
    of one concept are added up.
    """

    fitting: Fitting
    growing: bool
    runs: dict[float, dict[RunKey, float]] = field(default_factory=dict)
    levels: dict[Concept, dict[str | None, float]] = field(default_factory=dict)
    spaces: dict[str, dict[str | None, float]] = field(default_factory=dict)
    retries: dict[str | None, Amount] = field(default_factory=dict)
    timeouts: dict[str | None, Amount] = field(default_factory=dict)
    calls: dict[CallKey, Amount] = field(default_factory=dict)
    tokens: dict[TokenKey, Amount] = field(default_factory=dict)
    cost: dict[CostKey, Amount] = field(default_factory=dict)
    hour_cost: dict[CostKey, float] | None = None
    hour_tokens: dict[TokenKey, float] | None = None
    exposed: set[Concept] = field(default_factory=set)
    labels_seen: dict[Concept, set[str]] = field(default_factory=dict)
    labels_kept: dict[Concept, set[str]] = field(default_factory=dict)
    _times: dict[Concept, _Times] = field(default_factory=dict)
    _windowed: set[float] = field(default_factory=set)

    def add(self, answer: Answered) -> None:
        concept, query = answer.query.concept, answer.query
        rows = self._read(answer)
        if rows:
            self.exposed.add(concept)
        if concept is Concept.RUNS:
            self._add_runs(rows, query)
        elif concept in TIMED:
            _add_times(rows, self._times.setdefault(concept, _Times()), growing=self.growing)
        elif concept is Concept.STORAGE:
            self._add_space(rows, query)
        elif concept is Concept.RETRIES:
            self._amounts(rows, self.retries, lambda dims: dims.workflow)
        elif concept is Concept.TIMEOUTS:
            self._amounts(rows, self.timeouts, lambda dims: dims.workflow)
        elif concept is Concept.CALLS:
            self._amounts(rows, self.calls, lambda dims: dims.call_key)
        elif concept is Concept.TOKENS:
            self._amounts(rows, self.tokens, lambda dims: dims.token_key)
        elif concept is Concept.COST:
            self._amounts(rows, self.cost, lambda dims: dims.cost_key)
        else:
            levels = self.levels.setdefault(concept, {})
            _level(rows, levels, query.signal.agg, lambda dims: dims.workflow)

    def add_hour(self, answer: Answered) -> None:
        """What was spent in the last hour."""
        rows = self._read(answer)
        if answer.query.concept is Concept.COST:
            self.hour_cost = _plus(self.hour_cost, rows, lambda dims: dims.cost_key)
        else:
            self.hour_tokens = _plus(self.hour_tokens, rows, lambda dims: dims.token_key)

    def sample(self, at: float, window: float, known: float, trends: tuple[Trend, ...]) -> MetricsSample:
        """``known``: for how many seconds the server has been watching; no window covers more."""
        profile = self.fitting.profile
        cost = without_unpriced(_not_negative(self.cost), profile)
        return MetricsSample(
            at=at,
            window=window,
            covered=min(window, known),
            exposed=frozenset(self.exposed),
            runs=tuple(
                RunWindow(
                    seconds,
                    seconds if seconds in self._windowed else min(seconds, known),
                    zero_fill({key: max(0.0, count) for key, count in counts.items()}),
                )
                for seconds, counts in sorted(self.runs.items())
            )
            if Concept.RUNS in self.exposed
            else (),
            durations=_quantiles(self._times.get(Concept.DURATION), growing=self.growing),
            wait=_quantiles(self._times.get(Concept.WAIT), growing=self.growing),
            active=self._level(Concept.ACTIVE),
            queue=self._level(Concept.QUEUE),
            budget=self._level(Concept.BUDGET),
            memory=self._level(Concept.MEMORY),
            storage=self._storage(),
            retries=_not_negative(self.retries),
            timeouts=_not_negative(self.timeouts),
            calls=_not_negative(self.calls),
            tokens=settle_tokens(_not_negative(self.tokens), profile),
            cost=cost,
            hour_cost=self._hour_cost(cost, known),
            trends=trends,
            profile=profile.name,
            title=profile.title,
            layer=profile.layer,
            replaces=tuple(profile.replaces),
        )

    def _storage(self) -> dict[str | None, Space]:
        size, free = self.spaces.get("size", {}), self.spaces.get("free", {})
        return {mount: Space(size.get(mount), free.get(mount)) for mount in {**size, **free}}

    def _level(self, concept: Concept) -> dict[str | None, float]:
        levels = self.levels.get(concept, {})
        return (
            {key: max(0.0, value) for key, value in levels.items()} if concept in NEVER_NEGATIVE else levels
        )

    def _hour_cost(self, cost: Mapping[CostKey, Amount], known: float) -> HourCost | None:
        asked = self.hour_tokens if self.hour_cost is None and not self.cost else self.hour_cost
        if asked is None or not self.growing:
            return None
        priced = {key: usd for key, usd in (self.hour_cost or {}).items() if usd or key in cost}
        return HourCost(min(HOUR, known), priced, hour_tokens(self.hour_tokens or {}, self.fitting.profile))

    def _read(self, answer: Answered) -> list[_Read]:
        query = answer.query
        canon = Canon(query.profile)
        seen = self.labels_seen.setdefault(query.concept, set())
        self.labels_kept.setdefault(query.concept, set()).update(kept_dims(query.concept, query.signal))
        read: list[_Read] = []
        for row in answer.rows:
            if not math.isfinite(row.value):
                continue
            labels = self.fitting.targets.added(row.labels)
            dims = canon.dims(query.concept, query.signal, labels, self.fitting.tables)
            _note_labels(dims, seen)
            op = Op(row.labels.get(OP_LABEL, Op.NOW))
            whole = op is Op.BUCKET or (op is Op.DELTA and query.concept in TIMED)
            value = row.value if whole else row.value * query.scale
            bound = _bound(row.labels) * query.scale if op is Op.BUCKET else math.nan
            read.append(_Read(dims, op, value, bound))
        return read

    def _add_runs(self, rows: Iterable[_Read], query: Query) -> None:
        seconds = counted_window(Concept.RUNS, query.signal)
        if seconds is not None:
            self._windowed.add(seconds)
        window = seconds if seconds is not None else query.window
        if window is None:
            return
        counts = self.runs.setdefault(window, {})
        wanted = Op.DELTA if seconds is None else Op.NOW
        for row in rows:
            # A counter of starts is not one of finished runs.
            if row.op is wanted and row.dims.status is not RunStatus.RUNNING:
                key = row.dims.run_key
                # Runs are whole; only increase(), the last resort of exact_increase, is not.
                value = round(row.value) if seconds is None else row.value
                counts[key] = aggregated(query.signal.agg, counts.get(key), value)

    def _add_space(self, rows: Iterable[_Read], query: Query) -> None:
        side = space_side(query.signal)
        if side is not None:
            _level(rows, self.spaces.setdefault(side, {}), query.signal.agg, lambda dims: dims.mount)

    def _amounts(self, rows: Iterable[_Read], into: dict[Key, Amount], key_of: Callable[[Dims], Key]) -> None:
        """Adds up rows whose labels mean the same."""
        deltas: dict[Key, float] = {}
        totals: dict[Key, float] = {}
        for row in rows:
            side = deltas if row.op is Op.DELTA else totals
            key = key_of(row.dims)
            side[key] = side.get(key, 0.0) + row.value
        for key in deltas.keys() | totals.keys():
            before = into.get(key, Amount(None, None))
            delta = deltas.get(key) if self.growing else None
            into[key] = Amount(_sum(before.delta, delta), _sum(before.total, totals.get(key)))


def _plus(
    before: dict[Key, float] | None, rows: Iterable[_Read], key_of: Callable[[Dims], Key]
) -> dict[Key, float]:
    sums = before or {}
    for row in rows:
        key = key_of(row.dims)
        sums[key] = sums.get(key, 0.0) + row.value
    return sums


def _add_times(rows: Iterable[_Read], times: _Times, *, growing: bool) -> None:
    for row in rows:
        if row.op is Op.BUCKET and growing:
            for workflow in {row.dims.workflow, None}:
                bounds = times.buckets.setdefault(workflow, {})
                bounds[row.bound] = bounds.get(row.bound, 0.0) + row.value
        elif row.op is not Op.BUCKET:
            times.given.setdefault((row.dims.workflow, row.op), []).append(row.value)


def _quantiles(times: _Times | None, *, growing: bool) -> dict[str | None, Quantiles]:
    if times is None:
        return {}
    found = {
        workflow: Quantiles(
            histogram_quantile(0.5, bounds.items()),
            histogram_quantile(0.95, bounds.items()),
            bounds.get(math.inf),
        )
        for workflow, bounds in times.buckets.items()
    }
    for workflow in {workflow for workflow, _ in times.given}:
        # Quantiles of several series cannot be put together, numbers of observations can.
        p50, p95 = times.given.get((workflow, Op.P50), []), times.given.get((workflow, Op.P95), [])
        n = times.given.get((workflow, Op.DELTA))
        found.setdefault(
            workflow,
            Quantiles(
                p50[0] if len(p50) == 1 else None,
                p95[0] if len(p95) == 1 else None,
                sum(n) if n is not None and growing else None,
            ),
        )
    return found


def _level(
    rows: Iterable[_Read],
    levels: dict[str | None, float],
    agg: str,
    key_of: Callable[[Dims], str | None],
) -> None:
    """Raw labels that mean the same are aggregated as the server did with equal ones."""
    for row in rows:
        key = key_of(row.dims)
        levels[key] = aggregated(agg, levels.get(key), row.value)


def _sum(left: float | None, right: float | None) -> float | None:
    return left if right is None else right if left is None else left + right


def _not_negative(amounts: Mapping[Key, Amount]) -> dict[Key, Amount]:
    """Where a signal is subtracted, two samples of it and of the others may lie apart."""
    return {
        key: Amount(
            None if amount.delta is None else max(0.0, amount.delta),
            None if amount.total is None else max(0.0, amount.total),
        )
        for key, amount in amounts.items()
    }


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
