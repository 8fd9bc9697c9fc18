"""From what the sources observed to one row per workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from wfmon.analysis.choose import Claim, by_trust, claim, grown
from wfmon.analysis.observed import HourOf, ObservedMetrics, ObservedRuns
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.spending import Spent, claimed_hour, hours_of, logged_hour
from wfmon.model.baseline import Baseline
from wfmon.model.metrics import Amount, CallKey, CostKey, Quantiles, TokenKey, TokenKind
from wfmon.model.record import dataclass, field
from wfmon.model.snapshot import CostQuality, LadderStep, Workflow
from wfmon.model.windows import window_ladder

Number = TypeVar("Number", int, float)

# cached and cache_write are inside input, reasoning inside output: adding them would count twice
ADDED_KINDS = frozenset({TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.TOTAL})


@dataclass(frozen=True, slots=True)
class Windows:
    """Seconds and runs, as in the config section of the same name."""

    runs: float
    grow_runs: int
    longest: float
    rate: float

    @property
    def ladder(self) -> tuple[float, ...]:
        return window_ladder(self.runs, self.longest)


@dataclass(frozen=True, slots=True)
class Claims:
    """Who answers for what, among the metrics sources; keyed by workflow (None: not split)."""

    ladders: dict[str | None, Claim[tuple[LadderStep, ...]]]
    durations: dict[str | None, Claim[Quantiles]]
    active: dict[str | None, Claim[float]]
    retries: dict[str | None, Claim[Amount]]
    tokens: dict[str | None, Claim[list[tuple[TokenKey, Amount]]]]
    cost: dict[str | None, Claim[list[tuple[CostKey, Amount]]]]
    calls: dict[str | None, Claim[list[tuple[CallKey, Amount]]]]
    hours: dict[tuple[str, str | None], HourOf] = field(default_factory=dict)


def claims_of(metrics: Sequence[ObservedMetrics]) -> Claims:
    """Sort out the metrics sources once; rows and totals then only look up."""
    ranked = by_trust(metrics)
    return Claims(
        ladders=claim(ranked, [source.ladders for source in ranked]),
        durations=_claim_split(ranked),
        active=claim(ranked, [source.active for source in ranked]),
        retries=claim(ranked, [source.retries for source in ranked]),
        tokens=claim(ranked, [source.tokens for source in ranked]),
        cost=claim(ranked, [source.cost for source in ranked]),
        calls=claim(ranked, [source.calls for source in ranked]),
        hours=hours_of(ranked),
    )


def _claim_split(ranked: Sequence[ObservedMetrics]) -> dict[str | None, Claim[Quantiles]]:
    """Quantiles are given both per workflow and for all: the two are no parts of each other."""
    claims: dict[str | None, Claim[Quantiles]] = {}
    for source in ranked:
        for name, value in source.durations.items():
            claims.setdefault(name, Claim(source.source, source.at, source.covered, value))
    return claims


@dataclass(frozen=True, slots=True)
class _Logs:
    """One workflow in the logs of one source."""

    source: str
    fresh: bool
    at: float
    index: RunIndex


class Drawn(Protocol):
    """Drawn series by name."""

    def drawn(self, name: str) -> tuple[float | None, ...]: ...


@dataclass(frozen=True, slots=True)
class Extras:
    """What does not come from metrics or logs, by workflow."""

    rss_bytes: Mapping[str, int]
    runbooks: Mapping[str, str]
    error_trends: Drawn
    baselines: Mapping[str, Baseline] = field(default_factory=dict)


def merge_workflows(
    metrics: Sequence[ObservedMetrics],
    claims: Claims,
    logs: Sequence[ObservedRuns],
    windows: Windows,
    extras: Extras,
) -> tuple[Workflow, ...]:
    """One row per workflow that any source names, sorted by name."""
    in_logs: dict[str, _Logs] = {}
    for source in sorted(logs, key=lambda source: not source.fresh):
        for name, index in source.indexes.items():
            in_logs.setdefault(name, _Logs(source.source, source.fresh, source.at, index))
    names = {*in_logs, *(name for source in metrics for name in source.workflows())}
    return tuple(_Row(name, claims, in_logs.get(name), windows).build(extras) for name in sorted(names))


class _Row:
    """Collects the figures of one workflow and which source each is from."""

    def __init__(self, name: str, claims: Claims, logs: _Logs | None, windows: Windows) -> None:
        self.name = name
        self.claims = claims
        self.logs = logs
        self.windows = windows
        self.origin: dict[str, str] = {}
        self.times: list[float] = []

    def build(self, extras: Extras) -> Workflow:
        ladder = self._ladder()
        step = grown(ladder, self.windows.grow_runs) if ladder else None
        known = step is not None and step.covered > 0
        active, at_least = self._active()
        durations = self._durations(step)
        newest = self.logs.index.newest if self.logs else None
        tokens = self._tokens()
        cost = self._cost()
        spent = self._spent()
        retries = self._retries(step)
        calls = self._calls()
        return Workflow(
            name=self.name,
            sources=tuple(dict.fromkeys(self.origin.values())),
            active=active,
            active_at_least=at_least,
            runs=step.counts if step and known else None,
            window_seconds=(step.span or None) if step and known else None,
            as_of=min(self.times, default=None),
            runs_per_minute=per_minute(ladder[0].counts.n, ladder[0].span) if ladder else None,
            retries=retries,
            duration_p50_seconds=durations.p50 if durations else None,
            duration_p95_seconds=durations.p95 if durations else None,
            tokens_per_minute=tokens,
            cost_usd_per_hour=cost,
            cost_quality=CostQuality.EXACT if cost is not None else None,
            api_calls_per_minute=calls,
            last_run_at=newest.ended_at if newest else None,
            last_status=newest.status if newest else None,
            last_error=self.logs.index.newest_error if self.logs else None,
            usual=extras.baselines.get(self.name),
            rss_bytes=extras.rss_bytes.get(self.name),
            error_trend=extras.error_trends.drawn(self.name),
            origin=tuple(sorted(self.origin.items())),
            ladder=ladder,
            runbook=extras.runbooks.get(self.name),
            cost_hour_usd=spent.usd if spent else None,
            cost_hour_seconds=spent.seconds if spent else None,
        )

    def _from(self, figure: str, source: str, at: float) -> None:
        self.origin[figure] = source
        self.times.append(at)

    def _known(self, figure: str, source: str, at: float, value: Number | None) -> Number | None:
        if value is not None:
            self._from(figure, source, at)
        return value

    def _ladder(self) -> tuple[LadderStep, ...]:
        """From logs when what was read back covers the window, else from whoever covers more."""
        claimed = self.claims.ladders.get(self.name)
        if self.logs is None:
            if claimed is None:
                return ()
            self._from("runs", claimed.source, claimed.at)
            return claimed.value
        own = tuple(self.logs.index.step(self.logs.at, seconds) for seconds in self.windows.ladder)
        if claimed is not None:
            needed = grown(own, self.windows.grow_runs)
            other = grown(claimed.value, self.windows.grow_runs)
            covers = needed.covered >= needed.seconds and self.logs.fresh
            if not covers and other.covered >= needed.covered:
                self._from("runs", claimed.source, claimed.at)
                return claimed.value
        self._from("runs", self.logs.source, self.logs.at)
        return own

    @property
    def _runs_from_logs(self) -> bool:
        return self.logs is not None and self.origin.get("runs") == self.logs.source

    def _active(self) -> tuple[int | None, bool]:
        claimed = self.claims.active.get(self.name)
        if claimed is not None:
            self._from("active", claimed.source, claimed.at)
            return round(claimed.value), False
        if self.logs is None:
            return None, False
        self._from("active", self.logs.source, self.logs.at)
        return len(self.logs.index.runs.open), not self.logs.index.runs.open_complete

    def _durations(self, step: LadderStep | None) -> Quantiles | None:
        from_logs = (
            self.logs.index.durations(self.logs.at, step.seconds) if self.logs and step is not None else None
        )
        claimed = self.claims.durations.get(self.name)
        if from_logs is not None and from_logs.n and (self._runs_from_logs or claimed is None):
            assert self.logs is not None
            self._from("duration", self.logs.source, self.logs.at)
            return from_logs
        if claimed is not None:
            self._from("duration", claimed.source, claimed.at)
            return claimed.value
        return None

    def _retries(self, step: LadderStep | None) -> int | None:
        """From where the runs are from; logs that tell of no retries leave it to the metrics."""
        own = self.logs.index.sums(self.logs.at, step.seconds).retries if self.logs and step else None
        claimed = self.claims.retries.get(self.name)
        if claimed is not None and (own is None or not self._runs_from_logs):
            delta = claimed.value.delta
            return self._known("retries", claimed.source, claimed.at, None if delta is None else round(delta))
        if self.logs is None:
            return None
        return self._known("retries", self.logs.source, self.logs.at, own)

    def _tokens(self) -> float | None:
        claimed = self.claims.tokens.get(self.name)
        if claimed is not None:
            rate = per_minute(added_tokens(claimed.value), claimed.covered)
            return self._known("tokens", claimed.source, claimed.at, rate)
        if self.logs is None:
            return None
        sums = self.logs.index.sums(self.logs.at, self.windows.rate)
        return self._known("tokens", self.logs.source, self.logs.at, per_minute(sums.tokens, self._told()))

    def _cost(self) -> float | None:
        claimed = self.claims.cost.get(self.name)
        if claimed is not None:
            rate = per_hour(grown_by(claimed.value), claimed.covered)
            return self._known("cost", claimed.source, claimed.at, rate)
        if self.logs is None:
            return None
        sums = self.logs.index.sums(self.logs.at, self.windows.rate)
        return self._known("cost", self.logs.source, self.logs.at, per_hour(sums.cost_usd, self._told()))

    def _spent(self) -> Spent | None:
        if self.name in self.claims.cost:
            return claimed_hour(self.name, self.claims.cost, self.claims.hours)
        return logged_hour(self.logs.index, self.logs.at) if self.logs is not None else None

    def _calls(self) -> float | None:
        claimed = self.claims.calls.get(self.name)
        if claimed is not None:
            rate = per_minute(grown_by(claimed.value), claimed.covered)
            return self._known("api_calls", claimed.source, claimed.at, rate)
        if self.logs is None or not self.logs.index.runs.api_calls:
            return None
        made = self.logs.index.api_calls(self.logs.at, self.windows.rate)
        return self._known("api_calls", self.logs.source, self.logs.at, per_minute(made, self._told()))

    def _told(self) -> float:
        return self.logs.index.told(self.logs.at, self.windows.rate) if self.logs else 0.0


def grown_by(amounts: Iterable[tuple[object, Amount]]) -> float | None:
    """Sum of the deltas; None where a part is not known yet."""
    total = 0.0
    for _, amount in amounts:
        if amount.delta is None:
            return None
        total += amount.delta
    return total


def added_tokens(amounts: Iterable[tuple[TokenKey, Amount]]) -> float | None:
    """Growth of the kinds that are no subset of another kind."""
    return grown_by((key, amount) for key, amount in amounts if key.kind in ADDED_KINDS)


def per_minute(value: float | None, covered: float) -> float | None:
    """A rate per minute over the seconds that are known; None of nothing."""
    return None if value is None or covered <= 0 else value * 60.0 / covered


def per_hour(value: float | None, covered: float) -> float | None:
    """A rate per hour over the seconds that are known; None of nothing."""
    return None if value is None or covered <= 0 else value * 3600.0 / covered
