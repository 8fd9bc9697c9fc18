"""Changes of the files that workflows are configured by, and of their scripts: seen by ``stat`` only.

Which files: those that ``[[workflow]] files`` names, and those that the command lines of workflow
processes name as arguments. They are looked at in a thread of their own, because a dead file server
blocks ``stat`` for ever.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence

from wfmon.config.schema import Workflow
from wfmon.model.history import Change, ChangeKind
from wfmon.model.record import dataclass
from wfmon.sources.host.restarts import Member
from wfmon.text.sanitize import safe

CONFIG_ENDINGS = (".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".env")
MAX_FILES = 200
MAX_OF_PROCESS = 8
_MAX_ARGUMENTS = 100
_MAX_PATH = 1000
_MAX_KNOWN = 1000

Signature = tuple[int, int, int]  # mtime in ns, size, inode


@dataclass(frozen=True, slots=True)
class Wanted:
    workflow: str
    kind: ChangeKind
    named: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    at: float
    signature: Signature | None


class ConfigFiles:
    """``begin`` a look, ``take`` what it found at a later poll. A file's first look tells nothing."""

    def __init__(self, workflows: Sequence[Workflow]) -> None:
        self._named = {
            os.path.abspath(os.path.expanduser(path)): Wanted(entry.name, ChangeKind.CONFIG, True)
            for entry in workflows
            for path in entry.files
        }
        self._known: dict[str, _Seen] = {}
        self._look: _Look | None = None

    def begin(self, members: Sequence[Member]) -> None:
        """Nothing while the look before has not come back."""
        if self._look is not None:
            return
        wanted = dict(self._named)
        for member in members:
            for path, kind in files_of(member.command, member.cwd):
                wanted.setdefault(path, Wanted(member.workflow, kind, False))
        if wanted:
            self._look = _Look(dict(list(wanted.items())[:MAX_FILES]))

    def take(self, now: float) -> tuple[Change, ...]:
        look = self._look
        if look is None or not look.over:
            return ()
        self._look = None
        changes: list[Change] = []
        for path, signature in look.found.items():
            wanted, before = look.wanted[path], self._known.pop(path, None)
            if before is None and signature is None and not wanted.named:
                continue  # an argument that is no file
            self._known[path] = _Seen(now, signature)
            if before is not None and before.signature != signature:
                changes.append(_change(path, wanted, before, signature, now))
        while len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return tuple(changes)


class _Look:
    def __init__(self, wanted: Mapping[str, Wanted]) -> None:
        self.wanted = wanted
        self.found: dict[str, Signature | None] = {}
        self._thread = threading.Thread(target=self._run, name="wfmon-files", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for path in self.wanted:
            self.found[path] = signature_of(path)

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()


def signature_of(path: str) -> Signature | None:
    """None where there is no regular file, or none that may be looked at."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def files_of(command: Sequence[str], cwd: str | None) -> Iterator[tuple[str, ChangeKind]]:
    """Paths that a command line names: config files by their ending, and the script that is run."""
    found, script = 0, False
    for argument in command[:_MAX_ARGUMENTS]:
        if found >= MAX_OF_PROCESS:
            return
        value = argument.partition("=")[2] if argument.startswith("-") and "=" in argument else argument
        if not value or len(value) > _MAX_PATH or "\0" in value or "://" in value:
            continue
        low = value.lower()
        if low.endswith(".py") and not script and value is argument:
            script, kind = True, ChangeKind.VERSION
        elif low.endswith(CONFIG_ENDINGS) or os.path.basename(low).startswith(".env"):
            kind = ChangeKind.CONFIG
        else:
            continue
        path = os.path.join(cwd, value) if cwd is not None else value
        if os.path.isabs(path):
            found += 1
            yield os.path.normpath(path), kind


def _change(path: str, wanted: Wanted, before: _Seen, after: Signature | None, now: float) -> Change:
    what = "is gone" if after is None else "is there" if before.signature is None else "changed"
    written = after[0] / 1e9 if after is not None else now
    shown, workflow = safe(path, limit=300), safe(wanted.workflow)
    # A file that was moved here has the time of its making.
    at = written if before.at <= written <= now else now
    return Change(at, wanted.kind, shown, f"{shown} {what}", workflow)
