"""Which files there are: globs, rotation, truncation, deletion and re-creation.

A rotation by rename keeps the inode: the file is followed under its new name, or through its open
handle where no glob matches that name. A rotation by copy and truncation is seen when the inode holds
something else than was read; what was read goes on in the copy, if a glob matches it.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wfmon.model.log import FileMark
from wfmon.sources.logfiles.copies import Copies
from wfmon.sources.logfiles.follow import FollowedFile, Handle, Key
from wfmon.sources.logfiles.lines import Encoding
from wfmon.sources.logfiles.names import group_of
from wfmon.text.numbers import size

if TYPE_CHECKING:
    from wfmon.sources.logfiles.resume import Resume

GLOB_SECONDS = 2.0
_GLOB_SHARE = 100  # a tree of many directories is looked through for a hundredth of the time
MAX_FILES = 1000
MAX_OPEN = 128
DETACHED_SECONDS = 60.0  # a renamed file is still read this long after its last line
START_BUDGET = 16  # a start reads at most this many tails; older files are begun at their end
_BACKLOG_TAILS = 16  # further behind than this many tails: what lies between is skipped
_OPEN_TAILS = 2  # runs that were open before are read again, within this many tails
_MIN_BACKLOG = 64 << 20
_MAX_GAPS = 20


class Files:
    """All files of some globs. ``changed`` counts what changed the picture of what was read; ``gaps`` are
    the latest times at which lines were found to be missed, and what is missed in words."""

    def __init__(self, patterns: Sequence[str], encoding: Encoding, tail_bytes: int) -> None:
        self._patterns = [os.path.expanduser(pattern) for pattern in patterns]
        self._encoding = encoding
        self._tail_bytes = tail_bytes
        self._backlog = max(_BACKLOG_TAILS * tail_bytes, _MIN_BACKLOG)
        self._next_number = 1
        self._globbed_at: float | None = None
        self._glob_took = 0.0
        self._paths: list[str] = []
        self._copies = Copies()
        self.former: deque[FollowedFile] = deque(maxlen=100)
        self._started = False
        self._resume: Resume | None = None
        self._now = 0.0
        self.gaps: deque[tuple[float, str]] = deque(maxlen=_MAX_GAPS)
        self.files: list[FollowedFile] = []
        self.retired: dict[int, str] = {}
        self.denied: dict[str, str] = {}
        self.unmatched: list[str] = []
        self.compressed: set[str] = set()
        self.left_out = 0
        self.truncations = 0
        self.changed = 0
        self.renamed = 0

    def resume(self, marks: Sequence[FileMark]) -> None:
        """Begin, at the first look that finds a file, where an earlier process stopped."""
        if marks:
            from wfmon.sources.logfiles.resume import Resume

            self._resume = Resume(marks)

    def widen(self, patterns: Sequence[str]) -> None:
        """Look for these too from the next look on; may be called from another thread."""
        more = [os.path.expanduser(pattern) for pattern in patterns]
        self._patterns = list(dict.fromkeys([*self._patterns, *more]))

    @property
    def paths(self) -> Sequence[str]:
        """What the globs match, read or not."""
        return self._paths

    def look(self, now: float) -> None:
        """Find what changed since the last look. Raises nothing: what cannot be read is in ``denied``."""
        self._now = now
        fresh_glob = self._glob(now)
        seen = self._stat_paths()
        self._follow_known(seen, now)
        truncated = self._find_truncated()
        moved = any(file.detached_at == now for file in self.files)
        if not fresh_glob and (truncated or moved):
            # What the lines moved to must be known before it can be taken for a new file.
            self._glob(now, force=True)
            seen = self._stat_paths()
            self._follow_known(seen, now)
        self._take_new(seen)
        for file in truncated:
            self._begin_again(file)
        self._retire(now)
        self._limit_handles()
        self._started = self._started or self._resume is None

    def close(self) -> None:
        for file in self.files:
            if file.handle is not None:
                file.handle.close()

    def _glob(self, now: float, *, force: bool = False) -> bool:
        pause = max(GLOB_SECONDS, _GLOB_SHARE * self._glob_took)
        recent = self._globbed_at is not None and 0 <= now - self._globbed_at < pause
        if recent and self._paths and not force:
            return False
        self._globbed_at = now
        began = time.perf_counter()
        paths: dict[str, None] = {}
        self.unmatched, self.denied = [], {}
        for pattern in self._patterns:
            matched = sorted(glob.glob(pattern, recursive=True))
            paths.update(dict.fromkeys(matched))
            if not matched:
                self.unmatched.append(pattern)
                if denied := _denied_directory(pattern):
                    self.denied[pattern] = denied
        self._paths = list(paths)
        self._glob_took = time.perf_counter() - began
        return True

    def _stat_paths(self) -> dict[Key, tuple[str, os.stat_result]]:
        """Regular files by device and inode: a file with two names is one file."""
        seen: dict[Key, tuple[str, os.stat_result]] = {}
        for path in self._paths:
            try:
                status = os.stat(path)
            except OSError:
                continue  # gone since the glob; the next look settles it
            if stat.S_ISREG(status.st_mode):
                seen.setdefault((status.st_dev, status.st_ino), (path, status))
        self.left_out = 0
        if len(seen) > MAX_FILES:
            newest = sorted(seen.items(), key=lambda item: item[1][1].st_mtime, reverse=True)
            self.left_out = len(seen) - MAX_FILES
            seen = dict(newest[:MAX_FILES])
        return seen

    def _follow_known(self, seen: dict[Key, tuple[str, os.stat_result]], now: float) -> None:
        for file in self.files:
            found = seen.get(file.key)
            if found is not None:
                path, status = found
                self.renamed += path != file.path
                file.path = path
                file.detached_at, file.deleted = None, False
            elif file.handle is not None:
                status = file.handle.stat()
                file.deleted = status.st_nlink == 0
                file.detached_at = now if file.detached_at is None else file.detached_at
            else:
                file.deleted = True
                continue
            if status.st_size == file.size and status.st_mtime_ns == file.mtime_ns:
                file.idle_polls += 1
            else:
                file.idle_polls = 0
                if file.detached_at is not None:
                    file.detached_at = now
            _remember(file, status)

    def _take_new(self, seen: dict[Key, tuple[str, os.stat_result]]) -> None:
        known = {file.key for file in self.files}
        self._copies.keep(seen)
        fresh = [(key, *found) for key, found in seen.items() if key not in known]
        if self._resume is not None and fresh:
            self._take_known(self._resume, fresh)
            self._resume = None
            return
        fresh.sort(key=lambda item: item[2].st_mtime)
        opened: list[FollowedFile] = []
        for key, path, status in fresh:
            if path not in self.compressed and (file := self._open(key, path, status)) is not None:
                opened.append(file)
        if not self._started:
            self._share_start(opened, None)

    def _take_known(self, resume: Resume, fresh: list[tuple[Key, str, os.stat_result]]) -> None:
        """The first look of a process that follows another. Files that were known then are opened first, so
        that what is the copy of one is seen to be a copy."""
        from wfmon.sources.logfiles.resume import Found

        found = [Found(*each) for each in fresh]
        resume.find(found)
        found += resume.others
        found.sort(key=lambda each: (each.key not in resume.known, each.status.st_mtime))
        opened = [file for each in found if (file := self._open(*each, resume)) is not None]
        beside = {each.key for each in resume.others}
        for file in opened:
            file.detached_at = self._now if file.key in beside else None
        for path in resume.lost:
            self._miss(f"{path}: not found again, what was written to it while nobody looked is not known")
        opened.sort(key=lambda file: file.mtime)
        numbers = sorted(file.number for file in opened)  # the order in which they are read
        for number, file in zip(numbers, opened, strict=True):
            file.number = number
        self._share_start(opened, resume)

    def _miss(self, words: str) -> None:
        self.gaps.append((self._now, words))

    def _open(
        self, key: Key, path: str, status: os.stat_result, resume: Resume | None = None
    ) -> FollowedFile | None:
        mark = resume.known.get(key) if resume is not None else None
        grown_from = None
        if key in self._copies:
            try:
                if self._copies.still(key, path, status.st_size):
                    return None
            except OSError:
                return None  # the next look settles it
            grown_from = self._copies.forget(key)
        handle = self._open_handle(path)
        if handle is None:
            return None
        file = FollowedFile(0, path, key, handle)
        _remember(file, status)
        file.take_head(self._encoding)
        if file.compressed or (grown_from is None and mark is None and self._copies.find(file, self.files)):
            if file.compressed:
                self.compressed.add(path)
            handle.close()
            return None
        self._add(file)
        if mark is not None:
            self._go_on(file, mark)
            return file
        former = next((one for one in self.former if one.head and one.is_copy(handle, status.st_size)), None)
        begin = former.offset if former is not None else grown_from
        if begin is not None:
            file.offset = file.began = begin
        else:
            new = self._started or (resume is not None and resume.is_new(file.mtime))
            file.start_at(max(file.size - (self._backlog if new else self._tail_bytes), 0))
            if new and file.cut:
                self._miss(f"{path}: {size(file.offset)} are skipped")
        return file

    def _go_on(self, file: FollowedFile, mark: FileMark) -> None:
        """Read what follows the mark, and before it what a start would and the runs that were open."""
        file.mark, file.marked = mark, mark.offset
        if mark.oldest_at is not None and mark.newest_at is not None:
            file.marked_at = (mark.oldest_at, mark.newest_at)
        start = min(max(file.size - self._tail_bytes, 0), mark.offset)
        if mark.open_from is not None:
            open_from = min(max(mark.open_from, 0), mark.offset)
            if file.size - open_from <= _OPEN_TAILS * self._tail_bytes:
                start = min(start, open_from)
            file.all_open = start <= open_from
        if file.size - mark.offset > self._backlog:
            file.start_at(file.size - self._backlog)
            file.all_open = False
            skipped = size(file.offset - mark.offset)
            self._miss(f"{file.path}: {skipped} that were written while nobody looked are skipped")
        elif start < mark.offset:
            file.start_at(start)
        else:
            file.go_on_at(mark.offset, mark.newest_at)

    def _open_handle(self, path: str) -> Handle | None:
        try:
            handle = Handle.open(path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                self.denied[path] = os.strerror(error.errno or errno.EACCES)
            return None
        self.denied.pop(path, None)
        return handle

    def _add(self, file: FollowedFile) -> None:
        file.number, self._next_number = self._next_number, self._next_number + 1
        file.group = group_of(file.path)
        self.files.append(file)
        self.changed += 1

    def _share_start(self, opened: list[FollowedFile], resume: Resume | None) -> None:
        """A first look at very many files reads the newest of them only, and what follows a mark."""
        left = START_BUDGET * self._tail_bytes
        for file in reversed(opened):
            if left <= 0 and file.size:
                if file.mark is not None and file.began < file.marked:
                    file.go_on_at(file.marked, file.mark.newest_at)
                    file.all_open = file.mark.open_from == file.marked
                elif resume is None or (file.mark is None and not resume.is_new(file.mtime)):
                    file.start_at(file.size)
            left -= file.size - file.began

    def _find_truncated(self) -> list[FollowedFile]:
        """Files that hold something else than was read; skips ahead in those that are far behind."""
        truncated: list[FollowedFile] = []
        for file in self.files:
            if file.deleted or file.detached_at is not None:
                continue
            if (file.idle_polls and file.size >= file.offset) or not self.reopen(file):
                continue
            try:
                same = file.same_content()
            except OSError:
                continue
            if not same:
                truncated.append(file)
            elif file.unread > self._backlog and file.offset > file.began:
                skipped = file.unread - self._tail_bytes
                file.start_at(file.size - self._tail_bytes)
                self._miss(f"{file.path}: {size(skipped)} are skipped, it is written faster than it is read")
                file.oldest_at = None
                self.changed += 1
        return truncated

    def _begin_again(self, old: FollowedFile) -> None:
        """The inode holds something new: what was read goes on in its copy, or is gone."""
        self.truncations += 1
        new = FollowedFile(0, old.path, old.key, old.handle, zone=old.zone, zone_sure=old.zone_sure)
        new.size, new.mtime, new.mtime_ns = old.size, old.mtime, old.mtime_ns
        new.take_head(self._encoding)
        self._add(new)
        new.start_at(max(new.size - self._backlog, 0))
        old.handle = None
        old.detached_at = None
        adopted = self._copies.adopt(old, self._paths)
        if adopted is not None:
            _remember(old, adopted)
        if old.handle is None:
            self._drop(old, "truncated")

    def _retire(self, now: float) -> None:
        """Let go of what has no name any more and gets no lines; at once if it only holds disk space."""
        for file in list(self.files):
            if file.handle is None and file.deleted:
                self._drop(file, "deleted")
                continue
            if file.detached_at is None or file.behind or file.idle_polls < 2:
                continue
            if file.deleted or now - file.detached_at >= DETACHED_SECONDS:
                self._drop(file, "deleted" if file.deleted else "rotated away")

    def _drop(self, file: FollowedFile, why: str) -> None:
        if file.handle is not None:
            file.handle.close()
            file.handle = None
        self.files.remove(file)
        self.former.append(file)
        self.retired[file.number] = f"{file.path}: {why}"
        while len(self.retired) > 500:
            del self.retired[next(iter(self.retired))]
        self.changed += 1

    def _limit_handles(self) -> None:
        """Keep few files open: those that changed last. The others are opened when they grow."""
        open_files = [file for file in self.files if file.handle is not None]
        if len(open_files) <= MAX_OPEN:
            return
        open_files.sort(key=lambda file: file.mtime)
        for file in open_files[:-MAX_OPEN]:
            if file.offset >= file.size and file.detached_at is None and file.handle is not None:
                file.handle.close()
                file.handle = None

    def reopen(self, file: FollowedFile) -> bool:
        """Open a file that was closed to save handles; False if it is not there any more."""
        if file.handle is not None:
            return True
        try:
            handle = Handle.open(file.path)
        except OSError:
            return False
        if handle is None:
            return False
        status = handle.stat()
        if (status.st_dev, status.st_ino) != file.key:
            handle.close()
            return False
        file.handle = handle
        return True


def _remember(file: FollowedFile, status: os.stat_result) -> None:
    file.size, file.mtime, file.mtime_ns = status.st_size, status.st_mtime, status.st_mtime_ns


def _denied_directory(pattern: str) -> str | None:
    """Why a glob may match nothing: a directory above it that may not be listed."""
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    directory = os.path.dirname(fixed) or "."
    effective = os.access in os.supports_effective_ids
    if os.path.isdir(directory) and not os.access(directory, os.R_OK | os.X_OK, effective_ids=effective):
        return f"{directory} may not be read"
    return None
