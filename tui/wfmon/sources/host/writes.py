"""What the processes of workflows write to storage, from ``/proc/PID/io`` (proc(5))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOST_PIDS = 1000  # of all workflows together; beyond it nothing is said


class Writes:
    """Growth between two looks. When a parent has waited for a child, what that wrote is in the parent's
    count (kernel/exit.c): what gone processes had been counted for is taken off again."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._before: dict[str, dict[int, int]] = {}
        self._at: float | None = None

    def look(self, now: float, pids: Mapping[str, Sequence[int]]) -> dict[str, float]:
        """Bytes per second by workflow; without those of which a process may not be read, and without
        those that are seen for the first time. ``now``: monotonic seconds."""
        before, at = self._before, self._at
        self._before, self._at = {}, now
        if sum(len(each) for each in pids.values()) > MOST_PIDS:
            return {}
        found: dict[str, float] = {}
        for workflow, members in pids.items():
            written = {pid: self._written(pid) for pid in members}
            known = {pid: count for pid, count in written.items() if count is not None}
            if len(known) < len(written):
                continue
            self._before[workflow] = known
            last = before.get(workflow)
            if last is not None and at is not None and now > at:
                found[workflow] = _grown(last, known) / (now - at)
        return found

    def _written(self, pid: int) -> int | None:
        try:
            with open(f"{self._proc}/{pid}/io", "rb", buffering=0) as file:
                text = file.read(512)
        except OSError:
            return None
        for line in text.splitlines():
            name, _, value = line.partition(b":")
            if name == b"write_bytes" and value.strip().isdigit():
                return int(value)
        return None


def _grown(before: Mapping[int, int], after: Mapping[int, int]) -> int:
    """A process that is new here may have written long before: it counts from its next look on."""
    grown = sum(max(0, count - before[pid]) for pid, count in after.items() if pid in before)
    gone = sum(count for pid, count in before.items() if pid not in after)
    return grown - gone if grown >= gone else grown
