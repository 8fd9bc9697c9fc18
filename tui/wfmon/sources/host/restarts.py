"""Restarts of long-lived processes, told apart from processes that live for one run.

A restart is: a process that lived for a minute or more is gone, and one with the very same command line,
of the same workflow and younger than that, is there before half of the life of the old one has passed
again (a minute at least). What starts anew each hour for some minutes is no restart by that; and a
command whose processes end more than a few times a day comes and goes by itself and is told no more.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

from wfmon.model.history import Change, ChangeKind
from wfmon.model.record import dataclass
from wfmon.text.sanitize import safe

LONG_LIFE = 60.0  # a process that lived shorter is one of a run
OVERLAP = 15.0  # the new one may be there before the old one has gone
LONGEST_PAUSE = 86_400.0
DAY = 86_400.0
ENDS_A_DAY = 3  # of one command; more are not restarts
_MAX_COMMANDS = 1000
_MAX_GONE = 500


@dataclass(frozen=True, slots=True)
class Member:
    """A process that belongs to a workflow by itself, not through its parent. ``born`` in POSIX seconds;
    ``command`` and ``cwd`` as the kernel has them."""

    pid: int
    born: float
    workflow: str
    command: tuple[str, ...]
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class _Gone:
    member: Member
    seen_at: float

    @property
    def until(self) -> float:
        lived = self.seen_at - self.member.born
        return self.seen_at + max(LONG_LIFE, min(lived / 2, LONGEST_PAUSE))


Command = tuple[str, tuple[str, ...]]


class Restarts:
    """``look`` at the members of each scan. The first look tells nothing: it is what there is."""

    def __init__(self) -> None:
        self._living: dict[tuple[int, float], Member] = {}
        self._looked_at: float | None = None
        self._gone: list[_Gone] = []
        self._followed: set[tuple[int, float]] = set()  # those that took somebody's place
        self._ends: OrderedDict[Command, deque[float]] = OrderedDict()

    def look(self, now: float, members: Sequence[Member]) -> tuple[Change, ...]:
        living = {(member.pid, member.born): member for member in members}
        before, self._living = self._living, living
        seen_at, self._looked_at = self._looked_at, now
        if seen_at is None:
            return ()
        for key in before.keys() - living.keys():
            self._end(before[key], seen_at, now)
        self._followed &= living.keys()
        changes = self._pair(now)
        self._gone = [gone for gone in self._gone if gone.until >= now][-_MAX_GONE:]
        return tuple(changes)

    def _end(self, member: Member, seen_at: float, now: float) -> None:
        command = (member.workflow, member.command)
        ends = self._ends.setdefault(command, deque(maxlen=ENDS_A_DAY + 1))
        self._ends.move_to_end(command)
        if len(self._ends) > _MAX_COMMANDS:
            self._ends.popitem(last=False)
        ends.append(now)
        often = len(ends) > ENDS_A_DAY and now - ends[0] < DAY
        if not often and seen_at - member.born >= LONG_LIFE:
            self._gone.append(_Gone(member, seen_at))

    def _pair(self, now: float) -> list[Change]:
        changes: list[Change] = []
        free: dict[Command, list[Member]] = {}
        for key, member in self._living.items():
            if key not in self._followed:
                free.setdefault((member.workflow, member.command), []).append(member)
        left: list[_Gone] = []
        for gone in sorted(self._gone, key=lambda gone: gone.member.born):
            old = gone.member
            same = free.get((old.workflow, old.command), [])
            young = [
                new
                for new in same
                if old.born < new.born and gone.seen_at - OVERLAP <= new.born <= gone.until
            ]
            if not young:
                left.append(gone)
                continue
            new = min(young, key=lambda member: member.born)
            same.remove(new)
            self._followed.add((new.pid, new.born))
            workflow = safe(old.workflow)
            text = f"pid {old.pid} → {new.pid}"
            changes.append(Change(min(new.born, now), ChangeKind.RESTART, workflow, text, workflow))
        self._gone = left
        return changes
