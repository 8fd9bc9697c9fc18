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
from wfmon.sources.canonical import Canon
from wfmon.sources.profile import Signal
from wfmon.sources.prometheus_api import Line, PrometheusApi
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_queries import Forms, forms_of
from wfmon.sources.promql import grouped, one_of, selector, span

STEP = 60.0
GAP = 300.0  # seconds without a good scrape, beyond which it is not known what happened
MOST_POINTS = 10_000  # of one series; a Prometheus refuses 11,000


def read_past(
    api: PrometheusApi, scope: Scope, wanted: Collection[str], begin: float, end: float, step: float
) -> PastCounts:
    """Counts of the workflows ``wanted`` (names as the source tells them) from ``begin`` to ``end``, POSIX
    seconds by our clock, ``end`` being now. One that several profiles have is counted by the outermost.
    Raises ``SourceError``."""
    clock = api.clock()
    ahead = clock - end
    last = float(int(clock))
    count = min(MOST_POINTS, max(1, round((end - begin) / step)))
    first = last - (count - 1) * step
    counts: dict[RunKey, list[float]] = defaultdict(lambda: [0.0] * count)
    presences: list[str] = []
    left = set(wanted)
    for fitting in scope.fitting:
        canon, found = Canon(fitting.profile), set[str]()
        for forms in forms_of(fitting, Concept.RUNS, step) if left else ():
            signal = forms.signal
            text, there = _texts(api, fitting, signal, forms, left, end - begin, clock)
            presences += there
            for line in api.over(text, first, last, step) if text is not None else ():
                labels = fitting.targets.added(line.labels)
                dims = canon.dims(Concept.RUNS, signal, labels, fitting.tables)
                if dims.workflow in left and dims.status is not RunStatus.RUNNING:
                    found.add(dims.workflow)
                    _add(counts[dims.run_key], line, first, step, forms.scale)
        left -= found
    watched = _watched(api, scope, presences, first, last, step) if counts else ()
    return PastCounts(
        step,
        tuple(first + number * step - ahead for number in range(count)),
        {key: tuple(values) for key, values in counts.items()},
        tuple((start - ahead, stop - ahead) for start, stop in watched),
    )


def _texts(
    api: PrometheusApi,
    fitting: Fitting,
    signal: Signal,
    forms: Forms,
    wanted: Collection[str],
    seconds: float,
    clock: float,
) -> tuple[str | None, list[str]]:
    """What counts the wanted workflows, None where there are none; and the series that it is counted from."""
    name = forms.counter_name()
    if name is None:  # an expression of the profile, in which no matcher can be put
        return forms.expression(), []
    matchers = _matchers(api, fitting, signal, name, wanted, seconds, clock)
    if matchers is None:
        return None, []
    series = selector(name, ",".join(part for part in (signal.match, matchers) if part.strip()))
    return forms.exact(matchers), [series]


def _matchers(
    api: PrometheusApi,
    fitting: Fitting,
    signal: Signal,
    name: str,
    wanted: Collection[str],
    seconds: float,
    clock: float,
) -> str | None:
    """Matchers of the labels that carry the wanted workflows, empty where all series do; more may match
    where several labels do. None: no series is theirs."""
    canon = Canon(fitting.profile)
    labels = canon.raw_labels(("workflow",))
    if fitting.joins:
        labels = tuple(dict.fromkeys((*labels, "job", "instance")))
    there = f"last_over_time({selector(name, signal.match)}[{span(seconds)}])"
    found = []
    for row in api.instant(grouped("group", labels, there), clock):
        added = fitting.targets.added(row.labels)
        if canon.dims(Concept.RUNS, signal, added, fitting.tables).workflow in wanted:
            found.append(row.labels)
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
