"""Who has which alert: the acks and episodes of ``acks.db``, shared by everybody on one directory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from wfmon.model.alert import Labels
from wfmon.model.episode import (
    Accepted,
    AuditEntry,
    EndedEpisode,
    EpisodeKey,
    EpisodeRecord,
    HeldAck,
    PastEpisode,
    Sighting,
)
from wfmon.model.record import replace
from wfmon.store import episodelog, normals, observing, trail
from wfmon.store.database import Database
from wfmon.store.episodelog import UNSEEN_SECONDS
from wfmon.store.errors import AckError, StoreError
from wfmon.store.paths import StateDir
from wfmon.store.rows import Row, audit_entries, in_force, one
from wfmon.store.terms import AckTerms
from wfmon.store.trusted import TrustedClock
from wfmon.store.waking import why_woken
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.store.acting import Word
    from wfmon.store.shares import Job

NAME = "acks.db"
T = TypeVar("T")


class AckStore:
    """Safe for threads; no call raises but those by which a person acts, and ``find``.

    ``lane``: whose episodes are told and observed (``Lane.name``). Acks are found in all lanes.
    """

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
        self._awake: frozenset[int] = frozenset()  # acks that woke, which could not be written
        self._clock: TrustedClock | None = None  # from the first write on, so that readers do without
        self._believed = 0.0
        self._shares: tuple[tuple[int, ...] | None, bool] = (None, False)  # as of which version
        self._taken_back: tuple[tuple[int, ...] | None, frozenset[str]] = (None, frozenset())
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

    def shares_waiting(self) -> bool:
        """Whether something is to be done about a shared ack, as of the last ``records``."""
        if self._shares[0] != self._version:
            from wfmon.store.shares import waiting

            known = self._shares[1]
            self._shares = (
                self._version,
                self._asked(lambda connection: waiting(connection, self._lane), known),
            )
        return self._shares[1]

    def taken_back(self) -> frozenset[str]:
        """The silences that were taken back lately: whoever still tells of one has not looked since."""
        if self._taken_back[0] != self._version:
            from wfmon.store.shares import taken_back

            self._taken_back = (self._version, self._asked(taken_back, self._taken_back[1]))
        return self._taken_back[1]

    def open_shares(self) -> tuple[Job, ...]:
        """The shared acks about which something is to be done, oldest first."""
        if not self.shares_waiting():
            return ()
        from wfmon.store.shares import jobs

        return self._asked(lambda connection: jobs(connection, self._lane), ())

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
        rows = self._asked(lambda connection: normals.newest(connection, self._lane), known)
        if self.readable:  # else what was known before holds until it can be asked
            self._accepted = (found, known if rows == known else rows)
        return known if rows == known else rows

    def accept(self, workflow: str, by: str, now: float, since: float) -> Accepted:
        """What ``workflow`` does now is its new normal; returns after the commit. Raises StoreError."""
        entry = Accepted(safe(workflow), min(since, now), now, safe(by))

        def work(connection: sqlite3.Connection) -> None:
            normals.add(connection, self._lane, entry)
            trail.write(connection, trail.about_workflow(entry.workflow), now, entry.by, "accept normal")

        self._database.write(work)
        return entry

    def observe(
        self,
        firing: Sequence[Sighting],
        now: float,
        ended: Mapping[EpisodeKey, float] = MappingProxyType({}),
    ) -> Mapping[EpisodeKey, EpisodeRecord]:
        """Open or continue what fires, wake who had it when it gets worse, say which acks ran out, end
        what ended, and give ``records``.

        Writes only when there is something new, or to say every 20 s that it was seen. What cannot be
        written is kept for ``ack`` and told in ``problem``; who had it is awake all the same.
        """
        self._refresh(now)
        if self._clock is not None:
            self._believed = self._clock.at(now)
        known = {row.record.key: row for row in self._rows}
        terms = self._terms
        fresh = [each for each in firing if observing.news(each, known.get(each.key), terms, now)]
        over = {
            key: at for key, at in ended.items() if key in known and observing.ends(known[key].record, at)
        }
        lapsed = [row.record.id for row in self._rows if observing.lapsed(row, now)]
        self._unstored = {}
        self._awake = frozenset(
            row.number
            for each in fresh
            if (row := known.get(each.key)) is not None and why_woken(row, each, terms.wake, now)
        )
        if (fresh or over or lapsed) and not self._read_only:
            try:
                # The reserve on a full disk is for what people do.
                self._database.write(
                    lambda connection: self._store(connection, fresh, over, lapsed, now), reserve=False
                )
                self._write_problem = None
                self._awake = frozenset()
            except StoreError as error:
                self._write_problem = error.reason
                self._unstored = {each.id: each for each in fresh}
            self._refresh(now)
        return self._view(now)

    def amend(self, past: Sequence[PastEpisode], looked_at: float, now: float) -> bool:
        """Keep what is found of the time in which nobody looked, up to ``looked_at``, when this process
        looked first; False where it cannot be written. What is there already stays, whoever found it."""
        from wfmon.store import amending

        try:
            self._database.write(
                lambda connection: amending.amend(connection, self._lane, past, self._terms, looked_at, now),
                reserve=False,
            )
        except StoreError as error:
            self._write_problem = self._write_problem if self._read_only else error.reason
            return False
        self._refresh(now)
        return True

    def ack(
        self, alert_id: str, by: str, now: float, *, seconds: float | None = None, comment: str = ""
    ) -> HeldAck:
        """Take an alert (an id or a unique prefix); returns after the commit.

        Whoever holds it already extends it. Raises Gone, Ambiguous, Held or StoreError.
        """
        until = self._until(now, self._terms.lease_seconds if seconds is None else seconds)
        return self._taken(alert_id, by, now, until, comment, snooze=False)

    def snooze(self, alert_id: str, by: str, now: float, seconds: float | None, comment: str = "") -> HeldAck:
        """Put an alert off for ``seconds`` (None: until it is resolved); it wakes early as an ack does.

        Whoever has it may put it off. Returns and raises as ``ack``.
        """
        until = None if seconds is None else self._until(now, seconds)
        return self._taken(alert_id, by, now, until, comment, snooze=True)

    def share(
        self, alert_id: str, by: str, now: float, via: str, matchers: Labels, comment: str = ""
    ) -> HeldAck:
        """Ack it unless ``by`` has it already, and ask the collector to silence ``matchers`` in the
        Alertmanager ``via``. Returns and raises as ``ack``."""
        from wfmon.store import acting

        until = self._until(now, self._terms.lease_seconds)
        said = acting.word(by, now, comment)
        return self._held(
            alert_id, now, lambda connection, row: acting.share(connection, row, said, via, matchers, until)
        )

    def unack(self, alert_id: str, by: str, now: float) -> EpisodeRecord:
        """Give an alert back, and what was shared of it; raises Gone (nobody has it), Ambiguous, Held or
        StoreError."""
        from wfmon.store import acting

        said = acting.word(by, now)
        return self._done(alert_id, now, lambda connection, row: acting.give_back(connection, row, said))

    def comment(self, alert_id: str, by: str, now: float, comment: str) -> HeldAck:
        """Set the comment of an ack that ``by`` holds; raises Gone, Ambiguous, Held or StoreError."""
        from wfmon.store import acting

        said = acting.word(by, now, comment)
        return self._held(alert_id, now, lambda connection, row: acting.comment(connection, row, said))

    def note(self, alert_id: str, by: str, now: float, text: str) -> EpisodeRecord:
        """Write to the episode, whoever has it; one that is over is found by its whole id. Returns after
        the commit; raises Gone, Ambiguous, StoreError, or AckError for an empty text."""
        from wfmon.store import acting

        said = acting.word(by, now, text, limit=acting.NOTE_LIMIT)
        return self._done(
            alert_id, now, lambda connection, row: acting.note(connection, row, said), over_too=True
        )

    def find(self, prefix: str, now: float) -> EpisodeRecord:
        """The one open episode whose id begins so; raises Gone, Ambiguous or StoreError."""
        row = self._database.read(lambda connection: self._found(connection, prefix, now))
        return replace(row.record, ack=in_force(row, now))

    def acks(self, now: float) -> tuple[HeldAck, ...]:
        """All acks and snoozes in force on open episodes, of all lanes, oldest first."""
        found: list[Row] = self._asked(lambda connection: episodelog.held(connection, now), [])
        return tuple(
            HeldAck(replace(row.record, ack=ack), ack)
            for row in found
            if (ack := in_force(row, now)) is not None
        )

    def audit(self, limit: int = 10_000) -> tuple[AuditEntry, ...]:
        """The newest entries of the trail, oldest first; empty (and ``problem``) if unreadable."""
        rows: list[tuple[object, ...]] = self._asked(lambda connection: trail.newest(connection, limit), [])
        return audit_entries(reversed(rows))

    def _until(self, now: float, seconds: float) -> float:
        if not seconds > 0:
            raise AckError("an ack needs an end in the future")
        return now + min(seconds, self._terms.max_seconds)

    def _taken(
        self, alert_id: str, by: str, now: float, until: float | None, comment: str, *, snooze: bool
    ) -> HeldAck:
        from wfmon.store import acting

        said: Word = acting.word(by, now, comment)
        return self._held(
            alert_id,
            now,
            lambda connection, row: acting.take(connection, row, said, until, snooze=snooze),
        )

    def _held(self, alert_id: str, now: float, deed: Callable[[sqlite3.Connection, Row], None]) -> HeldAck:
        """What ``deed`` made of the ack of an alert, once it is committed."""
        episode = self._done(alert_id, now, deed).id
        row = self._database.read(lambda connection: one(connection, episode))
        ack = None if row is None else in_force(row, now)
        if row is None or ack is None:
            raise StoreError("another hand undid it at once")
        return HeldAck(replace(row.record, ack=ack), ack)

    def _done(
        self,
        alert_id: str,
        now: float,
        deed: Callable[[sqlite3.Connection, Row], None],
        *,
        over_too: bool = False,
    ) -> EpisodeRecord:
        def work(connection: sqlite3.Connection) -> EpisodeRecord:
            row = self._found(connection, alert_id, now, over_too=over_too)
            deed(connection, row)
            return row.record

        return self._database.write(work)

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

    def _view(self, now: float) -> dict[EpisodeKey, EpisodeRecord]:
        """Records that nobody has are the same objects until the file changes."""
        return {
            row.record.key: row.record
            if (ack := in_force(row, now)) is None or row.number in self._awake
            else replace(row.record, ack=ack)
            for row in self._rows
            if now - (row.record.ended_at or row.record.last_seen_at) <= UNSEEN_SECONDS
        }

    def _store(
        self,
        connection: sqlite3.Connection,
        firing: Sequence[Sighting],
        over: Mapping[EpisodeKey, float],
        lapsed: Sequence[str],
        now: float,
    ) -> None:
        before = episodelog.last_moment(connection) if self._clock is None else None
        for episode in lapsed:
            observing.lapse(connection, episode, now)
        same = self._database.version_of(connection) == self._version
        known = {row.record.key: row for row in self._rows} if same else {}
        for sighting in firing:
            row = known.get(sighting.key)
            observing.see(connection, self._lane, sighting, self._terms, now, row)
        for key, at in over.items():
            observing.end(connection, self._lane, key, at, now)
        if self._clock is None:
            self._clock = TrustedClock(before)
            self._believed = self._clock.at(now)
        episodelog.tidy(connection, now, self._believed)

    def _found(
        self, connection: sqlite3.Connection, prefix: str, now: float, *, over_too: bool = False
    ) -> Row:
        """The open episode of an id or prefix, in any lane; one that could not be stored before is stored
        now. ``over_too``: or one that is over, by its whole id."""
        from wfmon.store.lookup import meant

        wanted = prefix.strip().lower()
        stored = [
            observing.see(connection, self._lane, each, self._terms, now)
            for each in self._unstored.values()
            if connection.in_transaction and wanted and each.id.startswith(wanted)
        ]
        return meant(connection, prefix, self._terms, now, also=stored, over_too=over_too)
