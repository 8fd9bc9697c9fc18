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
    (
        "ALTER TABLE episodes ADD COLUMN low REAL",
        "ALTER TABLE episodes ADD COLUMN mean REAL",
        "ALTER TABLE episodes ADD COLUMN samples INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE episodes ADD COLUMN members TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE episodes ADD COLUMN contributors TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE episodes ADD COLUMN source TEXT NOT NULL DEFAULT 'wfmon'",
        # The lane of the state directory itself is ''.
        "ALTER TABLE episodes ADD COLUMN lane TEXT NOT NULL DEFAULT ''",
        "DROP INDEX episodes_by_key",
        "CREATE INDEX episodes_by_key ON episodes (lane, rule, labels, began_at)",
        "ALTER TABLE acks ADD COLUMN snooze INTEGER NOT NULL DEFAULT 0",
        # What the alert was when it was taken; NULL: not known.
        "ALTER TABLE acks ADD COLUMN severity INTEGER",
        "ALTER TABLE acks ADD COLUMN value REAL",
        "ALTER TABLE acks ADD COLUMN members TEXT",
        """UPDATE acks SET severity = (SELECT severity FROM episodes WHERE id = acks.episode),
           value = (SELECT value FROM episodes WHERE id = acks.episode) WHERE undone_at IS NULL""",
        """CREATE TABLE notes (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            episode TEXT NOT NULL REFERENCES episodes (id),
            by TEXT NOT NULL,
            at REAL NOT NULL,
            text TEXT NOT NULL
        )""",
        "CREATE INDEX notes_by_episode ON notes (episode, number)",
        """CREATE TRIGGER notes_are_append_only_update BEFORE UPDATE ON notes
           BEGIN SELECT RAISE(ABORT, 'notes are append-only'); END""",
        """CREATE TRIGGER notes_are_append_only_delete BEFORE DELETE ON notes
           BEGIN SELECT RAISE(ABORT, 'notes are append-only'); END""",
        """CREATE TABLE shares (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            episode TEXT NOT NULL REFERENCES episodes (id),
            via TEXT NOT NULL,
            matchers TEXT NOT NULL,
            by TEXT NOT NULL,
            asked_at REAL NOT NULL,
            silence TEXT,
            ends_at REAL,
            updated_at REAL,
            wanted_end REAL,
            state TEXT NOT NULL,
            problem TEXT
        )""",
        "CREATE INDEX shares_by_episode ON shares (episode, number)",
        """CREATE UNIQUE INDEX shares_one_in_force ON shares (episode)
           WHERE state IN ('asked', 'held', 'releasing')""",
    ),
    (
        "ALTER TABLE normals ADD COLUMN lane TEXT NOT NULL DEFAULT ''",
        "DROP INDEX normals_by_workflow",
        "CREATE INDEX normals_by_workflow ON normals (lane, workflow, number)",
    ),
)
ACKS = FileKind(Schema(MIGRATIONS), "acks")
VERSION = ACKS.schema.version
version = Schema.found
migrate = ACKS.schema.migrate
