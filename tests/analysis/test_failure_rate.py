from __future__ import annotations

from dataclasses import replace

import pytest

from wfmon.analysis.rules import failure_rate
from wfmon.model.alert import Finding, Severity
from wfmon.model.settings import FailureRateSettings
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow

SETTINGS = FailureRateSettings(
    enabled=True, threshold=0.05, min_failures=3, z=2.3263, critical_factor=4.0, clear_quiet_seconds=600.0
)
NOW = 100_000.0


def step(seconds: float, success: int, error: int, covered: float | None = None) -> LadderStep:
    return LadderStep(
        seconds, seconds if covered is None else covered, StatusCounts(success=success, error=error)
    )


def workflow(*ladder: LadderStep, window: float | None = None) -> Workflow:
    chosen = ladder[-1] if window is None else next(each for each in ladder if each.seconds == window)
    return Workflow("w", runs=chosen.counts, window_seconds=chosen.seconds, ladder=ladder)


def judge(each: Workflow, **more: object) -> tuple[Finding, Finding]:
    warning, critical = failure_rate.evaluate([each], SETTINGS, NOW, **more)  # type: ignore[arg-type]
    assert (warning.severity, critical.severity) == (Severity.WARNING, Severity.CRITICAL)
    return warning, critical


def test_a_third_failing_is_critical_and_said_in_words() -> None:
    warning, critical = judge(workflow(step(300, 170, 80)))
    assert warning.holds is True
    assert critical.holds is True
    assert critical.summary == "32% (80 of 250 in 5m)"
    assert (critical.value, critical.n, critical.failed) == (pytest.approx(0.32), 250, 80)


def test_ten_percent_failing_is_a_warning_only() -> None:
    warning, critical = judge(workflow(step(300, 180, 20)))
    assert (warning.holds, critical.holds) == (True, False)


@pytest.mark.parametrize(("success", "error"), [(1, 1), (0, 2), (0, 1), (95, 5), (18, 2)])
def test_few_failures_prove_nothing(success: int, error: int) -> None:
    assert judge(workflow(step(300, success, error)))[0].holds is False


def test_too_short_a_history_is_unknown_and_says_so() -> None:
    warning, critical = judge(workflow(step(300, 5, 1, covered=8), step(600, 5, 1, covered=8)))
    assert (warning.holds, critical.holds) == (None, None)
    assert warning.summary == "only 8s of history, need 5m"


def test_before_anything_is_covered_it_is_unknown_not_fine() -> None:
    first = replace(workflow(step(300, 0, 0, covered=0)), runs=None, window_seconds=None)
    assert [finding.holds for finding in judge(first)] == [None, None]


def test_a_longer_window_does_not_stand_for_the_newest_part() -> None:
    """Nobody looked for a while: half an hour is known by its two ends, the last 5 minutes are not."""
    gap = workflow(step(300, 5, 0, covered=8), step(1800, 5, 0), window=300)
    assert judge(gap)[0].holds is None


def test_a_young_log_is_judged_but_its_window_is_not_called_longer_than_it_is() -> None:
    ladder = tuple(
        LadderStep(seconds, seconds, StatusCounts(success=10, error=6), told=13.0)
        for seconds in (300.0, 600.0, 21600.0)
    )
    warning, _ = judge(Workflow("w", runs=ladder[-1].counts, window_seconds=13.0, ladder=ladder))
    assert warning.holds is True
    assert warning.summary == "38% (6 of 16 in 13s)"
    assert warning.window_seconds == 13.0


def test_enough_failures_are_proof_whatever_the_history() -> None:
    warning, _ = judge(workflow(step(300, 0, 6, covered=8)))
    assert warning.holds is True
    assert warning.summary == "100% (6 of 6 in 8s)"


def test_the_shortest_window_covered_is_enough_to_be_judged() -> None:
    warning, _ = judge(workflow(step(300, 5, 0), step(600, 5, 0, covered=400)))
    assert warning.holds is False


def test_windows_before_the_last_clear_are_not_used() -> None:
    grown = workflow(step(300, 3, 0), step(900, 4, 5), step(3600, 10, 9))
    assert judge(grown)[0].holds is True
    assert judge(grown, cleared={"w": NOW - 400})[0].holds is False
    assert judge(grown, cleared={"w": NOW - 1000})[0].window_seconds == 900
    assert judge(grown, cleared={"w": NOW - 5000})[0].window_seconds == 3600


def test_between_threshold_and_bound_an_open_alert_stays() -> None:
    warning, critical = judge(workflow(step(300, 90, 10)))
    assert (warning.holds, warning.between) == (False, True)
    assert critical.between is False


def test_at_or_below_the_threshold_the_quiet_time_runs() -> None:
    warning, _ = judge(workflow(step(300, 95, 5)))
    assert (warning.holds, warning.between, warning.clears) == (False, False, False)
    assert warning.keep_seconds == 600


def test_enough_successes_in_a_quiet_window_clear_at_once() -> None:
    quiet = workflow(step(300, 2, 0), step(600, 5, 0), step(3600, 5, 5))
    assert (judge(quiet)[0].holds, judge(quiet)[0].clears) == (False, True)
    # five in a row happen by chance to a workflow that fails in one of ten
    rare = workflow(step(300, 2, 0), step(600, 5, 0), step(3600, 45, 5))
    assert judge(rare)[0].clears is False


def test_a_quiet_window_that_is_not_covered_does_not_clear() -> None:
    young = workflow(step(300, 9, 0), step(600, 9, 0, covered=500), window=300)
    assert judge(young)[0].clears is False


def test_no_run_is_not_health() -> None:
    warning, _ = judge(workflow(step(300, 0, 0), step(600, 0, 0)))
    assert (warning.holds, warning.between, warning.clears) == (False, True, False)
    assert warning.value is None


def test_nothing_is_said_of_a_workflow_that_cannot_be_seen() -> None:
    for finding in judge(workflow(step(300, 170, 80)), unseen={"w"}):
        assert (finding.holds, finding.clears, finding.between) == (None, False, False)


def test_a_workflow_without_known_runs_is_not_judged() -> None:
    assert failure_rate.evaluate([Workflow("w")], SETTINGS, NOW) == ()


def test_switched_off_it_says_nothing() -> None:
    off = replace(SETTINGS, enabled=False)
    assert failure_rate.evaluate([workflow(step(300, 0, 9))], off, NOW) == ()
