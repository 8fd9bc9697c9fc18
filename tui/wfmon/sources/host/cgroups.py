"""Memory limits of control groups (both versions), and who the kernel killed for want of memory.

Formats: the kernel's admin-guide/cgroup-v2 and cgroup-v1/memory, proc(5) for ``/proc/vmstat``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import islice

from wfmon.model.record import dataclass, field

REST = 10.0  # seconds between two looks at the same limit
MOST = 200  # groups that are remembered
MOST_PIDS = 20  # of one workflow that are looked at: most of its processes are in the same group
NO_LIMIT = 1 << 60  # version 1 says so with a number near 2**63


@dataclass(frozen=True, slots=True)
class _Version:
    """Names of files, and of the line in ``memory.stat`` that the kernel takes back first."""

    limit: str
    usage: str
    events: str
    cache: bytes


_V1 = _Version("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control", b"total_inactive_file")
_V2 = _Version("memory.max", "memory.current", "memory.events", b"inactive_file")


@dataclass(slots=True)
class _Group:
    """``chain``: directories from the group up to the root of the hierarchy."""

    version: _Version
    chain: tuple[str, ...]
    room: int | None = None
    looked_at: float = field(default=float("-inf"))


class Cgroups:
    """``proc`` and ``mounted``: where the kernel shows itself; ``clock``: monotonic seconds."""

    def __init__(
        self, clock: Callable[[], float], proc: str = "/proc", mounted: str = "/sys/fs/cgroup"
    ) -> None:
        self._clock = clock
        self._proc = proc
        self._mounted = mounted
        self._groups: dict[bytes, _Group | None] = {}

    def room(self, pids: Iterable[int]) -> int | None:
        """How much more memory may be taken until the nearest limit of the groups that ``pids`` are in."""
        rooms = {
            id(group): room
            for pid in islice(pids, MOST_PIDS)
            if (group := self._group_of(str(pid))) is not None and (room := self._room(group)) is not None
        }
        return min(rooms.values(), default=None)

    def kills(self) -> int | None:
        """Processes of our own group that were killed for want of memory."""
        group = self._group_of("self")
        if group is None or not group.chain:
            return None
        return _number(_read(os.path.join(group.chain[0], group.version.events)), b"oom_kill")

    def _group_of(self, pid: str) -> _Group | None:
        told = _read(f"{self._proc}/{pid}/cgroup")
        if told is None:
            return None
        if told not in self._groups:
            if len(self._groups) >= MOST:
                self._groups.clear()
            self._groups[told] = self._found(told)
        return self._groups[told]

    def _found(self, told: bytes) -> _Group | None:
        """Version 1 first: where both are mounted the memory controller is there."""
        ways = [line.split(b":", 2) for line in told.splitlines()]
        for way in ways:
            if len(way) == 3 and b"memory" in way[1].split(b","):
                return self._group(_V1, os.path.join(self._mounted, "memory"), way[2])
        for way in ways:
            if len(way) == 3 and way[0] == b"0" and not way[1]:
                return self._group(_V2, self._mounted, way[2])
        return None

    def _group(self, version: _Version, root: str, path: bytes) -> _Group | None:
        """None for a group outside of what is mounted here. In a container the mount may begin at the very
        group, whatever the path says."""
        parts = [part for part in os.fsdecode(path).split("/") if part]
        if ".." in parts:
            return None
        if not os.path.isdir(os.path.join(root, *parts)):
            parts = []
        chain = tuple(os.path.join(root, *parts[:n]) for n in range(len(parts), -1, -1))
        return _Group(version, chain)

    def _room(self, group: _Group) -> int | None:
        now = self._clock()
        if now - group.looked_at >= REST:
            group.looked_at = now
            rooms = [room for each in group.chain if (room := _room_of(each, group.version)) is not None]
            group.room = min(rooms, default=None)
        return group.room


def read_oom_kills(path: str = "/proc/vmstat") -> int | None:
    """Processes that the kernel killed for want of memory since it began; None before Linux 4.13."""
    return _number(_read(path), b"oom_kill")


def _room_of(directory: str, version: _Version) -> int | None:
    """Pages of files that nobody used lately are given back first: they are no use of memory."""
    limit = _plain(_read(os.path.join(directory, version.limit)))
    if limit is None or limit >= NO_LIMIT:
        return None
    usage = _plain(_read(os.path.join(directory, version.usage)))
    if usage is None:
        return None
    cache = _number(_read(os.path.join(directory, "memory.stat")), version.cache) or 0
    return max(0, limit - max(0, usage - cache))


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(65_536)
    except OSError:
        return None


def _plain(text: bytes | None) -> int | None:
    """None also of ``max``: no limit."""
    return int(text) if text is not None and text.strip().isdigit() else None


def _number(text: bytes | None, name: bytes) -> int | None:
    """The number on the line that begins with ``name``."""
    for line in (text or b"").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None
