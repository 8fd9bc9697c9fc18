"""What was used and spent between two moments: days that are settled, hours that are, and the rest as
sources tell it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from operator import attrgetter

from wfmon.model.history import Role
from wfmon.model.prices import PriceBook, run_money
from wfmon.model.record import dataclass
from wfmon.model.run import Run
from wfmon.model.spend import (
    FIGURES,
    Amounts,
    DearRun,
    HourCells,
    Outcome,
    RunCount,
    Slot,
    SpendCell,
    Spending,
    SpendKey,
    SpendRequest,
)
from wfmon.store.history import spendsettling
from wfmon.store.history.names import KnownNames
from wfmon.store.history.settings import DAY, HOUR
from wfmon.store.history.spendrows import KEY, OUTCOMES, UNNAMED, hour_of
from wfmon.store.history.spendsettling import SUMMED, counts_of, covered_in, known_in

MOST_SLOTS = 400
_WHOLE = ", ".join((*KEY, "tokens", "money"))
_ALL = ", ".join((*KEY[1:], "tokens", "money"))
_WITHIN = "seconds = ? AND at >= ? AND at < ?"
_values = attrgetter(*FIGURES)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Settled, in the slot ``slot``: the day that begins at ``begin``, or the hours that begin in
    [begin, end)."""

    slot: int
    seconds: float
    begin: float
    end: float


@dataclass(slots=True)
class _Found:
    """While it is added up. Cells by the ids of KEY and the flags; ``joined`` of all workflows together; of
    slots also without outcome."""

    cells: dict[tuple[int, ...], list[float | None]]
    joined: dict[tuple[int, ...], list[float | None]]
    slots: list[dict[tuple[int, ...], list[float | None]]]
    runs: dict[int, list[float]]
    slot_runs: list[list[float] | None]
    known: list[float]


class SpendReader:
    """Within one transaction each. ``names`` give ids their texts."""

    def __init__(self, connection: sqlite3.Connection, names: KnownNames) -> None:
        self._connection = connection
        self._names = names
        self._roles = {
            number: role for role in Role if (number := names.id(connection, role.value)) is not None
        }

    def spending(self, request: SpendRequest) -> Spending:
        begin = hour_of(request.begin)
        bounds = [begin, *(at for at in request.bounds[1 : MOST_SLOTS + 1] if begin < at < request.end)]
        ends = [*bounds[1:], request.end]
        found = _Found({}, {}, [{} for _ in bounds], {}, [None for _ in bounds], [0.0 for _ in bounds])
        pieces: list[_Piece] = []
        for slot, (first, last) in enumerate(zip(bounds, ends, strict=True)):
            pieces += self._pieces(found, slot, first, last)
        for piece in pieces:
            self._add_course(found, piece)
        for where, values in _places(pieces):
            self._add_whole(found, where, values, cells=request.by_workflow)
        return Spending(
            begin,
            request.end,
            cells=tuple(self._cells(found.cells if request.by_workflow else found.joined)),
            runs={name: RunCount(*each) for name, each in self._named_runs(found.runs)},
            slots=tuple(
                Slot(
                    first,
                    last,
                    found.known[slot],
                    tuple(self._joined_cells(found.slots[slot])),
                    None if (told := found.slot_runs[slot]) is None else RunCount(*told),
                )
                for slot, (first, last) in enumerate(zip(bounds, ends, strict=True))
            ),
            known_seconds=sum(found.known),
            since=self._since(),
        )

    def hourly(self, begin: float, end: float) -> tuple[HourCells, ...]:
        """Every hour from ``begin`` to ``end`` of which anything is known, oldest first."""
        made = []
        unsettled = self._unsettled(begin, end)
        at = hour_of(begin)
        while at < end:
            if at in unsettled:
                covered = covered_in(self._connection, self._roles, at)
                cells: Iterable[tuple[tuple[int, ...], Sequence[float | None]]] = self._resolved(at, covered)
                known: float | None = known_in(covered)
            else:
                cells = self._stored(_WITHIN, (HOUR, at, at + HOUR))
                known = self._known(HOUR, at, at + HOUR)
            told = tuple(self._cells({key: list(values) for key, values in cells}))
            if told or known:
                made.append(HourCells(at, known or 0.0, told))
            at += HOUR
        return tuple(made)

    def course(self, begin: float, end: float, workflow: str) -> tuple[HourCells, ...]:
        """As ``hourly``, of the workflows that the shell pattern ``workflow`` fits, together."""
        begin = hour_of(begin)
        wanted = None if workflow == "*" else self._fitting(workflow, begin, end)
        named = "" if wanted is None else f" AND workflow IN ({', '.join(map(str, sorted(wanted)))})"
        found: dict[float, dict[tuple[int, ...], list[float | None]]] = {}
        rows = self._connection.execute(
            f"SELECT at, provider, model, service, outcome, paid, tokens, money, {SUMMED} FROM cells "
            f"WHERE seconds = ? AND at >= ? AND at < ?{named} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8",
            (HOUR, begin, end),
        )
        for row in rows:
            found.setdefault(float(row[0]), {})[UNNAMED, *row[1:8]] = list(row[8:])
        known = dict(
            self._connection.execute(
                "SELECT at, known FROM settled WHERE seconds = ? AND at >= ? AND at < ?", (HOUR, begin, end)
            ).fetchall()
        )
        for at in self._unsettled(begin, end):
            covered = covered_in(self._connection, self._roles, at)
            known[at] = known_in(covered)
            found[at] = {}
            for key, values in self._resolved(at, covered):
                if wanted is None or key[0] in wanted:
                    _plus(found[at], (UNNAMED, *key[1:]), values)
        return tuple(
            HourCells(at, float(known.get(at, 0.0)), tuple(self._cells(found.get(at, {}))))
            for at in sorted({*found, *known})
        )

    def _fitting(self, pattern: str, begin: float, end: float) -> frozenset[int]:
        """Ids of the workflows of the hours that a pattern fits; what is not told fits none but ``*``."""
        rows = self._connection.execute(
            "SELECT DISTINCT workflow FROM cells WHERE seconds = ?1 AND at >= ?2 AND at < ?3 "
            "UNION SELECT workflow FROM spend WHERE at >= ?2 AND at < ?3",
            (HOUR, begin, end),
        )
        numbers = {number for (number,) in rows if number != UNNAMED}
        names = self._names.of(self._connection, numbers)
        return frozenset(number for number in numbers if fnmatchcase(names.get(number, ""), pattern))

    # pieces -----------------------------------------------------------------------------------------

    def _pieces(self, found: _Found, slot: int, begin: float, end: float) -> Iterator[_Piece]:
        """What is settled of a slot; the rest is added as sources tell it."""
        days = self._days(begin, end)
        unsettled = self._unsettled(begin, end)
        at = begin
        for day, until in (*days, (end, end)):
            if at < day:
                yield from self._hours(found, slot, at, day, unsettled)
            if day < end:
                yield _Piece(slot, DAY, day, until)
            at = until

    def _hours(
        self, found: _Found, slot: int, begin: float, end: float, unsettled: frozenset[float]
    ) -> Iterator[_Piece]:
        rest = sorted(each for each in unsettled if begin <= each < end)
        edges = [begin - HOUR, *rest, end]
        for before, after in pairwise(edges):
            if after - before > HOUR:
                yield _Piece(slot, HOUR, before + HOUR, after)
        for at in rest:
            self._add_raw(found, slot, at)

    def _add_course(self, found: _Found, piece: _Piece) -> None:
        """Of all workflows together."""
        # Within a day one of another zone may begin.
        until = piece.begin + 1 if piece.seconds == DAY else piece.end
        values = (piece.seconds, piece.begin, until)
        rows = self._connection.execute(
            f"SELECT {_ALL}, {SUMMED} FROM joined WHERE {_WITHIN} GROUP BY {_ALL}", values
        )
        width = len(KEY) + 1
        for row in rows:
            _plus(found.joined, (UNNAMED, *row[:width]), row[width:])
            _plus(found.slots[piece.slot], (*row[:3], *row[4:width]), row[width:])
        runs, failures = self._connection.execute(
            f"SELECT sum(runs), sum(failures) FROM counts WHERE {_WITHIN}", values
        ).fetchone()
        if runs is not None:
            _add_slot_runs(found, piece.slot, float(runs), float(failures))
        known = self._connection.execute(f"SELECT sum(known) FROM settled WHERE {_WITHIN}", values).fetchone()
        found.known[piece.slot] += float(known[0] or 0.0)

    def _add_whole(self, found: _Found, where: str, values: Sequence[float], *, cells: bool) -> None:
        """By workflow, over all slots at once."""
        if cells:
            for key, sums in self._stored(where, values):
                _plus(found.cells, key, sums)
        rows = self._connection.execute(
            f"SELECT workflow, sum(runs), sum(failures) FROM counts WHERE {where} GROUP BY workflow", values
        )
        for workflow, runs, failures in rows:
            _add_runs(found, workflow, float(runs), float(failures))

    def _add_raw(self, found: _Found, slot: int, at: float) -> None:
        covered = covered_in(self._connection, self._roles, at)
        for key, values in self._resolved(at, covered):
            _add(found, slot, key, values)
        for workflow, runs, failures in counts_of(self._connection, self._roles, at):
            _add_runs(found, workflow, runs, failures)
            _add_slot_runs(found, slot, runs, failures)
        found.known[slot] += known_in(covered)

    def _resolved(
        self, at: float, covered: Mapping[tuple[str, Role], float]
    ) -> Iterator[tuple[tuple[int, ...], Sequence[float | None]]]:
        rows = list(spendsettling.raw(self._connection, self._roles, at))
        numbers = {number: key for number, key, _ in rows}
        for number, cell in spendsettling.resolve_rows(rows, covered):
            yield (*numbers[number], int(cell.tokens), int(cell.money)), _values(cell.amounts)

    def _stored(
        self, where: str, values: Sequence[float]
    ) -> Iterator[tuple[tuple[int, ...], Sequence[float | None]]]:
        rows = self._connection.execute(
            f"SELECT {_WHOLE}, {SUMMED} FROM cells WHERE {where} GROUP BY {_WHOLE}", values
        )
        width = len(KEY) + 2
        for row in rows:
            yield row[:width], row[width:]

    def _days(self, begin: float, end: float) -> list[tuple[float, float]]:
        """Settled days that lie whole in the time, and are not to be made again."""
        rows = self._connection.execute(
            "SELECT at, until FROM settled WHERE seconds = ?1 AND at >= ?2 AND until <= ?3 AND NOT EXISTS "
            "(SELECT 1 FROM unsettled WHERE unsettled.seconds = ?1 AND unsettled.at = settled.at) AND NOT "
            "EXISTS (SELECT 1 FROM unsettled WHERE unsettled.seconds = ?4 AND unsettled.at >= settled.at "
            "AND unsettled.at < settled.until) ORDER BY at",
            (DAY, begin, end, HOUR),
        ).fetchall()
        days: list[tuple[float, float]] = []
        for at, until in rows:
            if not days or at >= days[-1][1]:  # of two zones the first that was made
                days.append((float(at), float(until)))
        return days

    def _unsettled(self, begin: float, end: float) -> frozenset[float]:
        rows = self._connection.execute(
            "SELECT at FROM unsettled WHERE seconds = ? AND at >= ? AND at < ?", (HOUR, hour_of(begin), end)
        )
        return frozenset(float(at) for (at,) in rows)

    def _known(self, seconds: float, begin: float, end: float) -> float:
        row = self._connection.execute(
            "SELECT sum(known) FROM settled WHERE seconds = ? AND at >= ? AND at < ?", (seconds, begin, end)
        ).fetchone()
        return float(row[0] or 0.0)

    def _since(self) -> float | None:
        """The first hour; the first day where its hours are not kept any more."""
        hours = self._first("cells WHERE seconds = 3600", "spend")
        day = self._first("cells WHERE seconds = 86400")
        if hours is None or day is None:
            return hours if day is None else day
        return day if day + DAY <= hours else hours

    def _first(self, *places: str) -> float | None:
        found = [self._connection.execute(f"SELECT min(at) FROM {place}").fetchone()[0] for place in places]
        return min((float(at) for at in found if at is not None), default=None)

    # names ------------------------------------------------------------------------------------------

    def _cells(self, found: Mapping[tuple[int, ...], Sequence[float | None]]) -> Iterator[SpendCell]:
        names = self._names.of(self._connection, {number for key in found for number in key[:4]})
        for key, values in found.items():
            workflow, provider, model, service = (_name(names, number) for number in key[:4])
            outcome = OUTCOMES[key[4]] if 0 <= key[4] < len(OUTCOMES) else Outcome.UNKNOWN
            spend = SpendKey(workflow, provider, model, service, outcome)
            yield SpendCell(spend, Amounts(*values), bool(key[6]), bool(key[7]), bool(key[5]))

    def _joined_cells(self, found: Mapping[tuple[int, ...], Sequence[float | None]]) -> Iterator[SpendCell]:
        names = self._names.of(self._connection, {number for key in found for number in key[:3]})
        for key, values in found.items():
            provider, model, service = (_name(names, number) for number in key[:3])
            spend = SpendKey("", provider, model, service)
            yield SpendCell(spend, Amounts(*values), bool(key[4]), bool(key[5]), bool(key[3]))

    def _named_runs(self, runs: Mapping[int, list[float]]) -> Iterator[tuple[str, list[float]]]:
        names = self._names.of(self._connection, set(runs))
        for number, each in runs.items():
            yield names.get(number, ""), each


def _name(names: Mapping[int, str], number: int) -> str:
    return "" if number == UNNAMED else names.get(number, "")


def _add(found: _Found, slot: int, key: tuple[int, ...], values: Sequence[float | None]) -> None:
    """``key``: workflow, provider, model, service, outcome, paid, tokens, money."""
    _plus(found.cells, key, values)
    _plus(found.joined, (UNNAMED, *key[1:]), values)
    _plus(found.slots[slot], (*key[1:4], *key[5:]), values)


def _plus(
    into: dict[tuple[int, ...], list[float | None]], key: tuple[int, ...], values: Sequence[float | None]
) -> None:
    known = into.get(key)
    if known is None:
        into[key] = list(values)
        return
    for place, value in enumerate(values):
        if value is not None:
            before = known[place]
            known[place] = value if before is None else before + value


def _add_runs(found: _Found, workflow: int, runs: float, failures: float) -> None:
    own = found.runs.setdefault(workflow, [0.0, 0.0])
    own[0], own[1] = own[0] + runs, own[1] + failures


def _add_slot_runs(found: _Found, slot: int, runs: float, failures: float) -> None:
    both = found.slot_runs[slot] or [0.0, 0.0]
    found.slot_runs[slot] = [both[0] + runs, both[1] + failures]


def _places(pieces: Sequence[_Piece]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Where rows of them lie, as few conditions as can be: all days, and hours that follow each other. Days
    are named one by one: those of another zone may begin between them."""
    days = [piece.begin for piece in pieces if piece.seconds == DAY]
    if days:
        yield f"seconds = ? AND at IN ({', '.join('?' * len(days))})", (DAY, *days)
    begin = end = None
    for piece in pieces:
        if piece.seconds == DAY:
            continue
        if piece.begin != end:
            if begin is not None and end is not None:
                yield _WITHIN, (HOUR, begin, end)
            begin = piece.begin
        end = piece.end
    if begin is not None and end is not None:
        yield _WITHIN, (HOUR, begin, end)


def dearest(runs: Iterable[Run], book: PriceBook, limit: int) -> tuple[DearRun, ...]:
    """The dearest of ``runs`` first; those of which nothing is known in USD last, by their tokens."""
    priced = [DearRun(run, run_money(run, book)) for run in runs]
    priced.sort(key=lambda each: (each.money.least or -1.0, each.run.usage.total or 0), reverse=True)
    return tuple(priced[:limit])
