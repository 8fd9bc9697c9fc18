"""The process table: who runs, as whom, with which command line. One pass over ``/proc`` (proc(5))."""

from __future__ import annotations

import os

from wfmon.sources.discovery.facts import Process

MAX_PROCESSES = 20_000
MAX_COMMAND = 4_096  # bytes; longer command lines are those of Java with its class path


def read_processes(proc: str = "/proc") -> tuple[tuple[Process, ...], bool]:
    """All that may be seen, and whether there are others (``hidepid``). Raises OSError where there is no
    process table."""
    if proc == "/proc" and not os.path.isdir("/proc/self"):
        return _elsewhere(), False
    pids = [int(name) for name in os.listdir(proc) if name.isdigit()][:MAX_PROCESSES]
    found = (_read(proc, pid) for pid in sorted(pids))
    return tuple(each for each in found if each is not None), 1 not in pids


def _read(proc: str, pid: int) -> Process | None:
    directory = f"{proc}/{pid}"
    try:
        uid = os.stat(directory).st_uid
        descriptor = os.open(f"{directory}/cmdline", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # it has ended
    try:
        raw = os.read(descriptor, MAX_COMMAND)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return Process(pid, uid, words_of(raw))


def words_of(raw: bytes) -> tuple[str, ...]:
    """The words of a raw command line; one that its process has overwritten (setproctitle) ends in zeros."""
    text = raw.rstrip(b"\0").decode("utf-8", "surrogateescape")
    return tuple(text.split("\0")) if text else ()


def _elsewhere() -> tuple[Process, ...]:
    """Without ``/proc``."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                found.append(Process(process.pid, process.uids().real, tuple(process.cmdline())))
        except (psutil.Error, OSError):
            continue  # it has ended, or may not be looked at
    return tuple(found)
