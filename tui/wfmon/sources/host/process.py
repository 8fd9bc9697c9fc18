"""Questions about one process, answered without raising: it may end, or be another user's, at any time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def open_process(pid: int) -> psutil.Process | None:
    import psutil

    try:
        return psutil.Process(pid)
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None


def alive(process: psutil.Process) -> bool:
    """Still the same process, and not one that only waits to be reaped."""
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):
        return True  # it is there, and this user may not look at it


def exists(pid: int) -> bool:
    """Asks the kernel, which also answers for processes that this user may not look at."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def created(process: psutil.Process) -> float | None:
    """POSIX seconds."""
    import psutil

    try:
        return float(process.create_time())
    except (psutil.Error, OSError):
        return None


def command_of(process: psutil.Process) -> tuple[str, ...]:
    """Empty where it has none, or none that this user may see."""
    import psutil

    try:
        return tuple(process.cmdline())
    except (psutil.Error, OSError):
        return ()


def directory_of(process: psutil.Process) -> str | None:
    import psutil

    try:
        return process.cwd() or None
    except (psutil.Error, OSError):
        return None


def is_program(process: psutil.Process) -> bool:
    """Kernel threads have no command line; a pid that names one comes from another pid namespace."""
    import psutil

    try:
        return bool(process.cmdline())
    except psutil.AccessDenied:
        return True
    except (psutil.Error, OSError):
        return False


def listeners(ports: Mapping[int, str]) -> dict[int, psutil.Process]:
    """The processes behind listening TCP ports, as far as this user may see them."""
    import psutil

    found: dict[int, psutil.Process] = {}
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return found
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr or not connection.pid:
            continue
        port = int(connection.laddr.port)
        process = open_process(connection.pid) if port in ports else None
        if process is not None:
            found[port] = process
    return found
