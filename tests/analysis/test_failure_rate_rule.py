"""Rule ``failure_rate`` by what is usual, by runs in a row, and what it says it comes from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.choose import grown
from wfmon.analysis.onset import Past, backdated
from wfmon.analysis.reasons import reasons
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.streak import failures_needed, successes_needed
from wfmon.model.alert import Finding
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.run import COUNTED, Run, RunStatus, Step, WorkflowRuns
from wfmon.model.settings import FailureRateSettings
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow
from wfmon.model.windows import window_ladder

SETTINGS = FailureRateSettings(
    enabled=True, threshold=0.05, min_failures=3, z=2.3263, critical_factor=4.0, clear_quiet_seconds=600.0
)
NOW = 1_800_000_000.0
HOUR = 3600.0
WINDOWS = window_ladder(300.0, 6 * HOUR)
STATUS = {"s": RunStatus.SUCCESS, "f": RunStatus.ERROR, "c": RunStatus.CANCELLED, "t": RunStatus.TIMEOUT}


def indexed(word: str, every: float = 60.0, last_ago: float = 1.0, **more: object) -> RunIndex:
    """One letter a run, the newest last."""
    first = NOW - last_ago - every * (len(word) - 1)
    runs = tuple(
        Run(f"r{n}", "w", STATUS[each], ended_at=first + n * every, **more)  # type: ignore[arg-type]
        for n, each in enumerate(word)
    )
    return RunIndex(WorkflowRuns("w", (), runs, 0.0, open_complete=True))


def row(index: RunIndex, usual: Baseline | None = None) -> Workflow:
    ladder = tuple(index.step(NOW, seconds) for seconds in WINDOWS)
    chosen = grown(ladder, 20)
    return Workflow("w", runs=chosen.counts, window_seconds=chosen.seconds, ladder=ladder, usual=usual)


def judge(
    index: RunIndex,
    usual: Baseline | None = None,
    settings: FailureRateSettings = SETTINGS,
    cleared: float | None = None,
    unseen: tuple[str, ...] = (),
) -> tuple[Finding, Finding]:
    warning, critical = failure_rate.evaluate(
        [row(index, usual)],
        settings,
        NOW,
        cleared={} if cleared is None else {"w": cleared},
        unseen=unseen,
        indexes={"w": index},
    )
    return warning, critical


def usual(ratio: float, n: int = 500, per_hour: float = 60.0) -> Baseline:
    return Baseline("w", n=n, error_ratio=ratio, error_n=n, runs_per_hour=Usual(per_hour, 1.0, 42))


# threshold ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "n", "threshold"),
    [(0.0, 500, 0.05), (0.02, 500, 0.05), (0.1, 500, 0.2), (0.1, 49, 0.05), (0.8, 500, 0.9), (1.0, 500, 1.0)],
)
def test_twice_what_is_usual(ratio: float, n: int, threshold: float) -> None:
    index = indexed("s" * 30 + "f" * 6)
    assert judge(index, usual(ratio, n))[0].threshold == pytest.approx(threshold)
    assert judge(indexed("s" * 30), usual(ratio, n))[0].threshold == pytest.approx(threshold)


def test_what_is_much_for_one_is_usual_for_another() -> None:
    index = indexed("sssf" * 10)
    assert judge(index)[0].holds is True
    assert judge(index, usual(0.2))[0].holds is False
    assert judge(index, usual(0.2))[0].between is False
    ill = indexed("sfff" * 10 + "s")
    assert judge(ill, usual(0.2))[0].holds is True


# streak ---------------------------------------------------------------------------------------------


def test_so_many_in_a_row_that_it_is_no_chance() -> None:
    assert failures_needed(60 * 720, 0.02) == 4
    assert failures_needed(60 * 720, 0.0) == 3
    assert failures_needed(2 * 720, 0.0) == 3
    assert failures_needed(600 * 720, 0.1) == 7
    assert failures_needed(0.0, 0.0) == 3
    assert failures_needed(1e6, 1.0) == failures_needed(1e6, 0.9)


def test_four_failures_after_forty_successes() -> None:
    warning, critical = judge(indexed("s" * 40 + "ffff", every=12.0), usual(0.02))
    assert (warning.holds, critical.holds) == (True, True)
    assert warning.summary == "16% (4 of 25 in 5m), the last 4 in a row"
    three = judge(indexed("s" * 41 + "fff", every=12.0), usual(0.02))
    assert [each.holds for each in three] == [False, False]
    off = replace(SETTINGS, streak=False)
    assert judge(indexed("s" * 40 + "ffff", every=12.0), usual(0.02), off)[1].holds is False


def test_one_success_breaks_it_and_cancelled_runs_do_not_count() -> None:
    assert judge(indexed("s" * 40 + "ffcfcf", every=12.0), usual(0.02))[1].holds is True
    assert judge(indexed("s" * 40 + "ffffs", every=12.0), usual(0.02))[1].holds is False


def test_three_bad_nights() -> None:
    day = 24 * HOUR
    assert judge(indexed("sssfff", every=day))[0].holds is True
    assert judge(indexed("sssff", every=day))[0].holds is False
    # of a workflow that nobody runs any more nothing begins, but what is open stays
    old = judge(indexed("sssfff", every=day, last_ago=2 * day))[0]
    assert (old.holds, old.between) == (False, True)
    # the next good night ends it
    good = judge(indexed("sssfffs", every=day))[0]
    assert (good.holds, good.between) == (False, False)


def test_failures_from_before_the_last_clear_are_no_streak() -> None:
    index = indexed("s" * 40 + "ffff", every=12.0)
    assert judge(index, usual(0.02), cleared=NOW - 20)[1].holds is False


def test_metrics_tell_a_streak_where_a_window_holds_nothing_else() -> None:
    ladder = (
        LadderStep(300.0, 300.0, StatusCounts(error=4)),
        LadderStep(600.0, 600.0, StatusCounts(success=90, error=4)),
    )
    each = Workflow("w", runs=ladder[1].counts, window_seconds=600.0, ladder=ladder)
    warning, critical = failure_rate.evaluate([each], SETTINGS, NOW)
    assert (warning.holds, critical.holds) == (True, True)
    mixed = (replace(ladder[0], counts=StatusCounts(success=1, error=4)), ladder[1])
    warning, critical = failure_rate.evaluate([replace(each, ladder=mixed)], SETTINGS, NOW)
    assert (warning.holds, critical.holds) == (False, False)


def test_a_streak_is_dated_by_its_log() -> None:
    index = indexed("s" * 40 + "fffff", every=12.0)
    warning = judge(index, usual(0.02))[0]
    past = Past(NOW, index, WINDOWS, 20)
    found = backdated(warning, past, SETTINGS, None, usual(0.02))
    assert found.since == NOW - 1 - 12  # the fourth


# end ------------------------------------------------------------------------------------------------


def test_successes_in_a_row_end_it_once_the_last_failure_is_ten_minutes_old() -> None:
    assert successes_needed(1.0) == successes_needed(0.9) == successes_needed(0.0) == 3
    assert successes_needed(0.2) == 14
    ill = indexed("s" * 20 + "ffffff" + "sss", every=300.0)
    assert judge(ill)[0].clears is True
    early = indexed("s" * 20 + "ffffff" + "sss", every=100.0)
    assert (judge(early)[0].holds, judge(early)[0].clears) == (True, False)


# what it comes from ---------------------------------------------------------------------------------


def test_what_fails_most() -> None:
    def failed(n: int, error: str | None, *steps: Step) -> Run:
        return Run(f"r{n}", "w", RunStatus.ERROR, ended_at=NOW - n, error=error, steps=steps)

    step = Step("extract", RunStatus.ERROR)
    runs = [failed(n, f"ReadTimeout: after {n} s", Step("fetch", RunStatus.SUCCESS), step) for n in range(3)]
    runs += [failed(9, "KeyError: 'x'"), failed(10, None), failed(11, None, Step("load", RunStatus.TIMEOUT))]
    assert reasons(runs) == ("extract: ReadTimeout (3)", "KeyError (1)", "error (1)", "load: error (1)")
    assert reasons([]) == ()
    assert len(reasons([failed(n, f"E{n}: x") for n in range(30)])) == 5


def test_contributors_only_where_it_holds() -> None:
    assert judge(indexed("ffffff", error="E: x"))[0].contributors == ("E (6)",)
    assert judge(indexed("s" * 50 + "f", error="E: x"))[0].contributors == ()
    unseen = judge(indexed("ffffff", error="E: x"), unseen=("w",))
    assert [(each.holds, each.contributors) for each in unseen] == [(None, ()), (None, ())]


# properties -----------------------------------------------------------------------------------------

WORD = st.text("sfct", max_size=60)


@given(WORD, st.integers(0, 60))
def test_the_tail_is_what_one_sees_walking_back(word: str, back: int) -> None:
    index = indexed(word)
    after = NOW - 1 - 60.0 * back
    counted = [run for run in index.runs.finished if run.status in COUNTED and (run.ended_at or 0) > after]
    ends = [run.failed for run in reversed(counted)]
    first = ends[0] if ends else None
    row = next((n for n, each in enumerate(ends) if each is not first), len(ends))
    expected = (0, 0) if first is None else (row, 0) if first else (0, row)
    assert index.tail(NOW, after) == expected


@given(WORD, st.floats(0, 1), st.integers(0, 600))
def test_one_more_failure_never_ends_it_and_critical_is_a_warning_too(
    word: str, ratio: float, n: int
) -> None:
    before, after = (judge(indexed(each, every=30.0), usual(ratio, n)) for each in (word, word + "f"))
    assert not before[1].holds or before[0].holds
    assert all(finding.threshold == before[0].threshold for finding in (*before, *after))
    if before[0].holds and word.endswith("f"):
        assert after[0].holds
