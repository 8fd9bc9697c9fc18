"""The rule over budgets: what fires, how gravely, and what it says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wfmon.analysis.rules.budget_burn import evaluate
from wfmon.model.alert import Finding, Severity
from wfmon.model.budget import Budget, BudgetStatus, Burnt, BurnWindow, Period, SpendForecast
from wfmon.model.settings import BudgetBurnSettings

HOUR, DAY = 3600.0, 86_400.0
BUDGET = Budget(
    "all",
    720.0,
    Period.MONTH,
    windows=(BurnWindow(0.02, HOUR, 300.0, critical=True), BurnWindow(0.10, DAY, 7200.0, critical=False)),
)
NOW = 10 * DAY
QUIET = BudgetStatus(
    BUDGET,
    0.0,
    30 * DAY,
    amount=100.0,
    known_seconds=NOW,
    burnt=(
        Burnt(300.0, 300.0, 0.08),
        Burnt(HOUR, HOUR, 1.0),
        Burnt(7200.0, 7200.0, 2.0),
        Burnt(DAY, DAY, 24.0),
    ),
)


def findings(status: BudgetStatus, *, enabled: bool = True) -> dict[Severity, Finding]:
    found = evaluate((status,), BudgetBurnSettings(enabled=enabled), NOW)
    assert all(each.labels == (("budget", "all"),) for each in found)
    return {each.severity: each for each in found}


def firing(status: BudgetStatus) -> list[Severity]:
    return [severity for severity, finding in findings(status).items() if finding.holds]


def burnt(hour: float, five_minutes: float, known: float = 1.0) -> BudgetStatus:
    rest = QUIET.burnt[2:]
    return replace(QUIET, burnt=(Burnt(300.0, 300.0 * known, five_minutes), Burnt(HOUR, HOUR, hour), *rest))


def test_a_budget_that_lasts_is_quiet_and_says_what_is_spent() -> None:
    found = findings(QUIET)

    assert firing(QUIET) == []
    assert found[Severity.WARNING].summary == "$100 of $720 this month"
    assert evaluate((QUIET,), BudgetBurnSettings(enabled=False), NOW) == ()


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (359.0, []),
        (360.0, [Severity.INFO]),
        (576.0, [Severity.WARNING]),
        (720.0, [Severity.CRITICAL]),
        (900.0, [Severity.CRITICAL]),
    ],
)
def test_half_four_fifths_and_all_of_it_are_told(amount: float, expected: list[Severity]) -> None:
    assert firing(replace(QUIET, amount=amount)) == expected


def test_two_percent_in_an_hour_is_critical_and_says_how_much_too_fast() -> None:
    """2 % of 720 are 14.40; 20 burnt in 1 h are 2.8 % and 20 / 720 x 720 h = 20 times what lasts."""
    finding = findings(burnt(20.0, 2.0))[Severity.CRITICAL]

    assert finding.holds
    assert finding.summary == "3% of $720 burnt in 1h ($20.00), 20.0x what lasts"
    assert (finding.value, finding.threshold, finding.unit) == (20.0, pytest.approx(14.4), "usd")
    assert finding.window_seconds == HOUR


def test_an_hour_that_was_dear_is_over_when_the_last_minutes_are_cheap() -> None:
    """The pace in 5 min is 1.20 for 2 % in 1 h."""
    assert firing(burnt(20.0, 1.19)) == []
    assert firing(burnt(20.0, 1.21)) == [Severity.CRITICAL]


def test_five_minutes_of_which_too_little_is_known_confirm_nothing() -> None:
    assert firing(burnt(20.0, 2.0, known=0.8)) == []


def test_cents_are_no_reason_to_wake_anybody() -> None:
    small = replace(BUDGET, limit=10.0, min_delta=1.0, windows=BUDGET.windows[:1])
    assert firing(replace(burnt(0.9, 0.5), budget=small, amount=1.0)) == []
    assert firing(replace(burnt(1.1, 0.5), budget=small, amount=1.0)) == [Severity.CRITICAL]


def test_it_warns_when_the_money_ends_within_a_day() -> None:
    warned = findings(replace(QUIET, exhausted_in=(5 * HOUR, 20 * HOUR)))[Severity.WARNING]
    assert warned.holds
    assert warned.for_seconds == 900.0
    assert "spent in 5h" in warned.summary
    assert firing(replace(QUIET, exhausted_in=(5 * HOUR, 25 * HOUR))) == []


@pytest.mark.parametrize(
    ("low", "mid", "expected"),
    [
        (600.0, 700.0, []),
        (700.0, 740.0, [Severity.WARNING]),
        (730.0, 800.0, [Severity.CRITICAL]),
    ],
)
def test_a_forecast_above_the_limit_is_told_as_sure_as_it_is(
    low: float, mid: float, expected: list[Severity]
) -> None:
    assert firing(replace(QUIET, forecast=SpendForecast(mid, low, mid + 50, "same weekdays"))) == expected


def test_a_budget_without_forecasts_and_one_that_is_spent_have_none() -> None:
    over = SpendForecast(900.0, 850.0, 950.0, "same weekdays")
    assert firing(replace(QUIET, budget=replace(BUDGET, forecast=False), forecast=over)) == []
    spent = findings(replace(QUIET, amount=800.0, forecast=over))[Severity.CRITICAL]
    assert spent.summary.startswith("111% of $720 spent")


def test_what_is_not_known_neither_fires_nor_clears() -> None:
    for finding in findings(
        replace(QUIET, amount=None, forecast=SpendForecast(900.0, 850.0, 950.0))
    ).values():
        assert not finding.holds
        assert finding.learning
        assert finding.summary == "what is spent of it is not known"


def test_a_new_period_clears_what_fired_in_the_last_one() -> None:
    begun = replace(QUIET, begin=NOW - 60, end=NOW + 30 * DAY, amount=0.5)
    assert all(finding.clears for finding in findings(begun).values())
    assert not any(finding.clears for finding in findings(QUIET).values())


def test_a_budget_of_tokens_speaks_of_tokens() -> None:
    tokens = replace(BUDGET, tokens=True, limit=2e6)
    found = findings(replace(QUIET, budget=tokens, amount=1.7e6))[Severity.WARNING]
    assert found.unit == "tokens"
    assert "2.0M tokens" in found.summary
