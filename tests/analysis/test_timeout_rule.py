"""A run that goes on for too long: by its limit, by what is usual, and never by a guess."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.running import NOW, running, usual
from wfmon.analysis.rules import timeout
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.run import Run, RunStatus, Step
from wfmon.model.settings import TimeoutSettings, WorkflowLimits

SETTINGS = TimeoutSettings(True, 2.0, 60.0, None, 30.0, 20)


def judge(
    *runs: Run,
    baseline: Baseline | None = None,
    limit: float | None = None,
    settings: TimeoutSettings = SETTINGS,
    unseen: tuple[str, ...] = (),
) -> Finding:
    (finding,) = timeout.evaluate(
        {"w": runs},
        settings,
        NOW,
        baselines={} if baseline is None else {"w": baseline},
        limits={"w": WorkflowLimits(run_seconds=limit)},
        unseen=unseen,
        runbooks={"w": "book.md"},
    )
    assert (finding.rule, finding.labels, finding.workflow) == ("timeout", (("workflow", "w"),), "w")
    assert (finding.severity, finding.unit, finding.runbook) == (Severity.WARNING, "seconds", "book.md")
    return finding


def test_longer_than_twice_the_p99() -> None:
    found = judge(running("a", 201), running("b", 199), baseline=usual())
    assert found.holds is True
    assert (found.value, found.threshold, found.n, found.members) == (201, 200, 1, ("a",))
    assert found.since == NOW - 1
    assert found.for_seconds == 30
    assert found.summary == "running 3m21s, allowed 3m20s (2 x p99)"


def test_of_short_runs_the_slack_counts() -> None:
    short = usual(p50=1.0, p99=2.0)
    assert judge(running("a", 60), baseline=short).holds is False
    found = judge(running("a", 62), baseline=short)
    assert (found.holds, found.threshold) == (True, 61)
    assert "median + 1m" in found.summary


def test_forty_stuck_runs_are_one_alert() -> None:
    runs = [running(f"r{n:02}", 300 + n, steps=(Step("fetch", RunStatus.RUNNING),)) for n in range(60)]
    found = judge(*runs, baseline=usual())
    assert (found.n, found.value, len(found.members)) == (60, 359, 50)
    assert found.members == tuple(f"r{n:02}" for n in range(10, 60))
    assert found.since == NOW - 159
    assert found.contributors[0] == "r59: 5m59s in fetch"
    assert len(found.contributors) == 5
    assert found.summary.startswith("60 runs over their time, running 5m59s")


def test_limits_go_before_what_is_usual_and_the_config_before_the_log() -> None:
    assert judge(running("a", 150, limit_seconds=140.0), baseline=usual()).threshold == 140
    assert judge(running("a", 250, limit_seconds=300.0), baseline=usual()).holds is False
    assert judge(running("a", 250, limit_seconds=100.0), baseline=usual(), limit=240.0).threshold == 240
    assert judge(running("a", 250), baseline=usual(), limit=260.0).holds is False


def test_the_worst_is_the_furthest_beyond_its_own_limit() -> None:
    found = judge(running("a", 250, limit_seconds=240.0), running("b", 50, limit_seconds=5.0))
    assert (found.value, found.threshold, found.members) == (50, 5, ("a", "b"))
    assert found.since == NOW - 45


def test_without_a_baseline_it_is_learning_and_quiet_not_unknown() -> None:
    found = judge(running("a", 1e6), baseline=usual(None, None, n=7))
    assert (found.holds, found.learning, found.summary) == (False, True, "no baseline (n=7)")
    assert judge(running("a", 1e6)).summary == "no baseline (n=0)"
    assert judge(running("a", 1e6, limit_seconds=2e6)).learning is False


def test_the_default_stands_in_for_a_baseline() -> None:
    settings = replace(SETTINGS, default_seconds=900.0)
    assert judge(running("a", 901), settings=settings).threshold == 900
    assert judge(running("a", 899), settings=settings).learning is False


def test_it_clears_when_no_run_is_over() -> None:
    found = judge(baseline=usual())
    assert (found.holds, found.between, found.keep_seconds) == (False, False, 0)


def test_what_cannot_be_seen_is_unknown() -> None:
    assert judge(running("a", 1e6), baseline=usual(), unseen=("w",)).holds is None
    assert judge(running("a", None), baseline=usual()).holds is False
    off = replace(SETTINGS, enabled=False)
    assert timeout.evaluate({"w": (running("a", 1e6),)}, off, NOW, baselines={}, limits={}) == ()


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.none() | st.floats(1, 1e6)), max_size=6),
    st.integers(0, 19),
    st.floats(0, 1e6),
)
def test_never_without_a_baseline_or_a_limit_and_never_sooner_for_a_longer_run(
    runs: list[tuple[float, float | None]], n: int, more: float
) -> None:
    open_runs = [running(f"r{i}", took, limit_seconds=limit) for i, (took, limit) in enumerate(runs)]
    found = judge(*open_runs, baseline=usual(n=n))
    over = {f"r{i}" for i, (took, limit) in enumerate(runs) if limit is not None and took > limit + 1e-3}
    assert over <= set(found.members)
    assert all(dict(zip([r.id for r in open_runs], runs, strict=True))[m][1] for m in found.members)
    later = [replace_start(run, more) for run in open_runs]
    assert set(found.members) <= set(judge(*later, baseline=usual(n=n)).members)


def replace_start(run: Run, more: float) -> Run:
    assert run.started_at is not None
    return replace(run, started_at=run.started_at - more)


@pytest.mark.parametrize("n", [19, 20])
def test_the_twentieth_run_teaches(n: int) -> None:
    assert judge(running("a", 201), baseline=usual(n=n)).holds is (n == 20)
