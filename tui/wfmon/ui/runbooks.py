"""Runbooks: links, which are shown, and files that this process's own config names, which are read.

Nothing is opened, run or fetched. A path that only an alert names (an annotation of another system, the
snapshot of another collector) is shown and not read.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from wfmon.config.schema import Config
from wfmon.model.record import dataclass, field
from wfmon.text.numbers import size
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe, safe_lines

MOST_BYTES = 64 * 1024
_MOST_LINES = 2_000
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//|[^\s/])")
_WORDS = {
    "FileNotFoundError": "there is no such file",
    "PermissionError": "it may not be read",
    "NotADirectoryError": "there is no such file",
    "IsADirectoryError": "it is a directory",
}


@dataclass(frozen=True, slots=True)
class Runbook:
    """``lines``: safe rows of a file. ``problem``: why there are none, in words; ``note``: what else a
    person should know of it."""

    text: str
    is_link: bool = False
    place: str = ""
    lines: tuple[str, ...] = ()
    problem: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Runbooks:
    """``places``: by the text that the config says, the file that it means."""

    places: Mapping[str, Path] = field(default_factory=dict)

    def read(self, text: str) -> Runbook:
        """Never raises. May block as long as the file system does."""
        if is_link(text):
            return Runbook(text, is_link=True)
        path = self.places.get(text)
        if path is None:
            return Runbook(
                text, problem="not read: it is no link, and no [[workflow]] of this config names it"
            )
        try:
            raw, whole = _read(path)
        except OSError as error:
            words = _WORDS.get(type(error).__name__) or error.strerror or "it cannot be read"
            return Runbook(text, place=str(path), problem=words.lower())
        lines = safe_lines(redact(raw.decode("utf-8", "replace")), limit_lines=_MOST_LINES)
        note = "" if len(raw) == whole else f"the first {size(len(raw))} of {size(whole)}"
        return Runbook(text, place=str(path), lines=lines, note=note)


def is_link(text: str) -> bool:
    return _LINK.match(text) is not None


def named_in(config: Config, beside: Path) -> Runbooks:
    """The runbooks of a config. Their paths are absolute, or relative to ``[ui] runbooks``, which is
    relative to ``beside``, the directory of the config file."""
    base = beside / _home(config.ui.runbooks)
    named = {safe(entry.runbook): entry.runbook for entry in config.workflow if entry.runbook}
    return Runbooks({shown: base / _home(text) for shown, text in named.items() if not is_link(text)})


def _home(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # no such user
        return Path(text)


def _read(path: Path) -> tuple[bytes, int]:
    """At most ``MOST_BYTES`` of a plain file, and its size. Opening waits for nobody; OSError otherwise."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        if stat.S_ISDIR(facts.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(0, "it is not a plain file")
        raw = b""
        while len(raw) < MOST_BYTES and (part := os.read(descriptor, MOST_BYTES - len(raw))):
            raw += part
        return raw, max(facts.st_size, len(raw))
    finally:
        os.close(descriptor)
