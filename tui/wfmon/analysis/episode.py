"""One alert through time, as the evaluations hand it on."""

from __future__ import annotations

from wfmon.analysis.flapping import Rest
from wfmon.analysis.levels import Level
from wfmon.analysis.tally import NO_TALLY, Tally
from wfmon.model.alert import Finding, Severity
from wfmon.model.episode import EpisodeKey
from wfmon.model.record import dataclass, replace

# An open episode that nobody has seen for this long is not continued and no longer shown.
UNSEEN_SECONDS = 24 * 3600.0
OWN = "wfmon"  # the source of what our own rules find


@dataclass(frozen=True, slots=True)
class Episode:
    """One rule on one set of labels, from its first holding moment on.

    ``shown`` is the last finding that was judged while it was open; ``members`` and ``contributors`` the
    last that one told. ``unknown`` says that it cannot be judged now. ``restarts`` are the times at which
    it fired again after an end; ``rest``: see ``flapping``. ``worst`` is the highest severity that fired:
    what an ended episode is told as. ``tally`` is of all evaluations since it began.
    """

    id: str
    key: EpisodeKey
    since: float
    at_least: bool
    levels: tuple[Level, ...]
    shown: Finding
    seen_at: float
    fired_at: float | None = None
    ended_at: float | None = None
    tally: Tally = NO_TALLY
    unknown: bool = False
    restarts: tuple[float, ...] = ()
    rest: Rest | None = None
    worst: Severity | None = None
    members: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()

    @property
    def firing(self) -> bool:
        return self.rest is not None or any(level.fired_at is not None for level in self.levels)

    @property
    def open(self) -> bool:
        """Whether it has fired and not ended."""
        return self.fired_at is not None and self.ended_at is None

    @property
    def severity(self) -> Severity:
        if self.ended_at is not None and self.worst is not None:
            return self.worst
        if self.rest is not None:
            return self.rest.severity
        fired = [level.severity for level in self.levels if level.fired_at is not None]
        pending = [level.severity for level in self.levels]
        return max(fired or pending, default=self.shown.severity)


def not_in_future(episode: Episode, now: float) -> Episode:
    """The episode on a clock that may have been set back."""
    if episode.seen_at <= now:
        return episode
    rest = episode.rest
    return replace(
        episode,
        since=min(episode.since, now),
        seen_at=now,
        fired_at=None if episode.fired_at is None else min(episode.fired_at, now),
        ended_at=None if episode.ended_at is None else min(episode.ended_at, now),
        restarts=tuple(min(at, now) for at in episode.restarts),
        rest=None if rest is None else Rest(min(rest.since, now), rest.severity),
    )
