"""Finds the files that an earlier process had read, under whatever name they have now.

A file is its inode and what was read of it; where the inode has something else, the same content is
looked for in the files of the same log (a rotation by copy). Names that no glob matches are looked for in
the directory of the mark.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wfmon.model.log import FileMark
from wfmon.sources.logfiles.follow import Handle, Key
from wfmon.sources.logfiles.lines import is_compressed
from wfmon.sources.logfiles.marks import holds
from wfmon.sources.logfiles.names import group_of

_MAX_NAMES = 20_000  # of one directory
_MAX_COMPARED = 1000  # files that are compared with marks whose own file is not there
_SLACK_SECONDS = 300.0  # how far the clocks of writers may be ahead of this one
_SLACK_BETWEEN = 1.0  # a line may be stamped just before the one that a rotation put before it


class Found(NamedTuple):
    key: Key
    path: str
    status: os.stat_result


class Resume:
    """What the marks of an earlier process say of the files that are there at the first look.

    After ``find``: ``known`` has the mark of each file that was known again, ``others`` are files that no
    glob matches and that have to be read, ``lost`` are the raw paths of which something may be missed.
    """

    def __init__(self, marks: Sequence[FileMark]) -> None:
        self._marks = [mark for mark in marks if mark.offset >= mark.tail_size >= 0 <= mark.head_size]
        self._names: dict[str, list[tuple[str, int]]] = {}
        newest = [mark.newest_at for mark in self._marks if mark.newest_at is not None]
        self._left: list[FileMark] = []
        self.newest_at = max(newest, default=None)
        self.known: dict[Key, FileMark] = {}
        self.others: list[Found] = []
        self.lost: list[str] = []

    def find(self, found: Sequence[Found]) -> None:
        left = self._left = self._by_inode(found)
        seen = {each.key for each in found}
        compared = 0
        for mark in left:
            group = group_of(mark.path)
            beside = list(self._beside(mark, seen))
            kin = [each for each in found if group_of(each.path) == group] + beside
            same = [each for each in beside if each.key[1] == mark.inode]
            for each in (*same, *kin) if mark.tail_size else same:
                if each.key in self.known or compared >= _MAX_COMPARED:
                    continue
                compared += 1
                if holds(each.path, mark):
                    self._take(each, mark, seen)
                    self._take_between(each.status.st_mtime, kin, seen)
                    break
            else:
                self._miss(mark, kin, seen)

    def is_new(self, mtime: float) -> bool:
        """Whether a file without a mark may have been written after the marks were made."""
        return self.newest_at is None or mtime >= self.newest_at - _SLACK_SECONDS

    def _by_inode(self, found: Sequence[Found]) -> list[FileMark]:
        """Take the files that are still what they were; returns the marks of all others."""
        by_inode: dict[int, list[Found]] = {}
        for each in found:
            by_inode.setdefault(each.key[1], []).append(each)
        left: list[FileMark] = []
        for mark in self._marks:
            for each in by_inode.get(mark.inode, ()):
                # A device has another number after a restart of the host; then the content must say it.
                sure = each.key[0] == mark.device or mark.tail_size
                if sure and each.key not in self.known and holds(each.path, mark):
                    self.known[each.key] = mark
                    break
            else:
                left.append(mark)
        return left

    def _beside(self, mark: FileMark, seen: set[Key]) -> Iterator[Found]:
        """Regular files of the same log, or with the same inode, that no glob matches."""
        directory, group = os.path.dirname(mark.path), group_of(mark.path)
        stem = os.path.splitext(os.path.basename(group))[0]
        for name, inode in self._list(directory):
            path = os.path.join(directory, name)
            if inode != mark.inode and not (name.startswith(stem) and group_of(path) == group):
                continue
            try:
                status = os.stat(path)
            except OSError:
                continue
            key = (status.st_dev, status.st_ino)
            if stat.S_ISREG(status.st_mode) and key not in seen:
                yield Found(key, path, status)

    def _list(self, directory: str) -> list[tuple[str, int]]:
        names = self._names.get(directory)
        if names is None:
            names = self._names[directory] = []
            try:
                with os.scandir(directory or ".") as entries:
                    for entry in entries:
                        names.append((entry.name, entry.inode()))
                        if len(names) >= _MAX_NAMES:
                            break
            except OSError:
                pass  # the marks of this directory are then lost, which is told
        return names

    def _take(self, each: Found, mark: FileMark, seen: set[Key]) -> None:
        self.known[each.key] = mark
        if each.key not in seen:
            seen.add(each.key)
            self.others.append(each)

    def _take_between(self, since: float, kin: list[Found], seen: set[Key]) -> None:
        """Files that were begun and rotated away while nobody looked."""
        for each in kin:
            if each.key in self.known or each.status.st_mtime < since or not each.status.st_size:
                continue
            if _is_compressed(each.path):
                self.lost.append(each.path)
            elif each.key not in seen and not any(
                holds(each.path, mark) for mark in self._left if mark.tail_size
            ):
                seen.add(each.key)
                self.others.append(each)

    def _miss(self, mark: FileMark, kin: list[Found], seen: set[Key]) -> None:
        """Its file is gone. That is no loss where a later file of the same log was read already."""
        if not mark.offset and not mark.head_size:
            return
        group = group_of(mark.path)
        for other in self._marks:
            if (
                other is not mark
                and mark.newest_at is not None
                and other.oldest_at is not None
                and other.oldest_at >= mark.newest_at - _SLACK_BETWEEN
                and group_of(other.path) == group
            ):
                return
        self.lost.append(mark.path)
        if mark.newest_at is not None:
            self._take_between(mark.newest_at, kin, seen)


def _is_compressed(path: str) -> bool:
    try:
        handle = Handle.open(path)
    except OSError:
        return False
    if handle is None:
        return False
    try:
        return is_compressed(handle.read(8, 0))
    except OSError:
        return False
    finally:
        handle.close()
