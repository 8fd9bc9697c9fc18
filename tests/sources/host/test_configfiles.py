"""Which files are looked at, and what is told of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.waiting import wait_until
from wfmon.config.schema import Workflow
from wfmon.model.history import Change, ChangeKind
from wfmon.sources.host.configfiles import MAX_FILES, ConfigFiles, files_of
from wfmon.sources.host.restarts import Member

CONFIG, VERSION = ChangeKind.CONFIG, ChangeKind.VERSION


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python /app/run.py -c conf/a.toml", [("/app/run.py", VERSION), ("/cwd/conf/a.toml", CONFIG)]),
        ("python /app/run.py --conf conf/a.toml", [("/app/run.py", VERSION), ("/cwd/conf/a.toml", CONFIG)]),
        ("run.py --settings=../a.YAML other.py", [("/cwd/run.py", VERSION), ("/a.YAML", CONFIG)]),
        ("node x.js .env.local a.ini b.cfg", [("/cwd/.env.local", CONFIG), ("/cwd/a.ini", CONFIG),
                                              ("/cwd/b.cfg", CONFIG)]),
        ("python -m worker https://host/a.json", []),
        ("sh", []),
    ],
)  # fmt: skip
def test_files_of_a_command_line(command: str, expected: list[tuple[str, ChangeKind]]) -> None:
    assert list(files_of(command.split(), "/cwd")) == expected


def test_a_relative_path_needs_a_directory() -> None:
    assert list(files_of(["python", "run.py", "/etc/a.toml"], None)) == [("/etc/a.toml", CONFIG)]


def test_hostile_command_lines() -> None:
    assert list(files_of(["a\0.toml", "/" + "x" * 5000 + ".toml", "", "-", "="], "/")) == []
    assert len(list(files_of([f"/{n}.toml" for n in range(10_000)], "/"))) < 20


class Looks:
    def __init__(self, *files: Path, command: tuple[str, ...] = ()) -> None:
        self.now = 1000.0
        workflow = Workflow(name="w", files=[str(file) for file in files])
        self.files = ConfigFiles([workflow])
        self.members = [Member(7, 0.0, "p", command)] if command else []

    def look(self) -> list[tuple[str, str]]:
        return [
            (os.path.basename(change.subject), change.text.rpartition("/")[2]) for change in self.changes()
        ]

    def changes(self) -> tuple[Change, ...]:
        self.now += 10
        self.files.begin(self.members)
        wait_until(lambda: self.files._look is None or self.files._look.over)
        return self.files.take(self.now)


def test_changes_are_told_once_and_not_at_first(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("1")
    looks = Looks(file)
    assert looks.look() == []
    assert looks.look() == []
    file.write_text("22")
    assert looks.look() == [("a.toml", "a.toml changed")]
    assert looks.look() == []
    file.unlink()
    assert looks.look() == [("a.toml", "a.toml is gone")]
    assert looks.look() == []
    file.write_text("22")
    assert looks.look() == [("a.toml", "a.toml is there")]


def test_the_same_size_and_another_inode(tmp_path: Path) -> None:
    """As editors and config maps replace files."""
    file, other = tmp_path / "a.toml", tmp_path / "b"
    file.write_text("1")
    other.write_text("2")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    looks = Looks(link)
    looks.look()
    link.unlink()
    link.symlink_to(other)
    assert looks.look() == [("link.toml", "link.toml changed")]


def test_the_time_is_that_of_writing_where_it_can_be(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("1")
    looks = Looks(file)
    looks.changes()
    os.utime(file, (1015.0, 1015.0))
    assert looks.changes()[0].at == 1015.0
    os.utime(file, (5.0, 5.0))
    assert looks.changes()[0].at == looks.now


def test_a_file_that_is_missing_at_first_is_told_when_named(tmp_path: Path) -> None:
    looks = Looks(tmp_path / "named.toml", command=("x", str(tmp_path / "argument.toml")))
    assert looks.look() == []
    (tmp_path / "named.toml").write_text("1")
    (tmp_path / "argument.toml").write_text("1")
    assert looks.look() == [("named.toml", "named.toml is there")]
    (tmp_path / "argument.toml").write_text("22")
    assert looks.look() == [("argument.toml", "argument.toml changed")]


def test_a_file_that_changed_while_its_process_was_gone(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("1")
    looks = Looks(command=("x", str(file)))
    looks.look()
    members, looks.members = looks.members, []
    file.write_text("22")
    looks.files.begin([])
    assert looks.files.take(looks.now) == ()
    looks.members = members
    assert looks.look() == [("a.toml", "a.toml changed")]


def test_bounded_safe_and_no_directories(tmp_path: Path) -> None:
    evil = tmp_path / "\x1b[31m.toml"
    evil.write_text("1")
    (tmp_path / "dir.toml").mkdir()
    looks = Looks(evil, tmp_path / "dir.toml", *(tmp_path / f"{n}.toml" for n in range(1000)))
    looks.look()
    assert len(looks.files._known) == MAX_FILES
    evil.write_text("22")
    (change,) = looks.changes()
    assert "\x1b" not in change.text + change.subject
