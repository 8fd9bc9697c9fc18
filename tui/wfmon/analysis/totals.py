"""Across all workflows: the totals line, tokens by model, money by model, provider and workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from wfmon.analysis.choose import Claim
from wfmon.analysis.merge import ADDED_KINDS, Claims, Windows, grown_by, per_hour, per_minute
from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.quantile import quantile
from wfmon.analysis.spending import total_hour
from wfmon.model.metrics import Amount, CallKey, CostKey, Quantiles, TokenKey, TokenKind
from wfmon.model.record import dataclass, field
from wfmon.model.run import COUNTED, Run
from wfmon.model.snapshot import (
    Cost,
    CostQuality,
    CostRow,
    LadderStep,
    StatusCounts,
    TokenRow,
    Totals,
    Workflow,
)


def total(
    workflows: Sequence[Workflow],
    claims: Claims,
    logs: Sequence[ObservedRuns],
    windows: Windows,
    tokens_per_minute: float | None,
    usd_per_hour: float | None,
) -> Totals:
    """Sums over workflows; a figure that no workflow has, but an unsplit source does, is its own."""
    steps = _first_steps(workflows, claims.ladders)
    counts = _add(step.counts for step in steps)
    covered = max((step.span for step in steps), default=0.0)
    active, at_least = _active(workflows, claims.active)
    spent = total_hour(workflows, claims.cost, claims.hours)
    durations = _durations(claims.durations, logs, windows.rate)
    return Totals(
        active=active,
        active_at_least=at_least,
        n=counts.n if covered > 0 else None,
        runs_per_minute=per_minute(counts.n, covered),
        success_ratio=counts.success_ratio,
        error_ratio=counts.error_ratio,
        retries=_sum_known(workflow.retries for workflow in workflows),
        duration_p50_seconds=durations.p50 if durations else None,
        duration_p95_seconds=durations.p95 if durations else None,
        tokens_per_minute=tokens_per_minute,
        cost_usd_per_hour=usd_per_hour,
        cost_quality=CostQuality.EXACT if usd_per_hour is not None else None,
        api_calls_per_minute=_calls(workflows, claims.calls),
        window_seconds=covered or None,
        rate_window_seconds=_rate_window(claims, logs, windows.rate),
        cost_hour_usd=spent.usd if spent else None,
        cost_hour_seconds=spent.seconds if spent else None,
    )


def _first_steps(
    workflows: Sequence[Workflow], claims: dict[str | None, Claim[tuple[LadderStep, ...]]]
) -> list[LadderStep]:
    unsplit = claims.get(None)
    if unsplit is not None and unsplit.value:
        return [unsplit.value[0]]
    return [workflow.ladder[0] for workflow in workflows if workflow.ladder]


def _add(counts: Iterable[StatusCounts]) -> StatusCounts:
    parts = list(counts)
    return StatusCounts(
        success=sum(part.success for part in parts),
        error=sum(part.error for part in parts),
        timeout=sum(part.timeout for part in parts),
        cancelled=sum(part.cancelled for part in parts),
        lost=sum(part.lost for part in parts),
        other=sum(part.other for part in parts),
    )


def _active(workflows: Sequence[Workflow], claims: dict[str | None, Claim[float]]) -> tuple[int | None, bool]:
    unsplit = claims.get(None)
    if unsplit is not None:
        return round(unsplit.value), False
    known = [workflow for workflow in workflows if workflow.active is not None]
    if not known:
        return None, False
    at_least = len(known) < len(workflows) or any(workflow.active_at_least for workflow in known)
    return sum(workflow.active or 0 for workflow in known), at_least


def _durations(
    claims: dict[str | None, Claim[Quantiles]], logs: Sequence[ObservedRuns], seconds: float
) -> Quantiles | None:
    claimed = claims.get(None)
    if claimed is not None:
        return claimed.value
    ordered = sorted(
        run.duration_seconds
        for source in logs
        for index in source.indexes.values()
        for run in index.within(source.at, seconds)
        if run.duration_seconds is not None and run.status in COUNTED
    )
    return (
        Quantiles(quantile(ordered, 0.5), quantile(ordered, 0.95), float(len(ordered))) if ordered else None
    )


def _calls(
    workflows: Sequence[Workflow], claims: dict[str | None, Claim[list[tuple[CallKey, Amount]]]]
) -> float | None:
    unsplit = claims.get(None)
    if unsplit is not None:
        return per_minute(grown_by(unsplit.value), unsplit.covered)
    known = [w.api_calls_per_minute for w in workflows if w.api_calls_per_minute is not None]
    return sum(known) if known else None


def _rate_window(claims: Claims, logs: Sequence[ObservedRuns], seconds: float) -> float | None:
    """The shortest time that the rates of tokens, else of cost, are over; None without either."""
    for claimed in (claims.tokens, claims.cost):
        known = [each.covered for each in claimed.values()]
        if None not in claimed:
            known += [
                index.told(source.at, seconds)
                for source in logs
                for name, index in source.indexes.items()
                if name not in claimed
                and any(run.usage.total is not None for run in index.within(source.at, seconds))
            ]
        if known:
            return min(*known, seconds) or None
    return None


def _sum_known(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


@dataclass(slots=True)
class _Rate:
    """Adds up parts; None of nothing, and as soon as one part is not known."""

    value: float | None = None
    unknown: bool = False

    def add(self, part: float | None) -> None:
        self.unknown = self.unknown or part is None
        self.value = None if part is None or self.unknown else (self.value or 0.0) + part


@dataclass(slots=True)
class _Pair:
    rate: _Rate = field(default_factory=_Rate)
    total: _Rate = field(default_factory=_Rate)


def token_rows(
    claims: Claims, logs: Sequence[ObservedRuns], windows: Windows
) -> tuple[tuple[TokenRow, ...], float | None]:
    """Rows of who is claimed by metrics, else of the runs in logs, and tokens per minute of all."""
    rows = [
        TokenRow(
            key.model, key.provider, name, key.kind, per_minute(amount.delta, claimed.covered), amount.total
        )
        for name, claimed in claims.tokens.items()
        for key, amount in claimed.value
    ]
    if None not in claims.tokens:
        for source in logs:
            for name, index in source.indexes.items():
                if name not in claims.tokens:
                    runs = index.within(source.at, windows.rate)
                    rows.extend(_run_tokens(name, runs, index.told(source.at, windows.rate)))
    rate = _Rate()
    for row in rows:
        if row.kind in ADDED_KINDS:
            rate.add(row.per_minute)
    ordered = sorted(
        rows, key=lambda row: (row.workflow or "", row.model or "", row.kind, row.provider or "")
    )
    return tuple(ordered), rate.value


def _run_tokens(workflow: str, runs: Sequence[Run], covered: float) -> list[TokenRow]:
    sums: dict[TokenKey, int] = {}
    for run in runs:
        for kind, value in _kinds(run):
            key = TokenKey(workflow, run.provider, run.model, kind)
            sums[key] = sums.get(key, 0) + value
    return [
        TokenRow(key.model, key.provider, workflow, key.kind, per_minute(value, covered), None)
        for key, value in sums.items()
    ]


def _kinds(run: Run) -> list[tuple[TokenKind, int]]:
    usage = run.usage
    if usage.input is None and usage.output is None:
        return [(TokenKind.TOTAL, usage.total)] if usage.total is not None else []
    named = (
        (TokenKind.INPUT, usage.input),
        (TokenKind.OUTPUT, usage.output),
        (TokenKind.CACHED, usage.cached),
        (TokenKind.CACHE_WRITE, usage.cache_write),
        (TokenKind.REASONING, usage.reasoning),
    )
    return [(kind, value) for kind, value in named if value is not None]


def cost_of(claims: Claims, logs: Sequence[ObservedRuns], windows: Windows) -> Cost:
    """Reported money only; what is not priced is left out, never $0."""
    parts = [
        (CostKey(name, key.provider, key.model), per_hour(amount.delta, claimed.covered), amount.total)
        for name, claimed in claims.cost.items()
        for key, amount in claimed.value
    ]
    if None not in claims.cost:
        parts.extend(_run_costs(claims, logs, windows))
    every = _Rate()
    for _, usd_per_hour, _ in parts:
        every.add(usd_per_hour)
    return Cost(
        usd_per_hour=every.value,
        by_model=_rows(parts, lambda key: key.model),
        by_provider=_rows(parts, lambda key: key.provider),
        by_workflow=_rows(parts, lambda key: key.workflow),
        wasted_usd=_wasted(logs, windows.rate),
    )


_Part = tuple[CostKey, float | None, float | None]


def _run_costs(claims: Claims, logs: Sequence[ObservedRuns], windows: Windows) -> list[_Part]:
    parts: list[_Part] = []
    for source in logs:
        for name, index in source.indexes.items():
            if name in claims.cost:
                continue
            told = index.told(source.at, windows.rate)
            for run in index.within(source.at, windows.rate):
                if run.usage.cost_usd is not None:
                    key = CostKey(name, run.provider, run.model)
                    parts.append((key, per_hour(run.usage.cost_usd, told), None))
    return parts


def _rows(parts: Sequence[_Part], pick: Callable[[CostKey], str | None]) -> tuple[CostRow, ...]:
    sums: dict[str | None, _Pair] = {}
    for key, usd_per_hour, usd in parts:
        pair = sums.setdefault(pick(key), _Pair())
        pair.rate.add(usd_per_hour)
        pair.total.add(usd)
    ordered = sorted(sums.items(), key=lambda item: -(item[1].rate.value or 0.0))
    return tuple(CostRow(name, pair.rate.value, pair.total.value) for name, pair in ordered)


def _wasted(logs: Sequence[ObservedRuns], seconds: float) -> float | None:
    """Money of failed runs that ended within the rate window, where runs report their cost."""
    wasted = _Rate()
    for source in logs:
        for index in source.indexes.values():
            for run in index.within(source.at, seconds):
                if run.usage.cost_usd is not None:
                    wasted.add(run.usage.cost_usd if run.failed else 0.0)
    return wasted.value
