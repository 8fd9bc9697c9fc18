"""How far back logs and metrics reach, and how far they should."""

from __future__ import annotations

from enum import StrEnum

from wfmon.model.record import dataclass


class Keeps(StrEnum):
    """What is kept; each has its own time for which it should be (config section ``[retention]``)."""

    PRODUCTION_LOGS = "production logs"
    DEBUG_LOGS = "debug logs"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class Kept:
    """What one source sees of how far back its data reaches.

    ``subject``: the log set or the server, as a person knows it. ``oldest_at``: the oldest line or
    sample that is still there. ``limit_seconds`` and ``limit_bytes``: its own retention setting, by age
    and by size. ``bytes``: what it takes. ``chosen``: what belongs to it is chosen anew at each look around
    the host, so that an oldest line that moved proves no deletion.
    """

    subject: str
    keeps: Keeps
    oldest_at: float | None = None
    limit_seconds: float | None = None
    bytes: int | None = None
    files: int | None = None
    problem: str | None = None
    limit_bytes: int | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """``Kept`` held against what is wanted.

    ``reach_seconds``: how far back it reaches now. ``lost_before``: the time before which data is known
    to have been deleted (None: nothing was, as far as is known). ``bytes_per_day``: growth of what is
    written, None until a day or enough of one was seen. ``short``: it does not, or will not, reach back
    as far as it should.
    """

    subject: str
    keeps: Keeps
    needed_seconds: float
    reach_seconds: float | None = None
    limit_seconds: float | None = None
    oldest_at: float | None = None
    lost_before: float | None = None
    bytes: int | None = None
    bytes_per_day: float | None = None
    short: bool = False
    words: str = ""
    problem: str | None = None
