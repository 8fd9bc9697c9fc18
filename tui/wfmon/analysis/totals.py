"""Across all workflows: the totals line, tokens by model, money by model, provider and workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wfmon.analysis.choose import Claim, Claims, Value
from wfmon.analysis.counting import LOGS
from wfmon.analysis.merge import ADDED_KINDS, Windows, counted_rows, grown_by, per_hour, per_minute
from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.quantile import quantile
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.spending import total_hour
from wfmon.model.metrics import Concept, CostKey, Quantiles, TokenKey, TokenKind
from wfmon.model.money import CostQuality
from wfmon.model.record import dataclass, field
from wfmon.model.run import COUNTED, Run
from wfmon.model.snapshot import (
    Cost,
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
    """Sums over workflows, of the systems that are counted; a figure that no workflow has, but an unsplit
    source does, is its own."""
    rows = counted_rows(workflows, claims, logs, windows)
    whole = claims.whole
    steps = _first_steps(rows, whole)
    counts = _add(step.counts for step in steps)
    covered = max((step.span for step in steps), default=0.0)
    active, at_least = _active(rows, whole)
    spent = total_hour(rows, whole)
    durations = _durations(whole, logs, windows.rate)
    return Totals(
        active=active,
        active_at_least=at_least,
        n=counts.n if covered > 0 else None,
        runs_per_minute=per_minute(counts.n, covered),
        success_ratio=counts.success_ratio,
        error_ratio=counts.error_ratio,
        retries=_retries(rows, whole),
        duration_p50_seconds=durations.p50 if durations else None,
        duration_p95_seconds=durations.p95 if durations else None,
        tokens_per_minute=tokens_per_minute,
        cost_usd_per_hour=usd_per_hour,
        cost_quality=CostQuality.EXACT if usd_per_hour is not None else None,
        api_calls_per_minute=_calls(rows, whole),
        window_seconds=covered or None,
        rate_window_seconds=_rate_window(whole, logs, windows.rate),
        cost_hour_usd=spent.usd if spent else None,
        cost_hour_seconds=spent.seconds if spent else None,
        queue=round(sum(each.value for each in whole.queue.values())) if whole.queue else None,
    )


def _first_steps(workflows: Sequence[Workflow], claims: Claims) -> list[LadderStep]:
    if claims.covers_all(claims.ladders):
        return [each.value[0] for each in claims.ladders.values() if each.value]
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


def _active(workflows: Sequence[Workflow], claims: Claims) -> tuple[int | None, bool]:
    if claims.covers_all(claims.active):
        names = {name for name in claims.active if name is not None}
        return round(sum(each.value for each in claims.active.values())), not _all_told(names, claims)
    known = [workflow for workflow in workflows if workflow.active is not None]
    if not known:
        return None, False
    names = {workflow.name for workflow in known}
    missing = len(known) < len(workflows) and not _all_told(names, claims, len(workflows))
    return sum(workflow.active or 0 for workflow in known), missing or any(w.active_at_least for w in known)


def _all_told(names: set[str], claims: Claims, workflows: int | None = None) -> bool:
    """Whether those ``names`` whose active runs are known are all that the layer has which is counted;
    ``workflows``: how many there are."""
    if claims.counting.counted is None and workflows is not None:
        return len(names) == workflows
    told = {each.part.layer for each in claims.active.values()}
    unsplit = {each.part.profile for name, each in claims.active.items() if each.rest or name is None}
    return all(
        part.workflows() <= names
        for part in claims.parts
        if part.layer in told and part.profile not in unsplit
    )


def _retries(workflows: Sequence[Workflow], claims: Claims) -> int | None:
    known = [workflow.retries for workflow in workflows if workflow.retries is not None]
    if not known and None in claims.retries:
        delta = claims.retries[None].value.delta
        return None if delta is None else round(delta)
    return sum(known) if known else None


def _durations(claims: Claims, logs: Sequence[ObservedRuns], seconds: float) -> Quantiles | None:
    """Quantiles of several systems cannot be added up: then those of all are not known."""
    if len({each.part.profile for each in claims.durations.values()}) > 1:
        return None
    claimed = claims.durations.get(None)
    if claimed is not None:
        return claimed.value
    if not claims.counting.counts(Concept.DURATION, LOGS):
        return None
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


def _calls(workflows: Sequence[Workflow], claims: Claims) -> float | None:
    if claims.covers_all(claims.calls):
        every = _Rate()
        for each in claims.calls.values():
            every.add(per_minute(grown_by(each.value), each.covered))
        return every.value
    known = [w.api_calls_per_minute for w in workflows if w.api_calls_per_minute is not None]
    return sum(known) if known else None


def _rate_window(claims: Claims, logs: Sequence[ObservedRuns], seconds: float) -> float | None:
    """The shortest time that the rates of tokens, else of cost, are over; None without either."""
    for concept, claimed in ((Concept.TOKENS, claims.tokens), (Concept.COST, claims.cost)):
        known = [each.covered for each in claimed.values()]
        if claims.counting.counts(concept, LOGS) and not claims.covers_all(claimed):
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
    """Rows of who is claimed by metrics, else of the runs in logs, and tokens per minute of all that is
    counted."""
    rows = [
        TokenRow(
            key.model, key.provider, name, key.kind,
            per_minute(amount.delta, each.covered), amount.total, counted,
        )
        for name, each, counted in _told(claims, Concept.TOKENS, claims.tokens, claims.whole.tokens)
        for key, amount in each.value
    ]  # fmt: skip
    for source, name, index, counted in _logged(
        claims, Concept.TOKENS, claims.tokens, claims.whole.tokens, logs
    ):
        runs = index.within(source.at, windows.rate)
        rows.extend(_run_tokens(name, runs, index.told(source.at, windows.rate), counted))
    rate = _Rate()
    for row in rows:
        if row.counted and row.kind in ADDED_KINDS:
            rate.add(row.per_minute)
    ordered = sorted(
        rows, key=lambda row: (row.workflow or "", row.model or "", row.kind, row.provider or "")
    )
    return tuple(ordered), rate.value


_Of = Mapping[str | None, Claim[Value]]


def _told(
    claims: Claims, concept: Concept, every: _Of[Value], whole: _Of[Value]
) -> Iterator[tuple[str | None, Claim[Value], bool]]:
    """Each claim with its name and whether it is in the totals."""
    for name, each in whole.items():
        yield name, each, True
    if claims.counted is not None:
        for name, each in every.items():
            if not claims.counting.counts(concept, each.part.profile):
                yield name, each, False


def _logged(
    claims: Claims,
    concept: Concept,
    claimed: _Of[Value],
    whole: _Of[Value],
    logs: Sequence[ObservedRuns],
) -> Iterator[tuple[ObservedRuns, str, RunIndex, bool]]:
    """What only runs in logs tell, with whether it is in the totals: not where some of it may be in a
    figure that a counted system does not split."""
    if None in claimed:
        return
    counts = claims.counting.counts(concept, LOGS)
    counted = counts and not claims.covers_all(whole)
    for source in logs:
        for name, index in source.indexes.items():
            if name not in (whole if counts else claimed):
                yield source, name, index, counted


def _run_tokens(workflow: str, runs: Sequence[Run], covered: float, counted: bool) -> list[TokenRow]:
    sums: dict[TokenKey, int] = {}
    for run in runs:
        for kind, value in _kinds(run):
            key = TokenKey(workflow, run.provider, run.model, kind)
            sums[key] = sums.get(key, 0) + value
    return [
        TokenRow(key.model, key.provider, workflow, key.kind, per_minute(value, covered), None, counted)
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
    """Reported money only; what is not priced is left out, never $0. Rows of workflows are all there are,
    sums are of what is counted."""
    counted: list[_Part] = []
    apart: list[_Part] = []
    for name, each, counts in _told(claims, Concept.COST, claims.cost, claims.whole.cost):
        parts = counted if counts else apart
        for key, amount in each.value:
            usd_per_hour = per_hour(amount.delta, each.covered)
            parts.append((CostKey(name, key.provider, key.model), usd_per_hour, amount.total))
    for source, name, index, counts in _logged(claims, Concept.COST, claims.cost, claims.whole.cost, logs):
        (counted if counts else apart).extend(_run_costs(source.at, name, index, windows.rate))
    every = _Rate()
    for _, usd_per_hour, _ in counted:
        every.add(usd_per_hour)
    return Cost(
        usd_per_hour=every.value,
        by_model=_rows(counted, lambda key: key.model),
        by_provider=_rows(counted, lambda key: key.provider),
        by_workflow=(
            *_rows(counted, lambda key: key.workflow),
            *_rows(apart, lambda key: key.workflow, counted=False),
        ),
        wasted_usd=_wasted(logs, windows.rate),
    )


_Part = tuple[CostKey, float | None, float | None]


def _run_costs(at: float, workflow: str, index: RunIndex, seconds: float) -> Iterator[_Part]:
    told = index.told(at, seconds)
    for run in index.within(at, seconds):
        if run.usage.cost_usd is not None:
            yield CostKey(workflow, run.provider, run.model), per_hour(run.usage.cost_usd, told), None


def _rows(
    parts: Sequence[_Part], pick: Callable[[CostKey], str | None], *, counted: bool = True
) -> tuple[CostRow, ...]:
    sums: dict[str | None, _Pair] = {}
    for key, usd_per_hour, usd in parts:
        pair = sums.setdefault(pick(key), _Pair())
        pair.rate.add(usd_per_hour)
        pair.total.add(usd)
    ordered = sorted(sums.items(), key=lambda item: -(item[1].rate.value or 0.0))
    return tuple(CostRow(name, pair.rate.value, pair.total.value, counted) for name, pair in ordered)


def _wasted(logs: Sequence[ObservedRuns], seconds: float) -> float | None:
    """Money of failed runs that ended within the rate window, where runs report their cost."""
    wasted = _Rate()
    for source in logs:
        for index in source.indexes.values():
            for run in index.within(source.at, seconds):
                if run.usage.cost_usd is not None:
                    wasted.add(run.usage.cost_usd if run.failed else 0.0)
    return wasted.value
