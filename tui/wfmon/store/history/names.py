"""Names by number: kinds, subjects, sources and columns take four bytes in a point."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from wfmon.text.sanitize import safe

LIMIT = 500  # characters of a name
MOST_NAMES = 200_000
USED_STEP = 86_400.0  # a name in use is marked so once a day
_TOGETHER = 500


def stored(name: str) -> str:
    """A name as the file has it."""
    return safe(name, limit=LIMIT)


class Names:
    """For the one who writes. What a transaction gave that was rolled back has to be forgotten."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._used: dict[int, float] = {}
        self._full = False

    @property
    def full(self) -> bool:
        """Whether there were more names than are kept."""
        return self._full

    def load(self, connection: sqlite3.Connection) -> None:
        self._ids.clear()
        self._used.clear()
        for number, name, used in connection.execute(
            "SELECT id, name, used FROM names LIMIT ?", (MOST_NAMES,)
        ):
            self._ids[str(name)] = number
            self._used[number] = used if isinstance(used, float) else 0.0

    def id(self, connection: sqlite3.Connection, name: str, now: float) -> int | None:
        """The number of a name, given now if need be; None where there are too many names."""
        number = self._ids.get(name)
        if number is not None and 0 <= now - self._used[number] < USED_STEP:
            return number
        if number is not None:
            connection.execute("UPDATE names SET used = ? WHERE id = ?", (now, number))
            self._used[number] = now
            return number
        text = stored(name)
        if text != name and text in self._ids:
            return self.id(connection, text, now)
        if len(self._ids) >= MOST_NAMES:
            self._full = True
            return None
        given = connection.execute("INSERT INTO names (name, used) VALUES (?, ?)", (text, now)).lastrowid
        if given is None:
            raise sqlite3.DatabaseError("no number was given to a name")
        self._ids[text], self._used[given] = given, now
        return given

    def known(self, name: str) -> int | None:
        return self._ids.get(stored(name))

    def all(self) -> dict[int, str]:
        return {number: name for name, number in self._ids.items()}


class KnownNames:
    """For those who read: names by number and back, as far as they were asked for."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def clear(self) -> None:
        self._names.clear()

    def of(self, connection: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, str]:
        """Those of ``numbers`` that have a name, each safe to show."""
        missing = [number for number in set(numbers) if number not in self._names]
        if len(self._names) + len(missing) > MOST_NAMES:
            self._names.clear()
        for begin in range(0, len(missing), _TOGETHER):
            part = [number for number in missing[begin : begin + _TOGETHER] if abs(number) < 1 << 62]
            marks = ",".join("?" * len(part))
            for number, name in connection.execute(
                f"SELECT id, name FROM names WHERE id IN ({marks}) AND length(name) <= {LIMIT}", part
            ):
                self._names[number] = safe(str(name), limit=LIMIT)
        return self._names

    def id(self, connection: sqlite3.Connection, name: str) -> int | None:
        found = connection.execute("SELECT id FROM names WHERE name = ?", (stored(name),)).fetchone()
        return None if found is None else int(found[0])
