"""Across all workflows: the totals line, tokens by model, money by model, provider and workflow."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import fsum

from wfmon.analysis.burning import HOUR, Burning, Part, hour_of
from wfmon.analysis.choose import Claim, Claims, Value
from wfmon.analysis.counting import LOGS
from wfmon.analysis.merge import ADDED_KINDS, Windows, counted_rows, grown_by, per_minute
from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.quantile import quantile
from wfmon.analysis.runindex import RunIndex
from wfmon.model.metrics import Amount, Concept, Quantiles, TokenKey, TokenKind
from wfmon.model.money import NO_MONEY
from wfmon.model.money import total as money_of
from wfmon.model.prices import PriceBook, parts_of, retried_money, run_money
from wfmon.model.record import dataclass
from wfmon.model.run import COUNTED, Run, RunStatus, Usage
from wfmon.model.snapshot import (
    CallRow,
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
    cost: Cost,
) -> Totals:
    """Sums over workflows, of the systems that are counted; a figure that no workflow has, but an unsplit
    source does, is its own."""
    rows = counted_rows(workflows, claims, logs, windows)
    whole = claims.whole
    steps = _first_steps(rows, whole)
    counts = _add(step.counts for step in steps)
    covered = max((step.span for step in steps), default=0.0)
    active, at_least = _active(rows, whole)
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
        cost_usd_per_hour=cost.usd_per_hour,
        cost_quality=cost.burn.quality,
        api_calls_per_minute=_calls(rows, whole),
        window_seconds=covered or None,
        rate_window_seconds=_rate_window(whole, logs, windows.rate),
        cost_hour_usd=cost.hour.least,
        cost_hour_seconds=cost.hour_seconds,
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


def token_rows(
    claims: Claims, logs: Sequence[ObservedRuns], windows: Windows
) -> tuple[tuple[TokenRow, ...], float | None]:
    """Rows of who is claimed by metrics, else of the runs in logs, and tokens per minute of all that is
    counted."""
    rows = [
        row
        for name, each, counted in _told(claims, Concept.TOKENS, claims.tokens, claims.whole.tokens)
        for row in _counted_tokens(name, each, claims, counted)
    ]
    for source, name, index, counted in _logged(
        claims, Concept.TOKENS, claims.tokens, claims.whole.tokens, logs
    ):
        rows.extend(_run_tokens(name, source.at, index, windows.rate, counted))
    rate = _Rate()
    for row in rows:
        if row.counted and row.kind in ADDED_KINDS:
            rate.add(row.per_minute)
    ordered = sorted(
        rows, key=lambda row: (row.workflow or "", row.model or "", row.kind, row.provider or "")
    )
    return tuple(ordered), rate.value


def call_rows(claims: Claims, logs: Sequence[ObservedRuns], windows: Windows) -> tuple[CallRow, ...]:
    """Calls by provider and workflow, the most first; of logs where no metrics tell of the workflow's."""
    rows: list[CallRow] = []
    for name, each in claims.calls.items():
        made: dict[str | None, list[tuple[bool | None, float | None]]] = {}
        for key, amount in each.value:
            made.setdefault(key.provider, []).append((key.ok, per_minute(amount.delta, each.covered)))
        for provider, rates in made.items():
            failed = [rate for ok, rate in rates if ok is False]
            split = any(ok is not None for ok, _ in rates)
            rows.append(
                CallRow(provider, name, _sum(rate for _, rate in rates), _sum(failed) if split else None)
            )
    for source in logs:
        for name, index in source.indexes.items():
            if name in claims.calls or claims.covers_all(claims.calls):
                continue
            told = index.told(source.at, windows.rate)
            for provider, times in index.runs.provider_calls:
                begin = bisect_right(times, source.at - windows.rate)
                made_calls = bisect_right(times, source.at) - begin
                rows.append(CallRow(provider or None, name, per_minute(made_calls, told)))
    return tuple(sorted(rows, key=lambda row: (-(row.per_minute or 0.0), row.provider or "")))


def _sum(rates: Iterable[float | None]) -> float | None:
    every = _Rate()
    for each in rates:
        every.add(each)
    return every.value


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


def _counted_tokens(
    name: str | None, each: Claim[list[tuple[TokenKey, Amount]]], claims: Claims, counted: bool
) -> Iterator[TokenRow]:
    """Of counters."""
    found = claims.hours.get((each.part.teller, None if each.rest else name))
    hours = dict(found.tokens) if found is not None and found.covered >= each.covered else {}
    known = min(HOUR, found.covered) if found is not None and hours else None
    for key, amount in each.value:
        rate = per_minute(amount.delta, each.covered)
        hour = hours.get(key, 0.0) if hours else None
        yield TokenRow(key.model, key.provider, name, key.kind, rate, amount.total, counted, hour, known)


def _run_tokens(
    workflow: str, at: float, index: RunIndex, seconds: float, counted: bool
) -> Iterator[TokenRow]:
    """Of runs that ended within the window, and within the last hour."""
    covered, known = index.told(at, seconds), index.told(at, HOUR)
    window, hour = _sums(index.within(at, seconds)), _sums(index.within(at, HOUR))
    for (provider, model, kind), used in hour.items():
        rate = per_minute(window.get((provider, model, kind), 0), covered)
        yield TokenRow(model, provider, workflow, kind, rate, None, counted, float(used), known or None)


def _sums(runs: Sequence[Run]) -> dict[tuple[str | None, str | None, TokenKind], int]:
    sums: dict[tuple[str | None, str | None, TokenKind], int] = {}
    for run in runs:
        for part in parts_of(run):
            for kind, value in _kinds(part.usage):
                key = (part.provider or None, part.model or None, kind)
                sums[key] = sums.get(key, 0) + value
    return sums


def _kinds(usage: Usage) -> list[tuple[TokenKind, int]]:
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


def cost_of(
    rows: Mapping[str | None, Burning],
    whole: Mapping[str | None, Burning],
    logs: Sequence[ObservedRuns],
    windows: Windows,
    book: PriceBook,
) -> Cost:
    """``rows``: of every workflow; ``whole``: those that are counted, which sums are of."""
    parts = [(each, part) for each in whole.values() for part in each.parts]
    apart = [(each, part) for name, each in rows.items() if name not in whole for part in each.parts]
    waits = any(each.waits for each in whole.values())
    burn = NO_MONEY if waits else money_of(part.burn for _, part in parts)
    hour, seconds = hour_of(whole.values())
    return Cost(
        usd_per_hour=burn.least,
        by_model=_rows(parts, lambda _, part: part.model),
        by_provider=_rows(parts, lambda _, part: part.provider),
        by_workflow=(
            *_rows(parts, lambda each, _: each.name),
            *_rows(apart, lambda each, _: each.name, counted=False),
        ),
        unpriced_tokens=hour.unpriced_tokens or None,
        wasted_usd=_wasted(logs, windows.rate, book),
        burn=burn,
        hour=hour,
        hour_seconds=seconds,
    )


_Parts = Sequence[tuple[Burning, Part]]


def _rows(
    parts: _Parts, pick: Callable[[Burning, Part], str | None], *, counted: bool = True
) -> tuple[CostRow, ...]:
    groups: dict[str | None, list[Part]] = {}
    waiting: set[str | None] = set()
    for each, part in parts:
        name = pick(each, part)
        groups.setdefault(name, []).append(part)
        if each.waits and not part.burn.known:
            waiting.add(name)
    made = []
    for name, own in groups.items():
        burn = NO_MONEY if name in waiting else money_of(part.burn for part in own)
        totals = [part.total_usd for part in own if part.total_usd is not None]
        hour = money_of(part.hour for part in own)
        made.append(CostRow(name, burn.least, fsum(totals) if totals else None, counted, burn, hour))
    return tuple(sorted(made, key=lambda row: -(row.usd_per_hour or 0.0)))


def _wasted(logs: Sequence[ObservedRuns], seconds: float, book: PriceBook) -> float | None:
    """USD at least, within the rate window, of runs that failed or were cancelled and of attempts that
    another followed; None where no run's cost is known."""
    known = False
    wasted = NO_MONEY
    for source in logs:
        for index in source.indexes.values():
            if not index.priced and Concept.TOKENS not in index.concepts:
                continue
            known = known or any(each.known for each in index.money(source.at, seconds, book).values())
            for run in index.failed(source.at, seconds):
                wasted = wasted + run_money(run, book)
            for run in index.within(source.at, seconds):
                if run.status is RunStatus.CANCELLED:
                    wasted = wasted + run_money(run, book)
                elif run.retried and not run.failed:
                    wasted = wasted + retried_money(run, book)
    return (wasted.least or 0.0) if known else None
