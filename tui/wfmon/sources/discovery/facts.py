"""What a look at the host saw, as data. Texts are raw: they are made safe where words are made of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from wfmon.model.record import dataclass

Kind = Literal["prometheus", "alertmanager"]


@dataclass(frozen=True, slots=True)
class Process:
    """``command`` is cut after some kilobytes; empty for kernel threads. ``seen``: its open files could be
    listed; None: nobody tried."""

    pid: int
    uid: int
    command: tuple[str, ...]
    seen: bool | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening TCP socket of this network namespace. ``pid`` None: whose it is may not be seen."""

    address: str
    port: int
    inode: int
    pid: int | None = None


class Refused(StrEnum):
    """Why an open file is not read."""

    DENIED = "may not be read"
    ELSEWHERE = "is in another view of the file system (a container)"
    PLAIN = "holds plain text"


@dataclass(frozen=True, slots=True)
class LogFile:
    """A regular file that a process holds open to write to. ``refused`` None: it can be read."""

    path: str
    pid: int
    refused: Refused | None = None
    gid: int | None = None  # of a file that may not be read ...
    group_reads: bool = False  # ... though its group may


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """Files that exist at a usual place of ``system``: the glob, and POSIX seconds of the newest change.
    ``readable`` counts those that may be read."""

    system: str
    glob: str
    files: int
    readable: int
    newest: float


class Server(StrEnum):
    """What answers at one of the two ports."""

    NOBODY = "nobody listens"
    RIGHT = "answers"
    LOGIN = "wants a login"
    OTHER = "something else answers"
    SILENT = "does not answer"
    UNASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Answered:
    """``version`` as the server tells it, raw; ``detail`` why it is silent."""

    kind: Kind
    port: int
    what: Server
    version: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """``blind``: processes of other users are not even listed (hidepid). ``cut``: what was left out because
    there was too much, in words. ``unreadable``: tables of the kernel that could not be read. ``later``:
    processes whose open files the next look sees."""

    at: float
    processes: tuple[Process, ...] = ()
    listeners: tuple[Listener, ...] = ()
    files: tuple[LogFile, ...] = ()
    known: tuple[KnownFiles, ...] = ()
    servers: tuple[Answered, ...] = ()
    blind: bool = False
    cut: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    later: int = 0
