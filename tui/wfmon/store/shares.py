"""Shared acks in ``acks.db``: what people asked for, and how far the collector has come with it.

``ask`` and ``release`` belong into the transaction of the ack or of its undoing. All else is done by whoever
talks to the Alertmanager, step by step, so that another process can go on from any of them: what it is
about to set is written (``intend``) before it is set. A step that finds the row changed by somebody else
does nothing.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from wfmon.model.alert import Ack, Labels
from wfmon.model.episode import EpisodeRecord
from wfmon.model.foreign import Silence
from wfmon.model.record import dataclass
from wfmon.model.share import Share, ShareState
from wfmon.store import trail
from wfmon.store.database import Database
from wfmon.store.rows import is_time, labels_of, one
from wfmon.text.sanitize import safe

WFMON = "wfmon"
LIMIT = 1000  # rows that are worked on at once
_TEXT_LIMIT = 200
_SILENCE_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_COLUMNS = (
    "number, episode, via, matchers, by, asked_at, state, silence, ends_at, updated_at, wanted_end, problem"
)
_OPEN = "('asked', 'held', 'releasing')"


@dataclass(frozen=True, slots=True)
class Job:
    """A share about which something is to be done. ``ack`` is the newest that was not undone, whether or not
    it has expired."""

    share: Share
    record: EpisodeRecord
    ack: Ack | None


def ask(connection: sqlite3.Connection, episode: str, via: str, matchers: Labels, by: str, now: float) -> int:
    """Have an ack shared; gives the number of the row. One that is shared already stays as it is; one that is
    being released is asked for anew."""
    found = connection.execute(
        f"SELECT number FROM shares WHERE episode = ? AND state IN {_OPEN}", (episode,)
    ).fetchone()
    if found is not None:
        connection.execute(
            "UPDATE shares SET state = 'asked', by = ?, asked_at = ?, problem = NULL "
            "WHERE number = ? AND state = 'releasing'",
            (by, now, found[0]),
        )
        return int(found[0])
    added = connection.execute(
        "INSERT INTO shares (episode, via, matchers, by, asked_at, state) VALUES (?, ?, ?, ?, ?, 'asked')",
        (episode, via, json.dumps(matchers), by, now),
    )
    return int(added.lastrowid or 0)


def release(connection: sqlite3.Connection, episode: str) -> None:
    """The ack is over: what is shared of it is to be taken back."""
    connection.execute(
        "UPDATE shares SET state = 'releasing', problem = NULL WHERE episode = ? "
        "AND state IN ('asked', 'held')",
        (episode,),
    )


def waiting(connection: sqlite3.Connection, lane: str) -> bool:
    """Whether anything is to be done about a share of ``lane``."""
    found = connection.execute(
        f"SELECT 1 FROM shares s JOIN episodes e ON e.id = s.episode "
        f"WHERE s.state IN {_OPEN} AND e.lane = ? LIMIT 1",
        (lane,),
    )
    return found.fetchone() is not None


def taken_back(connection: sqlite3.Connection) -> frozenset[str]:
    """The silences that were taken back last."""
    found = connection.execute(
        "SELECT silence FROM shares WHERE state = 'released' AND silence IS NOT NULL "
        "ORDER BY number DESC LIMIT ?",
        (LIMIT,),
    )
    return frozenset(silence for (silence,) in found if isinstance(silence, str))


def jobs(connection: sqlite3.Connection, lane: str) -> tuple[Job, ...]:
    """All open shares of ``lane``, oldest first, without those that no version of ours can have written."""
    columns = ", ".join(f"s.{name.strip()}" for name in _COLUMNS.split(","))
    found = connection.execute(
        f"SELECT {columns} FROM shares s JOIN episodes e ON e.id = s.episode "
        f"WHERE s.state IN {_OPEN} AND e.lane = ? ORDER BY s.number LIMIT ?",
        (lane, LIMIT),
    ).fetchall()
    made = []
    for share in _shares(found):
        row = one(connection, share.episode)
        if row is not None:
            made.append(Job(share, row.record, row.ack))
    return tuple(made)


class ShareBook:
    """The rows, for whoever does what they ask for; every call raises StoreError. Safe for threads.

    ``clock`` gives POSIX seconds for the audit trail.
    """

    def __init__(self, database: Database, clock: Callable[[], float], lane: str = "") -> None:
        self._database = database
        self._clock = clock
        self._lane = lane

    def jobs(self) -> tuple[Job, ...]:
        return self._database.read(lambda connection: jobs(connection, self._lane))

    def intend(self, share: Share, wanted_end: float) -> bool:
        """A silence is about to be given this end (by its server's clock); False: the row has changed, it
        must not."""

        def work(connection: sqlite3.Connection) -> bool:
            done = connection.execute(
                "UPDATE shares SET wanted_end = ? WHERE number = ? AND state = ? AND wanted_end IS ?",
                (wanted_end, share.number, share.state.value, share.wanted_end),
            )
            return done.rowcount == 1

        return self._database.write(work)

    def hold(self, job: Job, silence: Silence, ends_at: float) -> None:
        """``silence`` is there as we want it, until ``ends_at`` by our clock. Where somebody has given the
        ack back meanwhile, it is known what to take back."""
        share = job.share
        extends = share.state is ShareState.HELD and share.silence == silence.id

        def work(connection: sqlite3.Connection) -> None:
            changed = connection.execute(
                "UPDATE shares SET silence = ?1, ends_at = ?2, updated_at = ?3, wanted_end = NULL, "
                "problem = NULL, state = CASE state WHEN 'asked' THEN 'held' ELSE state END "
                f"WHERE number = ?4 AND state IN {_OPEN} AND "
                "(silence IS NOT ?1 OR updated_at IS NOT ?3 OR wanted_end IS NOT NULL OR problem IS NOT NULL "
                "OR state = 'asked')",
                (silence.id, ends_at, silence.updated_at, share.number),
            )
            if changed.rowcount and share.updated_at != silence.updated_at:
                what, who = ("extend share", WFMON) if extends else ("share", share.by)
                self._note(connection, job, who, what, silence.comment, silence.id)

        self._database.write(work)

    def ask_again(self, job: Job, problem: str) -> None:
        """The Alertmanager has forgotten the silence: it is to be set anew."""
        self._change(
            job,
            "state = 'asked', silence = NULL, updated_at = NULL, wanted_end = NULL, problem = ?",
            (problem,),
            "share anew",
            problem,
        )

    def end(self, job: Job, state: ShareState, problem: str | None, silence: str | None = None) -> None:
        """``state`` is one that is over; ``silence`` what was taken back, if anything."""
        what = {ShareState.RELEASED: "unshare", ShareState.LOST: "share lost"}.get(state, "share refused")
        self._change(
            job,
            "state = ?, wanted_end = NULL, problem = ?",
            (state.value, problem),
            what,
            problem or "",
            silence,
        )

    def tell(self, share: Share, problem: str) -> None:
        """Why it is not as it was asked for, until the next step that goes well."""
        if share.problem == problem:
            return
        self._database.write(
            lambda connection: (
                connection.execute(
                    "UPDATE shares SET problem = ? WHERE number = ? AND state = ?",
                    (problem, share.number, share.state.value),
                ).rowcount
            )
        )

    def close(self) -> None:
        self._database.close()

    def _change(
        self,
        job: Job,
        assignments: str,
        values: Sequence[object],
        what: str,
        said: str,
        silence: str | None = None,
    ) -> None:
        def work(connection: sqlite3.Connection) -> None:
            changed = connection.execute(
                f"UPDATE shares SET {assignments} WHERE number = ? AND state = ?",
                (*values, job.share.number, job.share.state.value),
            )
            if changed.rowcount:
                self._note(connection, job, WFMON, what, said, silence or job.share.silence)

        self._database.write(work)

    def _note(
        self, connection: sqlite3.Connection, job: Job, who: str, what: str, said: str, silence: str | None
    ) -> None:
        trail.write(
            connection, trail.about(job.record), self._clock(), who, what, said, effect=silence or trail.LOCAL
        )


def _shares(found: Iterable[Sequence[object]]) -> Iterable[Share]:
    """Another user may have written them: every text is made safe, and a number that cannot be ours makes
    the row none of ours."""
    for columns in found:
        number, episode, via, matchers, by, asked_at, state, silence, ends_at, updated_at, wanted, problem = (
            columns
        )
        times = (ends_at, updated_at, wanted)
        if not isinstance(number, int) or not is_time(asked_at) or state not in _STATES:
            continue
        if not all(each is None or is_time(each) for each in times):
            continue
        yield Share(
            number=number,
            episode=safe(str(episode), limit=_TEXT_LIMIT),
            via=safe(str(via), limit=_TEXT_LIMIT),
            matchers=labels_of(str(matchers)),
            by=safe(str(by), limit=_TEXT_LIMIT),
            asked_at=float(asked_at),
            state=_STATES[str(state)],
            silence=silence if isinstance(silence, str) and _SILENCE_ID.fullmatch(silence) else None,
            ends_at=_time(ends_at),
            updated_at=_time(updated_at),
            wanted_end=_time(wanted),
            problem=None if problem is None else safe(str(problem), limit=_TEXT_LIMIT),
        )


_STATES = {state.value: state for state in ShareState}


def _time(value: object) -> float | None:
    return float(value) if is_time(value) else None
