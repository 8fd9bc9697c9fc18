"""What was counted in each hour, by subject and source."""

from __future__ import annotations

import math
import sqlite3
from array import array
from collections.abc import Iterable, Mapping
from operator import add

from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.record import dataclass
from wfmon.store.history.codec import Rows
from wfmon.store.history.settings import HOUR

FIGURES = ("runs", "failures", "tokens", "cost_usd")
# A source that was read for less of an hour than this did not see it whole.
WHOLE = 0.99 * HOUR

Figures = tuple[float | None, float | None, float | None, float | None]
Coverage = Mapping[tuple[int, Role], float]

_ADD = (
    "INSERT INTO hours (at, kind, subject, source, role, runs, failures, tokens, cost_usd) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    + ", ".join(
        f"{name} = CASE WHEN excluded.{name} IS NULL THEN {name} "
        f"ELSE coalesce({name}, 0.0) + excluded.{name} END"
        for name in FIGURES
    )
)
_REPLACE = "INSERT OR REPLACE INTO hours VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class SumRow:
    """A row of ``hours``, by ids."""

    at: float
    kind: int
    subject: int
    source: int
    role: int
    figures: Figures

    @property
    def values(self) -> tuple[object, ...]:
        return (self.at, self.kind, self.subject, self.source, self.role, *self.figures)


def hour_of(at: float) -> float:
    return at // HOUR * HOUR


def figures_of(each: HourSum) -> Figures:
    return (_finite(each.runs), _finite(each.failures), _finite(each.tokens), _finite(each.cost_usd))


def write(connection: sqlite3.Connection, rows: Iterable[SumRow], *, replace: bool = False) -> None:
    """Add ``rows`` to the sums that are there, or put them in their place."""
    connection.executemany(_REPLACE if replace else _ADD, [row.values for row in rows])


def of_hour(connection: sqlite3.Connection, at: float) -> list[SumRow]:
    return [
        SumRow(hour, kind, subject, source, role, (runs, failures, tokens, cost))
        for hour, kind, subject, source, role, runs, failures, tokens, cost in connection.execute(
            "SELECT at, kind, subject, source, role, runs, failures, tokens, cost_usd FROM hours "
            "WHERE at = ?",
            (at,),
        )
    ]


def chosen(rows: Iterable[SumRow], roles: Mapping[int, Role], coverage: Coverage) -> Figures:
    """The sums of one subject in one hour, each from one role.

    Runs and failures are those of the logs where these saw the whole hour or nobody else counted, tokens
    and cost those of the metrics where they have any. A run is in one log only, so logs are added up;
    of metrics sources, which may tell of the same runs, the one counts that saw most of the hour.
    """
    logs: Figures = (None, None, None, None)
    whole = True
    metrics: list[tuple[float, Figures]] = []
    for row in rows:
        role = roles.get(row.role)
        if role is Role.LOGS:
            logs = _added(logs, row.figures)
            whole = whole and coverage.get((row.source, role), 0.0) >= WHOLE
        elif role is Role.METRICS:
            metrics.append((coverage.get((row.source, role), 0.0), row.figures))
    metrics.sort(key=lambda each: (-each[0], [-(figure or 0.0) for figure in each[1]]))
    measured = [next((f[place] for _, f in metrics if f[place] is not None), None) for place in range(4)]
    from_logs = logs[0] is not None and (whole or measured[0] is None)
    runs, failures = (logs[0], logs[1]) if from_logs else (measured[0], measured[1])
    tokens = logs[2] if measured[2] is None else measured[2]
    return runs, failures, tokens, logs[3] if measured[3] is None else measured[3]


def table(by_subject: Mapping[int, Figures], columns: Mapping[str, int], wanted: Iterable[str]) -> Rows:
    """The sums of one kind as columns of a point; ``columns``: ids of the figures that are ``wanted``."""
    places = [(columns[name], FIGURES.index(name)) for name in wanted]
    return Rows(
        list(by_subject),
        {
            column: array("f", [_or_nan(figures[place]) for figures in by_subject.values()])
            for column, place in places
        },
    )


def kinds_of(kinds: Mapping[int, Kind], rows: Iterable[SumRow]) -> dict[Kind, dict[int, list[SumRow]]]:
    """Rows by kind and subject."""
    found: dict[Kind, dict[int, list[SumRow]]] = {}
    for row in rows:
        kind = kinds.get(row.kind)
        if kind is not None:
            found.setdefault(kind, {}).setdefault(row.subject, []).append(row)
    return found


def plus(one: Figures, other: Figures) -> Figures:
    return _added(one, other)


def _added(one: Figures, other: Figures) -> Figures:
    runs, failures, tokens, cost = (
        b if a is None else a if b is None else add(a, b) for a, b in zip(one, other, strict=True)
    )
    return runs, failures, tokens, cost


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
