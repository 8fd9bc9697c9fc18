"""The host: memory, swap, pressure, disks, and the processes that belong to workflows."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Memory:
    total_bytes: int
    available_bytes: int

    @property
    def used_ratio(self) -> float:
        return 1.0 - self.available_bytes / self.total_bytes if self.total_bytes else 0.0


@dataclass(frozen=True, slots=True)
class Swap:
    total_bytes: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class WorkflowProcesses:
    """``cpu_ratio`` is of one core; None until two samples are there. ``write_bytes_per_second``: to storage;
    None also where this user may not see it of all of them. ``room_bytes``: how much more memory they may
    take until the nearest limit of their control groups; None: no such limit is known."""

    workflow: str
    rss_bytes: int | None
    cpu_ratio: float | None
    processes: int
    pids: tuple[int, ...] = ()
    write_bytes_per_second: float | None = None
    room_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """A mounted file system, or a directory watched like one (``limit`` True).

    ``used_ratio`` is as ``df`` says it: used / (used + available to this user).
    """

    mount: str
    device: str | None
    path: str
    total_bytes: int | None
    free_bytes: int | None
    used_ratio: float | None
    inodes_used_ratio: float | None = None
    limit: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class HostSample:
    """One look at the host. ``hidden_processes`` counts those this user may not inspect.

    ``oom_kills``: processes that the kernel killed for want of memory since it began, ``cgroup_oom_kills``:
    those of our own control group.

    Of the pids that log lines named: ``live_pids`` are alive, ``gone_pids`` have surely ended; of the
    rest nothing is known (another user's, another pid namespace).
    """

    at: float
    cpu_ratio: float | None
    load1: float | None
    cpus: int | None
    psi_memory_full_avg10: float | None
    memory: Memory | None
    swap: Swap | None
    workflows: tuple[WorkflowProcesses, ...]
    volumes: tuple[Volume, ...]
    processes_seen: int
    hidden_processes: int
    live_pids: frozenset[int] = frozenset()
    gone_pids: frozenset[int] = frozenset()
    oom_kills: int | None = None
    cgroup_oom_kills: int | None = None
