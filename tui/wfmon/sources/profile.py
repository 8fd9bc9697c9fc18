"""Profiles: which metric means what, as data (metric-catalogue 27).

A profile owns names and meanings only; the operations (delta, rate, quantile) belong to the
sources. ``load_profiles`` reads the shipped ones and a user's, and reports a wrong file with its
name and key. What labels and their values mean is in ``canonical``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from wfmon.model.layers import Layer, rank
from wfmon.model.metrics import Concept, TokenKind
from wfmon.model.run import RunStatus
from wfmon.sources.matchers import parse_matchers

SCHEMA = 1
DIMS = ("workflow", "run", "status", "model", "provider", "kind", "mount")
TYPES = ("counter", "gauge", "histogram", "native", "summary", "timer")
HISTOGRAM_SUFFIXES = ("_bucket", "_count", "_sum")

_SHIPPED = Path(__file__).with_name("profiles")
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:.]*")
_PROFILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class ProfileError(Exception):
    """A profile file is wrong; the text names the file, the key and what was expected."""

    def __init__(self, file: str, key: str, problem: str) -> None:
        super().__init__(f"{file}: {key}: {problem}" if key else f"{file}: {problem}")
        self.file = file
        self.key = key
        self.problem = problem


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One place where a concept may be found. ``metric`` lists alternatives, first existing wins.

    ``scales``: factors of alternatives that have another unit than ``scale`` says. ``agg`` ``count``: how
    many series there are, whatever their values. ``window``: seconds that a gauge of finished runs counts.
    """

    metric: str | list[str]
    type: str | None = None  # counter gauge histogram native summary timer
    field: str | None = None  # histogram used as counter: count or sum
    by: list[str] | None = None
    match: str = ""
    set: dict[str, str] = {}
    scale: float = 1.0
    scales: dict[str, float] = {}
    window: float | None = None
    agg: str = "sum"
    lazy: bool | str = False
    quantiles: dict[str, float] = {}
    expr: str | None = None

    @property
    def metrics(self) -> list[str]:
        return [self.metric] if isinstance(self.metric, str) else self.metric

    def scale_of(self, metric: str) -> float:
        """What values of the alternative ``metric`` are multiplied by."""
        return self.scales.get(metric, self.scale)


class ProfileLogs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the system's logs are read. ``paths``: globs where they usually lie. ``detect``: dotted keys by
    which a record is known to be of this system (an inner list: all of them). ``path_regex``: named groups
    of the file's path are fields. ``fields``: canonical field -> dotted paths, tried before the built-in
    aliases. ``events``: event word -> run status.
    """

    paths: list[str] = []
    format: str = "auto"  # auto json logfmt text
    detect: list[str | list[str]] = []
    path_regex: str = ""
    fields: dict[str, list[str]] = {}
    events: dict[str, str] = {}


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A profile as the sources use it: ``{p}`` in names is already replaced by ``prefix``.

    ``replaces``: profiles that are not used where this one fits, because they read the same series.
    ``empty``: label values that mean that there is none. ``target_labels``: labels of the target's
    ``target_info`` that its series are read with. ``zero_cost_is_unpriced``: a cost counter that is 0 is of a
    model without a price. ``not_exposed``: concept -> why it is not there and where it is; ``settings``:
    concept -> the setting of the system that exposes it.
    """

    schema: int
    name: str
    title: str
    detect: list[str | list[str]]
    layer: str = "engine"
    replaces: list[str] = []
    prefix: str = ""
    empty: list[str] = []
    target_labels: list[str] = []
    zero_cost_is_unpriced: bool = False
    not_exposed: dict[str, str] = {}
    settings: dict[str, str] = {}
    labels: dict[str, list[str]] = {}
    values: dict[str, dict[str, list[str]]] = {}
    names: dict[str, dict[str, str]] = {}
    tokens: dict[str, str] = {}
    signals: dict[str, list[Signal]] = {}
    logs: ProfileLogs = ProfileLogs()

    def signals_of(self, concept: Concept) -> list[Signal]:
        return self.signals.get(concept.value, [])


def user_profiles_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``$XDG_CONFIG_HOME/wfmon/profiles``; it need not exist."""
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".config")
    return Path(base) / "wfmon" / "profiles"


def load_profiles(user_dir: Path | None = None) -> tuple[Profile, ...]:
    """The shipped profiles and those of ``user_dir``, sorted by name.

    A user's profile replaces a shipped one of the same name. Raises ``ProfileError``.
    """
    found: dict[str, Profile] = {}
    for entry in sorted(_SHIPPED.glob("*.toml")):
        profile = parse_profile(entry.read_bytes(), entry.name)
        found[profile.name] = profile
    for path in sorted(user_dir.glob("*.toml")) if user_dir is not None and user_dir.is_dir() else ():
        profile = parse_profile(_read(path), str(path))
        found[profile.name] = profile
    return tuple(found[name] for name in sorted(found))


def parse_profile(raw: bytes, file: str) -> Profile:
    """One profile from TOML, checked to its last key. ``file`` is used in errors only."""
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ProfileError(file, "", f"not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(file, "", f"not TOML: {error}") from error
    try:
        profile = msgspec.convert(document, Profile, strict=True)
    except msgspec.ValidationError as error:
        key, problem = _place(error)
        if "[...]" in key:
            key = _named_place(document, key)
        raise ProfileError(file, key, problem) from error
    return _with_prefix(_Check(file).profile(profile))


def choose_profiles(
    profiles: Sequence[Profile], names: Collection[str], enabled: Sequence[str] = ()
) -> tuple[Profile, ...]:
    """The profiles of ``enabled`` (empty: all) that the exposed ``names`` fit, outermost layer first."""
    fitting = [
        profile for profile in profiles if (not enabled or profile.name in enabled) and fits(profile, names)
    ]
    replaced = {name for profile in fitting for name in profile.replaces}
    left = [profile for profile in fitting if profile.name not in replaced]
    return tuple(sorted(left, key=lambda profile: (rank(Layer(profile.layer)), profile.name)))


def fits(profile: Profile, names: Collection[str]) -> bool:
    """Whether any entry of ``detect`` is exposed (of an inner list: all of it)."""
    return any(
        exposes(names, entry) if isinstance(entry, str) else all(exposes(names, name) for name in entry)
        for entry in profile.detect
    )


def exposes(names: Collection[str], metric: str) -> bool:
    """Whether ``metric`` is among exposed sample names, as itself or as a histogram or summary."""
    return metric in names or any(metric + suffix in names for suffix in HISTOGRAM_SUFFIXES)


def first_exposed(signal: Signal, names: Collection[str]) -> str | None:
    """The alternative of ``signal`` that is there, in the order in which the profile lists them."""
    return next((metric for metric in signal.metrics if exposes(names, metric)), None)


def _place(error: msgspec.ValidationError) -> tuple[str, str]:
    """Key and problem of ``Expected `int` - at `$.schema```."""
    problem, _, path = str(error).partition(" - at `$")
    return path.removesuffix("`").lstrip("."), problem


def _named_place(document: Mapping[str, object], key: str) -> str:
    """``key`` with the name of the table's entry, which msgspec leaves out (``signals[...]``)."""
    table = key.partition("[")[0]
    entries = document[table]
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        try:
            msgspec.convert({**document, table: {name: entry}}, Profile, strict=True)
        except msgspec.ValidationError as error:
            return _place(error)[0].replace("[...]", f".{name}", 1)
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(str(path), "", f"cannot be read: {error.strerror}") from error


def _with_prefix(profile: Profile) -> Profile:
    def full(name: str) -> str:
        return name.replace("{p}", profile.prefix)

    def signal(item: Signal) -> Signal:
        return msgspec.structs.replace(
            item,
            metric=[full(name) for name in item.metrics],
            scales={full(name): scale for name, scale in item.scales.items()},
            expr=full(item.expr) if item.expr is not None else None,
        )

    return msgspec.structs.replace(
        profile,
        detect=[
            full(item) if isinstance(item, str) else [full(name) for name in item] for item in profile.detect
        ],
        names={
            dim: {key: full(value) if key == "metric" else value for key, value in table.items()}
            for dim, table in profile.names.items()
        },
        signals={concept: [signal(item) for item in items] for concept, items in profile.signals.items()},
    )


class _Check:
    """What the types cannot say. Every failure names the key."""

    def __init__(self, file: str) -> None:
        self._file = file

    def profile(self, profile: Profile) -> Profile:
        if profile.schema != SCHEMA:
            self._wrong("schema", f"is {profile.schema}, this version reads {SCHEMA}")
        if not _PROFILE_NAME.fullmatch(profile.name):
            self._wrong("name", "expected lower-case letters, digits, - and _")
        if not profile.detect:
            self._wrong("detect", "names no metric, so the profile could never be chosen")
        for index, entry in enumerate(profile.detect):
            for name in [entry] if isinstance(entry, str) else entry:
                self._metric(f"detect[{index}]", name, profile.prefix)
        self._one_of("layer", profile.layer, [layer.value for layer in Layer])
        self._known("not_exposed", profile.not_exposed, [concept.value for concept in Concept])
        self._known("settings", profile.settings, [concept.value for concept in Concept])
        for concept in profile.not_exposed:
            if concept in profile.signals:
                self._wrong(f"not_exposed.{concept}", f"signals.{concept} says where it is")
        self._known("labels", profile.labels, DIMS)
        self._known("tokens", profile.tokens, ("cached", "reasoning"))
        for key, word in profile.tokens.items():
            self._one_of(f"tokens.{key}", word, ("subset", "disjoint"))
        self._values(profile.values)
        self._known("names", profile.names, DIMS)
        for dim, table in profile.names.items():
            if set(table) != {"metric", "key", "label"}:
                self._wrong(f"names.{dim}", "expected metric, key and label")
        self._known("signals", profile.signals, [concept.value for concept in Concept])
        for concept, signals in profile.signals.items():
            for index, signal in enumerate(signals):
                self._signal(f"signals.{concept}[{index}]", signal, profile.prefix)
        return profile

    def _values(self, values: Mapping[str, Mapping[str, list[str]]]) -> None:
        self._known("values", values, DIMS)
        if "status" in values:
            self._known("values.status", values["status"], [status.value for status in RunStatus])
        if "kind" in values:
            self._known("values.kind", values["kind"], [kind.value for kind in TokenKind])

    def _signal(self, key: str, signal: Signal, prefix: str) -> None:
        if not signal.metrics:
            self._wrong(f"{key}.metric", "names no metric")
        for name in signal.metrics:
            self._metric(f"{key}.metric", name, prefix)
        if signal.type is not None:
            self._one_of(f"{key}.type", signal.type, TYPES)
        if signal.field is not None:
            self._one_of(f"{key}.field", signal.field, ("count", "sum"))
        self._one_of(f"{key}.agg", signal.agg, ("sum", "max", "min", "count"))
        for name in signal.scales:
            if name not in signal.metrics:
                self._wrong(f"{key}.scales.{name}", "is no alternative of metric")
        if signal.window is not None and signal.window <= 0:
            self._wrong(f"{key}.window", f"is {signal.window:g}, expected seconds above 0")
        if isinstance(signal.lazy, str):
            self._one_of(f"{key}.lazy", signal.lazy, ("always",))
        self._known(f"{key}.by", signal.by or (), DIMS)
        self._known(f"{key}.set", signal.set, DIMS)
        self._known(f"{key}.quantiles", signal.quantiles, ("p50", "p95"))
        try:
            parse_matchers(signal.match)
        except ValueError as error:
            self._wrong(f"{key}.match", str(error))

    def _metric(self, key: str, name: str, prefix: str) -> None:
        if not _METRIC_NAME.fullmatch(name.replace("{p}", prefix)):
            self._wrong(key, f"{name!r} is not a metric name")

    def _known(self, key: str, used: Iterable[str], known: Collection[str]) -> None:
        for word in used:
            if word not in known:
                self._wrong(f"{key}.{word}", f"unknown, expected one of: {' '.join(known)}")

    def _one_of(self, key: str, word: str, known: Sequence[str]) -> None:
        if word not in known:
            self._wrong(key, f"is {word!r}, expected one of: {' '.join(known)}")

    def _wrong(self, key: str, problem: str) -> NoReturn:
        raise ProfileError(self._file, key, problem)
