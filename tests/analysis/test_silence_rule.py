"""A workflow that should have run: by rate, by gap, by its declared limit; never because nobody looked."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.rules import silence
from wfmon.analysis.runindex import RunIndex
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.run import Run, RunStatus, WorkflowRuns
from wfmon.model.settings import SilenceSettings, WorkflowLimits
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow
from wfmon.model.windows import window_ladder

SETTINGS = SilenceSettings(True, 0.001, 2.0, 300.0, 20)
HOUR = 3600.0
TOP = 1_800_000_000.0 // HOUR * HOUR
NOW = TOP + 1800.0
WINDOWS = window_ladder(300.0, 6 * HOUR)


def usual(rate: float | None = 30.0, before: float | None = 30.0, **more: object) -> Baseline:
    return Baseline(
        "w",
        n=100,
        hour=TOP,
        runs_per_hour=None if rate is None else Usual(rate, 1.0, 42),
        runs_this_hour=rate,
        runs_hour_before=before,
        **more,  # type: ignore[arg-type]
    )


def regular(
    gap: float = HOUR, longest: float = 1.1 * HOUR, span: float = 8 * 24 * HOUR, **more: object
) -> Baseline:
    return Baseline(
        "w",
        n=100,
        gap_p50_seconds=gap,
        gap_max_seconds=longest,
        gap_span_seconds=span,
        **more,  # type: ignore[arg-type]
    )


def logs(*ends: tuple[float, bool], began: float = 0.0) -> RunIndex:
    """Runs that ended so many seconds ago, and whether well; the log begins at ``began``."""
    finished = tuple(
        Run(f"r{ago}", "w", RunStatus.SUCCESS if well else RunStatus.ERROR, ended_at=NOW - ago)
        for ago, well in sorted(ends, reverse=True)
    )
    return RunIndex(WorkflowRuns("w", (), finished, began, open_complete=True, begins_at=began))


def row(index: RunIndex | None = None, *counted: float, covered: float = 1e9, active: int = 0) -> Workflow:
    """``counted``: how long ago successful runs ended, for windows of metrics."""
    if index is not None:
        ladder = tuple(index.step(NOW, seconds) for seconds in WINDOWS)
    else:
        ladder = tuple(
            LadderStep(s, min(s, covered), StatusCounts(success=sum(ago < s for ago in counted)))
            for s in WINDOWS
        )
    return Workflow("w", active=active, ladder=ladder, runbook="book.md")


def judge(
    each: Workflow | None,
    baseline: Baseline | None,
    *,
    index: RunIndex | None = None,
    gap: float | None = None,
    opened: float | None = None,
    running: bool = False,
    answering: bool = True,
    unseen: tuple[str, ...] = (),
    now: float = NOW,
) -> Finding | None:
    found = silence.evaluate(
        [] if each is None else [each],
        SETTINGS,
        now,
        baselines={} if baseline is None else {"w": baseline},
        limits={"w": WorkflowLimits(gap_seconds=gap)},
        indexes={} if index is None else {"w": index},
        open_runs={"w": [Run("o", "w", RunStatus.RUNNING, started_at=NOW - 5000)]} if running else {},
        unseen=unseen,
        answering=answering,
        open_since={} if opened is None else {"w": opened},
    )
    assert len(found) <= 1
    return found[0] if found else None


def of_logs(baseline: Baseline | None, *ends: tuple[float, bool], **more: object) -> Finding:
    index = logs(*ends, began=more.pop("began", 0.0))  # type: ignore[arg-type]
    found = judge(row(index), baseline, index=index, **more)  # type: ignore[arg-type]
    assert found is not None
    return found


# by rate --------------------------------------------------------------------------------------------


def test_as_long_as_a_poisson_process_would_be_silent_once_in_a_thousand_hours() -> None:
    allowed = log(30 / 0.001) / 30 * HOUR
    found = of_logs(usual(), (allowed + 1, True))
    assert (found.holds, found.severity, found.runbook) == (True, Severity.WARNING, "book.md")
    assert found.value == pytest.approx(allowed + 1)
    assert found.threshold == pytest.approx(allowed)
    assert found.since == pytest.approx(NOW - 1)
    assert found.since_at_least is False
    assert found.summary == "no run for 20m38s, usually 30 an hour at this time"
    assert of_logs(usual(), (allowed - 1, True)).holds is False


def test_a_busy_hour_is_not_said_of_a_quiet_night() -> None:
    """At half past eight, of a workflow that never runs before eight; then of one that begins at eight."""
    assert of_logs(usual(12.0, 0.0), (12 * HOUR, True)).holds is False  # 6 expected since eight
    assert of_logs(usual(22.0, 0.0), (12 * HOUR, True)).holds is True  # 11 expected since eight
    # the hour is over and nothing newer was learnt: it speaks of its own hours alone
    late = usual(9.5, 0.0)
    index = logs((12 * HOUR, True))
    assert judge(row(index), late, index=index, now=NOW + 9 * HOUR).holds is True  # type: ignore[union-attr]
    few = usual(8.5, 0.0)
    assert judge(row(index), few, index=index, now=NOW + 9 * HOUR).holds is False  # type: ignore[union-attr]


def test_a_run_that_goes_on_is_not_silent() -> None:
    assert of_logs(usual(), (3000, True), running=True).holds is False
    found = judge(row(None, 4000.0, active=1), usual())
    assert found is not None
    assert found.holds is False


def test_failed_runs_are_runs() -> None:
    assert of_logs(usual(), (400, False), (4000, True)).holds is False


# by gap ---------------------------------------------------------------------------------------------


def test_no_success_for_twice_the_usual_gap_and_half_as_long_again_as_the_longest() -> None:
    assert of_logs(regular(), (2 * HOUR + 299, True)).holds is False
    found = of_logs(regular(), (2 * HOUR + 301, True))
    assert (found.holds, found.threshold) == (True, 2 * HOUR + 300)
    assert found.summary == "no successful run for 2h5m, usually one every 1h, at most 1h6m apart"
    uneven = regular(longest=4 * HOUR)
    assert of_logs(uneven, (6 * HOUR, True)).holds is False
    assert of_logs(uneven, (6 * HOUR + 301, True)).holds is True
    of_two_days = regular(longest=4 * HOUR, span=48 * HOUR)
    assert of_logs(of_two_days, (12 * HOUR, True)).holds is False
    assert of_logs(of_two_days, (12 * HOUR + 301, True)).holds is True
    of_a_morning = regular(longest=2 * HOUR, span=9 * HOUR)
    assert of_logs(of_a_morning, (90 * HOUR, True)).holds is False


def test_one_failed_run_is_no_success_and_three_are_the_matter_of_another_rule() -> None:
    ends = [(3 * HOUR, True), (HOUR, False), (600.0, False), (300.0, False)]
    assert of_logs(regular(), *ends[:2]).holds is True
    assert of_logs(regular(), *ends).holds is False


# declared -------------------------------------------------------------------------------------------


def test_a_declared_gap_is_critical_and_the_only_test() -> None:
    found = of_logs(regular(), (4501, True), gap=4500.0)
    assert (found.holds, found.severity, found.threshold) == (True, Severity.CRITICAL, 4500)
    assert found.summary == "no successful run for 1h15m, allowed 1h15m"
    assert of_logs(usual(), (4000, True), gap=4500.0).holds is False  # 30 an hour are usual
    assert of_logs(None, (4501, True), (5, False), (4, False), (3, False), gap=4500.0).holds is True
    assert of_logs(None, (200, True), gap=100.0).holds is True  # shorter than any window


# what nobody watched --------------------------------------------------------------------------------


def test_what_was_not_watched_is_no_silence() -> None:
    assert of_logs(usual(), began=NOW - 60).holds is False  # never seen to run
    known = usual(last_run_at=NOW - 5 * HOUR)
    found = of_logs(known, began=NOW - 60)
    assert (found.holds, found.learning) == (False, True)
    assert found.summary == "not watched for long enough to tell (1m)"
    assert of_logs(known, began=NOW - 60, opened=NOW - HOUR).holds is None
    assert of_logs(known, began=NOW - 1300).holds is True
    assert of_logs(known, began=NOW - 1300).since_at_least is True


def test_metrics_whose_newest_part_is_not_known_say_nothing() -> None:
    blind = row(None, covered=100.0)
    found = judge(blind, regular(last_run_at=NOW - 9 * HOUR))
    assert found is not None
    assert (found.holds, found.learning) == (False, True)
    found = judge(blind, regular(last_run_at=NOW - 9 * HOUR), opened=NOW - HOUR)
    assert found is not None
    assert found.holds is None


def test_metrics_reach_back_beyond_their_windows_by_what_the_history_watched() -> None:
    nightly = regular(gap=24 * HOUR, longest=24.5 * HOUR, last_run_at=NOW - 50 * HOUR)
    found = judge(row(None), nightly)
    assert found is not None
    assert found.holds is False
    watched = replace(nightly, watched_since=NOW - 80 * HOUR)
    found = judge(row(None), watched)
    assert found is not None
    assert (found.holds, found.value) == (True, 50 * HOUR)


def test_windows_tell_since_when() -> None:
    found = judge(row(None, 2000.0), usual())
    assert found is not None
    assert found.holds is True
    assert found.value == pytest.approx(1800.0)  # the latest it can have been


def test_unseen_is_unknown_and_without_a_baseline_it_is_learning() -> None:
    assert of_logs(usual(), (3000, True), unseen=("w",)).holds is None
    found = of_logs(Baseline("w", n=7), (90_000, True))
    assert (found.holds, found.learning, found.summary) == (False, True, "no baseline (n=7)")
    assert judge(Workflow("w"), usual()) is None  # its runs are not exposed


# an alert that is open ------------------------------------------------------------------------------


def test_night_falls_and_an_open_alert_stays_until_it_runs() -> None:
    night = usual(0.0, 0.0)
    still = of_logs(night, (9 * HOUR, True), opened=NOW - 8 * HOUR)
    assert (still.holds, still.between) == (False, True)
    ran = of_logs(night, (60, False), (9 * HOUR, True), opened=NOW - 8 * HOUR)
    assert (ran.holds, ran.between) == (False, False)
    assert of_logs(night, (9 * HOUR, True)).between is False


# nobody tells of it any more ------------------------------------------------------------------------


def test_a_workflow_that_is_gone_is_silent_where_somebody_watched() -> None:
    gone = regular(last_run_at=NOW - 3 * HOUR, watched_since=NOW - 9 * HOUR)
    found = judge(None, gone)
    assert found is not None
    assert (found.holds, found.since, found.for_seconds) == (True, None, 120.0)
    assert found.summary.endswith("at most 1h6m apart, and nobody tells of it any more")
    assert judge(None, replace(gone, watched_since=None)).holds is False  # type: ignore[union-attr]
    assert judge(None, gone, answering=False) is None
    assert judge(None, gone, answering=False, opened=NOW - 60).holds is None  # type: ignore[union-attr]
    assert judge(None, replace(gone, last_run_at=NOW - 8 * 86400)) is None
    assert judge(None, replace(gone, last_run_at=None)) is None


# properties -----------------------------------------------------------------------------------------

ENDS = st.lists(st.tuples(st.floats(0, 2e5), st.booleans()), max_size=6, unique_by=lambda each: each[0])


@given(ENDS, st.floats(0, 2e5), st.none() | st.floats(0, 1e5))
def test_without_a_baseline_or_a_limit_nothing_is_said(
    ends: list[tuple[float, bool]], began: float, opened: float | None
) -> None:
    at = None if opened is None else NOW - opened
    for baseline in (None, Baseline("w", n=7, last_run_at=NOW - 1e5)):
        assert of_logs(baseline, *ends, began=NOW - began, opened=at).holds is False


@given(ENDS, st.floats(0, 2e5), st.floats(0, 200.0), st.booleans())
def test_it_never_says_more_than_was_watched(
    ends: list[tuple[float, bool]], began: float, rate: float, declared: bool
) -> None:
    baseline = replace(usual(rate, rate), gap_p50_seconds=600.0, gap_max_seconds=2000.0, gap_span_seconds=1e6)
    found = of_logs(baseline, *ends, began=NOW - began, gap=3000.0 if declared else None)
    if found.holds:
        assert found.value is not None
        assert found.value <= began + 1e-3
        assert found.threshold is not None
        assert found.value >= found.threshold - 1e-3


@given(st.floats(0, 2e5), st.floats(0, 1e5), st.floats(0.0, 100.0))
def test_a_longer_silence_is_never_better(ago: float, more: float, rate: float) -> None:
    baseline = replace(usual(rate, rate), gap_p50_seconds=600.0, gap_max_seconds=2000.0, gap_span_seconds=1e6)
    assert not of_logs(baseline, (ago, True)).holds or of_logs(baseline, (ago + more, True)).holds
