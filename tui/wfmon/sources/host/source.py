"""The host source: one look gathers what this user may see of the machine."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence

from wfmon.config.schema import Host, Storage, Workflow
from wfmon.model.history import Change
from wfmon.model.host import HostSample, Memory, Swap, Volume
from wfmon.model.source import Failure
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.host.configfiles import ConfigFiles
from wfmon.sources.host.processes import MAX_HINTS, Processes
from wfmon.sources.host.restarts import Restarts
from wfmon.sources.host.volumes import Volumes

PRESSURE = "/proc/pressure/memory"
FULL_AVG10 = re.compile(r"^full avg10=([0-9.]+)", re.MULTILINE)
# How figures are got, for ``i``.
_FORMULAS = (
    ("memory", "resident set of the processes that are known to be of it, from /proc, added up"),
    ("storage", "bytes of the file system that are used, of those that its users may use"),
)


class HostSource:
    """Kind ``host``. A part that cannot be read is None in the sample and named in ``missing``.

    Patterns of ``workflows`` must be valid regular expressions (the configuration is checked for
    that before). ``clock`` is monotonic seconds.
    """

    name = "host"
    kind = "host"
    where = "this host"
    timeout = 5.0

    def __init__(
        self,
        workflows: Sequence[Workflow],
        storage: Storage,
        host: Host,
        *,
        clock: Callable[[], float] = time.monotonic,
        pressure: str = PRESSURE,
    ) -> None:
        self.interval = float(host.interval)
        self._scan_interval = float(host.scan_interval)
        self._clock = clock
        self._pressure = pressure
        self._processes = Processes(workflows, self._scan_interval, clock)
        self._kills: Callable[[], tuple[int | None, int | None]] | None = None
        self._polled = False
        self._restarts = Restarts()
        self._config_files = ConfigFiles(workflows)
        self._scans = 0
        self._volumes = Volumes(storage, clock)
        self._volumes_at = float("-inf")
        self._cpu_before: tuple[float, float] | None = None
        self._hints: tuple[dict[int, str], dict[int, str], dict[int, float]] | None = None
        self._closed = False

    def set_hints(
        self, pids: Mapping[int, str], ports: Mapping[int, str], last_lines: Mapping[int, float] | None = None
    ) -> None:
        """What other sources know of processes; may be called from any thread, counts at the next poll.

        ``pids``: pid in a log line of an open run → workflow. ``ports``: loopback port of a scraped
        endpoint → workflow. ``last_lines``: pid → POSIX seconds of its newest line, which tells a
        process from a later one with the same pid.
        """
        self._hints = (dict(pids), dict(ports), dict(last_lines or {}))

    def poll(self, now: float) -> Reading:
        """One sample; raises ``SourceError`` when nothing at all can be read."""
        if self._closed:
            raise SourceError(Failure.INTERNAL, "host: closed")
        if self._polled and self._kills is None:
            self._kills = self._look_closer()
        self._polled = True
        hints, self._hints = self._hints, None
        if hints is not None:
            self._processes.hint(*hints)
        self._processes.look()
        memory, swap = read_memory(), read_swap()
        cpu, load = self._cpu_ratio(), read_load()
        volumes = self._read_volumes()
        if memory is None and load is None and not volumes:
            raise SourceError(Failure.PERMISSION, "host: neither memory nor load nor disks can be read here")
        pressure = read_pressure(self._pressure)
        kills, kills_here = self._kills() if self._kills is not None else (None, None)
        sample = HostSample(
            at=now,
            cpu_ratio=cpu,
            load1=load,
            cpus=os.cpu_count(),
            psi_memory_full_avg10=pressure,
            memory=memory,
            swap=swap,
            workflows=self._processes.usage(),
            volumes=volumes,
            processes_seen=self._processes.seen,
            hidden_processes=self._processes.hidden,
            live_pids=self._processes.live_pids,
            gone_pids=self._processes.gone_pids,
            oom_kills=kills,
            cgroup_oom_kills=kills_here,
        )
        walking = any(volume.limit and volume.used_ratio is None and not volume.error for volume in volumes)
        return Reading(
            at=now,
            host=sample,
            sees=seen_words(sample),
            missing=self._missing(sample),
            settled=cpu is not None and self._processes.scanned and not walking,
            changes=self._changes(now),
            formulas=_FORMULAS,
        )

    def _look_closer(self) -> Callable[[], tuple[int | None, int | None]]:
        """From the second sample on also what is a file or two per process: somebody waits for the first.
        Gives what counts the processes killed for want of memory, on the host and in our control group."""
        from wfmon.sources.host.cgroups import Cgroups, read_oom_kills
        from wfmon.sources.host.writes import Writes

        cgroups = Cgroups(self._clock)
        self._processes.look_closer(Writes(), cgroups)
        return lambda: (read_oom_kills(), cgroups.kills())

    def _changes(self, now: float) -> tuple[Change, ...]:
        """What changed around workflows since the last scan of processes."""
        restarts: tuple[Change, ...] = ()
        if self._processes.scans != self._scans:
            self._scans = self._processes.scans
            members = self._processes.members(now)
            restarts = self._restarts.look(now, members)
            self._config_files.begin(members)
        return (*restarts, *self._config_files.take(now))

    def close(self) -> None:
        """Work is done in slices of milliseconds, so there is nothing to wait for."""
        self._closed = True

    def _read_volumes(self) -> tuple[Volume, ...]:
        now = self._clock()
        if now - self._volumes_at >= self._scan_interval:
            self._volumes_at = now
            self._volumes.refresh()
        return self._volumes.read()

    def _cpu_ratio(self) -> float | None:
        """Busy share of all cores since the last poll."""
        import psutil

        try:
            times = psutil.cpu_times()
        except (psutil.Error, OSError):
            return None
        # Linux counts guest time inside user time already.
        total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        idle = times.idle + getattr(times, "iowait", 0.0)
        before, self._cpu_before = self._cpu_before, (total, total - idle)
        if before is None or total <= before[0]:
            return None
        return min(1.0, max(0.0, (total - idle - before[1]) / (total - before[0])))

    def _missing(self, sample: HostSample) -> tuple[str, ...]:
        missing = []
        if self._processes.blind:
            missing.append("processes of other users (hidepid): run as root or in its group")
        elif sample.hidden_processes:
            missing.append(f"{sample.hidden_processes} processes of other users: run as root")
        if sample.memory is None:
            missing.append("memory")
        if sample.psi_memory_full_avg10 is None:
            missing.append("memory pressure (no PSI in this kernel)")
        if self._processes.hints_cut:
            missing.append(f"{self._processes.hints_cut} of the pids in log lines (over {MAX_HINTS})")
        missing.extend(f"{volume.path}: {volume.error}" for volume in sample.volumes if volume.error)
        return tuple(missing)


def seen_words(sample: HostSample) -> str:
    parts = []
    if sample.memory is not None:
        parts.append("memory")
    disks = sum(1 for volume in sample.volumes if not volume.limit)
    limits = len(sample.volumes) - disks
    if disks:
        parts.append(f"{disks} disk{'s' if disks > 1 else ''}")
    if limits:
        parts.append(f"{limits} director{'ies' if limits > 1 else 'y'}")
    processes = sum(group.processes for group in sample.workflows)
    return " ".join(parts) + f"{', ' if parts else ''}{processes} workflow processes"


def read_memory() -> Memory | None:
    import psutil

    try:
        found = psutil.virtual_memory()
    except (psutil.Error, OSError):
        return None
    return Memory(total_bytes=found.total, available_bytes=found.available)


def read_swap() -> Swap | None:
    import psutil

    try:
        found = psutil.swap_memory()
    except (psutil.Error, OSError):
        return None
    return Swap(total_bytes=found.total, used_bytes=found.used)


def read_load() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def read_pressure(path: str) -> float | None:
    """Percent of the last 10 s in which all tasks waited for memory (kernel accounting/psi)."""
    try:
        with open(path, encoding="ascii") as file:
            found = FULL_AVG10.search(file.read(4096))
    except (OSError, UnicodeDecodeError):
        return None
    return float(found[1]) if found else None
