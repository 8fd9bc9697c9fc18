"""How far back the lines of a log source reach, over all its files: rotated and compressed ones too.

Looked at rarely and in steps, so that thousands of files cost no poll much. What the first line of a file
says is remembered while the file does not change.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from wfmon.model.record import dataclass
from wfmon.model.retention import Keeps, Kept
from wfmon.sources.logfiles.firstline import FirstLine
from wfmon.sources.logfiles.follow import Key
from wfmon.sources.logfiles.names import group_of
from wfmon.text.sanitize import safe

LOOK_SECONDS = 600.0
_LEAST_SECONDS = 60.0  # between looks where files come and go
_FILES_PER_STEP = 16
_NAMES_PER_STEP = 500
_MAX_NAMES = 20_000  # of one directory
_MAX_FILES = 5000
_MAX_DIRECTORIES = 100
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip")
_MOST_PACKED = 20  # the oldest: what is compressed was rotated away in its order
_RESTS_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _File:
    key: Key
    path: str
    size: int
    mtime: float


class Reach:
    """``step`` is called at every poll and does a little. ``keep``: ``production``, ``debug``, or empty: the
    names of files say which. ``chosen``: as in ``Kept``."""

    def __init__(self, source: str, keep: str, first: FirstLine, *, chosen: bool = False) -> None:
        self._source = source
        self._chosen = chosen
        self._keep = keep
        self._first = first
        self._began: dict[Key, tuple[float, float | None]] = {}  # mtime then, time of the first line
        self._work: Iterator[None] | None = None
        self._looked_at: float | None = None
        self._looked_for: object = None
        self.kept: tuple[Kept, ...] = ()

    def step(self, now: float, paths: Sequence[str], version: object) -> tuple[Kept, ...]:
        """What is known; ``version`` changes with the files that ``paths`` are."""
        if self._work is None and self._is_due(now, version):
            self._looked_at, self._looked_for = now, version
            self._work = self._look(now, paths)
        if self._work is not None and next(self._work, self) is self:
            self._work = None
        return self.kept

    def _is_due(self, now: float, version: object) -> bool:
        if self._looked_at is None or not 0 <= now - self._looked_at < LOOK_SECONDS:
            return True
        return version != self._looked_for and now - self._looked_at >= _LEAST_SECONDS

    def _look(self, now: float, paths: Sequence[str]) -> Iterator[None]:
        files: dict[Key, _File] = {}
        problems: list[str] = []
        yield from self._find(paths, files, problems)
        ordered = sorted(files.values(), key=lambda file: file.mtime)
        left_out = len(ordered) - _MAX_FILES
        if left_out > 0:
            problems.append(f"{left_out} newer files were not looked into")
        packed = 0
        for done, file in enumerate(ordered[:_MAX_FILES]):
            is_packed = file.path.endswith(_PACKED)
            packed += is_packed
            if not is_packed or packed <= _MOST_PACKED:
                self._learn(file)
            if is_packed or done % _FILES_PER_STEP == _FILES_PER_STEP - 1:
                yield
        self._began = {key: known for key, known in self._began.items() if key in files}
        kinds: dict[Keeps, list[_File]] = {}
        for file in ordered:
            kinds.setdefault(self._kind(file.path), []).append(file)
        both = len(kinds) > 1
        self.kept = tuple(
            self._told(keeps, kinds[keeps], problems, now, both=both) for keeps in sorted(kinds, reverse=True)
        )

    def _find(self, paths: Sequence[str], files: dict[Key, _File], problems: list[str]) -> Iterator[None]:
        """The files that the globs match, and those of the same logs beside them."""
        groups: dict[str, set[str]] = {}
        for path in paths:
            group = group_of(path)
            groups.setdefault(os.path.dirname(path), set()).add(group)
        yield from self._add(paths, files)
        for directory, wanted in list(groups.items())[:_MAX_DIRECTORIES]:
            stems = tuple({os.path.splitext(os.path.basename(group))[0] for group in wanted})
            try:
                names = os.listdir(directory or ".")
            except OSError as error:
                problems.append(f"{directory}: {error.strerror or 'cannot be listed'}")
                continue
            if len(names) > _MAX_NAMES:
                problems.append(f"{directory}: of {len(names)} files {_MAX_NAMES} were looked at")
            beside = (os.path.join(directory, name) for name in names[:_MAX_NAMES] if name.startswith(stems))
            yield from self._add((path for path in beside if group_of(path) in wanted), files)

    def _add(self, paths: Iterable[str], files: dict[Key, _File]) -> Iterator[None]:
        for done, path in enumerate(paths):
            if done % _NAMES_PER_STEP == _NAMES_PER_STEP - 1:
                yield
            try:
                status = os.stat(path)
            except OSError:
                continue  # gone since it was listed
            key = (status.st_dev, status.st_ino)
            if stat.S_ISREG(status.st_mode) and status.st_size and key not in files:
                files[key] = _File(key, path, status.st_size, status.st_mtime)

    def _learn(self, file: _File) -> None:
        """When its first line was written; the same inode may hold something else when it was written to."""
        known = self._began.get(file.key)
        if known is None or known[0] != file.mtime:
            self._began[file.key] = (file.mtime, self._first.time(file.path, file.mtime))

    def _kind(self, path: str) -> Keeps:
        debug = self._keep == "debug" or (not self._keep and "debug" in os.path.basename(path).lower())
        return Keeps.DEBUG_LOGS if debug else Keeps.PRODUCTION_LOGS

    def _told(self, keeps: Keeps, files: list[_File], problems: list[str], now: float, *, both: bool) -> Kept:
        oldest: float | None = None
        bound: _File | None = None
        timeless = 0
        for file in files:
            if file.key not in self._began:
                continue
            at = self._began[file.key][1]
            timeless += at is None
            if at is None and now - file.mtime < _RESTS_SECONDS:
                continue  # it is written to: a bound that moves would look like lines that were deleted
            moment = file.mtime if at is None else at
            if moment <= now and (oldest is None or moment < oldest):
                oldest, bound = moment, file if at is None else None
        told = list(problems)
        if bound is not None:
            name = os.path.basename(bound.path)
            told.append(f"{name}: no time in its first lines, it is at least as old as its last change")
        elif oldest is None and timeless:
            told.append("no time in the first lines of its files")
        return Kept(
            subject=safe(f"{self._source} (debug)" if both and keeps is Keeps.DEBUG_LOGS else self._source),
            keeps=keeps,
            oldest_at=oldest,
            bytes=sum(file.size for file in files),
            files=len(files),
            problem=safe("; ".join(told[:3]), limit=300) if told else None,
            chosen=self._chosen,
        )
