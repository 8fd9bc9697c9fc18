"""The append-only trail of ``acks.db``: who did what to which episode, and when."""

from __future__ import annotations

import json
import sqlite3

from wfmon.model.episode import EpisodeRecord
from wfmon.model.record import dataclass

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class About:
    """What an entry is about; ``labels`` as JSON. Not every entry is about an episode."""

    labels: str
    episode: str = ""
    rule: str = ""


def about(record: EpisodeRecord) -> About:
    return About(json.dumps(record.labels), record.id, record.rule)


def about_workflow(name: str) -> About:
    return About(json.dumps([["workflow", name]]))


def write(
    connection: sqlite3.Connection,
    what_of: About,
    at: float,
    who: str,
    what: str,
    comment: str = "",
    effect: str = LOCAL,
) -> None:
    """``effect``: the silence that it set or took back, if it was not of this store alone."""
    connection.execute(
        "INSERT INTO audit (at, who, what, episode, rule, labels, comment, effect) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (at, who, what, what_of.episode, what_of.rule, what_of.labels, comment, effect),
    )


def newest(connection: sqlite3.Connection, limit: int) -> list[tuple[object, ...]]:
    """The newest entries as they are stored, newest first: at, who, what, episode, rule, labels,
    comment, effect."""
    return connection.execute(
        "SELECT at, who, what, episode, rule, labels, comment, effect FROM audit "
        "ORDER BY number DESC LIMIT ?",
        (limit,),
    ).fetchall()
