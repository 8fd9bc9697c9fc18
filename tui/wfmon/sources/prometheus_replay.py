"""Finished runs of the last hours as a Prometheus counted them, in steps of a minute.

One question finds the labels of the workflows that are asked for, one when their targets were up, and one
of each signal their counts: of a step no more than its few samples are looked at, whatever windows are made
of the steps later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from math import isfinite

from wfmon.model.metrics import Concept, RunKey
from wfmon.model.pastcounts import PastCounts
from wfmon.model.run import RunStatus
from wfmon.sources.canonical import Canon, kept_dims
from wfmon.sources.profile import Profile, Signal
from wfmon.sources.prometheus_api import Line, PrometheusApi
from wfmon.sources.prometheus_scope import Scope
from wfmon.sources.promql import (
    compile_growth,
    counter_name_of,
    exact_increase,
    grouped,
    one_of,
    selector,
    span,
)

STEP = 60.0
GAP = 300.0  # seconds without a good scrape, beyond which it is not known what happened
MOST_POINTS = 10_000  # of one series; a Prometheus refuses 11,000


def read_past(
    api: PrometheusApi, scope: Scope, wanted: Collection[str], begin: float, end: float, step: float
) -> PastCounts:
    """Counts of the workflows ``wanted`` (names as the source tells them) from ``begin`` to ``end``, POSIX
    seconds by our clock, ``end`` being now. Raises ``SourceError``."""
    clock = api.clock()
    ahead = clock - end
    last = float(int(clock))
    count = min(MOST_POINTS, max(1, round((end - begin) / step)))
    first = last - (count - 1) * step
    owner = scope.owner(Concept.RUNS)
    counts: dict[RunKey, list[float]] = defaultdict(lambda: [0.0] * count)
    presences: list[str] = []
    for signal in owner.signals_of(Concept.RUNS) if owner is not None else ():
        assert owner is not None
        text, there = _texts(api, scope, owner, signal, wanted, step, end - begin, clock)
        if text is None:
            continue
        presences += there
        canon, names = Canon(owner), scope.tables.get(owner.name)
        for line in api.over(text, first, last, step):
            dims = canon.dims(Concept.RUNS, signal, line.labels, names)
            if dims.workflow in wanted and dims.status is not RunStatus.RUNNING:
                _add(counts[dims.run_key], line, first, step, signal.scale)
    watched = _watched(api, scope, presences, first, last, step) if counts else ()
    return PastCounts(
        step,
        tuple(first + number * step - ahead for number in range(count)),
        {key: tuple(values) for key, values in counts.items()},
        tuple((start - ahead, stop - ahead) for start, stop in watched),
    )


def _texts(
    api: PrometheusApi,
    scope: Scope,
    profile: Profile,
    signal: Signal,
    wanted: Collection[str],
    step: float,
    seconds: float,
    clock: float,
) -> tuple[str | None, list[str]]:
    """What counts the wanted workflows, None where there are none; and the series that it is counted from."""
    name = counter_name_of(profile, Concept.RUNS, signal, scope.names)
    if name is None:  # an expression of the profile, in which no matcher can be put
        return compile_growth(profile, Concept.RUNS, signal, scope.names, step, None), []
    matchers = _matchers(api, scope, profile, signal, name, wanted, seconds, clock)
    if matchers is None:
        return None, []
    series = selector(name, ",".join(part for part in (signal.match, matchers) if part.strip()))
    up = f"up{{job=~{one_of(scope.jobs)}}}" if scope.jobs else "up"
    grown = exact_increase(series, step, always_born=signal.lazy == "always", up=up)
    labels = Canon(profile).raw_labels(kept_dims(Concept.RUNS, signal))
    return grouped("sum", labels, grown), [series]


def _matchers(
    api: PrometheusApi,
    scope: Scope,
    profile: Profile,
    signal: Signal,
    name: str,
    wanted: Collection[str],
    seconds: float,
    clock: float,
) -> str | None:
    """Matchers of the labels that carry the wanted workflows; more may match where several labels do."""
    canon, names = Canon(profile), scope.tables.get(profile.name)
    labels = canon.raw_labels(("workflow",))
    there = f"last_over_time({selector(name, signal.match)}[{span(seconds)}])"
    rows = api.instant(grouped("group", labels, there), clock)
    found = [
        row.labels for row in rows if canon.dims(Concept.RUNS, signal, row.labels, names).workflow in wanted
    ]
    if not found:
        return None
    values = {label: {row.get(label, "") for row in found} for label in labels}
    return ",".join(f"{label}=~{one_of(each)}" for label, each in values.items() if each != {""})


def _watched(
    api: PrometheusApi, scope: Scope, series: Sequence[str], first: float, last: float, step: float
) -> list[tuple[float, float]]:
    """From when to when targets were scraped; where there is no ``up`` the series themselves have to do."""
    up = f"count(up{{job=~{one_of(scope.jobs)}}} == 1)" if scope.jobs else ""
    lines = api.over(up, first, last, step) if up else []
    if not lines and series:
        lines = api.over(" or ".join(f"count({each})" for each in series), first, last, step)
    spans: list[tuple[float, float]] = []
    for at in sorted({at for line in lines for at, value in line.points if value > 0}):
        if spans and at - spans[-1][1] <= max(GAP, 2 * step):
            spans[-1] = (spans[-1][0], at)
        else:
            # What was counted before the first scrape of a span is in no step of it.
            spans.append((at, at))
    return spans


def _add(into: list[float], line: Line, first: float, step: float, scale: float) -> None:
    for at, value in line.points:
        number = round((at - first) / step)
        if 0 <= number < len(into) and isfinite(value):
            into[number] += round(value * scale)
