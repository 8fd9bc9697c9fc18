"""What the database files of the state directory have in common, and how they differ."""

from __future__ import annotations

import sqlite3

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Schema:
    """Statement lists: ``migrations[n]`` leads from version n to n + 1."""

    migrations: tuple[tuple[str, ...], ...]

    @property
    def version(self) -> int:
        return len(self.migrations)

    @staticmethod
    def found(connection: sqlite3.Connection) -> int:
        """The schema version of the file; 0 for an empty one."""
        return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def migrate(self, connection: sqlite3.Connection) -> None:
        """Bring the file to ``version``, all in one transaction."""
        if self.found(connection) >= self.version:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for step in self.migrations[self.found(connection) :]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self.version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@dataclass(frozen=True, slots=True)
class FileKind:
    """``holds``: what is lost with the file, in one word. ``durable``: a commit outlives a power cut, not
    only the process. ``ballast``: there is a reserve for a full disk. ``checked``: looked through whenever
    it is opened, which only a small file can be; elsewhere a fault is found when it is met. ``layout``:
    statements for a file that is still empty, before its first table. ``prepare``: for each connection that
    writes; none may write to the file, which on a full disk could not be read any more."""

    schema: Schema
    holds: str
    durable: bool = True
    ballast: bool = True
    checked: bool = True
    layout: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
