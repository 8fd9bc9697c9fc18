"""Which processes that runs name were seen alive and are gone."""

from __future__ import annotations

from collections.abc import Set


class LivePids:
    """Only a process that was once seen alive can be missed: a pid of a container never is."""

    def __init__(self) -> None:
        self._seen: Set[int] = frozenset()
        self._gone: dict[int, float] = {}

    def look(self, now: float, pids: Set[int], live: Set[int] | None) -> None:
        """``pids`` are those of open runs, ``live`` all of this host; None: not known."""
        if live is None:
            return
        self._seen = (self._seen | live) & pids if pids else frozenset()
        self._gone = {pid: self._gone.get(pid, now) for pid in self._seen if pid not in live}

    def gone_since(self, pid: int | None) -> float | None:
        """When it was first missed, POSIX seconds."""
        return self._gone.get(pid) if pid is not None else None
