"""Judges a profile file to its last key: what is wrong, where, what was expected, what was perhaps meant."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from wfmon.model.layers import Layer
from wfmon.model.metrics import Concept, TokenKind
from wfmon.model.run import RunStatus
from wfmon.sources.matchers import parse_matchers
from wfmon.sources.profile import DIMS, SCHEMA, TYPES, Profile, ProfileError, ProfileLogs, Signal

CONCEPTS = tuple(concept.value for concept in Concept)
STATUSES = tuple(status.value for status in RunStatus)
KINDS = tuple(kind.value for kind in TokenKind)
SPACES = ("size", "free")

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_STEP = re.compile(r"\[\.\.\.\]|\[\d+\]|[^.\[\]]+")
_PREFIXED = re.compile(r"\{p\}")


def checked(raw: bytes, file: str) -> Profile:
    """The profile that ``raw`` (TOML) is, ``{p}`` not yet replaced. Raises ``ProfileError``."""
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ProfileError(file, "", f"not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(file, "", f"not TOML: {error}") from error
    _raise(file, _unknown_keys(document))
    try:
        profile = msgspec.convert(document, Profile, strict=True)
    except msgspec.ValidationError as error:
        key, problem = _place(error)
        if "[...]" in key:
            key = _named_place(document, key)
        raise ProfileError(file, key, problem) from error
    found = _Check(profile)
    found.all()
    _raise(file, found.problems)
    return profile


def _raise(file: str, problems: Sequence[tuple[str, str]]) -> None:
    if problems:
        raise ProfileError(file, *problems[0], more=problems[1:])


def _expected(known: Collection[str], used: str) -> str:
    """What ``used`` may be, and which of it is nearest."""
    near = difflib.get_close_matches(used, known, n=1)
    words = f"expected one of: {' '.join(known)}"
    return f"{words} (did you mean {near[0]}?)" if near else words


def _unknown_keys(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Keys of the file, of its signals and of its logs that no profile has."""

    def unknown(place: str, table: object, struct: type[msgspec.Struct]) -> list[tuple[str, str]]:
        known = struct.__struct_fields__
        used = table if isinstance(table, dict) else {}
        return [(place + key, f"unknown, {_expected(known, key)}") for key in used if key not in known]

    problems = unknown("", document, Profile) + unknown("logs.", document.get("logs"), ProfileLogs)
    signals = document.get("signals")
    for concept, sources in signals.items() if isinstance(signals, dict) else ():
        for index, source in enumerate(sources) if isinstance(sources, list) else ():
            problems += unknown(f"signals.{concept}[{index}].", source, Signal)
    return problems


def _place(error: msgspec.ValidationError) -> tuple[str, str]:
    """Key and problem of ``Expected `int` - at `$.schema```."""
    problem, _, path = str(error).partition(" - at `$")
    return path.removesuffix("`").lstrip("."), problem


def _named_place(document: Mapping[str, Any], key: str) -> str:
    """``key`` with the names of tables' entries, which msgspec leaves out (``signals[...]``)."""
    shown, path = "", []
    for step in _STEP.findall(key):
        if step != "[...]":
            path.append(int(step[1:-1]) if step.startswith("[") else step)
            shown += step if step.startswith("[") else f".{step}"
            continue
        entries = _at(document, path)
        name = next((name for name in entries if not _converts(_narrowed(document, path, name))), "...")
        path.append(name)
        shown += f".{name}"
    return shown.lstrip(".")


def _at(document: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        document = document[step]
    return document


def _narrowed(document: Any, path: Sequence[str | int], name: str) -> Any:
    """The same with no other entry than ``name`` in the table at ``path``."""
    if not path:
        return {name: document[name]}
    copy: Any = list(document) if isinstance(document, list) else dict(document)
    copy[path[0]] = _narrowed(document[path[0]], path[1:], name)
    return copy


def _converts(document: Any) -> bool:
    try:
        msgspec.convert(document, Profile, strict=True)
    except msgspec.ValidationError:
        return False
    return True


class _Check:
    """What the types cannot say. Every problem names its key."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.problems: list[tuple[str, str]] = []

    def all(self) -> None:
        self._head()
        self._labels()
        self._names()
        self._not_exposed()
        self.known("signals", self._profile.signals, CONCEPTS)
        for concept, signals in self._profile.signals.items():
            for index, signal in enumerate(signals):
                _SignalCheck(self, self._profile, concept, signal, f"signals.{concept}[{index}]").all()
        self._logs(self._profile.logs)

    def wrong(self, key: str, problem: str) -> None:
        self.problems.append((key, problem))

    def known(self, key: str, used: Iterable[str], known: Collection[str]) -> None:
        for word in used:
            if word not in known:
                self.wrong(f"{key}.{word}", f"unknown, {_expected(known, word)}")

    def one_of(self, key: str, word: str, known: Collection[str]) -> None:
        if word not in known:
            self.wrong(key, f"is {word!r}, {_expected(known, word)}")

    def metric(self, key: str, name: str) -> None:
        prefix = self._profile.prefix
        if not _METRIC_NAME.fullmatch(name.replace("{p}", prefix)):
            self.wrong(key, f"{name!r} is not a metric name")
        elif _PREFIXED.search(name, 1) or ("{p}" in name and not prefix):
            self.wrong(key, f"{name!r}: {{p}} stands for the prefix, at the beginning of a name")
        elif prefix and name.startswith(prefix):
            self.wrong(key, f"begins with the prefix: write {{p}}{name.removeprefix(prefix)}")

    def _head(self) -> None:
        profile = self._profile
        if profile.schema != SCHEMA:
            self.wrong("schema", f"is {profile.schema}, this version reads {SCHEMA}")
        for key, names in (("name", [profile.name]), ("replaces", profile.replaces)):
            if not all(_PROFILE_NAME.fullmatch(name) for name in names):
                self.wrong(key, "expected lower-case letters, digits, - and _")
        if profile.name in profile.replaces:
            self.wrong("replaces", "names the profile itself")
        if not profile.title.strip():
            self.wrong("title", "is empty, expected the name of the system for people")
        logs = profile.logs
        if not profile.detect and not (logs.detect or logs.paths or logs.path_regex):
            self.wrong("detect", "names no metric, so the profile could never be chosen")
        for index, entry in enumerate(profile.detect):
            if not entry:
                self.wrong(f"detect[{index}]", "names no metric")
            for name in [entry] if isinstance(entry, str) else entry:
                self.metric(f"detect[{index}]", name)
        self.one_of("layer", profile.layer, [layer.value for layer in Layer])
        self.known("tokens", profile.tokens, ("cached", "reasoning"))
        for key, word in profile.tokens.items():
            self.one_of(f"tokens.{key}", word, ("subset", "disjoint"))

    def _labels(self) -> None:
        profile = self._profile
        self.known("labels", profile.labels, DIMS)
        for key, labels in (
            *((f"labels.{dim}", labels) for dim, labels in profile.labels.items()),
            ("target_labels", profile.target_labels),
        ):
            for index, label in enumerate(labels):
                if not _LABEL_NAME.fullmatch(label):
                    self.wrong(f"{key}[{index}]", f"{label!r} is not a label name")
        self.known("values", profile.values, DIMS)
        for dim, known in (("status", STATUSES), ("kind", (*KINDS, *SPACES))):
            self.known(f"values.{dim}", profile.values.get(dim, {}), known)
        for dim, table in profile.values.items():
            owner: dict[str, str] = {}
            for value, words in table.items():
                for word in words:
                    if owner.setdefault(word.casefold(), value) != value:
                        self.wrong(f"values.{dim}.{value}", f"{word!r} is {owner[word.casefold()]} already")

    def _names(self) -> None:
        self.known("names", self._profile.names, DIMS)
        for dim, table in self._profile.names.items():
            if set(table) != {"metric", "key", "label"}:
                self.wrong(f"names.{dim}", "expected metric, key and label")
                continue
            self.metric(f"names.{dim}.metric", table["metric"])
            for key in ("key", "label"):
                if not _LABEL_NAME.fullmatch(table[key].replace("{p}", "")):
                    self.wrong(f"names.{dim}.{key}", f"{table[key]!r} is not a label name")

    def _not_exposed(self) -> None:
        profile = self._profile
        for key, words in (("not_exposed", profile.not_exposed), ("settings", profile.settings)):
            self.known(key, words, CONCEPTS)
            for concept, text in words.items():
                if not text.strip():
                    self.wrong(f"{key}.{concept}", "is empty, expected words")
        for concept in profile.not_exposed:
            if profile.signals.get(concept):
                self.wrong(f"not_exposed.{concept}", f"signals.{concept} says where it is")

    def _logs(self, logs: ProfileLogs) -> None:
        from wfmon.sources.profile_check_logs import check_logs

        check_logs(self, logs)


class _SignalCheck:
    """One entry of ``signals.CONCEPT``."""

    def __init__(self, check: _Check, profile: Profile, concept: str, signal: Signal, key: str) -> None:
        self._check = check
        self._profile = profile
        self._concept = concept
        self._signal = signal
        self._key = key

    def all(self) -> None:
        signal, check, key = self._signal, self._check, self._key
        if not signal.metrics:
            check.wrong(f"{key}.metric", "names no metric")
        for place, names in (("metric", signal.metrics), ("needs", signal.needs), ("unless", signal.unless)):
            for name in names:
                check.metric(f"{key}.{place}", name)
        if len(set(signal.metrics)) < len(signal.metrics):
            check.wrong(f"{key}.metric", "names one metric twice")
        if signal.type is not None:
            check.one_of(f"{key}.type", signal.type, TYPES)
        if signal.field is not None:
            check.one_of(f"{key}.field", signal.field, ("count", "sum"))
        check.one_of(f"{key}.agg", signal.agg, ("sum", "max", "min", "count"))
        if isinstance(signal.lazy, str):
            check.one_of(f"{key}.lazy", signal.lazy, ("always",))
        try:
            parse_matchers(signal.match)
        except ValueError as error:
            check.wrong(f"{key}.match", str(error))
        self._dims()
        self._numbers()

    def _dims(self) -> None:
        signal, check, key = self._signal, self._check, self._key
        check.known(f"{key}.by", signal.by or (), DIMS)
        for dim in signal.by or ():
            if dim in DIMS and dim not in self._profile.labels and dim not in signal.set:
                check.wrong(f"{key}.by", f"labels.{dim} names no label that it could be read from")
        check.known(f"{key}.set", signal.set, DIMS)
        kinds = SPACES if self._concept == Concept.STORAGE else KINDS
        for dim, known in (("status", STATUSES), ("kind", kinds)):
            if dim in signal.set:
                check.one_of(f"{key}.set.{dim}", signal.set[dim], known)
        if self._concept == Concept.STORAGE and "kind" not in signal.set:
            check.wrong(f"{key}.set", 'expected kind = "size" or kind = "free"')

    def _numbers(self) -> None:
        signal, check, key = self._signal, self._check, self._key
        scales = [("scale", signal.scale), *((f"scales.{name}", s) for name, s in signal.scales.items())]
        for place, scale in scales:
            if not math.isfinite(scale) or scale == 0:
                check.wrong(f"{key}.{place}", f"is {scale:g}, expected a factor other than 0")
        for name in signal.scales:
            if name not in signal.metrics:
                check.wrong(
                    f"{key}.scales.{name}", f"is no alternative of metric, {_expected(signal.metrics, name)}"
                )
        if signal.window is not None:
            if not signal.window > 0 or not math.isfinite(signal.window):
                check.wrong(f"{key}.window", f"is {signal.window:g}, expected seconds above 0")
            if self._concept != Concept.RUNS or signal.type != "gauge":
                check.wrong(f"{key}.window", 'is for runs with type = "gauge" only')
        check.known(f"{key}.quantiles", signal.quantiles, ("p50", "p95"))
        for op, quantile in signal.quantiles.items():
            if not 0 < quantile < 1:
                check.wrong(f"{key}.quantiles.{op}", f"is {quantile:g}, expected a number between 0 and 1")
