"""What was spent, from the hours of a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfmon.model.history import Batch, HourSum, Kind, Role, Watched
from wfmon.monitor.spent import SpentRow, spendings
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir

HOUR = 3600.0
NOON = 1_790_000_000.0 // HOUR * HOUR
NOW = NOON + 1800.0


def hour(
    at: float, kind: Kind, subject: str, usd: float | None, *, source: str = "prom", role: Role = Role.METRICS
) -> HourSum:
    return HourSum(at, kind, subject, source, role, runs=3.0, failures=1.0, tokens=50.0, cost_usd=usd)


def reader_of(folder: Path, *grown: HourSum, watched: tuple[Watched, ...] = ()) -> HistoryReader:
    state = StateDir(folder)
    writer = HistoryWriter(state, HistorySettings())
    writer.begin(1, 1, "ann", "1", NOON - 3 * HOUR)
    writer.write(Batch(NOW, grown=grown, watched=watched))
    writer.close()
    return HistoryReader(state, HistorySettings())


def test_hours_are_added_up_the_dearest_first(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path,
        hour(NOON - HOUR, Kind.WORKFLOW, "a", 1.0),
        hour(NOON, Kind.WORKFLOW, "a", 0.5),
        hour(NOON, Kind.WORKFLOW, "b", 4.0),
        hour(NOON - 2 * HOUR, Kind.WORKFLOW, "b", 100.0),
        watched=(Watched("prom", Role.METRICS, NOON - HOUR, NOW),),
    )
    found = spendings(reader, "workflow", NOW - HOUR, NOW)
    assert found.rows == (
        SpentRow("b", 4.0, 50.0, 3.0, 1.0),
        SpentRow("a", 1.5, 100.0, 6.0, 2.0),
    )
    assert (found.begin, found.usd, found.at_least) == (NOON - HOUR, 5.5, 5.5)
    assert found.known_seconds == HOUR + 1800.0


def test_what_logs_and_metrics_both_tell_is_counted_once(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path,
        hour(NOON, Kind.WORKFLOW, "a", 2.0, source="prom"),
        hour(NOON, Kind.WORKFLOW, "a", 1.5, source="direct"),
        hour(NOON, Kind.WORKFLOW, "a", 1.0, source="logs", role=Role.LOGS),
        watched=(Watched("direct", Role.METRICS, NOON, NOON + 900), Watched("prom", Role.METRICS, NOON, NOW)),
    )
    (row,) = spendings(reader, "workflow", NOON, NOW).rows
    assert row.usd == 2.0, "of the source that saw most of the hour"


def test_what_nobody_told_is_not_zero(tmp_path: Path) -> None:
    found = spendings(reader_of(tmp_path, hour(NOON, Kind.WORKFLOW, "a", None)), "workflow", NOON, NOW)
    assert [row.usd for row in found.rows] == [None]
    assert (found.usd, found.at_least) == (None, None)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("model", [("openai/gpt-4o", 3.0), ("openai/o3", 2.0), ("anthropic/claude", 1.0)]),
        ("provider", [("openai", 5.0), ("anthropic", 1.0)]),
    ],
)
def test_by_model_and_by_provider(tmp_path: Path, by: str, expected: list[tuple[str, float]]) -> None:
    reader = reader_of(
        tmp_path,
        hour(NOON, Kind.MODEL, "openai/gpt-4o", 3.0),
        hour(NOON, Kind.MODEL, "openai/o3", 2.0),
        hour(NOON, Kind.MODEL, "anthropic/claude", 1.0),
    )
    found = spendings(reader, by, NOON, NOW)
    assert [(row.name, row.usd) for row in found.rows] == expected
    assert found.usd == 6.0


def test_rows_that_may_tell_of_the_same_calls_have_no_sum(tmp_path: Path) -> None:
    reader = reader_of(
        tmp_path,
        hour(NOON, Kind.WORKFLOW, "key-a", 3.0),
        hour(NOON, Kind.WORKFLOW, "claude", 2.0),
        hour(NOON, Kind.MODEL, "openai/gpt-4o", 3.0),
    )
    found = spendings(reader, "workflow", NOON, NOW)
    assert (found.usd, found.at_least) == (None, 3.0)
