"""The processes that belong to workflows: who they are, what they occupy, whether they live.

A pid alone is no identity: the kernel hands it out again. A process is its pid and its start time,
and a pid whose start time changed is another process.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from wfmon.config.schema import Workflow
from wfmon.model.host import WorkflowProcesses
from wfmon.model.record import dataclass, field
from wfmon.sources.host.process import (
    alive,
    command_of,
    created,
    directory_of,
    exists,
    is_program,
    listeners,
    open_process,
)
from wfmon.sources.host.restarts import Member

if TYPE_CHECKING:
    import psutil

    from wfmon.sources.host.cgroups import Cgroups
    from wfmon.sources.host.writes import Writes

SCAN_BUDGET = 0.010  # seconds one poll spends looking at processes it does not know
MAX_HINTS = 2_000
MAX_COMMAND = 4_096  # characters of a command line that patterns see
PORT_RETRY = 60.0  # seconds until a port without a visible process is looked up again
SETTLE = 30.0  # a process younger than this may still exec into another program
CLOCK_SLACK = 2.0  # start times are exact to a clock tick, log times are another clock's


@dataclass(slots=True)
class Tracked:
    """A process known to belong to a workflow. ``cpu`` is (monotonic time, CPU seconds)."""

    process: psutil.Process
    workflow: str
    cpu: tuple[float, float] | None = None


@dataclass(slots=True)
class Hint:
    """A pid that a log line named. ``seen`` is the process it was when it was first alive here."""

    workflow: str
    last_line: float | None = None
    seen: psutil.Process | None = None
    gone: bool = False


@dataclass(slots=True)
class Known:
    """One process as the scan saw it; ``matched`` is the workflow its command line names."""

    process: psutil.Process
    parent: int | None
    matched: str | None


@dataclass(slots=True)
class Scan:
    """A look at all processes, spread over polls."""

    steps: Iterator[None]
    known: dict[int, Known] = field(default_factory=dict)
    hidden: int = 0


class Processes:
    """Follows workflow processes; every method runs in the thread of the source."""

    def __init__(
        self,
        workflows: Sequence[Workflow],
        scan_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patterns = [(entry.name, [re.compile(text) for text in entry.match]) for entry in workflows]
        self._scan_interval = scan_interval
        self._clock = clock
        self._hints: dict[int, Hint] = {}
        self._ports: dict[int, str] = {}
        self._port_pids: dict[int, psutil.Process] = {}
        self._ports_at = float("-inf")
        self._known: dict[int, Known] = {}
        self._tracked: dict[int, Tracked] = {}
        self._confirmed: set[str] = set()
        self._attributed: dict[int, str] | None = None
        self._scan: Scan | None = None
        self._scan_at = float("-inf")
        self._members: dict[int, Member] = {}
        self._writes: Writes | None = None
        self._cgroups: Cgroups | None = None
        self.scans = 0
        self.hidden = 0
        self.seen = 0
        self.blind = False
        self.hints_cut = 0

    def hint(
        self, pids: Mapping[int, str], ports: Mapping[int, str], last_lines: Mapping[int, float]
    ) -> None:
        """Takes the pids of log lines and the ports of scraped endpoints (see ``HostSource``)."""
        chosen = [pid for pid in sorted(pids, reverse=True) if pid > 1]
        self.hints_cut = max(0, len(chosen) - MAX_HINTS)
        hints: dict[int, Hint] = {}
        for pid in chosen[:MAX_HINTS]:
            hint = self._hints.get(pid)
            if hint is None or hint.workflow != pids[pid]:
                hint = Hint(pids[pid])
            hint.last_line = last_lines.get(pid, hint.last_line)
            hints[pid] = hint
        self._hints = hints
        if ports != self._ports:
            self._ports = dict(ports)
            self._ports_at = float("-inf")

    def look(self) -> None:
        """One tick: hinted pids at once, a slice of the scan for new ones when it is due."""
        now = self._clock()
        for pid, hint in self._hints.items():
            self._check_hint(pid, hint)
        if self._scan is None and now - self._scan_at >= self._scan_interval:
            self._scan_at = now
            self._scan = scan = Scan(iter(()))
            scan.steps = self._scan_steps(scan)
        if self._scan is not None:
            for _ in self._scan.steps:
                if self._clock() - now >= SCAN_BUDGET:
                    break
            else:
                self._finish_scan(self._scan, now)
        self._attribute()

    @property
    def scanned(self) -> bool:
        """Whether all processes have been looked at once."""
        return bool(self._known)

    @property
    def live_pids(self) -> frozenset[int]:
        return frozenset(pid for pid, hint in self._hints.items() if hint.seen is not None and not hint.gone)

    @property
    def gone_pids(self) -> frozenset[int]:
        """Hinted pids whose process has surely ended.

        Either it was seen alive here, or it is nowhere although another pid of the same workflow was
        seen alive (so the log speaks of this host's pids, not of a container's).
        """
        return frozenset(
            pid
            for pid, hint in self._hints.items()
            if hint.gone and (hint.seen is not None or hint.workflow in self._confirmed)
        )

    def members(self, now: float) -> tuple[Member, ...]:
        """The processes that belong to a workflow by themselves. Those below one of the same workflow are its
        workers, which come and go as it likes. ``now`` in POSIX seconds."""
        direct = self._attributed or {}
        found: dict[int, Member] = {}
        # What belonged to a workflow once does so as long as it lives: a log line is no more when it is old.
        for pid in (*self._members, *(pid for pid in direct if pid not in self._members)):
            known = self._known.get(pid)
            if known is None or not alive(known.process):
                continue
            workflow = direct.get(pid) or self._members[pid].workflow
            if known.parent and self._inherited(known.parent, direct) == workflow:
                continue
            member = self._member(pid, workflow, known.process, now)
            if member is not None:
                found[pid] = member
        self._members = found
        return tuple(found.values())

    def _member(self, pid: int, workflow: str, process: psutil.Process, now: float) -> Member | None:
        born = created(process)
        known = self._members.get(pid)
        if born is None:
            return None
        if known is not None and (known.born, known.workflow) == (born, workflow) and now - born > SETTLE:
            return known
        command = command_of(process)
        return Member(pid, born, workflow, command, directory_of(process)) if command else None

    def look_closer(self, writes: Writes, cgroups: Cgroups) -> None:
        """From now on ``usage`` tells as well what they write, and how far they are from a memory limit."""
        self._writes, self._cgroups = writes, cgroups

    def usage(self) -> tuple[WorkflowProcesses, ...]:
        """RSS and CPU per workflow; a figure is unknown where one process did not tell."""
        groups: dict[str, list[tuple[int, int | None, float | None]]] = {}
        for pid, tracked in list(self._tracked.items()):
            measured = self._measure(tracked)
            if measured is None:
                del self._tracked[pid]
            else:
                groups.setdefault(tracked.workflow, []).append((pid, *measured))
        pids = {workflow: [pid for pid, _, _ in rows] for workflow, rows in groups.items()}
        writes = self._writes.look(self._clock(), pids) if self._writes is not None else {}
        return tuple(
            WorkflowProcesses(
                workflow=workflow,
                rss_bytes=sum_known([rss for _, rss, _ in rows]),
                cpu_ratio=sum_known([cpu for _, _, cpu in rows]),
                processes=len(rows),
                pids=tuple(sorted(pids[workflow])),
                write_bytes_per_second=writes.get(workflow),
                room_bytes=self._cgroups.room(pids[workflow]) if self._cgroups is not None else None,
            )
            for workflow, rows in sorted(groups.items())
        )

    def _measure(self, tracked: Tracked) -> tuple[int | None, float | None] | None:
        """RSS and CPU share since the last look; None when the process has ended."""
        import psutil

        try:
            if not tracked.process.is_running():
                return None
            rss = tracked.process.memory_info().rss
            times = tracked.process.cpu_times()
        except (psutil.NoSuchProcess, ProcessLookupError):
            return None
        except (psutil.Error, OSError):
            return None, None
        now, spent = self._clock(), times.user + times.system
        before, tracked.cpu = tracked.cpu, (now, spent)
        if before is None or now <= before[0]:
            return rss, None
        return rss, max(0.0, spent - before[1]) / (now - before[0])

    def _check_hint(self, pid: int, hint: Hint) -> None:
        if hint.seen is not None and not hint.gone:
            hint.gone = not alive(hint.seen)
        if hint.seen is not None and not hint.gone:
            return
        process = open_process(pid)
        if process is None:
            hint.gone = not exists(pid)
        elif (hint.seen is None and not hint.gone) or speaks_again(process, hint):
            self._adopt(hint, process)

    def _adopt(self, hint: Hint, process: psutil.Process) -> None:
        born = created(process)
        if born is None or not is_program(process):
            return
        if hint.last_line is not None and born > hint.last_line + CLOCK_SLACK:
            hint.gone = True  # the process that wrote the line is no more, its pid was handed out again
            return
        hint.seen, hint.gone = process, False
        self._confirmed.add(hint.workflow)

    def _scan_steps(self, scan: Scan) -> Iterator[None]:
        import psutil

        pids = psutil.pids()
        self.blind = os.name == "posix" and 1 not in pids
        own = os.getpid()
        for pid in pids:
            if pid == own:
                continue
            try:
                self._inspect(scan, pid)
            except psutil.AccessDenied:
                scan.hidden += 1
            except (psutil.NoSuchProcess, OSError):
                pass  # ended meanwhile
            yield

    def _inspect(self, scan: Scan, pid: int) -> None:
        import psutil

        process = psutil.Process(pid)
        before = self._known.get(pid)
        with process.oneshot():
            parent = process.ppid()
            same = before is not None and before.process == process
            if (
                same
                and before is not None
                and time.time() - process.create_time() > SETTLE + self._scan_interval
            ):
                matched = before.matched
            else:
                matched = self._match(process.cmdline())
        scan.known[pid] = Known(before.process if same and before is not None else process, parent, matched)

    def _match(self, command: list[str]) -> str | None:
        text = " ".join(command)[:MAX_COMMAND]
        if text:
            for name, patterns in self._patterns:
                if any(pattern.search(text) for pattern in patterns):
                    return name
        return None

    def _finish_scan(self, scan: Scan, now: float) -> None:
        self._scan = self._attributed = None
        self.scans += 1
        self._known, self.hidden, self.seen = scan.known, scan.hidden, len(scan.known) + scan.hidden
        lost = {port for port, process in self._port_pids.items() if not alive(process)}
        missing = set(self._ports) - set(self._port_pids)
        if lost or (missing and now - self._ports_at >= PORT_RETRY):
            self._ports_at = now
            self._port_pids = listeners(self._ports)

    def _attribute(self) -> None:
        """Command line first, then log lines, then ports; children go with their nearest ancestor."""
        direct = {
            process.pid: self._ports[port] for port, process in self._port_pids.items() if port in self._ports
        }
        direct.update(
            {pid: hint.workflow for pid, hint in self._hints.items() if hint.seen and not hint.gone}
        )
        direct.update({pid: known.matched for pid, known in self._known.items() if known.matched})
        if direct == self._attributed:
            return
        self._attributed = direct
        wanted = {pid: owner for pid in {*self._known, *direct} if (owner := self._inherited(pid, direct))}
        for pid in set(self._tracked) - set(wanted):
            del self._tracked[pid]
        for pid, workflow in wanted.items():
            tracked, process = self._tracked.get(pid), self._process(pid)
            if process is None:
                continue
            if tracked is not None and tracked.process == process:
                tracked.workflow = workflow
            else:
                self._tracked[pid] = Tracked(process, workflow)

    def _inherited(self, pid: int, direct: Mapping[int, str]) -> str | None:
        visited = set()
        at: int | None = pid
        while at is not None and at not in visited:
            if at in direct:
                return direct[at]
            visited.add(at)
            known = self._known.get(at)
            at = known.parent if known else None
        return None

    def _process(self, pid: int) -> psutil.Process | None:
        hint, known = self._hints.get(pid), self._known.get(pid)
        if hint is not None and hint.seen is not None and not hint.gone:
            return hint.seen
        if known is not None:
            return known.process
        return next((process for process in self._port_pids.values() if process.pid == pid), None)


def speaks_again(process: psutil.Process, hint: Hint) -> bool:
    """After a pid was reused: whether a later log line speaks of the process that has it now."""
    born = created(process)
    return born is not None and hint.last_line is not None and hint.last_line >= born


Number = TypeVar("Number", int, float)


def sum_known(values: Sequence[Number | None]) -> Number | None:
    """The sum, unknown when a part of it is."""
    known = [value for value in values if value is not None]
    return sum(known, start=type(known[0])()) if known and len(known) == len(values) else None
