"""Rules over past moments: the episodes that there were while nobody watched.

Pure, and the same engine as live: ``advance`` is given what a rule says of one moment after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from wfmon.analysis.episode import Episode
from wfmon.analysis.episodes import EpisodeMemory, advance
from wfmon.model.alert import Finding, Severity
from wfmon.model.episode import EpisodeKey, EpisodeRecord
from wfmon.model.record import dataclass, field, replace
from wfmon.model.settings import EpisodeSettings

# What a rule says at a moment, after what it said before; None: nothing that could change anything.
Said = Callable[[float, EpisodeMemory], Sequence[Finding] | None]
# When each level of an open episode of the store last held before it was last seen, where that is known.
Held = Callable[[EpisodeRecord], Mapping[Severity, float]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One alert over the moments up to ``until`` (POSIX seconds).

    ``over``: its episodes that fired and ended, oldest first, each as it was last; ``last``: the one that
    is open or pending at ``until``. What the store knew of keeps its id.
    """

    until: float
    over: tuple[Episode, ...] = ()
    last: Episode | None = None


def _nobody_knows(record: EpisodeRecord) -> Mapping[Severity, float]:
    return {}


def replay(
    said: Said,
    moments: Iterable[float],
    records: Iterable[EpisodeRecord],
    settings: EpisodeSettings,
    held: Held = _nobody_knows,
) -> dict[EpisodeKey, Replayed]:
    """What became of each alert that is spoken of. ``moments`` ascend; ``records`` are what the store knows,
    the newest of each alert: each counts from the moment on at which it was last seen. The store does not
    say when it last held, from which the time runs that ends it: ``held`` does."""
    waiting = sorted(records, key=_last_known, reverse=True)
    memory: EpisodeMemory | None = None
    known: dict[EpisodeKey, _Course] = {}
    at = 0.0
    for at in moments:
        if memory is None:
            memory = EpisodeMemory(at=at)
        while waiting and _last_known(waiting[-1]) <= at:
            memory = _with_stored(memory, waiting.pop(), held)
        findings = said(at, memory)
        if findings is None:
            continue
        memory = advance(memory, findings, at, settings)
        for key, episode in memory.episodes.items():
            known.setdefault(key, _Course()).take(episode)
    if memory is None:
        return {}
    return {key: course.replayed(at, memory.episodes.get(key)) for key, course in known.items()}


@dataclass(slots=True)
class _Course:
    """``fired``: the episodes of one alert by id, each as it was last."""

    fired: dict[str, Episode] = field(default_factory=dict)

    def take(self, episode: Episode) -> None:
        if episode.fired_at is not None:
            self.fired[episode.id] = episode

    def replayed(self, until: float, present: Episode | None) -> Replayed:
        if present is not None and present.ended_at is not None:
            present = None
        over = tuple(each for each in self.fired.values() if each.ended_at is not None)
        return Replayed(until, over, present)


def _last_known(record: EpisodeRecord) -> float:
    return record.last_seen_at if record.ended_at is None else record.ended_at


def _with_stored(memory: EpisodeMemory, record: EpisodeRecord, held: Held) -> EpisodeMemory:
    """An episode that the replay sees by itself goes on as that."""
    ends: Mapping[EpisodeKey, float] = memory.ends
    if record.ended_at is not None:
        ends = {**ends, record.key: max(record.ended_at, ends.get(record.key, 0.0))}
    if record.key in memory.episodes:
        return replace(memory, ends=ends)
    known = {**memory.held, record.key: held(record)} if record.ended_at is None else memory.held
    return replace(memory, ends=ends, stored={**memory.stored, record.key: record}, held=known)
