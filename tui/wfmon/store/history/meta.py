"""Single values of the file."""

from __future__ import annotations

import sqlite3

EPOCH = "epoch"
LAST_BATCH = "last_batch"
HOURS_FROM = "hours_from"


def number(connection: sqlite3.Connection, key: str) -> float | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return float(found[0]) if found is not None and isinstance(found[0], int | float) else None


def whole(connection: sqlite3.Connection, key: str) -> int | None:
    """Exact, also where a float would not be: epochs are nanoseconds."""
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return found[0] if found is not None and isinstance(found[0], int) else None


def text(connection: sqlite3.Connection, key: str) -> str | None:
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return found[0] if found is not None and isinstance(found[0], str) else None


def put(connection: sqlite3.Connection, key: str, value: float | int | str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
