"""Hours that are over, and days, as they are read: each figure from one source (``spendchoice``).

Which are to be made is itself in the file (``unsettled``), so that a killed process leaves nothing undone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import tzinfo

from wfmon.model.budget import Period
from wfmon.model.calendar import bounds
from wfmon.model.history import Kind, Role
from wfmon.model.spend import FIGURES, Amounts, Outcome, SpendCell, SpendKey, SpendSum
from wfmon.store.history import coverage, sums
from wfmon.store.history.settings import DAY, HOUR
from wfmon.store.history.spendchoice import resolve
from wfmon.store.history.spendrows import KEY, OUTCOMES, UNNAMED

SETTLE_SECONDS = 120.0  # after an hour, until the last of it is written
MOST_HOURS = 12  # of one call
MOST_DAYS = 2
_CELL = ("seconds", "at", *KEY, "tokens", "money", *FIGURES)
_INSERT = f"INSERT OR REPLACE INTO cells ({', '.join(_CELL)}) VALUES ({', '.join('?' * len(_CELL))})"
_GROUP = ", ".join((*KEY, "tokens", "money"))
_ALL = ", ".join((*KEY[1:], "tokens", "money"))  # without the workflow
SUMMED = ", ".join(f"sum({name})" for name in FIGURES)


def mark(connection: sqlite3.Connection, hours: Iterable[float]) -> None:
    """What is known of these hours has changed."""
    connection.executemany(
        "INSERT OR IGNORE INTO unsettled (seconds, at) VALUES (?, ?)", {(HOUR, at) for at in hours}
    )


def settle(connection: sqlite3.Connection, roles: Mapping[int, Role], now: float, zone: tzinfo | None) -> int:
    """Make some that are due, hours before their days; how many were made."""
    due = connection.execute(
        "SELECT at FROM unsettled WHERE seconds = ? AND at <= ? ORDER BY at LIMIT ?",
        (HOUR, now - HOUR - SETTLE_SECONDS, MOST_HOURS),
    ).fetchall()
    for (at,) in due:
        _settle_hour(connection, roles, at)
        _done(connection, HOUR, at)
        connection.execute(
            "INSERT OR IGNORE INTO unsettled (seconds, at) VALUES (?, ?)",
            (DAY, bounds(Period.DAY, at, zone)[0]),
        )
    return len(due) + _settle_days(connection, now, zone)


def _settle_days(connection: sqlite3.Connection, now: float, zone: tzinfo | None) -> int:
    made = 0
    waiting = connection.execute("SELECT at FROM unsettled WHERE seconds = ? ORDER BY at", (DAY,)).fetchall()
    for (at,) in waiting:
        begin, end = bounds(Period.DAY, at, zone)
        open_hours = connection.execute(
            "SELECT 1 FROM unsettled WHERE seconds = ? AND at >= ? AND at < ? LIMIT 1", (HOUR, begin, end)
        ).fetchone()
        if made == MOST_DAYS or end > now - SETTLE_SECONDS or open_hours is not None:
            continue
        if begin != at:  # another zone's day: it stays as it was made
            _done(connection, DAY, at)
            continue
        _settle_day(connection, begin, end)
        _done(connection, DAY, at)
        made += 1
    return made


def _done(connection: sqlite3.Connection, seconds: float, at: float) -> None:
    connection.execute("DELETE FROM unsettled WHERE seconds = ? AND at = ?", (seconds, at))


def _settle_hour(connection: sqlite3.Connection, roles: Mapping[int, Role], at: float) -> None:
    covered = covered_in(connection, roles, at)
    rows = list(raw(connection, roles, at))
    kept = {number: key for number, key, _ in rows}
    cells = resolve_rows(rows, covered)
    connection.execute("DELETE FROM cells WHERE seconds = ? AND at = ?", (HOUR, at))
    connection.executemany(
        _INSERT, [(HOUR, at, *kept[number], int(c.tokens), int(c.money), *_values(c)) for number, c in cells]
    )
    _join(connection, HOUR, at)
    connection.execute("DELETE FROM counts WHERE seconds = ? AND at = ?", (HOUR, at))
    connection.executemany(
        "INSERT INTO counts (seconds, at, workflow, runs, failures) VALUES (?, ?, ?, ?, ?)",
        [(HOUR, at, *each) for each in counts_of(connection, roles, at)],
    )
    _settled(connection, HOUR, at, at + HOUR, known_in(covered))


def _settle_day(connection: sqlite3.Connection, begin: float, end: float) -> None:
    """From its hours."""
    within = (HOUR, begin, end)
    for table in ("cells", "counts"):
        connection.execute(f"DELETE FROM {table} WHERE seconds = ? AND at = ?", (DAY, begin))
    columns = ", ".join(_CELL)
    connection.execute(
        f"INSERT INTO cells ({columns}) SELECT {DAY}, {begin!r}, {_GROUP}, {SUMMED} FROM cells "
        f"WHERE seconds = ? AND at >= ? AND at < ? GROUP BY {_GROUP}",
        within,
    )
    connection.execute(
        f"INSERT INTO counts (seconds, at, workflow, runs, failures) SELECT {DAY}, {begin!r}, workflow, "
        "sum(runs), sum(failures) FROM counts WHERE seconds = ? AND at >= ? AND at < ? GROUP BY workflow",
        within,
    )
    _join(connection, DAY, begin)
    known = connection.execute(
        "SELECT sum(known) FROM settled WHERE seconds = ? AND at >= ? AND at < ?", within
    ).fetchone()[0]
    _settled(connection, DAY, begin, end, known or 0.0)


def _join(connection: sqlite3.Connection, seconds: float, at: float) -> None:
    """Of all workflows together."""
    connection.execute("DELETE FROM joined WHERE seconds = ? AND at = ?", (seconds, at))
    connection.execute(
        f"INSERT INTO joined (seconds, at, {_ALL}, {', '.join(FIGURES)}) "
        f"SELECT seconds, at, {_ALL}, {SUMMED} FROM cells WHERE seconds = ? AND at = ? GROUP BY {_ALL}",
        (seconds, at),
    )


def _settled(connection: sqlite3.Connection, seconds: float, at: float, until: float, known: float) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO settled (seconds, at, until, known) VALUES (?, ?, ?, ?)",
        (seconds, at, until, known),
    )


# an hour as sources tell it -------------------------------------------------------------------------

Numbers = tuple[int, ...]  # the ids of KEY
Told = tuple[int, Numbers, SpendSum]


def raw(connection: sqlite3.Connection, roles: Mapping[int, Role], at: float) -> Iterable[Told]:
    """The rows of the hour ``at``, numbered; names stand as their ids, which is all that is compared."""
    found = connection.execute(
        f"SELECT source, role, {', '.join(KEY)}, {', '.join(FIGURES)} FROM spend WHERE at = ?", (at,)
    )
    width = 2 + len(KEY)
    for number, row in enumerate(found):
        role = roles.get(row[1])
        if role is None or not 0 <= row[6] < len(OUTCOMES):
            continue
        numbers = row[2:width]
        workflow, provider, model, service = (str(each) for each in numbers[:4])
        named = workflow if numbers[0] != UNNAMED else ""
        key = SpendKey(named, provider, model, service, OUTCOMES[row[6]])
        amounts = Amounts(*(_figure(each) for each in row[width:]))
        yield number, numbers, SpendSum(at, key, str(row[0]), role, amounts, bool(row[7]))


def resolve_rows(
    rows: Iterable[Told], covered: Mapping[tuple[str, Role], float]
) -> list[tuple[int, SpendCell]]:
    """Each with the number of its row; rows of several sources that are one cell stay apart here."""
    listed = list(rows)
    places = {id(row.amounts): number for number, _, row in listed}
    merged: dict[tuple[Numbers, bool, bool], tuple[int, SpendCell]] = {}
    numbers = {number: key for number, key, _ in listed}
    for cell in resolve([row for _, _, row in listed], covered):
        number = places[id(cell.amounts)]
        name = (numbers[number], cell.tokens, cell.money)
        before = merged.get(name)
        merged[name] = (number, cell) if before is None else (before[0], plus(before[1], cell))
    return list(merged.values())


def plus(one: SpendCell, other: SpendCell) -> SpendCell:
    """Both as one; of equal key and flags."""
    added = Amounts(
        *(
            b if a is None else a if b is None else a + b
            for name in FIGURES
            for a, b in [(getattr(one.amounts, name), getattr(other.amounts, name))]
        )
    )
    return SpendCell(one.key, added, one.tokens, one.money, one.paid)


def covered_in(
    connection: sqlite3.Connection, roles: Mapping[int, Role], at: float
) -> dict[tuple[str, Role], float]:
    """Seconds of the hour ``at``, by source (its id as text) and role."""
    rows = connection.execute("SELECT source, role, spans FROM watched WHERE at = ?", (at,))
    return {
        (str(source), roles[role]): coverage.seconds(coverage.unpacked(spans, at))
        for source, role, spans in rows
        if role in roles
    }


def known_in(covered: Mapping[tuple[str, Role], float]) -> float:
    """As much as the source saw that saw most of it."""
    return max(covered.values(), default=0.0)


def counts_of(
    connection: sqlite3.Connection, roles: Mapping[int, Role], at: float
) -> list[tuple[int, float, float]]:
    """Workflow, runs and failures of the hour ``at``."""
    kind = connection.execute("SELECT id FROM names WHERE name = ?", (Kind.WORKFLOW.value,)).fetchone()
    if kind is None:
        return []
    by_subject: dict[int, list[sums.SumRow]] = {}
    for row in sums.of_hour(connection, at):
        if row.kind == kind[0]:
            by_subject.setdefault(row.subject, []).append(row)
    covered = {
        (int(source), role): seconds for (source, role), seconds in covered_in(connection, roles, at).items()
    }
    found = []
    for subject, rows in by_subject.items():
        runs, failures, _, _ = sums.chosen(rows, roles, covered)
        if runs is not None:
            found.append((subject, max(0.0, runs), max(0.0, failures or 0.0)))
    return found


def _values(cell: SpendCell) -> tuple[float | None, ...]:
    return tuple(getattr(cell.amounts, name) for name in FIGURES)


def _figure(value: object) -> float | None:
    """Sums of what was added and taken back again are never less than nothing."""
    return max(0.0, float(value)) if isinstance(value, int | float) else None


def outcome_at(index: object) -> Outcome:
    return OUTCOMES[index] if isinstance(index, int) and 0 <= index < len(OUTCOMES) else Outcome.UNKNOWN
