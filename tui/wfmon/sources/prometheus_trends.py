"""Drawn series from range queries: error ratio and tokens per minute, one point a minute for an hour."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from wfmon.model.metrics import Concept, TokenKind, Trend
from wfmon.model.run import COUNTED, FAILED
from wfmon.sources.canonical import Canon, Dims
from wfmon.sources.profile import Profile
from wfmon.sources.prometheus_api import Line, PrometheusApi
from wfmon.sources.prometheus_scope import Scope
from wfmon.sources.promql import compile_trend

POINTS = 60
STEP = 60.0
ERROR_RATIO = "error_ratio"
TOKENS_PER_MINUTE = "tokens_per_minute"
# Beyond this many workflows only the whole is drawn: 60 points of each would be megabytes.
MAX_WORKFLOWS = 100


def read_trends(
    api: PrometheusApi, scope: Scope, window: float, clock: float, workflows: int
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
    for dims, line in _lines(api, scope, Concept.RUNS, window, times, by_workflow):
        if dims.status in COUNTED:
            for workflow in {dims.workflow, None}:
                _add(n[workflow], line, times)
                if dims.status in FAILED:
                    _add(failed[workflow], line, times)
    trends = [
        Trend(
            ERROR_RATIO,
            workflow,
            tuple((at, failed[workflow].get(at, 0.0) / runs[at] if runs.get(at) else None) for at in times),
        )
        for workflow, runs in n.items()
    ]
    tokens: dict[float, float] = defaultdict(float)
    parts = _parts_of_wholes(scope.owner(Concept.TOKENS))
    for dims, line in _lines(api, scope, Concept.TOKENS, window, times, False):
        if dims.kind not in parts:
            _add(tokens, line, times)
    if tokens:
        per_minute = 60.0 / window
        points = tuple((at, tokens[at] * per_minute if at in tokens else None) for at in times)
        trends.append(Trend(TOKENS_PER_MINUTE, None, points))
    return tuple(trends)


def _parts_of_wholes(profile: Profile | None) -> set[TokenKind]:
    """Kinds that are inside input or output already and must not be added to them."""
    parts: set[TokenKind] = set()
    if profile is not None and profile.tokens.get("cached") != "disjoint":
        parts |= {TokenKind.CACHED, TokenKind.CACHE_WRITE}
    if profile is not None and profile.tokens.get("reasoning") != "disjoint":
        parts.add(TokenKind.REASONING)
    return parts


def _lines(
    api: PrometheusApi,
    scope: Scope,
    concept: Concept,
    window: float,
    times: Sequence[float],
    by_workflow: bool,
) -> list[tuple[Dims, Line]]:
    profile = scope.owner(concept)
    if profile is None:
        return []
    dims = (*(("workflow",) if by_workflow else ()), "status" if concept is Concept.RUNS else "kind")
    found: list[tuple[Dims, Line]] = []
    for signal in profile.signals_of(concept):
        text = compile_trend(profile, concept, signal, scope.names, window, dims)
        if text is not None:
            canon = Canon(profile)
            names = scope.tables.get(profile.name)
            for line in api.over(text, times[0], times[-1], STEP):
                found.append((canon.dims(concept, signal, line.labels, names), line))
    return found


def _add(into: dict[float, float], line: Line, times: Sequence[float]) -> None:
    """Points that the answer has beside ``times`` (a rounded begin) are put to the nearest of them."""
    for at, value in line.points:
        index = round((at - times[0]) / STEP)
        if 0 <= index < len(times) and math.isfinite(value):
            into[times[index]] += value
