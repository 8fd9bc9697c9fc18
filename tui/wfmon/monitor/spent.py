"""What was spent since a moment, from the hours that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum

from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.record import dataclass
from wfmon.store.history.reader import HistoryReader

HOUR = 3600.0

Coverage = Mapping[tuple[str, Role, float], float]


@dataclass(frozen=True, slots=True)
class SpentRow:
    """``name`` empty: who it was is not told. None: nobody told."""

    name: str
    usd: float | None
    tokens: float | None
    runs: float | None = None
    failures: float | None = None


@dataclass(frozen=True, slots=True)
class Spendings:
    """From ``begin`` (a whole hour) to ``end``, POSIX seconds; the dearest first.

    ``known_seconds``: for how much of it anybody looked. ``usd``: the sum; None where rows of several
    systems may tell of the same calls, ``at_least`` is then what is surely no sum of such.
    """

    begin: float
    end: float
    known_seconds: float
    rows: tuple[SpentRow, ...]
    usd: float | None
    at_least: float | None


def spendings(reader: HistoryReader, by: str, since: float, now: float) -> Spendings:
    """``by``: workflow, model or provider. Raises ``StoreError``."""
    begin = since // HOUR * HOUR
    coverage = reader.coverage(begin, now)
    models = _summed(reader.hours(begin, now, Kind.MODEL), coverage)
    rows = models
    if by == "workflow":
        rows = _summed(reader.hours(begin, now, Kind.WORKFLOW), coverage)
    elif by == "provider":
        rows = _joined(SpentRow(row.name.partition("/")[0], row.usd, row.tokens) for row in models)
    usd = _known(row.usd for row in rows)
    counted = _known(row.usd for row in models)
    twice = by == "workflow" and usd is not None and counted is not None and counted < 0.999 * usd
    return Spendings(
        begin,
        now,
        _seconds(coverage, now),
        tuple(sorted(rows, key=lambda row: (-(row.usd or 0.0), -(row.tokens or 0.0), row.name))),
        None if twice else usd,
        counted if twice else usd,
    )


def _summed(sums: Iterable[HourSum], coverage: Coverage) -> list[SpentRow]:
    hours: dict[tuple[str, float], list[HourSum]] = {}
    for each in sums:
        hours.setdefault((each.subject, each.at), []).append(each)
    return _joined(_hour(subject, at, parts, coverage) for (subject, at), parts in hours.items())


def _hour(subject: str, at: float, parts: Sequence[HourSum], coverage: Coverage) -> SpentRow:
    """One hour of one subject, each figure from one role, as the points of an hour have it: money and tokens
    of the metrics source that saw most of it, else of the logs, which are added up."""
    metrics = [each for each in parts if each.role is Role.METRICS]
    metrics.sort(key=lambda each: -coverage.get((each.source, each.role, at), 0.0))
    logs = [each for each in parts if each.role is Role.LOGS]
    usd = next((each.cost_usd for each in metrics if each.cost_usd is not None), None)
    tokens = next((each.tokens for each in metrics if each.tokens is not None), None)
    counted = next((each for each in metrics if each.runs is not None), None)
    runs, failures = _known(each.runs for each in logs), _known(each.failures for each in logs)
    if runs is None and counted is not None:
        runs, failures = counted.runs, counted.failures
    return SpentRow(
        subject,
        _known(each.cost_usd for each in logs) if usd is None else usd,
        _known(each.tokens for each in logs) if tokens is None else tokens,
        runs,
        failures,
    )


def _joined(rows: Iterable[SpentRow]) -> list[SpentRow]:
    found: dict[str, list[SpentRow]] = {}
    for row in rows:
        found.setdefault(row.name, []).append(row)
    return [
        SpentRow(
            name,
            _known(row.usd for row in parts),
            _known(row.tokens for row in parts),
            _known(row.runs for row in parts),
            _known(row.failures for row in parts),
        )
        for name, parts in found.items()
    ]


def _seconds(coverage: Coverage, now: float) -> float:
    """Of each hour as much as the source saw that saw most of it."""
    best: dict[float, float] = {}
    for (_, _, at), seconds in coverage.items():
        best[at] = max(best.get(at, 0.0), min(seconds, now - at))
    return fsum(best.values())


def _known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) if known else None
