"""People with logins of their own at one host: a shared state directory, and the program as each runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.program import Program
from support.troubled import troubled_log

ANN, BEN, EVE, NOBODY, GROUP = 64101, 64102, 64103, 65534, 64110
SETPRIV = shutil.which("setpriv")


def as_user(uid: int, gid: int, *groups: int) -> tuple[str, ...]:
    """Runs as ``uid`` with no rights of root but to read: where the tests are checked out may be root's."""
    listed = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return (str(SETPRIV), f"--reuid={uid}", f"--regid={gid}", *listed, *reading, "--")


def _may_change_users() -> bool:
    if os.geteuid() != 0 or SETPRIV is None:
        return False
    tried = subprocess.run([*as_user(ANN, ANN), "true"], capture_output=True, check=False)
    return tried.returncode == 0


needs_users = pytest.mark.skipif(
    not _may_change_users(), reason="needs root, setpriv and CAP_DAC_READ_SEARCH: two users"
)


@dataclass(frozen=True)
class Host:
    """``state`` is the state directory that the group shares; ``words`` are what everybody watches: a log
    whose workflow is in trouble."""

    folder: Path
    state: Path
    words: tuple[str, ...]

    def person(self, name: str, uid: int, *, member: bool = True) -> Program:
        """With a home of its own; ``member``: of the group."""
        home = self.folder / name
        home.mkdir(mode=0o700)
        os.chown(home, uid, uid)
        return Program(home, self.words, as_user(uid, uid, *([GROUP] if member else [])), user=name)


@contextmanager
def host_of_several() -> Iterator[Host]:
    folder = Path(tempfile.mkdtemp(prefix="wfmon-users-"))
    try:
        folder.chmod(0o755)
        log = troubled_log(folder / "app.jsonl")
        log.chmod(0o644)
        state = folder / "shared"
        state.mkdir()
        os.chown(state, 0, GROUP)
        state.chmod(0o2770)
        yield Host(folder, state, ("--logs", str(log), "--no-host", "--state-dir", str(state)))
    finally:
        shutil.rmtree(folder)
