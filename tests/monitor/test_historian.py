"""Batches that cannot be written wait, and are written once there is room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support.waiting import wait_until
from wfmon.model.history import Batch, HourSum, Kind, Role
from wfmon.model.look import Look, Target
from wfmon.model.retention import Kept
from wfmon.model.snapshot import Cost, Totals
from wfmon.monitor.historian import MOST_WAITING, Historian, Writing
from wfmon.monitor.picture import Picture
from wfmon.monitor.recorder import Recorder
from wfmon.monitor.remembered import NOTHING, Remembered
from wfmon.store.errors import StoreError
from wfmon.store.history.records import Resumed, Written
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir

START = 1_800_000_000.0
TARGET = Target("aa11", "exporter")


class FullDisk(HistoryWriter):
    """Takes nothing while it is full; keeps what it took."""

    full = True
    taken: list[Batch]

    def begin(self, epoch: int, pid: int, user: str, version: str, now: float) -> Resumed:
        self.taken = []
        return Resumed({}, {}, lambda target, at: (), lambda source: frozenset())

    def write(self, batch: Batch) -> Written:
        if self.full:
            raise StoreError("disk full")
        self.taken.append(batch)
        return Written((), 0, 0)

    def tidy(self, now: float) -> None:
        pass


class Told(Recorder):
    """Has a large look and some growth each time."""

    def batch(self, picture: Picture, now: float) -> Batch | None:
        grown = HourSum(START, Kind.WORKFLOW, "w", "prom", Role.METRICS, 1.0, 0.0)
        return Batch(now, grown=(grown,), looks=((TARGET, Look(now, b"x" * 100_000)),))

    def rest(self, now: float) -> Batch | None:
        return None


class NoLearner:
    """Has nothing to learn, and counts how often it was asked to."""

    asked = 0

    def go_on(self, before: Remembered, now: float) -> None:
        pass

    def learn(self, picture: Picture, kept: Sequence[Kept], now: float) -> Remembered:
        self.asked += 1
        return NOTHING

    def written(self, batch: Batch) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_long_wait_for_room_keeps_all_growth_and_few_looks(tmp_path: Path) -> None:
    writer = FullDisk(StateDir(tmp_path, shared=False), HistorySettings())
    learner, told = NoLearner(), Told({}, 10.0)
    historian = Historian(writer, lambda: learner, told, Writing(1, 7, "u", "v"), backfill=0)
    historian.begin((), START)
    nothing = Picture(START, (), Totals(), (), (), None, {}, (), Cost(), None, {})
    rounds = MOST_WAITING + 40
    for number in range(rounds):
        historian.saw(nothing, START + 10 * number)
    wait_until(lambda: learner.asked == rounds)
    writer.full = False
    historian.saw(nothing, START + 10 * rounds)
    historian.stop()
    wait_until(lambda: bool(writer.taken) and writer.taken[-1].at == START + 10 * rounds)
    assert sum(each.runs or 0 for batch in writer.taken for each in batch.grown) == rounds + 1
    assert sum(len(batch.looks) for batch in writer.taken) <= 3


class Breaks(FullDisk):
    """Has nothing against the disk, but stumbles over one batch."""

    full = False

    def write(self, batch: Batch) -> Written:
        if batch.at == START:
            raise AssertionError("what no disk is to blame for")
        return super().write(batch)


def test_one_batch_that_cannot_be_written_does_not_hold_up_all_that_follow(tmp_path: Path) -> None:
    writer = Breaks(StateDir(tmp_path, shared=False), HistorySettings())
    historian = Historian(writer, NoLearner, Told({}, 10.0), Writing(1, 7, "u", "v"), backfill=0)
    historian.begin((), START)
    nothing = Picture(START, (), Totals(), (), (), None, {}, (), Cost(), None, {})
    for number in range(6):
        historian.saw(nothing, START + 10 * number)
    wait_until(lambda: bool(writer.taken) and writer.taken[-1].at == START + 50)
    assert all(batch.at != START for batch in writer.taken)
    historian.stop()
