"""A run without a sign of life, and what counts as one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.running import NOW, indexed, running
from wfmon.analysis.rules import stall
from wfmon.analysis.runindex import RunIndex
from wfmon.model.alert import Finding
from wfmon.model.host import HostSample, WorkflowProcesses
from wfmon.model.run import Run, RunStatus, Step
from wfmon.model.settings import StallSettings
from wfmon.model.snapshot import Workflow

SETTINGS = StallSettings(True, 600.0, 1800.0)


def quiet(run_id: str, seconds: float, **more: object) -> Run:
    return running(run_id, seconds + 50, last_line_at=NOW - seconds, **more)


def host(cpu: float | None, *pids: int) -> HostSample:
    entry = WorkflowProcesses("w", None, cpu, max(1, len(pids)), pids)
    return HostSample(NOW, None, None, None, None, None, None, (entry,), (), 0, 0)


def judge(
    indexes: dict[str, RunIndex],
    *,
    row: Workflow | None = None,
    sample: HostSample | None = None,
    unseen: tuple[str, ...] = (),
) -> Finding:
    (finding,) = stall.evaluate(
        indexes,
        SETTINGS,
        NOW,
        rows={"w": row or Workflow("w")},
        host=sample,
        unseen=unseen,
    )
    return finding


def test_no_line_for_too_long() -> None:
    found = judge(indexed(quiet("a", 601), quiet("b", 599)))
    assert (found.holds, found.members, found.n) == (True, ("a",), 1)
    assert (found.value, found.threshold, found.unit) == (601, 600, "seconds")
    assert found.since == NOW - 601
    assert found.summary == "no sign of life for 10m1s, allowed 10m"


def test_it_clears_when_a_line_comes_or_the_run_ends() -> None:
    assert judge(indexed(quiet("a", 1))).holds is False
    found = judge(indexed())
    assert (found.holds, found.between) == (False, False)


@pytest.mark.parametrize(
    ("step", "waits"),
    [
        (Step("x", RunStatus.RUNNING, NOW - 900, model="gpt-5"), True),
        (Step("web_search", RunStatus.RUNNING, NOW - 900), True),
        (Step("CallLLM", RunStatus.RUNNING, NOW - 900), True),
        (Step("recall_memory", RunStatus.RUNNING, NOW - 900), False),
        (Step("extract", RunStatus.RUNNING, NOW - 900), False),
        (Step("web_search", RunStatus.SUCCESS, NOW - 900, ended_at=NOW - 880), False),
    ],
)
def test_a_step_that_calls_somebody_may_take_longer(step: Step, waits: bool) -> None:
    assert judge(indexed(quiet("a", 900, steps=(step,)))).holds is not waits
    assert judge(indexed(quiet("a", 1900, steps=(step,)))).holds is True


def test_cpu_is_a_sign_of_life_of_the_only_run() -> None:
    run = quiet("a", 900, pid=7)
    assert judge(indexed(run), sample=host(0.001, 7)).holds is True
    busy = judge(indexed(run), sample=host(0.5, 7))
    assert (busy.holds, busy.between) == (False, False)
    between = judge(indexed(run), sample=host(0.02, 7))
    assert (between.holds, between.between) == (False, True)
    waits = judge(indexed(run), sample=host(None, 7))
    assert (waits.holds, waits.between) == (False, True)


def test_cpu_says_nothing_of_several_runs_nor_of_another_process() -> None:
    busy = host(0.9, 7)
    assert judge(indexed(quiet("a", 900, pid=7), quiet("b", 3, pid=7)), sample=busy).holds is True
    assert judge(indexed(quiet("a", 900, pid=8)), sample=busy).holds is True


def test_tokens_that_metrics_count_are_a_sign_of_life_of_the_only_run() -> None:
    row = Workflow("w", tokens_per_minute=5.0, origin=(("runs", "logs"), ("tokens", "prom")))
    assert judge(indexed(quiet("a", 900)), row=row).holds is False
    assert judge(indexed(quiet("a", 900), quiet("b", 900)), row=row).holds is True
    own = replace(row, origin=(("tokens", "logs"),))  # of runs that have ended
    assert judge(indexed(quiet("a", 900)), row=own).holds is True


def test_a_workflow_that_is_always_silent_is_not_stalled() -> None:
    past = tuple(
        Run(f"p{n}", "w", RunStatus.SUCCESS, ended_at=NOW - 9000 + n, quiet_seconds=1500.0) for n in range(5)
    )
    assert judge(indexed(quiet("a", 2900), finished=past)).holds is False
    assert judge(indexed(quiet("a", 3100), finished=past)).threshold == 3000
    assert judge(indexed(quiet("a", 2900), finished=past[:4])).holds is True
    failed = tuple(replace(run, status=RunStatus.TIMEOUT) for run in past)
    assert judge(indexed(quiet("a", 2900), finished=failed)).holds is True


def test_what_cannot_be_seen_is_unknown() -> None:
    assert judge(indexed(quiet("a", 9000)), unseen=("w",)).holds is None
    assert judge(indexed(running("a", None))).holds is False
    off = replace(SETTINGS, enabled=False)
    assert stall.evaluate(indexed(quiet("a", 9000)), off, NOW, rows={}, host=None) == ()


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=5), st.floats(0, 1e5))
def test_longer_silence_is_never_better(silences: list[float], more: float) -> None:
    before = judge(indexed(*(quiet(f"r{n}", each) for n, each in enumerate(silences))))
    after = judge(indexed(*(quiet(f"r{n}", each + more) for n, each in enumerate(silences))))
    assert set(before.members) <= set(after.members)
    assert (before.holds is True) == any(each > 600 for each in silences)
