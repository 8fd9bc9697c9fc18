"""Since when a workflow fails too often, from its log."""

from __future__ import annotations

from wfmon.analysis.onset import Past, backdated
from wfmon.analysis.rules.failure_rate import evaluate
from wfmon.analysis.runindex import RunIndex
from wfmon.model.alert import Finding, Severity
from wfmon.model.run import Run, RunStatus, WorkflowRuns
from wfmon.model.settings import FailureRateSettings
from wfmon.model.snapshot import Workflow
from wfmon.model.windows import window_ladder

NOW = 1_800_000_000.0
SETTINGS = FailureRateSettings(
    enabled=True, threshold=0.05, min_failures=3, z=2.3263, critical_factor=4.0, clear_quiet_seconds=600.0
)
WINDOWS = window_ladder(300.0, 21600.0)


def finding() -> Finding:
    return Finding("failure_rate", (("workflow", "w"),), Severity.WARNING, True, "x", workflow="w")


def past(seconds_ago_of_failure: float, complete_since: float = 0.0, *, minutes: int = 60) -> Past:
    """A run every 5 s for ``minutes``; every second one fails from that many seconds ago on."""
    runs = tuple(
        Run(
            id=str(n),
            workflow="w",
            status=RunStatus.ERROR if ago <= seconds_ago_of_failure and n % 2 else RunStatus.SUCCESS,
            ended_at=NOW - ago,
        )
        for n, ago in enumerate(range(minutes * 60, 0, -5))
    )
    index = RunIndex(WorkflowRuns("w", (), runs, complete_since, open_complete=True))
    return Past(NOW, index, WINDOWS, 20)


def test_it_began_when_the_rule_first_tripped_not_when_somebody_looked() -> None:
    found = backdated(finding(), past(900.0), SETTINGS)
    assert found.since is not None
    assert NOW - 900 < found.since < NOW - 900 + 120
    assert found.since_at_least is False


def test_where_the_log_begins_in_the_middle_of_it_it_is_at_least_as_old() -> None:
    found = backdated(finding(), past(86400.0, complete_since=NOW - 600, minutes=10), SETTINGS)
    assert found.since is not None
    assert found.since < NOW - 500
    assert found.since_at_least is True


def test_the_begin_is_a_moment_at_which_the_rule_says_the_same_as_live() -> None:
    known = past(900.0)
    found = backdated(finding(), known, SETTINGS)
    assert found.since is not None

    def live(at: float) -> bool | None:
        ladder = tuple(known.index.step(at, seconds) for seconds in WINDOWS)
        row = Workflow("w", runs=ladder[0].counts, window_seconds=300.0, ladder=ladder)
        return next(f.holds for f in evaluate([row], SETTINGS, at) if f.severity is Severity.WARNING)

    assert live(found.since) is True
    assert live(found.since - 6) is False


def test_nothing_is_said_of_a_past_without_runs() -> None:
    empty = RunIndex(WorkflowRuns("w", (), (), 0.0, open_complete=True))
    assert backdated(finding(), Past(NOW, empty, WINDOWS, 20), SETTINGS).since is None


def test_a_second_episode_began_by_itself_not_with_the_failures_of_the_first() -> None:
    """Fails from 40 to 30 minutes ago, ends 20 minutes ago, fails again since 5 minutes."""
    runs = tuple(
        Run(
            id=str(ago),
            workflow="w",
            status=RunStatus.ERROR if (1800 <= ago <= 2400 or ago <= 300) and ago % 2 else RunStatus.SUCCESS,
            ended_at=NOW - ago,
        )
        for ago in range(3600, 0, -15)
    )
    index = RunIndex(WorkflowRuns("w", (), runs, 0.0, open_complete=True))
    found = backdated(finding(), Past(NOW, index, WINDOWS, 20), SETTINGS, cleared=NOW - 1200)
    assert found.since is not None
    assert NOW - 300 < found.since < NOW - 190
    assert found.since_at_least is False


def test_nothing_began_before_the_end_of_the_last_episode() -> None:
    found = backdated(finding(), past(900.0), SETTINGS, cleared=NOW - 61.0)
    assert found.since is not None
    assert NOW - 61 < found.since <= NOW - 55
    assert found.since_at_least is False
