"""A disk that can be full, and a directory that several users share."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of its own."""
    point = tmp_path / "disk"
    point.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(point)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        # A right that a container may not have, and that nothing can install.
        pytest.skip(f"cannot mount a tmpfs: {done.stderr.decode(errors='replace')}")
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", str(point)], check=True)


@pytest.fixture
def group_dir() -> Iterator[Path]:
    """A shared state directory that users outside this test's own directories can reach."""
    with tempfile.TemporaryDirectory() as base:
        path = Path(base) / "shared"
        path.mkdir()
        os.chown(path, 0, 61000)
        path.chmod(0o2770)
        Path(base).chmod(0o755)
        if not all(parent.stat().st_mode & stat.S_IXOTH for parent in path.resolve().parents):
            pytest.skip(f"other users cannot reach {base}")
        yield path
