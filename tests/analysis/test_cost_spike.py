"""Rule ``cost_spike``: against hours like it, against caps, and what is not known of the hour."""

from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.rules.cost_spike import bars, evaluate
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.record import replace
from wfmon.model.settings import CostSpikeSettings, WorkflowLimits
from wfmon.model.snapshot import Totals, Workflow

NOW = 1_800_000_000.0
HOUR = 3600.0
SETTINGS = CostSpikeSettings(
    enabled=True, z_trip=3.5, z_clear=2.0, min_ratio=2.0, clear_ratio=1.5, min_delta_usd=1.0,
    sigma_floor=0.25, offset_usd=0.05, for_seconds=600.0, keep_seconds=1800.0, cap_usd_per_hour=None,
)  # fmt: skip
USUAL = Usual(median=2.0, spread=0.2, n=42)
TRIP = exp(log(2.05) + 3.5 * 1.4826 * 0.2) - 0.05  # 5.74


def row(
    usd: float | None, seconds: float | None = HOUR, rate: float | None = None, **more: object
) -> Workflow:
    known = Baseline("w", hours=42, cost_per_hour=USUAL)
    bare = Workflow(
        "w", cost_hour_usd=usd, cost_hour_seconds=seconds, cost_usd_per_hour=rate, usual=known, runbook="book"
    )
    return replace(bare, **more)  # type: ignore[arg-type]


def one(workflow: Workflow, **more: object) -> Finding:
    (finding,) = evaluate([workflow], Totals(), SETTINGS, {}, NOW, **more)  # type: ignore[arg-type]
    return finding


def test_a_spike_is_said_with_what_is_usual_and_what_it_went_to() -> None:
    found = one(row(14.2), spent_on=lambda name: [("gpt-5", 12.0), ("haiku", 2.2)] if name == "w" else [])
    assert (found.severity, found.holds, found.labels) == (Severity.WARNING, True, (("workflow", "w"),))
    assert found.summary == "$14.20 in the last hour, usually $2.00 (7.1x)"
    assert found.contributors == ("gpt-5 $12.00", "haiku $2.20")
    assert found.threshold == pytest.approx(TRIP)
    assert (found.n, found.unit, found.value, found.runbook) == (42, "usd", 14.2, "book")
    assert (found.for_seconds, found.keep_seconds) == (600.0, 1800.0)


@pytest.mark.parametrize(
    ("usd", "holds", "between"),
    [(5.8, True, False), (5.6, False, True), (3.8, False, True), (3.5, False, False), (0.0, False, False)],
)
def test_trip_and_clear(usd: float, holds: bool, between: bool) -> None:
    """Clear: exp(ln 2.05 + 2 * 0.2965) - 0.05 = 3.66."""
    found = one(row(usd))
    assert (found.holds, found.between) == (holds, between)


def test_small_money_waits_for_a_dollar() -> None:
    cheap = Baseline("w", hours=42, cost_per_hour=Usual(0.05, 0.0, 42))
    assert one(row(1.05, usual=cheap)).holds is False
    assert one(row(1.11, usual=cheap)).holds is True
    assert one(row(0.5, usual=cheap)).between is False, "half a dollar more is over"


def test_a_workflow_that_is_usually_idle_needs_its_dollar_only() -> None:
    idle = Baseline("w", hours=42, cost_per_hour=Usual(0.0, 0.0, 42))
    found = one(row(3.0, usual=idle))
    assert found.holds
    assert found.summary == "$3.00 in the last hour, usually $0.00"


@pytest.mark.parametrize(
    ("usual", "summary"),
    [
        (None, "no baseline (n=0)"),
        (Baseline("w", hours=7), "no baseline (n=7)"),
        (Baseline("w", hours=30), "no baseline of its cost"),
    ],
)
def test_without_a_baseline_it_is_quiet(usual: Baseline | None, summary: str) -> None:
    found = one(row(900.0, usual=usual))
    assert (found.holds, found.learning, found.summary) == (False, True, summary)


def test_of_a_workflow_whose_cost_nobody_tells_nothing_is_said() -> None:
    assert evaluate([row(None, usual=None)], Totals(), SETTINGS, {}, NOW) == ()


def test_a_cost_that_is_no_longer_told_is_unknown() -> None:
    assert (one(row(None)).holds, one(row(None)).summary) == (None, "cost unknown")
    assert (one(row(9.0), unseen={"w"}).holds, one(row(9.0), unseen={"w"}).summary) == (None, "no data")


@pytest.mark.parametrize(
    ("usd", "seconds", "holds", "between", "summary"),
    [
        (9.0, 600.0, True, False, "$9.00 at least in the last hour, usually $2.00 (4.5x)"),
        (0.3, 600.0, False, True, "$0.30 at least in the last hour, usually $2.00"),
        (1.2, 600.0, None, False, "only 10m of the last hour known"),
        (0.0, 100.0, None, False, "only 1m40s of history, need 5m"),
        (9.0, 10.0, True, False, "$9.00 at least in the last hour, usually $2.00 (4.5x)"),
        (0.0, None, False, True, "$0.00 at least in the last hour, usually $2.00"),  # part of it has no price
        (9.0, None, True, False, "$9.00 at least in the last hour, usually $2.00 (4.5x)"),
    ],
)
def test_what_is_known_of_an_hour_proves_and_never_clears(
    usd: float, seconds: float | None, holds: bool | None, between: bool, summary: str
) -> None:
    found = one(row(usd, seconds))
    assert (found.holds, found.between, found.summary) == (holds, between, summary)
    assert found.learning is (holds is None), "time alone will tell"


LIMITS = {"w": WorkflowLimits(usd_per_hour=10.0)}


def capped(workflow: Workflow, **more: object) -> Finding:
    found = evaluate([workflow], Totals(), SETTINGS, LIMITS, NOW, **more)  # type: ignore[arg-type]
    return next(each for each in found if each.severity is Severity.CRITICAL)


@pytest.mark.parametrize(
    ("usd", "seconds", "rate", "holds"),
    [
        (4.0, HOUR, 48.0, True),
        (2.0, HOUR, 24.0, False),  # one dear run is no rate
        (4.0, HOUR, 9.0, False),
        (4.0, HOUR, None, False),  # nothing ended lately
        (1.0, 300.0, 12.0, True),  # as much of the hour as the rate is over
        (0.5, 60.0, 30.0, None),  # a minute is no rate yet ...
        (0.9, 60.0, 54.0, True),  # ... unless it is too much for all five
        (11.0, None, 1.0, True),  # the least that it can be
        (4.0, None, 48.0, False),
        (None, None, None, None),
    ],
)
def test_a_cap_needs_no_baseline(
    usd: float | None, seconds: float | None, rate: float | None, holds: bool | None
) -> None:
    learning = Baseline("w", hours=3)
    if usd is None:
        learning = Baseline("w", hours=42, cost_per_hour=USUAL)
    found = capped(row(usd, seconds, rate, usual=learning))
    assert found.holds is holds
    assert (found.for_seconds, found.threshold) == (0.0, 10.0)
    assert found.learning is (holds is None and usd is not None)


def test_a_cap_is_said_as_a_rate() -> None:
    found = capped(row(6.0, HOUR, 48.0), spent_on=lambda _: [("gpt-5", 5.0)])
    assert (found.summary, found.value, found.contributors) == (
        "$48.00/h, cap $10.00/h",
        48.0,
        ("gpt-5 $5.00",),
    )
    blind = capped(row(6.0, HOUR, 48.0), unseen={"w"})
    assert (blind.holds, blind.learning) == (None, False)


def test_all_together_have_a_cap_of_their_own() -> None:
    settings = replace(SETTINGS, cap_usd_per_hour=20.0)
    rows = [replace(row(usd, usual=None), name=name) for name, usd in (("a", 6.0), ("b", 9.0), ("c", None))]
    totals = Totals(cost_usd_per_hour=30.0, cost_hour_usd=15.0, cost_hour_seconds=HOUR)
    (found,) = [
        each for each in evaluate(rows, totals, settings, {}, NOW) if each.severity is Severity.CRITICAL
    ]
    assert (found.labels, found.holds, found.workflow) == ((("scope", "all"),), True, None)
    assert found.contributors == ("b $9.00", "a $6.00")
    blind = evaluate(rows, totals, settings, {}, NOW, unseen={"a"})
    assert next(each for each in blind if each.labels == found.labels).holds is None
    assert not [each for each in evaluate(rows, Totals(), settings, {}, NOW) if each.labels == found.labels]


def test_off_is_off() -> None:
    assert evaluate([row(99.0)], Totals(), replace(SETTINGS, enabled=False), LIMITS, NOW) == ()


money = st.floats(0, 1e6)


@given(st.floats(0, 1e5), st.floats(0, 5), money, money)
def test_the_clear_value_is_never_above_the_trip_value(
    middle: float, spread: float, less: float, more: float
) -> None:
    level = bars(Usual(middle, spread, 42), SETTINGS)
    assert 0 < level.clear <= level.trip
    assert level.trip >= middle + 1
    usual = Baseline("w", hours=42, cost_per_hour=Usual(middle, spread, 42))
    less, more = sorted((less, more))
    if one(row(less, usual=usual)).holds:
        assert one(row(more, usual=usual)).holds, "more money is never less of a spike"


@given(money, st.one_of(st.none(), st.floats(0, HOUR)), st.one_of(st.none(), money))
def test_less_than_a_whole_hour_never_ends_an_alert(
    usd: float, seconds: float | None, rate: float | None
) -> None:
    found = one(row(usd, seconds, rate))
    whole = seconds is not None and seconds >= 0.99 * HOUR
    assert whole or found.holds in (True, None) or found.between
