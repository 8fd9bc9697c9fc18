"""Exposition text: the samples of wanted names, read fast and forgiving.

One pass over the bytes finds the names of lines (those of one name in a row at once: 100,000 lines in
about 15 ms, however many names are wanted); from the names follows what is used, and only those lines
are taken apart. A series that was not seen before is taken apart by the places of its quotes, which it
shares with its siblings, or by prometheus_client where its text is not of the plainest form; one that
was is recognised by its text, and a line that is the same as last time is not looked at again. Declared
types are not believed: what a name means is the profile's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from sys import intern

from wfmon.model.record import dataclass, field, replace
from wfmon.text.sanitize import safe_bytes

MAX_SERIES = 120_000  # of one target; a label with run ids in it must not eat the host's memory
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
# All lines in a row that are samples of one name.
_RUN = re.compile(rb"\n([a-zA-Z_:][a-zA-Z0-9_:]*+)[{ \t][^\n]*+(?:\n\1[{ \t][^\n]*+)*+")
_DECLARED = re.compile(rb"\n# TYPE ([a-zA-Z0-9_:]+) ([a-z]+)")
# Of a declared name by its type: what its samples may be called.
_SUFFIXES = {b"counter": (b"", b"_total"), b"histogram": (b"_count", b"_bucket")}
_OTHER_SUFFIXES = (b"", b"_count")
_BOUND = b',le="'  # of a bucket; before it are the labels that it shares with the others
_LOOKS_LIKE_METRICS = re.compile(
    # a comment, or a sample
    rb"#.*\Z|(?:[a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*(?:\{.*\})?|\{.*\})[ \t]+[-+]?(?:[0-9.]|[nN]a[nN]|[iI]nf)"
)


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


@dataclass(frozen=True, slots=True)
class Exposition:
    """What one answer said of the used names.

    ``names`` are the wanted names that it exposes, also those that are not used (``unread``) and those
    that are declared but have no sample yet. ``changed``: those of ``samples`` that differ from the answer
    before, where both have the same series; else None. ``apart``: series of the names that were asked for
    apart. ``bad`` counts lines that could not be read,
    ``bad_example`` is the first (safe); ``left_out`` counts lines above the bound.
    """

    samples: Mapping[Series, float]
    names: frozenset[str]
    unread: frozenset[str] = frozenset()
    changed: Mapping[Series, float] | None = None
    bad: int = 0
    bad_example: str = ""
    left_out: int = 0
    apart: Mapping[str, tuple[Series, ...]] = field(default_factory=dict)


class NotMetrics(Exception):
    """The text is something else; the message (safe) says what it begins with."""


Uses = Callable[[frozenset[str]], Collection[str]]


class ExpositionReader:
    """Reads the answers of one target. ``names`` are full sample names (``x_bucket``, not ``x``).

    ``uses`` says which of the names that are exposed are read; without it all are.
    """

    def __init__(
        self,
        names: Collection[str],
        *,
        uses: Uses | None = None,
        apart: Collection[str] = (),
        max_series: int = MAX_SERIES,
    ) -> None:
        self._apart = frozenset(apart)
        self._families = {name.encode(): name for name in names}
        self._uses = uses
        self._max_series = max_series
        self._known: dict[bytes, Series] = {}
        self._last_lines: list[bytes] = []
        self._last: Exposition | None = None
        self._exposed: frozenset[str] | None = None
        self._used: frozenset[bytes] = frozenset()

    @property
    def lines(self) -> bytes:
        """The used lines of the last answer that could be read; reading them gives its samples."""
        return b"\n".join(self._last_lines)

    def read(self, body: bytes, *, everything: bool = False) -> Exposition:
        """Raises ``NotMetrics``. Equal used lines give the same object as last time.

        ``everything``: whatever is wanted is used.
        """
        text = b"\n" + body
        families = self._families
        runs = [
            (name, run.start() + 1, run.end()) for run in _RUN.finditer(text) if (name := run[1]) in families
        ]
        present = {name for name, _, _ in runs}
        declared = self._declared_names(text, present)
        if not runs and not declared and (head := _first_line(body)) and not _LOOKS_LIKE_METRICS.match(head):
            raise NotMetrics(f"begins with {safe_bytes(head, limit=60)}")
        exposed = declared.union(families[name] for name in present)
        used = present if everything or self._uses is None else self._used_of(exposed)
        lines: list[bytes] = []
        for name, begin, end in runs:
            if name in used:
                lines += text[begin:end].split(b"\n")
        unread = frozenset(families[name] for name in present.difference(used))
        return self._settled(lines, declared | unread, unread)

    def samples_of(self, text: bytes) -> Mapping[Series, float]:
        """The samples of lines that are no answer; the next answer is not compared with them."""
        return self._read_lines([line for line in text.split(b"\n") if line]).samples

    def _used_of(self, exposed: frozenset[str]) -> Collection[bytes]:
        if exposed != self._exposed and self._uses is not None:
            self._exposed = exposed
            self._used = frozenset(name.encode() for name in self._uses(exposed))
        return self._used

    def _declared_names(self, text: bytes, present: Collection[bytes]) -> frozenset[str]:
        names = set()
        for name, kind in _DECLARED.findall(text):
            # OpenMetrics declares a counter without its suffix, histograms have samples of suffixes only.
            suffixes = _SUFFIXES.get(kind, _OTHER_SUFFIXES)
            if any(name + suffix in present for suffix in suffixes):
                continue  # its samples tell its names: a counter has one, not every summary has quantiles
            for suffix in suffixes:
                full = self._families.get(name + suffix)
                if full is not None:
                    names.add(full)
        return frozenset(names)

    def _settled(self, lines: list[bytes], more: frozenset[str], unread: frozenset[str]) -> Exposition:
        """``more``: names that are exposed without a line that is used."""
        last, before = self._last, self._last_lines
        left_out = max(0, len(lines) - self._max_series)
        del lines[self._max_series :]
        same = last is not None and lines == before and (left_out, unread) == (last.left_out, last.unread)
        if last is not None and same and more <= last.names:
            return last
        read = self._changed(lines, before, last) if last is not None and not last.bad else None
        if read is None:
            read = self._read_lines(lines)
        self._last_lines = lines
        present = last.names - last.unread if last is not None and read.changed is not None else read.names
        self._last = replace(read, names=more | present, unread=unread, left_out=left_out)
        return self._last

    def _changed(self, lines: list[bytes], before: list[bytes], last: Exposition) -> Exposition | None:
        """The answer where only values are other than in ``before``; None where it is not so, or where one
        series has several lines."""
        if not len(lines) == len(before) == len(last.samples):
            return None
        known = self._known
        changed: dict[Series, float] = {}
        for line, old in zip(lines, before, strict=True):
            if line != old:
                key, _, number = line.rpartition(b" ")
                series = known.get(key)
                if series is None or not old.startswith(key) or old.rfind(b" ") != len(key):
                    return None
                try:
                    changed[series] = float(number)
                except ValueError:
                    return None
        return Exposition({**last.samples, **changed}, last.names, changed=changed, apart=last.apart)

    def _read_odd(
        self, odd: Sequence[tuple[bytes, float]], samples: dict[Series, float], bad: list[bytes]
    ) -> None:
        """Samples whose series have texts that are not of the plainest form."""
        known = self._known
        unknown = [key for key, _ in odd if key not in known]
        known.update(parse_series(unknown))
        bad.extend(key for key in unknown if key not in known)
        samples.update((known[key], value) for key, value in odd if key in known)

    def _read_lines(self, lines: Sequence[bytes]) -> Exposition:
        known = self._known
        samples: dict[Series, float] = {}
        odd: list[tuple[bytes, float]] = []
        bad: list[bytes] = []
        last: Series | None = None
        stem = b""  # of the text of last, if that is a bucket
        for line in lines:
            key, _, number = line.rpartition(b" ")
            series = known.get(key)
            if series is None:
                series = _next_bucket(key, stem, last) if stem and last is not None else None
                if series is None and len(key) <= MAX_SERIES_BYTES:
                    series = last = _plain_series(key.decode("utf-8", "replace"))
                    stem = _stem(key)
                if series is None:
                    sample = _odd_sample(line)
                    if sample is None:
                        bad.append(line)
                    else:
                        odd.append(sample)
                    continue
                known[key] = series
            try:
                samples[series] = float(number)
            except ValueError:
                bad.append(line)
        if odd:
            self._read_odd(odd, samples, bad)
        if len(known) > 2 * len(samples) + 1000:
            there = samples.keys()
            self._known = {key: series for key, series in known.items() if series in there}
        apart: dict[str, tuple[Series, ...]] = {}
        for series in samples if self._apart else ():
            if series.name in self._apart:
                apart[series.name] = (*apart.get(series.name, ()), series)
        return Exposition(
            samples=samples,
            names=frozenset(series.name for series in samples),
            bad=len(bad),
            bad_example=safe_bytes(bad[0], limit=80) if bad else "",
            apart=apart,
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
    parts = text.split('"')
    if len(parts) % 2 == 0 or "\\" in text or "\n" in text:
        return None
    form = _form('"'.join(parts[::2]))
    if form is None:
        return None
    return Series.of_form(form.name, form.labels, tuple(map(intern, form.sort(parts[1::2]))))


def _odd_sample(line: bytes) -> tuple[bytes, float] | None:
    """The text of the series and the value of a line, whatever blanks, timestamp or exemplar it has."""
    match = _SERIES_LINE.match(line.rstrip(b"\r "))
    if match is None or len(match.group(1)) > MAX_SERIES_BYTES:
        return None
    try:
        return match.group(1).rstrip(), float(match.group(2))
    except ValueError:
        return None


def _stem(key: bytes) -> bytes:
    """What buckets of one histogram share; nothing if this is none."""
    at = key.rfind(_BOUND)
    return key[: at + len(_BOUND)] if at >= 0 else b""


def _next_bucket(key: bytes, stem: bytes, sibling: Series) -> Series | None:
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


def _first_line(body: bytes) -> bytes:
    head = body[:4096].lstrip()
    return head.partition(b"\n")[0].rstrip()
