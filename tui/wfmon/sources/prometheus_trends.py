"""Drawn series from range queries: error ratio and tokens per minute, one point a minute for an hour."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from wfmon.model.metrics import Concept, TokenKind, Trend
from wfmon.model.record import dataclass
from wfmon.model.run import COUNTED, FAILED
from wfmon.sources.canonical import Canon, Dims
from wfmon.sources.profile import Profile, Signal
from wfmon.sources.prometheus_api import Line, PrometheusApi
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_plan import POLITE, Plan
from wfmon.sources.prometheus_queries import forms_of

POINTS = 60
STEP = 60.0
TRENDS_EVERY = 6  # polls
ERROR_RATIO = "error_ratio"
TOKENS_PER_MINUTE = "tokens_per_minute"
# Beyond this many workflows only the whole is drawn: 60 points of each would be megabytes.
MAX_WORKFLOWS = 100


@dataclass(slots=True)
class _Drawn:
    """``poll`` and ``steady``: not asked again before either."""

    trends: tuple[Trend, ...] = ()
    poll: int = 0
    steady: float = 0.0


class Trends:
    """Of every profile what was drawn last. In one poll those of one profile are asked for, the one that
    waits longest; ``window`` in seconds, ``clock`` monotonic."""

    def __init__(self, window: float, clock: Callable[[], float]) -> None:
        self._window = window
        self._clock = clock
        self._drawn: dict[str, _Drawn] = {}

    def of(self, profile: str) -> tuple[Trend, ...]:
        drawn = self._drawn.get(profile)
        return drawn.trends if drawn is not None else ()

    def ask_due(self, api: PrometheusApi, scope: Scope, plan: Plan, poll: int, clock: float) -> None:
        """``clock`` is the server's. Raises ``SourceError``."""
        began = self._clock()
        there = [each for each in scope.fitting if _drawable(each)]
        self._drawn = {p: self._drawn.get(p, _Drawn()) for p in (each.profile.name for each in there)}
        due = [
            (drawn.poll, fitting)
            for fitting in there
            if poll >= (drawn := self._drawn[fitting.profile.name]).poll and began >= drawn.steady
        ]
        if not due:
            return
        fitting = min(due, key=lambda each: each[0])[1]
        drawn = self._drawn[fitting.profile.name]
        drawn.poll = poll + TRENDS_EVERY
        try:
            drawn.trends = read_trends(api, fitting, self._window, clock, _workflows(fitting, plan))
        finally:
            drawn.steady = self._clock() + POLITE * (self._clock() - began)


def read_trends(
    api: PrometheusApi, fitting: Fitting, window: float, clock: float, workflows: int
) -> tuple[Trend, ...]:
    """At most one range query for each exposed signal of runs and tokens.

    A point covers the ``window`` seconds before it; a ratio of nothing is a gap. Concepts are
    ``error_ratio`` (of each workflow, and of all as None) and ``tokens_per_minute`` (of all).
    """
    end = math.floor(clock / STEP) * STEP
    times = tuple(end - (POINTS - 1 - index) * STEP for index in range(POINTS))
    by_workflow = workflows <= MAX_WORKFLOWS
    n: dict[str | None, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    failed: dict[str | None, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for dims, line, scale in _lines(api, fitting, Concept.RUNS, window, times, by_workflow):
        if dims.status in COUNTED:
            for workflow in {dims.workflow, None}:
                _add(n[workflow], line, times, scale)
                if dims.status in FAILED:
                    _add(failed[workflow], line, times, scale)
    trends = [
        Trend(
            ERROR_RATIO,
            workflow,
            tuple((at, failed[workflow].get(at, 0.0) / runs[at] if runs.get(at) else None) for at in times),
        )
        for workflow, runs in n.items()
    ]
    by_kind: dict[TokenKind, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for dims, line, scale in _lines(api, fitting, Concept.TOKENS, window, times, False):
        _add(by_kind[dims.kind], line, times, scale)
    tokens = _together(by_kind, fitting.profile)
    if tokens:
        per_minute = 60.0 / window
        points = tuple((at, tokens[at] * per_minute if at in tokens else None) for at in times)
        trends.append(Trend(TOKENS_PER_MINUTE, None, points))
    return tuple(trends)


def _drawable(fitting: Fitting) -> bool:
    return any(
        forms.trend(()) is not None
        for concept in (Concept.RUNS, Concept.TOKENS)
        for forms in forms_of(fitting, concept)
    )


def _workflows(fitting: Fitting, plan: Plan) -> int:
    """How many there are, as far as their runs were asked for."""
    canon = Canon(fitting.profile)
    labels = canon.raw_labels(("workflow",))
    return len(
        {
            tuple(row.labels.get(label) for label in labels)
            for each in plan.of(fitting.profile.name)
            if each.answered and each.query.concept is Concept.RUNS
            for row in each.answered.rows
        }
    )


def _together(by_kind: Mapping[TokenKind, Mapping[float, float]], profile: Profile) -> dict[float, float]:
    """All tokens: without parts of wholes, and without a total beside what it is the total of."""
    left_out = _parts_of_wholes(profile)
    if TokenKind.INPUT in by_kind or TokenKind.OUTPUT in by_kind:
        left_out.add(TokenKind.TOTAL)
    tokens: dict[float, float] = {}
    for points in (points for kind, points in by_kind.items() if kind not in left_out):
        for at, value in points.items():
            tokens[at] = tokens.get(at, 0.0) + value
    return tokens


def _parts_of_wholes(profile: Profile) -> set[TokenKind]:
    """Kinds that are inside input or output already and must not be added to them."""
    parts: set[TokenKind] = set()
    if profile.tokens.get("cached") != "disjoint":
        parts |= {TokenKind.CACHED, TokenKind.CACHE_WRITE}
    if profile.tokens.get("reasoning") != "disjoint":
        parts.add(TokenKind.REASONING)
    return parts


def _lines(
    api: PrometheusApi,
    fitting: Fitting,
    concept: Concept,
    window: float,
    times: Sequence[float],
    by_workflow: bool,
) -> Iterator[tuple[Dims, Line, float]]:
    """With the scale of each line's values."""
    profile = fitting.profile
    canon = Canon(profile)
    dims = (*(("workflow",) if by_workflow else ()), "status" if concept is Concept.RUNS else "kind")
    for forms in forms_of(fitting, concept, window):
        signal = forms.signal
        if concept is Concept.TOKENS and _is_part(signal, profile):
            continue
        text = forms.trend(dims)
        if text is not None:
            for line in api.over(text, times[0], times[-1], STEP):
                labels = fitting.targets.added(line.labels)
                yield canon.dims(concept, signal, labels, fitting.tables), line, forms.scale


def _is_part(signal: Signal, profile: Profile) -> bool:
    return signal.set.get("kind") in {kind.value for kind in _parts_of_wholes(profile)}


def _add(into: dict[float, float], line: Line, times: Sequence[float], scale: float) -> None:
    """Points that the answer has beside ``times`` (a rounded begin) are put to the nearest of them."""
    for at, value in line.points:
        index = round((at - times[0]) / STEP)
        if 0 <= index < len(times) and math.isfinite(value):
            into[times[index]] += value * scale
