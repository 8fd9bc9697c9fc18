"""What is wrong with the ``[logs]`` of a profile beyond its types."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Protocol

from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.aliases import ALIASES, FIELDS_BY_NAME, normal
from wfmon.sources.logfiles.meanings import read_meaning
from wfmon.sources.profile import ProfileLogs

LOG_FORMATS = ("auto", "json", "logfmt", "text")
OPENS = ("any", "status")
ENDS = ("told", "steps", "untold")
PATH_GROUPS = (*ALIASES, "index")  # which of several copies of a step: shown behind its name


class Check(Protocol):
    """Collects problems; see ``profile_check``."""

    def wrong(self, key: str, problem: str) -> None: ...
    def known(self, key: str, used: Iterable[str], known: Collection[str]) -> None: ...
    def one_of(self, key: str, word: str, known: Collection[str]) -> None: ...


def check_logs(check: Check, logs: ProfileLogs) -> None:
    check.one_of("logs.format", logs.format, LOG_FORMATS)
    check.one_of("logs.opens", logs.opens, OPENS)
    check.one_of("logs.ends", logs.ends, ENDS)
    check.known("logs.fields", logs.fields, (*ALIASES, "tokens"))
    for field, paths in logs.fields.items():
        if not all(path.strip() for path in paths):
            check.wrong(f"logs.fields.{field}", "expected dotted paths, none of them empty")
    for event, words in logs.events.items():
        if read_meaning(words) is None:
            known = " ".join(status.value for status in RunStatus)
            problem = f"is {words!r}, expected one of: {known} started none, also after run, step or call"
            check.wrong(f"logs.events.{event}", problem)
    for index, entry in enumerate(logs.detect):
        if not entry or not all(entry):
            check.wrong(f"logs.detect[{index}]", "names no key")
    for index, path in enumerate(logs.paths):
        if not path.startswith(("/", "~/", "$")):
            check.wrong(f"logs.paths[{index}]", f"{path!r}: expected a path that begins with /, ~/ or $NAME")
    _values(check, logs)
    if logs.path_regex:
        check.known("logs.path_regex", _groups(check, "logs.path_regex", logs.path_regex), PATH_GROUPS)
    for index, pattern in enumerate(logs.patterns):
        key = f"logs.patterns[{index}]"
        for group in _groups(check, key, pattern):
            if group not in ALIASES and normal(group) not in FIELDS_BY_NAME:
                check.wrong(f"{key}.{group}", "is no field of a log line")


def _values(check: Check, logs: ProfileLogs) -> None:
    check.known("logs.values", logs.values, ("workflow", "status"))
    for status in logs.values.get("status", ()):
        if read_meaning(status) is None or " " in status:
            check.wrong(f"logs.values.status.{status}", "is no status")
    check.known("logs.cut", logs.cut, ("workflow", "run", "step"))
    for field, pattern in logs.cut.items():
        compiled = _compiled(check, f"logs.cut.{field}", pattern)
        if compiled is not None and not compiled.groups:
            check.wrong(f"logs.cut.{field}", "has no group that would say what counts")


def _groups(check: Check, key: str, pattern: str) -> Collection[str]:
    compiled = _compiled(check, key, pattern)
    if compiled is None:
        return ()
    if not compiled.groupindex:
        check.wrong(key, "has no named group, so it would say nothing")
    return compiled.groupindex


def _compiled(check: Check, key: str, pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error as error:
        check.wrong(key, f"not a regular expression: {error}")
        return None
