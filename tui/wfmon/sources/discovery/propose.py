"""From facts to sources, and to words for what was found, where was looked and what was left. Pure."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Sequence

from wfmon.config import schema
from wfmon.model.discovery import Found
from wfmon.model.record import dataclass, field
from wfmon.sources.discovery.facts import Answered, Facts, Server
from wfmon.sources.discovery.listeners import reached_at
from wfmon.sources.discovery.systems import SYSTEMS, program_of, system_named, system_of
from wfmon.sources.discovery.unseen import Names, unseen
from wfmon.text.numbers import duration
from wfmon.text.sanitize import safe

OLD_SECONDS = 86_400.0  # files of a system that does not run are read if they changed since
MAX_PATHS = 50  # of one source
MANY = 3  # files of one kind in a directory, beyond which all of that kind there are read
SCRIPTS = "scripts"
_TITLES = {"prometheus": "Prometheus", "alertmanager": "Alertmanager"}
_TOLD = 3  # of pids and names


@dataclass(frozen=True, slots=True)
class Proposed:
    """``key`` stays the same from look to look. ``entry`` None: it runs here, but nothing of it can be read.
    ``why`` it is proposed, for a config file."""

    key: str
    found: Found
    entry: schema.Source | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """See ``Discovery``. ``whole``: the look has seen all that it wanted to."""

    proposed: tuple[Proposed, ...]
    looked: tuple[str, ...]
    left: tuple[str, ...]
    whole: bool = True


@dataclass(slots=True)
class _Logs:
    """Of one system: paths as globs, how many files they are, and who holds them."""

    globs: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    files: int = 0
    pids: list[int] = field(default_factory=list)
    programs: list[str] = field(default_factory=list)


def propose(facts: Facts, names: Names, *, advises: bool = True) -> Proposal:
    """What to watch of what is there. ``advises``: name ``wfmon-tui init`` where it would find more."""
    proposed = [*_servers(facts.servers), *_systems(facts)]
    left = [*_unasked(facts), *unseen(facts, names), *_old(facts), *_elsewhere(facts)]
    left += _ports(facts) if advises else []
    return Proposal(tuple(proposed), _looked(facts), tuple(dict.fromkeys(left)), not facts.later)


def running(facts: Facts) -> dict[str, list[int]]:
    """By name of the system, the processes that run it; a script by ``scripts``."""
    found: dict[str, list[int]] = {}
    for process in facts.processes:
        system = system_of(process.command) if process.command else None
        if system is not None:
            found.setdefault(system.name, []).append(process.pid)
    return found


def globs_of(paths: Sequence[str]) -> list[str]:
    """Patterns that match ``paths``: themselves, or where there are many of a kind in a directory all of
    that kind there."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for path in dict.fromkeys(paths):
        kinds.setdefault((os.path.dirname(path), os.path.splitext(path)[1]), []).append(path)
    found = []
    for (directory, ending), several in kinds.items():
        if len(several) > MANY and ending:
            found.append(f"{glob.escape(directory)}/*{glob.escape(ending)}")
        else:
            found += [glob.escape(path) for path in several]
    return found


def _servers(servers: Sequence[Answered]) -> list[Proposed]:
    found = []
    for each in servers:
        if each.what is Server.RIGHT:
            version = f" {safe(each.version, limit=40)}" if each.version else ""
            words = f"{_TITLES[each.kind]}{version} on 127.0.0.1:{each.port}"
            url = f"http://127.0.0.1:{each.port}"
            entry = schema.Source(name=each.kind, kind=each.kind, url=url)
            found.append(Proposed(each.kind, Found(words, each.kind), entry, f"its API answers as {words}"))
    return found


def _systems(facts: Facts) -> list[Proposed]:
    logs = _logs(facts)
    pids = running(facts)
    known = [system.name for system in SYSTEMS]
    # Profiles of the user's own have usual places too.
    order = [*known, *(name for name in logs if name not in known and name != SCRIPTS), SCRIPTS]
    found = []
    for name in order:
        if name in logs:
            found.append(_of_logs(name, logs[name], pids.get(name, [])))
        elif name in pids:
            words = f"{_title(name)} ({_pids(pids[name])}), no log of it is read"
            found.append(Proposed(name, Found(words), None))
    return found


def _of_logs(name: str, logs: _Logs, pids: Sequence[int]) -> Proposed:
    globs = tuple(dict.fromkeys([*logs.globs, *globs_of(logs.held)]))[:MAX_PATHS]
    holders = f" ({_pids(pids or logs.pids)})" if pids or logs.pids else ", which does not run now"
    title = _some(logs.programs) if name == SCRIPTS else _title(name)
    what = f"{plural(logs.files, 'log file')} of {title}{holders}"
    source = f"{name} logs"
    why = "held open for writing" if logs.held else "at the usual place of its logs"
    entry = schema.Source(name=source, kind="logs", paths=list(globs))
    return Proposed(name, Found(what, source, globs), entry, f"{what}, {why}")


def _logs(facts: Facts) -> dict[str, _Logs]:
    commands = {process.pid: process.command for process in facts.processes}
    pids = running(facts)
    found: dict[str, _Logs] = {}
    for known in facts.known:
        recent = known.system in pids or facts.at - known.newest <= OLD_SECONDS
        if known.readable and recent and _sayable(known.glob):
            logs = found.setdefault(known.system, _Logs())
            logs.globs.append(known.glob)
            logs.files += known.files
    for file in facts.files:
        if file.refused is not None or not _sayable(file.path):
            continue
        system = system_of(commands.get(file.pid, ()))
        logs = found.setdefault(system.name if system is not None else SCRIPTS, _Logs())
        logs.pids += [file.pid] if file.pid not in logs.pids else []
        program = program_of(commands.get(file.pid, ()))
        if program is not None and program.name not in logs.programs:
            logs.programs.append(program.name)
        if not any(fnmatch.fnmatchcase(file.path, pattern) for pattern in logs.globs):
            logs.held.append(file.path)
            logs.files += 1
    return found


def _sayable(path: str) -> bool:
    """Whether it can be written into a config and shown as it is."""
    return safe(path, limit=4096) == path


def _title(name: str) -> str:
    system = system_named(name)
    return system.title if system is not None else safe(name, limit=60)


def _pids(pids: Sequence[int]) -> str:
    return f"pid{'s' if len(pids) > 1 else ''} {_some([str(pid) for pid in pids])}"


def _some(texts: Sequence[str]) -> str:
    """The first of them, safe to show."""
    shown = ", ".join(safe(text, limit=40) for text in texts[:_TOLD])
    return shown + (f" and {len(texts) - _TOLD} more" if len(texts) > _TOLD else "")


def plural(count: int, word: str, several: str = "") -> str:
    return f"{count} {word if count == 1 else several or f'{word}s'}"


def _unasked(facts: Facts) -> list[str]:
    """What there is of the two servers and is not read."""
    words = []
    for each in facts.servers:
        title, place = _TITLES[each.kind], f"127.0.0.1:{each.port}"
        if each.what is Server.LOGIN:
            words.append(f'{place} wants a login: [[source]] kind = "{each.kind}" with auth gives it')
        elif each.what is Server.OTHER:
            words.append(f"{place}: what answers there is no {title} ({each.detail})")
        elif each.what is Server.SILENT:
            words.append(f"{place}: {each.detail}")
        elif each.what is Server.UNASKED:
            words.append(f"{place} is not asked: [discovery] connect is false")
    return words


def _old(facts: Facts) -> list[str]:
    pids = running(facts)
    return [
        f"{safe(known.glob, limit=200)} of {_title(known.system)}: "
        f"not written for {duration(facts.at - known.newest)}, and it does not run"
        for known in facts.known
        if known.readable and known.system not in pids and facts.at - known.newest > OLD_SECONDS
    ]


def _elsewhere(facts: Facts) -> list[str]:
    """A Prometheus at another port."""
    words = []
    for process in facts.processes:
        program = program_of(process.command) if process.command else None
        kind = _SERVER_PROGRAMS.get(program.name) if program is not None else None
        if kind is None or any(each.kind == kind and each.what is Server.RIGHT for each in facts.servers):
            continue
        words.append(f"{_TITLES[kind]} (pid {process.pid}) is not at its usual port: --{kind} URL reads it")
    return words


def _ports(facts: Facts) -> list[str]:
    """What may have metrics: of known systems and scripts."""
    commands = {process.pid for process in facts.processes}
    known = {each.port for each in facts.servers}
    ports = {
        each.port
        for each in facts.listeners
        if each.port not in known and reached_at(each.address) is not None and each.pid in commands
    }
    if not ports:
        return []
    shown = ", ".join(map(str, sorted(ports)[:5])) + (", …" if len(ports) > 5 else "")
    return [f"/metrics of what listens (ports {shown}): wfmon-tui init asks before it looks"]


_SERVER_PROGRAMS = {
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "prometheus-alertmanager": "alertmanager",
}


def _looked(facts: Facts) -> tuple[str, ...]:
    ports = {each.port for each in facts.listeners}
    asked = [f"127.0.0.1:{each.port}: {each.what}" for each in facts.servers]
    return (
        plural(len(facts.processes), "process", "processes"),
        plural(len(ports), "listening port"),
        "open log files of known systems and scripts",
        "usual places of logs",
        *asked,
    )
