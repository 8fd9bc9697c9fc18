"""One look around: facts, read in the order in which one leads to the next."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wfmon.model.record import replace
from wfmon.sources.discovery.facts import Facts, KnownFiles, Listener, Process
from wfmon.sources.discovery.knownpaths import home_of, read_known
from wfmon.sources.discovery.listeners import read_listeners
from wfmon.sources.discovery.openfiles import MAX_DESCRIPTORS, Descriptors, OpenFiles, Wanted
from wfmon.sources.discovery.processes import read_processes
from wfmon.sources.discovery.servers import Ports, Servers
from wfmon.sources.discovery.systems import is_own, program_of, system_of

FILES_SECONDS = 0.025  # of CPU, that one look spends on the descriptors of processes

Usual = Callable[[], Mapping[str, Sequence[str]]]


class Lookout:
    """Looks again and again; keeps what need not be asked twice.

    ``usual``: globs of log files by system, asked for at the first look; raises what it likes. ``never``:
    directories of our own. ``every_socket``: also tell whose the sockets of unknown programs are, which
    costs a look at the descriptors of every process.
    """

    def __init__(
        self,
        usual: Usual,
        *,
        connect: bool = True,
        never: Iterable[str] = (),
        ports: Ports | None = None,
        every_socket: bool = False,
        proc: str = "/proc",
    ) -> None:
        self._usual = usual
        self._connect = connect
        # A person who waits for init wants all of it.
        self._descriptors = Descriptors(never, proc, budget=None if every_socket else FILES_SECONDS)
        self._servers = Servers(ports)
        self._every_socket = every_socket
        self._proc = proc

    def look(self, now: float) -> Facts:
        """``now`` in POSIX seconds. Raises OSError where not even processes can be read."""
        processes, blind = read_processes(self._proc)
        listeners, unreadable = read_listeners(self._proc)
        opened = self._descriptors.look(self._wanted(processes))
        return Facts(
            at=now,
            processes=tuple(_with_seen(each, opened) for each in processes),
            listeners=tuple(replace(each, pid=opened.sockets.get(each.inode)) for each in listeners),
            files=tuple(opened.files),
            known=tuple(self._known(processes)),
            servers=self._servers.look(_told(listeners, unreadable), connect=self._connect),
            blind=blind,
            cut=tuple(_cut(opened)),
            unreadable=unreadable,
            later=opened.later,
        )

    def _wanted(self, processes: Sequence[Process]) -> dict[int, Wanted]:
        found: dict[int, Wanted] = {}
        for process in processes:
            if not process.command or process.pid == os.getpid() or is_own(process.command):
                continue
            system = system_of(process.command)
            if system is not None:
                found[process.pid] = Wanted(True, system.files, command=process.command)
                continue
            program = program_of(process.command)
            if program is not None and program.script:
                found[process.pid] = Wanted(False, command=process.command)
            elif self._every_socket:
                found[process.pid] = Wanted(False, files=False, command=process.command)
        return found

    def _known(self, processes: Sequence[Process]) -> list[KnownFiles]:
        mine = home_of(os.geteuid())
        environment = os.environ.get("HOME")
        homes: dict[str, list[str]] = {}
        usual = self._usual()
        for name in usual:
            homes[name] = [home for home in (environment, mine) if home]
        for process in processes:
            system = system_of(process.command) if process.command else None
            if system is not None and system.name in homes:
                home = home_of(process.uid)
                homes[system.name] += [home] if home else []
        return read_known(usual, homes)


def _cut(opened: OpenFiles) -> Iterator[str]:
    if opened.later:
        yield f"open files of {opened.later} more processes: at the next look"
    if opened.cut:
        yield f"descriptors beyond the first {MAX_DESCRIPTORS} of {opened.cut} processes"


def _with_seen(process: Process, opened: OpenFiles) -> Process:
    return replace(process, seen=False) if process.pid in opened.denied else process


def _told(listeners: tuple[Listener, ...], unreadable: Sequence[str]) -> tuple[Listener, ...] | None:
    return None if unreadable else listeners
