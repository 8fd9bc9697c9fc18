"""Who collects: the one process that holds the lock of a lane.

The lock is a flock on ``collector.lock``: the kernel frees it when its holder dies, however that
happens. The file tells who holds it and for which epoch, a number that only grows. A holder that
hangs keeps its lock; it is replaced by putting another file in the place of its own, which it notices
before it writes again.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
import weakref

import msgspec

from wfmon.model.record import dataclass
from wfmon.store.files import create, give_to_group, open_plain, same_file
from wfmon.store.lanes import LOCK, Lane, owner
from wfmon.store.rows import is_time
from wfmon.text.sanitize import safe

REPLACING = f"{LOCK}.replace"
_SIZE = 1024  # of the file: written at once and always whole
_NAME_LIMIT = 80
_TRIES = 4
_PAUSE = 0.002
LAST_EPOCH = 2**62


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, since when (POSIX seconds), for which lane and epoch. Where the file does not
    tell, pid and epoch are 0."""

    pid: int
    user: str
    version: str
    since: float
    key: str
    epoch: int


NOT_TOLD = Holder(0, "", "", 0.0, "", 0)


class CollectorLock:
    """No call raises; ``problem`` says why it cannot be taken. Safe for threads."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._path = lane.state.path / LOCK
        self._guard = threading.Lock()
        self._descriptor: int | None = None
        self._mine: Holder | None = None
        self._as = ("", "")
        self.problem: str | None = lane.state.problem
        _ALL.add(self)

    def take(self, user: str, version: str, now: float) -> int | None:
        """The new epoch, or None where somebody else holds the lock or it cannot be taken."""
        with self._guard:
            self._as = (safe(user, limit=_NAME_LIMIT), safe(version, limit=_NAME_LIMIT))
            if self._descriptor is not None:
                return self._mine.epoch if self._mine is not None and self._is_ours() else None
            self.problem = self._lane.state.problem
            if self.problem is not None:
                return None
            try:
                return self._taken(now)
            except OSError as error:
                self.problem = _words(error)
                return None

    def held(self) -> bool:
        """Whether the file under the name is still the one that this process holds."""
        with self._guard:
            return self._is_ours()

    def release(self) -> None:
        with self._guard:
            descriptor, self._descriptor, self._mine = self._descriptor, None, None
            if descriptor is None:
                return
            try:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            finally:
                os.close(descriptor)

    def holder(self) -> Holder | None:
        """Who holds the lock now; None: nobody does."""
        with self._guard:
            if self._is_ours():
                return self._mine
            try:
                return self._other()
            except FileNotFoundError:
                return None
            except OSError as error:
                self.problem = self.problem or _words(error)
                return None

    def replace_hung(self, seen: Holder, now: float) -> int | None:
        """Take the place of a holder that lives but does nothing; the new epoch, or None where the holder
        is not ``seen`` any more, or another process was quicker.

        Of several that try at once one succeeds. Whoever held the lock finds that out by ``held``.
        """
        with self._guard:
            if self._descriptor is not None or self._lane.state.problem is not None:
                return None
            try:
                serial = open_plain(self._path.with_name(REPLACING), os.O_RDWR, self._lane.state)
            except OSError as error:
                self.problem = _words(error)
                return None
            try:
                fcntl.flock(serial, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._replaced(seen, now) if self._other() == seen else None
            except BlockingIOError:
                return None
            except OSError as error:
                self.problem = _words(error)
                return None
            finally:
                os.close(serial)

    def _taken(self, now: float) -> int | None:
        for _ in range(_TRIES):
            descriptor = open_plain(self._path, os.O_RDWR, self._lane.state)
            if not _locked(descriptor):
                os.close(descriptor)
                time.sleep(_PAUSE)  # it may only be a look at who holds it
                continue
            self._descriptor = descriptor
            try:
                if not self._is_ours():
                    self._drop()
                    continue
                if self._lane.root and owner(self._lane.state) not in (None, self._lane.key):
                    self.problem = f"{self._lane.state.path} is watched with other settings now: start anew"
                    self._drop()
                    return None
                give_to_group(descriptor, self._lane.state)
                told = _decoded(os.pread(descriptor, _SIZE, 0))
                epoch = self._write(descriptor, told.epoch, now)
            except BaseException:
                self._drop()
                raise
            if self._is_ours():  # else it was replaced before it told its epoch
                return epoch
            self._drop()
        return None

    def _replaced(self, seen: Holder, now: float) -> int | None:
        old = open_plain(self._path, os.O_RDONLY)
        try:
            with create(self._path, self._lane.state) as descriptor:
                mine = os.dup(descriptor)
                self._descriptor = mine
                fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
                epoch = self._write(mine, seen.epoch, now)
            # Whoever took the old file just before it was replaced told its epoch there.
            late = _decoded(os.pread(old, _SIZE, 0))
            return epoch if late.epoch < epoch else self._write(mine, late.epoch, now)
        except BaseException:
            self._drop()
            raise
        finally:
            os.close(old)

    def _write(self, descriptor: int, before: int, now: float) -> int:
        epoch = max(int(now * 1e9), before + 1)
        mine = Holder(os.getpid(), *self._as, now, self._lane.key, epoch)
        text = msgspec.json.encode(mine)
        assert len(text) < _SIZE
        try:
            os.pwrite(descriptor, text.ljust(_SIZE), 0)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            # Without room for its name it collects all the same.
        self._mine = mine
        return epoch

    def _other(self) -> Holder | None:
        """Who holds it, of other processes; raises OSError."""
        descriptor = open_plain(self._path, os.O_RDONLY)
        try:
            for attempt in range(_TRIES):
                if _locked(descriptor, fcntl.LOCK_SH):
                    return None
                told = _decoded(os.pread(descriptor, _SIZE, 0))
                if told.pid or attempt == _TRIES - 1:
                    return told
                time.sleep(_PAUSE)  # it is being written
        finally:
            os.close(descriptor)
        return NOT_TOLD

    def _is_ours(self) -> bool:
        return self._descriptor is not None and same_file(self._descriptor, self._path)

    def _drop(self) -> None:
        descriptor, self._descriptor, self._mine = self._descriptor, None, None
        if descriptor is not None:
            os.close(descriptor)

    def forget(self) -> None:
        """In a child of this process: the lock is its parent's."""
        self._guard = threading.Lock()
        self._drop()


_ALL: weakref.WeakSet[CollectorLock] = weakref.WeakSet()


def _after_fork() -> None:
    for lock in list(_ALL):
        lock.forget()


os.register_at_fork(after_in_child=_after_fork)


def _locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _decoded(text: bytes) -> Holder:
    """What the file tells, strictly; another user may have written it."""
    try:
        told = msgspec.json.decode(text, type=Holder)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return NOT_TOLD
    if not 0 < told.pid < 2**31 or not 0 <= told.epoch < LAST_EPOCH or not is_time(told.since):
        return NOT_TOLD
    return Holder(
        told.pid,
        safe(told.user, limit=_NAME_LIMIT),
        safe(told.version, limit=_NAME_LIMIT),
        float(told.since),
        safe(told.key, limit=_NAME_LIMIT),
        told.epoch,
    )


def _words(error: OSError) -> str:
    return f"{LOCK}: {os.strerror(error.errno or 0).lower()}"
