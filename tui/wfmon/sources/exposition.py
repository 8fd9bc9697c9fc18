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
from collections.abc import Callable, Collection, Mapping, Sequence

from wfmon.model.record import dataclass, field, replace
from wfmon.sources.series import (
    MAX_SERIES_BYTES,
    Series,
    next_bucket,
    odd_sample,
    parse_series,
    plain_series,
    stem_of,
)
from wfmon.text.sanitize import safe_bytes

MAX_SERIES = 120_000  # of one target; a label with run ids in it must not eat the host's memory
# All lines in a row that are samples of one name.
_RUN = re.compile(rb"\n([a-zA-Z_:][a-zA-Z0-9_:]*+)[{ \t][^\n]*+(?:\n\1[{ \t][^\n]*+)*+")
_DECLARED = re.compile(rb"\n# TYPE ([a-zA-Z0-9_:]+) ([a-z]+)")
# Of a declared name by its type: what its samples may be called.
_SUFFIXES = {b"counter": (b"", b"_total"), b"histogram": (b"_count", b"_bucket")}
_OTHER_SUFFIXES = (b"", b"_count")
_LOOKS_LIKE_METRICS = re.compile(
    # a comment, or a sample
    rb"#.*\Z|(?:[a-zA-Z_:][a-zA-Z0-9_:]*[ \t]*(?:\{.*\})?|\{.*\})[ \t]+[-+]?(?:[0-9.]|[nN]a[nN]|[iI]nf)"
)


@dataclass(frozen=True, slots=True)
class Exposition:
    """What one answer said of the used names.

    ``names`` are the wanted names that it exposes, also those that are not used (``unread``) and those
    that are declared but have no sample yet. ``changed``: those of ``samples`` that differ from the answer
    before, where both have the same series; else None. ``apart``: series of the names that were asked for
    apart. ``bad`` counts lines that could not be read, ``bad_example`` is the first (safe); ``left_out``
    counts lines above the bound.
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
                series = next_bucket(key, stem, last) if stem and last is not None else None
                if series is None and len(key) <= MAX_SERIES_BYTES:
                    series = last = plain_series(key.decode("utf-8", "replace"))
                    stem = stem_of(key)
                if series is None:
                    sample = odd_sample(line)
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


def _first_line(body: bytes) -> bytes:
    head = body[:4096].lstrip()
    return head.partition(b"\n")[0].rstrip()
