"""What is asked of ``history.db``, by anybody who may read it, while it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from wfmon.model.history import Change, ChangeKind, HourSum, Kind, Point, Role, columns
from wfmon.model.past import Series, SeriesRequest
from wfmon.model.prices import PriceBook
from wfmon.model.run import Run
from wfmon.model.source import SourceStatus
from wfmon.model.spend import DearRun, HourCells, Spending, SpendRequest
from wfmon.store.database import Database
from wfmon.store.errors import StoreError
from wfmon.store.history import codec, coverage, packing, placing, resampling, ring
from wfmon.store.history.names import LIMIT, KnownNames
from wfmon.store.history.placing import Place
from wfmon.store.history.records import Session
from wfmon.store.history.rolling import PACKED
from wfmon.store.history.schema import HISTORY, NAME, STRANGE, strange
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.spendreading import SpendReader, dearest
from wfmon.store.history.sums import hour_of
from wfmon.store.history.tables import by_names
from wfmon.store.paths import StateDir
from wfmon.store.rows import is_time
from wfmon.text.sanitize import safe

__all__ = ["HistoryReader", "Session"]

T = TypeVar("T")
MOST_RUNS = 10_000
DEAREST_FACTOR = 4  # by reported cost and by tokens so many are looked at of each that is told
MOST_CHANGES = 10_000
MOST_SESSIONS = 10_000
MOST_HOUR_SUMS = 2_000_000
MOST_SOURCES = 1000
MOST_WORKFLOWS = 10_000


class HistoryReader:
    """Safe for threads, one question at a time; every question raises only StoreError. Where there is no
    file, nothing is known. A file that was replaced is opened anew."""

    def __init__(self, state: StateDir, settings: HistorySettings) -> None:
        self._settings = settings
        self._database = Database(state, NAME, HISTORY, read_only=True)
        self._names = KnownNames()
        self._names_of: int | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the file as it is read."""
        return self._database.notes

    def point(self, at: float) -> Point | None:
        """The finest point that tells of ``at``; None where nothing was seen."""

        def work(connection: sqlite3.Connection) -> Point | None:
            place = placing.covering(connection, at)
            return None if place is None else self._point(connection, place)

        return self._read(work)

    def near(self, at: float) -> tuple[float | None, float | None]:
        """The begins of the nearest points before and after the one that tells of ``at``; without such a
        one, before and after ``at``."""

        def work(connection: sqlite3.Connection) -> tuple[float | None, float | None]:
            place = placing.covering(connection, at)
            begin, end = (at, at) if place is None else (place.at, place.end)
            return placing.before(connection, begin), placing.after(connection, end)

        return self._read(work)

    def bounds(self) -> tuple[float, float] | None:
        """The begin of the first point and of the last one."""
        return self._read(placing.bounds)

    def points(self, begin: float, end: float, most: int) -> list[Point]:
        """The finest points from ``begin`` to ``end`` that are not many more than ``most``, oldest first;
        where there are more, some evenly spread."""

        def work(connection: sqlite3.Connection) -> list[Point]:
            distances = placing.distances(connection)
            if not distances or most < 1 or end <= begin:
                return []
            fits = [seconds for seconds in distances if (end - begin) / seconds <= most * 1.1 + 1]
            wanted = fits[0] if fits else distances[-1]
            places = placing.fewer(placing.spanning(connection, begin, end, wanted), most)
            points = (self._point(connection, place) for place in places)
            return [point for point in points if point is not None]

        return self._read(work)

    def series(self, request: SeriesRequest) -> Series:
        """``request.points`` values; each the mean of what is known of its step."""
        asked = request.column
        if asked not in (*columns(request.kind), resampling.ERROR_RATIO):
            return Series(request.begin, request.end, (), f"{safe(asked, limit=80)} is not kept")
        values = self._read(lambda connection: resampling.values(connection, self._names, request))
        return Series(request.begin, request.end, values)

    def runs(self, workflow: str, limit: int, until: float | None = None) -> tuple[Run, ...]:
        """The newest finished runs of a workflow that ended at ``until`` or before, oldest first."""

        def work(connection: sqlite3.Connection) -> tuple[Run, ...]:
            number = self._names.id(connection, workflow)
            rows = connection.execute(
                f"SELECT workflow, {ring.COLUMNS} FROM runs WHERE workflow = ? AND ended_at <= ? "
                "ORDER BY ended_at DESC, id DESC LIMIT ?",
                (number, _LAST if until is None else until, min(limit, MOST_RUNS)),
            ).fetchall()
            return self._runs(connection, rows[::-1])

        return self._read(work)

    def newest_runs(self, until: float, limit: int) -> tuple[Run, ...]:
        """The newest finished runs of all workflows that ended at ``until`` or before, oldest first."""

        def work(connection: sqlite3.Connection) -> tuple[Run, ...]:
            rows = connection.execute(
                f"SELECT workflow, {ring.COLUMNS} FROM runs WHERE ended_at <= ? "
                "ORDER BY ended_at DESC LIMIT ?",
                (until, min(limit, MOST_RUNS)),
            ).fetchall()
            return self._runs(connection, rows[::-1])

        return self._read(work)

    def hours(self, begin: float, end: float, kind: Kind) -> list[HourSum]:
        """The sums of the hours that touch ``begin`` to ``end``, by subject, source and role; oldest
        first. Older than ``HistorySettings.hours_keep`` there are none: see the points of an hour."""

        def work(connection: sqlite3.Connection) -> list[HourSum]:
            number = self._names.id(connection, kind.value)
            rows = connection.execute(
                "SELECT at, subject, source, role, runs, failures, tokens, cost_usd FROM hours "
                "WHERE at >= ? AND at < ? AND kind = ? ORDER BY at LIMIT ?",
                (hour_of(begin), end, number, MOST_HOUR_SUMS),
            ).fetchall()
            names = self._names.of(connection, {each for row in rows for each in row[1:4]})
            return [
                HourSum(
                    float(at), kind, names[subject], names[source], role,
                    _figure(runs), _figure(failures), _figure(tokens), _figure(cost),
                )
                for at, subject, source, role_id, runs, failures, tokens, cost in rows
                if is_time(at) and subject in names and source in names
                and (role := _ROLES.get(names.get(role_id, ""))) is not None
            ]  # fmt: skip

        return self._read(work)

    def ran_since(self, since: float) -> dict[str, float]:
        """The begin of the newest hour in which a run ended, of each workflow with such an hour from
        ``since`` on."""

        def work(connection: sqlite3.Connection) -> dict[str, float]:
            number = self._names.id(connection, Kind.WORKFLOW.value)
            rows = connection.execute(
                "SELECT subject, max(at) FROM hours WHERE at >= ? AND kind = ? AND runs > 0 "
                "GROUP BY subject LIMIT ?",
                (hour_of(since), number, MOST_WORKFLOWS),
            ).fetchall()
            names = self._names.of(connection, {row[0] for row in rows})
            return {names[subject]: float(at) for subject, at in rows if subject in names and is_time(at)}

        return self._read(work)

    def coverage(self, begin: float, end: float) -> Mapping[tuple[str, Role, float], float]:
        """For how many seconds of each hour that touches ``begin`` to ``end`` a source was read without a
        gap, by source, role and begin of the hour."""

        def work(connection: sqlite3.Connection) -> dict[tuple[str, Role, float], float]:
            rows = connection.execute(
                "SELECT at, source, role, spans FROM watched WHERE at >= ? AND at < ?", (hour_of(begin), end)
            ).fetchall()
            names = self._names.of(connection, {each for row in rows for each in row[1:3]})
            found = {}
            for at, source, role_id, spans in rows:
                role = _ROLES.get(names.get(role_id, ""))
                if is_time(at) and source in names and role is not None:
                    seconds = coverage.seconds(coverage.unpacked(spans, at))
                    found[names[source], role, float(at)] = seconds
            return found

        return self._read(work)

    def states_at(self, at: float) -> tuple[SourceStatus, ...]:
        """Each source as it was told last at ``at`` or before, by name."""

        def work(connection: sqlite3.Connection) -> tuple[SourceStatus, ...]:
            rows = connection.execute(
                f"SELECT {PACKED}, max(at) FROM states WHERE at <= ? GROUP BY source LIMIT ?",
                (at, MOST_SOURCES),
            ).fetchall()
            states = (packing.unpack_state(packed) for packed, _ in rows)
            return tuple(sorted((state for state in states if state is not None), key=lambda each: each.name))

        return self._read(work)

    def changes(
        self, begin: float, end: float, limit: int, kind: ChangeKind | None = None
    ) -> tuple[Change, ...]:
        """What changed from ``begin`` to ``end``, the newest ``limit``, newest first; only of ``kind``
        where one is named."""

        def work(connection: sqlite3.Connection) -> tuple[Change, ...]:
            rows = connection.execute(
                "SELECT at, kind, subject, text, workflow FROM changes WHERE at >= ?1 AND at < ?2 "
                "AND (?3 IS NULL OR kind = ?3) ORDER BY at DESC LIMIT ?4",
                (begin, end, None if kind is None else kind.value, min(limit, MOST_CHANGES)),
            )
            found = (_change(row) for row in rows)
            return tuple(change for change in found if change is not None)

        return self._read(work)

    def sessions(self, begin: float, end: float) -> tuple[Session, ...]:
        """The collectors that wrote between ``begin`` and ``end``, oldest epoch first."""

        def work(connection: sqlite3.Connection) -> tuple[Session, ...]:
            rows = connection.execute(
                "SELECT epoch, pid, user, version, begin, last_seen FROM sessions "
                "WHERE begin <= ? AND last_seen >= ? ORDER BY epoch DESC LIMIT ?",
                (end, begin, MOST_SESSIONS),
            ).fetchall()
            return tuple(
                Session(
                    epoch,
                    pid,
                    safe(str(user), limit=LIMIT),
                    safe(str(version), limit=LIMIT),
                    float(began),
                    float(seen),
                )
                for epoch, pid, user, version, began, seen in reversed(rows)
                if is_time(began) and is_time(seen) and isinstance(pid, int)
            )

        return self._read(work)

    def spending(self, request: SpendRequest) -> Spending:
        """What was used and spent; see ``Spending``."""
        return self._read(lambda connection: SpendReader(connection, self._names).spending(request))

    def hourly(self, begin: float, end: float) -> tuple[HourCells, ...]:
        """What was used and spent in each hour that touches ``begin`` to ``end``, oldest first."""
        return self._read(lambda connection: SpendReader(connection, self._names).hourly(begin, end))

    def course(self, begin: float, end: float, workflow: str = "*") -> tuple[HourCells, ...]:
        """As ``hourly``, of the workflows that the shell pattern ``workflow`` fits, together."""
        return self._read(
            lambda connection: SpendReader(connection, self._names).course(begin, end, workflow)
        )

    def dearest(self, begin: float, end: float, book: PriceBook, limit: int) -> tuple[DearRun, ...]:
        """The dearest of the finished runs that are kept and ended from ``begin`` to ``end``."""

        def work(connection: sqlite3.Connection) -> tuple[Run, ...]:
            found: dict[tuple[object, object], Sequence[object]] = {}
            for order in ("cost_usd", "tokens"):
                for row in connection.execute(
                    f"SELECT workflow, {ring.COLUMNS} FROM runs WHERE ended_at >= ? AND ended_at < ? "
                    f"AND {order} > 0 ORDER BY {order} DESC LIMIT ?",
                    (begin, end, DEAREST_FACTOR * limit),
                ):
                    found[row[0], row[1]] = row
            return self._runs(connection, list(found.values()))

        return dearest(self._read(work), book, limit)

    def close(self) -> None:
        self._database.close()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One question sees one state of the file."""

        def transaction(connection: sqlite3.Connection) -> T:
            if self._names_of != self._database.opened:
                self._names.clear()
                self._names_of = self._database.opened
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

        try:
            return self._database.read(transaction)
        except STRANGE as error:
            raise StoreError(f"{NAME}: {strange(error)}") from error

    def _point(self, connection: sqlite3.Connection, place: Place) -> Point | None:
        row = connection.execute(f"SELECT {PACKED} FROM points WHERE number = ?", (place.number,)).fetchone()
        tables = None if row is None else codec.decode(row[0])
        if tables is None or not is_time(place.at):
            return None
        numbers = {number for rows in tables.values() for number in (*rows.subjects, *rows.columns)}
        names = self._names.of(connection, {*numbers, *tables})
        return by_names(place.at, place.seconds, tables, names)

    def _runs(self, connection: sqlite3.Connection, rows: Sequence[Sequence[object]]) -> tuple[Run, ...]:
        numbers = {number for row in rows for number in (row[0], row[3]) if isinstance(number, int)}
        names = self._names.of(connection, numbers)
        found = (_run(row, names) for row in rows)
        return tuple(run for run in found if run is not None)


_LAST = 1e12
_ROLES = {role.value: role for role in Role}


def _run(row: Sequence[object], names: Mapping[int, str]) -> Run | None:
    workflow, source = row[0], row[3]
    if not isinstance(workflow, int) or not isinstance(source, int) or workflow not in names:
        return None
    return ring.of_row(row[1:], names[workflow], names.get(source, ""))


def _change(row: Iterable[object]) -> Change | None:
    at, kind, subject, text, workflow = row
    try:
        word = ChangeKind(str(kind))
    except ValueError:
        return None
    if not is_time(at):
        return None
    named = None if workflow is None else safe(str(workflow), limit=LIMIT)
    return Change(float(at), word, safe(str(subject), limit=LIMIT), safe(str(text), limit=LIMIT), named)


def _figure(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
