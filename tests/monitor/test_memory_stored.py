"""The memory door over a history and acks that were really written."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from wfmon.config.loader import load_config
from wfmon.model.alert import Severity
from wfmon.model.episode import Sighting
from wfmon.model.history import Batch, Change, ChangeKind, Kind, Point, Table
from wfmon.model.past import PastMoment, SeriesRequest
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Level
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor.assemble import assemble_station
from wfmon.monitor.memory import StoredMemory
from wfmon.store.acks import AckStore
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir

BEGIN = 1772368200.0  # 12:30 UTC
STOPPED = BEGIN + 600
BACK = BEGIN + 3600
END = BACK + 600
SETTINGS = HistorySettings()
INVOICE = "invoice"


def batch(at: float) -> Batch:
    """A quarter of the runs of invoice fails; quiet has no runs."""
    number = int(at - BEGIN) // 10
    rows = Table(
        (INVOICE, "quiet"),
        {
            "n": array("f", [20.0, 0.0]),
            "failed": array("f", [5.0, 0.0]),
            "window": array("f", [300.0, 300.0]),
            "active": array("f", [number % 3, 0.0]),
            "last_run_age": array("f", [1.0, float("nan")]),
            "last_failed": array("f", [0.0, float("nan")]),
        },
    )
    total = Table(
        ("",), {"n": array("f", [20.0]), "failed": array("f", [5.0]), "window": array("f", [300.0])}
    )
    run = Run(
        f"r{number}",
        INVOICE,
        RunStatus.SUCCESS,
        ended_at=at + 9,
        duration_seconds=float(number),
        source="logs",
    )
    return Batch(
        at + 10,
        points=(Point(at, 10.0, {Kind.WORKFLOW: rows, Kind.TOTAL: total}),),
        runs=(run,),
        states=(SourceStatus("logs", "logs", SourceState.OK, as_of=at),) if number % 60 == 0 else (),
        changes=(Change(at, ChangeKind.RESTART, INVOICE, "pid 4 → 5", INVOICE),) if at == BEGIN + 300 else (),
    )


def write(state: StateDir) -> None:
    """Ten minutes by one collector, and ten by another fifty minutes later."""
    for epoch, begin, end in ((1, BEGIN, STOPPED), (2, BACK, END)):
        writer = HistoryWriter(state, SETTINGS)
        writer.begin(epoch, 100 + epoch, "dana", "1.0", begin)
        for at in range(int(begin), int(end), 10):
            writer.write(batch(float(at)))
        writer.close()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[StoredMemory]:
    state = StateDir(tmp_path, shared=True)
    write(state)
    acks = AckStore(state)
    firing = Sighting(
        "aaaaaaaaaaaa",
        "failure_rate",
        (("workflow", INVOICE),),
        Severity.CRITICAL,
        "40% (8 of 20 in 5m)",
        BEGIN + 60,
        False,
        workflow=INVOICE,
    )
    acks.observe([firing], BEGIN + 60)
    acks.ack("aaaaaaaaaaaa", "dana", BEGIN + 120, seconds=600)
    acks.observe([], BEGIN + 480, {firing.key: BEGIN + 480})
    memory = StoredMemory(HistoryReader(state, SETTINGS), acks, UTC, me="joe", clock=lambda: END)
    yield memory
    memory.close()
    acks.close()


def test_a_moment_of_an_incident(memory: StoredMemory) -> None:
    found = asyncio.run(memory.moment(BEGIN + 305))
    assert (found.seconds, found.before, found.after) == (10.0, BEGIN + 290, BEGIN + 310)
    snapshot = found.snapshot
    assert snapshot is not None
    assert snapshot.verdict.level is Level.CRITICAL
    assert snapshot.verdict.text == (
        "invoice fails 25% (5 of 20 in 5m) since 12:31 · dana has it until 12:42"
    )
    assert [row.name for row in snapshot.workflows] == [INVOICE, "quiet"]
    invoice = snapshot.workflows[0]
    assert (invoice.active, invoice.last_status) == (0, RunStatus.SUCCESS)
    assert invoice.error_trend[-20:] == (0.25,) * 20
    assert invoice.error_trend[0] is None  # nobody looked at 12:20
    assert [run.id for run in snapshot.runs[:2]] == ["r29", "r28"]
    assert (snapshot.collector.pid, snapshot.collector.user) == (101, "dana")
    assert [status.name for status in snapshot.sources] == ["logs"]
    assert [change.text for change in snapshot.changes] == ["pid 4 → 5"]


def test_a_moment_after_it_tells_what_ended(memory: StoredMemory) -> None:
    snapshot = asyncio.run(memory.moment(BACK + 100)).snapshot
    assert snapshot is not None
    assert snapshot.alerts == ()
    assert [(alert.id, alert.had) for alert in snapshot.ended] == [("aaaaaaaaaaaa", ("dana",))]
    assert snapshot.collector.pid == 102
    ended = asyncio.run(memory.ended(BEGIN))
    assert [each.record.id for each in ended.episodes] == ["aaaaaaaaaaaa"]
    assert [change.text for change in ended.changes if change.kind is ChangeKind.RESTART] == ["pid 4 → 5"]
    assert ended.problem is None


def test_a_hole_is_told_with_its_ends(memory: StoredMemory) -> None:
    found = asyncio.run(memory.moment(BEGIN + 1800))
    assert found.snapshot is None
    assert found.why == "no collector ran 12:40–13:30"
    assert (found.before, found.after) == (STOPPED - 10, BACK)
    assert asyncio.run(memory.moment(BEGIN - 7200)).why == "the history begins 12:30"
    assert asyncio.run(memory.moment(END + 7200)).why == "the history ends 13:39"


def test_a_hole_within_a_minute_is_told_to_the_second(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    for epoch, at in ((1, BEGIN), (2, BEGIN + 40)):
        writer = HistoryWriter(state, SETTINGS)
        writer.begin(epoch, 100, "dana", "1.0", at)
        writer.write(batch(at))
        writer.close()
    memory = StoredMemory(HistoryReader(state, SETTINGS), AckStore(state), UTC)
    assert asyncio.run(memory.moment(BEGIN + 25)).why == "no collector ran 12:30:10–12:30:40"
    memory.close()


def test_series_and_runs(memory: StoredMemory) -> None:
    request = SeriesRequest(Kind.WORKFLOW, INVOICE, "error_ratio", BEGIN, END, 7)
    values = asyncio.run(memory.series(request)).values
    assert values[0] == pytest.approx(0.25)
    assert values[3] is None
    assert values[6] == pytest.approx(0.25)
    runs = asyncio.run(memory.runs(INVOICE, 3))
    assert [run.ended_at for run in runs] == [END - 21, END - 11, END - 1]
    assert asyncio.run(memory.runs("nobody")) == ()
    assert asyncio.run(memory.series(SeriesRequest(Kind.TOTAL, "", "magic", 0, 1, 1))).problem is not None


def test_where_nothing_was_ever_written(tmp_path: Path) -> None:
    state = StateDir(tmp_path, shared=False)
    memory = StoredMemory(HistoryReader(state, SETTINGS), AckStore(state), UTC)
    assert asyncio.run(memory.moment(BEGIN)) == PastMoment(BEGIN, None, why="nothing is kept yet")
    assert asyncio.run(memory.runs(INVOICE)) == ()
    memory.close()


def test_a_state_directory_that_cannot_be_used_is_why_nothing_is_kept(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)
    settings = tmp_path / "config.toml"
    settings.write_text(f'[state]\ndir = "{state}"\n')
    made = assemble_station(load_config(settings, environ={}).config, ad_hoc=False)
    try:
        made.station.start()
        assert made.station.wait(lambda snapshot: snapshot.collector.alone is not None, 20.0) is not None
        found = asyncio.run(made.station.memory.moment(BEGIN))
    finally:
        made.close()
    assert found.why == f"nothing is kept: {state} is writable by everybody: chmod o-w"


def test_a_file_that_is_no_history_is_told(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"this is no database at all, " * 100)
    state = StateDir(tmp_path, shared=False)
    memory = StoredMemory(HistoryReader(state, SETTINGS), AckStore(state), UTC)
    found = asyncio.run(memory.moment(BEGIN))
    assert found.snapshot is None
    assert "corrupt" in found.why
    memory.close()
