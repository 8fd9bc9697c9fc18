"""What the store tests share: a state directory, a firing alert, and other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wfmon.model.alert import Severity
from wfmon.model.episode import Sighting
from wfmon.store.acks import AckStore
from wfmon.store.paths import StateDir, state_dir

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: other users, mounts")
NOW = 1_000_000.0
FIRING = Sighting(
    "abcdef012345", "failure_rate", (("workflow", "w"),), Severity.WARNING, "32%", NOW - 60, False, "w"
)
OTHER = replace(FIRING, id="abff00112233", labels=(("workflow", "v"),), workflow="v")


def private(path: Path) -> StateDir:
    found = state_dir(str(path / "state"), {})
    assert found.problem is None
    return found


def store_with_alert(state: StateDir) -> AckStore:
    store = AckStore(state)
    store.observe([FIRING], NOW)
    assert store.problem is None
    return store


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process that runs ``code``; its output is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fill(disk: Path) -> None:
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
