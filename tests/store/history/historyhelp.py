"""What the history's tests share: batches, runs and points that are quick to write down."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

from wfmon.model.history import HourSum, Kind, Point, Role, Table, Tier
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir, state_dir

HOUR = 3600.0
DAY = 24 * HOUR
T0 = 1_772_000_000.0 // DAY * DAY
NAN = math.nan
SETTINGS = HistorySettings()


def lane(path: Path) -> StateDir:
    found = state_dir(str(path / "lane"), {})
    assert found.problem is None
    return found


def begun(
    state: StateDir, settings: HistorySettings = SETTINGS, *, epoch: int = 1, now: float = T0
) -> HistoryWriter:
    writer = HistoryWriter(state, settings)
    writer.begin(epoch, 42, "joe", "1.0", now)
    return writer


def reader(state: StateDir, settings: HistorySettings = SETTINGS) -> HistoryReader:
    return HistoryReader(state, settings)


def table(columns: Mapping[str, Sequence[float]], *subjects: str) -> Table:
    return Table(subjects, {name: array("f", values) for name, values in columns.items()})


def point(at: float, seconds: float = 10.0, subject: str = "w", **columns: float) -> Point:
    """Of one workflow."""
    values = {name: [value] for name, value in columns.items()}
    return Point(at, seconds, {Kind.WORKFLOW: table(values, subject)})


def run(
    id: str,
    ended_at: float | None,
    status: RunStatus = RunStatus.SUCCESS,
    *,
    workflow: str = "w",
    tokens: int | None = None,
    cost: float | None = None,
    source: str = "logs",
    error: str | None = None,
) -> Run:
    began = None if ended_at is None else ended_at - 5.0
    return Run(
        id, workflow, status, began, ended_at, 5.0, usage=Usage(total=tokens, cost_usd=cost),
        source=source, error=error,
    )  # fmt: skip


def grown(at: float, runs: float, failures: float = 0.0, **more: float) -> HourSum:
    return HourSum(at, Kind.WORKFLOW, "w", "prom", Role.METRICS, runs, failures, **more)


def small(*, keep: Sequence[float] = (HOUR, 6 * HOUR, 30 * DAY), **changes: object) -> HistorySettings:
    """Tiers of 10 s, 1 min and 1 h, kept for ``keep``."""
    tiers = tuple(Tier(step, kept) for step, kept in zip((10.0, 60.0, HOUR), keep, strict=True))
    return HistorySettings(tiers=tiers, **changes)  # type: ignore[arg-type]
