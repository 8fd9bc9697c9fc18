"""Coarser points in the file: made when their time is over, and again when what they are made of changed.

Which ones is itself in the file (``pending``), so that a killed process leaves nothing undone. Finer
points go in whole coarser buckets, so that there are either all of them or none; where there are none,
the levels that a point has stay as they are, and only its sums are made again.
"""

from __future__ import annotations

import itertools
import sqlite3
from array import array
from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan

from wfmon.model.history import SUMS, Kind, Role, Tier, columns
from wfmon.store.history import codec, coverage, meta, sums
from wfmon.store.history.codec import Rows
from wfmon.store.history.names import Names
from wfmon.store.history.rollup import Columns, joined
from wfmon.store.history.settings import HOUR
from wfmon.store.history.sums import Figures, SumRow

# Of one batch: what a start finds to do is spread over many.
MOST_MINUTES = 60
MOST_HOURS = 12


class Roller:
    """Within one transaction, at the time ``now``."""

    def __init__(
        self, connection: sqlite3.Connection, names: Names, tiers: Sequence[Tier], now: float
    ) -> None:
        self._connection = connection
        self._names = names
        self._tiers = tiers
        self._now = now
        self._kinds = {number: kind for kind in Kind if (number := self._id(kind.value)) is not None}
        self._roles = {number: role for role in Role if (number := self._id(role.value)) is not None}

    def mark(self, seconds: float, moments: Iterable[float]) -> None:
        """Points of ``seconds`` at ``moments`` are there or were changed: the next coarser are to be made."""
        later = [tier.seconds for tier in self._tiers if tier.seconds > seconds]
        if later:
            self._mark(later[0], moments)

    def mark_hours(self, hours: Iterable[float]) -> None:
        """The sums of these hours were changed."""
        for tier in self._tiers[1:]:
            if tier.seconds % HOUR == 0:
                self._mark(tier.seconds, hours)

    def roll(self) -> int:
        """Make what is due, the oldest first; how many points were written."""
        made = 0
        for finer, tier in itertools.pairwise(self._tiers):
            most = MOST_MINUTES if tier.seconds < HOUR else MOST_HOURS
            # The last fine point of a bucket comes a little after its end.
            over = self._now - tier.seconds - self._tiers[0].seconds
            due = self._connection.execute(
                "SELECT at FROM pending WHERE seconds = ? AND at <= ? AND NOT EXISTS (SELECT 1 FROM pending "
                "AS finer WHERE finer.seconds = ? AND finer.at >= pending.at AND finer.at < pending.at + ?) "
                "ORDER BY at LIMIT ?",
                (tier.seconds, over, finer.seconds, tier.seconds, most),
            ).fetchall()
            for (at,) in due:
                made += self._make(tier.seconds, finer.seconds, at)
                self._connection.execute(
                    "DELETE FROM pending WHERE seconds = ? AND at = ?", (tier.seconds, at)
                )
            self.mark(tier.seconds, [at for (at,) in due])
        return made

    def correct(self, at: float, subject: int, change: Figures) -> None:
        """Add to the sums of an hour point whose hour is no longer kept by source."""
        for tier in self._tiers:
            if tier.seconds % HOUR:
                continue
            bucket = at // tier.seconds * tier.seconds
            tables = dict(self._tables(tier.seconds, bucket) or {})
            kind = self._id(Kind.WORKFLOW.value)
            if kind is None:
                return
            tables[kind] = _corrected(
                tables.get(kind, Rows((), {})), subject, self._sum_columns(Kind.WORKFLOW), change
            )
            store(self._connection, tier.seconds, bucket, tables)

    def _mark(self, seconds: float, moments: Iterable[float]) -> None:
        self._connection.executemany(
            "INSERT OR IGNORE INTO pending (seconds, at) VALUES (?, ?)",
            {(seconds, at // seconds * seconds) for at in moments},
        )

    def _make(self, seconds: float, finer: float, at: float) -> int:
        tables = self._levels(seconds, finer, at)
        if seconds % HOUR == 0:
            self._put_sums(tables, seconds, at)
        return store(self._connection, seconds, at, tables)

    def _levels(self, seconds: float, finer: float, at: float) -> dict[int, Rows]:
        """Made of the finer points; where there are none any more, as they are."""
        parts: dict[int, list[tuple[float, Rows]]] = {}
        rows = self._connection.execute(
            f"SELECT at, {PACKED} FROM points WHERE seconds = ? AND at >= ? AND at < ? ORDER BY at",
            (finer, at, at + seconds),
        )
        found = False
        for moment, packed in rows:
            found = True
            for kind, table in (codec.decode(packed) or {}).items():
                parts.setdefault(kind, []).append((moment + finer, table))
        if not found:
            return dict(self._tables(seconds, at) or {})
        return {
            number: joined(parts[number], Columns.of(kind, self._ids_of(kind)), at + seconds)
            for number, kind in self._kinds.items()
            if number in parts
        }

    def _tables(self, seconds: float, at: float) -> Mapping[int, Rows] | None:
        row = self._connection.execute(
            f"SELECT {PACKED} FROM points WHERE seconds = ? AND at = ?", (seconds, at)
        ).fetchone()
        return None if row is None else codec.decode(row[0])

    def _put_sums(self, tables: dict[int, Rows], seconds: float, at: float) -> None:
        hours_from = meta.number(self._connection, meta.HOURS_FROM)
        if hours_from is not None and at < hours_from:
            before = self._tables(seconds, at) or {}
        else:
            before = self._summed(at, at + seconds)
        for number, kind in self._kinds.items():
            wanted = self._sum_columns(kind)
            if wanted and (number in tables or number in before):
                tables[number] = _beside(
                    tables.get(number, Rows((), {})), before.get(number, Rows((), {})), wanted.values()
                )

    def _summed(self, begin: float, end: float) -> dict[int, Rows]:
        totals: dict[Kind, dict[int, Figures]] = {}
        hour = begin
        while hour < end:
            covered = self._covered(hour)
            by_kind = sums.kinds_of(self._kinds, sums.of_hour(self._connection, hour))
            for kind, by_subject in by_kind.items():
                into = totals.setdefault(kind, {})
                for subject, rows in by_subject.items():
                    figures = sums.chosen(rows, self._roles, covered)
                    into[subject] = sums.plus(into[subject], figures) if subject in into else figures
            hour += HOUR
        found = {}
        for number, kind in self._kinds.items():
            if kind in totals and SUMS[kind]:
                found[number] = sums.table(totals[kind], self._sum_columns(kind), SUMS[kind])
        return found

    def _covered(self, hour: float) -> dict[tuple[int, Role], float]:
        rows = self._connection.execute("SELECT source, role, spans FROM watched WHERE at = ?", (hour,))
        return {
            (source, self._roles[role]): coverage.seconds(coverage.unpacked(spans, hour))
            for source, role, spans in rows
            if role in self._roles
        }

    def late(self, row: SumRow) -> Figures:
        """What of a late correction of the logs' sums counts: not what the metrics told of that hour."""
        covered = self._covered(row.at)
        measured = any(role is Role.METRICS for (_, role), seconds in covered.items() if seconds > 0)
        if not measured:
            return row.figures
        runs, failures, _, _ = row.figures
        whole = covered.get((row.source, Role.LOGS), 0.0) >= sums.WHOLE
        return (runs, failures, None, None) if whole else (None, None, None, None)

    def _sum_columns(self, kind: Kind) -> dict[str, int]:
        return {name: number for name in SUMS[kind] if (number := self._id(name)) is not None}

    def _ids_of(self, kind: Kind) -> dict[str, int]:
        return {name: number for name in columns(kind) if (number := self._names.known(name)) is not None}

    def _id(self, name: str) -> int | None:
        return self._names.id(self._connection, name, self._now)


PACKED = f"CASE WHEN typeof(packed) = 'blob' AND length(packed) <= {codec.MOST_PACKED} THEN packed END"


def store(connection: sqlite3.Connection, seconds: float, at: float, tables: Mapping[int, Rows]) -> int:
    """Write what is known; no row where nothing is. How many rows there are now: 0 or 1."""
    left = {kind: rows for kind, table in tables.items() if (rows := codec.known(table)) is not None}
    if not left:
        connection.execute("DELETE FROM points WHERE seconds = ? AND at = ?", (seconds, at))
        return 0
    connection.execute(
        "INSERT INTO points (seconds, at, packed) VALUES (?, ?, ?) "
        "ON CONFLICT (seconds, at) DO UPDATE SET packed = excluded.packed",
        (seconds, at, codec.encode(left)),
    )
    return 1


def _beside(levels: Rows, summed: Rows, sum_columns: Iterable[int]) -> Rows:
    """The columns of both; sums only from ``summed``."""
    wanted = frozenset(sum_columns)
    places = {subject: place for place, subject in enumerate(levels.subjects)}
    for subject in summed.subjects:
        places.setdefault(subject, len(places))
    made = {
        name: array("f", [*values, *[nan] * (len(places) - len(values))])
        for name, values in levels.columns.items()
        if name not in wanted
    }
    for name, values in summed.columns.items():
        if name in wanted:
            column = array("f", [nan] * len(places))
            for subject, value in zip(summed.subjects, values, strict=True):
                column[places[subject]] = value
            made[name] = column
    return Rows(list(places), made)


def _corrected(rows: Rows, subject: int, sum_columns: Mapping[str, int], change: Figures) -> Rows:
    subjects = list(rows.subjects)
    if subject not in subjects:
        subjects.append(subject)
    place, made = subjects.index(subject), dict(rows.columns)
    for name, number in sum_columns.items():
        delta = change[sums.FIGURES.index(name)]
        column = array("f", made.get(number, array("f", [nan] * len(rows.subjects))))
        column.extend([nan] * (len(subjects) - len(column)))
        if delta is not None:
            column[place] = max(0.0, (0.0 if isnan(column[place]) else column[place]) + delta)
        made[number] = column
    made = {
        name: array("f", [*values, *[nan] * (len(subjects) - len(values))]) for name, values in made.items()
    }
    return Rows(subjects, made)
