"""A small file that is given up when the disk is full, so that an ack can still be written."""

from __future__ import annotations

import os
from pathlib import Path

SIZE = 256 * 1024


class Ballast:
    """``hold`` makes the file if there is room for it; ``free`` gives it up."""

    def __init__(self, path: Path, mode: int) -> None:
        self._path = path
        self._mode = mode

    def hold(self) -> bool:
        """True if it is there now. A disk without room for it is not an error."""
        try:
            if self._path.stat().st_size >= SIZE:
                return True
        except OSError:
            pass
        try:
            descriptor = os.open(
                self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, self._mode
            )
        except OSError:
            return False
        return self._fill(descriptor)

    def _fill(self, descriptor: int) -> bool:
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                os.fchmod(descriptor, self._mode)
            # Random, because zeros take no room on a compressing file system.
            written = os.write(descriptor, os.urandom(SIZE))
            os.fsync(descriptor)
        except OSError:
            written = 0
        finally:
            os.close(descriptor)
        if written < SIZE:
            self.free()
        return written == SIZE

    def free(self) -> bool:
        """True if there was something to give up."""
        try:
            size = self._path.stat().st_size
            self._path.unlink()
        except OSError:
            return False
        return size > 0
