"""Series, and what their texts in an exposition mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from sys import intern

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
_BOUND = b',le="'  # of a bucket; before it are the labels that it shares with the others


class Series:
    """A name with its labels. Compared by both; the hash is kept because it is asked often.

    There may be tens of thousands of them: texts are shared and labels made into a dict when asked.
    ``label_names`` are sorted, ``label_values`` in their order.
    """

    __slots__ = ("_hash", "label_names", "label_values", "name")

    def __init__(self, name: str, labels: Mapping[str, str]) -> None:
        self.name = intern(name)
        self.label_names = _shared_names(tuple(sorted(labels)))
        self.label_values = tuple(intern(labels[label]) for label in self.label_names)
        self._hash = hash((self.name, self.label_names, self.label_values))

    @classmethod
    def of_form(cls, name: str, labels: tuple[str, ...], values: tuple[str, ...]) -> Series:
        """All texts interned, ``labels`` sorted, with their ``values``."""
        made = cls.__new__(cls)
        made.name, made.label_names, made.label_values = name, labels, values
        made._hash = hash((name, labels, values))
        return made

    @property
    def labels(self) -> dict[str, str]:
        return dict(zip(self.label_names, self.label_values, strict=True))

    def label(self, name: str) -> str | None:
        return self.label_values[self.label_names.index(name)] if name in self.label_names else None

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Series)
            and self.name == other.name
            and self.label_names == other.label_names
            and self.label_values == other.label_values
        )

    def __repr__(self) -> str:
        return f"{self.name}{self.labels!r}"


@lru_cache(maxsize=256)
def _shared_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return names


def parse_series(keys: Iterable[bytes]) -> dict[bytes, Series]:
    """Series by their text (``name{label="value"}``); what prometheus_client refuses is not there."""
    found = {key: plain_series(key.decode("utf-8", "replace")) for key in keys}
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


def plain_series(text: str) -> Series | None:
    """The series of a text of the plainest form, as the library reads it; None for any other."""
    parts = text.split('"')
    if len(parts) % 2 == 0 or "\\" in text or "\n" in text:
        return None
    form = _form('"'.join(parts[::2]))
    if form is None:
        return None
    return Series.of_form(form.name, form.labels, tuple(map(intern, form.sort(parts[1::2]))))


def odd_sample(line: bytes) -> tuple[bytes, float] | None:
    """The text of the series and the value of a line, whatever blanks, timestamp or exemplar it has."""
    match = _SERIES_LINE.match(line.rstrip(b"\r "))
    if match is None or len(match.group(1)) > MAX_SERIES_BYTES:
        return None
    try:
        return match.group(1).rstrip(), float(match.group(2))
    except ValueError:
        return None


def stem_of(key: bytes) -> bytes:
    """What buckets of one histogram share; nothing if this is none."""
    at = key.rfind(_BOUND)
    return key[: at + len(_BOUND)] if at >= 0 else b""


def next_bucket(key: bytes, stem: bytes, sibling: Series) -> Series | None:
    """The series of a text that differs from its sibling's only in the bound, which comes last."""
    if not key.startswith(stem) or not key.endswith(b'"}'):
        return None
    bound = key[len(stem) : -2]
    if b'"' in bound or b"\\" in bound:
        return None
    at = sibling.label_names.index("le")
    values = sibling.label_values
    text = intern(bound.decode("utf-8", "replace"))
    return Series.of_form(sibling.name, sibling.label_names, (*values[:at], text, *values[at + 1 :]))


class _Form:
    """What series texts share that differ only in what is quoted. ``labels`` are sorted, and ``sort`` puts
    the values into their order."""

    __slots__ = ("labels", "name", "sort")

    def __init__(self, name: str, labels: Sequence[str]) -> None:
        order = sorted(range(len(labels)), key=labels.__getitem__)
        self.name = intern(name)
        self.labels = _shared_names(tuple(labels[index] for index in order))
        self.sort: Callable[[list[str]], Sequence[str]] = (
            itemgetter(*order) if len(order) > 1 and order != list(range(len(order))) else tuple
        )


@lru_cache(maxsize=4096)
def _form(unquoted: str) -> _Form | None:
    """Of a text without what stands between its quotes; None where it is not of the plainest form."""
    plain = _PLAIN_SERIES.fullmatch(unquoted.replace('"', '""'))
    if plain is None:
        return None
    labels = [label for label, _ in _PLAIN_LABEL.findall(plain.group(2) or "")]
    return _Form(plain.group(1), labels) if len(set(labels)) == len(labels) else None


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
