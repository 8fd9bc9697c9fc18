"""From what is kept to the alert and the sentence: a note is no warning, lost logs are one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from support.snapshots import all_fine
from wfmon.analysis.retention import DAY, KeptPast, retained
from wfmon.analysis.verdict import exit_code
from wfmon.config.loader import load_config
from wfmon.model.alert import AlertState, Severity
from wfmon.model.retention import Keeps, Kept, Retention
from wfmon.model.snapshot import LadderStep, Snapshot, StatusCounts, Totals, Workflow
from wfmon.monitor.judge import Judge
from wfmon.monitor.picture import Picture
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.settings import rule_settings
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir

LADDER = tuple(LadderStep(seconds, seconds, StatusCounts(success=20)) for seconds in (300.0, 21600.0))
WORKFLOWS = (Workflow("w", runs=LADDER[0].counts, window_seconds=300.0, ladder=LADDER),)
FINE = replace(all_fine(), workflows=WORKFLOWS, host=None)
NOW = FINE.at
RULES = rule_settings(load_config(environ={}).config)
PROM = Kept("prom", Keeps.METRICS, oldest_at=NOW - 15 * DAY, limit_seconds=15 * DAY)
LOGS = Kept("app logs", Keeps.PRODUCTION_LOGS, oldest_at=NOW - 12 * DAY)
UNKNOWN = Kept("old logs", Keeps.PRODUCTION_LOGS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AckStore]:
    store = AckStore(StateDir(tmp_path))
    yield store
    store.close()


def told(*kept: Kept, past: KeptPast | None = None) -> tuple[Retention, ...]:
    return retained(kept, {"app logs": past} if past else {}, RULES.retention, NOW)


def seen(store: AckStore, retention: tuple[Retention, ...], minutes: int) -> Snapshot:
    """What a viewer sees after that many minutes of it."""
    judge, presenter = Judge(RULES, store), Presenter(store, "joe", UTC)
    picture = Picture(
        NOW,
        FINE.sources,
        Totals(),
        FINE.workflows,
        (),
        None,
        {},
        (),
        FINE.cost,
        FINE.host,
        {},
        retention=retention,
    )
    for minute in range(minutes + 1):
        now = NOW + minute * 60
        sources = tuple(replace(source, as_of=now) for source in FINE.sources)
        judged = judge.judge(replace(picture, at=now, sources=sources), now, anew=True)
    shown = replace(
        FINE,
        at=now,
        sources=sources,
        alerts=judged.alerts,
        unjudged=judged.unjudged,
        rules_checked=judged.rules_checked,
        rules_checked_at=judged.checked_at,
    )
    return presenter.present(shown, now)


def test_metrics_that_are_not_kept_long_enough_are_a_note(store: AckStore) -> None:
    early = seen(store, told(PROM), 10)
    assert [alert.state for alert in early.alerts if alert.rule == "retention"] == [AlertState.PENDING]
    late = seen(store, told(PROM), 16)
    (alert,) = (alert for alert in late.alerts if alert.rule == "retention")
    assert (alert.state, alert.severity) == (AlertState.FIRING, Severity.INFO)
    assert alert.summary == "prom: kept 15d of 365d"
    for snapshot, end in ((early, ""), (late, " · 1 info")):
        assert exit_code(snapshot.verdict.level) == 0, snapshot.verdict.text
        assert snapshot.verdict.text.endswith(end)


def test_lost_logs_are_a_warning(store: AckStore) -> None:
    found = seen(store, told(LOGS, past=KeptPast(NOW - DAY, NOW - 40 * DAY)), 16)
    assert exit_code(found.verdict.level) == 1
    assert found.verdict.text.startswith("app logs: only 12d: older lines were deleted since ")


def test_what_is_not_known_leaves_the_verdict_alone(store: AckStore) -> None:
    found = seen(store, told(UNKNOWN, LOGS), 1)
    assert exit_code(found.verdict.level) == 0, found.verdict.text
    assert not any(alert.rule == "retention" for alert in found.alerts)
