"""What the signals of a profile are asked as: one query each, its figures told apart by ``wfmon_op``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from wfmon.model.metrics import Concept
from wfmon.model.record import dataclass
from wfmon.sources.canonical import TIMED, Canon, counted_window, is_level, kept_dims, quantiles_of
from wfmon.sources.profile import Profile, Signal, exposes
from wfmon.sources.prometheus_fit import Fitting
from wfmon.sources.promql import (
    LOOKBACK,
    Op,
    calm_increase,
    exact_increase,
    finite,
    grouped,
    one_of,
    quote,
    selector,
    span,
    tagged,
)
from wfmon.sources.targetlabels import TARGET_INFO

_SUMMED = frozenset({Concept.TOKENS, Concept.COST})
_INSIDE = frozenset({"histogram", "summary", "timer", "native"})  # whose counters are not the metric itself
_TARGET = ("job", "instance")
# What the client libraries of every process expose: whose it is only its job tells.
GENERIC = ("process_", "go_", "python_", "jvm_", "nodejs_")
LONGEST_JOBS = 1000  # characters of their names; above it the targets of all jobs are looked at


@dataclass(frozen=True, slots=True)
class Query:
    """One instant query. ``window`` is None where its figures have none."""

    profile: Profile
    concept: Concept
    signal: Signal
    scale: float
    window: float | None
    text: str


def compile_concept(fitting: Fitting, concept: Concept, window: float) -> tuple[Query, ...]:
    """One query for every signal of ``concept`` that has an exposed metric, over ``window`` seconds."""
    return tuple(
        forms.query(parts, forms.window)
        for forms in forms_of(fitting, concept, window)
        if (parts := forms.parts())
    )


def compile_growths(fitting: Fitting, concept: Concept, window: float) -> tuple[Query, ...]:
    """What the counters of ``concept`` grew by over one window, without their present values."""
    return tuple(
        forms.query({Op.DELTA: parts[Op.DELTA]}, window)
        for forms in forms_of(fitting, concept, window)
        if Op.DELTA in (parts := forms.parts())
    )


def compile_windowed(fitting: Fitting) -> tuple[Query, ...]:
    """The gauges that count finished runs over a window of their own."""
    return tuple(
        forms.query(forms.parts(), forms.window)
        for forms in forms_of(fitting, Concept.RUNS, 0.0)
        if counted_window(Concept.RUNS, forms.signal) is not None and forms.parts()
    )


def forms_of(fitting: Fitting, concept: Concept, window: float = 0.0) -> Iterator[Forms]:
    """Those of every signal. Which of its alternatives a target has is its own matter: each that is exposed
    is asked for, without the targets that have one before it, or what the signal is not used beside."""
    names = fitting.names
    for signal in fitting.profile.signals_of(concept):
        needs = [metric for metric in signal.needs if exposes(names, metric)]
        if signal.needs and not needs:
            continue
        barred = [metric for metric in signal.unless if exposes(names, metric)]
        there = [metric for metric in signal.metrics if exposes(names, metric)]
        whole = there[:1] if signal.expr is not None else there
        for number, metric in enumerate(whole):
            yield Forms(fitting, concept, signal, metric, window, [*there[:number], *barred], needs)


class Forms:
    """The forms of one signal as ``metric``, which is exposed. ``window`` in seconds. ``barred``: metrics
    that a target must not have, ``needs``: of which it must have one, if there are any."""

    def __init__(
        self,
        fitting: Fitting,
        concept: Concept,
        signal: Signal,
        metric: str,
        window: float = 0.0,
        barred: Sequence[str] = (),
        needs: Sequence[str] = (),
    ) -> None:
        own = counted_window(concept, signal)
        self.signal = signal
        self.metric = metric
        self.barred = tuple(_sample_of(each, fitting.names) for each in barred)
        self.needs = tuple(_sample_of(each, fitting.names) for each in needs)
        self.window = own if own is not None else window
        self._fitting = fitting
        self._concept = concept
        self._names = fitting.names
        self._canon = Canon(fitting.profile)
        self._labels = self._raw_labels(kept_dims(concept, signal))

    @property
    def scale(self) -> float:
        return self.signal.scale_of(self.metric)

    def used_with(self, exposed: frozenset[str]) -> bool:
        """Whether a target that exposes the sample names ``exposed`` is read with this metric."""
        return exposed.isdisjoint(self.barred) and not (self.needs and exposed.isdisjoint(self.needs))

    def query(self, parts: dict[Op, str], window: float) -> Query:
        return Query(self._fitting.profile, self._concept, self.signal, self.scale, window, tagged(parts))

    def parts(self) -> dict[Op, str]:
        """Nothing where no metric is exposed in a form that can answer."""
        if self.signal.expr is not None:
            return self._raw(self.signal.expr)
        if self._concept in TIMED:
            return self._duration(self.metric)
        now = self._present()
        if is_level(self._concept, self.signal):
            return {Op.NOW: now} if now is not None else {}
        grown = self.growth()
        return {Op.DELTA: grown, **({Op.NOW: now} if now is not None else {})} if grown is not None else {}

    def growth(self) -> str | None:
        """Growth over the window by the dims of the signal, as exact as one query can be."""
        if self._native is not None:
            return self._of_native(f"increase({self._native}[{span(self.window)}])")
        series = self.counter()
        return self._growth(series) if series is not None else None

    def calm_growth(self, troubled: str) -> str | None:
        """The same without the targets of ``troubled``, for long windows."""
        series = self.counter()
        if series is None:
            return self.growth()
        up, info = self._guards()
        born = self.signal.lazy == "always"
        grown = calm_increase(series, self.window, troubled, always_born=born, up=up, info=info)
        return grouped("sum", self._labels, self._where_used(grown))

    def expression(self) -> str | None:
        """What the profile itself asks for growth, if it does."""
        if self.signal.expr is None:
            return None
        return self._raw(self.signal.expr).get(Op.DELTA)

    def trend(self, dims: Sequence[str]) -> str | None:
        """Growth over a sliding window kept by ``dims``, to be drawn: plain ``increase()``."""
        labels = self._raw_labels(dims)
        if self.signal.expr is not None:
            return None
        if counted_window(self._concept, self.signal) is not None:
            return grouped("sum", labels, self._where_used(finite(self._selector(self.metric))))
        series = self.counter()
        if series is None:
            return None
        return grouped("sum", labels, self._where_used(f"increase({series}[{span(self.window)}])"))

    def exact(self, matchers: str) -> str | None:
        """Growth of the series of the counter to which ``matchers`` apply too."""
        name = self.counter_name()
        return self._growth(self._selector(name, matchers)) if name is not None else None

    def counter(self) -> str | None:
        """The selector of the counter: the metric itself, or the count or sum of a histogram."""
        name = self.counter_name()
        return self._selector(name) if name is not None else None

    def counter_name(self) -> str | None:
        """Its sample name."""
        metric, kind = self.metric, self.signal.type
        if self.signal.expr is not None or kind == "gauge":
            return None
        if metric in self._names and self.signal.field is None and kind not in _INSIDE:
            return metric
        name = f"{metric}_{self._field}"
        return name if name in self._names and kind != "counter" else None

    @property
    def _field(self) -> str:
        return self.signal.field or ("sum" if self._concept in _SUMMED else "count")

    @property
    def _native(self) -> str | None:
        """The selector of a native histogram whose count or sum is the counter."""
        metric = self.metric
        inside = self.signal.type in ("histogram", "native") and self.signal.expr is None
        if not inside or metric not in self._names or f"{metric}_count" in self._names:
            return None
        return self._selector(metric)

    def _of_native(self, inner: str) -> str:
        return f"histogram_{self._field}({grouped('sum', self._labels, self._where_used(inner))})"

    def _present(self) -> str | None:
        if self.signal.type == "gauge" or (self.signal.type is None and is_level(self._concept, self.signal)):
            if self.metric not in self._names:
                return None
            series = self._selector(self.metric)
        elif self._native is not None:
            return self._of_native(self._native)
        else:
            found = self.counter()
            if found is None:
                return None
            series = found
        agg = self.signal.agg if is_level(self._concept, self.signal) else "sum"
        series = series if agg == "count" else finite(series)
        return grouped(agg, self._labels, self._where_used(series))

    def _raw(self, expr: str) -> dict[Op, str]:
        text = f"({expr.replace('$window', span(self.window))})"
        if self._concept in TIMED:
            return {
                op: text for op, wanted in self._wanted() if self.signal.quantiles.get(op.value) == wanted
            }
        return {Op.NOW if is_level(self._concept, self.signal) else Op.DELTA: text}

    def _duration(self, metric: str) -> dict[Op, str]:
        """Buckets rather than quantiles: those of one workflow and those of all are then the same
        data, the server evaluates it once, and several raw labels can mean one workflow."""
        names, kind = self._names, self.signal.type
        if kind == "gauge":
            return {op: self._only(self._selector(metric)) for op, _ in self._wanted()}
        if f"{metric}_bucket" in names and kind not in ("summary", "timer"):
            return {Op.BUCKET: self._growth(self._selector(f"{metric}_bucket"), "le")}
        spelt = self._fitting.quantiles.get(metric)
        bare = metric in names and f"{metric}_count" not in names and not spelt
        if kind == "native" or (kind in (None, "histogram") and bare):
            grown = self._where_used(f"increase({self._selector(metric)}[{span(self.window)}])")
            grown = grouped("sum", self._labels, grown)
            return {
                Op.P50: f"histogram_quantile(0.5, {grown})",
                Op.P95: f"histogram_quantile(0.95, {grown})",
                Op.DELTA: f"histogram_count({grown})",
            }
        return self._fixed_quantiles(metric, spelt)

    def _fixed_quantiles(self, metric: str, spelt: frozenset[str] | None) -> dict[Op, str]:
        """Quantiles of a summary, and how many observations it or a timer made."""
        parts: dict[Op, str] = {}
        if f"{metric}_count" in self._names:
            parts[Op.DELTA] = self._growth(self._selector(f"{metric}_count"))
        for op, wanted in self._wanted() if metric in self._names and self.signal.type != "timer" else ():
            there = [f"{wanted:g}"] if spelt is None else [text for text in spelt if _number(text) == wanted]
            if there:
                matcher = f"quantile={quote(there[0])}" if len(there) == 1 else f"quantile=~{one_of(there)}"
                parts[op] = self._only(self._selector(metric, matcher))
        return parts

    def _wanted(self) -> list[tuple[Op, float]]:
        wanted = quantiles_of(self.signal)
        return [(op, wanted[op.value]) for op in (Op.P50, Op.P95) if op.value in wanted]

    def _only(self, series: str) -> str:
        """The value where one series has it: quantiles of several cannot be put together."""
        series = self._where_used(finite(series))
        return f"({grouped('max', self._labels, series)} and {grouped('count', self._labels, series)} == 1)"

    def _growth(self, series: str, *extra: str) -> str:
        up, info = self._guards()
        born = self.signal.lazy == "always"
        exact = exact_increase(series, self.window, always_born=born, up=up, info=info)
        return grouped("sum", (*extra, *self._labels), self._where_used(f"({exact} < Inf)"))

    def _where_used(self, inner: str) -> str:
        """``inner`` of the targets that are read with this metric."""
        for operator, metrics in (("unless", self.barred), ("and", self.needs)):
            if metrics:
                seconds = span(max(self.window, LOOKBACK))
                there = " or ".join(f"last_over_time({selector(each)}[{seconds}])" for each in metrics)
                inner = f"({inner} {operator} on (job, instance) ({there}))"
        return inner

    def _guards(self) -> tuple[str, str | None]:
        """What tells that a target was watched: of scraped ones, and of pushed ones if there are any."""
        jobs, pushed = self._fitting.jobs, self._fitting.pushed
        short = jobs and sum(len(job) + 1 for job in jobs) <= LONGEST_JOBS
        up = f"up{{job=~{one_of(jobs)}}}" if short else "up"
        info = (
            f"{TARGET_INFO}{{job=~{one_of(pushed)}}}"
            if pushed and TARGET_INFO in self._names and short
            else None
        )
        return up, info

    def _selector(self, metric: str, *matchers: str) -> str:
        match = [self.signal.match, *matchers]
        if metric.startswith(GENERIC) and self._fitting.jobs and "job" not in self.signal.match:
            match.append(f"job=~{one_of(self._fitting.jobs)}")
        return selector(metric, ",".join(part.strip().rstrip(",") for part in match if part.strip()))

    def _raw_labels(self, dims: Sequence[str]) -> tuple[str, ...]:
        labels = self._canon.raw_labels(dims)
        joined = self._fitting.joins and not set(labels).isdisjoint(self._fitting.profile.target_labels)
        return tuple(dict.fromkeys((*labels, *_TARGET))) if joined else labels


def _sample_of(metric: str, names: Collection[str]) -> str:
    """One of the sample names of ``metric`` that is there, not its buckets if there is another."""
    found = (metric, f"{metric}_count", f"{metric}_sum")
    return next((name for name in found if name in names), f"{metric}_bucket")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def name_table(profile: Profile, dim: str) -> str:
    """The pairs (id, name) of an info metric; rows carry both labels, their value means nothing."""
    table = profile.names[dim]
    return grouped("group", (table["key"], table["label"]), selector(table["metric"]))
