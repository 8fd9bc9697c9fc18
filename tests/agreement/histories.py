"""Random histories of what targets exposed: told as expositions, and as the samples that a scrape leaves.

A target is looked at every ``STEP`` seconds; in a look it is away (None), or a mapping of series to values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from support.remotewrite import STALE, Samples

STEP = 15.0
LOOKS = 64
# What increase() may make of the growth that it sees: of two samples it extends their distance at both ends.
MOST_EXTRAPOLATED = 3.2
FALL_BACK = 300.0  # seconds for which what came before a window is looked for

Series = tuple[str, tuple[tuple[str, str], ...]]
Look = Mapping[Series, float] | None

ODD = {"NaN": math.nan, "+Inf": math.inf, "-Inf": -math.inf}


@dataclass(frozen=True)
class Life:
    """When a series is there and how it moves. ``gone``: looks in which it is missing; ``odd``: a look in
    which it is no number; ``falls``: a look in which it begins again at 0 alone; ``lazy``: after a restart
    it comes with its first event; ``renamed``: a look from which on a label has another value."""

    born: int
    every: int
    by: int
    gone: tuple[int, int]
    odd: tuple[int, str] | None
    falls: int | None
    lazy: bool
    renamed: int | None

    def there(self, look: int) -> bool:
        return look >= self.born and not self.gone[0] <= look < self.gone[1]

    def odd_at(self, look: int, *, stays: bool) -> float | None:
        if self.odd is None or look < self.odd[0] or (look > self.odd[0] and not stays):
            return None
        return ODD[self.odd[1]]

    def step(self, look: int) -> int:
        return self.by if (look + self.every) % self.every == 0 else 0


@dataclass(frozen=True)
class Metric:
    """``kind`` counter, gauge, histogram, summary, timer; ``labels`` of each of its series. ``told``: the
    type that is declared, which may be a lie. ``targets``: 0 and 1, those that have it. ``steady``: they
    have it all the time."""

    name: str
    kind: str
    labels: tuple[dict[str, str], ...]
    told: str
    targets: tuple[int, ...] = (0, 1)
    scale: float = 1.0
    steady: bool = False


@dataclass(frozen=True)
class History:
    """``looks`` of every target, and the ``types`` that it declares."""

    looks: tuple[tuple[Look, ...], ...] = field(repr=False)
    types: tuple[Mapping[str, str], ...] = field(repr=False)

    def exposition(self, target: int, look: int) -> bytes | None:
        seen = self.looks[target][look]
        if seen is None:
            return None
        lines = [f"# TYPE {name} {kind}" for name, kind in self.types[target].items()]
        lines += [f"{text_of(series)} {_number(value)}" for series, value in seen.items()]
        return "\n".join((*lines, "")).encode()

    def samples(self, target: int, begin: float) -> dict[Series, list[tuple[float, float]]]:
        """With ``up``, and with a marker where a series is missed for the first time."""
        found: dict[Series, list[tuple[float, float]]] = {}
        there: set[Series] = set()
        for number, look in enumerate(self.looks[target]):
            at = begin + number * STEP
            found.setdefault(("up", ()), []).append((at, 0.0 if look is None else 1.0))
            seen = look or {}
            for series in there - seen.keys():
                found[series].append((at, STALE))
            for series, value in seen.items():
                found.setdefault(series, []).append((at, value))
            there = set(seen)
        return found


def text_of(series: Series) -> str:
    name, labels = series
    inside = ",".join(f'{label}="{value}"' for label, value in labels)
    return f"{name}{{{inside}}}"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return next((text for text, odd in ODD.items() if odd == value), "NaN")


def lives(metric: Metric, *, calm: bool) -> st.SearchStrategy[Life]:
    """``calm``: nothing happens to it that a query could not tell."""
    look = st.integers(1, LOOKS - 1)
    spans = st.tuples(look, st.integers(1, 12)).map(lambda span: (span[0], span[0] + span[1]))

    odd = st.tuples(look, st.sampled_from(sorted(ODD)))

    def seldom(event: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.none() if calm else st.one_of(*[st.none()] * 3, event)

    return st.builds(
        Life,
        born=st.just(0) if metric.steady else st.one_of(st.just(0), st.just(0), look),
        every=st.integers(1, 9),
        by=st.integers(0, 7),
        gone=st.just((0, 0)) if metric.steady else st.one_of(*[st.just((0, 0))] * 3, spans),
        odd=seldom(odd) if metric.kind != "gauge" else st.one_of(*[st.none()] * 4, odd),
        falls=seldom(look) if metric.kind != "gauge" else st.none(),
        lazy=st.just(False) if metric.steady else st.booleans(),
        renamed=st.one_of(*[st.none()] * 4, look),
    )


@st.composite
def histories(draw: Any, metrics: Sequence[Metric]) -> History:
    targets = draw(st.integers(1, 2))
    look = st.integers(1, LOOKS - 2)
    spans = st.lists(st.tuples(look, st.integers(1, 26)), max_size=2)
    known: list[tuple[Look, ...]] = []
    for target in range(targets):
        comes = draw(st.one_of(st.just(0), st.just(0), st.integers(1, LOOKS - 8))) if target else 0
        away = {n for begin, length in draw(spans) for n in range(begin, begin + length)} - {LOOKS - 1}
        restarts = set(draw(st.one_of(st.just([]), st.lists(look, max_size=2))))
        troubled = draw(st.sets(st.sampled_from([metric.name for metric in metrics]), max_size=8))
        mine = [
            (metric, labels, draw(lives(metric, calm=metric.name not in troubled)))
            for metric in metrics
            if target in metric.targets
            for labels in metric.labels
        ]
        known.append(tuple(_looks(mine, comes, away, restarts)))
    told = ({m.name: m.told for m in metrics if target in m.targets} for target in range(targets))
    return History(tuple(known), tuple(told))


def _looks(
    mine: Sequence[tuple[Metric, dict[str, str], Life]], comes: int, away: set[int], restarts: set[int]
) -> Iterator[Look]:
    values = [0.0] * len(mine)
    quiet = [False] * len(mine)  # since a restart there was no event
    for number in range(LOOKS):
        seen: dict[Series, float] = {}
        for index, (metric, labels, life) in enumerate(mine):
            step = life.step(number)
            if metric.kind == "gauge":
                values[index] = float((life.by * 3 + number * life.every) % 11)
            else:
                if number in restarts or number == life.falls:
                    values[index], quiet[index] = 0.0, life.lazy
                values[index] += step
                quiet[index] = quiet[index] and not step
            if life.there(number) and not quiet[index]:
                odd = life.odd_at(number, stays=metric.kind == "gauge")
                renamed = life.renamed is not None and number >= life.renamed
                seen.update(_samples(metric, labels, values[index], odd, renamed=renamed))
        yield None if number < comes or number in away else seen


BOUNDS = ("0.5", "1.0", "2.5", "+Inf")
OTHER_BOUNDS = ("0.25", "1", "5.0", "+Inf")  # of a new version of the program
_SHARES = {"0.25": 0.2, "0.5": 0.3, "1": 0.55, "1.0": 0.55, "2.5": 0.8, "5.0": 0.95, "+Inf": 1.0}


def _samples(
    metric: Metric, labels: Mapping[str, str], value: float, odd: float | None, *, renamed: bool
) -> Iterator[tuple[Series, float]]:
    named = dict(labels)
    if renamed and "workflow" in named:
        named["workflow"] += "-2"

    def series(name: str, **more: str) -> Series:
        return name, tuple(sorted({**named, **more}.items()))

    told = value * metric.scale if odd is None else odd
    if metric.kind in ("counter", "gauge"):
        yield series(metric.name), told
        return
    if metric.kind == "summary":
        for quantile, share in (("0.5", 0.4), ("0.9", 0.7), ("0.95", 0.9)):
            yield series(metric.name, quantile=quantile), math.nan if odd else share * (1 + value % 7)
    if metric.kind == "histogram":
        for bound in OTHER_BOUNDS if renamed else BOUNDS:
            scaled = bound if bound == "+Inf" else f"{float(bound) / (metric.scale or 1.0):g}"
            yield series(f"{metric.name}_bucket", le=scaled), float(math.floor(value * _SHARES[bound]))
    yield series(f"{metric.name}_count"), value if odd is None else odd
    yield series(f"{metric.name}_sum"), value * 0.75


# --- what the two readers may see differently


def slack(
    samples: Samples, looks: Sequence[float], window: float, at: float, *, always: bool = False
) -> float:
    """By how much the growth of a counter over the ``window`` before ``at`` may differ between the readers:
    0 where one query can tell it exactly. ``samples`` without markers, ``looks`` at its target: good ones.

    Not exact are: what was no number; several resets, or one that the values after it hide; what is back
    after more than FALL_BACK s; a gap in what was there when its target was seen for the first time, or
    that it was there then, where the profile says that it is ``always`` born.
    """
    begin = at - window
    inside = [value for time, value in samples if time >= begin]
    if not inside:
        return 0.0
    recent = [(time, value) for time, value in samples if begin - FALL_BACK <= time <= begin]
    values = [value for _, value in samples if math.isfinite(value)]
    risen = sum(max(0.0, after - before) for before, after in pairwise([0.0, *values]))
    whole = MOST_EXTRAPOLATED * (risen + 2 * max(values, default=0.0))
    if not all(math.isfinite(value) for _, value in samples):
        return whole
    falls = sum(after < before for before, after in pairwise(inside))
    hidden = falls > 1 or (falls == 1 and not max(inside) > inside[-1])
    if recent:
        before = recent[-1][1]
        fell = inside[0] < before
        return whole if hidden or (fell and (falls or inside[-1] >= before)) else 0.0
    older = any(time < begin - FALL_BACK for time, _ in samples)
    if older or hidden:
        return whole
    if any(begin - FALL_BACK <= look <= begin for look in looks):
        return 0.0  # it was born in a target that was watched
    seen = [look for look in looks if look >= begin]
    if samples[0][0] > seen[0]:
        return 0.0
    return whole if always or falls or len(inside) < len(seen) else 0.0
