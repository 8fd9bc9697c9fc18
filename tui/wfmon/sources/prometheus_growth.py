"""Exact growth of past hours from a Prometheus.

The server adds up the hours in which a target ran on: there growth is a difference of two samples. Of
targets that restarted in an hour, or were away when it began, the samples themselves are asked for and
counted as the scraper does; no query over a whole hour can tell a counter that began anew and has
overtaken itself.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from wfmon.model.history import Kind
from wfmon.model.metrics import Concept, RunKey, TokenKey
from wfmon.model.record import dataclass
from wfmon.model.run import COUNTED
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.canonical import Canon
from wfmon.sources.counters import CounterHistory
from wfmon.sources.feeds import SumKey, sum_key
from wfmon.sources.growth import Sums
from wfmon.sources.matchers import accepts_all, parse_matchers
from wfmon.sources.profile import Signal
from wfmon.sources.prometheus_api import Line, PrometheusApi
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_queries import Forms, forms_of
from wfmon.sources.promql import AWAY_SECONDS, LOOKBACK, one_of, quote, span, troubled_targets
from wfmon.sources.series import Series

HOUR = 3600.0
# Of one question for samples; with more the hours are asked in smaller pieces, or less exactly.
MAX_TROUBLED = 60
SUMMED = (Concept.RUNS, Concept.TOKENS, Concept.COST)
_START = "process_start_time_seconds"
_TARGET = ("job", "instance")


@dataclass(frozen=True, slots=True)
class Asked:
    """One signal that is summed up. ``metric`` None: it is an expression of the profile, or a native
    histogram, of which there are no plain samples."""

    fitting: Fitting
    concept: Concept
    signal: Signal
    forms: Forms
    metric: str | None
    series: str | None

    def key_of(self, canon: Canon, labels: Mapping[str, str]) -> SumKey | None:
        added = self.fitting.targets.added(labels)
        return sum_key(self.concept, canon.dims(self.concept, self.signal, added, self.fitting.tables))

    def text(self, troubled: str | None) -> str | None:
        """Growth without the targets of ``troubled``; None: of all, as exact as one query can be."""
        if self.signal.expr is not None:
            return self.forms.expression()
        return self.forms.growth() if troubled is None else self.forms.calm_growth(troubled)


def model_subject(provider: str | None, model: str | None) -> str:
    return f"{provider or ''}/{model or ''}"


class Told:
    """Of which workflow and which model a profile has a series of what, whether or not it grew: one that
    has none of it is not known to have had zero."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, Kind, str, Concept]] = set()

    def see(self, profile: str, *keys: SumKey) -> None:
        for key in keys:
            if isinstance(key, RunKey):
                if key.workflow is not None and key.status in COUNTED:
                    self._seen.add((profile, Kind.WORKFLOW, key.workflow, Concept.RUNS))
                continue
            concept = Concept.TOKENS if isinstance(key, TokenKey) else Concept.COST
            if key.workflow is not None:
                self._seen.add((profile, Kind.WORKFLOW, key.workflow, concept))
            if key.provider or key.model:
                self._seen.add((profile, Kind.MODEL, model_subject(key.provider, key.model), concept))

    def has(self, profile: str, kind: Kind, subject: str, concept: Concept) -> bool:
        return (profile, kind, subject, concept) in self._seen


def summed_signals(scope: Scope, length: float = HOUR) -> tuple[Asked, ...]:
    """Their growth over ``length`` seconds."""
    found = []
    for fitting in scope.fitting:
        for concept in SUMMED:
            for forms in forms_of(fitting, concept, length):
                asked = Asked(fitting, concept, forms.signal, forms, forms.counter_name(), forms.counter())
                if asked.text(None) is not None:
                    found.append(asked)
    return tuple(found)


HourSums = Mapping[float, Mapping[str, Sums]]  # hour -> profile


def read_hours(
    api: PrometheusApi,
    scope: Scope,
    hours: Sequence[float],
    told: Told,
    *,
    exact: bool = True,
    length: float = HOUR,
    most_troubled: int = MAX_TROUBLED,
) -> HourSums:
    """Growth in each of ``hours`` (their begins, ascending, without a gap) as each profile has it; zero is
    left out. ``length``: so much of it is over, in whole seconds; of several hours all.

    ``told`` sees every series that was there. ``exact`` False: what was reset is extrapolated by the server.
    Raises ``SourceError``; TOO_LARGE also where more targets than ``most_troubled`` were restarted.
    """
    signals = summed_signals(scope, length)
    counters = list(dict.fromkeys(each.series for each in signals if each.series is not None))
    ends = (hours[0] + length, hours[-1] + length)
    reset = troubled_targets(scope.jobs, counters, length) if exact and counters else None
    troubled = _troubled(api.over(reset, *ends, HOUR), length) if reset is not None else []
    if len(troubled) > most_troubled:
        raise SourceError(Failure.TOO_LARGE, f"{len(troubled)} restarts of targets in {len(hours)} hours")
    sums: dict[float, dict[str, Sums]] = {hour: defaultdict(Sums) for hour in hours}
    by_end = {hour + length: of_hour for hour, of_hour in sums.items()}
    for each in signals:
        text = each.text(reset)
        if text is not None:
            _add_lines(by_end, told, each, api.over(text, *ends, HOUR))
    for hour, target in troubled:
        if hour in sums:
            _add_samples(sums[hour], api, signals, hour, target, length)
    for by_profile in sums.values():
        for profile, found in by_profile.items():
            told.see(profile, *found.runs, *found.tokens, *found.cost)
    return sums


def _troubled(lines: Iterable[Line], length: float) -> list[tuple[float, tuple[str, str]]]:
    """Hours (their begins) and targets."""
    return sorted(
        (at - length, (line.labels.get("job", ""), line.labels.get("instance", "")))
        for line in lines
        for at, _ in line.points
    )


def _add_lines(
    by_end: Mapping[float, dict[str, Sums]], told: Told, asked: Asked, lines: Iterable[Line]
) -> None:
    profile = asked.fitting.profile
    canon = Canon(profile)
    # Of what has no price a counter stands at 0: that it is there tells no cost.
    silent = asked.concept is Concept.COST and profile.zero_cost_is_unpriced
    for line in lines:
        key = asked.key_of(canon, line.labels)
        if key is None:
            continue
        if not silent or any(value for _, value in line.points):
            told.see(profile.name, key)
        for at, value in line.points:
            if at not in by_end or not math.isfinite(value):
                continue
            sums = by_end[at][profile.name]
            if value:
                sums.add(key, value * asked.forms.scale)
            if not isinstance(key, RunKey) and (value or not silent):
                sums.there.add(key)


def _add_samples(
    by_profile: dict[str, Sums],
    api: PrometheusApi,
    signals: Sequence[Asked],
    hour: float,
    target: tuple[str, str],
    length: float,
) -> None:
    """Counts one target over one hour from its own samples."""
    metrics = [*(each.metric for each in signals if each.metric is not None), _START, "up"]
    metrics += [name for each in signals for name in (*each.forms.barred, *each.forms.needs)]
    matchers = [f"{label}={quote(value)}" for label, value in zip(_TARGET, target, strict=True)]
    chosen = "{" + ",".join((f"__name__=~{one_of(metrics)}", *matchers)) + "}"
    looks = looks_of(api.samples(f"{chosen}[{span(length + LOOKBACK)}]", hour + length))
    if not looks or looks[0][0] > hour:
        # It was away when the hour began: what it said last is looked for.
        up = api.samples(f"up{{{','.join(matchers)}}}[{span(AWAY_SECONDS)}]", hour - LOOKBACK)
        there = [at for line in up for at, value in line.points if value == 1.0]
        if there:
            looks = [*looks_of(api.samples(f"{chosen}[{span(LOOKBACK)}]", max(there))), *looks]
    steps = count_growth(looks, hour)
    exposed = frozenset(series.name for _, values in looks for series in values)
    for asked in signals:
        if not asked.forms.used_with(exposed):
            continue
        canon, accepted = Canon(asked.fitting.profile), parse_matchers(asked.signal.match)
        sums = by_profile.setdefault(asked.fitting.profile.name, Sums())
        for series, step in steps:
            if series.name == asked.metric and accepts_all(accepted, series.labels):
                key = asked.key_of(canon, series.labels)
                if key is not None:
                    sums.add(key, step * asked.forms.scale)
                    if not isinstance(key, RunKey):
                        sums.there.add(key)


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
