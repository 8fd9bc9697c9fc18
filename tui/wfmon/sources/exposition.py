"""Exposition text: the samples of wanted names, read fast and forgiving.

Only lines of wanted names are looked at (a regular expression over the bytes: 3 MB in about 1 ms).
A series that was not seen before is taken apart, by prometheus_client where its text is not of the
plainest form; one that was is recognised by its text, so that only its value is read (the library
alone does 33,500 samples/s). Declared types are not believed: what a name means is the profile's to
say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from sys import intern

from wfmon.model.record import dataclass
from wfmon.text.sanitize import safe_bytes

MAX_SERIES = 50_000  # of one target; a label with run ids in it must not eat the host's memory
MAX_SERIES_BYTES = 16_384  # of a name with its labels; the library's time grows with its square

_SERIES_LINE = re.compile(
    rb'([a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*(?:\{(?:[^"}]++|"(?:[^"\\]++|\\.)*+")*+\})?)[ \t]*+([^ \t#]++)'
    rb"(?:[ \t]++[-+0-9.eE]++)?[ \t]*+(?:#.*)?\Z",
    re.DOTALL,
)
# Of the text of a series: no escapes, no blanks, ASCII names; the library is 15 ms to load.
_LABEL = r'[a-zA-Z][a-zA-Z0-9_]*="[^"\\\n]*"'
_PLAIN_SERIES = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{({_LABEL}(?:,{_LABEL})*+,?)?\}})?")
_PLAIN_LABEL = re.compile(r'([a-zA-Z0-9_]+)="([^"]*)"')
_LOOKS_LIKE_METRICS = re.compile(
    # a comment, or a sample
    rb"#.*\Z|(?:[a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*(?:\{.*\})?|\{.*\})[ \t]+[-+]?(?:[0-9.]|[nN]a[nN]|[iI]nf)"
)


class Series:
    """A name with its labels. Compared by both; the hash is kept because it is asked often.

    There may be tens of thousands of them: texts are shared and labels made into a dict when asked.
    """

    __slots__ = ("_hash", "_names", "_values", "name")

    def __init__(self, name: str, labels: Mapping[str, str]) -> None:
        self.name = intern(name)
        self._names = _shared_names(tuple(sorted(labels)))
        self._values = tuple(intern(labels[label]) for label in self._names)
        self._hash = hash((self.name, self._names, self._values))

    @property
    def labels(self) -> dict[str, str]:
        return dict(zip(self._names, self._values, strict=True))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Series)
            and self.name == other.name
            and self._names == other._names
            and self._values == other._values
        )

    def __repr__(self) -> str:
        return f"{self.name}{self.labels!r}"


@lru_cache(maxsize=256)
def _shared_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return names


@dataclass(frozen=True, slots=True)
class Exposition:
    """What one answer said of the wanted names.

    ``names`` also holds names that are declared but have no sample yet. ``bad`` counts lines that
    could not be read, ``bad_example`` is the first (safe); ``left_out`` counts lines above the bound.
    """

    samples: Mapping[Series, float]
    names: frozenset[str]
    bad: int = 0
    bad_example: str = ""
    left_out: int = 0


class NotMetrics(Exception):
    """The text is something else; the message (safe) says what it begins with."""


class ExpositionReader:
    """Reads the answers of one target. ``names`` are full sample names (``x_bucket``, not ``x``)."""

    def __init__(self, names: Collection[str], *, max_series: int = MAX_SERIES) -> None:
        wanted = b"|".join(re.escape(name.encode()) for name in sorted(names, key=lambda n: (-len(n), n)))
        families = {name.encode() for name in names}
        self._wanted = re.compile(rb"\n((?:" + wanted + rb")[{ \t][^\n]*)")
        self._declared = re.compile(rb"\n# TYPE ([a-zA-Z0-9_:]+) ([a-z]+)")
        self._families = families
        self._max_series = max_series
        self._known: dict[bytes, Series] = {}
        self._last_lines: list[bytes] = []
        self._last: Exposition | None = None

    @property
    def lines(self) -> bytes:
        """The wanted lines of the last answer that could be read; reading them gives its samples."""
        return b"\n".join(self._last_lines)

    def read(self, body: bytes) -> Exposition:
        """Raises ``NotMetrics``. Equal wanted lines give the same object as last time."""
        text = b"\n" + body
        lines: list[bytes] = self._wanted.findall(text)
        declared = self._declared_names(text)
        if not lines and not declared and (head := _first_line(body)) and not _LOOKS_LIKE_METRICS.match(head):
            raise NotMetrics(f"begins with {safe_bytes(head, limit=60)}")
        if self._last is not None and lines == self._last_lines and declared <= self._last.names:
            return self._last
        self._last = self._read_lines(lines, declared)
        self._last_lines = lines
        return self._last

    def _declared_names(self, text: bytes) -> frozenset[str]:
        names = set()
        for name, kind in self._declared.findall(text):
            # OpenMetrics declares a counter without its suffix, histograms have samples of suffixes only.
            for full in (name, name + b"_total") if kind == b"counter" else (name, name + b"_count"):
                if full in self._families:
                    names.add(full.decode())
        return frozenset(names)

    def _read_lines(self, lines: list[bytes], declared: frozenset[str]) -> Exposition:
        known = self._known
        values: dict[bytes, float] = {}
        bad: list[bytes] = []
        unknown: list[bytes] = []
        for line in lines[: self._max_series]:
            key, _, number = line.rpartition(b" ")
            if key not in known:
                match = _SERIES_LINE.match(line.rstrip(b"\r "))
                if match is None:
                    bad.append(line)
                    continue
                key, number = match.group(1).rstrip(), match.group(2)
                if key not in known:
                    if len(key) > MAX_SERIES_BYTES:
                        bad.append(line)
                        continue
                    unknown.append(key)
            try:
                values[key] = float(number)
            except ValueError:
                bad.append(line)
        parsed = parse_series(unknown)
        bad.extend(key for key in unknown if key not in parsed)
        known.update(parsed)
        samples = {known[key]: value for key, value in values.items() if key in known}
        if len(known) > 2 * len(values) + 1000:
            self._known = {key: known[key] for key in values if key in known}
        return Exposition(
            samples=samples,
            names=declared | {series.name for series in samples},
            bad=len(bad),
            bad_example=safe_bytes(bad[0], limit=80) if bad else "",
            left_out=max(0, len(lines) - self._max_series),
        )


def parse_series(keys: Iterable[bytes]) -> dict[bytes, Series]:
    """Series by their text (``name{label="value"}``); what prometheus_client refuses is not there."""
    found = {key: _plain_series(key.decode("utf-8", "replace")) for key in keys}
    parsed = {key: series for key, series in found.items() if series is not None}
    others = [key for key, series in found.items() if series is None]
    batch = _parse_batch(others)
    if batch is None:
        one_by_one = ((key, _parse_batch([key])) for key in others)
        batch = {key: one[key] for key, one in one_by_one if one is not None}
    return parsed | batch


def sample_line(series: Series, value: float) -> bytes:
    """The line that reads as ``value`` of ``series``, without its end."""
    labels = ",".join(f'{name}="{_escaped(text)}"' for name, text in series.labels.items())
    return f"{series.name}{{{labels}}} {value!r}".encode("utf-8", "replace")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _plain_series(text: str) -> Series | None:
    """The series of a text of the plainest form, as the library reads it; None for any other."""
    plain = _PLAIN_SERIES.fullmatch(text)
    if plain is None:
        return None
    pairs = _PLAIN_LABEL.findall(plain.group(2) or "")
    labels = dict(pairs)
    return Series(plain.group(1), labels) if len(labels) == len(pairs) else None


def _parse_batch(keys: list[bytes]) -> dict[bytes, Series] | None:
    if not keys:
        return {}
    from prometheus_client.parser import text_string_to_metric_families

    text = "".join(f"{key.decode('utf-8', 'replace')} 1\n" for key in keys)
    try:
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (ValueError, IndexError):  # the library raises IndexError on some broken label texts
        return None
    if len(samples) != len(keys):
        return None
    return {key: Series(sample.name, sample.labels) for key, sample in zip(keys, samples, strict=True)}


def _first_line(body: bytes) -> bytes:
    head = body[:4096].lstrip()
    return head.partition(b"\n")[0].rstrip()
