"""What could not be looked at for want of a right, and which right would give it, in words."""

from __future__ import annotations

from collections.abc import Callable

from wfmon.model.record import dataclass
from wfmon.sources.discovery.facts import Facts, LogFile, Process, Refused
from wfmon.sources.discovery.systems import program_of, system_of
from wfmon.text.sanitize import safe

MOST = 3  # examples of one kind
_PATH = 200
OTHERS_FILES = "root or CAP_SYS_PTRACE may list them"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of users and groups; raw text."""

    user: Callable[[int], str]
    group: Callable[[int], str]


def system_names() -> Names:
    """From the password and group databases; a group without a name by its number, which commands take."""
    import grp
    import pwd

    def user(uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return f"uid {uid}"

    def group(gid: int) -> str:
        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return str(gid)

    return Names(user, group)


def unseen(facts: Facts, names: Names) -> list[str]:
    """One text for each right that is missing."""
    words = [f"{path} may not be read: who listens is not known" for path in facts.unreadable]
    if facts.blind:
        words.append(
            "processes of other users (hidepid): root, or its group (the mount option gid=) sees them"
        )
    words += _of_users(facts, names)
    commands = {process.pid: process for process in facts.processes}
    for refused, tell in (
        (Refused.DENIED, _denied),
        (Refused.ELSEWHERE, _elsewhere),
        (Refused.PLAIN, _plain),
    ):
        files = [file for file in facts.files if file.refused is refused]
        words += [tell(file, _who(commands.get(file.pid)), names) for file in files[:MOST]]
        if len(files) > MOST:
            words.append(f"{len(files) - MOST} more log files: each {refused}")
    words += [
        f"{safe(known.glob, limit=_PATH)}: {known.files - known.readable} of {known.files} may not be read"
        for known in facts.known
        if known.readable < known.files
    ]
    return [*words, *facts.cut]


def _of_users(facts: Facts, names: Names) -> list[str]:
    """Of whose processes the open files may not be listed."""
    by_user: dict[int, list[Process]] = {}
    for process in facts.processes:
        if process.seen is False:
            by_user.setdefault(process.uid, []).append(process)
    words = []
    for uid, several in sorted(by_user.items()):
        user = safe(names.user(uid), limit=40)
        shown = ", ".join(_who(each) for each in several[:MOST])
        more = f" and {len(several) - MOST} more" if len(several) > MOST else ""
        who = "" if uid == 0 else f"{user}, "
        words.append(f"open files of {shown}{more} of {user}: {who}{OTHERS_FILES}")
    return words


def _who(process: Process | None) -> str:
    if process is None:
        return "a process that has ended"
    system = system_of(process.command)
    program = program_of(process.command)
    name = system.title if system is not None else program.name if program is not None else "process"
    return f"{safe(name, limit=40)} (pid {process.pid})"


def _denied(file: LogFile, who: str, names: Names) -> str:
    path = safe(file.path, limit=_PATH)
    if file.group_reads and file.gid:
        group = safe(names.group(file.gid), limit=40)
        return (
            f"{path} of {who} may not be read: its group {group} may (usermod --append --groups {group} USER)"
        )
    return f"{path} of {who} may not be read: only its owner and root may (chmod g+r and a group give it)"


def _elsewhere(file: LogFile, who: str, names: Names) -> str:
    del names
    return f"{safe(file.path, limit=_PATH)} of {who} {Refused.ELSEWHERE}: --logs with its place on this host"


def _plain(file: LogFile, who: str, names: Names) -> str:
    del names
    return f"{safe(file.path, limit=_PATH)} of {who} {Refused.PLAIN}: --logs reads it"
