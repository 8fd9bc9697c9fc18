"""Finds what of a Prometheus concerns us: profiles that fit, metric names, jobs, since when they are watched.

Asked rarely, in questions of bounded length, and so that a server with a million series answers with our
few names: first which of those is there by which a profile is known, then what else of the profiles that
fit. Names and jobs come from the index; no sample is read for them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote as url_quote

from wfmon.model.metrics import Concept
from wfmon.model.record import replace
from wfmon.sources.base import SourceError
from wfmon.sources.canonical import TIMED, is_level
from wfmon.sources.profile import HISTOGRAM_SUFFIXES, Profile, Signal, choose_profiles
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_fit import Fitting, Names, Scope
from wfmon.sources.prometheus_queries import GENERIC, forms_of, name_table
from wfmon.sources.promql import first_seen, grouped, one_of, selector, up_of
from wfmon.sources.targetlabels import TARGET_INFO, TargetLabels

MAX_URL = 6000  # characters of names in one question: proxies refuse request lines above 8 kB
JOB_SECONDS = 900.0
NAMES_SECONDS = 3600.0
MAX_JOBS = 50  # of one profile
YOUNG_SECONDS = 60.0  # a server as young as this knows its first scrape to the second
# Samples of these names are all there is of their metric.
_WHOLE = ("_total", "_count", "_sum", "_bucket", "_info", "_created")
_INSIDE = ("histogram", "summary", "timer", "native")


def find_scope(
    api: PrometheusApi, profiles: Sequence[Profile], windows: Sequence[float], former: Scope
) -> Scope:
    """At most one question for each MAX_URL characters of names by which profiles are known, one or two
    for the names of those that fit; of each of these one for its jobs and one for each name table; and
    three for all of them.

    ``former`` is what was found before: jobs whose targets have been down for long stay known.
    """
    clock = api.clock()
    names = _exposed_names(api, profiles, clock - max(NAMES_SECONDS, windows[-1]))
    fitting = [
        Fitting(profile, names, _jobs(api, profile, names, clock - JOB_SECONDS, former.of(profile.name)))
        for profile in choose_profiles(profiles, names)
    ]
    fitting = _since(api, fitting, windows, clock, former)
    fitting = _quantiles(api, fitting, clock)
    fitting = _targets(api, fitting, clock)
    fitting = [replace(each, tables=_tables(api, each, clock)) for each in fitting]
    return Scope(tuple(fitting), frozenset().union(former.jobs, *(each.jobs for each in fitting)))


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


# --- names


def _exposed_names(api: PrometheusApi, profiles: Sequence[Profile], since: float) -> frozenset[str]:
    """Of our names those that have series. Where all of them are few they are asked for at once."""
    known_by = {name for profile in profiles for name in _known_by(profile)}
    every = known_by | {name for profile in profiles for name in _used(profile)}
    if len(list(_batches(every))) == 1:
        return frozenset(_there(api, every, since))
    there = _there(api, known_by, since)
    fitting = [profile for profile in profiles if choose_profiles([profile], there)]
    return frozenset(there | _there(api, {name for profile in fitting for name in _used(profile)}, since))


def _there(api: PrometheusApi, names: Iterable[str], since: float) -> set[str]:
    found: set[str] = set()
    for batch in _batches(names):
        found.update(api.label_values("__name__", f"{{__name__=~{one_of(batch)}}}", since))
    return found


def _batches(names: Iterable[str]) -> Iterator[Sequence[str]]:
    batch: list[str] = []
    length = 0
    for name in sorted(names):
        length += len(url_quote(name)) + 3
        if batch and length > MAX_URL:
            yield batch
            batch, length = [], len(url_quote(name)) + 3
        batch.append(name)
    if batch:
        yield batch


def _known_by(profile: Profile) -> Iterator[str]:
    """Sample names that say whether ``profile`` fits; of a histogram or summary its count does."""
    for entry in profile.detect:
        for name in [entry] if isinstance(entry, str) else entry:
            yield name
            if not name.endswith(_WHOLE):
                yield f"{name}_count"


def _used(profile: Profile) -> Iterator[str]:
    for concept in Concept:
        for signal in profile.signals_of(concept):
            for metric in signal.metrics:
                yield from _samples_of(concept, signal, metric)
            for metric in (*signal.needs, *signal.unless):
                yield from (metric, f"{metric}_count")
    for table in profile.names.values():
        yield table["metric"]
    yield TARGET_INFO


def _samples_of(concept: Concept, signal: Signal, metric: str) -> Iterator[str]:
    yield metric
    plain = signal.type in ("counter", "gauge") or (signal.type is None and is_level(concept, signal))
    if not plain and (signal.type in _INSIDE or not metric.endswith(_WHOLE)):
        for suffix in HISTOGRAM_SUFFIXES:
            yield metric + suffix


# --- who exposes them, and since when


def _jobs(
    api: PrometheusApi, profile: Profile, names: Collection[str], since: float, former: Fitting | None
) -> frozenset[str]:
    known = former.jobs if former is not None else frozenset()
    found: set[str] = set()
    for batch in _batches(_own(profile, names)):
        found.update(api.label_values("job", f"{{__name__=~{one_of(batch)}}}", since))
    return frozenset(sorted((found | known) - {""})[:MAX_JOBS])


def _own(profile: Profile, names: Collection[str]) -> list[str]:
    """The exposed names that only a system of ``profile`` has, runs first; no buckets, which are many."""
    found: list[str] = []
    for concept in Concept:
        for metric in (metric for signal in profile.signals_of(concept) for metric in signal.metrics):
            if not metric.startswith(GENERIC):
                found += [metric, f"{metric}_count"]
    found += [name for name in _known_by(profile) if name in names and not name.startswith(GENERIC)]
    return list(dict.fromkeys(name for name in found if name in names))


def _since(
    api: PrometheusApi, fitting: Sequence[Fitting], windows: Sequence[float], clock: float, former: Scope
) -> list[Fitting]:
    """Since when the targets of each profile are watched; one question for all that have ``up``."""
    known: dict[str, Fitting] = {}
    for each in fitting:
        old = former.of(each.profile.name)
        if old is None or old.known_since is None or old.jobs != each.jobs:
            continue
        if clock - old.known_since >= windows[-1]:
            known[each.profile.name] = old
    open_ones = [each for each in fitting if each.profile.name not in known]
    jobs = frozenset().union(*(each.jobs for each in open_ones))
    spans = (YOUNG_SECONDS, *windows)
    watched = _first_times(api, up_of(jobs), spans, clock) if jobs else {}
    found: list[Fitting] = []
    for each in fitting:
        old = known.get(each.profile.name)
        if old is not None:
            found.append(replace(each, known_since=old.known_since, pushed=old.pushed))
            continue
        since = min((watched[job] for job in each.jobs if job in watched), default=None)
        own = _own(each.profile, each.names)
        if since is None and own:
            # Pushed and federated series have no ``up``; then their own first sample has to do.
            since = min(_first_times(api, selector(own[0]), spans, clock).values(), default=None)
        found.append(replace(each, known_since=since, pushed=each.jobs - watched.keys()))
    return found


def _first_times(
    api: PrometheusApi, series: str, spans: Sequence[float], clock: float
) -> Mapping[str, float]:
    """By job."""
    first: dict[str, float] = {}
    for row in api.instant(first_seen(series, spans), clock):
        if math.isfinite(row.value):
            job = row.labels.get("job", "")
            first[job] = min(row.value, first.get(job, math.inf))
    return first


# --- what their labels need


def _quantiles(api: PrometheusApi, fitting: Sequence[Fitting], clock: float) -> list[Fitting]:
    """Which quantiles the summaries have that durations are read from."""
    summaries = {
        forms.metric
        for each in fitting
        for concept in TIMED
        for forms in forms_of(each, concept)
        if forms.metric in each.names
        and forms.signal.expr is None
        and forms.signal.type not in ("gauge", "native", "timer")
        and (forms.signal.type == "summary" or f"{forms.metric}_bucket" not in each.names)
    }
    if not summaries:
        return list(fitting)
    chosen = f'{{__name__=~{one_of(summaries)},quantile!=""}}'
    found: dict[str, set[str]] = {metric: set() for metric in summaries}
    for row in api.instant(grouped("group", ("__name__", "quantile"), chosen), clock):
        found.setdefault(row.labels.get("__name__", ""), set()).add(row.labels.get("quantile", ""))
    spelt = {metric: frozenset(texts) for metric, texts in found.items()}
    return [replace(each, quantiles=spelt) for each in fitting]


def _targets(api: PrometheusApi, fitting: Sequence[Fitting], clock: float) -> list[Fitting]:
    """The labels that series are given with their target: one question for all profiles that want any."""
    wanting = [each for each in fitting if each.joins and each.jobs]
    if not wanting:
        return list(fitting)
    labels = sorted({label for each in wanting for label in each.profile.target_labels})
    jobs = frozenset().union(*(each.jobs for each in wanting))
    chosen = f"{TARGET_INFO}{{job=~{one_of(jobs)}}}"
    rows = api.instant(grouped("group", ("job", "instance", *labels), chosen), clock)
    infos = [row.labels for row in rows]
    return [
        replace(each, targets=TargetLabels(each.profile.target_labels, infos)) if each in wanting else each
        for each in fitting
    ]


def _tables(api: PrometheusApi, fitting: Fitting, clock: float) -> Names:
    tables: dict[str, dict[str, str]] = {}
    for dim, table in fitting.profile.names.items():
        if table["metric"] in fitting.names:
            rows = api.instant(name_table(fitting.profile, dim), clock)
            tables[dim] = {
                row.labels[table["key"]]: row.labels[table["label"]]
                for row in rows
                if table["key"] in row.labels and table["label"] in row.labels
            }
    return tables
