"""PromQL from profiles: one query per signal, its figures told apart by the label ``wfmon_op``.

Counts come from ``exact_increase``, an exact form of ``increase()`` (alerting-and-burn 4.2): an
instant query's ``increase()`` extrapolates, and never sees the first event of a new series.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

from wfmon.model.metrics import Concept
from wfmon.model.record import dataclass
from wfmon.sources.canonical import Canon, kept_dims
from wfmon.sources.profile import Profile, Signal, first_exposed

OP_LABEL = "wfmon_op"
AWAY_SECONDS = 21_600.0  # for which a target that is away is taken for the same when it comes back
LOOKBACK = 300.0  # seconds before a window in which a series' value at its beginning is looked for

_CLASSIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_GAUGES = frozenset({Concept.ACTIVE, Concept.QUEUE, Concept.MEMORY, Concept.STORAGE, Concept.BUDGET})
_SUMMED = frozenset({Concept.TOKENS, Concept.COST})
_DURATIONS = frozenset({Concept.DURATION, Concept.WAIT})


class Op(StrEnum):
    """What a row of an answer is.

    ``DELTA`` is growth within the window, ``BUCKET`` that of a histogram's bucket, ``NOW`` the present
    value; ``P50`` and ``P95`` are quantiles that the metric itself gives.
    """

    DELTA = "delta"
    BUCKET = "bucket"
    NOW = "now"
    P50 = "p50"
    P95 = "p95"


@dataclass(frozen=True, slots=True)
class Query:
    """One instant query. ``window`` is None where its figures have none."""

    profile: Profile
    concept: Concept
    signal: Signal
    window: float | None
    text: str


def quote(value: str) -> str:
    """A PromQL string literal."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def one_of(values: Iterable[str]) -> str:
    """A literal for ``=~`` that matches exactly the given values (RE2)."""
    escaped = (re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", value) for value in sorted(set(values)))
    return quote("|".join(escaped))


def selector(metric: str, match: str = "") -> str:
    """``match`` is matcher text of a profile, checked when the profile was read."""
    if _CLASSIC_NAME.fullmatch(metric):
        return f"{metric}{{{match}}}" if match.strip() else metric
    named = f"__name__={quote(metric)}"
    return f"{{{named},{match}}}" if match.strip() else f"{{{named}}}"


def span(seconds: float) -> str:
    """A PromQL duration, to the millisecond."""
    milliseconds = max(1, round(seconds * 1000))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def exact_increase(series: str, window: float, *, always_born: bool = False, up: str = "up") -> str:
    """Growth of every series of the selector ``series`` within the last ``window`` seconds; ``up``: its
    targets' own, sampled as often as it is.

    Per series, ``last`` being its newest value in the window (also of a series that vanished) and
    ``before`` its value when the window began (looked for ``LOOKBACK`` s back):

    - climbed = last; where one reset is seen and the highest value lies before it, highest + last
    - existed before:                climbed - before, or climbed if it restarted in between
    - born in a target that was already watched (scraped more often than this series was seen),
      or ``always_born``:            climbed, so that the first event counts
    - there from the first scrape of its target: last - first; what was before is not known
    - several resets, or one that cannot be told apart: ``increase()``, which extrapolates
    """
    w, back = span(window), span(LOOKBACK)
    last = f"last_over_time({series}[{w}])"
    before = f"last_over_time({series}[{back}] offset {w})"
    reset = f"resets({series}[{w}])"
    climbed = (
        f"({last} unless {reset} > 0 or ((max_over_time({series}[{w}]) > {last}) + {last} and {reset} == 1))"
    )
    from_zero = climbed if always_born else f"({climbed} and ({before} or {_watched(series, window, up)}))"
    return (
        f"({climbed} - {before} >= 0 or {from_zero} "
        f"or ({last} - min_over_time({series}[{w}]) unless {reset} > 0) or increase({series}[{w}]))"
    )


def calm_increase(series: str, window: float, troubled: str, *, always_born: bool = False) -> str:
    """As ``exact_increase`` for long windows, without the targets (job, instance) of ``troubled``.

    Of what was not reset, nor away when the window began, growth is a difference of two samples.
    """
    w = span(window)
    last = f"last_over_time({series}[{w}])"
    before = f"last_over_time({series}[{span(LOOKBACK)}] offset {w})"
    born = last if always_born else f"({last} and {_watched(series, window)})"
    return (
        f"(({last} - {before} or {born} or {last} - min_over_time({series}[{w}])) "
        f"unless on (job, instance) {troubled})"
    )


def troubled_targets(jobs: Collection[str], series: Iterable[str], window: float) -> str:
    """The targets (job, instance) of which growth over ``window`` is no difference of two samples.

    In the window, or LOOKBACK before it, a counter of ``series`` fell or the process restarted; or the
    target was away when the window began and had been known before.
    """
    whole, w, back = span(window + LOOKBACK), span(window), span(LOOKBACK)
    match = f"{{job=~{one_of(jobs)}}}"
    start, up = f"process_start_time_seconds{match}", f"up{match}"
    parts = [f"resets({each}[{whole}]) > 0" for each in series]
    parts.append(f"max_over_time({start}[{whole}]) - min_over_time({start}[{whole}]) >= 1")
    parts.append(
        f"(max_over_time({up}[{w}]) == 1 and max_over_time({up}[{span(AWAY_SECONDS)}] offset {w}) == 1 "
        f"unless max_over_time({up}[{back}] offset {w}) == 1)"
    )
    return grouped("group", ("job", "instance"), " or ".join(parts))


def _watched(series: str, window: float, up: str = "up") -> str:
    """Of the series those whose target was scraped more often than they were seen."""
    return (
        f"count_over_time({series}[{span(window)}]) < on (job, instance) group_left () "
        f"max by (job, instance) (sum_over_time({up}[{span(window + LOOKBACK)}]))"
    )


def grouped(aggregate: str, labels: Sequence[str], inner: str) -> str:
    return f"{aggregate} by ({', '.join(labels)}) ({inner})"


def tagged(parts: Mapping[Op, str]) -> str:
    """One vector out of several: each row carries its ``Op`` in ``wfmon_op``."""
    return " or ".join(
        f'label_replace({text}, {quote(OP_LABEL)}, {quote(op.value)}, "", "")' for op, text in parts.items()
    )


def compile_concept(
    profile: Profile, concept: Concept, names: Collection[str], window: float
) -> tuple[Query, ...]:
    """One query for every signal of ``concept`` that has an exposed metric, over ``window`` seconds."""
    queries = (
        compile_signal(profile, concept, signal, names, window) for signal in profile.signals_of(concept)
    )
    return tuple(query for query in queries if query is not None)


def compile_signal(
    profile: Profile, concept: Concept, signal: Signal, names: Collection[str], window: float
) -> Query | None:
    """None where none of the signal's metrics is exposed in a form that can answer."""
    parts = _Compiler(profile, concept, signal, names, window).parts()
    return Query(profile, concept, signal, window, tagged(parts)) if parts else None


def compile_growths(
    profile: Profile, concept: Concept, names: Collection[str], window: float
) -> tuple[Query, ...]:
    """What the counters of ``concept`` grew by over one window, without their present values."""
    found: list[Query] = []
    for signal in profile.signals_of(concept):
        parts = _Compiler(profile, concept, signal, names, window).parts()
        if Op.DELTA in parts:
            text = tagged({Op.DELTA: parts[Op.DELTA]})
            found.append(Query(profile, concept, signal, window, text))
    return tuple(found)


def compile_trend(
    profile: Profile,
    concept: Concept,
    signal: Signal,
    names: Collection[str],
    window: float,
    dims: Sequence[str],
) -> str | None:
    """Growth over a sliding ``window`` kept by ``dims``, to be drawn: plain ``increase()``."""
    series = _Compiler(profile, concept, signal, names, window).counter()
    if series is None:
        return None
    return grouped("sum", Canon(profile).raw_labels(dims), f"increase({series}[{span(window)}])")


def counter_of(profile: Profile, concept: Concept, signal: Signal, names: Collection[str]) -> str | None:
    """The selector of the counter that the signal has among ``names``."""
    return _Compiler(profile, concept, signal, names, 0.0).counter()


def counter_name_of(profile: Profile, concept: Concept, signal: Signal, names: Collection[str]) -> str | None:
    """Its sample name."""
    return _Compiler(profile, concept, signal, names, 0.0).counter_name()


def compile_growth(
    profile: Profile,
    concept: Concept,
    signal: Signal,
    names: Collection[str],
    window: float,
    troubled: str | None,
) -> str | None:
    """Growth over ``window`` by the dims of the signal, without the targets of ``troubled``; of all targets,
    and as exact as one query can be, if that is None."""
    compiler = _Compiler(profile, concept, signal, names, window)
    if signal.expr is not None:
        return compiler.parts().get(Op.DELTA)
    series, born = compiler.counter(), signal.lazy == "always"
    if series is None:
        return None
    grown = (
        exact_increase(series, window, always_born=born)
        if troubled is None
        else calm_increase(series, window, troubled, always_born=born)
    )
    return grouped("sum", Canon(profile).raw_labels(kept_dims(concept, signal)), grown)


def name_table(profile: Profile, dim: str) -> str:
    """The pairs (id, name) of an info metric; rows carry both labels, their value means nothing."""
    table = profile.names[dim]
    return grouped("group", (table["key"], table["label"]), selector(table["metric"]))


class _Compiler:
    """The forms of one signal, given what is exposed."""

    def __init__(
        self, profile: Profile, concept: Concept, signal: Signal, names: Collection[str], window: float
    ) -> None:
        self._concept = concept
        self._signal = signal
        self._names = names
        self._window = window
        self._labels = Canon(profile).raw_labels(kept_dims(concept, signal))
        self._metric = first_exposed(signal, names)

    def parts(self) -> dict[Op, str]:
        if self._signal.expr is not None:
            return self._raw() if self._metric is not None else {}
        if self._metric is None:
            return {}
        if self._concept in _DURATIONS:
            return self._duration()
        if self._signal.type == "gauge" or (self._signal.type is None and self._concept in _GAUGES):
            return {
                Op.NOW: grouped(self._signal.agg, self._labels, selector(self._metric, self._signal.match))
            }
        series = self.counter()
        if series is None:
            return {}
        return {Op.DELTA: self._growth(series), Op.NOW: grouped("sum", self._labels, series)}

    def counter(self) -> str | None:
        """The selector of the counter: the metric itself, or the count or sum of a histogram."""
        name = self.counter_name()
        return selector(name, self._signal.match) if name is not None else None

    def counter_name(self) -> str | None:
        if self._metric is None or self._signal.expr is not None:
            return None
        if self._metric in self._names and self._signal.field is None:
            return self._metric
        field = self._signal.field or ("sum" if self._concept in _SUMMED else "count")
        name = f"{self._metric}_{field}"
        return name if name in self._names else None

    def _raw(self) -> dict[Op, str]:
        text = (self._signal.expr or "").replace("$window", span(self._window))
        return {Op.NOW if self._concept in _GAUGES else Op.DELTA: f"({text})"}

    def _growth(self, series: str, *extra: str) -> str:
        exact = exact_increase(series, self._window, always_born=self._signal.lazy == "always")
        return grouped("sum", (*extra, *self._labels), exact)

    def _duration(self) -> dict[Op, str]:
        """Buckets rather than quantiles: those of one workflow and those of all are then the same
        data, the server evaluates it once, and several raw labels can mean one workflow."""
        metric, match = self._metric or "", self._signal.match
        if f"{metric}_bucket" in self._names:
            return {Op.BUCKET: self._growth(selector(f"{metric}_bucket", match), "le")}
        if self._signal.type == "native":
            grown = grouped("sum", self._labels, f"increase({selector(metric, match)}[{span(self._window)}])")
            return {
                Op.P50: f"histogram_quantile(0.5, {grown})",
                Op.P95: f"histogram_quantile(0.95, {grown})",
                Op.DELTA: f"histogram_count({grown})",
            }
        return self._fixed_quantiles(metric)

    def _fixed_quantiles(self, metric: str) -> dict[Op, str]:
        """Quantiles of a summary, and how many observations it made."""
        parts: dict[Op, str] = {}
        if f"{metric}_count" in self._names:
            parts[Op.DELTA] = self._growth(selector(f"{metric}_count", self._signal.match))
        for op, quantile in ((Op.P50, 0.5), (Op.P95, 0.95)):
            if metric in self._names:
                there = self._signal.quantiles.get(op.value, quantile)
                wanted = f"quantile={quote(f'{there:g}')}"
                match = f"{self._signal.match},{wanted}" if self._signal.match.strip() else wanted
                parts[op] = grouped("max", self._labels, selector(metric, match))
        return parts


def watched_targets(jobs: Collection[str]) -> str:
    """Per target of ``jobs``: when it was last scraped, or 0 if that failed; and the server's clock.

    The clock is the row with ``wfmon_op="now"``; without it an empty answer would have no time.
    """
    up = f"up{{job=~{one_of(jobs)}}}"
    clock = f'label_replace(vector(time()), {quote(OP_LABEL)}, {quote(Op.NOW.value)}, "", "")'
    return f"(timestamp({up}) and {up} == 1) or {up} or {clock}" if jobs else clock


def jobs_of(metrics: Collection[str], window: float) -> str:
    """The jobs that exposed any of ``metrics`` within ``window`` seconds."""
    return f"group by (job) (last_over_time({{__name__=~{one_of(metrics)}}}[{span(window)}]))"


def up_of(jobs: Collection[str]) -> str:
    """The targets of ``jobs`` at the times when they were scraped with success."""
    return f"up{{job=~{one_of(jobs)}}} == 1"


def first_seen(series: str, windows: Sequence[float]) -> str:
    """The first time at which ``series`` was there, within each of ``windows``."""
    return " or ".join(
        f"label_replace(min(min_over_time(timestamp({series})[{span(w)}:{span(max(1.0, w / 60))}])), "
        f'{quote(OP_LABEL)}, "{span(w)}", "", "")'
        for w in windows
    )


def last_seen(series: str, window: float) -> str:
    """The last time at which ``series`` was there, to 1/180 of ``window``."""
    return f"max(max_over_time(timestamp({series})[{span(window)}:{span(max(1.0, window / 180))}]))"
