"""What a replay found, taken over by the engine that has begun to watch meanwhile."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.analysis.episode import Episode
from wfmon.analysis.episodes import EpisodeMemory, sighting
from wfmon.analysis.levels import Level
from wfmon.analysis.replay import Replayed
from wfmon.analysis.tally import Tally
from wfmon.model.episode import EpisodeKey, PastEpisode
from wfmon.model.record import dataclass, replace
from wfmon.model.settings import EpisodeSettings

Pasts = Mapping[EpisodeKey, Replayed]


@dataclass(frozen=True, slots=True)
class Rejoined:
    """``told``: what the store is to be told of, those that are over first."""

    memory: EpisodeMemory
    told: tuple[PastEpisode, ...] = ()


def rejoined(memory: EpisodeMemory, pasts: Pasts, settings: EpisodeSettings, now: float) -> Rejoined:
    """The memory as if it had watched all the time; the next evaluation goes on from there.

    An episode of the store that was over before anybody looked again ends when it did, and what fires now
    is another.
    """
    episodes, ends = dict(memory.episodes), dict(memory.ends)
    told: list[PastEpisode] = []
    fires: list[PastEpisode] = []
    for key, past in pasts.items():
        if past.last is not None and past.last.unknown:
            continue  # the data say nothing of the end, and it may have been seen meanwhile
        for over in past.over:
            assert over.ended_at is not None
            told.append(PastEpisode(sighting(over), over.ended_at))
            ends[key] = max(over.ended_at, ends.get(key, 0.0))
        after = _taken_over(episodes.get(key), past, settings, now)
        if after is None:
            episodes.pop(key, None)
            continue
        episodes[key] = after
        if after.open and past.last is not None and past.last.open:
            fires.append(PastEpisode(sighting(after), None))
    # What is over has ended when it did, whoever saw the end later.
    return Rejoined(replace(memory, episodes=episodes, ends=ends), (*told, *fires))


def held_longer(memory: EpisodeMemory, pasts: Pasts) -> EpisodeMemory:
    """The memory with the begins of what holds now as kept figures tell them; nothing else is believed of
    figures that are coarser than what the rule looks at."""
    episodes = dict(memory.episodes)
    for key, past in pasts.items():
        mine, theirs = episodes.get(key), past.last
        if mine is None or mine.ended_at is not None or theirs is None:
            continue
        levels = _longer(mine.levels, theirs.levels)
        first = min(levels, key=lambda level: (level.since, level.at_least), default=None)
        if first is None or levels == mine.levels:
            continue
        earlier = first.since < mine.since
        episodes[key] = replace(
            mine,
            levels=levels,
            since=first.since if earlier else mine.since,
            at_least=first.at_least if earlier else mine.at_least,
        )
    return replace(memory, episodes=episodes)


def _taken_over(
    mine: Episode | None, past: Replayed, settings: EpisodeSettings, now: float
) -> Episode | None:
    theirs = past.last if past.last is not None and past.last.open else None
    last = max((each.ended_at or 0.0 for each in past.over), default=None)
    another = mine is not None and last is not None and mine.fired_at is not None and mine.since <= last
    if theirs is not None:
        return _both(mine, theirs, past.until) if mine is not None and mine.open and not another else theirs
    if mine is not None and not another and (mine.open or not past.over):
        return mine
    keep = max(settings.gap_seconds, settings.resolved_keep_seconds)
    over = past.over[-1] if past.over and now - (past.over[-1].ended_at or 0.0) < keep else None
    if mine is not None and mine.fired_at is None:
        return mine  # it waits to fire: the end of another is in ``ends``
    return over


def _both(mine: Episode, theirs: Episode, until: float) -> Episode:
    """One episode, as it is seen now, from its true begin; it keeps the id that people may have seen."""
    earlier = theirs.since < mine.since or (theirs.since == mine.since and not theirs.at_least)
    began = theirs if earlier else mine
    worst = [each for each in (mine.worst, theirs.worst) if each is not None]
    return replace(
        mine,
        since=began.since,
        at_least=began.at_least,
        levels=_last_held(_longer(mine.levels, theirs.levels), theirs.levels, until),
        tally=_tally(mine.tally, theirs.tally),
        restarts=theirs.restarts if len(theirs.restarts) > len(mine.restarts) else mine.restarts,
        worst=max(worst, default=None),
    )


def _last_held(mine: tuple[Level, ...], theirs: tuple[Level, ...], until: float) -> tuple[Level, ...]:
    """Each level by when it last held. Of what the store knew that is taken to be when it was last seen; a
    replay up to ``until`` knows better."""
    known = {level.severity: level.held_at for level in theirs if level.fired_at is not None}
    return tuple(
        replace(level, held_at=min(level.held_at, known.get(level.severity, level.held_at)))
        if level.held_at <= until
        else level
        for level in mine
    )


def _tally(mine: Tally, theirs: Tally) -> Tally:
    """Of the longer time; the few values since are in the lowest and the highest."""
    if theirs.samples <= mine.samples:
        return mine
    low = [each for each in (mine.low, theirs.low) if each is not None]
    peak = [each for each in (mine.peak, theirs.peak) if each is not None]
    return replace(theirs, low=min(low, default=None), peak=max(peak, default=None))


def _longer(mine: tuple[Level, ...], theirs: tuple[Level, ...]) -> tuple[Level, ...]:
    """Each level from when it held first. One that was seen to begin began then."""
    known = {level.severity: level for level in theirs}
    return tuple(
        replace(level, since=past.since, at_least=past.at_least)
        if (past := known.get(level.severity)) is not None and level.at_least and past.since <= level.since
        else level
        for level in mine
    )
