"""An SQLite file that survives what happens to files.

Full disk: the ballast, where there is one, is given up and the write tried once more. Corrupt: set
aside, told, a new one begun. Not writable: read as far as possible. Replaced or deleted by another
hand: opened anew. On a network file system, where WAL cannot work, another journal mode.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from wfmon.store.ballast import Ballast
from wfmon.store.errors import StoreError
from wfmon.store.filekind import FileKind
from wfmon.store.network import on_network
from wfmon.store.paths import StateDir
from wfmon.store.schema import ACKS

T = TypeVar("T")
BUSY_SECONDS = 5.0
BALLAST_RETRY_SECONDS = 60.0
_SET_ASIDE = "corrupt"
_FIRST_LOOK = "SELECT CASE WHEN count(*) >= 0 THEN 'ok' END FROM sqlite_master"
_Identity = tuple[int, ...]
_WORDS = {
    sqlite3.SQLITE_FULL: "disk full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_BUSY: "busy: another process holds it",
    sqlite3.SQLITE_LOCKED: "busy: another process holds it",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_PERM: "no permission",
    sqlite3.SQLITE_IOERR: "disk error",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "corrupt",
}


class Database:
    """One connection, used by any thread, one at a time. Opening is done by the first use."""

    def __init__(self, state: StateDir, name: str, kind: FileKind = ACKS, *, read_only: bool = False) -> None:
        self._state = state
        self._path = state.path / name
        self._kind = kind
        self._read_only = read_only
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: _Identity | None = None
        self._as_it_lies = False
        self._opened = 0
        self._writes = 0
        self._ballast = Ballast(state.path / f"{name}.ballast", state.file_mode) if kind.ballast else None
        self._ballast_tried = 0.0
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the file, oldest first."""
        return tuple(self._notes)

    @property
    def opened(self) -> int:
        """How often a file was opened so far: what one knows of its content holds for one opening."""
        return self._opened

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of ``work``; raises StoreError."""
        return self._guarded(work)

    def write(self, work: Callable[[sqlite3.Connection], T], *, reserve: bool = True) -> T:
        """The result of ``work``, after the commit is on the disk; raises StoreError.

        ``reserve``: give up the ballast for it where the disk is full.
        """
        if self._read_only:
            raise StoreError("started with --read-only")
        if self._state.problem is not None:
            raise StoreError(self._state.problem)

        def transaction(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        with self._lock:
            result = self._guarded(transaction, reserve=reserve)
            self._writes += 1
            self._hold_ballast()
            return result

    def version(self) -> tuple[int, ...]:
        """Changes whenever the content may have; costs a stat and one read of shared memory."""

        return self._guarded(self.version_of)

    def version_of(self, connection: sqlite3.Connection) -> tuple[int, ...]:
        """The same inside of a ``read`` or ``write``: there it cannot change."""
        seen = int(connection.execute("PRAGMA data_version").fetchone()[0])
        return (self._opened, seen, self._writes)

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _guarded(self, work: Callable[[sqlite3.Connection], T], *, reserve: bool = False) -> T:
        """``work`` on the present file; tried once more where there is hope."""
        with self._lock:
            try:
                return work(self._current())
            except sqlite3.Error as error:
                if not self._hope(error, reserve):
                    raise self._told(error) from error
            except OSError as error:
                if not (reserve and error.errno == errno.ENOSPC and self._free_ballast()):
                    raise StoreError(_os_words(error)) from error
            try:
                return work(self._current())
            except sqlite3.Error as error:
                raise self._told(error) from error
            except OSError as error:
                raise StoreError(_os_words(error)) from error

    def _hope(self, error: sqlite3.Error, reserve: bool) -> bool:
        code = _code(error)
        self.close()
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return not self._read_only and self._state.problem is None and self._set_aside()
        full = code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or _no_room(self._state.path)
        return reserve and full and self._free_ballast()

    def _told(self, error: sqlite3.Error) -> StoreError:
        self.close()
        code = _code(error)
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _no_room(self._state.path):
            return StoreError(_WORDS[sqlite3.SQLITE_FULL])
        return StoreError(_WORDS.get(code, str(error)))

    def _current(self) -> sqlite3.Connection:
        """The connection to the file that has the name now."""
        present = self._present()
        if self._connection is not None and self._identity == present:
            return self._connection
        if self._connection is not None and self._identity is not None and present is None:
            self._note(f"{self._path.name} was deleted, and with it the {self._kind.holds} of before")
        self.close()
        self._as_it_lies = False
        if self._read_only or self._state.problem is not None:
            found = self._open_to_read()
            self._connection = _empty(self._kind) if found is None else found
            # Where there was nothing to read, whatever comes is new.
            self._identity = None if found is None else self._present()
        else:
            with _only_one(self._path, self._state.file_mode):
                self._connection = self._open_to_write()
            self._identity = self._present()
            self._hold_ballast()
        self._opened += 1
        return self._connection

    def _present(self) -> _Identity | None:
        """What has the name now. A file that is read as it lies may not change under the connection."""
        found = _identity(self._path)
        if found is None or not self._as_it_lies:
            return found
        log = _identity(self._path.with_name(f"{self._path.name}-wal"))
        return (*found, *_content_stamp(self._path), *(log or ()))

    def _open_to_write(self) -> sqlite3.Connection:
        _create(self._path, self._state)
        connection = _connect(self._path, "mode=rw")
        try:
            found = self._kind.schema.found(connection)
            for statement in (*(self._kind.layout if not found else ()), *self._kind.prepare):
                connection.execute(statement)
            self._journal(connection)
            connection.execute(f"PRAGMA synchronous={'FULL' if self._kind.durable else 'NORMAL'}")
            if found > self._kind.schema.version:
                raise StoreError(f"{self._path.name} is of a newer wfmon-tui (schema {found})")
            if self._kind.checked:
                fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if fault != "ok":
                    raise _corrupt(fault)
            self._kind.schema.migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _journal(self, connection: sqlite3.Connection) -> None:
        wanted = "DELETE" if on_network(self._state.path) else "WAL"
        try:
            got = connection.execute(f"PRAGMA journal_mode={wanted}").fetchone()[0]
        except sqlite3.OperationalError as error:
            if _code(error) not in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL) or _no_room(
                self._state.path
            ):
                raise
            got = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        if str(got).lower() != "wal":
            self._note(f"{self._path.name}: journal mode {got}, because WAL does not work there")

    def _open_to_read(self) -> sqlite3.Connection | None:
        """Read-only; where even the shared memory of WAL cannot be made, the file as it lies there. None
        where there is no file, or one without tables yet."""
        if not self._path.exists():
            return None
        connection = _connect(self._path, "mode=ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            connection = _connect(self._path, "mode=ro&immutable=1")
            self._as_it_lies = True
            if self._path.with_name(f"{self._path.name}-wal").exists():
                self._note(
                    f"{self._path.name}: read as it lies on the disk, "
                    f"the newest {self._kind.holds} may be missing"
                )
        found = self._kind.schema.found(connection)
        if found == self._kind.schema.version:
            return connection
        connection.close()
        if found:
            raise StoreError(f"{self._path.name} is of another version of wfmon-tui")
        return None

    def _set_aside(self) -> bool:
        """Rename the corrupt file, unless another process has done so already."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        aside = self._path.with_name(f"{self._path.name}.{_SET_ASIDE}-{stamp}")
        try:
            with _only_one(self._path, self._state.file_mode):
                if not self._is_corrupt():
                    return True
                self._path.rename(aside)
                for tail in ("-wal", "-shm", "-journal"):
                    rest = self._path.with_name(self._path.name + tail)
                    if rest.exists():
                        rest.rename(aside.with_name(aside.name + tail))
        except (OSError, StoreError):
            return False
        self._note(
            f"{self._path.name} was corrupt: set aside as {aside.name}, "
            f"and with it the {self._kind.holds} of before"
        )
        return True

    def _is_corrupt(self) -> bool:
        """Whether the file that has the name now is, or whether it was replaced since."""
        if self._kind.checked or self._identity != _identity(self._path):
            return _fails(self._path, "PRAGMA quick_check(1)" if self._kind.checked else _FIRST_LOOK)
        return True

    def _free_ballast(self) -> bool:
        return self._ballast is not None and self._ballast.free()

    def _hold_ballast(self) -> None:
        if self._ballast is None:
            return
        now = time.monotonic()
        if now - self._ballast_tried >= BALLAST_RETRY_SECONDS or not self._ballast_tried:
            self._ballast_tried = now
            self._ballast.hold()

    def _note(self, text: str) -> None:
        self._notes[text] = None


def _connect(path: Path, query: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{query}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    # One text that is no UTF-8, by another user's hand, must not make the others unreadable.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return connection


def _empty(kind: FileKind) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    kind.schema.migrate(connection)
    return connection


def _create(path: Path, state: StateDir) -> None:
    """Make the file with its mode whatever the umask, and with the group of its directory."""
    try:
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, state.file_mode
        )
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, state.file_mode)
        group = path.parent.stat().st_gid
        if state.shared and os.fstat(descriptor).st_gid != group:
            os.fchown(descriptor, -1, group)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _only_one(path: Path, mode: int) -> Iterator[None]:
    """One process at a time opens, migrates or sets aside; raises StoreError when it takes too long."""
    lock = path.with_name(f"{path.name}.lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        if os.fstat(descriptor).st_uid == os.geteuid():
            os.fchmod(descriptor, mode)
        _wait_for(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreError(f"{path.name} is being opened by another process") from None
            time.sleep(0.02)
        else:
            return


def _fails(path: Path, check: str) -> bool:
    if not path.exists():
        return False
    connection = _connect(path, "mode=rw")
    try:
        return bool(connection.execute(check).fetchone()[0] != "ok")
    except sqlite3.Error as error:
        return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    finally:
        connection.close()


def _corrupt(fault: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(fault)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _code(error: sqlite3.Error) -> int:
    """The primary result code, which the extended ones carry in their low byte."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _identity(path: Path) -> _Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _content_stamp(path: Path) -> _Identity:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_size, found.st_mtime_ns)


def _no_room(path: Path) -> bool:
    try:
        return os.statvfs(path).f_bavail == 0
    except OSError:
        return False


def _os_words(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return _WORDS[sqlite3.SQLITE_FULL]
    return os.strerror(error.errno).lower() if error.errno else str(error)
