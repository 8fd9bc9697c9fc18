"""One sentence on the money of the day and the month."""

from __future__ import annotations

from wfmon.model.budget import Account, Accounts, BudgetStatus, Period
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.budgets import forecast_words, left_words, of_all, sign_of, worst
from wfmon.ui.rows import Line, Row, wrap

MOST_ROWS = 3
KNOWN = 0.95  # of the time that passed; below, the sentence says how much


def headline(look: Look, width: int, snapshot: Snapshot, now: float) -> list[Row]:
    """Up to three rows: what matters is never cut off."""
    accounts = snapshot.cost.accounts
    if accounts is None:
        words = f"today and this month are not known: {why_no_accounts(snapshot)}"
        return [Line(look, width).add("  ").add(part, "muted").row() for part in wrap(words, width - 2, 2)]
    role = worst(accounts)
    first = _of_day(look, accounts, now)
    second = _of_month(look, accounts, now)
    joint = f" {look.signs.dot} "
    rows = wrap(joint.join((first, second)), width - 2, MOST_ROWS)
    sign = sign_of(look, role) if role in ("critical", "warning") else " "
    shown = role if role == "critical" else "strong"
    return [
        Line(look, width).add(sign if number == 0 else " ", role).add(" ").add(part, shown).row()
        for number, part in enumerate(rows)
    ]


def why_no_accounts(snapshot: Snapshot) -> str:
    if snapshot.history is None:
        return "no history is kept"
    return snapshot.history.problem or "the history tells nothing of money or tokens yet"


def _of_day(look: Look, accounts: Accounts, now: float) -> str:
    budget = of_all(accounts, Period.DAY)
    words = f"{_spent(look, accounts.day)} today{_limit(budget)}"
    return f"{words}{_over(look, accounts, budget, now)}{_known(accounts, accounts.day)}"


def _of_month(look: Look, accounts: Accounts, now: float) -> str:
    budget = of_all(accounts, Period.MONTH)
    month = accounts.month
    forecast = budget.forecast if budget is not None and budget.forecast is not None else month.forecast
    words = f"{_spent(look, month)} this month"
    will = forecast_words(look, forecast) if forecast is not None else ""
    if budget is not None and not will:
        words += _limit(budget)
    elif budget is not None:
        words += f", forecast {will} of {numbers.money(budget.budget.limit)}"
    elif will:
        words += f", forecast {will}"
    if forecast is not None and not will and forecast.why:
        words += f", no forecast: {forecast.why}"
    return f"{words}{_over(look, accounts, budget, now)}{_known(accounts, month)}"


def _spent(look: Look, account: Account) -> str:
    if account.money.known or account.money.unpriced_tokens:
        return money_words(look, account.money)
    return "nothing is known to be spent"


def _limit(budget: BudgetStatus | None) -> str:
    if budget is None:
        return ""
    limit = budget.budget.limit
    share = "" if budget.amount is None or limit <= 0 else f" ({numbers.percent(budget.amount / limit)})"
    return f" of {numbers.money(limit)}{share}"


def _over(look: Look, accounts: Accounts, budget: BudgetStatus | None, now: float) -> str:
    if budget is None:
        return ""
    words = left_words(look, accounts, budget, now)
    return f", {words}" if words.startswith("over") else ""


def _known(accounts: Accounts, account: Account) -> str:
    """That the sum is of less than the time that passed."""
    passed = max(0.0, accounts.at - account.begin)
    if account.known_seconds >= KNOWN * passed:
        return ""
    return f" (only {numbers.duration(account.known_seconds)} of it known)"
