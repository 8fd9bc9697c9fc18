"""The lane: all who watch the same and judge it alike share one directory, one collector, one history.

The state directory itself belongs to the lane whose key its small file ``lane`` tells; others have a
directory of their own in ``lanes``. A user who edits his config takes the history along; one who only
looks at other sources for once does not take it over.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec

from wfmon.config import schema
from wfmon.config.loader import shipped_values
from wfmon.config.typed import decode
from wfmon.model.record import dataclass, replace
from wfmon.store.files import create, open_plain
from wfmon.store.network import on_network
from wfmon.store.paths import StateDir

FILE = "lane"
DIRECTORY = "lanes"
LOCK = "collector.lock"
LIVE = "live"
_KEY = re.compile(rb"([0-9a-f]{12})\n?\Z")
_LARGEST = 64
_CLAIM_SECONDS = 1.0  # that another process may take to claim the directory
_AUTOMATIC = re.compile(r"(\w+)( \d+)?\Z")
# What neither says what is watched nor how it is judged.
_NOT_JUDGED = ("ack", "share", "resolved_keep")


@dataclass(frozen=True, slots=True)
class Lane:
    """``state``: its directory, with the mode and group of the state directory; ``root``: it is the
    state directory itself; ``adopted``: another key had it until now."""

    key: str
    state: StateDir
    root: bool
    adopted: bool = False

    @property
    def name(self) -> str:
        """Whose episodes are its own in the ``acks.db`` that all lanes share; that of the state directory
        itself has no name, whatever its key is now."""
        return "" if self.root else self.key


def lane_key(config: schema.Config) -> str:
    """12 hex digits of what is watched and how it is judged.

    Of settings only what differs from the shipped ones counts: a version that brings a new rule, or
    another default, watches on in the lane of the version before.
    """
    canonical = {
        "settings": _differences(_judged(config), _judged(_shipped())),
        "source": sorted(map(_source, config.source), key=_text),
        "workflow": sorted(map(_workflow, config.workflow), key=_text),
    }
    return _digest(_text(canonical))


def find_lane(config: schema.Config, base: StateDir, *, ad_hoc: bool, make: bool = True) -> Lane:
    """The lane of ``config`` in the state directory ``base``; never raises, see ``StateDir.problem``.

    ``ad_hoc``: its sources were named for once, on the command line. Without ``make`` nothing is written.
    """
    key = lane_key(config)
    if on_network(base.path):
        key = _digest(f"{key} {os.uname().nodename}")  # a home that several hosts share
    try:
        return _found(key, base, ad_hoc, make)
    except OSError as error:
        why = f"{base.path}: {os.strerror(error.errno or 0).lower()}"
        return Lane(key, replace(base, problem=base.problem or why), root=True)


def owner(state: StateDir) -> str | None:
    """The key to which a state directory belongs; None while it belongs to nobody. Raises OSError for a
    file that is none of ours."""
    try:
        descriptor = open_plain(state.path / FILE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        match = _KEY.match(file.read(_LARGEST))
    return None if match is None else match.group(1).decode()


def _found(key: str, base: StateDir, ad_hoc: bool, make: bool) -> Lane:
    root = Lane(key, base, root=True)
    writes = make and base.problem is None
    deadline = time.monotonic() + _CLAIM_SECONDS
    while True:
        held = owner(base)
        if held == key or (held is None and not writes):
            return root
        if held is not None and (ad_hoc or not writes or not _mine(key, base)):
            break
        with _uncollected(base) as free:
            if free and owner(base) == held:
                _claim(key, base)
                return replace(root, adopted=held is not None)
        if not free and (held is not None or time.monotonic() > deadline):
            break  # somebody collects there with other settings
        time.sleep(0.01)
    return Lane(key, _own_directory(key, base, writes), root=False)


def _mine(key: str, base: StateDir) -> bool:
    """Whether it was this user who claimed the state directory, and he has no lane of his own beside it:
    then it is his config that changed."""
    if os.path.lexists(base.path / DIRECTORY / key):
        return False
    try:
        return os.lstat(base.path / FILE).st_uid == os.geteuid()
    except FileNotFoundError:
        return True


@contextlib.contextmanager
def _uncollected(base: StateDir) -> Iterator[bool]:
    """Whether nobody collects in the state directory; nobody begins to, meanwhile."""
    descriptor = open_plain(base.path / LOCK, os.O_RDWR, base)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _claim(key: str, base: StateDir) -> None:
    # What the collector before published is of other sources.
    with contextlib.suppress(FileNotFoundError):
        (base.path / LIVE).unlink()
    with create(base.path / FILE, base) as descriptor:
        os.write(descriptor, f"{key}\n".encode())


def _own_directory(key: str, base: StateDir, make: bool) -> StateDir:
    above = base.path / DIRECTORY
    path = above / key
    if make:
        for directory in (above, path):
            _make(directory, base)
    state = replace(base, path=path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return state
    if not stat.S_ISDIR(found.st_mode):
        return replace(state, problem=base.problem or f"{path} is not a directory")
    if base.problem is None and not os.access(path, os.W_OK | os.X_OK):
        return replace(state, problem=f"{path} is not writable")
    return state


def _make(directory: Path, base: StateDir) -> None:
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return
    facts = base.path.stat()
    if base.shared:
        os.chown(directory, -1, facts.st_gid)
        directory.chmod(0o2770)


def _judged(config: schema.Config) -> dict[str, object]:
    return {
        "windows": _plain(config.windows),
        "stale_after": config.monitor.stale_after,
        "host": config.host.enabled,
        "lost_after": config.logs.lost_after,
        "storage": _storage(config.storage),
        "alerts": {
            name: section for name, section in _plain(config.alerts).items() if name not in _NOT_JUDGED
        },
        "baseline": _plain(config.baseline),
        "retention": _plain(config.retention),
        "profiles": sorted(config.profiles.enabled),
        "totals": sorted(config.profiles.totals),
        "prefix": config.profiles.prefix,
        "discovery": _looks(config),
    }


def _looks(config: schema.Config) -> dict[str, bool]:
    """How sources are looked for; nothing where they are named."""
    if config.source:
        return {}
    return {"enabled": config.discovery.enabled, "connect": config.discovery.connect}


@cache
def _shipped() -> schema.Config:
    return decode({"source": [], "workflow": [], **shipped_values()})


def _differences(values: Mapping[str, object], usual: Mapping[str, object]) -> dict[str, object]:
    """What of ``values`` is not as in ``usual``, in its tables."""
    found: dict[str, object] = {}
    for name, value in values.items():
        other = usual.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            inner = _differences(value, other)
            if inner:
                found[name] = inner
        elif value != other:
            found[name] = value
    return found


def _storage(storage: schema.Storage) -> object:
    directories = sorted((_absolute(entry.path), int(entry.limit)) for entry in storage.dir)
    return {"mounts": sorted(storage.mounts), "dir": directories}


def _source(source: schema.Source) -> dict[str, object]:
    match = _AUTOMATIC.match(source.name)
    automatic = match is not None and match.group(1) == source.kind
    return {
        "name": "" if automatic else source.name,  # else the order of sources would count
        "kind": source.kind,
        "urls": sorted({url.rstrip("/") for url in (source.url, *source.urls) if url}),
        "paths": sorted({_absolute(path) for path in source.paths}),
        "profiles": sorted(source.profiles),
        "workflow": source.workflow,
        "fields": source.fields,
        "timezone": source.timezone,
        "encoding": source.encoding,
        "keep": source.keep,
    }


def _workflow(workflow: schema.Workflow) -> dict[str, object]:
    return {
        "name": workflow.name,
        "match": sorted(workflow.match),
        "aliases": sorted(workflow.aliases),
        "files": sorted(map(_absolute, workflow.files)),
    }


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _plain(section: msgspec.Struct) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(section, enc_hook=_number)
    return plain


def _number(value: object) -> object:
    """Durations and sizes are numbers with a class of their own."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    raise NotImplementedError(type(value).__name__)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
