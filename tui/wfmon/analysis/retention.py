"""How far back logs and metrics reach, held against how far they should.

Too short is only what is known to be: data that was there is gone, or a setting says that it will go. A
young system that has deleted nothing is not too short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfmon.analysis.words import age
from wfmon.model.history import HistoryStatus
from wfmon.model.record import dataclass, replace
from wfmon.model.retention import Keeps, Kept, Retention
from wfmon.model.settings import RetentionSettings

DAY = 86400.0
OWN = "history"  # what wfmon-tui keeps itself
MOVED = 600.0  # the oldest line is another one when it is this much younger
MOST_OF_A_DAY = 0.8  # must lie between two sizes before a growth per day is told
REACHED = 0.95  # of a limit: a server deletes whole blocks, a little before or behind it


@dataclass(frozen=True, slots=True)
class KeptPast:
    """What was seen of one subject before now.

    ``oldest_at``: the oldest line or sample that was ever there. ``bytes``: what it took at ``seen_at``,
    about a day ago. ``deleted_at``: when older data was last seen to be gone. ``anchor``: what was the
    oldest since then.
    """

    seen_at: float
    oldest_at: float | None = None
    bytes: float | None = None
    deleted_at: float | None = None
    anchor: float | None = None


def looked(past: KeptPast, at: float, oldest: float | None, slack: float = 0.0) -> KeptPast:
    """``past`` with one more look, later than all before it.

    ``oldest``: what was the oldest at ``at``; it may be up to ``slack`` seconds younger than said. Only
    what surely moved on was deleted.
    """
    if oldest is None:
        return past
    latest = oldest + slack
    if past.anchor is None:
        return replace(past, oldest_at=_older(past.oldest_at, latest), anchor=latest)
    if oldest > past.anchor + MOVED:
        return replace(past, deleted_at=at, anchor=latest)
    return replace(past, oldest_at=_older(past.oldest_at, latest), anchor=min(past.anchor, latest))


def _older(one: float | None, other: float) -> float:
    return other if one is None else min(one, other)


def retained(
    kept: Sequence[Kept],
    past: Mapping[str, KeptPast],
    wanted: RetentionSettings,
    now: float,
    history: HistoryStatus | None = None,
) -> tuple[Retention, ...]:
    """One per subject, in the order of ``kept``; ``history``, our own points, last. ``past`` by subject."""
    seen = [*kept, *([_own(history, wanted)] if history is not None else [])]
    return tuple(_retention(each, past.get(each.subject), _needed(each.keeps, wanted), now) for each in seen)


def _own(history: HistoryStatus, wanted: RetentionSettings) -> Kept:
    return Kept(
        subject=OWN,
        keeps=Keeps.METRICS,
        oldest_at=history.oldest,
        limit_seconds=wanted.history_seconds,
        bytes=history.size_bytes,
        problem=history.problem,
    )


def _needed(keeps: Keeps, wanted: RetentionSettings) -> float:
    return {
        Keeps.PRODUCTION_LOGS: wanted.production_seconds,
        Keeps.DEBUG_LOGS: wanted.debug_seconds,
        Keeps.METRICS: wanted.metrics_seconds,
    }[keeps]


def _retention(kept: Kept, past: KeptPast | None, needed: float, now: float) -> Retention:
    reach = None if kept.oldest_at is None else max(0.0, now - kept.oldest_at)
    found = Retention(
        subject=kept.subject,
        keeps=kept.keeps,
        needed_seconds=needed,
        reach_seconds=reach,
        limit_seconds=kept.limit_seconds,
        oldest_at=kept.oldest_at,
        lost_before=kept.oldest_at if reach is not None and _lost(kept, past, reach, needed) else None,
        bytes=kept.bytes,
        bytes_per_day=_growth(kept, past, now),
        problem=kept.problem,
    )
    limited = kept.limit_seconds is not None and kept.limit_seconds < needed
    gone = found.lost_before is not None and reach is not None and reach < needed
    return replace(
        found, short=limited or gone, words=_words(found, _gone_at(past, now), now, chosen=kept.chosen)
    )


def _lost(kept: Kept, past: KeptPast | None, reach: float, needed: float) -> bool:
    """Whether older data was there: it was seen, or a limit has been reached."""
    limit = kept.limit_seconds
    if limit is not None and reach >= (REACHED * limit if limit < needed else limit):
        return True
    return past is not None and not kept.chosen and (past.deleted_at is not None or _moved(kept, past))


def _moved(kept: Kept, past: KeptPast) -> bool:
    return (
        kept.oldest_at is not None and past.oldest_at is not None and kept.oldest_at > past.oldest_at + MOVED
    )


def _gone_at(past: KeptPast | None, now: float) -> float | None:
    """When it was last seen that older data is gone; None: that was not seen, or when is not known."""
    return None if past is None or past.deleted_at is None else min(past.deleted_at, now)


def _growth(kept: Kept, past: KeptPast | None, now: float) -> float | None:
    """Bytes that a day brings; not known where something was deleted meanwhile."""
    if past is None or past.bytes is None or kept.bytes is None:
        return None
    days = (now - past.seen_at) / DAY
    gone = past.deleted_at is not None and past.deleted_at >= past.seen_at
    if days < MOST_OF_A_DAY or gone or kept.bytes < past.bytes:
        return None
    return (kept.bytes - past.bytes) / days


def _words(found: Retention, gone_at: float | None, now: float, *, chosen: bool) -> str:
    """One short line; the numbers are in days where they can be."""
    reach, limit, need = found.reach_seconds, found.limit_seconds, found.needed_seconds
    limited = limit is not None and limit < need
    if reach is None:
        if limited and limit is not None:
            return f"will be deleted after {age(limit)}, need {age(need)}"
        return found.problem or "oldest not known"
    if reach >= need:
        return f"oldest {age(reach)}"
    if found.lost_before is None:
        if limited and limit is not None:
            return f"will be deleted after {age(limit)}, need {age(need)}"
        return f"oldest {age(reach)}" if chosen else f"young: {age(reach)}, nothing deleted yet"
    if limited and limit is not None and reach >= REACHED * limit:
        return f"kept {age(limit)} of {age(need)}"
    what = "samples" if found.keeps is Keeps.METRICS else "lines"
    when = "" if gone_at is None else f" {age(now - gone_at)} ago" if now - gone_at >= 60 else " just now"
    return f"only {age(reach)}: older {what} were deleted{when}"
