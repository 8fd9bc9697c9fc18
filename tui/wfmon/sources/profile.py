"""Profiles: which metric means what, as data (metric-catalogue 27; ``docs/profiles.md``).

A profile owns names and meanings only; the operations (delta, rate, quantile) belong to the
sources. ``load_profiles`` reads the shipped ones, compiled into one file (``profile_compile``), and a
user's TOML files, which ``profile_check`` judges. What labels and their values mean is in ``canonical``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from wfmon.model.layers import Layer, rank
from wfmon.model.metrics import Concept

SCHEMA = 1
DIMS = ("workflow", "run", "status", "model", "provider", "kind", "mount")
TYPES = ("counter", "gauge", "histogram", "native", "summary", "timer")
HISTOGRAM_SUFFIXES = ("_bucket", "_count", "_sum")

SHIPPED_DIR = Path(__file__).with_name("profiles")
COMPILED = SHIPPED_DIR / "shipped.json"


class ProfileError(Exception):
    """A profile file is wrong. ``problems`` are all of (key, what was expected), ``key`` and ``problem`` the
    first of them; the text has a line for each, with the file and the key."""

    def __init__(self, file: str, key: str, problem: str, more: Sequence[tuple[str, str]] = ()) -> None:
        self.file = file
        self.key = key
        self.problem = problem
        self.problems = ((key, problem), *more)
        super().__init__("\n".join(": ".join(filter(None, (file, *each))) for each in self.problems))


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One place where a concept may be found. ``metric`` lists alternatives, first existing wins. Where any
    of ``unless`` is exposed, or none of ``needs`` (if it names any), the place is not looked at.

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
    needs: list[str] = []
    unless: list[str] = []

    @property
    def metrics(self) -> list[str]:
        return [self.metric] if isinstance(self.metric, str) else self.metric

    def scale_of(self, metric: str) -> float:
        """What values of the alternative ``metric`` are multiplied by."""
        return self.scales.get(metric, self.scale)


class ProfileLogs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the system's logs are read.

    ``paths``: globs where they lie (``~`` is anybody's home, ``$NAME`` of the environment). ``detect``:
    dotted keys by which a record is known to be of this system (an inner list: all of them). ``path_regex``:
    named groups of the file's path are fields of each of its lines. ``fields``: canonical field -> dotted
    paths, tried before the built-in aliases; an empty list: no line has this field. ``patterns``: regular
    expressions on the text of a message, whose named groups are fields; the first that matches counts.
    ``events``: event name or message text (``*`` stands for anything) -> what it says: a run status or
    ``started``, of the step that the line names, else of the run; ``run STATUS``, ``step [STATUS]`` or
    ``call [STATUS]`` (of a model); ``none``. ``values``: field -> what is shown or meant -> what the log has.
    ``cut``: field -> regular expression whose first group is what counts of the value.
    ``opens``: ``any`` line with a run's id makes the run known, or only one that tells a ``status``.
    ``ends``: that a run is over is ``told``, follows from its ``steps``, or is ``untold``.
    """

    paths: list[str] = []
    format: str = "auto"  # auto json logfmt text
    detect: list[str | list[str]] = []
    path_regex: str = ""
    fields: dict[str, list[str]] = {}
    events: dict[str, str] = {}
    patterns: list[str] = []
    values: dict[str, dict[str, list[str]]] = {}
    cut: dict[str, str] = {}
    opens: str = "any"  # any status
    ends: str = "told"  # told steps untold


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A profile as the sources use it: ``{p}`` in names is already replaced by ``prefix``.

    ``replaces``: profiles that are not used where this one fits, because they read the same series.
    ``empty``: label values that mean that there is none. ``target_labels``: labels of the target's
    ``target_info`` that its series are read with. ``provider_prefixes``: providers that a model's name may
    begin with (``openai/gpt-4o``), read where no label names the provider. ``zero_cost_is_unpriced``: a cost
    counter that is 0 is of a model without a price. ``not_exposed``: concept -> why it is not there and where
    it is; ``settings``: concept -> the setting of the system that exposes it.
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
    provider_prefixes: list[str] = []
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

    A user's profile replaces a shipped one of the same name. Raises ``ProfileError`` for the first of the
    user's files that is wrong.
    """
    found = {profile.name: profile for profile in shipped_profiles()}
    places: dict[str, Path] = {}
    for path in user_files(user_dir):
        profile = read_profile(path)
        place = places.setdefault(profile.name, path)
        if place != path:
            raise ProfileError(str(path), "name", f"{profile.name!r} is the name in {place} too")
        found[profile.name] = profile
    return tuple(found[name] for name in sorted(found))


def shipped_profiles() -> tuple[Profile, ...]:
    """As ``python -m wfmon.sources.profile_compile`` left them: nothing is checked here."""
    return msgspec.json.decode(COMPILED.read_bytes(), type=tuple[Profile, ...])


def user_files(user_dir: Path | None) -> tuple[Path, ...]:
    """The profiles that a user wrote, sorted by file name."""
    if user_dir is None or not user_dir.is_dir():
        return ()
    return tuple(sorted(user_dir.glob("*.toml")))


def read_profile(path: Path) -> Profile:
    """Raises ``ProfileError``."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ProfileError(str(path), "", f"cannot be read: {error.strerror}") from error
    return parse_profile(raw, str(path))


def parse_profile(raw: bytes, file: str) -> Profile:
    """One profile from TOML, checked to its last key. ``file`` is used in errors only."""
    from wfmon.sources.profile_check import checked  # only who has profiles of their own needs it

    return _filled_in(checked(raw, file))


def with_prefix(profile: Profile, prefix: str) -> Profile:
    """The same profile for a system whose metric names begin with ``prefix`` instead of its own.

    Every name of a profile with a prefix that begins with it was written with ``{p}``, which the check
    holds its author to; so these are the names that are renamed. Raises ``ProfileError`` where the
    profile has no prefix, or names cannot begin with the new one.
    """
    place = f"prefix.{profile.name}"
    if not profile.prefix:
        raise ProfileError("[profiles]", place, f"profile {profile.name} has no prefix that could be another")
    if prefix and not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:.]*", prefix):
        raise ProfileError("[profiles]", place, f"{prefix!r}: no metric name can begin like this")
    old, inside = profile.prefix, re.compile(rf"(?<![a-zA-Z0-9_:.]){re.escape(profile.prefix)}")
    renamed = _renamed(
        profile,
        lambda name: prefix + name.removeprefix(old) if name.startswith(old) else name,
        lambda text: inside.sub(prefix, text),
    )
    return msgspec.structs.replace(renamed, prefix=prefix)


def _filled_in(profile: Profile) -> Profile:
    def full(name: str) -> str:
        return name.replace("{p}", profile.prefix)

    return _renamed(profile, full, full)


def _renamed(profile: Profile, name: Callable[[str], str], text: Callable[[str], str]) -> Profile:
    """``name`` makes a metric name into another, ``text`` does it inside a PromQL expression."""

    def signal(item: Signal) -> Signal:
        return msgspec.structs.replace(
            item,
            metric=[name(metric) for metric in item.metrics],
            scales={name(metric): scale for metric, scale in item.scales.items()},
            expr=text(item.expr) if item.expr is not None else None,
            needs=[name(metric) for metric in item.needs],
            unless=[name(metric) for metric in item.unless],
        )

    return msgspec.structs.replace(
        profile,
        detect=[
            name(entry) if isinstance(entry, str) else [name(metric) for metric in entry]
            for entry in profile.detect
        ],
        names={
            dim: {key: name(value) if key == "metric" else value for key, value in table.items()}
            for dim, table in profile.names.items()
        },
        signals={concept: [signal(item) for item in items] for concept, items in profile.signals.items()},
    )


def choose_profiles(
    profiles: Sequence[Profile], names: Collection[str], enabled: Sequence[str] = ()
) -> tuple[Profile, ...]:
    """The profiles of ``enabled`` (empty: all) that the exposed ``names`` fit, outermost layer first."""
    fitting = [
        profile for profile in profiles if (not enabled or profile.name in enabled) and fits(profile, names)
    ]
    return without_replaced(fitting)


def without_replaced(fitting: Iterable[Profile]) -> tuple[Profile, ...]:
    """Those of ``fitting`` that no other of them replaces, outermost layer first."""
    fitting = tuple(fitting)
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
    if any(exposes(names, metric) for metric in signal.unless):
        return None
    if signal.needs and not any(exposes(names, metric) for metric in signal.needs):
        return None
    return next((metric for metric in signal.metrics if exposes(names, metric)), None)
