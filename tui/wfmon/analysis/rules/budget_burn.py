"""Rule ``budget_burn``: a budget that is spent, is spent too fast, or will not last.

The windows are those of the SRE workbook, chapter 5 (alerting-and-burn 4.1), with money in the place of
errors: a budget burns ``F`` times too fast when within a window more than ``F`` times what would last until
the end of the period is spent; F = share x period / window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wfmon.analysis.words import span
from wfmon.model.alert import Finding, Severity
from wfmon.model.budget import Budget, BudgetStatus, Burnt, BurnWindow
from wfmon.model.record import dataclass
from wfmon.model.settings import BudgetBurnSettings

RULE = "budget_burn"
HOUR, DAY = 3600.0, 86_400.0
KNOWN = 0.9  # of a window: one that is known less says only what it proves
SOON = DAY
FORECAST_FOR = HOUR
KEEP = 1800.0


@dataclass(frozen=True, slots=True)
class _Cause:
    """``value`` against ``threshold`` in the unit of the budget, over ``window`` seconds."""

    severity: Severity
    words: str
    value: float | None
    threshold: float | None
    window: float | None = None
    for_seconds: float = 0.0
    keep_seconds: float = KEEP


def evaluate(
    statuses: Sequence[BudgetStatus], settings: BudgetBurnSettings, now: float
) -> tuple[Finding, ...]:
    """One finding per budget and severity, of the worst of its causes."""
    if not settings.enabled:
        return ()
    return tuple(finding for status in statuses for finding in _of(status, now))


def _of(status: BudgetStatus, now: float) -> Iterator[Finding]:
    causes = [*_spent(status, now), *_burning(status), *_lasting(status, now), *_forecast(status)]
    for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO):
        own = [cause for cause in causes if cause.severity is severity]
        yield _finding(status, severity, own[0] if own else None, now)


def _finding(status: BudgetStatus, severity: Severity, cause: _Cause | None, now: float) -> Finding:
    budget = status.budget
    unknown = status.amount is None
    known = f"{_amount(budget, status.amount)} of {_amount(budget, budget.limit)} this {budget.period}"
    return Finding(
        rule=RULE,
        labels=(("budget", budget.name),),
        severity=severity,
        holds=not unknown and cause is not None,
        learning=unknown,
        summary="what is spent of it is not known" if unknown else cause.words if cause else known,
        value=cause.value if cause is not None else status.amount,
        threshold=cause.threshold if cause is not None else budget.limit,
        unit="tokens" if budget.tokens else "usd",
        window_seconds=cause.window if cause is not None else None,
        for_seconds=cause.for_seconds if cause is not None else 0.0,
        keep_seconds=KEEP,
        clears=now - status.begin < KEEP and cause is None,
    )


def _spent(status: BudgetStatus, now: float) -> Iterator[_Cause]:
    """Shares of the budget that are spent: all of it is critical, the others warn from 80 % on."""
    budget, amount = status.budget, status.amount
    if amount is None:
        return
    reached = [share for share in budget.notify_at if amount >= share * budget.limit]
    if not reached:
        return
    share = max(reached)
    severity = Severity.CRITICAL if share >= 1 else Severity.WARNING if share >= 0.8 else Severity.INFO
    left = span(max(0.0, status.end - now))
    words = f"{amount / budget.limit:.0%} of {_amount(budget, budget.limit)} spent, {left} left"
    yield _Cause(severity, words, amount, share * budget.limit)


def _burning(status: BudgetStatus) -> Iterator[_Cause]:
    budget = status.budget
    burnt = {each.seconds: each for each in status.burnt}
    for window in budget.windows:
        long, short = burnt.get(window.long_seconds), burnt.get(window.short_seconds)
        if long is None or short is None or status.amount is None:
            continue
        bar = window.share * budget.limit
        if long.amount <= max(bar, budget.min_delta) or not _confirmed(window, budget, short):
            continue
        times = long.amount / budget.limit * (status.end - status.begin) / window.long_seconds
        words = (
            f"{long.amount / budget.limit:.0%} of {_amount(budget, budget.limit)} burnt in "
            f"{span(window.long_seconds)} ({_amount(budget, long.amount)}), {times:.1f}x what lasts"
        )
        yield _Cause(
            Severity.CRITICAL if window.critical else Severity.WARNING,
            words,
            long.amount,
            bar,
            window.long_seconds,
            keep_seconds=window.short_seconds,
        )


def _confirmed(window: BurnWindow, budget: Budget, short: Burnt) -> bool:
    """The pace still holds: else it fires for as long as the long window remembers."""
    if short.known_seconds < KNOWN * short.seconds:
        return False
    return short.amount > window.share * budget.limit * window.short_seconds / window.long_seconds


def _lasting(status: BudgetStatus, now: float) -> Iterator[_Cause]:
    if status.exhausted_in is None or status.amount is None:
        return
    latest = status.exhausted_in[1]
    if latest < min(SOON, status.end - now):
        words = f"spent in {span(status.exhausted_in[0])} to {span(latest)}, {span(status.end - now)} left"
        if status.exhausted_in[0] > 0.9 * latest:
            words = f"spent in {span(latest)}, {span(status.end - now)} left"
        yield _Cause(Severity.WARNING, words, status.amount, status.budget.limit, for_seconds=900.0)


def _forecast(status: BudgetStatus) -> Iterator[_Cause]:
    budget, forecast = status.budget, status.forecast
    if not budget.forecast or forecast is None or forecast.mid is None or forecast.low is None:
        return
    if forecast.mid <= budget.limit or (status.amount or 0.0) >= budget.limit:
        return
    sure = forecast.low > budget.limit
    words = (
        f"will come to {_amount(budget, forecast.low)} to {_amount(budget, forecast.high)} of "
        f"{_amount(budget, budget.limit)} this {budget.period}"
    )
    severity = Severity.CRITICAL if sure and status.end - status.begin > 1.5 * DAY else Severity.WARNING
    yield _Cause(severity, words, forecast.mid, budget.limit, for_seconds=FORECAST_FOR)


def _amount(budget: Budget, amount: float | None) -> str:
    if amount is None:
        return "unknown"
    if budget.tokens:
        return f"{amount / 1e6:.1f}M tokens" if amount >= 1e6 else f"{amount:,.0f} tokens"
    return f"${amount:,.2f}" if amount < 100 else f"${amount:,.0f}"
