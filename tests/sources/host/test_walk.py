"""Directory sizes: exact, in slices, and honest about what cannot be read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from wfmon.sources.host.walk import TreeSize, TreeWalk

HOUR = 3600.0


def ticking(step: float) -> Iterator[float]:
    return (number * step for number in count())


def walked(path: Path) -> TreeSize:
    walk = TreeWalk(str(path), ticking(1e-6).__next__)
    walk.advance(HOUR)
    assert walk.result is not None
    return walk.result


def du(path: Path) -> int:
    told = subprocess.run(["du", "-s", "-B1", str(path)], capture_output=True, text=True, check=True)
    return int(told.stdout.split()[0])


def make_tree(root: Path) -> None:
    for number in range(30):
        below = root / f"d{number % 5}" / f"e{number % 7}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"file{number}").write_bytes(b"x" * 3000 * number)
    os.link(root / "d1" / "e1" / "file1", root / "linked")
    os.link(root / "d4" / "e1" / "file29", root / "d0" / "linked")
    (root / "loop").symlink_to(root)
    (root / "dangling").symlink_to("nowhere")
    with (root / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 30)


def test_counts_what_du_counts(tmp_path: Path) -> None:
    make_tree(tmp_path)
    assert walked(tmp_path) == TreeSize(du(tmp_path))


def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    make_tree(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert walked(tmp_path / "link") == TreeSize(du(tmp_path / "real"))


def test_a_large_tree_is_spread_over_many_slices(tmp_path: Path) -> None:
    make_tree(tmp_path)
    walk = TreeWalk(str(tmp_path), ticking(0.001).__next__)  # every look at the clock costs 1 ms
    slices = 0
    while walk.result is None:
        walk.advance(0.005)
        slices += 1
        assert slices < 100
    assert slices > 5
    assert walk.result == TreeSize(du(tmp_path))


def test_the_old_figure_stands_until_the_next_walk_is_complete(tmp_path: Path) -> None:
    make_tree(tmp_path)
    walk = TreeWalk(str(tmp_path), ticking(0.001).__next__)
    while walk.result is None:
        walk.advance(0.005)
    before = walk.result
    (tmp_path / "more").write_bytes(b"x" * 100_000)
    seen = []
    while walk.result == before:
        walk.advance(0.005)
        seen.append(walk.result)
        assert len(seen) < 3000
    assert walk.result == TreeSize(du(tmp_path))
    assert len(seen) > 50, "an expensive walk is not repeated at once"


def test_files_that_vanish_meanwhile_are_nothing(tmp_path: Path) -> None:
    make_tree(tmp_path)
    walk = TreeWalk(str(tmp_path), ticking(0.001).__next__)
    walk.advance(0.005)
    for name in ("d0", "d1", "d2", "d3"):
        shutil.rmtree(tmp_path / name)
    while walk.result is None:
        walk.advance(0.005)
    assert walk.result.error is None


def test_a_missing_directory_is_unknown_and_comes_back(tmp_path: Path) -> None:
    walk = TreeWalk(str(tmp_path / "later"), ticking(0.001).__next__)
    walk.advance(HOUR)
    assert walk.result == TreeSize(None, "No such file or directory")
    (tmp_path / "later").mkdir()
    for _ in range(200):
        walk.advance(HOUR)
    assert walk.result == TreeSize(du(tmp_path / "later"))


def test_a_file_is_not_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert walked(tmp_path / "file") == TreeSize(None, "not a directory")


def test_other_file_systems_are_left_out() -> None:
    if not os.path.isdir("/dev/shm") or os.stat("/dev").st_dev == os.stat("/dev/shm").st_dev:
        pytest.skip("no file system inside another one here")
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.write(b"x" * 50_000_000)
        file.flush()
        size = walked(Path("/dev")).used_bytes
    assert size is not None
    assert size < 50_000_000


def test_what_may_not_be_read_makes_the_size_unknown() -> None:
    """As a user without rights, in a child process where this one is root."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "open").mkdir()
        (root / "closed").mkdir(mode=0o700)
        (root / "open" / "file").write_bytes(b"x" * 9000)
        root.chmod(0o755)
        (root / "closed").chmod(0o000 if os.geteuid() else 0o700)
        result = as_nobody(root) if os.geteuid() == 0 else repr(walked(root))
        (root / "closed").chmod(0o700)
    assert result == repr(TreeSize(None, "Permission denied: closed"))


def as_nobody(root: Path) -> str:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        os.write(writing, repr(walked(root)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told
