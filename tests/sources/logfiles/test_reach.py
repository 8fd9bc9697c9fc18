"""How far back a log reaches: real files, plain and compressed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sources.logfiles.helpers import NOW, Watched, line, touch, write
from wfmon.model.retention import Keeps, Kept
from wfmon.sources.logfiles.firstline import _beginning

DAY = 86400.0


def told(watched: Watched, polls: int = 4) -> tuple[Kept, ...]:
    for _ in range(polls):
        watched.poll()
    assert watched.reading is not None
    return watched.reading.kept


def text(at: float, rows: int = 3) -> bytes:
    return "".join(line(at + n, message="x") + "\n" for n in range(rows)).encode()


def put(path: Path, data: bytes, at: float) -> None:
    path.write_bytes(data)
    touch(path, at)


def test_the_first_answer_does_not_look(tmp_path: Path) -> None:
    write(tmp_path / "app.log", line(NOW - 5, message="x"))
    watched = Watched(tmp_path / "app.log")
    assert told(watched, 1) == ()
    (kept,) = told(watched, 1)
    size = (tmp_path / "app.log").stat().st_size
    assert kept == Kept("logs", Keeps.PRODUCTION_LOGS, NOW - 5, bytes=size, files=1)


@pytest.mark.parametrize(
    ("ending", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_rotated_and_compressed_files_count(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]
) -> None:
    write(tmp_path / "app.log", line(NOW - 5, message="x"))
    put(tmp_path / "app.log.1", text(NOW - 2 * DAY), NOW - DAY)
    put(tmp_path / f"app.log.2.{ending}", pack(text(NOW - 9 * DAY, 5000)), NOW - 2 * DAY)
    put(tmp_path / "other.log.9", text(NOW - 99 * DAY), NOW - 98 * DAY)
    (kept,) = told(Watched(tmp_path / "app.log"))
    assert (kept.oldest_at, kept.files, kept.problem) == (NOW - 9 * DAY, 3, None)
    assert kept.bytes == sum(path.stat().st_size for path in tmp_path.glob("app.log*"))


def test_a_long_lived_file_may_hold_the_oldest_line(tmp_path: Path) -> None:
    put(tmp_path / "a.log", text(NOW - 30 * DAY), NOW)
    put(tmp_path / "b.log.1", text(NOW - 3 * DAY), NOW - 2 * DAY)
    put(tmp_path / "b.log", text(NOW - 2 * DAY), NOW)
    (kept,) = told(Watched(tmp_path / "*.log"))
    assert kept.oldest_at == NOW - 30 * DAY
    assert kept.files == 3


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ("", {("logs", "production logs", 2), ("logs (debug)", "debug logs", 1)}),
        ("debug", {("logs", "debug logs", 3)}),
        ("production", {("logs", "production logs", 3)}),
    ],
)
def test_debug_logs_are_told_apart(tmp_path: Path, keep: str, expected: set[tuple[str, str, int]]) -> None:
    put(tmp_path / "app.log", text(NOW - DAY), NOW)
    put(tmp_path / "app.log.1", text(NOW - 3 * DAY), NOW - DAY)
    put(tmp_path / "app-DEBUG.log", text(NOW - 2 * DAY), NOW)
    kept = told(Watched(tmp_path / "*.log", keep=keep))
    assert {(each.subject, each.keeps.value, each.files) for each in kept} == expected


def test_without_a_readable_time_the_last_change_is_a_bound_that_is_told(tmp_path: Path) -> None:
    put(tmp_path / "app.log", text(NOW - DAY), NOW)
    put(tmp_path / "app.log.1.zst", b"\x28\xb5\x2f\xfd" + os.urandom(100), NOW - 5 * DAY)
    (kept,) = told(Watched(tmp_path / "app.log"))
    assert kept.oldest_at == NOW - 5 * DAY
    assert "app.log.1.zst: no time in its first lines" in (kept.problem or "")


def test_a_growing_file_without_times_tells_nothing(tmp_path: Path) -> None:
    put(tmp_path / "app.log", b"no time here\n" * 20, NOW)
    (kept,) = told(Watched(tmp_path / "app.log"))
    assert kept.oldest_at is None
    assert "no time" in (kept.problem or "")


BOMB = 30 << 20
HOSTILE: dict[str, Callable[[], bytes]] = {
    "bomb.log.1.gz": lambda: gzip.compress(bytes(BOMB), 1),
    "bomb.log.2.bz2": lambda: bz2.compress(bytes(BOMB), 1),
    "bomb.log.3.xz": lambda: lzma.compress(bytes(BOMB), preset=0),
    "half.log.1.gz": lambda: gzip.compress(text(NOW - DAY) * 2000)[:40],
    "half.log.2.bz2": lambda: bz2.compress(text(NOW - DAY) * 2000)[:200],
    "half.log.3.xz": lambda: lzma.compress(text(NOW - DAY) * 2000, preset=0)[:50],
    "torn.log.1.xz": lambda: lzma.compress(b"x" * 2000, preset=0)[:30] + os.urandom(3000),
    "torn.log.2.gz": lambda: b"\x1f\x8b\x08\x1f" + os.urandom(3000),
    "torn.log.3.bz2": lambda: b"BZh9" + os.urandom(3000),
    "wide.log.1": lambda: b"{" * 3_000_000,
    "nul.log.1": lambda: bytes(100_000),
    "esc\x1b[31m.log.1": lambda: b"\x1b]0;owned\x07" * 10,
    "ahead.log.1": lambda: text(NOW + 900 * DAY),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_do_no_harm(tmp_path: Path, name: str) -> None:
    put(tmp_path / f"{name.partition('.log')[0]}.log", text(NOW - DAY), NOW)
    put(tmp_path / name, HOSTILE[name](), NOW - 2 * DAY)
    assert len(_beginning(str(tmp_path / name))) <= 16 << 10
    (kept,) = told(Watched(tmp_path / "*.log"), 5)
    assert kept.oldest_at == NOW - 2 * DAY, "its last change, as no time in it can be believed"
    assert "\x1b" not in repr(kept.problem)
    assert kept.files == 2


def test_a_pipe_and_a_directory_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path / "app.log", text(NOW - DAY), NOW)
    os.mkfifo(tmp_path / "app.log.1")
    (tmp_path / "app.log.2").mkdir()
    (kept,) = told(Watched(tmp_path / "app.log"))
    assert kept.files == 1


def test_looked_at_rarely_and_when_files_came(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    put(log, text(NOW - DAY), NOW)
    watched = Watched(log)
    first = told(watched)
    write(log, line(NOW, message="more"))
    assert told(watched, 20) is first
    watched.poll(after=600)
    assert told(watched, 2) != first
    log.rename(tmp_path / "app.log.1")
    put(log, text(NOW), NOW)
    watched.poll(after=61)
    (kept,) = told(watched, 3)
    assert (kept.files, kept.oldest_at) == (2, NOW - DAY)


def test_what_is_deleted_is_gone(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    put(log, text(NOW - DAY), NOW)
    put(tmp_path / "app.log.1", text(NOW - 9 * DAY), NOW - 2 * DAY)
    watched = Watched(log)
    assert told(watched)[0].oldest_at == NOW - 9 * DAY
    (tmp_path / "app.log.1").unlink()
    watched.poll(after=600)
    assert told(watched)[0].oldest_at == NOW - DAY


def test_the_same_inode_with_other_lines(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    put(log, text(NOW - DAY, 50), NOW)
    watched = Watched(log)
    assert told(watched)[0].oldest_at == NOW - DAY
    os.truncate(log, 0)
    with log.open("ab") as file:
        file.write(text(NOW - 50))
    watched.poll(after=600)
    assert told(watched)[0].oldest_at == NOW - 50


def test_thousands_of_files_cost_a_poll_little(tmp_path: Path) -> None:
    for number in range(1000):
        put(tmp_path / f"run.log.{number}", text(NOW - DAY - number * 60, 1), NOW - DAY - number * 60)
    put(tmp_path / "run.log", text(NOW - 50), NOW)
    watched = Watched(tmp_path / "run.log")
    watched.poll()
    polls = 0
    assert watched.reading is not None
    while not watched.reading.kept:
        watched.poll(after=0.01)
        polls += 1
    (kept,) = watched.reading.kept
    assert (kept.files, kept.oldest_at) == (1001, NOW - DAY - 999 * 60)
    assert polls > 50, "each looks at a few of them"


@pytest.mark.parametrize(
    ("codec", "setting"), [("utf-16", "utf-8"), ("utf-32-be", "utf-32-be"), ("latin-1", "latin-1")]
)
def test_encodings(tmp_path: Path, codec: str, setting: str) -> None:
    put(tmp_path / "app.log", text(NOW - DAY).decode().encode(codec), NOW)
    (kept,) = told(Watched(tmp_path / "app.log", encoding=setting))
    assert kept.oldest_at == (NOW - DAY)
