"""One batch, within one transaction."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence

import msgspec

from wfmon.model.history import Batch, HourSum, Kind, Point, Role
from wfmon.model.run import Run
from wfmon.store.history import coverage, lookrows, meta, packing, sums
from wfmon.store.history.names import Names
from wfmon.store.history.records import Written
from wfmon.store.history.ring import Contribution, Ring
from wfmon.store.history.rolling import Roller, store
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.spendwriting import SpendWriting
from wfmon.store.history.sums import SumRow, hour_of
from wfmon.store.history.tables import by_ids
from wfmon.store.rows import is_time
from wfmon.text.numbers import size
from wfmon.text.sanitize import safe

TEXT_LIMIT = 500


class Writing:
    """``all`` writes everything that the batch brings."""

    def __init__(
        self, connection: sqlite3.Connection, names: Names, settings: HistorySettings, batch: Batch
    ) -> None:
        self._connection = connection
        self._names = names
        self._settings = settings
        self._batch = batch
        self._roller = Roller(connection, names, settings.tiers, batch.at)
        self._hours_from = meta.number(connection, meta.HOURS_FROM) or 0.0
        self._spend = SpendWriting(connection, self._id, settings, batch.at)

    def all(self, tell: Callable[[str], None]) -> Written:
        """``tell`` hears in words of what is too large to keep."""
        batch = self._batch
        points = sum(self._point(point) for point in batch.points)
        new, corrected = self._runs(batch.runs)
        if self._is_new_growth():
            self._sums(batch.grown)
            self._spend.add(batch.spent)
        self._sums(batch.hours, replace=True)
        self._spend.put(batch.spent_hours)
        self._watched()
        self._states()
        self._changes()
        self._marks()
        for target, look in batch.looks:
            if not lookrows.add(self._connection, target, look, self._settings.looks):
                tell(f"{target.shown}: {size(len(look.lines))} of metrics are too much to keep")
        self._spend.settle()
        return Written(new, corrected, points + self._roller.roll())

    def _point(self, point: Point) -> int:
        if not (is_time(point.at) and point.seconds > 0):
            return 0
        tables = {
            kind_id: rows
            for kind, table in point.tables.items()
            if (kind_id := self._id(kind.value)) is not None
            and (rows := by_ids(table, kind, self._id)) is not None
        }
        written = store(self._connection, point.seconds, point.at, tables)
        self._roller.mark(point.seconds, [point.at])
        return written

    def _runs(self, runs: Iterable[Run]) -> tuple[int, int]:
        new, corrected = 0, 0
        told: dict[int, list[tuple[Run, int]]] = {}
        for run in sorted(runs, key=lambda run: run.ended_at or 0.0):
            workflow, source = self._id(run.workflow), self._id(run.source)
            if workflow is not None and source is not None:
                told.setdefault(workflow, []).append((run, source))
        for workflow, each in told.items():
            ring = Ring(self._connection, workflow, self._settings.keep_runs)
            ring.meet(each)
            for run, source in each:
                taken = ring.take(run, source)
                if taken is None:
                    continue
                new, corrected = new + taken.new, corrected + (not taken.new)
                if taken.added != taken.removed:
                    self._move(workflow, taken.removed, -1.0)
                    self._move(workflow, taken.added, 1.0)
                    self._spend.move(workflow, taken.removed, -1.0)
                    self._spend.move(workflow, taken.added, 1.0)
            ring.thin()
        return new, corrected

    def _move(self, workflow: int, contribution: Contribution | None, sign: float) -> None:
        """Add what a run contributes to its hour, or take it back."""
        kind, role = self._id(Kind.WORKFLOW.value), self._id(Role.LOGS.value)
        if contribution is None or kind is None or role is None:
            return
        hour = hour_of(contribution.ended_at)
        runs, failures, tokens, cost = (
            None if figure is None else sign * figure for figure in contribution.figures
        )
        row = SumRow(hour, kind, workflow, contribution.source, role, (runs, failures, tokens, cost))
        if hour < self._hours_from:
            self._roller.correct(hour, workflow, self._roller.late(row))
            return
        sums.write(self._connection, [row])
        self._roller.mark_hours([hour])

    def _is_new_growth(self) -> bool:
        """Whether these very sums were not added by the last batch, of whose commit the writer may not
        have heard."""
        if not self._batch.grown and not self._batch.spent:
            return True
        grown = msgspec.msgpack.encode((self._batch.grown, self._batch.spent))
        told = f"{self._batch.at!r} {zlib.crc32(grown)}"
        if meta.text(self._connection, meta.LAST_BATCH) == told:
            return False
        meta.put(self._connection, meta.LAST_BATCH, told)
        return True

    def _sums(self, told: Sequence[HourSum], *, replace: bool = False) -> None:
        rows = []
        for each in told:
            row = self._sum(each)
            if row is not None and row.at >= self._hours_from:
                rows.append(row)
        sums.write(self._connection, rows, replace=replace)
        self._roller.mark_hours({row.at for row in rows})
        self._spend.mark(row.at for row in rows)

    def _sum(self, each: HourSum) -> SumRow | None:
        kind, subject = self._id(each.kind.value), self._id(each.subject)
        source, role = self._id(each.source), self._id(each.role.value)
        if not is_time(each.at) or kind is None or subject is None or source is None or role is None:
            return None
        return SumRow(hour_of(each.at), kind, subject, source, role, sums.figures_of(each))

    def _watched(self) -> None:
        parts: dict[tuple[float, int, int], list[coverage.Span]] = {}
        for watched in self._batch.watched:
            source, role = self._id(watched.source), self._id(watched.role.value)
            if source is not None and role is not None:
                for at, span in coverage.by_hour(watched):
                    parts.setdefault((at, source, role), []).append(span)
        changed = {
            at
            for (at, source, role), spans in parts.items()
            if coverage.add(self._connection, at, source, role, spans)
        }
        self._roller.mark_hours(at for at in changed if at >= self._hours_from)
        self._spend.mark(changed)

    def _states(self) -> None:
        for status in self._batch.states:
            source = self._id(status.name)
            if source is not None:
                self._connection.execute(
                    "INSERT OR REPLACE INTO states (source, at, packed) VALUES (?, ?, ?)",
                    (source, self._batch.at, packing.pack_state(status)),
                )

    def _changes(self) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO changes (at, kind, subject, text, workflow) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    change.at,
                    change.kind.value,
                    safe(change.subject, limit=TEXT_LIMIT),
                    safe(change.text, limit=TEXT_LIMIT),
                    None if change.workflow is None else safe(change.workflow, limit=TEXT_LIMIT),
                )
                for change in self._batch.changes
                if is_time(change.at)
            ],
        )

    def _marks(self) -> None:
        for source, marks in self._batch.marks.items():
            self._connection.execute(
                "INSERT OR REPLACE INTO marks (source, packed) VALUES (?, ?)",
                (safe(source, limit=TEXT_LIMIT), packing.pack_marks(marks)),
            )

    def _id(self, name: str) -> int | None:
        return self._names.id(self._connection, name, self._batch.at)
