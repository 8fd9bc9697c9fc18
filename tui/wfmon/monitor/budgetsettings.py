"""From ``[[budget]]`` and ``[cost]`` to what is spent against them."""

from __future__ import annotations

from wfmon.config import schema
from wfmon.model.budget import Budget, BurnWindow, CostRates, Period, Scope

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# alerting-and-burn 4.1: of a month 2 % in an hour, 5 % in six, 10 % in a day (14.4, 6, 3 times what lasts);
# of a day a quarter in an hour and half in four (6 and 3 times). A week has the same factors as a month.
_BURN = {
    Period.MONTH: (
        BurnWindow(0.02, HOUR, 5 * MINUTE, critical=True),
        BurnWindow(0.05, 6 * HOUR, 30 * MINUTE, critical=True),
        BurnWindow(0.10, DAY, 2 * HOUR, critical=False),
    ),
    Period.WEEK: (
        BurnWindow(0.085, HOUR, 5 * MINUTE, critical=True),
        BurnWindow(0.20, 6 * HOUR, 30 * MINUTE, critical=True),
        BurnWindow(0.40, DAY, 2 * HOUR, critical=False),
    ),
    Period.DAY: (
        BurnWindow(0.25, HOUR, 5 * MINUTE, critical=True),
        BurnWindow(0.50, 4 * HOUR, 20 * MINUTE, critical=True),
    ),
}
LEAST_TOKENS = 1000.0  # burnt less than this within a window, nothing is told of a budget of tokens


def budgets_of(config: schema.Config) -> tuple[Budget, ...]:
    return tuple(_budget(each) for each in config.budget)


def rates_of(config: schema.Config) -> CostRates:
    cost = config.cost
    return CostRates(
        cost.cpu_hour_usd,
        cost.memory_gib_hour_usd,
        cost.host_month_usd,
        cost.storage_gib_month_usd,
        cost.backup_gib_month_usd,
    )


def _budget(entry: schema.Budget) -> Budget:
    period, tokens = Period(entry.period), entry.tokens is not None
    limit = entry.tokens if entry.tokens is not None else entry.usd
    windows = _BURN[period]
    if entry.burn is not None:
        windows = tuple(
            BurnWindow(row.share, row.long, row.short, row.severity == "critical") for row in entry.burn
        )
    return Budget(
        entry.name,
        limit or 0.0,
        period,
        tokens,
        Scope(entry.scope.workflow, entry.scope.model, entry.scope.provider),
        tuple(sorted(entry.notify_at)),
        windows,
        entry.forecast_alert,
        max(entry.min_delta, LEAST_TOKENS) if tokens else entry.min_delta,
    )
