"""What of a Prometheus concerns us: metric names, jobs, since when they are watched, name tables.

Asked rarely, and so that a server with a million names answers with our few.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from wfmon.model.metrics import Concept
from wfmon.model.record import dataclass, field
from wfmon.sources.base import SourceError
from wfmon.sources.profile import HISTOGRAM_SUFFIXES, Profile, choose_profiles, first_exposed
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_figures import Names
from wfmon.sources.promql import first_seen, jobs_of, name_table, one_of, selector, up_of

BATCH = 50  # names in one question, so that its URL stays short
JOB_SECONDS = 900.0
NAMES_SECONDS = 3600.0
MAX_JOBS = 50
YOUNG_SECONDS = 60.0  # a server as young as this knows its first scrape to the second


@dataclass(frozen=True, slots=True)
class Scope:
    """``profiles`` are those that fit, ``names`` the metrics of theirs that are exposed.

    ``known_since`` is the server's time of the first good scrape, None if none is in the windows.
    ``tables`` are the name tables by profile.
    """

    profiles: tuple[Profile, ...] = ()
    names: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    known_since: float | None = None
    tables: Mapping[str, Names] = field(default_factory=dict)

    def owner(self, concept: Concept) -> Profile | None:
        """The first profile that has the concept: one figure, one source."""
        return next(
            (
                profile
                for profile in self.profiles
                if any(first_exposed(signal, self.names) for signal in profile.signals_of(concept))
            ),
            None,
        )


def find_scope(
    api: PrometheusApi, profiles: Sequence[Profile], windows: Sequence[float], former: Scope
) -> Scope:
    """At most 3 questions for 50 metric names, and one for each name table.

    ``former`` is what was found before: jobs whose targets have been down for long stay known.
    """
    clock = api.clock()
    since = clock - max(NAMES_SECONDS, windows[-1])
    names: set[str] = set()
    for batch in _batches(sorted(_wanted(profiles))):
        names.update(api.label_values("__name__", f"{{__name__=~{one_of(batch)}}}", since))
    chosen = choose_profiles(profiles, names)
    metrics = _counted(chosen, names)
    if not metrics:
        return Scope(chosen, frozenset(names), former.jobs)
    found = {row.labels.get("job", "") for row in api.instant(jobs_of(metrics, JOB_SECONDS), clock)}
    jobs = frozenset(sorted((found | former.jobs) - {""})[:MAX_JOBS])
    known = former.known_since
    if known is None or jobs != former.jobs or clock - known < windows[-1]:
        spans = (YOUNG_SECONDS, *windows)
        # Pushed and federated series have no ``up``; then their own first sample has to do.
        known = _first_time(api, up_of(jobs), spans, clock) if jobs else None
        if known is None:
            known = _first_time(api, selector(metrics[0]), spans, clock)
    return Scope(chosen, frozenset(names), jobs, known, dict(_tables(api, chosen, names, clock)))


def _first_time(api: PrometheusApi, series: str, spans: Sequence[float], clock: float) -> float | None:
    rows = api.instant(first_seen(series, spans), clock)
    return min((row.value for row in rows if math.isfinite(row.value)), default=None)


def shortest_interval(api: PrometheusApi, jobs: Collection[str]) -> float | None:
    """The shortest scrape interval of ``jobs`` in seconds; None where the server does not tell."""
    found: list[float] = []
    try:
        for job in sorted(jobs)[:3]:
            found += [
                seconds for text in api.scrape_intervals(job) if (seconds := _seconds(text)) is not None
            ]
    except SourceError:
        return None  # only a courtesy: old servers, rights, many targets; the default interval serves
    return min(found, default=None)


def _seconds(text: str) -> float | None:
    """A Prometheus duration such as 1m30s or 500ms."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    total, number, unit = 0.0, "", ""
    for char in text + "0":
        if char.isdecimal() and char.isascii():
            if unit:
                if unit not in units or not number:
                    return None
                total += int(number) * units[unit]
                number, unit = "", ""
            number += char
        else:
            unit += char
    return total or None


def _wanted(profiles: Sequence[Profile]) -> set[str]:
    metrics: set[str] = set()
    for profile in profiles:
        for entry in profile.detect:
            metrics.update([entry] if isinstance(entry, str) else entry)
        for signals in profile.signals.values():
            metrics.update(metric for signal in signals for metric in signal.metrics)
        metrics.update(table["metric"] for table in profile.names.values())
    return metrics | {metric + suffix for metric in metrics for suffix in HISTOGRAM_SUFFIXES}


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(names), BATCH):
        yield names[begin : begin + BATCH]


def _counted(profiles: Sequence[Profile], names: Collection[str]) -> list[str]:
    """The exposed metrics that tell who reports workflows, runs first; no buckets, which are many."""
    found: list[str] = []
    for concept in (
        Concept.RUNS,
        Concept.ACTIVE,
        Concept.TOKENS,
        Concept.DURATION,
        Concept.COST,
        Concept.CALLS,
    ):
        for profile in profiles:
            for signal in profile.signals_of(concept):
                metric = first_exposed(signal, names)
                if metric is not None:
                    found.append(metric if metric in names else f"{metric}_count")
    return list(dict.fromkeys(found))


def _tables(
    api: PrometheusApi, profiles: Sequence[Profile], names: Collection[str], clock: float
) -> Iterator[tuple[str, Names]]:
    for profile in profiles:
        tables: dict[str, dict[str, str]] = {}
        for dim, table in profile.names.items():
            if table["metric"] in names:
                rows = api.instant(name_table(profile, dim), clock)
                tables[dim] = {
                    row.labels[table["key"]]: row.labels[table["label"]]
                    for row in rows
                    if table["key"] in row.labels and table["label"] in row.labels
                }
        yield profile.name, tables
