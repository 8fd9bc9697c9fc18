"""Rows of ``acks.db`` as model objects. Another user may have written them: nothing is trusted."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeGuard

from wfmon.model.alert import Ack, Labels, Note, Severity
from wfmon.model.episode import Accepted, AuditEntry, EpisodeRecord
from wfmon.model.record import dataclass, replace
from wfmon.store.identity import shown_name
from wfmon.text.sanitize import safe


@dataclass(frozen=True, slots=True)
class AtAck:
    """What an alert was when somebody took it; None: not known."""

    severity: Severity | None = None
    value: float | None = None
    members: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An episode with one of its acks, as stored; ``signed`` is who took it, without the name that a
    comment adds, ``number`` is the ack's."""

    record: EpisodeRecord
    ack: Ack | None
    signed: str = ""
    at_ack: AtAck = AtAck()
    number: int = 0


NOTES = 50  # of an episode that are told, the newest
_NOTES_READ = 5_000
CONTRIBUTORS = 10
MEMBERS = 50  # of an episode; more are neither written nor read
_LAST_TIME = 253_402_300_799.0  # of the year 9999: no clock shows a later one
_LARGEST = 1e18
_FLAPS = 10_000
_UNIT_LIMIT = 20
_WORD_LIMIT = 200
_SHORT = 2_000  # characters of a list that is remembered
_LIST_LIMIT = 50_000  # characters of a list as it is stored
_OF_EPISODE = (
    "e.id, e.rule, e.labels, e.workflow, e.summary, e.severity, e.began_at, e.began_at_least, "
    "e.last_seen_at, e.ended_at, e.value, e.threshold, e.peak, e.n, e.failed, e.unit, e.flaps, e.worst, "
    "e.low, e.mean, e.samples, e.members, e.contributors, e.source"
)
_OF_ACK = (
    "a.number, a.by, a.at, a.until, a.until_resolved, a.comment, a.snooze, a.severity, a.value, a.members"
)
_OF_SHARE = "s.via, s.state, s.silence, s.problem, s.asked_at, s.ends_at"
_EPISODE = _OF_EPISODE.count(",") + 1
_ACK = _OF_ACK.count(",") + 1
# A silence that these rows tell of mutes the alert.
_MUTES = ("held", "releasing")
_OPEN = ("asked", *_MUTES)
# With its newest ack that was not undone, and how far that is shared.
WITH_ACK = f"SELECT {_OF_EPISODE}, {_OF_ACK}, {_OF_SHARE} FROM episodes e " + (
    "LEFT JOIN acks a ON a.number = "
    "(SELECT max(number) FROM acks WHERE episode = e.id AND undone_at IS NULL) "
    "LEFT JOIN shares s ON a.number IS NOT NULL AND s.number = "
    "(SELECT max(number) FROM shares WHERE episode = e.id) "
)


def with_ack_at(moment: str) -> str:
    """Each episode with the ack that was in force at ``moment`` (an SQL expression). An extended ack is
    several rows of one begin: the oldest that was not undone by then is what people saw."""
    return f"SELECT {_OF_EPISODE}, {_OF_ACK} FROM episodes e " + (
        f"LEFT JOIN acks a ON a.number = (SELECT min(number) FROM acks WHERE episode = e.id "
        f"AND at <= {moment} AND (undone_at IS NULL OR undone_at > {moment}) "
        f"AND (until IS NULL OR until > {moment})) "
    )


def rows(found: Iterable[Sequence[object]]) -> list[Row]:
    """In their order, without those that no version of ours can have written."""
    return [row for each in found if (row := _row(each)) is not None]


def one(connection: sqlite3.Connection, episode: str) -> Row | None:
    """The episode with this id and its newest ack."""
    found = rows(connection.execute(WITH_ACK + "WHERE e.id = ?", (episode,)))
    return found[0] if found else None


def in_force(row: Row, now: float) -> Ack | None:
    """The ack of the row, if it holds at ``now``; shared only while its silence may still be there."""
    ack = row.ack
    if ack is None or (ack.until is not None and ack.until <= now):
        return None
    if not ack.shared or ack.muted_until is None or now <= ack.muted_until:
        return ack
    words = f"the silence in {ack.via} has ended by itself"
    return replace(ack, shared=False, silence=None, muted_until=None, problem=ack.problem or words)


def is_time(value: object) -> TypeGuard[float]:
    """Whether a stored value can be a time of ours: POSIX seconds up to the year 9999."""
    return isinstance(value, int | float) and 0 <= value <= _LAST_TIME


def _row(columns: Sequence[object]) -> Row | None:
    """A row as model objects; None unless every time in it can be one of ours. Another user may have
    written it: every text is made safe again."""
    record = _record(columns[:_EPISODE])
    if record is None:
        return None
    number, by, at, until, until_resolved, comment, snooze, severity, value, members = columns[
        _EPISODE : _EPISODE + _ACK
    ]
    if not all(each is None or is_time(each) for each in (at, until)):
        return None
    if by is None or not is_time(at) or not isinstance(number, int):
        return Row(record, None)
    signed, said = safe(str(by)), safe(str(comment))
    ack = Ack(
        by=shown_name(signed, said),
        at=float(at),
        until=float(until) if is_time(until) else None,
        until_resolved=bool(until_resolved),
        comment=said,
        snooze=bool(snooze),
    )
    situation = AtAck(
        severity=_severity(severity) if isinstance(severity, int) else None,
        value=_number(value),
        members=None if members is None else words_of(members, MEMBERS),
    )
    return Row(record, _shared(ack, columns[_EPISODE + _ACK :]), signed, situation, number)


def _record(columns: Sequence[object]) -> EpisodeRecord | None:
    severity, began, seen, ended, worst = (columns[i] for i in (5, 6, 8, 9, 17))
    if not isinstance(severity, int) or not is_time(began) or not is_time(seen):
        return None
    if ended is not None and not is_time(ended):
        return None
    if ended is not None and isinstance(worst, int):
        severity = max(severity, worst)  # what is over is told as the worst it was
    return EpisodeRecord(
        id=safe(str(columns[0])),
        rule=safe(str(columns[1])),
        labels=labels_of(str(columns[2])),
        workflow=None if columns[3] is None else safe(str(columns[3])),
        summary=safe(str(columns[4])),
        severity=_severity(severity),
        began_at=float(began),
        began_at_least=bool(columns[7]),
        last_seen_at=float(seen),
        ended_at=None if ended is None else float(ended),
        value=_number(columns[10]),
        threshold=_number(columns[11]),
        peak=_number(columns[12]),
        n=_number(columns[13]),
        failed=_number(columns[14]),
        unit=safe(str(columns[15]), limit=_UNIT_LIMIT),
        flaps=_count(columns[16], _FLAPS),
        low=_number(columns[18]),
        mean=_number(columns[19]),
        samples=_count(columns[20], int(_LARGEST)),
        members=words_of(columns[21], MEMBERS),
        contributors=words_of(columns[22], CONTRIBUTORS),
        source=safe(str(columns[23]), limit=_WORD_LIMIT),
    )


def _shared(ack: Ack, columns: Sequence[object]) -> Ack:
    """``ack`` with what an Alertmanager does of it. What was given back or refused before this ack was
    taken is not about this one."""
    if not columns or columns[0] is None:
        return ack
    via, state, silence, problem, asked_at, ends_at = columns
    if state not in _OPEN and not (is_time(asked_at) and asked_at >= ack.at):
        return ack
    mutes = state in _MUTES and silence is not None
    return replace(
        ack,
        shared=mutes,
        silence=safe(str(silence), limit=_WORD_LIMIT) if mutes else None,
        via=safe(str(via), limit=_WORD_LIMIT),
        problem=None if problem is None else safe(str(problem), limit=_WORD_LIMIT),
        muted_until=float(ends_at) if mutes and is_time(ends_at) else None,
    )


def notes_of(connection: sqlite3.Connection, episodes: Iterable[str]) -> dict[str, tuple[Note, ...]]:
    """Of each of these episodes the newest notes, oldest first."""
    if connection.execute("SELECT 1 FROM notes LIMIT 1").fetchone() is None:
        return {}
    found = connection.execute(
        "SELECT episode, by, at, text FROM notes WHERE episode IN (SELECT value FROM json_each(?)) "
        "ORDER BY number DESC LIMIT ?",
        (json.dumps(list(episodes)), _NOTES_READ),
    )
    notes: dict[str, list[Note]] = {}
    for episode, by, at, text in found:
        mine = notes.setdefault(str(episode), [])
        if is_time(at) and len(mine) < NOTES:
            mine.append(Note(safe(str(by)), float(at), safe(str(text))))
    return {episode: tuple(reversed(mine)) for episode, mine in notes.items()}


def audit_entries(found: Iterable[Sequence[object]]) -> tuple[AuditEntry, ...]:
    """Of columns at, who, what, episode, rule, labels, comment, effect."""
    return tuple(
        AuditEntry(
            at=float(at),
            who=safe(str(who)),
            what=safe(str(what)),
            episode=safe(str(episode)),
            rule=safe(str(rule)),
            labels=labels_of(str(labels)),
            comment=safe(str(comment)),
            effect=safe(str(effect)),
        )
        for at, who, what, episode, rule, labels, comment, effect in found
        if is_time(at)
    )


def accepted(found: Iterable[Sequence[object]]) -> dict[str, Accepted]:
    """By workflow; of columns workflow, since, at, by."""
    return {
        name: Accepted(name, float(since), float(at), safe(str(by)))
        for workflow, since, at, by in found
        if is_time(since) and is_time(at) and (name := safe(str(workflow)))
    }


def labels_of(text: str) -> Labels:
    return _known_labels(text) if len(text) <= _SHORT else _labels(text)


def _labels(text: str) -> Labels:
    try:
        pairs = json.loads(text)
        return tuple((safe(str(name)), safe(str(value))) for name, value in pairs)
    except (ValueError, TypeError, RecursionError):
        return (("unreadable", safe(text, limit=80)),)


def words_of(text: object, most: int) -> tuple[str, ...]:
    """A stored list of short texts; empty if it is none."""
    if text == "[]" or not isinstance(text, str) or len(text) > _LIST_LIMIT:
        return ()
    return _known_words(text, most) if len(text) <= _SHORT else _words(text, most)


def _words(text: str, most: int) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if not isinstance(found, list):
        return ()
    return tuple(safe(each, limit=_WORD_LIMIT) for each in found[:most] if isinstance(each, str))


# Most rows are read again and again with the same lists.
_known_labels = lru_cache(maxsize=4096)(_labels)
_known_words = lru_cache(maxsize=4096)(_words)


def _severity(value: int) -> Severity:
    return Severity(min(max(value, Severity.INFO), Severity.CRITICAL))


def _count(value: object, most: int) -> int:
    return min(max(value, 0), most) if isinstance(value, int) else 0


def _number(value: object) -> float | None:
    if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > _LARGEST:
        return None
    return float(value)
