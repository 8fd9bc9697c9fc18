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
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from wfmon.model.record import dataclass, field
from wfmon.sources.discovery.facts import LogFile, Refused

MAX_DESCRIPTORS = 1_000  # of one process
FIRST_BYTES = 4_096
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_NAMED = re.compile(r"\.(?:jsonl|ndjson|log)(?:[.-]\d+)?$|[.-]log[.-]\d{4}-?\d\d-?\d\d$", re.IGNORECASE)
_JSON_NAMED = re.compile(r"\.(?:jsonl|ndjson)(?:[.-]\d+)?$", re.IGNORECASE)
_NEVER = ("/dev/", "/proc/", "/sys/")
_TIMED = re.compile(
    rb"\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[?\d\d:\d\d:\d\d[ .,\]]|\w{3} [ \d]\d \d\d:\d\d:\d\d "
)
_LOGFMT = re.compile(rb"(?:[\w.]+=(?:\"[^\"]*\"|\S*) ?){3}")
Key = tuple[int, int]  # device, inode
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW


@dataclass(slots=True)
class OpenFiles:
    """``denied``: processes whose descriptors may not be listed. ``sockets``: inode -> pid. ``cut``:
    processes with more descriptors than are looked at. ``later``: how many were not looked at yet."""

    files: list[LogFile] = field(default_factory=list)
    sockets: dict[int, int] = field(default_factory=dict)
    denied: set[int] = field(default_factory=set)
    cut: int = 0
    later: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which process which files count: ``plain``: also those that hold plain text; ``within``: only those
    whose path has this in it. ``files`` False: its sockets alone. ``command`` tells the process from a later
    one with its pid."""

    plain: bool
    within: str = ""
    files: bool = True
    command: tuple[str, ...] = ()


@dataclass(slots=True)
class _Part:
    """Of one process, when it was looked at last."""

    how: Wanted
    files: dict[Key, LogFile] = field(default_factory=dict)
    sockets: list[int] = field(default_factory=list)
    denied: bool = False
    cut: bool = False


class Descriptors:
    """Looks at descriptors again and again. ``never``: directories whose files are our own. ``budget``: CPU
    seconds of one look; what does not fit is as it was before, and the first of the next look. None: all."""

    def __init__(
        self,
        never: Iterable[str] = (),
        proc: str = "/proc",
        *,
        budget: float | None = None,
        spent: Callable[[], float] = time.thread_time,
    ) -> None:
        self._own = tuple(os.path.realpath(path) + "/" for path in never)
        self._proc = proc
        self._budget = budget
        self._spent = spent
        self._parts: dict[int, _Part] = {}  # those that were looked at longest ago first

    def look(self, wanted: Mapping[int, Wanted]) -> OpenFiles:
        began = self._spent()
        known = {pid: part for pid, part in self._parts.items() if wanted.get(pid) == part.how}
        new = sorted((pid for pid in wanted if pid not in known), key=lambda pid: not wanted[pid].plain)
        later = 0
        for pid in [*new, *known]:
            if self._budget is not None and self._spent() - began >= self._budget:
                later += pid not in known
                continue
            known.pop(pid, None)
            part = _look_at(f"{self._proc}/{pid}/fd", pid, wanted[pid], self._own)
            if part is not None:
                known[pid] = part
        self._parts = known
        return self._all(later)

    def _all(self, later: int) -> OpenFiles:
        """A file that several hold is one file."""
        found = OpenFiles(later=later)
        files: dict[Key, LogFile] = {}
        for pid, part in sorted(self._parts.items()):
            for key, file in part.files.items():
                files.setdefault(key, file)
            found.sockets |= dict.fromkeys(part.sockets, pid)
            found.denied |= {pid} if part.denied else set()
            found.cut += part.cut
        found.files = list(files.values())
        return found


def read_open_files(wanted: Mapping[int, Wanted], never: Iterable[str] = ()) -> OpenFiles:
    """All of them, once."""
    return Descriptors(never).look(wanted)


def _look_at(directory: str, pid: int, how: Wanted, own: tuple[str, ...]) -> _Part | None:
    """None: it has ended."""
    part = _Part(how)
    try:
        with os.scandir(directory) as entries:
            names = [entry.name for entry in islice(entries, MAX_DESCRIPTORS + 1)]
        part.cut = len(names) > MAX_DESCRIPTORS
        for name in names[:MAX_DESCRIPTORS]:
            _look(f"{directory}/{name}", pid, part, own)
    except PermissionError:  # with CAP_DAC_READ_SEARCH they are listed, and that is all
        part.denied = True
    except OSError:
        return None
    return part


def _look(link: str, pid: int, part: _Part, own: tuple[str, ...]) -> None:
    """Raises PermissionError where it may not be looked at."""
    how = part.how
    try:
        target = os.readlink(link)
        if not target.startswith("/"):
            socket = _SOCKET.fullmatch(target)
            part.sockets += [int(socket[1])] if socket is not None else []
            return
        if not how.files or target.startswith((*_NEVER, *own)) or how.within not in target:
            return
        if not os.lstat(link).st_mode & stat.S_IWUSR:
            return  # it only reads it
        held = os.stat(link)
    except FileNotFoundError:
        return  # it was closed meanwhile
    key = (held.st_dev, held.st_ino)
    if not stat.S_ISREG(held.st_mode) or not held.st_nlink or key in part.files:
        return
    file = _log_file(target, pid, held, how)
    if file is not None:
        part.files[key] = file


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
