"""How much a directory tree occupies, found in small slices of time.

A tree may hold millions of files on a host that is already in trouble, so one walk is spread over
as many calls as it needs, and a walk that was expensive is not repeated soon.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing

from wfmon.model.record import dataclass

REST = 20.0  # a finished walk is repeated after this many times the time it took


@dataclass(frozen=True, slots=True)
class TreeSize:
    """Outcome of one complete walk.

    ``used_bytes`` is what is allocated (as ``du`` counts it), None where a part could not be read;
    ``error`` is then the raw reason.
    """

    used_bytes: int | None
    error: str | None = None


class TreeWalk:
    """Walks one directory tree again and again.

    Hard links count once, other file systems mounted inside are left out, symbolic links are not
    followed (the root itself may be one), files that vanish meanwhile are nothing.
    """

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._steps: Iterator[None] | None = None
        self._spent = 0.0
        self._rest_until = float("-inf")
        self._total = 0
        self._denied: str | None = None
        self.result: TreeSize | None = None

    def advance(self, budget: float) -> None:
        """Goes on for about ``budget`` seconds; ``result`` changes when a walk is complete."""
        started = self._clock()
        if self._steps is None:
            if started < self._rest_until:
                return
            self._total, self._denied, self._spent = 0, None, 0.0
            self._steps = self._walk()
        for _ in self._steps:
            if self._clock() - started >= budget:
                self._spent += self._clock() - started
                return
        self._steps = None
        ended = self._clock()
        self._rest_until = ended + REST * (self._spent + ended - started)
        self.result = TreeSize(None if self._denied else self._total, self._denied)

    def _walk(self) -> Iterator[None]:
        try:
            root = os.stat(self._path)
        except OSError as problem:
            self._denied = problem.strerror or str(problem)
            return
        if not stat.S_ISDIR(root.st_mode):
            self._denied = "not a directory"
            return
        self._total += allocated(root)
        linked: set[int] = set()
        pending = [self._path]
        while pending:
            directory = pending.pop()
            try:
                entries = os.scandir(directory)
            except FileNotFoundError:
                if directory == self._path:
                    self._denied = os.strerror(2)
                continue
            except OSError as problem:
                self._deny(directory, problem)
                continue
            with closing(entries):
                yield from self._read(entries, directory, root.st_dev, pending, linked)

    def _read(
        self,
        entries: Iterator[os.DirEntry[str]],
        directory: str,
        device: int,
        pending: list[str],
        linked: set[int],
    ) -> Iterator[None]:
        while True:
            yield
            try:
                entry = next(entries, None)
                if entry is None:
                    return
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as problem:
                self._deny(directory, problem)
                return
            if found.st_dev != device:
                continue
            if stat.S_ISDIR(found.st_mode):
                pending.append(entry.path)
            elif found.st_nlink > 1:
                if found.st_ino in linked:
                    continue
                linked.add(found.st_ino)
            self._total += allocated(found)

    def _deny(self, directory: str, problem: OSError) -> None:
        if self._denied is None:
            inside = os.path.relpath(directory, self._path)
            self._denied = f"{problem.strerror or problem}: {'' if inside == '.' else inside}".rstrip(": ")


def allocated(found: os.stat_result) -> int:
    """Bytes on disk: ``st_blocks`` is in units of 512 bytes whatever the file system (stat(2))."""
    return found.st_blocks * 512
