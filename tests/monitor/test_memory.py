"""Questions about the past: answered in order, dropped when nobody waits, and never raised."""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from support.waiting import wait_until
from wfmon.model.alert import Severity
from wfmon.model.episode import Sighting
from wfmon.model.history import Change, ChangeKind, Kind, Point, Table
from wfmon.model.past import PastMoment, Series, SeriesRequest
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Collector
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor.memory import MOST_POINTS, StoredMemory
from wfmon.store.acks import AckStore
from wfmon.store.errors import StoreError
from wfmon.store.history.records import Session
from wfmon.store.paths import StateDir

AT = 1772373807.0  # 14:03:27 UTC
HOUR = 3600.0


def point(at: float) -> Point:
    rows = Table(("w",), {"n": array("f", [10]), "failed": array("f", [5]), "window": array("f", [300])})
    return Point(at // 10 * 10, 10.0, {Kind.WORKFLOW: rows})


class Told:
    """A history in which a collector ran up to 02:10 and from 03:40 on."""

    def __init__(self) -> None:
        self.hole = (AT // HOUR * HOUR - 12 * HOUR + 600, AT // HOUR * HOUR - 12 * HOUR + 6000)
        self.asked: list[str] = []
        self.fails: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()
        self.closed = threading.Event()
        self.empty = False

    def _note(self, what: str) -> None:
        self.asked.append(what)
        assert self.go_on.wait(20)
        if self.fails is not None:
            raise self.fails

    def point(self, at: float) -> Point | None:
        self._note("point")
        return None if self.empty or self.hole[0] < at < self.hole[1] or at > AT + HOUR else point(at)

    def near(self, at: float) -> tuple[float | None, float | None]:
        if self.empty:
            return None, None
        if self.hole[0] < at < self.hole[1]:
            return self.hole
        return (AT + HOUR, None) if at > AT + HOUR else (at - 10, at + 10)

    def points(self, begin: float, end: float, most: int) -> Sequence[Point]:
        step = (end - begin) / most
        return [replace(point(AT), at=begin + n * step, seconds=step) for n in range(most)]

    def series(self, request: SeriesRequest) -> Series:
        self._note(f"series {request.points}")
        return Series(request.begin, request.end, (1.0,) * request.points)

    def runs(self, workflow: str, limit: int, until: float | None = None) -> Sequence[Run]:
        self._note("runs")
        return [
            Run(f"r{n}", workflow, RunStatus.SUCCESS, ended_at=AT - 100 + n) for n in range(min(limit, 5))
        ]

    def newest_runs(self, until: float, limit: int) -> Sequence[Run]:
        return [Run("r1", "w", RunStatus.SUCCESS, ended_at=until - 1)]

    def states_at(self, at: float) -> Sequence[SourceStatus]:
        return (SourceStatus("logs", "logs", SourceState.OK, as_of=at - 9000),)

    def changes(self, begin: float, end: float, limit: int) -> Sequence[Change]:
        self._note("changes")
        return [
            Change(end - 20, ChangeKind.RESTART, "w", "a"),
            Change(end - 10, ChangeKind.RESTART, "w", "b"),
        ]

    def sessions(self, begin: float, end: float) -> Sequence[Session]:
        found = [
            Session(1, 11, "dana", "1.0", self.hole[0] - HOUR, self.hole[0]),
            Session(2, 22, "joe", "1.1", self.hole[1], AT + HOUR),
        ]
        return [each for each in found if each.begin <= end and each.last_seen >= begin]

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def acks(tmp_path: Path) -> Iterator[AckStore]:
    store = AckStore(StateDir(tmp_path, shared=True))
    sighting = Sighting(
        "aaaaaaaaaaaa",
        "failure_rate",
        (("workflow", "w"),),
        Severity.WARNING,
        "50%",
        AT - 120,
        False,
        workflow="w",
    )
    store.observe([sighting], AT - 120)
    store.ack("aaaaaaaaaaaa", "joe", AT - 60, seconds=600)
    store.observe([], AT + 60, {sighting.key: AT + 60})
    yield store
    store.close()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def memory(told: Told, acks: AckStore) -> Iterator[StoredMemory]:
    memory = StoredMemory(told, acks, UTC, me="joe", clock=lambda: AT + 100)
    yield memory
    told.go_on.set()
    memory.close()


def test_a_moment_with_its_alert_and_who_had_it_then(memory: StoredMemory) -> None:
    found = asyncio.run(memory.moment(AT))
    assert (found.at, found.seconds, found.before, found.after, found.why) == (AT, 10.0, AT - 10, AT + 10, "")
    assert found.snapshot is not None
    (alert,) = found.snapshot.alerts
    assert alert.ack is not None
    assert (alert.id, alert.ack.by) == ("aaaaaaaaaaaa", "joe")
    assert found.snapshot.verdict.text == ("w fails 50% (5 of 10 in 5m) since 14:01 · joe has it until 14:12")
    assert found.snapshot.collector == Collector(22, "joe", False, "1.1", found.snapshot.collector.since)
    assert [change.text for change in found.snapshot.changes] == ["b", "a"]
    assert found.snapshot.workflows[0].error_trend == (0.5,) * 60
    assert found.snapshot.sources[0].as_of == AT
    early = asyncio.run(memory.moment(AT - 90)).snapshot
    assert early is not None
    assert early.alerts[0].ack is None  # joe took it later


def test_what_ended_before_the_moment_is_told_and_what_ended_later_is_open(memory: StoredMemory) -> None:
    later = asyncio.run(memory.moment(AT + 90)).snapshot
    assert later is not None
    assert later.alerts == ()
    assert [(alert.id, alert.had) for alert in later.ended] == [("aaaaaaaaaaaa", ("joe",))]
    now = asyncio.run(memory.moment(AT)).snapshot
    assert now is not None
    assert now.ended == ()


def test_why_nothing_is_known(memory: StoredMemory, told: Told) -> None:
    found = asyncio.run(memory.moment(told.hole[0] + 60))
    assert found == PastMoment(told.hole[0] + 60, None, None, *told.hole, why="no collector ran 02:10–03:40")
    assert asyncio.run(memory.moment(AT + 9 * HOUR)).why == "the history ends 15:03"
    told.empty = True
    assert asyncio.run(memory.moment(AT)).why == "nothing is kept yet"


@pytest.mark.parametrize(
    ("error", "words"),
    [(StoreError("disk error"), "disk error"), (ValueError("odd\x1b[2J"), "ValueError: odd")],
)
def test_errors_are_told_in_words(memory: StoredMemory, told: Told, error: Exception, words: str) -> None:
    told.fails = error
    moment = asyncio.run(memory.moment(AT))
    assert moment.snapshot is None
    assert moment.why.startswith(words)
    assert "\x1b" not in moment.why
    series = asyncio.run(memory.series(SeriesRequest(Kind.TOTAL, "", "n", 0, 10, 5)))
    assert series.problem == moment.why
    assert asyncio.run(memory.runs("w")) == ()
    ended = asyncio.run(memory.ended(AT - HOUR))
    assert (ended.problem or "").startswith(words)
    if isinstance(error, StoreError):
        assert [each.record.id for each in ended.episodes] == ["aaaaaaaaaaaa"]  # of the other file


def test_answers_are_bounded(memory: StoredMemory, told: Told) -> None:
    series = asyncio.run(memory.series(SeriesRequest(Kind.TOTAL, "", "n", 0, 10, 10**9)))
    assert len(series.values) == MOST_POINTS
    assert len(asyncio.run(memory.runs("w", 3))) == 3
    assert len(asyncio.run(memory.runs("w", -1))) == 1


def test_a_question_that_nobody_waits_for_is_dropped(memory: StoredMemory, told: Told) -> None:
    async def hurry() -> PastMoment:
        told.go_on.clear()
        first = asyncio.create_task(memory.moment(AT))
        await asyncio.to_thread(wait_until, lambda: told.asked)
        given_up = [asyncio.create_task(memory.runs(f"w{n}")) for n in range(20)]
        last = asyncio.create_task(memory.moment(AT - 10))
        await asyncio.sleep(0)
        first.cancel()  # already being answered: its answer is thrown away
        for each in given_up:
            each.cancel()
        await asyncio.sleep(0)
        told.go_on.set()
        return await last

    assert asyncio.run(hurry()).at == AT - 10
    assert "runs" not in told.asked


def test_it_closes_its_reader_when_it_is_closed(memory: StoredMemory, told: Told) -> None:
    asyncio.run(memory.runs("w"))
    memory.close()
    assert told.closed.wait(20)
