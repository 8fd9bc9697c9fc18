"""Real files: growth, rotation, truncation, deletion, re-creation. No line twice, none lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sources.logfiles.helpers import NOW, Watched, line, touch, write
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError


def done(number: int, at: float | None = None) -> str:
    moment = NOW - 100 + number if at is None else at
    return line(moment, workflow="w", run_id=f"r{number}", status="success", duration_seconds=0.5)


def done_many(*numbers: int) -> list[str]:
    return [done(number) for number in numbers]


def expect(watched: Watched, *numbers: int, after: float = 1.0) -> None:
    assert sorted(watched.ids(after=after)) == sorted(f"r{number}" for number in numbers)


def test_lines_that_are_appended_are_counted_once(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(tmp_path / "*.log")
    expect(watched, 1, 2)
    expect(watched, 1, 2)
    write(log, done(3))
    expect(watched, 1, 2, 3)


def test_a_line_counts_when_its_end_has_come(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    text = done(1)
    log.write_text(text[:30])
    watched = Watched(log)
    expect(watched)
    with log.open("a") as file:
        file.write(text[30:-1])
    expect(watched)
    with log.open("a") as file:
        file.write(text[-1] + "\n")
    expect(watched, 1)


def test_a_whole_last_line_without_newline_counts_once_it_rests(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text(done(1))
    watched = Watched(log)
    watched.poll()
    expect(watched, 1)
    with log.open("a") as file:
        file.write("\n" + done(2) + "\n")
    expect(watched, 1, 2)


@pytest.mark.parametrize("pattern", ["app.log*", "app.log"])
def test_rotation_by_rename(tmp_path: Path, pattern: str) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(tmp_path / pattern)
    expect(watched, 1, 2)
    write(log, done(3))  # not yet read when the file moves
    log.rename(tmp_path / "app.log.1")
    write(log, done(4))
    expect(watched, 1, 2, 3, 4, after=0.5)
    write(tmp_path / "app.log.1", done(5))  # the writer has not noticed yet
    expect(watched, 1, 2, 3, 4, 5)
    (tmp_path / "app.log.1").rename(tmp_path / "app.log.2")
    log.rename(tmp_path / "app.log.1")
    write(log, done(6))
    expect(watched, 1, 2, 3, 4, 5, 6)
    expect(watched, 1, 2, 3, 4, 5, 6, after=100.0)


@pytest.mark.parametrize("pattern", ["app.log*", "app.log"])
def test_rotation_by_copy_and_truncation(tmp_path: Path, pattern: str) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(tmp_path / pattern)
    expect(watched, 1, 2)
    shutil.copy(log, tmp_path / "app.log.1")
    os.truncate(log, 0)
    expect(watched, 1, 2, after=0.5)
    write(log, done(3))
    expect(watched, 1, 2, 3)
    expect(watched, 1, 2, 3, after=10.0)


def test_lines_written_just_before_copy_and_truncation_are_read_from_the_copy(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(tmp_path / "app.log*")
    expect(watched, 1, 2)
    write(log, done(3))
    shutil.copy(log, tmp_path / "app.log.1")
    os.truncate(log, 0)
    write(log, done(4))
    expect(watched, 1, 2, 3, 4, after=0.5)
    expect(watched, 1, 2, 3, 4, after=10.0)


def test_a_copy_seen_before_the_truncation_is_not_read(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(tmp_path / "app.log*")
    expect(watched, 1, 2)
    whole = log.read_bytes()
    (tmp_path / "app.log.1").write_bytes(whole[: len(whole) // 2])  # still being copied
    expect(watched, 1, 2, after=3.0)
    (tmp_path / "app.log.1").write_bytes(whole)
    expect(watched, 1, 2, after=3.0)
    os.truncate(log, 0)
    write(log, done(3))
    expect(watched, 1, 2, 3, after=3.0)


def test_truncated_and_regrown_beyond_what_was_read(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(log)
    expect(watched, 1, 2)
    os.truncate(log, 0)
    write(log, *done_many(3, 4, 5, 6))
    expect(watched, 1, 2, 3, 4, 5, 6)


def test_a_longer_file_regrown_with_other_lines(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    banner = "=" * 3000
    write(log, banner, *done_many(*range(40)))
    watched = Watched(log)
    assert len(watched.ids()) == 40
    os.truncate(log, 0)
    write(log, banner, *done_many(*range(100, 160)))
    assert len(watched.ids()) == 100


def test_a_hole_left_by_a_writer_that_kept_its_position(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    with log.open("w") as writer:
        writer.write("".join(done(number) + "\n" for number in range(50)))
        writer.flush()
        watched = Watched(log)
        assert len(watched.ids()) == 50
        os.truncate(log, 0)
        writer.write(done(77) + "\n")
        writer.flush()
    assert log.read_bytes()[:1] == b"\0"
    assert "r77" in watched.ids()
    assert len(watched.ids()) == 51


def test_deletion_and_recreation(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(tmp_path / "*.log")
    expect(watched, 1, 2)
    write(log, done(3))
    log.unlink()
    expect(watched, 1, 2, 3)
    expect(watched, 1, 2, 3)
    expect(watched, 1, 2, 3)
    assert "no file any more" in watched.told
    write(log, done(4))
    expect(watched, 1, 2, 3, 4, after=3.0)


def test_a_deleted_file_is_let_go_so_that_its_space_is_freed(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, done(1))
    watched = Watched(tmp_path / "*.log")
    watched.poll()
    log.unlink()
    for _ in range(4):
        watched.poll()
    links = [os.readlink(f"/proc/self/fd/{number}") for number in _open_files()]
    assert not [target for target in links if str(log) in target]


def _open_files() -> list[str]:
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        found.append(number)
    return found


def test_two_names_of_one_file_are_one_file(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, done(1))
    os.link(log, tmp_path / "hard.log")
    (tmp_path / "soft.log").symlink_to(log)
    watched = Watched(tmp_path / "*.log")
    expect(watched, 1)
    assert watched.reading is not None
    assert watched.reading.sees == "1 file, 1 run"


def test_two_workers_with_the_same_first_line_are_two_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.log", '{"message": "worker started, reading the queue from the beginning"}')
    watched = Watched(tmp_path / "*.log")
    watched.poll()
    write(tmp_path / "b.log", done(1))
    write(tmp_path / "a.log", done(2))
    expect(watched, 1, 2)
    write(tmp_path / "b.log", done(3))
    write(tmp_path / "a.log", done(4))
    expect(watched, 1, 2, 3, 4)


def test_new_files_are_found(tmp_path: Path) -> None:
    write(tmp_path / "a.log", done(1))
    watched = Watched(tmp_path / "*.log")
    expect(watched, 1)
    write(tmp_path / "b.log", done(2))
    expect(watched, 1, 2, after=3.0)


def test_a_start_reads_only_the_recent_tail(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(*range(2000)))
    watched = Watched(log, tail_bytes=10_000)
    ids = watched.ids()
    assert "r1999" in ids
    assert "r1" not in ids
    assert 10 < len(ids) < 200
    known = watched.poll()["w"]
    assert known.complete_since == min(run.ended_at or 0 for run in known.finished)


def test_rotated_files_of_a_start_are_not_counted_twice(tmp_path: Path) -> None:
    write(tmp_path / "app.log.2", *done_many(1, 2), at=NOW - 90)
    write(tmp_path / "app.log.1", *done_many(3, 4), at=NOW - 80)
    write(tmp_path / "app.log", *done_many(5, 6))
    watched = Watched(tmp_path / "app.log*")
    expect(watched, 1, 2, 3, 4, 5, 6)


def test_a_run_over_a_rotation_is_one_run(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, line(NOW - 50, workflow="w", run_id="r1", status="started"))
    watched = Watched(log)
    assert [run.status for run in watched.runs()] == ["running"]
    log.rename(tmp_path / "app.log.1")
    write(log, line(NOW - 20, workflow="w", run_id="r1", status="success"))
    run = watched.run()
    assert (run.status, run.duration_seconds) == ("success", 30.0)


def test_the_first_line_there_is_stays_known_when_its_file_goes(tmp_path: Path) -> None:
    write(tmp_path / "b.log", done(9))
    log = tmp_path / "a.log"
    write(log, done(4), done(5))
    watched = Watched(tmp_path / "*.log")
    first = watched.poll()["w"].begins_at
    assert first == NOW - 96, "of all files of the source"
    log.unlink()
    for _ in range(3):
        watched.poll(100)
    write(tmp_path / "b.log", done(10))
    assert watched.poll()["w"].begins_at == first


def test_completeness_survives_rotation_and_ends_at_what_was_not_read(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, *done_many(1, 2))
    watched = Watched(log)
    assert watched.poll()["w"].complete_since == 0.0
    log.rename(tmp_path / "app.log.1")
    write(log, done(3))
    assert watched.poll()["w"].complete_since == 0.0
    for _ in range(3):  # until the rotated file is let go
        known = watched.poll(100)["w"]
    assert len(watched.source._files.files) == 1
    assert known.complete_since == 0.0
    later = Watched(log)  # one that starts now has never read the rotated file
    assert later.poll()["w"].complete_since == NOW - 97


def test_a_poll_is_bounded_and_says_that_it_is_behind(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, done(0))
    watched = Watched(log, tail_bytes=100 << 20)
    watched.poll()
    padding = "x" * 2000
    with log.open("a") as file:
        for number in range(1, 6000):
            file.write(done(number)[:-1] + f', "padding": "{padding}"}}\n')
    touch(log)
    known = watched.poll()["w"]
    assert watched.reading is not None
    assert not watched.reading.settled
    assert "still to read" in watched.told
    assert known.complete_since == watched.now
    while not watched.reading.settled:
        watched.poll()
    assert watched.reading.sees.endswith("5999 runs"), "all are told, also where they are more than are kept"
    watched.poll(after=31)
    assert watched.reading.sees.endswith("2000 runs")


def test_no_file_is_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "*.log")
    with pytest.raises(SourceError) as caught:
        watched.poll()
    assert caught.value.failure is Failure.MISSING
    write(tmp_path / "a.log", done(1))
    expect(watched, 1, after=0.1)


def _nobody() -> Iterator[None]:
    """Run as somebody who is not root, where that is possible."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


nobody = contextmanager(_nobody)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_file_that_may_not_be_read_is_told(open_directory: Path) -> None:
    write(open_directory / "a.log", done(1))
    (open_directory / "a.log").chmod(0)
    with nobody(), pytest.raises(SourceError) as caught:
        Watched(open_directory / "*.log").poll()
    assert caught.value.failure is Failure.PERMISSION
    write(open_directory / "b.log", done(2))
    watched = Watched(open_directory / "*.log")
    with nobody():
        expect(watched, 2)
    assert watched.reading is not None
    assert watched.reading.partial_failure is Failure.PERMISSION
    assert "a.log: Permission denied" in watched.told


def test_a_directory_that_may_not_be_read_is_told(open_directory: Path) -> None:
    (open_directory / "logs").mkdir(mode=0o700)
    write(open_directory / "logs" / "a.log", done(1))
    (open_directory / "logs").chmod(0 if os.geteuid() else 0o700)
    with nobody(), pytest.raises(SourceError) as caught:
        Watched(open_directory / "logs" / "*.log").poll()
    (open_directory / "logs").chmod(0o700)
    assert caught.value.failure is Failure.PERMISSION


def test_compressed_files_pipes_and_directories_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "app.log", done(1))
    (tmp_path / "app.log.2.gz").write_bytes(b"\x1f\x8b\x08\0" + bytes(100))
    os.mkfifo(tmp_path / "app.log.pipe")
    (tmp_path / "app.log.d").mkdir()
    watched = Watched(tmp_path / "app.log*")
    expect(watched, 1)
    assert "app.log.2.gz is compressed: not read" in watched.told


def test_unchanged_workflows_are_the_same_objects(tmp_path: Path) -> None:
    write(tmp_path / "app.log", done(1), line(NOW, workflow="v", run_id="x", status="success"))
    watched = Watched(tmp_path / "app.log")
    first = watched.poll()
    second = watched.poll()
    assert all(second[name] is first[name] for name in ("w", "v"))
    write(tmp_path / "app.log", done(2))
    third = watched.poll()
    assert third["w"] is not first["w"]
    assert third["v"] is first["v"]
