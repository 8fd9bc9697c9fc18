"""Files of the state directory: plain ones only, with the mode and group that their readers need."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from wfmon.store.paths import StateDir

_ALWAYS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_plain(path: Path, flags: int, make_in: StateDir | None = None) -> int:
    """A descriptor of a plain file, never of a link, a pipe or a device; made where it is missing if
    ``make_in`` is given. Raises OSError."""
    try:
        descriptor = os.open(path, flags | _ALWAYS)
    except FileNotFoundError:
        if make_in is None:
            raise
        descriptor = os.open(path, flags | os.O_CREAT | _ALWAYS, make_in.file_mode)
        made = True
    else:
        made = False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        if made and make_in is not None:
            give_to_group(descriptor, make_in)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def create(path: Path, state: StateDir) -> Iterator[int]:
    """A new file that takes the place of ``path`` at the end, or of nothing if that fails. The descriptor
    stays open only until then. Raises OSError."""
    name = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _ALWAYS, state.file_mode)
    try:
        give_to_group(descriptor, state)
        yield descriptor
        os.rename(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    finally:
        os.close(descriptor)


def give_to_group(descriptor: int, state: StateDir) -> None:
    """The mode of the state directory's files whatever the umask, and its group where it is shared."""
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid():
        return
    os.fchmod(descriptor, state.file_mode)
    group = state.path.stat().st_gid
    if state.shared and found.st_gid != group:
        os.fchown(descriptor, -1, group)


def same_file(descriptor: int, path: Path) -> bool:
    """Whether the file under the name is the one that is open."""
    try:
        named = os.lstat(path)
    except OSError:
        return False
    opened = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
