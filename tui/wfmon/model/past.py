"""Questions about the past, and their answers."""

from __future__ import annotations

from wfmon.model.episode import EndedEpisode
from wfmon.model.history import Change, Kind
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PastMoment:
    """The screen of a past moment.

    ``snapshot`` is what was known at ``at``; its sources say what was not. None: nothing is, and ``why``
    says it in words (``no collector ran 02:10–03:40``). ``seconds``: figures are of that much time.
    ``before`` and ``after`` are the nearest known moments on either side, None at the ends.
    """

    at: float
    snapshot: Snapshot | None
    seconds: float | None = None
    before: float | None = None
    after: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """A series to draw with ``points`` steps from ``begin`` to ``end`` (POSIX seconds).

    ``column``: one of ``history.columns(kind)``, or ``error_ratio`` (failed / n).
    """

    kind: Kind
    subject: str
    column: str
    begin: float
    end: float
    points: int


@dataclass(frozen=True, slots=True)
class Series:
    """``values``: oldest first, as many as were asked for; None is a gap. ``problem``: why there are none."""

    begin: float
    end: float
    values: tuple[float | None, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """Ended episodes, newest end first, and what changed beside them, newest first."""

    episodes: tuple[EndedEpisode, ...] = ()
    changes: tuple[Change, ...] = ()
    problem: str | None = None
