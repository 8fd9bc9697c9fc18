"""What goes: what is older than it is to be kept, and the finest points where the file is too large.

Points go in whole buckets of the next coarser ones, and only when those are made. Every call does a
little, so that no write waits for long.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence

from wfmon.model.history import Tier
from wfmon.model.record import dataclass
from wfmon.store.history import lookrows, meta, placing
from wfmon.store.history.settings import DAY, HOUR, HistorySettings

STEP = 500  # points of one tier in one call, more or less
MOST_STATES = 50_000
MOST_CHANGES = 50_000
VACUUM_PAGES = 2000
LOST_KEEP = DAY  # for which a run that was given up as lost, and left the ring, is known again when it ends
TOLD_KEEP = 8 * DAY  # for which what each source told of an hour is kept apart
# Where the file is too large, so much is made free that it is not again in the next minute.
ROOM = 0.97
# What of each tier stays in any case, in buckets of the next coarser one.
LEAST_BUCKETS = 2


@dataclass(frozen=True, slots=True)
class Cut:
    """Points of ``tier`` begin at ``since`` because of the bound, not of their age. None: not a single
    one could be spared."""

    tier: Tier
    since: float | None


def by_age(connection: sqlite3.Connection, settings: HistorySettings, now: float) -> bool:
    """Whether there is more to do."""
    more = False
    known = placing.distances(connection)
    for seconds in known:
        cut = _aligned(connection, settings.tiers, seconds, now - _keep(settings.tiers, seconds))
        step = _a_step(connection, settings.tiers, seconds)
        more = (step is not None and step < cut) or more
        _drop_points(connection, seconds, cut if step is None else min(cut, step))
    return _drop_hours(connection, settings, now) or more


def others(connection: sqlite3.Connection, settings: HistorySettings, now: float) -> None:
    """Rows beside points and sums; once an hour is often enough."""
    oldest = now - settings.longest
    connection.execute("DELETE FROM watched WHERE at < ?", (oldest,))
    connection.execute("DELETE FROM changes WHERE at < ?", (oldest,))
    connection.execute("DELETE FROM sessions WHERE last_seen < ?", (oldest,))
    connection.execute(
        "DELETE FROM changes WHERE at < (SELECT at FROM changes ORDER BY at DESC LIMIT 1 OFFSET ?)",
        (MOST_CHANGES,),
    )
    late = connection.execute(
        "SELECT at FROM states ORDER BY at DESC LIMIT 1 OFFSET ?", (MOST_STATES,)
    ).fetchone()
    connection.execute(
        "DELETE FROM states WHERE at < ? AND at < "
        "(SELECT max(at) FROM states AS newer WHERE newer.source = states.source)",
        (max(oldest, late[0] if late else oldest),),
    )
    connection.execute("DELETE FROM lost WHERE ended_at < ?", (now - LOST_KEEP,))
    _drop_spending(connection, settings, now)
    lookrows.forget(connection, now - settings.looks.oldest - DAY)
    connection.execute(
        "DELETE FROM names WHERE used < ? AND id NOT IN (SELECT workflow FROM runs) "
        "AND id NOT IN (SELECT source FROM runs) AND id NOT IN (SELECT workflow FROM lost) "
        "AND id NOT IN (SELECT source FROM lost) AND id NOT IN (SELECT subject FROM hours) "
        "AND id NOT IN (SELECT source FROM hours) AND id NOT IN (SELECT source FROM watched) "
        "AND id NOT IN (SELECT source FROM states) "
        + "".join(
            f"AND id NOT IN (SELECT {column} FROM {table}) "
            for table in ("spend", "cells")
            for column in ("workflow", "provider", "model", "service")
        )
        + "AND id NOT IN (SELECT source FROM spend) AND id NOT IN (SELECT workflow FROM counts)",
        (oldest - DAY,),
    )


def by_size(connection: sqlite3.Connection, settings: HistorySettings, beside: int) -> list[Cut] | None:
    """Drop the finest points that can be spared while the file, with ``beside`` bytes of others, is
    larger than it may be. What was cut; None where all is well."""
    room = settings.max_bytes - beside
    if _used(connection) <= room:
        return None
    cuts: list[Cut] = []
    for finer, tier in itertools.pairwise((*settings.tiers, Tier(DAY, settings.longest))):
        newest = _bound(connection, finer.seconds, "max")
        if newest is None:
            continue
        most = min(
            newest // tier.seconds * tier.seconds - LEAST_BUCKETS * tier.seconds,
            _aligned(connection, settings.tiers, finer.seconds, newest),
        )
        dropped = 0
        while dropped < 4 * STEP and _used(connection) > ROOM * room:
            oldest = _bound(connection, finer.seconds, "min")
            if oldest is None or oldest >= most:
                break
            until = min(most, oldest // tier.seconds * tier.seconds + max(tier.seconds, HOUR))
            dropped += _drop_points(connection, finer.seconds, until)
        if dropped:
            cuts.append(Cut(finer, _bound(connection, finer.seconds, "min")))
        if dropped >= 4 * STEP or _used(connection) <= ROOM * room:
            return cuts
    return [*cuts, Cut(settings.tiers[-1], None)]


def shrink(connection: sqlite3.Connection, settings: HistorySettings) -> None:
    """Give pages back that a lowered bound has made free; only outside of a transaction."""
    pages, size = _pragma(connection, "page_count"), _pragma(connection, "page_size")
    if pages * size > settings.max_bytes and _pragma(connection, "freelist_count"):
        # Every page is a step, and ``execute`` takes only the first of a statement without columns.
        connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")


def _keep(tiers: Sequence[Tier], seconds: float) -> float:
    """Points of a distance that is not set any more are kept like the next finer ones that are."""
    finer = [tier for tier in tiers if tier.seconds <= seconds]
    return finer[-1].keep if finer else tiers[0].keep


def _aligned(connection: sqlite3.Connection, tiers: Sequence[Tier], seconds: float, cut: float) -> float:
    """The begin of the coarser bucket that holds ``cut``, not beyond what still has to be rolled up."""
    coarser = next((tier.seconds for tier in tiers if tier.seconds > seconds), None)
    if coarser is None:
        return cut
    waiting = connection.execute("SELECT min(at) FROM pending WHERE seconds = ?", (coarser,)).fetchone()[0]
    aligned = cut // coarser * coarser
    return aligned if waiting is None else min(aligned, float(waiting))


def _a_step(connection: sqlite3.Connection, tiers: Sequence[Tier], seconds: float) -> float | None:
    """The end of some ``STEP`` oldest points, in whole coarser buckets; None where there are fewer."""
    row = connection.execute(
        "SELECT at FROM points WHERE seconds = ? ORDER BY at LIMIT 1 OFFSET ?", (seconds, STEP)
    ).fetchone()
    if row is None:
        return None
    coarser = next((tier.seconds for tier in tiers if tier.seconds > seconds), seconds)
    return float((row[0] // coarser + 1) * coarser)


def _drop_points(connection: sqlite3.Connection, seconds: float, before: float) -> int:
    return connection.execute("DELETE FROM points WHERE seconds = ? AND at < ?", (seconds, before)).rowcount


def _drop_hours(connection: sqlite3.Connection, settings: HistorySettings, now: float) -> bool:
    """Sums by source that are in the hour points; whether there may be more."""
    longest = max((tier.seconds for tier in settings.tiers if tier.seconds % HOUR == 0), default=HOUR)
    cut = (now - settings.hours_keep) // longest * longest
    waiting = connection.execute("SELECT min(at) FROM pending WHERE seconds >= ?", (HOUR,)).fetchone()[0]
    if waiting is not None:
        cut = min(cut, float(waiting))
    oldest = connection.execute("SELECT min(at) FROM hours").fetchone()[0]
    if oldest is None or oldest >= cut:
        return False
    until = min(cut, (oldest // longest + 24) * longest)
    connection.execute("DELETE FROM hours WHERE at < ?", (until,))
    before = meta.number(connection, meta.HOURS_FROM)
    meta.put(connection, meta.HOURS_FROM, until if before is None else max(before, until))
    return True


def _drop_spending(connection: sqlite3.Connection, settings: HistorySettings, now: float) -> None:
    """What sources tell goes once it is settled and no longer likely to change, hours as other sums of
    hours do, days last."""
    connection.execute(
        "DELETE FROM spend WHERE at < ? AND at NOT IN (SELECT at FROM unsettled WHERE seconds = ?)",
        (now - min(TOLD_KEEP, settings.hours_keep), HOUR),
    )
    for table in ("cells", "joined", "counts", "settled"):
        for seconds, keep in ((HOUR, settings.hours_keep), (DAY, settings.days_keep)):
            connection.execute(f"DELETE FROM {table} WHERE seconds = ? AND at < ?", (seconds, now - keep))


def _bound(connection: sqlite3.Connection, seconds: float, which: str) -> float | None:
    row = connection.execute(f"SELECT {which}(at) FROM points WHERE seconds = ?", (seconds,)).fetchone()
    return None if row[0] is None else float(row[0])


def _used(connection: sqlite3.Connection) -> int:
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
