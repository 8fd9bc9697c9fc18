"""Texts that were copied, kept as files too: a terminal may drop what it is sent without a word."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from wfmon.config.schema import Config
from wfmon.text.numbers import size

KEPT = 50  # files; the oldest go
CLIPBOARD_BYTES = 56_000  # of text: terminals take about 74 kB of OSC 52, which is base64
_TRIES = 20
_NAME = re.compile(r"\d{8}-\d{6}-[\w.-]{1,80}\.(?:md|csv|json)")
_ALWAYS = os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALWAYS


class Copies:
    """Files in a directory that is this user's alone (0700, files 0600), within ``base``, which others
    may share. ``base`` is asked for when it is first needed."""

    def __init__(self, base: Callable[[], Path]) -> None:
        self._base = base

    def save(self, what: str, text: str, at: float, kind: str = "md") -> Path:
        """Write ``text`` to a new file named by ``what``, ``at`` (POSIX seconds) and its ``kind`` (``md``,
        ``csv``, ``json``). Raises OSError."""
        path = self._base() / f"copies-{os.geteuid()}"
        directory = _opened(path)
        try:
            name = _write(directory, _name(what, at), kind, text.encode("utf-8", "replace"))
            _prune(directory)
        finally:
            os.close(directory)
        return path / name


def kept_in(config: Config) -> Copies:
    """Copies in the state directory that the settings ask for."""
    from wfmon.monitor.assemble import base_dir

    return Copies(lambda: base_dir(config).path)


def homely(path: Path) -> str:
    """The path as people write it: ``~`` for their home."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)


def clipped(text: str) -> tuple[str, str]:
    """``text`` as far as a terminal's clipboard takes it, and how much that is, in words, where it is not
    all."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= CLIPBOARD_BYTES:
        return text, ""
    note = f"\n… cut: {size(CLIPBOARD_BYTES)} of {size(len(raw))}\n"
    head = raw[: CLIPBOARD_BYTES - len(note.encode())]
    return head.decode("utf-8", "ignore") + note, f"{size(CLIPBOARD_BYTES)} of {size(len(raw))}"


def _opened(path: Path) -> int:
    """A descriptor of the directory, made where it is missing. Another's, or a link, is refused."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _ALWAYS)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            raise OSError(errno.EPERM, "belongs to somebody else", str(path))
        if stat.S_IMODE(found.st_mode) & 0o777 != 0o700:
            os.fchmod(descriptor, 0o700)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _name(what: str, at: float) -> str:
    """It sorts by time. ``what`` may come from outside."""
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%d-%H%M%S")
    return f"{stamp}-{re.sub(r'[^A-Za-z0-9_-]+', '-', what)[:60] or 'text'}"


def _write(directory: int, stem: str, kind: str, raw: bytes) -> str:
    for number in range(1, _TRIES + 1):
        name = f"{stem}.{kind}" if number == 1 else f"{stem}.{number}.{kind}"
        try:
            descriptor = os.open(
                name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _ALWAYS, 0o600, dir_fd=directory
            )
        except FileExistsError:
            continue
        try:
            os.fchmod(descriptor, 0o600)
            with open(descriptor, "wb") as stream:
                stream.write(raw)
        except BaseException:
            os.unlink(name, dir_fd=directory)
            raise
        return name
    raise OSError(errno.EEXIST, "too many files of this second")


def _prune(directory: int) -> None:
    """Only files that are named as ours are go."""
    ours = sorted(name for name in os.listdir(directory) if _NAME.fullmatch(name))
    for name in ours[:-KEPT]:
        os.unlink(name, dir_fd=directory)
