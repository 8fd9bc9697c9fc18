"""New normals that somebody accepted, in ``acks.db``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from wfmon.model.episode import Accepted
from wfmon.store import rows

_LIMIT = 20_000  # workflows


def add(connection: sqlite3.Connection, lane: str, entry: Accepted) -> None:
    connection.execute(
        "INSERT INTO normals (lane, workflow, since, at, by) VALUES (?, ?, ?, ?, ?)",
        (lane, entry.workflow, entry.since, entry.at, entry.by),
    )


def newest(connection: sqlite3.Connection, lane: str) -> Mapping[str, Accepted]:
    """The newest acceptance of each workflow of ``lane``."""
    found = connection.execute(
        "SELECT workflow, since, at, by FROM normals WHERE number IN "
        "(SELECT max(number) FROM normals WHERE lane = ? GROUP BY workflow) ORDER BY number DESC LIMIT ?",
        (lane, _LIMIT),
    )
    return rows.accepted(found)
