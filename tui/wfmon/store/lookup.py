"""The alert that a person means by an id, or by the beginning of one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from wfmon.store import episodelog
from wfmon.store.errors import Ambiguous, Gone
from wfmon.store.observing import continues
from wfmon.store.rows import Row, one
from wfmon.store.terms import AckTerms
from wfmon.text.numbers import day_clock
from wfmon.text.sanitize import safe


def meant(
    connection: sqlite3.Connection,
    prefix: str,
    terms: AckTerms,
    now: float,
    *,
    also: Sequence[str] = (),
    over_too: bool = False,
) -> Row:
    """The one open episode, of any lane; ``also``: ids of such that are meant whatever they begin with.

    ``over_too``: or one that is over, by its whole id. Raises Gone or Ambiguous.
    """
    wanted = prefix.strip().lower()
    rows = episodelog.beginning(connection, wanted) if wanted else []
    known = {row.record.id for row in rows}
    rows += [row for each in also if each not in known and (row := one(connection, each)) is not None]
    alive = [row for row in rows if row.record.ended_at is None and continues(row.record, terms, now)]
    if len(alive) > 1:
        raise Ambiguous(f"{safe(prefix)} fits {len(alive)} alerts: give more digits")
    if alive:
        return alive[0]
    if over_too and (row := one(connection, wanted)) is not None:
        return row
    if rows:
        end = rows[-1].record.ended_at or rows[-1].record.last_seen_at
        raise Gone(f"{rows[-1].record.id} is over: ended {day_clock(end, now)}")
    raise Gone(f"no open alert {safe(prefix)}")
