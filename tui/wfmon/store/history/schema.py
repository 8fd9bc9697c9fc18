"""The tables of ``history.db``.

Times are POSIX seconds. Kinds, roles, subjects, sources and columns are ids of ``names``, which are
never given twice.
"""

from __future__ import annotations

from wfmon.model.spend import FIGURES
from wfmon.store.filekind import FileKind, Schema
from wfmon.text.sanitize import safe

NAME = "history.db"
# What Python says of values that none of ours has written: tables hold any type in any column, and
# another hand may have put them there.
STRANGE = (ValueError, TypeError, OverflowError)
_RUN = """(
    workflow INTEGER NOT NULL,
    id TEXT NOT NULL,
    ended_at REAL NOT NULL,
    source INTEGER NOT NULL,
    status TEXT NOT NULL,
    word TEXT,
    started_at REAL,
    duration REAL,
    attempt INTEGER,
    retries INTEGER,
    tokens INTEGER,
    cost_usd REAL,
    error TEXT,
    log TEXT,
    model TEXT,
    has_id INTEGER NOT NULL,
    PRIMARY KEY (workflow, id)
) WITHOUT ROWID"""
_SPEND_KEY = """workflow INTEGER NOT NULL,
            provider INTEGER NOT NULL,
            model INTEGER NOT NULL,
            service INTEGER NOT NULL,
            outcome INTEGER NOT NULL,
            paid INTEGER NOT NULL,"""
_SPEND_FIGURES = "".join(f"{name} REAL,\n            " for name in FIGURES)
_JOINED = "seconds, at, provider, model, service, outcome, paid, tokens, money"
_SUMS = ", ".join(f"sum({name})" for name in FIGURES)
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
        """CREATE TABLE names (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            used REAL NOT NULL
        )""",
        """CREATE TABLE points (
            number INTEGER PRIMARY KEY,
            seconds REAL NOT NULL,
            at REAL NOT NULL,
            packed BLOB NOT NULL
        )""",
        "CREATE UNIQUE INDEX points_by_time ON points (seconds, at)",
        # Points that have to be made from finer ones, or again.
        """CREATE TABLE pending (
            seconds REAL NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (seconds, at)
        ) WITHOUT ROWID""",
        """CREATE TABLE hours (
            at REAL NOT NULL,
            kind INTEGER NOT NULL,
            subject INTEGER NOT NULL,
            source INTEGER NOT NULL,
            role INTEGER NOT NULL,
            runs REAL,
            failures REAL,
            tokens REAL,
            cost_usd REAL,
            PRIMARY KEY (at, kind, subject, source, role)
        ) WITHOUT ROWID""",
        f"CREATE TABLE runs {_RUN}",
        "CREATE INDEX runs_by_workflow ON runs (workflow, ended_at)",
        "CREATE INDEX runs_by_end ON runs (ended_at)",
        # Lost ones that are not among ``runs`` any more, and may still turn out to have gone on.
        f"CREATE TABLE lost {_RUN}",
        # Up to which end the runs that a source told of a workflow were counted and are not kept any more.
        """CREATE TABLE rings (
            workflow INTEGER NOT NULL,
            source INTEGER NOT NULL,
            counted_to REAL NOT NULL,
            PRIMARY KEY (workflow, source)
        ) WITHOUT ROWID""",
        """CREATE TABLE watched (
            at REAL NOT NULL,
            source INTEGER NOT NULL,
            role INTEGER NOT NULL,
            spans BLOB NOT NULL,
            PRIMARY KEY (at, source, role)
        ) WITHOUT ROWID""",
        """CREATE TABLE states (
            source INTEGER NOT NULL,
            at REAL NOT NULL,
            packed BLOB NOT NULL,
            PRIMARY KEY (source, at)
        ) WITHOUT ROWID""",
        "CREATE INDEX states_by_time ON states (at)",
        """CREATE TABLE changes (
            at REAL NOT NULL,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            text TEXT NOT NULL,
            workflow TEXT,
            PRIMARY KEY (at, kind, subject, text)
        ) WITHOUT ROWID""",
        """CREATE TABLE sessions (
            epoch INTEGER PRIMARY KEY,
            pid INTEGER NOT NULL,
            user TEXT NOT NULL,
            version TEXT NOT NULL,
            begin REAL NOT NULL,
            last_seen REAL NOT NULL
        )""",
        "CREATE TABLE marks (source TEXT PRIMARY KEY, packed BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE looks (
            number INTEGER PRIMARY KEY,
            target TEXT NOT NULL,
            at REAL NOT NULL,
            length INTEGER NOT NULL,
            packed BLOB NOT NULL
        )""",
        "CREATE UNIQUE INDEX looks_by_target ON looks (target, at)",
    ),
    # What was used and spent. ``spent`` of a run: what it used is in ``spend``.
    (
        *(
            f"ALTER TABLE {table} ADD COLUMN {column}"
            for table in ("runs", "lost")
            for column in (
                "provider TEXT",
                "input INTEGER",
                "output INTEGER",
                "cached INTEGER",
                "cache_write INTEGER",
                "reasoning INTEGER",
                "usage BLOB",
                "spent INTEGER",
            )
        ),
        # As each source tells it, by hour.
        f"""CREATE TABLE spend (
            at REAL NOT NULL,
            source INTEGER NOT NULL,
            role INTEGER NOT NULL,
            {_SPEND_KEY}
            {_SPEND_FIGURES}
            PRIMARY KEY (at, source, role, workflow, provider, model, service, outcome, paid)
        ) WITHOUT ROWID""",
        # Each figure from one source: of hours that are over, and of days.
        f"""CREATE TABLE cells (
            seconds REAL NOT NULL,
            at REAL NOT NULL,
            {_SPEND_KEY}
            tokens INTEGER NOT NULL,
            money INTEGER NOT NULL,
            {_SPEND_FIGURES}
            PRIMARY KEY (seconds, at, workflow, provider, model, service, outcome, paid, tokens, money)
        ) WITHOUT ROWID""",
        """CREATE TABLE counts (
            seconds REAL NOT NULL,
            at REAL NOT NULL,
            workflow INTEGER NOT NULL,
            runs REAL NOT NULL,
            failures REAL NOT NULL,
            PRIMARY KEY (seconds, at, workflow)
        ) WITHOUT ROWID""",
        # Hours (3600) and days (86400, also where a day has 23 or 25 hours) that are in ``cells``.
        """CREATE TABLE settled (
            seconds REAL NOT NULL,
            at REAL NOT NULL,
            until REAL NOT NULL,
            known REAL NOT NULL,
            PRIMARY KEY (seconds, at)
        ) WITHOUT ROWID""",
        # Those that are to be made, or again.
        """CREATE TABLE unsettled (
            seconds REAL NOT NULL,
            at REAL NOT NULL,
            PRIMARY KEY (seconds, at)
        ) WITHOUT ROWID""",
    ),
    # ``cells`` of all workflows together: what is drawn over time is read from few rows.
    (
        f"""CREATE TABLE joined (
            seconds REAL NOT NULL,
            at REAL NOT NULL,
            {_SPEND_KEY.removeprefix("workflow INTEGER NOT NULL,").strip()}
            tokens INTEGER NOT NULL,
            money INTEGER NOT NULL,
            {_SPEND_FIGURES}
            PRIMARY KEY (seconds, at, provider, model, service, outcome, paid, tokens, money)
        ) WITHOUT ROWID""",
        f"INSERT INTO joined ({_JOINED}, {', '.join(FIGURES)}) SELECT {_JOINED}, {_SUMS} FROM cells "
        f"GROUP BY {_JOINED}",
    ),
)
HISTORY = FileKind(
    Schema(MIGRATIONS),
    "history",
    durable=False,
    ballast=False,
    checked=False,
    # Small pages, because of every point the last one is half empty; and so that a file can shrink when
    # less is to be kept.
    layout=("PRAGMA page_size=2048", "PRAGMA auto_vacuum=INCREMENTAL"),
    prepare=("PRAGMA journal_size_limit=8000000",),
)


def strange(error: BaseException) -> str:
    """One of ``STRANGE`` in words."""
    return f"it holds what no wfmon-tui has written: {safe(str(error), limit=200)}"
