"""What scrape targets said at the last calls of ``check``, so that the next one can count from there.

One file per target in ``scraped/``, replaced as a whole: whoever writes last wins, and nobody reads
half a file. A file that is not of this version, or not whole, counts as not there.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from wfmon.config import schema
from wfmon.model.look import Look, Target
from wfmon.store.paths import StateDir, state_dir
from wfmon.store.thinning import Keeping, thinned
from wfmon.text.numbers import size

DIRECTORY = "scraped"
SCHEMA = 1
MAX_PACKED = 4 * 1024 * 1024  # of one target on the disk
MAX_LINES = 16 * 1024 * 1024  # of one target unpacked: what the next call has to parse again
_OVERHEAD = 64 * 1024
_OURS = re.compile(r"(?:[0-9a-f]{8,64}\.looks|\.[0-9a-f]{8,64}\..*\.tmp)\Z")


class _Row(msgspec.Struct, frozen=True, array_like=True):
    at: float
    length: int
    packed: bytes


class _File(msgspec.Struct, frozen=True, array_like=True):
    schema: int
    looks: list[_Row]


class KeptLooks:
    """Neither call raises."""

    def __init__(self, state: StateDir, keeping: Keeping, *, read_only: bool = False) -> None:
        self._state = state
        self._directory = state.path / DIRECTORY
        self._keeping = keeping
        self._read_only = read_only

    def read(self, target: Target, now: float) -> tuple[Look, ...]:
        """The kept looks that still tell something at ``now``, oldest first."""
        rows = self._keeping.connected(self._rows(target, now), now)
        return tuple(Look(row.at, lines) for row in rows if (lines := _unpacked(row)) is not None)

    def add(self, target: Target, look: Look, now: float) -> str | None:
        """Keep ``look`` with those of before; says in words why it could not. Read-only: only that."""
        before = [row for row in self._rows(target, now) if row.at != look.at]
        this = _Row(look.at, len(look.lines), zlib.compress(look.lines, 1))
        rows = self._fitting(sorted([*before, this], key=_at))
        if rows is None:
            return f"{target.shown}: {size(len(look.lines))} of metrics are too much to keep"
        if self._read_only:
            return None
        if self._state.problem is not None:
            return self._state.problem
        try:
            self._write(target, rows, now)
        except OSError as error:
            words = "disk full" if error.errno == errno.ENOSPC else os.strerror(error.errno or 0).lower()
            return f"{self._directory}: {words}"
        return None

    def _rows(self, target: Target, now: float) -> list[_Row]:
        """What the file holds, oldest first, without looks from a future that the clock has left."""
        try:
            found = msgspec.msgpack.decode(_content(self._path(target)), type=_File)
        except (OSError, msgspec.MsgspecError, RecursionError):
            return []
        if found.schema != SCHEMA or not _within_bounds(found.looks):
            return []
        by_time = {row.at: row for row in found.looks if 0.0 < row.at <= now}
        return sorted(by_time.values(), key=_at)

    def _path(self, target: Target) -> Path:
        return self._directory / f"{target.id}.looks"

    def _fitting(self, rows: Sequence[_Row]) -> list[_Row] | None:
        """The densest choice within the bounds; None where even the thinnest is too large."""
        keeping, now = self._keeping, rows[-1].at
        connected = self._keeping.connected(rows, now)
        for near in (keeping.near, keeping.far):
            kept = thinned(connected, near, keeping.far, recent=now - keeping.recent)
            while not _within_bounds(kept) and now - kept[0].at > keeping.recent:
                del kept[0]
            if _within_bounds(kept):
                return kept
        return None

    def _write(self, target: Target, rows: list[_Row], now: float) -> None:
        content = msgspec.msgpack.encode(_File(SCHEMA, rows))
        self._make_directory()
        path = self._path(target)
        if not path.exists():
            self._forget_old(now)
        with _temporary(path) as (descriptor, name):
            self._open_to_group(descriptor)
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(content)
            os.replace(name, path)

    def _make_directory(self) -> None:
        try:
            self._directory.mkdir(mode=0o700)
        except FileExistsError:
            if not stat.S_ISDIR(self._directory.lstat().st_mode):  # a link would lead out of the state
                raise NotADirectoryError(errno.ENOTDIR, "", str(self._directory)) from None
            return
        if self._state.shared:
            os.chown(self._directory, -1, self._state.path.stat().st_gid)
            self._directory.chmod(0o2770)

    def _open_to_group(self, descriptor: int) -> None:
        os.fchmod(descriptor, self._state.file_mode)
        group = self._state.path.stat().st_gid
        if self._state.shared and os.fstat(descriptor).st_gid != group:
            os.fchown(descriptor, -1, group)

    def _forget_old(self, now: float) -> None:
        """Files of targets that nobody asks any more, and of writers that were killed."""
        for path in self._directory.iterdir():
            with contextlib.suppress(OSError):  # gone by now, or another user's to clear
                if _OURS.match(path.name) and now - path.lstat().st_mtime > self._keeping.oldest:
                    path.unlink()


def open_looks(
    config: schema.Config, environ: Mapping[str, str], *, lookback: float, read_only: bool = False
) -> KeptLooks:
    """Those in the configured state directory, kept for the windows that are set; never raises.

    ``lookback``: how many seconds before its begin a window may begin with a look.
    """
    keeping = Keeping.for_windows(config.windows.runs, config.windows.max, lookback)
    return KeptLooks(state_dir(config.state.dir, environ, make=not read_only), keeping, read_only=read_only)


def _at(row: _Row) -> float:
    return row.at


def _within_bounds(rows: Sequence[_Row]) -> bool:
    return (
        all(math.isfinite(row.at) and row.length >= 0 for row in rows)
        and sum(len(row.packed) for row in rows) <= MAX_PACKED
        and sum(row.length for row in rows) <= MAX_LINES
    )


def _unpacked(row: _Row) -> bytes | None:
    """None where it is not what was packed; never more than it says."""
    unpacker = zlib.decompressobj()
    try:
        lines = unpacker.decompress(row.packed, row.length + 1)
    except zlib.error:
        return None
    return lines if unpacker.eof and len(lines) == row.length else None


def _content(path: Path) -> bytes:
    """Of a plain file that is not too large; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_PACKED + _OVERHEAD:
            raise OSError(errno.EINVAL, "not a file of looks", str(path))
        return file.read(MAX_PACKED + _OVERHEAD)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, str]]:
    """A new file beside ``path``, gone afterwards unless it was renamed."""
    name = str(path.with_name(f".{path.stem}.{os.urandom(8).hex()}.tmp"))
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):  # it was renamed
            os.unlink(name)
