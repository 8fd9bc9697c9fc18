"""Keeps the course of the host between evaluations: bounded, and on a clock that may be set."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from wfmon.model.course import HostCourse, Kills
from wfmon.model.host import HostSample, WorkflowProcesses
from wfmon.model.record import dataclass, field

STEP = 20.0  # seconds between kept samples ...
MEMORY_SECONDS = 7200.0  # ... of what is available for so long ...
RSS_SECONDS = 1800.0  # ... and of workflows
WRITE_SECONDS = 600.0  # that the mean of what is written is over
KILL_SECONDS = 86_400.0
MOST_WORKFLOWS = 500
MOST_KILLS = 50
LONGEST_LOOK = 60.0  # a rate stands for no more than so many seconds before its look

_Kept = deque[tuple[float, float]]


@dataclass(slots=True)
class _Workflow:
    rss: _Kept = field(default_factory=deque)
    limited_at: float | None = None
    written: float = 0.0  # bytes since it is known ...
    writes: _Kept = field(default_factory=deque)  # ... as it was at the kept looks


class CourseKeeper:
    """One per judge; ``take`` every sample of the host."""

    def __init__(self) -> None:
        self._available: _Kept = deque()
        self._workflows: dict[str, _Workflow] = {}
        self._kills: deque[Kills] = deque(maxlen=MOST_KILLS)
        self._last: HostSample | None = None
        self._kept_at: float | None = None
        self._course = HostCourse()

    def take(self, host: HostSample | None) -> HostCourse:
        """The course with ``host``; None, or one that was taken already, changes nothing."""
        before, self._last = self._last, host or self._last
        if host is None or host is before:
            return self._course
        if before is not None and host.at < before.at:
            self._forget_after(host.at)
        killed = self._count_kills(before, host)
        since = LONGEST_LOOK if before is None else min(LONGEST_LOOK, max(0.0, host.at - before.at))
        for each in host.workflows:
            if each.write_bytes_per_second is not None:
                self._of(each.workflow).written += each.write_bytes_per_second * since
        if killed or self._kept_at is None or not 0 <= host.at - self._kept_at < STEP:
            self._keep(host)
            self._course = self._made()
        return self._course

    def _of(self, workflow: str) -> _Workflow:
        return self._workflows.setdefault(workflow, _Workflow())

    def _count_kills(self, before: HostSample | None, host: HostSample) -> bool:
        """One kill may be in both counters."""
        if before is None:
            return False
        here = _rise(before.cgroup_oom_kills, host.cgroup_oom_kills)
        count = max(here, _rise(before.oom_kills, host.oom_kills))
        if count:
            self._kills.append(Kills(host.at, count, here > 0))
        return count > 0

    def _keep(self, host: HostSample) -> None:
        now = self._kept_at = host.at
        if host.memory is not None:
            _add(self._available, now, float(host.memory.available_bytes), MEMORY_SECONDS)
        for each in host.workflows:
            self._keep_workflow(each, now)
        for name, known in list(self._workflows.items()):
            _drop_old(known.rss, now - RSS_SECONDS)
            _drop_old(known.writes, now - WRITE_SECONDS)
            if not known.rss and not known.writes:
                del self._workflows[name]
        for name in list(self._workflows)[:-MOST_WORKFLOWS]:
            del self._workflows[name]
        while self._kills and self._kills[0].at < now - KILL_SECONDS:
            self._kills.popleft()

    def _keep_workflow(self, each: WorkflowProcesses, now: float) -> None:
        known = self._of(each.workflow)
        if each.rss_bytes is not None:
            _add(known.rss, now, float(each.rss_bytes), RSS_SECONDS)
        if each.write_bytes_per_second is not None:
            _add(known.writes, now, known.written, WRITE_SECONDS)
        if each.room_bytes is not None:
            known.limited_at = now

    def _made(self) -> HostCourse:
        assert self._kept_at is not None
        return HostCourse(
            available=tuple(self._available),
            rss={name: tuple(known.rss) for name, known in self._workflows.items() if known.rss},
            limited=frozenset(n for n, known in self._workflows.items() if known.limited_at is not None),
            writes={
                name: mean
                for name, known in self._workflows.items()
                if (mean := _mean(known.writes)) is not None
            },
            kills=tuple(self._kills),
        )

    def _forget_after(self, now: float) -> None:
        """The clock was set back: what was seen later than now was seen at times that are not known."""
        for kept in (self._available, *self._all_kept()):
            while kept and kept[-1][0] > now:
                kept.pop()
        self._kills = deque(
            (each if each.at <= now else Kills(now, each.count, each.here) for each in self._kills),
            maxlen=MOST_KILLS,
        )

    def _all_kept(self) -> Iterable[_Kept]:
        for known in self._workflows.values():
            yield known.rss
            yield known.writes


def _rise(before: int | None, after: int | None) -> int:
    return max(0, after - before) if before is not None and after is not None else 0


def _add(kept: _Kept, at: float, value: float, seconds: float) -> None:
    if kept and at <= kept[-1][0]:
        kept.pop()
    kept.append((at, value))
    _drop_old(kept, at - seconds)


def _drop_old(kept: _Kept, oldest: float) -> None:
    while kept and kept[0][0] < oldest:
        kept.popleft()


def _mean(kept: _Kept) -> float | None:
    """Per second between the first and the last look."""
    if len(kept) < 2:
        return None
    (first, before), (last, after) = kept[0], kept[-1]
    return max(0.0, after - before) / (last - first) if last > first else None
