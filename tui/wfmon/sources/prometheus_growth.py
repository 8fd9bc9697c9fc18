"""Exact growth of past hours from a Prometheus.

The server adds up the hours in which a target ran on: there growth is a difference of two samples. Of
targets that restarted in an hour, or were away when it began, the samples themselves are asked for and
counted as the scraper does; no query over a whole hour can tell a counter that began anew and has
overtaken itself.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.metrics import Concept, RunKey, TokenKey, TokenKind
from wfmon.model.record import dataclass
from wfmon.model.run import COUNTED, FAILED
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.canonical import Canon
from wfmon.sources.counters import CounterHistory
from wfmon.sources.exposition import Series
from wfmon.sources.feeds import Feeds, SumKey, sum_key
from wfmon.sources.growth import Sums
from wfmon.sources.profile import Profile, Signal
from wfmon.sources.prometheus_api import Line, PrometheusApi
from wfmon.sources.prometheus_scope import Scope
from wfmon.sources.promql import (
    AWAY_SECONDS,
    LOOKBACK,
    compile_growth,
    counter_name_of,
    counter_of,
    one_of,
    quote,
    span,
    troubled_targets,
)

HOUR = 3600.0
# Of one question for samples; with more the hours are asked in smaller pieces, or less exactly.
MAX_TROUBLED = 60
ADDED = frozenset({TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.TOTAL})
_SUMMED = (Concept.RUNS, Concept.TOKENS, Concept.COST)
_START = "process_start_time_seconds"
_TARGET = ("job", "instance")


@dataclass(frozen=True, slots=True)
class _Asked:
    """One signal that is summed up. ``metric`` None: it is an expression of the profile."""

    profile: Profile
    concept: Concept
    signal: Signal
    metric: str | None
    series: str | None


class Told:
    """Of which workflow and which model there is a series of what, whether or not it grew: one that has
    none of it is not known to have had zero."""

    def __init__(self) -> None:
        self._seen: set[tuple[Kind, str, Concept]] = set()

    def see(self, *keys: SumKey) -> None:
        for key in keys:
            if isinstance(key, RunKey):
                if key.workflow is not None and key.status in COUNTED:
                    self._seen.add((Kind.WORKFLOW, key.workflow, Concept.RUNS))
                continue
            concept = Concept.TOKENS if isinstance(key, TokenKey) else Concept.COST
            if key.workflow is not None:
                self._seen.add((Kind.WORKFLOW, key.workflow, concept))
            if key.provider or key.model:
                self._seen.add((Kind.MODEL, _model(key.provider, key.model), concept))

    def amount(self, kind: Kind, subject: str, concept: Concept, grown: float) -> float | None:
        return grown if (kind, subject, concept) in self._seen else None


def summed_signals(scope: Scope) -> tuple[_Asked, ...]:
    found = []
    for concept in _SUMMED:
        owner = scope.owner(concept)
        for signal in owner.signals_of(concept) if owner is not None else ():
            assert owner is not None
            if compile_growth(owner, concept, signal, scope.names, HOUR, None) is not None:
                names = (owner, concept, signal, scope.names)
                found.append(_Asked(owner, concept, signal, counter_name_of(*names), counter_of(*names)))
    return tuple(found)


def read_hours(
    api: PrometheusApi, scope: Scope, hours: Sequence[float], told: Told, *, exact: bool = True
) -> dict[float, Sums]:
    """Growth in each of ``hours`` (their begins, ascending, without a gap); zero is left out.

    ``told`` sees every series that was there. ``exact`` False: what was reset is extrapolated by the server.
    Raises ``SourceError``; TOO_LARGE also where too many targets were restarted for one question.
    """
    signals = summed_signals(scope)
    counters = [each.series for each in signals if each.series is not None]
    ends = (hours[0] + HOUR, hours[-1] + HOUR)
    reset = troubled_targets(scope.jobs, counters, HOUR) if exact and counters else None
    troubled = _troubled(api.over(reset, *ends, HOUR)) if reset is not None else []
    if len(troubled) > MAX_TROUBLED:
        raise SourceError(Failure.TOO_LARGE, f"{len(troubled)} restarts of targets in {len(hours)} hours")
    sums: dict[float, Sums] = {hour: Sums() for hour in hours}
    for each in signals:
        text = compile_growth(each.profile, each.concept, each.signal, scope.names, HOUR, reset)
        if text is not None:
            _add_lines(sums, told, each, api.over(text, *ends, HOUR), scope)
    for hour, target in troubled:
        if hour in sums:
            _add_samples(sums[hour], api, scope, signals, hour, target)
    for found in sums.values():
        told.see(*found.runs, *found.tokens, *found.cost)
    return sums


def hour_sums(source: str, sums: Mapping[float, Sums], scope: Scope, told: Told) -> tuple[HourSum, ...]:
    """As they are stored, one of each workflow and model that had anything."""
    return tuple(
        row
        for hour, each in sums.items()
        for row in (
            *_by_workflow(source, hour, each, scope, told),
            *_by_model(source, hour, each, scope, told),
        )
    )


@dataclass(slots=True)
class _Cell:
    runs: float = 0.0
    failures: float = 0.0
    tokens: float = 0.0
    cost: float = 0.0

    @property
    def anything(self) -> bool:
        return any((self.runs, self.failures, self.tokens, self.cost))


def _by_workflow(source: str, hour: float, sums: Sums, scope: Scope, told: Told) -> Iterator[HourSum]:
    cells: dict[str, _Cell] = defaultdict(_Cell)
    for run, amount in sums.runs.items():
        if run.workflow is not None and run.status in COUNTED:
            cells[run.workflow].runs += round(amount)
            cells[run.workflow].failures += round(amount) if run.status in FAILED else 0
    for token, amount in sums.settled_tokens(scope.owner(Concept.TOKENS)).items():
        if token.workflow is not None and token.kind in ADDED:
            cells[token.workflow].tokens += amount
    for cost, amount in sums.cost.items():
        if cost.workflow is not None:
            cells[cost.workflow].cost += amount
    yield from _rows(source, hour, Kind.WORKFLOW, cells, told)


def _by_model(source: str, hour: float, sums: Sums, scope: Scope, told: Told) -> Iterator[HourSum]:
    cells: dict[str, _Cell] = defaultdict(_Cell)
    for token, amount in sums.settled_tokens(scope.owner(Concept.TOKENS)).items():
        if (token.provider or token.model) and token.kind in ADDED:
            cells[_model(token.provider, token.model)].tokens += amount
    for cost, amount in sums.cost.items():
        if cost.provider or cost.model:
            cells[_model(cost.provider, cost.model)].cost += amount
    yield from _rows(source, hour, Kind.MODEL, cells, told)


def _rows(source: str, hour: float, kind: Kind, cells: Mapping[str, _Cell], told: Told) -> Iterator[HourSum]:
    for subject, cell in cells.items():
        if cell.anything:
            yield HourSum(
                hour,
                kind,
                subject,
                source,
                Role.METRICS,
                runs=told.amount(kind, subject, Concept.RUNS, cell.runs),
                failures=told.amount(kind, subject, Concept.RUNS, cell.failures),
                tokens=told.amount(kind, subject, Concept.TOKENS, cell.tokens),
                cost_usd=told.amount(kind, subject, Concept.COST, cell.cost),
            )


def _model(provider: str | None, model: str | None) -> str:
    return f"{provider or ''}/{model or ''}"


def _troubled(lines: Iterable[Line]) -> list[tuple[float, tuple[str, str]]]:
    """Hours (their begins) and targets."""
    return sorted(
        (at - HOUR, (line.labels.get("job", ""), line.labels.get("instance", "")))
        for line in lines
        for at, _ in line.points
    )


def _add_lines(
    sums: Mapping[float, Sums], told: Told, asked: _Asked, lines: Iterable[Line], scope: Scope
) -> None:
    canon, names = Canon(asked.profile), scope.tables.get(asked.profile.name)
    for line in lines:
        key = sum_key(asked.concept, canon.dims(asked.concept, asked.signal, line.labels, names))
        if key is None:
            continue
        told.see(key)
        for at, value in line.points:
            if value and math.isfinite(value) and at - HOUR in sums:
                sums[at - HOUR].add(key, value * asked.signal.scale)


def _add_samples(
    sums: Sums,
    api: PrometheusApi,
    scope: Scope,
    signals: Sequence[_Asked],
    hour: float,
    target: tuple[str, str],
) -> None:
    """Counts one target over one hour from its own samples."""
    metrics = [*(each.metric for each in signals if each.metric is not None), _START, "up"]
    matchers = [f"{label}={quote(value)}" for label, value in zip(_TARGET, target, strict=True)]
    chosen = "{" + ",".join((f"__name__=~{one_of(metrics)}", *matchers)) + "}"
    looks = looks_of(api.samples(f"{chosen}[{span(HOUR + LOOKBACK)}]", hour + HOUR))
    if not looks or looks[0][0] > hour:
        # It was away when the hour began: what it said last is looked for.
        up = api.samples(f"up{{{','.join(matchers)}}}[{span(AWAY_SECONDS)}]", hour - LOOKBACK)
        there = [at for line in up for at, value in line.points if value == 1.0]
        if there:
            looks = [*looks_of(api.samples(f"{chosen}[{span(LOOKBACK)}]", max(there))), *looks]
    sums.add_steps(count_growth(looks, hour), Feeds(scope.profiles, scope.names, scope.tables))


def count_growth(
    looks: Sequence[tuple[float, Mapping[Series, float]]], begin: float
) -> list[tuple[Series, float]]:
    """Growth after ``begin`` of all counters of one target over ``looks``, as the scraper counts it."""
    history: CounterHistory[Series] = CounterHistory(math.inf)
    start: float | None = None
    begun = False
    for at, values in looks:
        if at > begin and not begun:
            begun = True
            history.take_growth()
        counters = {series: value for series, value in values.items() if series.name != _START}
        now = next((value for series, value in values.items() if series.name == _START), None)
        moved = now is not None and start is not None and abs(now - start) >= 1.0
        history.observe(at, counters, restarted=moved and history.fell(counters))
        start = start if now is None else now
    return history.take_growth() if begun else []


def looks_of(lines: Iterable[Line]) -> list[tuple[float, dict[Series, float]]]:
    """The samples by the scrape that they come from; a scrape that gave none of them is one too."""
    looks: dict[float, dict[Series, float]] = defaultdict(dict)
    failed: set[float] = set()
    for line in lines:
        series = _series(line.labels)
        for at, value in line.points:
            if series.name != "up":
                looks[at][series] = value
            elif value == 1.0:
                looks[at]
            else:
                failed.add(at)
    return sorted((at, values) for at, values in looks.items() if at not in failed)


def _series(labels: Mapping[str, str]) -> Series:
    return Series(
        labels.get("__name__", ""), {name: text for name, text in labels.items() if name != "__name__"}
    )
