"""What a person does with an alert, in ``acks.db``: take it, put it off, give it back, write to it.

All take a connection and expect to be inside a transaction, with the row of the alert as it is in there.
"""

from __future__ import annotations

import json
import sqlite3

from wfmon.model.alert import Ack, Labels
from wfmon.model.record import dataclass
from wfmon.store import observing, shares, trail
from wfmon.store.errors import AckError, Gone, Held
from wfmon.store.identity import same_person
from wfmon.store.rows import MEMBERS, Row, in_force
from wfmon.text.numbers import day_clock
from wfmon.text.sanitize import safe

COMMENT_LIMIT = 500
NOTE_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Word:
    """Who acts, what that person says to it, and when (POSIX seconds). Safe to show."""

    by: str
    now: float
    text: str = ""


def word(by: str, now: float, text: str = "", *, limit: int = COMMENT_LIMIT) -> Word:
    return Word(safe(by), now, safe(text.strip(), limit=limit))


def take(connection: sqlite3.Connection, row: Row, said: Word, until: float | None, *, snooze: bool) -> None:
    """Ack or snooze it, from what it is now on; whoever has it already extends it. Raises Held."""
    held = in_force(row, said.now)
    _refuse_other(row, held, said)
    if held is None:
        observing.lapse(connection, row.record.id, said.now)
    else:
        undo(connection, row.record.id, said.by, said.now)
    goes_on = held is not None and held.snooze is snooze
    text = said.text or (held.comment if held else "")
    record = row.record
    connection.execute(
        "INSERT INTO acks (episode, by, at, until, until_resolved, comment, snooze, severity, value, "
        "members) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            record.id,
            said.by,
            held.at if held is not None and goes_on else said.now,
            until,
            int(until is None),
            text,
            int(snooze),
            int(record.severity),
            record.value,
            json.dumps(record.members[:MEMBERS]),
        ),
    )
    what = "extend" if goes_on and not snooze else "snooze" if snooze else "ack"
    trail.write(connection, trail.about(record), said.now, said.by, what, text)


def give_back(connection: sqlite3.Connection, row: Row, said: Word) -> None:
    """Also what is shared of it. Raises Gone (nobody has it) or Held."""
    held = _held(row, said)
    undo(connection, row.record.id, said.by, said.now)
    shares.release(connection, row.record.id)
    trail.write(
        connection, trail.about(row.record), said.now, said.by, "unsnooze" if held.snooze else "unack"
    )


def comment(connection: sqlite3.Connection, row: Row, said: Word) -> None:
    """Of the ack that ``said.by`` has; raises Gone or Held."""
    _held(row, said)
    connection.execute("UPDATE acks SET comment = ? WHERE number = ?", (said.text, row.number))
    trail.write(connection, trail.about(row.record), said.now, said.by, "comment", said.text)


def note(connection: sqlite3.Connection, row: Row, said: Word) -> None:
    """To the episode, whoever has it."""
    if not said.text:
        raise AckError("a note needs a text")
    connection.execute(
        "INSERT INTO notes (episode, by, at, text) VALUES (?, ?, ?, ?)",
        (row.record.id, said.by, said.now, said.text),
    )
    trail.write(connection, trail.about(row.record), said.now, said.by, "note", said.text)


def share(
    connection: sqlite3.Connection, row: Row, said: Word, via: str, matchers: Labels, until: float
) -> None:
    """Have it muted by the Alertmanager ``via`` too. Whoever has it keeps it as it is, nobody's is acked
    until ``until``. Raises Held."""
    held = in_force(row, said.now)
    if held is None:
        take(connection, row, said, until, snooze=False)
    elif said.text:
        comment(connection, row, said)
    else:
        _refuse_other(row, held, said)
    shares.ask(connection, row.record.id, via, matchers, said.by, said.now)
    trail.write(
        connection, trail.about(row.record), said.now, said.by, "ask to share", said.text, f"asked {via}"
    )


def undo(connection: sqlite3.Connection, episode: str, by: str, now: float) -> None:
    connection.execute(
        "UPDATE acks SET undone_at = ?, undone_by = ? WHERE episode = ? AND undone_at IS NULL",
        (now, by, episode),
    )


def _held(row: Row, said: Word) -> Ack:
    held = in_force(row, said.now)
    if held is None:
        raise Gone(f"{row.record.id}: nobody has it")
    _refuse_other(row, held, said)
    return held


def _refuse_other(row: Row, held: Ack | None, said: Word) -> None:
    if held is None or same_person(row.signed, held.comment, said.by, said.text):
        return
    until = "it ends" if held.until is None else day_clock(held.until, said.now)
    raise Held(f"{row.record.id}: {held.by} has it until {until}", held)
