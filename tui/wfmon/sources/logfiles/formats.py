"""Which format a file's lines have: by its path, by the keys of its records, or by what a source says.

A format is the ``[logs]`` of a profile, made ready for reading. What no profile fits is read with the
built-in aliases alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.model.run import RunStatus
from wfmon.sources.logfiles.aliases import normal
from wfmon.sources.logfiles.meanings import Meaning, read_meaning
from wfmon.sources.logfiles.words import START_WORDS, STATUS_WORDS

if TYPE_CHECKING:
    from wfmon.sources.profile import Profile

# Fields of which a path has one meaning only: what a profile says it is.
_IDENTITY = ("workflow", "workflow_id", "run", "weak", "step", "failed_step", "status")
_GLOB_PARTS = re.compile(r"[*?]+|\[[^\]]*\]")


class Format:
    """The ``logs`` of a profile. ``off`` are fields that no line has, ``claimed`` names (in the form in which
    they are compared) that mean only what the profile says, ``meanings`` those of event names and of whole
    texts, ``texts`` those of texts with something open in them."""

    def __init__(self, profile: Profile) -> None:
        logs = profile.logs
        self.name = profile.name
        self.title = profile.title
        self.mode = logs.format
        self.fields = {
            "total" if field == "tokens" else field: tuple(normal(path) for path in paths)
            for field, paths in logs.fields.items()
            if paths
        }
        self.off = frozenset(field for field, paths in logs.fields.items() if not paths)
        self.claimed = frozenset(name for field in _IDENTITY for name in self.fields.get(field, ()))
        self.meanings: dict[str, Meaning] = {}
        self.texts: list[tuple[re.Pattern[str], Meaning]] = []
        for event, words in logs.events.items():
            self._take_event(event, words)
        self.patterns = tuple(re.compile(pattern) for pattern in logs.patterns)
        self.cut = {field: re.compile(pattern) for field, pattern in logs.cut.items()}
        self.workflows = _raw_to_shown(logs.values.get("workflow", {}))
        self.statuses: dict[str, RunStatus] = {
            raw.lower(): STATUS_WORDS.get(word, RunStatus.OTHER)
            for raw, word in _raw_to_shown(logs.values.get("status", {})).items()
        }
        self.opens = logs.opens == "any"
        self.ends = logs.ends
        self.cached_beside = profile.tokens.get("cached") == "disjoint"
        self.reasoning_beside = profile.tokens.get("reasoning") == "disjoint"
        self.zero_is_unpriced = profile.zero_cost_is_unpriced
        self._path = re.compile(logs.path_regex) if logs.path_regex else None

    def groups(self, path: str) -> Mapping[str, str]:
        """What the file's path says, by field."""
        found = self._path.search(path) if self._path is not None else None
        return {name: text for name, text in found.groupdict().items() if text} if found else {}

    def _take_event(self, event: str, words: str) -> None:
        meaning = read_meaning(words)
        if meaning is None:
            return  # the check of profiles says so
        started = any(word in event.lower() for word in START_WORDS)
        if meaning.word == "running" and started:
            meaning = Meaning(meaning.event, "started")
        if "*" in event:
            text = ".*".join(re.escape(part) for part in event.split("*"))
            self.texts.append((re.compile(text + r"\Z", re.DOTALL), meaning))
        else:
            self.meanings[event] = meaning


class Formats:
    """Those of some profiles. ``wanted`` names the only ones that may be used; a single one is that of all
    files. May be asked from any thread."""

    def __init__(self, profiles: Sequence[Profile] = (), wanted: Sequence[str] = ()) -> None:
        known = {profile.name: profile for profile in profiles}
        self.unknown = tuple(name for name in wanted if name not in known)
        usable = [known[name] for name in wanted if name in known] if wanted else list(profiles)
        self._only = usable[0] if len(wanted) == 1 and usable else None
        self._globs = [(profile, glob) for profile in usable for glob in profile.logs.paths]
        self._paths = [profile for profile in usable if profile.logs.path_regex]
        self._detects = [(profile, entry) for profile in usable for entry in profile.logs.detect]
        self._texts = [
            profile for profile in usable if any("(?P<run>" in pattern for pattern in profile.logs.patterns)
        ]
        self._made: dict[str, Format] = {}

    @property
    def detects(self) -> bool:
        return self._only is None and bool(self._detects or self._texts)

    def of_path(self, path: str) -> Format | None:
        """The format of a file by its name; None where that does not tell it."""
        if self._only is not None:
            return self._made_of(self._only)
        for profile in self._paths:
            if self._made_of(profile).groups(path):
                return self._made_of(profile)
        for profile, glob in self._globs:
            if _matches(path, glob):
                return self._made_of(profile)
        return None

    def of_keys(self, keys: Collection[str]) -> Format | None:
        """The format of a record by its dotted keys: the one that asks for most of them."""
        best: tuple[int, Profile] | None = None
        for profile, entry in self._detects:
            wanted = (entry,) if isinstance(entry, str) else entry
            if (best is None or len(wanted) > best[0]) and all(key in keys for key in wanted):
                best = (len(wanted), profile)
        return self._made_of(best[1]) if best is not None else None

    def of_text(self, text: str) -> Format | None:
        """The format of a line of plain text, of which a pattern finds the run's id."""
        for profile in self._texts:
            made = self._made_of(profile)
            if any("run" in each.groupindex and each.search(text) for each in made.patterns):
                return made
        return None

    def _made_of(self, profile: Profile) -> Format:
        made = self._made.get(profile.name)
        if made is None:
            made = self._made[profile.name] = Format(profile)
        return made


def _matches(path: str, glob: str) -> bool:
    """Whether a path is one that ``glob`` means: ``~`` is anybody's home, ``$NAME`` of the environment;
    ``*`` also goes over several directories."""
    head, _, rest = glob.partition("/")
    if head[:1] == "$":
        base = os.environ.get(head[1:])
        if not base:
            return False
        glob = f"{base.rstrip('/')}/{rest}"
    elif head == "~":
        glob = f"*/{rest}"
    parts = _GLOB_PARTS.split(glob)
    if not all(part in path for part in parts):
        return False
    from fnmatch import fnmatchcase  # for the few whose every part is there

    return fnmatchcase(path, glob.replace("/**/", "/*"))


def _raw_to_shown(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {raw: shown for shown, raws in values.items() for raw in raws}
