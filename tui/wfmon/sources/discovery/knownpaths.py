"""Files at the usual places of a system: the globs that its profile names, in the homes of who runs it."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Collection, Iterable, Mapping

from wfmon.sources.discovery.facts import KnownFiles

MAX_FILES = 200  # looked at of one glob


def home_of(uid: int) -> str | None:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir or None
    except KeyError:
        return None


def in_homes(pattern: str, homes: Iterable[str]) -> list[str]:
    """``pattern`` with ``~`` replaced by each home; as it is where it has none."""
    if not pattern.startswith("~/"):
        return [pattern]
    return [glob.escape(home) + pattern[1:] for home in dict.fromkeys(homes) if home.startswith("/")]


def read_known(
    patterns: Mapping[str, Iterable[str]], homes: Mapping[str, Collection[str]]
) -> list[KnownFiles]:
    """``patterns``: globs by system; ``homes``: by system, of who runs it. Only globs that match a regular
    file."""
    found = []
    for system, globs in patterns.items():
        for pattern in dict.fromkeys(each for one in globs for each in in_homes(one, homes.get(system, ()))):
            known = _known(system, pattern)
            if known is not None:
                found.append(known)
    return found


def _known(system: str, pattern: str) -> KnownFiles | None:
    files = readable = 0
    newest = 0.0
    for path in sorted(glob.iglob(pattern))[:MAX_FILES]:
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            files += 1
            readable += os.access(path, os.R_OK)
            newest = max(newest, status.st_mtime)
    return KnownFiles(system, pattern, files, readable, newest) if files else None
