"""Who acts, and who is meant: the name that an ack carries."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Mapping

from wfmon.text.sanitize import safe

LIMIT = 80
_NAMED = re.compile(r"([^\W\d][\w.-]{0,31}):\s+\S")
_TERMINAL = re.compile(r"( from)? (pts/|tty)\S+$")


def who(environ: Mapping[str, str], configured: str = "", *, login: str | None = None) -> str:
    """The name for acks, safe to show: ``WFMON_USER``, else the configured one, else the login behind
    sudo, else the login and where from: ``ubuntu from 10.0.3.7 pts/2``."""
    for name in (environ.get("WFMON_USER", ""), configured, environ.get("SUDO_USER", "")):
        if name.strip():
            return safe(name.strip(), limit=LIMIT)
    parts = [login if login is not None else _login()]
    place = [*environ.get("SSH_CONNECTION", "").split()[:1], *_terminal(environ)]
    if place:
        parts += ["from", *place]
    return safe(" ".join(parts), limit=LIMIT)


def shown_name(by: str, comment: str) -> str:
    """``by``, with the person first whom a comment ``name: text`` names: ``dana (ubuntu from …)``."""
    match = _NAMED.match(comment)
    return by if match is None else f"{match.group(1)} ({by})"


def same_person(by: str, comment: str, other_by: str, other_comment: str) -> bool:
    """Whether two signatures are one person's: the same login from the same place (another terminal
    of it too), unless their comments name two people."""
    if _TERMINAL.sub("", by) != _TERMINAL.sub("", other_by):
        return False
    named, other = _NAMED.match(comment), _NAMED.match(other_comment)
    return named is None or other is None or named.group(1).casefold() == other.group(1).casefold()


def _login() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _terminal(environ: Mapping[str, str]) -> list[str]:
    """The terminal's short name (``pts/2``), from stdin, stdout or stderr, else from SSH_TTY."""
    for descriptor in (0, 1, 2):
        try:
            return [os.ttyname(descriptor).removeprefix("/dev/")]
        except OSError:
            continue
    terminal = environ.get("SSH_TTY", "").removeprefix("/dev/")
    return [terminal] if terminal else []
