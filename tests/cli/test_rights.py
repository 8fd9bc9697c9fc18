"""Which right or setting gives more, and the commands that share a state directory."""

from __future__ import annotations

import grp  # noqa: F401 (another user may not load it)
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.found import seen_by
from support.users import ANN, BEN, GROUP
from wfmon.cli.rights import PTRACE, advice, of_files, of_processes
from wfmon.cli.sharedstate import sharing_lines
from wfmon.config.loader import load_config
from wfmon.model.source import Failure, SourceState, SourceStatus
from wfmon.store.paths import SYSTEM_DIR, StateDir, state_dir

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: other users")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where every user may look."""
    made = Path(tempfile.mkdtemp(prefix="wfmon-rights-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@needs_root
def test_a_file_of_a_group_names_the_group(folder: Path) -> None:
    log, mine, closed = folder / "a.log", folder / "b.log", folder / "closed"
    for file in (log, mine):
        file.write_text("x\n")
        file.chmod(0o640)
    os.chown(log, BEN, GROUP)
    mine.chmod(0o600)
    closed.mkdir(mode=0o700)
    patterns = [f"{folder}/*.log", f"{closed}/*.jsonl"]
    assert of_files(patterns) == [], "root reads all"
    told = seen_by(ANN, lambda: of_files(patterns))
    assert told == [
        f"file {log}: its group {GROUP} may read it (usermod --append --groups {GROUP} USER)",
        f"file {mine}: only root may read it (chmod g+r)",
        f"directory {closed}: only root may read it (chmod g+rx)",
    ]
    assert len(seen_by(ANN, lambda: of_files(patterns), groups=[GROUP])) == 2


@pytest.mark.parametrize(
    ("mounts", "words"),
    [
        ("proc /proc proc rw,nosuid 0 0\n", [PTRACE]),
        ("proc /proc proc rw,hidepid=0 0 0\n", [PTRACE]),
        (
            "proc /proc proc rw,hidepid=2 0 0\n",
            ["/proc is mounted with hidepid=2: root, or mount -o remount,gid=GID /proc", PTRACE],
        ),
        (
            "tmpfs / tmpfs rw 0 0\nproc /proc proc rw,gid=0,hidepid=invisible 0 0\n",
            [
                "/proc is mounted with hidepid=invisible: its group root sees all "
                "(usermod --append --groups root USER)",
                PTRACE,
            ],
        ),
        ("", [PTRACE]),
    ],
)
def test_who_may_see_processes_of_others(tmp_path: Path, mounts: str, words: list[str]) -> None:
    table = tmp_path / "mounts"
    table.write_text(mounts)
    assert of_processes(str(table)) == words
    assert of_processes(str(tmp_path / "none")) == [PTRACE]


def test_each_failure_says_what_would_help() -> None:
    down = SourceStatus("p", "prometheus", SourceState.DOWN, failure=Failure.AUTH)
    assert "auth of its [[source]]" in advice(down)[0]
    host = SourceStatus("host", "host", SourceState.OK, missing=("3 processes of other users: run as root",))
    assert advice(host)[-1] == PTRACE
    assert advice(SourceStatus("p", "prometheus", SourceState.OK)) == []


def commands(lines: list[str], *programs: str) -> list[list[str]]:
    return [words for line in lines if (words := shlex.split(line)) and words[0] in programs]


def test_what_is_shared_needs_no_commands(tmp_path: Path) -> None:
    assert sharing_lines(StateDir(tmp_path, shared=True), "") == []


def test_the_usual_directory_needs_no_setting(tmp_path: Path) -> None:
    lines = sharing_lines(StateDir(tmp_path), "")
    assert f"    install -d -o root -g wfmon -m 2770 {SYSTEM_DIR}" in lines
    assert "none is needed" in lines[-1]
    (tmp_path / "acks.db").touch()
    named = sharing_lines(StateDir(tmp_path), str(tmp_path))
    assert f"    install -d -o root -g wfmon -m 2770 {SYSTEM_DIR}" in named, "what is there is somebody's"
    assert named[-1] == f'    config: [state] dir = "{SYSTEM_DIR}"'


@needs_root
def test_the_commands_do_what_they_say(tmp_path: Path) -> None:
    """As they are printed, in a system of files of their own."""
    place = tmp_path / "it's shared"
    lines = sharing_lines(StateDir(place), str(place))
    etc = tmp_path / "root" / "etc"
    etc.mkdir(parents=True)
    (etc / "passwd").write_text("joe:x:1000:1000::/home/joe:/bin/sh\n")
    (etc / "group").write_text("joe:x:1000:\n")
    (etc / "login.defs").touch()
    prefix = ["--prefix", str(tmp_path / "root")]
    for words in commands(lines, "groupadd", "usermod"):
        if shutil.which(words[0]) is None:
            pytest.skip(f"{words[0]} is not installed")
        joe = ["joe" if word == "USER" else word for word in words]
        subprocess.run([joe[0], *prefix, *joe[1:]], check=True, capture_output=True)
    group = next(line for line in (etc / "group").read_text().splitlines() if line.startswith("wfmon:"))
    assert group.split(":")[3] == "joe"
    gid = int(group.split(":")[2])
    (install,) = commands(lines, "install")
    subprocess.run([str(gid) if word == "wfmon" else word for word in install], check=True)
    assert place.stat().st_mode & 0o7777 == 0o2770
    assert (place.stat().st_uid, place.stat().st_gid) == (0, gid)
    file = tmp_path / "config.toml"
    section, _, setting = lines[-1].removeprefix("    config: ").partition(" ")
    file.write_text(f"{section}\n{setting}\n")
    config = load_config(file, {}).config
    found = state_dir(config.state.dir, {})
    assert (found.path, found.shared, found.problem) == (place, True, None)
