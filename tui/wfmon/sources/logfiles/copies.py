"""Files that hold what another one does: a rotation by copy and truncation makes them, and backups are such.

They are not read while they say nothing of their own. What was read of a file that was truncated goes on
in its copy.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from typing import NamedTuple

from wfmon.sources.logfiles.follow import FollowedFile, Handle, Key

_COMPARED_BYTES = 4096


class _Copy(NamedTuple):
    """``size``: how large it was seen to be. ``read``: how much of what it held was read in the original; 0:
    it was shorter, and may yet become a log of its own."""

    original: FollowedFile
    size: int
    read: int

    @classmethod
    def of(cls, original: FollowedFile, size: int) -> _Copy:
        return cls(original, size, original.offset if size >= original.offset else 0)


class Copies:
    """The copies that are known, by device and inode."""

    def __init__(self) -> None:
        self._known: dict[Key, _Copy] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def keep(self, keys: Collection[Key]) -> None:
        """Forget all others."""
        self._known = {key: copy for key, copy in self._known.items() if key in keys}

    def forget(self, key: Key) -> int | None:
        """It is none any more; returns how much of it was read in the original, None if it must be read."""
        return self._known.pop(key).read or None

    def find(self, file: FollowedFile, others: Iterable[FollowedFile]) -> bool:
        """Whether ``file`` is a copy of one of the others; it is known from then on."""
        assert file.handle is not None
        for original in others:
            if original.head and original.is_copy(file.handle, file.size):
                self._known[file.key] = _Copy.of(original, file.size)
                return True
        return False

    def still(self, key: Key, path: str, size: int) -> bool:
        """Whether a copy of now ``size`` bytes says nothing of its own. Raises OSError."""
        original, known, _ = self._known[key]
        if original.handle is None:
            return False
        if size == known or original.size < original.offset:
            return True
        handle = Handle.open(path)
        if handle is None:
            return True
        piece = handle.read(_COMPARED_BYTES, known)
        handle.close()
        if original.handle.read(len(piece), known) != piece:
            return False
        self._known[key] = _Copy.of(original, size)
        return True

    def adopt(self, old: FollowedFile, paths: Iterable[str]) -> os.stat_result | None:
        """Let a file whose inode holds something else now go on in its copy; None if there is none."""
        for path in paths:
            try:
                status = os.stat(path)
            except OSError:
                continue
            key = (status.st_dev, status.st_ino)
            copy = self._known.get(key)
            if copy is None or copy.original is not old:
                continue
            try:
                old.handle = Handle.open(path)
            except OSError:
                continue
            old.path, old.key = path, key
            del self._known[key]
            return status
        return None
