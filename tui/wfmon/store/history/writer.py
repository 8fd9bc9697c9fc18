"""The one hand that writes ``history.db``."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from wfmon.model.history import Batch, HistoryStatus, Role
from wfmon.model.look import Look, Target
from wfmon.store.database import Database
from wfmon.store.errors import StoreError, Superseded
from wfmon.store.history import lookrows, meta, placing
from wfmon.store.history.names import Names, stored
from wfmon.store.history.packing import TEXT_LIMIT, unpack_marks
from wfmon.store.history.records import Resumed, Written
from wfmon.store.history.schema import HISTORY, NAME, STRANGE, strange
from wfmon.store.history.settings import HOUR, HistorySettings
from wfmon.store.paths import StateDir
from wfmon.store.trusted import TrustedClock
from wfmon.text.numbers import day_clock, duration, size
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.store.history import pruning

__all__ = ["HistoryWriter", "Resumed", "Written"]

T = TypeVar("T")
TIDY_SECONDS = 60.0  # between looks at what is too old
OTHERS_SECONDS = HOUR


class HistoryWriter:
    """Used by one thread. ``begin`` comes first; then nothing is written once another has begun with a
    newer epoch. Every call but ``status`` and ``close`` raises StoreError, of it Superseded."""

    def __init__(self, state: StateDir, settings: HistorySettings) -> None:
        self._path = state.path / NAME
        self._settings = settings
        self._database = Database(state, NAME, HISTORY)
        self._names = Names()
        self._names_of: int | None = None  # the opening of the file that the names are of; None: none
        self._session: tuple[int, int, str, str, float] | None = None
        self._problem: str | None = None
        self._cuts: dict[float, str] = {}
        self._too_large: set[str] = set()
        self._bounds: tuple[float, float] | None = None
        self._clock = TrustedClock(None)
        self._tidy_at = -math.inf
        self._others_at = -math.inf

    @property
    def path(self) -> str:
        return str(self._path)

    def begin(self, epoch: int, pid: int, user: str, version: str, now: float) -> Resumed:
        """Take the file over; from where to go on."""
        session = (epoch, pid, safe(user, limit=TEXT_LIMIT), safe(version, limit=TEXT_LIMIT), now)
        self._session = session

        def work(connection: sqlite3.Connection) -> Resumed:
            self._claim(connection, now)
            return self._resumed(connection)

        resumed = self._write(work)
        self._clock = TrustedClock(self._bounds[1] if self._bounds is not None else None)
        return resumed

    def resumed(self) -> Resumed:
        """What ``begin`` answers, where that could not write: from there a collector can go on all the
        same, and what it counts can be written later."""
        try:
            return self._database.read(self._resumed)
        except STRANGE as error:
            raise StoreError(f"{NAME}: {strange(error)}") from error

    def _resumed(self, connection: sqlite3.Connection) -> Resumed:
        marks = {
            safe(str(source), limit=TEXT_LIMIT): unpack_marks(packed)
            for source, packed in connection.execute("SELECT source, packed FROM marks")
        }
        self._bounds = placing.bounds(connection)
        return Resumed(marks, lookrows.reached(connection), self._looks, self._known_hours)

    def write(self, batch: Batch) -> Written:
        """All of it, or nothing. The same batch once more counts nothing twice."""
        from wfmon.store.history.writing import Writing  # the first batch comes after the first screen

        def work(connection: sqlite3.Connection) -> Written:
            self._claim(connection, batch.at)
            self._load_names(connection)
            written = Writing(connection, self._names, self._settings, batch).all(self._too_large.add)
            self._bounds = placing.bounds(connection)
            return written

        return self._write(work)

    def tidy(self, now: float) -> None:
        """Drop a little of what is too old or too much."""
        if 0 <= now - self._tidy_at < TIDY_SECONDS:
            return
        from wfmon.store.history import pruning

        hourly = not 0 <= now - self._others_at < OTHERS_SECONDS
        believed = self._clock.at(now)
        beside = _size(self._path, "-wal", "-shm")

        def work(connection: sqlite3.Connection) -> bool:
            self._claim(connection, None)
            more = pruning.by_age(connection, self._settings, believed)
            if hourly:
                pruning.others(connection, self._settings, believed)
            cuts = pruning.by_size(connection, self._settings, beside)
            for cut in cuts or ():
                self._cuts[cut.tier.seconds] = self._told(cut, now)
            self._bounds = placing.bounds(connection)
            return more or cuts is not None

        more = self._write(work)
        if hourly:
            self._names_of = None  # some may be gone
        self._database.read(lambda connection: pruning.shrink(connection, self._settings))
        self._tidy_at = -math.inf if more else now
        self._others_at = now if hourly else self._others_at

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of the file."""
        notes = [*self._database.notes, *self._cuts.values(), *sorted(self._too_large)]
        if self._names.full:
            notes.append("more names than are kept: new ones are left out")
        return tuple(notes)

    def status(self, now: float) -> HistoryStatus:
        """Never raises. The bytes are those on the disk, with what SQLite holds beside the file."""
        oldest, newest = self._bounds or (None, None)
        return HistoryStatus(
            path=str(self._path),
            size_bytes=_size(self._path, "", "-wal", "-shm", "-journal"),
            limit_bytes=self._settings.max_bytes,
            oldest=oldest,
            newest=newest,
            problem=self._problem,
            notes=self.notes,
            tiers=self._settings.tiers,
        )

    def close(self) -> None:
        self._database.close()

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction."""
        try:
            result = self._database.write(work, reserve=False)
        except STRANGE as error:
            self._names_of = None  # what was rolled back is not known any more
            self._problem = f"{NAME}: {strange(error)}"
            raise StoreError(self._problem) from error
        except StoreError as error:
            self._names_of = None
            self._problem = error.reason
            raise
        self._problem = None
        return result

    def _load_names(self, connection: sqlite3.Connection) -> None:
        """Those of the file that is open now."""
        if self._names_of != self._database.opened:
            self._names.load(connection)
        self._names_of = self._database.opened

    def _claim(self, connection: sqlite3.Connection, now: float | None) -> None:
        """Refuse if another has begun since; in a new file, begin."""
        if self._session is None:
            raise StoreError("nobody has begun to write")
        epoch, pid, user, version, began = self._session
        newest = meta.whole(connection, meta.EPOCH)
        if newest is not None and newest > epoch:
            raise Superseded(f"another collector has taken over (epoch {newest}, this is {epoch})")
        if newest is None or newest < epoch:
            meta.put(connection, meta.EPOCH, epoch)
        if now is not None:
            connection.execute(
                "INSERT INTO sessions (epoch, pid, user, version, begin, last_seen) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET last_seen = max(last_seen, ?)",
                (epoch, pid, user, version, began, now, now),
            )

    def _looks(self, target: Target, now: float) -> tuple[Look, ...]:
        """None where they cannot be read: what they would tell is then not known."""
        try:
            return self._database.read(
                lambda connection: lookrows.read(connection, target, now, self._settings.looks)
            )
        except StoreError as error:
            self._problem = error.reason
            return ()

    def _known_hours(self, source: str) -> frozenset[float]:
        from wfmon.store.history import coverage, sums

        def read(connection: sqlite3.Connection) -> frozenset[float]:
            rows = connection.execute(
                "SELECT at, spans FROM watched WHERE source = (SELECT id FROM names WHERE name = ?) "
                "AND role = (SELECT id FROM names WHERE name = ?)",
                (stored(source), Role.METRICS.value),
            )
            return frozenset(
                at for at, spans in rows if coverage.seconds(coverage.unpacked(spans, at)) >= sums.WHOLE
            )

        try:
            return self._database.read(read)
        except StoreError as error:
            self._problem = error.reason
            return frozenset()

    def _told(self, cut: pruning.Cut, now: float) -> str:
        full = f"{NAME} has its {size(self._settings.max_bytes)}"
        if cut.since is None:
            return f"{full}, and no more points that can be spared"
        kept, meant = duration(max(0.0, now - cut.since)), duration(cut.tier.keep)
        since = day_clock(cut.since, now)
        return f"{full}: points of {duration(cut.tier.seconds)} are kept since {since}, {kept} of {meant}"


def _size(path: Path, *tails: str) -> int:
    """Bytes of the files; one that is not there has none."""
    total = 0
    for tail in tails:
        with contextlib.suppress(OSError):
            total += path.with_name(path.name + tail).stat().st_size
    return total
