"""Who goes last removes the directory.

Every process of the workload holds a shared lock on one file. Whoever can turn its lock into an
exclusive one is the last, however the others ended: the kernel frees the lock of a killed process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

FILE = ".lifeline"


class Lifeline:
    """``keep``: the directory belongs to somebody else and stays."""

    def __init__(self, directory: Path, *, keep: bool) -> None:
        self._directory = directory
        self._keep = keep
        self._file = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def let_go(self) -> None:
        """Leaves the removal to the others; ``leave`` afterwards removes what nobody did."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def leave(self) -> bool:
        """Lets go; removes the directory and says True if nobody else is there."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            last = False
        else:
            last = True
            if not self._keep:
                shutil.rmtree(self._directory, ignore_errors=True)
        os.close(self._file)
        return last
