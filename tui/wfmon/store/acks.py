"""Who has which alert: the acks and episodes of ``acks.db``, shared by everybody on one directory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from wfmon.model.alert import Ack
from wfmon.model.episode import (
    Accepted,
    AuditEntry,
    EndedEpisode,
    EpisodeKey,
    EpisodeRecord,
    HeldAck,
    Sighting,
)
from wfmon.model.record import dataclass, replace
from wfmon.store import episodelog, normals, trail
from wfmon.store.database import Database
from wfmon.store.episodelog import UNSEEN_SECONDS, worse
from wfmon.store.errors import Ambiguous, Gone, Held, StoreError
from wfmon.store.identity import same_person
from wfmon.store.paths import StateDir
from wfmon.store.rows import Row, audit_entries, one
from wfmon.store.trusted import TrustedClock
from wfmon.text.numbers import day_clock
from wfmon.text.sanitize import safe

NAME = "acks.db"
TOUCH_SECONDS = 20.0
PEAK_STEP = 1.05  # a peak is written at once when it rises by this factor
COMMENT_LIMIT = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AckTerms:
    """``gap_seconds``: see ``EpisodeSettings``; ``lease_seconds``: how long an ack holds unless it
    says otherwise; ``max_seconds``: the longest that it may."""

    gap_seconds: float = 600.0
    lease_seconds: float = 3600.0
    max_seconds: float = 8 * 3600.0


class AckStore:
    """Safe for threads; no call but ``ack``, ``unack``, ``comment``, ``find`` and ``accept`` raises."""

    def __init__(
        self, state: StateDir, terms: AckTerms | None = None, *, read_only: bool = False, lane: str = ""
    ) -> None:
        self._state = state
        self._lane = lane
        self._terms = terms or AckTerms()
        self._database = Database(state, NAME, read_only=read_only)
        self._read_only = read_only
        self._rows: list[Row] = []  # the newest of each rule and labels
        self._read_at = 0.0
        self._version: tuple[int, ...] | None = None
        self._accepted: tuple[tuple[int, ...], Mapping[str, Accepted]] | None = None
        self._unstored: dict[str, Sighting] = {}
        self._clock: TrustedClock | None = None  # from the first write on, so that readers do without
        self._believed = 0.0
        self._read_problem: str | None = None
        self._write_problem: str | None = None

    @property
    def shared(self) -> bool:
        """Whether acks of other users would be seen."""
        return self._state.shared

    @property
    def problem(self) -> str | None:
        """Why acks cannot be saved or read now, in words; None when all is well."""
        return self._state.problem or self._write_problem or self._read_problem

    @property
    def notes(self) -> tuple[str, ...]:
        """What else a person should know of the file (set aside as corrupt, journal mode)."""
        return self._database.notes

    @property
    def readable(self) -> bool:
        """Whether the last read succeeded."""
        return self._read_problem is None

    @property
    def revision(self) -> tuple[int, ...] | None:
        """Another one when what the store holds may have changed, as of the last ``records``."""
        return self._version

    def close(self) -> None:
        self._database.close()

    def changed(self) -> bool:
        """Whether another process or an action wrote since the last ``observe`` or ``records``."""
        try:
            return self._database.version() != self._version
        except StoreError as error:
            self._read_problem = error.reason
            return False

    def records(self, now: float) -> Mapping[EpisodeKey, EpisodeRecord]:
        """The newest episode of each rule and labels that was open within a day, each with the ack in
        force at ``now``."""
        self._refresh(now)
        return self._view(now)

    def ended(self, since: float, limit: int = 200, until: float = float("inf")) -> tuple[EndedEpisode, ...]:
        """What ended after ``since`` and up to ``until``, newest end first, with everybody who ever had
        it; each with the ack that was in force when it ended."""
        return self._asked(
            lambda connection: episodelog.ended(connection, self._lane, since, limit, until), ()
        )

    def episodes_at(self, at: float) -> tuple[EpisodeRecord, ...]:
        """What was open at ``at``, oldest first, each with the ack that was in force then."""
        return self._asked(lambda connection: episodelog.open_at(connection, self._lane, at), ())

    def episodes_between(self, begin: float, end: float) -> tuple[EpisodeRecord, ...]:
        """What was open at any time from ``begin`` to ``end``, newest begin first."""
        return self._asked(lambda connection: episodelog.between(connection, self._lane, begin, end), ())

    def accepted(self) -> Mapping[str, Accepted]:
        """The newest acceptance of each workflow; the same object while nothing was written."""
        try:
            found = self._database.version()
        except StoreError as error:
            self._read_problem = error.reason
            return {} if self._accepted is None else self._accepted[1]
        before = self._accepted
        if before is not None and before[0] == found:
            return before[1]
        known: Mapping[str, Accepted] = {} if before is None else before[1]
        rows = self._asked(normals.newest, known)
        if self.readable:  # else what was known before holds until it can be asked
            self._accepted = (found, known if rows == known else rows)
        return known if rows == known else rows

    def accept(self, workflow: str, by: str, now: float, since: float) -> Accepted:
        """What ``workflow`` does now is its new normal; returns after the commit. Raises StoreError."""
        entry = Accepted(safe(workflow), min(since, now), now, safe(by))

        def work(connection: sqlite3.Connection) -> None:
            normals.add(connection, entry)
            trail.write(connection, trail.about_workflow(entry.workflow), now, entry.by, "accept normal")

        self._database.write(work)
        return entry

    def observe(
        self,
        firing: Sequence[Sighting],
        now: float,
        ended: Mapping[EpisodeKey, float] = MappingProxyType({}),
    ) -> Mapping[EpisodeKey, EpisodeRecord]:
        """Open or continue what fires, end what ended, and give ``records``.

        Writes only when there is something new, or to say every 20 s that it was seen. What cannot be
        written is kept for ``ack`` and told in ``problem``.
        """
        self._refresh(now)
        if self._clock is not None:
            self._believed = self._clock.at(now)
        known = self._latest()
        fresh = [each for each in firing if self._news(each, known.get(each.key), now)]
        over = {key: at for key, at in ended.items() if _ends(known.get(key), at)}
        self._unstored = {}
        if (fresh or over) and not self._read_only:
            try:
                # The reserve on a full disk is for what people do.
                self._database.write(
                    lambda connection: self._store(connection, fresh, over, now), reserve=False
                )
                self._write_problem = None
            except StoreError as error:
                self._write_problem = error.reason
                self._unstored = {each.id: each for each in fresh}
            self._refresh(now)
        return self._view(now)

    def ack(
        self, alert_id: str, by: str, now: float, *, seconds: float | None = None, comment: str = ""
    ) -> HeldAck:
        """Take an alert (an id or a unique prefix); returns after the commit.

        Whoever holds it already extends it. Raises Gone, Ambiguous, Held or StoreError.
        """
        length = self._terms.lease_seconds if seconds is None else seconds
        if not length > 0:
            raise Gone("an ack needs an end in the future")
        until = now + min(length, self._terms.max_seconds)
        by, comment = safe(by), safe(comment, limit=COMMENT_LIMIT)

        def work(connection: sqlite3.Connection) -> str:
            row = self._found(connection, alert_id, now)
            held = _in_force(row, now)
            _refuse_other(row, held, by, comment, now)
            text = comment or (held.comment if held else "")
            if held is not None:
                _undo(connection, row.record.id, by, now)
            connection.execute(
                "INSERT INTO acks (episode, by, at, until, until_resolved, comment) "
                "VALUES (?, ?, ?, ?, 0, ?)",
                (row.record.id, by, held.at if held else now, until, text),
            )
            trail.write(connection, trail.about(row.record), now, by, "extend" if held else "ack", text)
            return row.record.id

        return self._done(self._database.write(work), now)

    def unack(self, alert_id: str, by: str, now: float) -> EpisodeRecord:
        """Give an alert back; raises Gone (nobody has it), Ambiguous, Held or StoreError."""
        by = safe(by)

        def work(connection: sqlite3.Connection) -> EpisodeRecord:
            row = self._found(connection, alert_id, now)
            if _in_force(row, now) is None:
                raise Gone(f"{row.record.id}: nobody has it")
            _refuse_other(row, _in_force(row, now), by, "", now)
            _undo(connection, row.record.id, by, now)
            trail.write(connection, trail.about(row.record), now, by, "unack")
            return row.record

        return self._database.write(work)

    def comment(self, alert_id: str, by: str, now: float, comment: str) -> HeldAck:
        """Set the comment of an ack that ``by`` holds; raises Gone, Ambiguous, Held or StoreError."""
        by, comment = safe(by), safe(comment, limit=COMMENT_LIMIT)

        def work(connection: sqlite3.Connection) -> str:
            row = self._found(connection, alert_id, now)
            if _in_force(row, now) is None:
                raise Gone(f"{row.record.id}: nobody has it")
            _refuse_other(row, _in_force(row, now), by, comment, now)
            connection.execute(
                "UPDATE acks SET comment = ? WHERE number = "
                "(SELECT max(number) FROM acks WHERE episode = ? AND undone_at IS NULL)",
                (comment, row.record.id),
            )
            trail.write(connection, trail.about(row.record), now, by, "comment", comment)
            return row.record.id

        return self._done(self._database.write(work), now)

    def find(self, prefix: str, now: float) -> EpisodeRecord:
        """The one open episode whose id begins so; raises Gone, Ambiguous or StoreError."""
        row = self._database.read(lambda connection: self._found(connection, prefix, now))
        return replace(row.record, ack=_in_force(row, now))

    def acks(self, now: float) -> tuple[HeldAck, ...]:
        """All acks in force on open episodes, oldest first."""
        held = [
            HeldAck(record, record.ack)
            for record in self.records(now).values()
            if record.ack is not None and record.ended_at is None
        ]
        return tuple(sorted(held, key=lambda each: (each.ack.at, each.episode.id)))

    def audit(self, limit: int = 10_000) -> tuple[AuditEntry, ...]:
        """The newest entries of the trail, oldest first; empty (and ``problem``) if unreadable."""
        rows: list[tuple[object, ...]] = self._asked(lambda connection: trail.newest(connection, limit), [])
        return audit_entries(reversed(rows))

    def _done(self, episode: str, now: float) -> HeldAck:
        row = self._database.read(lambda connection: one(connection, episode))
        ack = None if row is None else _in_force(row, now)
        if row is None or ack is None:
            raise StoreError("another hand undid it at once")
        return HeldAck(replace(row.record, ack=ack), ack)

    def _asked(self, question: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        try:
            answer = self._database.read(question)
        except StoreError as error:
            self._read_problem = error.reason
            return otherwise
        self._read_problem = None
        return answer

    def _refresh(self, now: float) -> None:
        """Read the rows anew if the file changed, or the clock went back behind what was read."""
        try:
            found = self._database.version()
            if found == self._version and now >= self._read_at:
                return
            self._rows = self._database.read(
                lambda connection: episodelog.recent(connection, self._lane, now - UNSEEN_SECONDS)
            )
            self._version = found
            self._read_at = now
            self._read_problem = None
        except StoreError as error:
            self._read_problem = error.reason

    def _latest(self) -> dict[EpisodeKey, EpisodeRecord]:
        return {row.record.key: row.record for row in self._rows}

    def _view(self, now: float) -> dict[EpisodeKey, EpisodeRecord]:
        """Records that nobody has are the same objects until the file changes."""
        return {
            row.record.key: row.record if _in_force(row, now) is None else episodelog.shown(row)
            for row in self._rows
            if now - (row.record.ended_at or row.record.last_seen_at) <= UNSEEN_SECONDS
        }

    def _continues(self, record: EpisodeRecord, now: float) -> bool:
        """Whether the same rule and labels, firing now, are still this episode."""
        if record.ended_at is not None:
            return now - record.ended_at < self._terms.gap_seconds
        return now - record.last_seen_at <= UNSEEN_SECONDS

    def _news(self, sighting: Sighting, known: EpisodeRecord | None, now: float) -> bool:
        return (
            known is None
            or known.ended_at is not None
            or not self._continues(known, now)
            or known.severity is not sighting.severity
            or abs(now - known.last_seen_at) >= TOUCH_SECONDS
            or _rose(known.peak, worse(sighting.peak, sighting.value))
        )

    def _store(
        self,
        connection: sqlite3.Connection,
        firing: Sequence[Sighting],
        over: Mapping[EpisodeKey, float],
        now: float,
    ) -> None:
        before = episodelog.last_moment(connection) if self._clock is None else None
        for sighting in firing:
            self._see(connection, sighting, now)
        for key, at in over.items():
            self._end(connection, key, at, now)
        if self._clock is None:
            self._clock = TrustedClock(before)
            self._believed = self._clock.at(now)
        episodelog.tidy(connection, now, self._believed)

    def _see(self, connection: sqlite3.Connection, sighting: Sighting, now: float) -> str:
        row = episodelog.newest(connection, self._lane, sighting.key)
        before = row.record if row is not None and self._continues(row.record, now) else None
        if row is not None and before is None and row.record.ended_at is None:
            episodelog.close(connection, row.record.id, row.record.last_seen_at)
        return episodelog.see(connection, self._lane, sighting, before, now)

    def _end(self, connection: sqlite3.Connection, key: EpisodeKey, at: float, now: float) -> None:
        row = episodelog.newest(connection, self._lane, key)
        if row is None or not _ends(row.record, at):
            return
        episodelog.close(connection, row.record.id, at)
        held = _in_force(row, now)
        if held is not None:
            trail.write(connection, trail.about(row.record), at, row.signed, "resolved", held.comment)

    def _found(self, connection: sqlite3.Connection, prefix: str, now: float) -> Row:
        """The open episode of an id or prefix; one that could not be stored before is stored now."""
        wanted = prefix.strip().lower()
        unstored = [each for each in self._unstored.values() if wanted and each.id.startswith(wanted)]
        for sighting in unstored:
            if connection.in_transaction:
                self._see(connection, sighting, now)
        rows = episodelog.beginning(connection, wanted) if wanted else []
        alive = [row for row in rows if row.record.ended_at is None and self._continues(row.record, now)]
        if len(alive) > 1:
            raise Ambiguous(f"{safe(prefix)} fits {len(alive)} alerts: give more digits")
        if alive:
            return alive[0]
        if rows:
            end = rows[-1].record.ended_at or rows[-1].record.last_seen_at
            raise Gone(f"{rows[-1].record.id} is over: ended {day_clock(end, now)}")
        raise Gone(f"no open alert {safe(prefix)}")


def _in_force(row: Row, now: float) -> Ack | None:
    if row.ack is None or (row.ack.until is not None and row.ack.until <= now):
        return None
    return row.ack


def _refuse_other(row: Row, held: Ack | None, by: str, comment: str, now: float) -> None:
    if held is None or same_person(row.signed, held.comment, by, comment):
        return
    until = "it ends" if held.until is None else day_clock(held.until, now)
    raise Held(f"{row.record.id}: {held.by} has it until {until}", held)


def _ends(record: EpisodeRecord | None, at: float) -> bool:
    """Not if somebody else has seen it fire since."""
    return record is not None and record.ended_at is None and record.last_seen_at <= at


def _undo(connection: sqlite3.Connection, episode: str, by: str, now: float) -> None:
    connection.execute(
        "UPDATE acks SET undone_at = ?, undone_by = ? WHERE episode = ? AND undone_at IS NULL",
        (now, by, episode),
    )


def _rose(known: float | None, peak: float | None) -> bool:
    if known is None or peak is None:
        return peak is not None
    return peak > known * PEAK_STEP if known > 0 else peak > known
