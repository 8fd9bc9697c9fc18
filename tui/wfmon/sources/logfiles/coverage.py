"""From when on the lines of a workflow are completely read.

A log and its rotated files form a chain: where the newest was read from its first byte, the next older
one continues it. ``SINCE_EVER`` is said only where the chain goes back to the first line there is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from wfmon.sources.logfiles.discover import Files
from wfmon.sources.logfiles.follow import FollowedFile, Key
from wfmon.sources.logfiles.names import group_of

SINCE_EVER = 0.0
_SLACK_SECONDS = 1.0  # a line may be stamped just before the one that a rotation put before it


class _Chain:
    __slots__ = ("oldest", "since", "whole")

    def __init__(self, file: FollowedFile, since: float) -> None:
        self.oldest, self.since, self.whole = file, since, file.whole


class Coverage:
    """Works out ``since`` anew when files came, went or were read.

    ``begins_at`` is the time of the oldest line that was ever read; None before the first.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._version = -1
        self._unread: dict[str, bool] = {}
        self._since: dict[str, float] = {}
        self._source_since = SINCE_EVER
        self.begins_at: float | None = None

    def update(self) -> None:
        if self._version != self._files.changed:
            self._version, self._unread = self._files.changed, {}
        groups: dict[str, list[FollowedFile]] = {}
        for file in (*self._files.files, *self._files.former):
            groups.setdefault(file.group, []).append(file)
        since: dict[str, float] = {}
        starts: list[float] = []
        for group, files in groups.items():
            start = max((self._start(group, chain) for chain in _chains(files)), default=SINCE_EVER)
            starts.append(start)
            for name in {name for file in files for name in file.workflows}:
                since[name] = max(since.get(name, SINCE_EVER), start)
        self._since = since
        self._source_since = max(starts, default=SINCE_EVER)
        oldest = [file.oldest_at for files in groups.values() for file in files if file.oldest_at is not None]
        if oldest:
            self.begins_at = min(oldest if self.begins_at is None else (self.begins_at, *oldest))

    def since(self, workflow: str) -> float:
        """POSIX time from which all lines of the workflow were read."""
        return self._since.get(workflow, SINCE_EVER)

    def source_since(self, now: float) -> float:
        """POSIX time from which all lines of all files were read, which tells of no time before its first
        line; ``now`` where that is not known."""
        if any(file.cut and file.oldest_at is None for file in self._files.files):
            return now
        return self._source_since or self.begins_at or now

    def behind(self) -> Mapping[str, int]:
        """Bytes still to read, by workflow, in the files that one poll could not finish."""
        found: dict[str, int] = {}
        for file in self._files.files:
            if file.behind:
                for name in file.workflows:
                    found[name] = found.get(name, 0) + file.unread
        return found

    def _start(self, group: str, chain: _Chain) -> float:
        if not chain.whole:
            return chain.since
        if group not in self._unread:
            self._unread[group] = self._unread_siblings(chain.oldest)
        return chain.since if self._unread[group] else SINCE_EVER

    def _unread_siblings(self, file: FollowedFile) -> bool:
        """Whether the directory holds files of the same log that were not read."""
        known: set[Key] = {
            other.key
            for other in (*self._files.files, *self._files.former)
            if not other.cut or other.oldest_at is not None
        }
        directory = os.path.dirname(file.path)
        try:
            names = os.listdir(directory or ".")
        except OSError:
            return True
        for name in names:
            path = os.path.join(directory, name)
            if group_of(path) != file.group or path == file.path:
                continue
            try:
                status = os.stat(path)
            except OSError:
                continue
            if (status.st_dev, status.st_ino) not in known and status.st_size:
                return True
        return False


def _chains(files: Iterable[FollowedFile]) -> list[_Chain]:
    """Files written one after the other; files written at the same time are chains of their own."""
    timed = sorted((file.oldest_at, file.number, file) for file in files if file.oldest_at is not None)
    chains: list[_Chain] = []
    for oldest_at, _, file in reversed(timed):
        newest_at = file.newest_at if file.newest_at is not None else oldest_at
        later = [chain for chain in chains if chain.since >= newest_at - _SLACK_SECONDS]
        growing = next((chain for chain in later if chain.whole), None)
        if growing is not None:
            growing.oldest, growing.since, growing.whole = file, oldest_at, file.whole
        elif not later:
            chains.append(_Chain(file, oldest_at))
    return chains
