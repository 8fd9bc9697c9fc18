"""Which right or setting would let a source tell more: advice for ``doctor``, from what can be looked at."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterable, Sequence

from wfmon.model.source import Failure, SourceState, SourceStatus
from wfmon.text.sanitize import safe

_MOST_FILES = 3
_MOST_LOOKED = 200
_PATH = 200
_OTHERS = re.compile(r"processes of other users")
_HIDEPID = re.compile(r"(?:^|,)hidepid=(\w+)")
_GID = re.compile(r"(?:^|,)gid=(\d+)")
PTRACE = "root, or CAP_SYS_PTRACE: AmbientCapabilities=CAP_SYS_PTRACE in the unit of wfmon-tui init --unit"

_FAILURES = {
    Failure.REFUSED: "nobody listens there: start it, or correct its address in the config",
    Failure.TIMEOUT: "it answers too late: timeout of its [[source]] gives it more time",
    Failure.AUTH: 'auth of its [[source]]: { bearer = "env:NAME" }, or username and password = "file:PATH"',
    Failure.NOT_FOUND: "another path: the metrics of LiteLLM are at /metrics/, of Kestra at /prometheus",
    Failure.NOT_METRICS: "its address leads to a page that is no exposition: name the path, often /metrics",
    Failure.NOT_JSON: "its address leads to a page that is no API: name the server, without /graph",
    Failure.TOO_LARGE: "max_bytes of its [[source]] allows more",
    Failure.MISSING: "no file matches its paths: correct them, or start what writes them",
}


def advice(source: SourceStatus, paths: Sequence[str] = (), mounts: str = "/proc/mounts") -> list[str]:
    """What would help, a line each; empty where nothing is wanting that a right or a setting gives.

    ``paths``: the globs of a log source. ``mounts``: the table of mounts (proc(5)).
    """
    found = []
    if source.failure is not None and source.state is not SourceState.OK:
        words = _FAILURES.get(source.failure)
        found += [words] if words is not None else []
    if source.kind == "logs":
        found += of_files(paths)
    if source.kind == "host" and any(_OTHERS.search(words) for words in source.missing):
        found += of_processes(mounts)
    return found


def of_files(patterns: Iterable[str]) -> list[str]:
    """Files that may not be read, and who may."""
    found: list[str] = []
    for pattern in patterns:
        whole = os.path.expanduser(pattern)
        closed = _closed_directory(whole)
        if closed is not None:
            found.append(_who_may(closed, stat.S_IRGRP | stat.S_IXGRP, "directory"))
        denied = [
            path for path in sorted(glob.glob(whole, recursive=True))[:_MOST_LOOKED] if not _readable(path)
        ]
        found += [_who_may(path, stat.S_IRGRP, "file") for path in denied[:_MOST_FILES]]
        if len(denied) > _MOST_FILES:
            found.append(f"{len(denied) - _MOST_FILES} more files of {safe(pattern, limit=_PATH)}")
    return list(dict.fromkeys(found))


def of_processes(mounts: str = "/proc/mounts") -> list[str]:
    """What shows processes of other users: with hidepid the group that may see them (proc(5))."""
    options = _proc_options(mounts)
    hidden = _HIDEPID.search(options)
    if hidden is None or hidden[1] in ("0", "off"):
        return [PTRACE]
    group = _GID.search(options)
    if group is None:
        return [f"/proc is mounted with hidepid={hidden[1]}: root, or mount -o remount,gid=GID /proc", PTRACE]
    name = _group(int(group[1]))
    member = f"usermod --append --groups {name} USER"
    return [f"/proc is mounted with hidepid={hidden[1]}: its group {name} sees all ({member})", PTRACE]


def _readable(path: str) -> bool:
    return os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids)


def _closed_directory(pattern: str) -> str | None:
    """The first directory above what ``pattern`` may match that may not be listed or entered."""
    fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    above = os.path.dirname(fixed) or "."
    parts = above.split("/")
    for count in range(1, len(parts) + 1):
        directory = "/".join(parts[:count]) or "/"
        last = count == len(parts)
        needed = os.X_OK | (os.R_OK if last and fixed != pattern else 0)
        if os.path.isdir(directory) and not os.access(directory, needed):
            return directory
    return None


def _who_may(path: str, bits: int, kind: str) -> str:
    shown = safe(path, limit=_PATH)
    try:
        status = os.stat(path)
    except OSError as error:
        return f"{kind} {shown}: {os.strerror(error.errno or 0).lower()}"
    if status.st_mode & bits == bits and status.st_gid:
        group = _group(status.st_gid)
        return f"{kind} {shown}: its group {group} may read it (usermod --append --groups {group} USER)"
    who = f"{_user(status.st_uid)} and root" if status.st_uid else "root"
    return f"{kind} {shown}: only {who} may read it (chmod g+r{'x' if kind == 'directory' else ''})"


def _proc_options(mounts: str) -> str:
    """The options with which ``/proc`` is mounted; empty where that is not told."""
    try:
        with open(mounts, encoding="utf-8", errors="replace") as file:
            rows = [line.split() for line in file]
    except OSError:
        return ""
    options = [row[3] for row in rows if len(row) > 3 and row[1] == "/proc" and row[2] == "proc"]
    return options[-1] if options else ""


def _group(gid: int) -> str:
    import grp

    try:
        return safe(grp.getgrgid(gid).gr_name, limit=40)
    except KeyError:
        return str(gid)


def _user(uid: int) -> str:
    import pwd

    try:
        return safe(pwd.getpwuid(uid).pw_name, limit=40)
    except KeyError:
        return f"uid {uid}"
