"""The history when the disk, the file, the process or the rights fail."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.history.historyhelp import HOUR, SETTINGS, T0, begun, grown, lane, point, reader, run
from store.storehelp import fill, needs_root, python
from support.waiting import wait_until
from wfmon.model.history import Batch, Kind
from wfmon.model.log import FileMark
from wfmon.model.look import Look, Target
from wfmon.store import database
from wfmon.store.errors import StoreError, Superseded
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.schema import NAME
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir, state_dir

TESTS = Path(__file__).parents[2]

# Writes batches without end, each with one run, one count and one point; tells each that is committed.
WRITES = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from store.history.historyhelp import T0, begun, grown, point, run
from wfmon.model.history import Batch
from wfmon.model.look import Look, Target
from wfmon.store.paths import state_dir
writer = begun(state_dir(sys.argv[1], {{}}), epoch=int(sys.argv[2]))
number = int(writer.begin(int(sys.argv[2]), 1, "joe", "1", T0).reached.get("ab", T0) - T0)
while True:
    number += 1
    at = T0 + number
    writer.write(Batch(
        at,
        points=(point(at // 10 * 10, n=1),),
        runs=tuple(run(f"r{{each}}", T0 + each) for each in range(max(1, number - 3), number + 1)),
        grown=(grown(at // 3600 * 3600, 1),),
        looks=((Target("ab", "x"), Look(at, b"x" * 1000)),),
    ))
    writer.tidy(at)
    print(number, flush=True)
"""


def test_kill_9_at_any_moment_doubles_and_halves_nothing(tmp_path: Path) -> None:
    state = lane(tmp_path)
    told = 0
    lucky = random.Random(11)
    for epoch in range(1, 9):
        process = python(WRITES, str(state.path), str(epoch))
        assert process.stdout is not None
        first = int(process.stdout.readline())
        assert first >= told, "what was told is there"
        time.sleep(lucky.random() * 0.08)
        os.kill(process.pid, signal.SIGKILL)
        lines = [first, *(int(line) for line in process.stdout.read().split("\n")[:-1])]
        told = lines[-1]
        process.wait(30)
    read = reader(state)
    runs = read.runs("w", 100_000)
    count = len({each.id for each in runs})
    assert count in (told, told + 1) or count == SETTINGS.keep_runs
    sums = counted(read)
    assert sums["prom"] == sums["logs"], "one batch, one transaction"
    assert sums["prom"] in (told, told + 1)
    assert begun(state, epoch=9).status(T0).notes == ()


@pytest.mark.parametrize("epoch", [4, 1_772_000_000_000_000_001])
def test_only_the_newest_epoch_writes(tmp_path: Path, epoch: int) -> None:
    """Epochs may be nanoseconds, which no float tells apart."""
    state = lane(tmp_path)
    old = begun(state, epoch=epoch)
    old.write(Batch(T0, points=(point(T0, n=1),)))
    new = begun(state, epoch=epoch + 1)
    for refused in (lambda: old.write(Batch(T0 + 10)), lambda: old.tidy(T0)):
        with pytest.raises(Superseded, match="taken over"):
            refused()
    with pytest.raises(Superseded):
        old.begin(epoch, 1, "joe", "1", T0)
    new.write(Batch(T0 + 10, points=(point(T0 + 10, n=2),)))
    assert reader(state).bounds() == (T0, T0 + 10)
    assert [each.epoch for each in reader(state).sessions(T0, T0 + 10)] == [epoch, epoch + 1]


def test_two_processes_never_write_at_once(tmp_path: Path) -> None:
    state = lane(tmp_path)
    older = python(WRITES, str(state.path), "1")
    assert older.stdout is not None
    assert older.stderr is not None
    older.stdout.readline()
    newer = python(WRITES, str(state.path), "2")
    assert newer.stdout is not None
    newer.stdout.readline()
    assert "Superseded" in older.communicate(timeout=60)[1]
    wait_until(lambda: int(newer.stdout.readline() or 0) > 5)  # type: ignore[union-attr]
    os.kill(newer.pid, signal.SIGKILL)
    newer.communicate(timeout=60)
    sums = counted(reader(state))
    assert sums["prom"] == sums["logs"]


@needs_root
def test_a_full_disk_is_told_and_the_same_batch_is_written_later(small_disk: Path) -> None:
    state = state_dir(str(small_disk), {})
    writer = begun(state)
    writer.write(Batch(T0, grown=(grown(T0, 1),)))
    fill(small_disk)
    written, failed = 0, None
    while failed is None and written < 2000:
        batch = Batch(
            T0 + written + 1,
            points=(point(T0 + 10 * written, n=written),),
            runs=tuple(run(f"r{written}-{each}", T0 + written, error="e" * 300) for each in range(40)),
            grown=(grown(T0, 1),),
        )
        try:
            writer.write(batch)
            written += 1
        except StoreError as error:
            failed = error
    assert failed is not None
    assert failed.reason == "disk full"
    assert writer.status(T0).problem == "disk full"
    read = reader(state)
    assert counted(read) == {"prom": written + 1, "logs": 40.0 * written} or written == 0
    (small_disk / "filler").unlink()
    assert writer.write(batch).new_runs == 40
    assert writer.status(T0).problem is None
    assert counted(read) == {"prom": written + 2, "logs": 40.0 * (written + 1)}
    assert not (small_disk / f"{NAME}.ballast").exists()


@needs_root
def test_a_disk_that_turns_read_only(small_disk: Path) -> None:
    state = state_dir(str(small_disk), {})
    writer = begun(state)
    writer.write(Batch(T0, points=(point(T0, n=3),)))
    writer.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError):
        writer.write(Batch(T0 + 10))
    assert writer.status(T0).problem is not None
    again = state_dir(str(small_disk), {})
    assert again.problem is not None
    found = reader(again).point(T0)
    assert found is not None
    assert found.get(Kind.WORKFLOW, "w", "n") == 3


def damaged_header(path: Path) -> None:
    path.write_bytes(b"this is no database" * 400)


def damaged_middle(path: Path) -> None:
    """Every page but the first: the schema stays readable, what it leads to is not."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


@pytest.mark.parametrize("damage", [damaged_header, damaged_middle])
def test_a_corrupt_file_is_set_aside_and_told(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    state = lane(tmp_path)
    writer = begun(state)
    for number in range(200):
        writer.write(Batch(T0 + number, points=(point(T0 + 10 * number, n=number),), runs=(run("a", T0),)))
    writer.close()
    damage(state.path / NAME)
    read = reader(state)
    with pytest.raises(StoreError, match="corrupt"):
        read.points(T0, T0 + 2000, 500)
    fresh = begun(state, epoch=2)
    fresh.write(Batch(T0 + 3000, points=(point(T0 + 3000, n=5),)))
    notes = fresh.status(T0).notes
    assert len(notes) == 1
    assert "set aside as history.db.corrupt-" in notes[0]
    assert notes[0].endswith("and with it the history of before")
    assert len(list(state.path.glob("history.db.corrupt-*Z"))) == 1
    assert fresh.status(T0).problem is None
    assert read.bounds() == (T0 + 3000, T0 + 3000), "a reader finds the new file"


def test_a_damaged_point_is_lost_alone(tmp_path: Path) -> None:
    """A page of a blob has no checksum: the point is not decoded, the others are."""
    state = lane(tmp_path)
    writer = begun(state)
    writer.write(Batch(T0, points=tuple(point(T0 + 10 * each, n=each) for each in range(3))))
    with sqlite3.connect(state.path / NAME) as connection:
        connection.execute("UPDATE points SET packed = zeroblob(50) WHERE at = ?", (T0 + 10,))
    connection.close()
    assert reader(state).point(T0 + 10) is None
    assert [each.at for each in reader(state).points(T0, T0 + 30, 10)] == [T0, T0 + 20]


def test_a_deleted_file_is_begun_anew(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    read = reader(state)
    writer.write(Batch(T0, points=(point(T0, n=1),)))
    assert read.bounds() == (T0, T0)
    for file in state.path.iterdir():
        file.unlink()
    writer.write(Batch(T0 + 10, points=(point(T0 + 10, n=1),)))
    assert read.bounds() == (T0 + 10, T0 + 10)
    assert writer.status(T0).notes == ("history.db was deleted, and with it the history of before",)


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    state = lane(tmp_path)
    begun(state).close()
    with sqlite3.connect(state.path / NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    writer = HistoryWriter(state, SETTINGS)
    with pytest.raises(StoreError, match="newer wfmon-tui"):
        writer.begin(1, 1, "joe", "1", T0)
    assert "newer" in (writer.status(T0).problem or "")
    with pytest.raises(StoreError, match="another version"):
        reader(state).point(T0)
    assert not list(state.path.glob("*corrupt*"))


def test_a_file_of_an_older_version_is_brought_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wfmon.store.filekind import FileKind, Schema
    from wfmon.store.history import reader as reading
    from wfmon.store.history import writer as writing
    from wfmon.store.history.schema import HISTORY, MIGRATIONS

    state = lane(tmp_path)
    writer = begun(state)
    writer.write(Batch(T0, points=(point(T0, n=1),)))
    writer.close()
    newer = FileKind(Schema((*MIGRATIONS, ("CREATE TABLE more (x)",))), "history", False, False, False)
    monkeypatch.setattr(reading, "HISTORY", newer)
    with pytest.raises(StoreError, match="another version"):
        reader(state).point(T0)
    monkeypatch.setattr(writing, "HISTORY", newer)
    begun(state, epoch=2).close()
    assert reader(state).bounds() == (T0, T0)
    assert HISTORY.schema.version + 1 == newer.schema.version


def test_where_wal_cannot_work_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "on_network", lambda path: True)
    state = lane(tmp_path)
    writer = begun(state)
    writer.write(Batch(T0, points=(point(T0, n=1),)))
    assert reader(state).bounds() == (T0, T0)
    assert "journal mode delete" in writer.status(T0).notes[0]


def test_before_there_is_a_file_nothing_is_known(tmp_path: Path) -> None:
    state = lane(tmp_path)
    read = reader(state)
    assert read.point(T0) is None
    assert read.bounds() is None
    assert list(state.path.iterdir()) == [], "who reads makes no file"
    begun(state).write(Batch(T0, points=(point(T0, n=1),)))
    assert read.bounds() == (T0, T0), "the file that came is seen"


def test_a_file_that_has_no_tables_yet_is_looked_at_again(tmp_path: Path) -> None:
    state = lane(tmp_path)
    (state.path / NAME).touch()
    read = reader(state)
    assert read.bounds() is None
    begun(state).write(Batch(T0, points=(point(T0, n=1),)))
    assert read.bounds() == (T0, T0)


def test_a_directory_with_a_problem_is_told(tmp_path: Path) -> None:
    writer = HistoryWriter(StateDir(tmp_path, problem="x is not writable"), SETTINGS)
    with pytest.raises(StoreError, match="x is not writable"):
        writer.begin(1, 1, "joe", "1", T0)
    assert writer.status(T0).problem == "x is not writable"


READS = f"""
import os, sys
sys.path.insert(0, {str(TESTS)!r})
from store.history.historyhelp import SETTINGS, T0
from wfmon.model.history import Kind
from wfmon.store.errors import StoreError
from wfmon.store.history.reader import HistoryReader
from wfmon.store.paths import state_dir
# Only now: the interpreter's own files may be out of reach for other users.
import wfmon.store.history.resampling
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(61001)
reader = HistoryReader(state_dir(sys.argv[1], {{}}), SETTINGS)
for line in sys.stdin:
    try:
        bounds = reader.bounds()
        print(None if bounds is None else int(bounds[1] - T0), flush=True)
    except StoreError as error:
        print(error.reason, flush=True)
"""


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that users outside this test's own directories can reach."""
    with tempfile.TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        path = Path(base) / "shared"
        path.mkdir()
        yield path


class Stranger:
    """A process of another user that reads."""

    def __init__(self, path: Path, gid: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", READS, str(path), str(gid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def sees(self) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def leaves(self) -> None:
        self._process.communicate(timeout=30)


@needs_root
def test_another_user_of_the_group_reads_while_it_is_written(open_dir: Path) -> None:
    os.chown(open_dir, 0, 61000)
    open_dir.chmod(0o2770)
    writer = begun(state_dir(str(open_dir), {}))
    other = Stranger(open_dir, 61000)
    try:
        assert other.sees() == "None"
        for number in (10, 20):
            writer.write(Batch(T0, points=(point(T0 + number, n=1),)))
            assert other.sees() == str(number)
        writer.close()
        assert other.sees() == "20"
        writer.write(Batch(T0, points=(point(T0 + 30, n=1),)))
        assert other.sees() == "30"
        (open_dir / NAME).rename(open_dir / "old")
        for rest in ("-wal", "-shm"):
            (open_dir / f"{NAME}{rest}").unlink(missing_ok=True)
        assert other.sees() == "None"
        writer.write(Batch(T0, points=(point(T0 + 50, n=1),)))
        assert other.sees() == "50"
    finally:
        other.leaves()


@needs_root
def test_who_may_only_read_sees_what_is_written_later(open_dir: Path) -> None:
    """Without the right to make the shared memory of WAL the file is read as it lies, and anew when it
    has changed."""
    state = state_dir(str(open_dir), {})
    open_dir.chmod(0o755)
    writer = begun(state)
    writer.write(Batch(T0, points=(point(T0 + 10, n=1),)))
    writer.close()
    (open_dir / NAME).chmod(0o644)
    other = Stranger(open_dir, 61009)
    try:
        assert other.sees() == "10"
        writer.write(Batch(T0, points=(point(T0 + 20, n=1),)))
        writer.close()
        assert other.sees() == "20"
    finally:
        other.leaves()


def counted(read: HistoryReader) -> dict[str, float]:
    """Runs by source, of all hours."""
    found: dict[str, float] = {}
    for each in read.hours(T0, T0 + 100 * HOUR, Kind.WORKFLOW):
        found[each.source] = found.get(each.source, 0.0) + (each.runs or 0.0)
    return found


@needs_root
def test_who_begins_on_a_full_disk_knows_from_where_to_go_on(small_disk: Path) -> None:
    state = state_dir(str(small_disk), {})
    first = begun(state)
    look = Look(T0, b"x 1\n")
    marks = {"logs": (FileMark("/l", 1, 2, 30, 30, 7, 8, 9),)}
    first.write(Batch(T0, looks=((Target("ab", "x"), look),), marks=marks, grown=(grown(T0, 1),)))
    fill(small_disk)
    second = HistoryWriter(state, SETTINGS)
    epoch = 2

    def begin() -> None:
        nonlocal epoch
        epoch += 1
        second.begin(epoch, 43, "ann" * 100, "1.0", T0 + epoch)

    with contextlib.suppress(StoreError):
        while epoch < 1000:  # what SQLite has allocated already may still hold a little
            begin()
    with pytest.raises(StoreError, match="disk full"):
        begin()
    resumed = second.resumed()
    assert resumed.reached == {"ab": T0}
    assert resumed.looks(Target("ab", "x"), T0 + 5) == (look,)
    assert resumed.marks == marks
    (small_disk / "filler").unlink()
    second.begin(5000, 43, "ann", "1.0", T0 + 2000)
    second.write(
        Batch(T0 + 2000, grown=(grown(T0, 1),), looks=((Target("ab", "x"), Look(T0 + 9, b"x 2\n")),))
    )
    assert counted(reader(state)) == {"prom": 2.0}
