"""Rules about runs through the judge: they fire, stay while nothing can be seen, and end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from support.merging import merge_workflows
from support.snapshots import all_fine
from wfmon.analysis.choose import claims_of
from wfmon.analysis.merge import Extras, Windows
from wfmon.analysis.observed import ObservedRuns
from wfmon.analysis.onset import Past
from wfmon.analysis.runindex import RunIndex
from wfmon.config.loader import load_config
from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.run import Run, RunStatus, Usage, WorkflowRuns
from wfmon.model.settings import WorkflowLimits
from wfmon.model.snapshot import Totals
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor.judge import Judge
from wfmon.monitor.picture import Picture
from wfmon.monitor.settings import rule_settings
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir

FINE = all_fine()
NOW = FINE.at
RULES = rule_settings(load_config(environ={}).config)
WINDOWS = Windows(runs=300.0, grow_runs=20, longest=21600.0, rate=300.0)


class NoTrends:
    def drawn(self, name: str) -> tuple[float | None, ...]:
        return ()


class World:
    """One workflow in one log. ``state`` of the log, ``open``: its open runs, ``usual``: what is known."""

    def __init__(self, store: AckStore) -> None:
        self.now = NOW
        self.state = SourceState.OK
        self.open: Sequence[Run] = ()
        self.finished: tuple[Run, ...] = ()
        self.usual: Baseline | None = None
        self.gone = False
        self.unread = 0.0  # seconds since the log was read
        limits = {"declared": WorkflowLimits(run_seconds=60.0)}
        self._judge = Judge(replace(RULES, limits=limits), store)

    def picture(self, name: str) -> Picture:
        index = RunIndex(WorkflowRuns(name, tuple(self.open), self.finished, 0.0, True, begins_at=0.0))
        logs = (
            []
            if self.gone
            else [ObservedRuns("logs", self.state is SourceState.OK, self.now - self.unread, {name: index})]
        )
        known = {} if self.usual is None else {name: replace(self.usual, workflow=name)}
        rows = merge_workflows((), claims_of(()), logs, WINDOWS, Extras({}, {}, NoTrends(), known))
        status = SourceStatus("logs", "logs", self.state, as_of=self.now)
        pasts = {} if self.gone else {name: Past(self.now, index, WINDOWS.ladder, 20)}
        return Picture(
            self.now,
            (status,),
            Totals(),
            rows,
            (),
            None,
            {},
            (),
            FINE.cost,
            None,
            pasts,
            logs=tuple(logs),
            baselines=known,
        )

    def alerts(self, after: float = 0.0, name: str = "w") -> dict[str, Alert]:
        self.now += after
        judged = self._judge.judge(self.picture(name), self.now, anew=True)
        return {alert.rule: alert for alert in judged.alerts}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    store = AckStore(StateDir(tmp_path))
    yield World(store)
    store.close()


def running(run_id: str, since: float, cost: float | None = None) -> Run:
    return Run(
        run_id,
        "w",
        RunStatus.RUNNING,
        started_at=since,
        last_line_at=since + 1,
        usage=Usage(cost_usd=cost),
        source="logs",
    )


def test_runs_that_take_too_long_are_one_alert_that_ends_with_them(world: World) -> None:
    world.open = [running("a", NOW - 50), running("b", NOW - 40)]
    assert "timeout" not in world.alerts(name="declared")
    assert world.alerts(25, "declared")["timeout"].state is AlertState.PENDING
    alert = world.alerts(20, "declared")["timeout"]
    assert (alert.state, alert.members, alert.n) == (AlertState.FIRING, ("a", "b"), 2)
    assert (alert.since, alert.since_at_least) == (NOW + 10, False)
    assert (alert.unit, alert.value, alert.threshold) == ("seconds", 95, 60)
    world.state = SourceState.DOWN
    assert world.alerts(60, "declared")["timeout"].state is AlertState.NO_DATA
    world.state = SourceState.OK
    world.open = [world.open[1]]
    assert world.alerts(5, "declared")["timeout"].members == ("b",)
    world.open = []
    assert world.alerts(5, "declared")["timeout"].state is AlertState.RESOLVED


def test_a_run_is_no_older_than_its_log_was_last_read(world: World) -> None:
    """A machine that was too busy to read for a while knows nothing of the ends of runs meanwhile."""
    world.open, world.unread = [running("a", NOW - 50)], 0.0
    assert world.alerts(name="declared") == {}
    world.unread = 20.0
    assert world.alerts(20, name="declared") == {}
    world.unread = 0.0
    assert world.alerts(1, name="declared")["timeout"].state is AlertState.PENDING


def test_a_stalled_run_and_a_dear_one(world: World) -> None:
    world.open = [running("a", NOW - 900, cost=7.5)]
    world.alerts()
    found = world.alerts(31)
    assert found["stall"].since == NOW - 899
    assert found["stall"].severity is Severity.WARNING
    assert (found["runaway"].severity, found["runaway"].state) == (Severity.CRITICAL, AlertState.FIRING)
    assert (found["runaway"].value, found["runaway"].unit) == (7.5, "usd")
    assert "timeout" not in found
    assert world.alerts(5)["runaway"].members == ("a",)


def test_silence_begins_stays_through_blindness_and_ends_with_a_run(world: World) -> None:
    world.usual = Baseline(
        "w",
        n=100,
        gap_p50_seconds=600.0,
        gap_max_seconds=700.0,
        gap_span_seconds=9e5,
        last_run_at=NOW - 100,
        watched_since=NOW - 9e5,
    )
    world.finished = (Run("x", "w", RunStatus.SUCCESS, ended_at=NOW - 100, source="logs"),)
    assert "silence" not in world.alerts()
    alert = world.alerts(1500)["silence"]
    assert (alert.state, alert.since) == (AlertState.FIRING, NOW - 100 + 1500)
    world.state = SourceState.DOWN
    assert world.alerts(5)["silence"].state is AlertState.NO_DATA
    world.state = SourceState.OK
    world.finished += (Run("y", "w", RunStatus.SUCCESS, ended_at=world.now - 1, source="logs"),)
    assert world.alerts(5)["silence"].state is AlertState.RESOLVED


def test_a_workflow_that_vanished_is_told_after_two_minutes_and_not_while_a_source_is_down(
    world: World,
) -> None:
    world.gone = True
    world.usual = Baseline(
        "w",
        n=100,
        gap_p50_seconds=600.0,
        gap_max_seconds=700.0,
        gap_span_seconds=9e5,
        last_run_at=NOW - 5000,
        watched_since=NOW - 9e5,
    )
    world.state = SourceState.DOWN
    assert "silence" not in world.alerts()
    world.state = SourceState.OK
    assert world.alerts(5)["silence"].state is AlertState.PENDING
    assert world.alerts(115)["silence"].state is AlertState.PENDING
    assert world.alerts(10)["silence"].state is AlertState.FIRING
    world.state = SourceState.DOWN
    assert world.alerts(5)["silence"].state is AlertState.NO_DATA
