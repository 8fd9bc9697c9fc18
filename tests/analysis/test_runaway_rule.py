"""A run that costs far more than usual, or more than one may."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from analysis.running import NOW, running, usual
from wfmon.analysis.rules import runaway
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.run import Run
from wfmon.model.settings import RunawaySettings, WorkflowLimits

SETTINGS = RunawaySettings(True, 2.0, 5.0, 30.0, 20)
FREE = replace(SETTINGS, max_run_usd=None)


def judge(
    *runs: Run,
    baseline: Baseline | None = None,
    limit: float | None = None,
    settings: RunawaySettings = SETTINGS,
    unseen: tuple[str, ...] = (),
) -> tuple[Finding, Finding]:
    warning, critical = runaway.evaluate(
        {"w": runs},
        settings,
        NOW,
        baselines={} if baseline is None else {"w": baseline},
        limits={"w": WorkflowLimits(run_usd=limit)},
        unseen=unseen,
    )
    assert (warning.severity, critical.severity) == (Severity.WARNING, Severity.CRITICAL)
    assert warning.labels == critical.labels == (("workflow", "w"),)
    assert warning.unit == critical.unit == "usd"
    return warning, critical


def test_longer_and_dearer_than_usual_is_a_warning() -> None:
    warning, critical = judge(running("a", 101, cost=2.1), running("b", 10, cost=0.1), baseline=usual())
    assert (warning.holds, critical.holds) == (True, False)
    assert (warning.value, warning.threshold, warning.members, warning.n) == (2.1, 2.0, ("a",), 1)
    assert warning.summary == "$2.10 so far, allowed $2.00 (2 x p99)"
    assert warning.for_seconds == 30


def test_it_has_held_since_the_line_that_told_the_money_or_longer() -> None:
    run = running("a", 300, cost=9.0, last_line_at=NOW - 40)
    assert [(each.since, each.since_at_least) for each in judge(run)] == [(NOW - 40, True)] * 2
    odd = running("a", 110, cost=2.1, last_line_at=NOW - 40)
    assert judge(odd, baseline=usual())[0].since == NOW - 10
    assert judge(running("a", 300, cost=9.0))[0].since is None


def test_dear_but_not_long_or_long_but_not_dear_is_neither() -> None:
    assert judge(running("a", 99, cost=2.1), baseline=usual())[0].holds is False
    assert judge(running("a", 9999, cost=1.9), baseline=usual())[0].holds is False


def test_beyond_the_allowed_money_is_critical_whatever_is_usual() -> None:
    warning, critical = judge(running("a", 1, cost=5.5))
    assert (warning.holds, critical.holds) == (True, True)
    assert (critical.value, critical.threshold) == (5.5, 5.0)
    assert critical.summary == "$5.50 so far, allowed $5.00"


def test_what_the_workflow_declares_goes_before_the_limit_of_all() -> None:
    assert judge(running("a", 1, cost=5.5), limit=20.0)[1].holds is False
    assert judge(running("a", 1, cost=0.5), limit=0.2)[1].holds is True


def test_unknown_cost_is_no_runaway_and_no_baseline_is_learning() -> None:
    assert judge(running("a", 1e6), baseline=usual())[0].holds is False
    warning, critical = judge(running("a", 1e6, cost=99.0), baseline=usual(n=7), settings=FREE)
    assert (warning.holds, warning.learning, warning.summary) == (False, True, "no baseline (n=7)")
    assert critical.holds is False


def test_what_cannot_be_seen_is_unknown() -> None:
    assert [each.holds for each in judge(running("a", 1, cost=9.0), unseen=("w",))] == [None, None]
    assert [each.holds for each in judge()] == [False, False]


@given(
    st.floats(0, 1e5),
    st.none() | st.floats(0, 1e4),
    st.floats(0, 1e5),
    st.floats(0, 1e4),
    st.booleans(),
)
def test_longer_and_dearer_is_never_better_and_nothing_is_said_without_grounds(
    took: float, cost: float | None, more: float, dearer: float, known: bool
) -> None:
    baseline = usual() if known else None
    before = judge(running("a", took, cost=cost), baseline=baseline)
    worse = None if cost is None else cost + dearer
    after = judge(running("a", took + more, cost=worse), baseline=baseline)
    assert all(not one.holds or other.holds for one, other in zip(before, after, strict=True))
    assert not any(each.holds for each in judge(running("a", took, cost=cost), settings=FREE))
