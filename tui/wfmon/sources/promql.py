"""Pieces of PromQL: literals, selectors, exact growth, and what is asked of targets.

Counts come from ``exact_increase``, an exact form of ``increase()`` (alerting-and-burn 4.2): an
instant query's ``increase()`` extrapolates, and never sees the first event of a new series. What a
profile's signals are asked as is in ``prometheus_queries``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

OP_LABEL = "wfmon_op"
AWAY_SECONDS = 21_600.0  # for which a target that is away is taken for the same when it comes back
LOOKBACK = 300.0  # seconds before a window in which a series' value at its beginning is looked for

_CLASSIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


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


def exact_increase(
    series: str, window: float, *, always_born: bool = False, up: str = "up", info: str | None = None
) -> str:
    """Growth of every series of the selector ``series`` within the last ``window`` seconds; ``up``: its
    targets' own, sampled as often as it is; ``info``: what pushed targets have in its place.

    Per series, ``last`` being its newest value in the window (also of a series that vanished) and
    ``before`` its value when the window began (looked for ``LOOKBACK`` s back):

    - climbed = last; where one reset is seen and the highest value lies before it, highest + last
    - existed before:                climbed - before, or climbed if it restarted in between
    - born in a target that was already watched (see ``_watched``), or ``always_born``:
                                     climbed, so that the first event counts
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
    watched = _watched(series, window, up, info)
    from_zero = climbed if always_born else f"({climbed} and ({before} or {watched}))"
    return (
        f"({climbed} - {before} >= 0 or {from_zero} "
        f"or ({last} - min_over_time({series}[{w}]) unless {reset} > 0) or increase({series}[{w}]))"
    )


def calm_increase(
    series: str,
    window: float,
    troubled: str,
    *,
    always_born: bool = False,
    up: str = "up",
    info: str | None = None,
) -> str:
    """As ``exact_increase`` for long windows, without the targets (job, instance) of ``troubled``.

    Of what was not reset, nor away when the window began, growth is a difference of two samples.
    """
    w = span(window)
    last = f"last_over_time({series}[{w}])"
    before = f"last_over_time({series}[{span(LOOKBACK)}] offset {w})"
    born = last if always_born else f"({last} and {_watched(series, window, up, info)})"
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


def _watched(series: str, window: float, up: str, info: str | None) -> str:
    """Of the series those whose target was scraped more often than they were seen; of pushed ones those
    whose ``info`` was there before the window began, or more often than they."""
    whole = span(window + LOOKBACK)
    looks = f"sum_over_time({up}[{whole}])"
    if info is not None:
        before = f"last_over_time({info}[{span(LOOKBACK)}] offset {span(window)}) * 0 + Inf"
        looks += f" or {before} or count_over_time({info}[{whole}])"
    return (
        f"count_over_time({series}[{span(window)}]) < on (job, instance) group_left () "
        f"max by (job, instance) ({looks})"
    )


def grouped(aggregate: str, labels: Sequence[str], inner: str) -> str:
    return f"{aggregate} by ({', '.join(labels)}) ({inner})"


def finite(inner: str) -> str:
    """Without series that are not a number or infinite: they would make their whole group unknown."""
    return f"({inner} > -Inf < Inf)"


def tagged(parts: Mapping[Op, str]) -> str:
    """One vector out of several: each row carries its ``Op`` in ``wfmon_op``."""
    return " or ".join(
        f'label_replace({text}, {quote(OP_LABEL)}, {quote(op.value)}, "", "")' for op, text in parts.items()
    )


def watched_targets(jobs: Collection[str]) -> str:
    """Per target of ``jobs``: when it was last scraped, or 0 if that failed; and the server's clock.

    The clock is the row with ``wfmon_op="now"``; without it an empty answer would have no time.
    """
    up = f"up{{job=~{one_of(jobs)}}}"
    clock = f'label_replace(vector(time()), {quote(OP_LABEL)}, {quote(Op.NOW.value)}, "", "")'
    return f"(timestamp({up}) and {up} == 1) or {up} or {clock}" if jobs else clock


def up_of(jobs: Collection[str]) -> str:
    """The targets of ``jobs`` at the times when they were scraped with success."""
    return f"up{{job=~{one_of(jobs)}}} == 1"


def first_seen(series: str, windows: Sequence[float]) -> str:
    """The first time at which ``series`` was there, by job, within each of ``windows``."""

    def first(window: float) -> str:
        looks = f"timestamp({series})[{span(window)}:{span(max(1.0, window / 60))}]"
        return grouped("min", ("job",), f"min_over_time({looks})")

    return " or ".join(f'label_replace({first(w)}, {quote(OP_LABEL)}, "{span(w)}", "", "")' for w in windows)


def last_seen(series: str, window: float) -> str:
    """The last time at which ``series`` was there, to 1/180 of ``window``."""
    return f"max(max_over_time(timestamp({series})[{span(window)}:{span(max(1.0, window / 180))}]))"
