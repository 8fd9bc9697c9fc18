"""The newest finished runs of each workflow, and what each adds to its hour.

A run is known by workflow and id. One that is new adds to the hour of its end, one that was corrected
takes back what it added before. Of runs that are not kept any more only the newest end by source is:
whatever the source told that ended up to then was counted. Lost ones are remembered for longer, as what
was given up may go on and end after all.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from wfmon.model.record import dataclass
from wfmon.model.run import COUNTED, FAILED, NO_USAGE, Run, RunStatus, Usage
from wfmon.store.history.runusage import pack_usage, unpack_usage
from wfmon.store.history.spendrows import Used, used_by
from wfmon.store.history.sums import Figures
from wfmon.store.rows import is_time
from wfmon.text.sanitize import safe

ERROR_LIMIT = 300
TEXT_LIMIT = 1000
MOST_LOST = 500  # of one workflow that are remembered beside the newest runs
_MOST_NUMBER = 1 << 62
COLUMNS = (
    "id, ended_at, source, status, word, started_at, duration, attempt, retries, tokens, cost_usd, error, "
    "log, model, has_id, provider, input, output, cached, cache_write, reasoning, usage, spent"
)
_INSERT = f"INSERT OR REPLACE INTO runs (workflow, {COLUMNS}) VALUES ({', '.join('?' * 24)})"
_SPENT = 22  # place of ``spent``: whether what the run used was written with it

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a run adds to the hour of ``ended_at``; ``source`` is an id. ``used``: by model."""

    ended_at: float
    source: int
    figures: Figures
    used: tuple[Used, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """``new``: not known before. ``added`` and ``removed``: contributions."""

    new: bool
    added: Contribution | None
    removed: Contribution | None = None


class Ring:
    """Of one workflow, within one transaction."""

    def __init__(self, connection: sqlite3.Connection, workflow: int, keep: int) -> None:
        self._connection = connection
        self._workflow = workflow
        self._keep = keep
        self._counted_to: dict[int, float] = dict(
            connection.execute("SELECT source, counted_to FROM rings WHERE workflow = ?", (workflow,))
        )

    def meet(self, told: Iterable[tuple[Run, int]]) -> None:
        """What is about to be taken, with its sources. A new source that tells of runs of another one is
        that one by another name: what was counted for it was counted."""
        if not self._counted_to:
            return
        for run, source in told:
            if source not in self._counted_to:
                before = self._known("runs", safe(run.id, limit=TEXT_LIMIT))
                former = None if before is None else self._counted_to.get(before[2])
                if former is not None:
                    self._count_to(source, former)

    def take(self, run: Run, source: int) -> Taken | None:
        """None where nothing is new: it is known as it is, was counted long ago, or is not finished."""
        if run.status is RunStatus.RUNNING or not is_time(run.ended_at):
            return None
        row = to_row(run, source, float(run.ended_at))
        before = self._known("runs", row[0])
        lost = self._known("lost", row[0]) if before is None else None
        if before is None and lost is None and run.ended_at <= self._counted_to.get(source, -math.inf):
            return None
        if row in (before, lost):
            return None
        if lost is not None:
            before = lost
            self._connection.execute(
                "DELETE FROM lost WHERE workflow = ? AND id = ?", (self._workflow, row[0])
            )
        self._connection.execute(_INSERT, (self._workflow, *row))
        return Taken(before is None, _contribution(row), None if before is None else _contribution(before))

    def thin(self) -> None:
        """Keep the newest ``keep``; runs that ended at the same moment stay or go together."""
        row = self._connection.execute(
            "SELECT ended_at FROM runs WHERE workflow = ? ORDER BY ended_at DESC LIMIT 1 OFFSET ?",
            (self._workflow, self._keep - 1),
        ).fetchone()
        if row is None:
            return
        gone, which = "FROM runs WHERE workflow = ? AND ended_at < ?", (self._workflow, row[0])
        left = self._connection.execute(f"SELECT source, max(ended_at) {gone} GROUP BY source", which)
        for source, ended_at in left.fetchall():
            self._count_to(source, max(ended_at, self._counted_to.get(source, -math.inf)))
        self._connection.execute(
            f"INSERT OR REPLACE INTO lost SELECT * {gone} AND status = ?", (*which, RunStatus.LOST.value)
        )
        self._connection.execute(f"DELETE {gone}", which)
        self._connection.execute(
            "DELETE FROM lost WHERE workflow = ?1 AND ended_at < (SELECT ended_at FROM lost "
            "WHERE workflow = ?1 ORDER BY ended_at DESC LIMIT 1 OFFSET ?2)",
            (self._workflow, MOST_LOST - 1),
        )

    def _known(self, table: str, id: object) -> tuple[Any, ...] | None:
        """The row of a run, if it is there."""
        found: tuple[Any, ...] | None = self._connection.execute(
            f"SELECT {COLUMNS} FROM {table} WHERE workflow = ? AND id = ?", (self._workflow, id)
        ).fetchone()
        return found

    def _count_to(self, source: int, ended_at: float) -> None:
        self._counted_to[source] = ended_at
        self._connection.execute(
            "INSERT OR REPLACE INTO rings (workflow, source, counted_to) VALUES (?, ?, ?)",
            (self._workflow, source, ended_at),
        )


def to_row(run: Run, source: int, ended_at: float) -> Row:
    """The values of ``COLUMNS``."""
    return (
        safe(run.id, limit=TEXT_LIMIT),
        ended_at,
        source,
        run.status.value,
        _text(run.status_word),
        _time(run.started_at),
        _number(run.duration_seconds),
        _whole(run.attempt),
        _whole(run.retries),
        _whole(run.usage.total),
        _number(run.usage.cost_usd),
        _text(run.error, ERROR_LIMIT),
        _text(run.log),
        _text(run.model),
        int(run.has_id),
        _text(run.provider),
        _whole(run.usage.input),
        _whole(run.usage.output),
        _whole(run.usage.cached),
        _whole(run.usage.cache_write),
        _whole(run.usage.reasoning),
        pack_usage(run),
        1,
    )


def of_row(row: Sequence[object], workflow: str, source: str) -> Run | None:
    """None for what none of ours can be. Another user may have written it: texts are made safe again."""
    ended_at = row[1]
    if not is_time(ended_at):
        return None
    packed = unpack_usage(row[21])
    return Run(
        id=safe(str(row[0]), limit=TEXT_LIMIT),
        workflow=workflow,
        status=_status(row[3]),
        started_at=_time(row[5]),
        ended_at=float(ended_at),
        duration_seconds=_number(row[6]),
        attempt=_whole(row[7]),
        retries=_whole(row[8]),
        usage=_usage(row),
        model=_text(row[13]),
        provider=_text(row[15]),
        error=_text(row[11], ERROR_LIMIT),
        source=source,
        log=_text(row[12]),
        has_id=bool(row[14]),
        status_word=_text(row[4]),
        parts=packed.parts,
        retried=packed.retried,
        calls=packed.calls,
    )


def _usage(row: Sequence[object]) -> Usage:
    into, out, cached, written, reasoning = (_whole(each) for each in row[16:21])
    usage = Usage(into, out, cached, written, reasoning, _whole(row[9]), _number(row[10]))
    return NO_USAGE if usage == NO_USAGE else usage


def _contribution(row: Sequence[object]) -> Contribution | None:
    """None for a row that none of ours can have written: nothing was added for it."""
    status, tokens, cost = _status(row[3]), _whole(row[9]), _number(row[10])
    ended_at, source = row[1], row[2]
    if not is_time(ended_at) or not isinstance(source, int):
        return None
    figures = (
        1.0 if status in COUNTED else 0.0,
        1.0 if status in FAILED else 0.0,
        None if tokens is None else float(tokens),
        cost,
    )
    run = of_row(row, "", "") if row[_SPENT] == 1 else None
    return Contribution(float(ended_at), source, figures, () if run is None else tuple(used_by(run)))


def _status(word: object) -> RunStatus:
    try:
        return RunStatus(str(word))
    except ValueError:
        return RunStatus.OTHER


def _text(value: object, limit: int = TEXT_LIMIT) -> str | None:
    return None if value is None else safe(str(value), limit=limit)


def _time(value: object) -> float | None:
    return float(value) if is_time(value) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < _MOST_NUMBER else None
