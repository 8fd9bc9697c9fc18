"""What is spent of a budget, measured and remembered."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.budgets import (
    HOUR,
    SETTLE_SECONDS,
    Meter,
    Past,
    Spent,
    Told,
    in_scope,
    spent_of,
    status_of,
)
from wfmon.model.budget import Budget, BudgetStatus, BurnWindow, Period, Scope
from wfmon.model.money import Money
from wfmon.model.prices import PriceBook, Rates, UnitPrice
from wfmon.model.spend import Amounts, SpendCell, SpendKey

BEGIN = 480 * 86_400.0
BOOK = PriceBook(found={"p/m": UnitPrice(Rates(1.0, 2.0), ""), "p/none": None})
DAY_BUDGET = Budget("all", 100.0, Period.DAY, windows=(BurnWindow(0.25, HOUR, 300.0, critical=True),))


def cell(workflow: str, amounts: Amounts, model: str = "m", **flags: bool) -> SpendCell:
    return SpendCell(SpendKey(workflow, "p", model), amounts, **flags)


def test_a_scope_is_a_glob_over_workflow_model_and_provider() -> None:
    one = cell("invoice_extract", Amounts())

    assert in_scope(one, Scope())
    assert in_scope(one, Scope(workflow="invoice_*", provider="p"))
    assert not in_scope(one, Scope(workflow="invoice_*", model="x*"))
    assert in_scope(cell("", Amounts()), Scope()), "what is not told is everything's"
    assert not in_scope(cell("", Amounts()), Scope(workflow="invoice_*"))


def test_money_and_tokens_come_each_from_the_source_that_counts_for_it() -> None:
    cells = [
        cell("a", Amounts(input=1e6, output=0.0), money=False),
        cell("a", Amounts(usd=0.5), tokens=False),
        cell("b", Amounts(input=1e6, output=1e6)),
        cell("b", Amounts(untyped=7.0), "none"),
    ]
    usd, tokens = Budget("usd", 10.0, Period.DAY), Budget("tokens", 1e7, Period.DAY, tokens=True)

    assert spent_of(usd, cells, BOOK).money == Money(
        exact=0.5, priced=pytest.approx(3.0), unpriced_tokens=7.0
    )
    assert spent_of(usd, cells, BOOK).amount == pytest.approx(3.5)
    assert spent_of(tokens, cells, BOOK).amount == pytest.approx(3e6 + 7)
    assert spent_of(usd, [], BOOK).amount is None, "nothing told is not nothing spent"


def fed(*samples: tuple[float, float]) -> Meter:
    """A meter that has settled, then saw the open hour at these seconds."""
    meter = Meter()
    meter.saw(BEGIN, {BEGIN: 0.0})
    for at, amount in samples:
        meter.saw(BEGIN + at, {BEGIN: amount})
    return meter


def test_what_an_hour_grew_by_was_spent_between_two_looks() -> None:
    meter = fed((60.0, 1.0), (120.0, 3.0), (180.0, 7.0))

    assert meter.burnt(BEGIN + 180, 60.0).amount == pytest.approx(4.0)
    assert meter.burnt(BEGIN + 180, 90.0).amount == pytest.approx(5.0), "half of the minute before"
    assert meter.burnt(BEGIN + 180, HOUR).amount == pytest.approx(7.0)
    assert meter.burnt(BEGIN + 180, HOUR).known_seconds == pytest.approx(180.0), "it began 3 min ago"
    assert meter.samples(BEGIN + 180, 90.0) == 2


def test_what_sources_tell_of_before_the_start_was_not_spent_now() -> None:
    meter = Meter()
    meter.saw(BEGIN, {BEGIN: 0.0})
    meter.saw(BEGIN + SETTLE_SECONDS / 2, {BEGIN: 500.0})
    meter.saw(BEGIN + SETTLE_SECONDS + 10, {BEGIN: 501.0})

    assert meter.burnt(BEGIN + SETTLE_SECONDS + 10, HOUR).amount == pytest.approx(1.0)


def test_an_older_hour_that_is_told_late_was_not_spent_now() -> None:
    meter = fed((60.0, 1.0))
    meter.saw(BEGIN + 120, {BEGIN - 5 * HOUR: 900.0, BEGIN: 2.0})

    assert meter.burnt(BEGIN + 120, HOUR).amount == pytest.approx(2.0)


def test_another_price_is_no_spending_and_a_correction_back_is_none_either() -> None:
    meter = fed((60.0, 1.0), (120.0, 5.0), (180.0, 2.0), (240.0, 5.0))
    assert meter.burnt(BEGIN + 240, HOUR).amount == pytest.approx(5.0)
    meter.saw(BEGIN + 300, {BEGIN: 50.0}, anew=True)
    meter.saw(BEGIN + 360, {BEGIN: 51.0})

    assert meter.burnt(BEGIN + 360, HOUR).amount == pytest.approx(6.0)


def test_an_hour_that_ends_keeps_what_it_grew_by_at_its_end() -> None:
    meter = fed((HOUR - 60, 10.0))
    meter.saw(BEGIN + HOUR + 30, {BEGIN: 14.0, BEGIN + HOUR: 1.0})

    assert meter.burnt(BEGIN + HOUR + 30, 90.0).amount == pytest.approx(5.0)


@given(
    st.lists(st.tuples(st.floats(1, 600), st.floats(0, 1e4)), min_size=1, max_size=60),
    st.floats(1, 2e5),
)
def test_a_window_is_never_negative_and_never_more_than_a_longer_one(
    steps: list[tuple[float, float]], seconds: float
) -> None:
    meter, at, amount = Meter(), BEGIN, 0.0
    hours: dict[float, float] = {}
    for gap, more in steps:
        at, amount = at + gap, amount + more
        hours[at // HOUR * HOUR] = hours.get(at // HOUR * HOUR, 0.0) + more
        meter.saw(at, dict(list(hours.items())[-2:]))
    short, long = meter.burnt(at, seconds), meter.burnt(at, 2 * seconds)

    assert 0 <= short.amount <= long.amount + 1e-6
    assert 0 <= short.known_seconds <= seconds
    assert long.amount <= amount + 1e-6


def test_hours_of_the_past_are_spread_and_what_was_not_seen_is_not_known() -> None:
    past = Past(
        [Told(BEGIN, 10.0, HOUR), Told(BEGIN + HOUR, 30.0, 0.25 * HOUR), Told(BEGIN + 2 * HOUR, 6.0, 1800.0)]
    )
    now = BEGIN + 2.5 * HOUR

    assert past.burnt(now, 2.5 * HOUR).amount == pytest.approx(46.0)
    assert past.burnt(now, 2.5 * HOUR).known_seconds == pytest.approx(1.75 * HOUR)
    assert past.burnt(now, HOUR).amount == pytest.approx(6.0 + 15.0)
    short = past.burnt(now, 900.0)
    assert short.known_seconds == 0.0, "of a part of the open hour nothing is known"


def status(spent: float | None, meter: Meter, now: float = BEGIN + 1800) -> BudgetStatus:
    money = Money() if spent is None else Money(exact=spent)
    return status_of(DAY_BUDGET, Spent(money, spent), 1800.0, meter, Past(), None, now, UTC)


def test_a_budget_burning_evenly_lasts_as_long_as_its_rate_says() -> None:
    """0.02 a second: 36 in 30 min; of 100 the 64 that are left last 3200 s."""
    meter = Meter()
    for at in range(0, 1801, 60):
        meter.saw(BEGIN + at, {BEGIN: 0.02 * at})
    found = status(36.0, meter)

    assert (found.begin, found.end) == (BEGIN, BEGIN + 86_400.0)
    assert found.exhausted_in is not None
    assert found.exhausted_in == (pytest.approx(3200.0, rel=0.02), pytest.approx(3200.0, rel=0.02))
    assert found.pace == pytest.approx(0.02 / (64.0 / (86_400.0 - 1800.0)), rel=0.02)
    assert {each.seconds for each in found.burnt} == {300.0, HOUR}


def test_of_a_budget_of_which_nothing_is_told_nothing_is_said() -> None:
    found = status(None, Meter())

    assert (found.amount, found.pace, found.exhausted_in) == (None, None, None)
    assert found.why == "nothing is known of it"


def test_right_after_a_start_it_is_not_said_how_long_it_lasts() -> None:
    found = status(36.0, fed((60.0, 35.0), (120.0, 36.0)), now=BEGIN + 120)

    assert found.exhausted_in is None
    assert found.why == "too early to say"
