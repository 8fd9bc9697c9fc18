"""The tables of ``acks.db`` and the steps from one schema version to the next."""

from __future__ import annotations

from wfmon.store.filekind import FileKind, Schema

# Statement lists: MIGRATIONS[n] leads from version n to n + 1.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE episodes (
            id TEXT PRIMARY KEY,
            rule TEXT NOT NULL,
            labels TEXT NOT NULL,
            workflow TEXT,
            summary TEXT NOT NULL,
            severity INTEGER NOT NULL,
            began_at REAL NOT NULL,
            began_at_least INTEGER NOT NULL,
            last_seen_at REAL NOT NULL,
            ended_at REAL
        )""",
        "CREATE INDEX episodes_by_key ON episodes (rule, labels, began_at)",
        """CREATE TABLE acks (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            episode TEXT NOT NULL REFERENCES episodes (id),
            by TEXT NOT NULL,
            at REAL NOT NULL,
            until REAL,
            until_resolved INTEGER NOT NULL,
            comment TEXT NOT NULL,
            undone_at REAL,
            undone_by TEXT
        )""",
        "CREATE INDEX acks_by_episode ON acks (episode, number)",
        """CREATE TABLE audit (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            episode TEXT NOT NULL,
            rule TEXT NOT NULL,
            labels TEXT NOT NULL,
            comment TEXT NOT NULL,
            effect TEXT NOT NULL
        )""",
        """CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit
           BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
        """CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit
           BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    ),
    (
        "ALTER TABLE episodes ADD COLUMN value REAL",
        "ALTER TABLE episodes ADD COLUMN threshold REAL",
        "ALTER TABLE episodes ADD COLUMN peak REAL",
        "ALTER TABLE episodes ADD COLUMN n REAL",
        "ALTER TABLE episodes ADD COLUMN failed REAL",
        "ALTER TABLE episodes ADD COLUMN unit TEXT NOT NULL DEFAULT 'ratio'",
        "ALTER TABLE episodes ADD COLUMN flaps INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE episodes ADD COLUMN worst INTEGER NOT NULL DEFAULT 0",
        "UPDATE episodes SET worst = severity",
        "CREATE INDEX episodes_by_end ON episodes (ended_at, began_at)",
        """CREATE TABLE normals (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            workflow TEXT NOT NULL,
            since REAL NOT NULL,
            at REAL NOT NULL,
            by TEXT NOT NULL
        )""",
        "CREATE INDEX normals_by_workflow ON normals (workflow, number)",
    ),
)
ACKS = FileKind(Schema(MIGRATIONS), "acks")
VERSION = ACKS.schema.version
version = Schema.found
migrate = ACKS.schema.migrate
