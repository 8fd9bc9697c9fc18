"""Tokens and money on the start screen: how true, how much of today, what becomes of the budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.screen import Stage
from support.snapshots import NOW, incident
from wfmon.model.budget import Account, Accounts, Budget, BudgetStatus, Period, Scope
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.snapshot import Cost, Snapshot

DAY = Account(NOW - 40_000, NOW + 46_400, Money(exact=61.0), 2e6)
MONTH = Account(NOW - 400_000, NOW + 2e6, Money(exact=412.0), 2e7)
DAILY = Budget("all", 100.0, Period.DAY)


def shown(cost: Cost) -> list[str]:
    snapshot: Snapshot = replace(incident(), cost=cost)
    lines = Stage(snapshot).lines()
    begin = next(number for number, line in enumerate(lines) if "Tokens & cost" in line)
    return [line.split("│")[0].strip() for line in lines[begin + 1 :]]


def accounts(*budgets: BudgetStatus, day: Account = DAY, wasted: Money = NO_MONEY) -> Accounts:
    last = replace(DAY, wasted=wasted)
    return Accounts(NOW, "UTC", day, MONTH, last, budgets)


@pytest.mark.parametrize(
    ("burn", "words"),
    [
        (Money(exact=5.43), "$5.43/h"),
        (Money(priced=5.43), "~$5.43/h"),
        (Money(low=1.2, high=4.8), "≈$1.20-4.80/h"),
        (Money(exact=5.43, unpriced_tokens=9.0), "≥$5.43/h"),
        (Money(unpriced_tokens=9.0), "no price known"),
    ],
)
def test_the_rate_says_how_true_it_is(burn: Money, words: str) -> None:
    rows = shown(Cost(usd_per_hour=burn.least, burn=burn))
    assert any(row.startswith(words) for row in rows), rows


def test_today_against_the_budget_that_ends_first() -> None:
    status = BudgetStatus(
        DAILY, DAY.begin, DAY.end, Money(exact=61.0), 61.0, exhausted_in=(26_000.0, 40_000.0)
    )
    monthly = BudgetStatus(
        replace(DAILY, period=Period.MONTH), DAY.begin, NOW + 2e6, Money(exact=412.0), 412.0
    )
    rows = shown(Cost(burn=Money(exact=5.43), accounts=accounts(monthly, status)))
    assert "today $61.00 of $100" in rows
    assert "over 21:16 earliest" in rows


def test_a_budget_of_the_month_and_one_that_is_spent() -> None:
    monthly = replace(DAILY, period=Period.MONTH, limit=400.0)
    spent = BudgetStatus(monthly, DAY.begin, NOW + 2e6, Money(priced=412.0), 412.0)
    rows = shown(Cost(burn=Money(exact=5.43), accounts=accounts(spent)))
    assert "this month ~$412 of $400" in rows
    assert "over by $12.00" in rows


def test_the_budget_of_one_workflow_is_not_that_of_all() -> None:
    one = BudgetStatus(replace(DAILY, scope=Scope(workflow="a*")), DAY.begin, DAY.end, Money(exact=9.0), 9.0)
    rows = shown(Cost(burn=Money(exact=5.43), accounts=accounts(one)))
    assert "today $61.00" in rows


def test_waste_of_a_day_and_tokens_without_a_price() -> None:
    kept = accounts(wasted=Money(exact=4.12))
    rows = shown(Cost(burn=Money(exact=5.43), accounts=kept, unpriced_tokens=1.2e6, wasted_usd=0.5))
    assert "$4.12 wasted in 24h" in rows
    assert "? 1.2M unpriced" in rows
    nothing = replace(DAY, money=NO_MONEY)
    assert not any("today" in row for row in shown(Cost(accounts=accounts(day=nothing))))
