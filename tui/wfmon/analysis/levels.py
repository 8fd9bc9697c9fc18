"""One severity of an episode through the evaluations: waiting, firing, kept, over."""

from __future__ import annotations

from math import isinf

from wfmon.model.alert import Finding, Severity
from wfmon.model.record import dataclass, replace


@dataclass(frozen=True, slots=True)
class Level:
    """One severity of an episode. ``held_at`` is when it last held in known data (or was between).
    ``endless``: it waits until somebody else lets it fire."""

    severity: Severity
    since: float
    at_least: bool
    held_at: float
    fired_at: float | None = None
    endless: bool = False


def step(
    finding: Finding | None, level: Level | None, calm: bool, now: float, elapsed: float, severity: Severity
) -> Level | None:
    """The level after one evaluation, None when it neither fires nor waits to.

    ``calm``: the last finding said no; ``elapsed``: seconds since the last evaluation. With an
    infinite ``for_seconds`` it waits, also where it fired before: it ended and began again in between.
    """
    if finding is None or finding.holds is None:
        # Unknown time is neither quiet nor holding: the keep clock stands still.
        return None if level is None else replace(level, held_at=min(now, level.held_at + elapsed))
    if finding.holds:
        since = now if finding.since is None else min(finding.since, now)
        at_least = not calm if finding.since is None else finding.since_at_least
        endless = isinf(finding.for_seconds)
        if level is None or (level.fired_at is not None and endless):
            level = Level(severity, since, at_least=at_least, held_at=now)
        elif level.at_least and finding.since is not None and since <= level.since:
            level = replace(level, since=since, at_least=at_least)  # what began before we looked
        fired_at = level.fired_at
        if fired_at is None and now - level.since >= finding.for_seconds:
            fired_at = now
        return replace(level, held_at=now, fired_at=fired_at, endless=endless)
    if level is None or level.fired_at is None or finding.clears:
        return None
    if finding.between:
        return replace(level, held_at=now)
    return level if now - level.held_at < finding.keep_seconds else None
