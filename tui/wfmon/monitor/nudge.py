"""The wish of a reader that the collector ask every source now: a file that is touched."""

from __future__ import annotations

import os

from wfmon.model.action import Outcome
from wfmon.store.lanes import Lane

NAME = "nudge"


class Nudge:
    """``came`` is for the collector, ``give`` for readers. Neither raises."""

    def __init__(self, lane: Lane) -> None:
        self._state = lane.state
        self._path = lane.state.path / NAME
        self._seen: int | None = None

    def came(self) -> bool:
        """Whether somebody asked since the last call."""
        try:
            touched = os.lstat(self._path).st_mtime_ns
        except OSError:
            return False
        before, self._seen = self._seen, touched
        return touched != before

    def give(self, *, read_only: bool) -> Outcome:
        """Ask the collector."""
        if read_only:
            return Outcome(False, "read-only: the collector asks at its own pace")
        try:
            self._touch()
        except OSError as error:
            return Outcome(False, f"the collector cannot be asked: {os.strerror(error.errno or 0).lower()}")
        return Outcome(True, "asked the collector to ask every source now")

    def _touch(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        made = not self._path.exists()
        descriptor = os.open(self._path, flags, self._state.file_mode)
        try:
            if made:
                os.fchmod(descriptor, self._state.file_mode)  # whatever the umask
            os.utime(descriptor)
        finally:
            os.close(descriptor)
