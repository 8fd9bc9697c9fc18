"""What rule ``budget_burn`` costs and gives over a month of a workflow's money, against an alert on its pace.

The bounds are loose: they catch a changed default, not a changed seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from statistics import median

import msgspec
import pytest

from simulation.shipped import CONFIG, SHIPPED
from simulation.spending import DAY, HOUR, START, Incident, Money, States, begins, first_at, spending
from simulation.table import Row, show
from wfmon.analysis.budgets import Meter, Past, Spent, Told, status_of
from wfmon.analysis.episodes import EpisodeMemory, advance
from wfmon.analysis.rules import budget_burn
from wfmon.config import schema
from wfmon.model.alert import Severity
from wfmon.model.budget import BudgetStatus
from wfmon.monitor.budgetsettings import budgets_of

MINUTE = 60.0
STEP = 150.0
MONTH = START + 27 * DAY  # the first of February 2026
DAYS = 28
# 20 working days of 168 runs and 8 others of 96, each of 0.5 x exp(0.7^2 / 2) dollars, and a third more.
USD = 1.3 * (20 * 168 + 8 * 96) * 0.639
SETTING = schema.Budget(name="all", usd=USD, period="month", forecast_alert=False)
(BUDGET,) = budgets_of(msgspec.structs.replace(CONFIG, budget=[SETTING]))
BACK = 26  # hours, as far as the longest window asks


def statuses(money: Money, begin: float, end: float) -> Iterator[tuple[float, BudgetStatus]]:
    """As a collector that runs since two days before has it: the meter, and the hours that are kept."""
    meter, now = Meter(), begin - 2 * DAY
    while now < end:
        hour = now // HOUR * HOUR
        told = [(at, min(at + HOUR, now)) for at in (hour - n * HOUR for n in range(BACK, -1, -1))]
        amounts = {at: money.spent(at, until) for at, until in told[-2:]}
        meter.saw(now, amounts)
        if now >= begin:
            past = Past(tuple(Told(at, money.spent(at, until), until - at) for at, until in told))
            spent = Spent(amount=money.spent(MONTH, now))
            yield now, status_of(BUDGET, spent, now - MONTH, meter, past, None, now, UTC)
        now += STEP


def ours(money: Money, begin: float, end: float) -> States:
    """Whether anything graver than "half is spent" fires."""
    memory = EpisodeMemory()
    for now, status in statuses(money, begin, end):
        memory = advance(
            memory, budget_burn.evaluate([status], SHIPPED.budget_burn, now), now, SHIPPED.episodes
        )
        grave = (each for each in memory.episodes.values() if each.severity is not Severity.INFO)
        yield now, any(each.firing for each in grave)


def pace_of_an_hour(money: Money, begin: float, end: float) -> States:
    """The last hour is more than twice what would last until the end of the month, for 10 min."""
    now, since = begin, None
    while now < end:
        high = money.spent(now - HOUR, now) > 2.0 * BUDGET.limit / (DAYS * 24)
        since = (now if since is None else since) if high else None
        yield now, since is not None and now - since >= 10 * MINUTE
        now += STEP


def test_false_alarms_in_thirty_days() -> None:
    """A budget that lasts: nothing happens but days, nights and weekends."""
    quiet, naive = [], []
    for seed in range(2):
        money = spending(seed, 0.7, 27 + DAYS)
        assert money.spent(MONTH, MONTH + DAYS * DAY) < 0.9 * BUDGET.limit
        quiet.append(begins(ours(money, MONTH, MONTH + DAYS * DAY)) * 30 / DAYS)
        naive.append(begins(pace_of_an_hour(money, MONTH, MONTH + DAYS * DAY)) * 30 / DAYS)
    traffic = "12/2/4 runs an hour, a budget of 1.3 usual months; naive: an hour at 2x the pace that lasts"
    show(Row("budget_burn", traffic, sum(naive) / 2, sum(quiet) / 2))
    assert min(naive) >= 8
    assert max(quiet) <= 1


@pytest.mark.parametrize(("factor", "detect_at_most", "clear_at_most"), [(20.0, 60, 160), (8.0, 200, 80)])
def test_minutes_to_detect_and_to_clear(factor: float, detect_at_most: float, clear_at_most: float) -> None:
    """Four hours of dearer runs by day, in the first week of the month. What a tenth of the budget in a day
    confirms, two hours, has to pass before that clears."""
    detected, cleared = [], []
    begin, end = MONTH + 3 * DAY + 9 * HOUR, MONTH + 3 * DAY + 13 * HOUR
    for seed in range(8):
        money = spending(200 + seed, 0.7, 34, Incident(begin, end, factor))
        states = list(ours(money, begin - 2 * HOUR, end + 6 * HOUR))
        found = first_at(states, begin, True)
        assert found is not None, f"seed {seed}: never seen"
        over = first_at(states, max(found, end), False)
        assert over is not None, f"seed {seed}: it never cleared"
        detected.append((found - begin) / MINUTE)
        cleared.append((over - end) / MINUTE)
    traffic = f"the same budget, runs x{factor:.0f} for four hours by day"
    row = show(Row("budget_burn", traffic, None, None, median(detected), median(cleared)))
    assert row.detect is not None
    assert row.detect <= detect_at_most
    assert row.clear is not None
    assert row.clear <= clear_at_most
