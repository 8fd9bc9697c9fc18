"""What processes hold open: the sockets that they listen on, and the log files that they write to.

Nothing is opened but regular files, and those only where their name does not say what they are. What a
link in ``/proc/PID/fd`` says is a path in that process's own view of the file system: it is followed only
where the file there is the very one that the process holds.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping

from wfmon.model.record import dataclass, field
from wfmon.sources.discovery.facts import LogFile, Refused

MAX_DESCRIPTORS = 1_000  # of one process ...
MAX_OF_ALL = 20_000  # ... and of all: 50 ms
FIRST_BYTES = 4_096
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_NAMED = re.compile(r"\.(?:jsonl|ndjson|log)(?:[.-]\d+)?$|[.-]log[.-]\d{4}-?\d\d-?\d\d$", re.IGNORECASE)
_JSON_NAMED = re.compile(r"\.(?:jsonl|ndjson)(?:[.-]\d+)?$", re.IGNORECASE)
_NEVER = ("/dev/", "/proc/", "/sys/")
_TIMED = re.compile(
    rb"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[?\d\d:\d\d:\d\d[ .,\]]|\w{3} [ \d]\d \d\d:\d\d:\d\d "
)
_LOGFMT = re.compile(rb"(?:[\w.]+=(?:\"[^\"]*\"|\S*) ?){3}")
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW


@dataclass(slots=True)
class OpenFiles:
    """``denied``: processes whose descriptors may not be listed. ``sockets``: inode -> pid. ``cut``: there
    were more descriptors than are looked at."""

    files: list[LogFile] = field(default_factory=list)
    sockets: dict[int, int] = field(default_factory=dict)
    denied: set[int] = field(default_factory=set)
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which process which files count: ``plain``: also those that hold plain text; ``within``: only those
    whose path has this in it. ``files`` False: its sockets alone."""

    plain: bool
    within: str = ""
    files: bool = True


def read_open_files(
    wanted: Mapping[int, Wanted], never: Iterable[str] = (), proc: str = "/proc"
) -> OpenFiles:
    """``never``: directories whose files are our own."""
    found = OpenFiles()
    own = tuple(os.path.realpath(path) + "/" for path in never)
    left = MAX_OF_ALL
    seen: set[tuple[int, int]] = set()
    for pid, how in wanted.items():
        try:
            names = os.listdir(f"{proc}/{pid}/fd")
        except PermissionError:
            found.denied.add(pid)
            continue
        except OSError:
            continue  # it has ended
        most = min(MAX_DESCRIPTORS, left)
        found.cut = found.cut or len(names) > most
        left -= min(len(names), most)
        for name in names[:most]:
            if pid in found.denied:
                break
            _look(f"{proc}/{pid}/fd/{name}", pid, how, own, seen, found)
    return found


def _look(
    link: str, pid: int, how: Wanted, own: tuple[str, ...], seen: set[tuple[int, int]], found: OpenFiles
) -> None:
    try:
        target = os.readlink(link)
    except PermissionError:  # CAP_DAC_READ_SEARCH lists them, and that is all
        found.denied.add(pid)
        return
    except OSError:
        return  # it was closed meanwhile
    if not target.startswith("/"):
        socket = _SOCKET.fullmatch(target)
        if socket is not None:
            found.sockets[int(socket[1])] = pid
        return
    if not how.files or target.startswith((*_NEVER, *own)) or how.within not in target:
        return
    try:
        if not os.lstat(link).st_mode & stat.S_IWUSR:
            return  # it only reads it
        held = os.stat(link)
    except PermissionError:
        found.denied.add(pid)
        return
    except OSError:
        return
    key = (held.st_dev, held.st_ino)
    if not stat.S_ISREG(held.st_mode) or not held.st_nlink or key in seen:
        return
    file = _log_file(target, pid, held, how)
    if file is not None:
        seen.add(key)
        found.files.append(file)


def _log_file(path: str, pid: int, held: os.stat_result, how: Wanted) -> LogFile | None:
    """None: nothing says that it is a log."""
    named = _NAMED.search(path) is not None
    refused: Refused | None = None
    first = b""
    try:
        first = first_bytes(path, held)
    except PermissionError:
        refused = Refused.DENIED
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ELOOP):
            return None
        refused = Refused.ELSEWHERE
    if refused is not None:
        if not named or (not how.plain and _JSON_NAMED.search(path) is None):
            return None
        group_reads = bool(held.st_mode & stat.S_IRGRP)
        return LogFile(path, pid, refused, held.st_gid, group_reads)
    if looks_json(first) or (not first and _JSON_NAMED.search(path)):
        return LogFile(path, pid)
    if b"\0" in first or not (named or looks_logged(first)):
        return None
    return LogFile(path, pid) if how.plain else LogFile(path, pid, Refused.PLAIN)


def first_bytes(path: str, held: os.stat_result) -> bytes:
    """The beginning of the file that ``held`` is of. Raises OSError: ESTALE where ``path`` is another."""
    there = os.lstat(path)
    if not stat.S_ISREG(there.st_mode) or (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino):
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        there = os.fstat(descriptor)
        if (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)
        return os.pread(descriptor, FIRST_BYTES, 0)
    finally:
        os.close(descriptor)


def looks_json(first: bytes) -> bool:
    """Whether one of the first lines is a JSON object."""
    import json

    for line in _lines(first):
        text = line.strip()
        if not text.startswith(b"{"):
            continue
        try:
            return isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            # A line that is longer than what was read of it is told by its beginning.
            return len(text) >= FIRST_BYTES - 1 and re.match(rb'\{\s*"', text) is not None
    return False


def looks_logged(first: bytes) -> bool:
    """Whether one of the first lines begins with a time, or is of key=value."""
    return any(_TIMED.match(line) or _LOGFMT.match(line) for line in _lines(first))


def _lines(first: bytes) -> Iterator[bytes]:
    yield from first.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:5]
