"""Money, budgets and forecasts in the outer form of a snapshot."""

from __future__ import annotations

from wfmon.model.budget import Account, Accounts, BudgetStatus, SpendForecast
from wfmon.model.money import Money
from wfmon.model.snapshot import CallRow, Cost, CostRow
from wfmon.text.numbers import rfc3339

Json = dict[str, object]


def cost_json(cost: Cost) -> Json:
    accounts = cost.accounts
    return {
        "usd_per_hour": cost.usd_per_hour,
        "rate": money_json(cost.burn),
        "last_hour": {**money_json(cost.hour), "known_seconds": cost.hour_seconds},
        "today_usd": accounts.day.money.least if accounts else None,
        "month_usd": accounts.month.money.least if accounts else None,
        "timezone": accounts.timezone if accounts else None,
        "today": _account(accounts.day) if accounts else None,
        "month": _account(accounts.month) if accounts else None,
        "last_24h": _account(accounts.last_day) if accounts else None,
        "host_month_usd": accounts.host_usd if accounts else None,
        "by_model": [_row(row) for row in cost.by_model],
        "by_provider": [_row(row) for row in cost.by_provider],
        "by_workflow": [_row(row) for row in cost.by_workflow],
        "unpriced_tokens": cost.unpriced_tokens,
        "wasted_usd": cost.wasted_usd,
        "budgets": [_budget(each) for each in _budgets(accounts)],
    }


def money_json(money: Money) -> Json:
    """``usd`` is the least that it can be, ``usd_high`` the most that its known parts can be;
    ``at_least``: something in it has no price, or is left out."""
    return {
        "usd": money.least,
        "usd_high": money.most,
        "quality": money.quality,
        "at_least": money.at_least,
        "unpriced_tokens": money.unpriced_tokens,
    }


def call_json(row: CallRow) -> Json:
    return {
        "provider": row.provider,
        "workflow": row.workflow,
        "per_minute": row.per_minute,
        "failed_per_minute": row.failed_per_minute,
    }


def _row(row: CostRow) -> Json:
    return {
        "name": row.name,
        "usd_per_hour": row.usd_per_hour,
        "quality": row.burn.quality,
        "last_hour": money_json(row.hour),
        "total_usd": row.total_usd,
        "counted": row.counted,
    }


def _account(account: Account) -> Json:
    return {
        "begin": rfc3339(account.begin),
        "end": rfc3339(account.end),
        **money_json(account.money),
        "tokens": account.tokens,
        "wasted": money_json(account.wasted),
        "known_seconds": account.known_seconds,
        "forecast": _forecast(account.forecast) if account.forecast else None,
    }


def _forecast(forecast: SpendForecast) -> Json:
    return {
        "mid": forecast.mid,
        "low": forecast.low,
        "high": forecast.high,
        "basis": forecast.basis or None,
        "broken": forecast.broken,
        "usual_mid": forecast.usual_mid,
        "per_day": forecast.per_day,
        "why": forecast.why or None,
    }


def _budgets(accounts: Accounts | None) -> tuple[BudgetStatus, ...]:
    return accounts.budgets if accounts else ()


def _budget(status: BudgetStatus) -> Json:
    budget = status.budget
    return {
        "name": budget.name,
        "unit": "tokens" if budget.tokens else "usd",
        "limit": budget.limit,
        "period": budget.period,
        "scope": {
            "workflow": budget.scope.workflow,
            "model": budget.scope.model,
            "provider": budget.scope.provider,
        },
        "begin": rfc3339(status.begin),
        "end": rfc3339(status.end),
        "spent": status.amount,
        "quality": None if budget.tokens else status.spent.quality,
        "at_least": status.spent.at_least,
        "pace": status.pace,
        "exhausted_in_seconds": list(status.exhausted_in) if status.exhausted_in else None,
        "why": status.why or None,
        "forecast": _forecast(status.forecast) if status.forecast else None,
        "known_seconds": status.known_seconds,
    }
