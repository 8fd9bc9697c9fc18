"""From findings to episodes: pending, firing, kept, resolved.

Pure: ``advance`` takes the memory of the last evaluation and gives the next one. The monitor then
tells the store what fires (``sightings``, ``ended``); what it shows of that is in ``shown``.

A finding that cannot be judged (``holds`` None, or none at all) changes nothing but the state word:
an open alert becomes ``no_data`` and ends only when known data says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from wfmon.analysis.levels import Level, step
from wfmon.analysis.words import span
from wfmon.model.alert import Finding, Severity
from wfmon.model.episode import EpisodeKey, EpisodeRecord, Sighting, Unjudged
from wfmon.model.record import dataclass, field, replace
from wfmon.model.settings import EpisodeSettings

# An open episode that nobody has seen for this long is not continued and no longer shown.
UNSEEN_SECONDS = 24 * 3600.0
# Ends and new beginnings of one episode within this time are counted as flaps.
FLAP_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Episode:
    """One rule on one set of labels, from its first holding moment on.

    ``shown`` is the last finding that was judged while it was open. ``unknown`` says that it cannot
    be judged now. ``restarts`` are the times at which it fired again after an end. ``worst`` is the
    highest severity that fired: what an ended episode is told as.
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
    peak: float | None = None
    unknown: bool = False
    restarts: tuple[float, ...] = ()
    worst: Severity | None = None

    @property
    def firing(self) -> bool:
        return any(level.fired_at is not None for level in self.levels)

    @property
    def severity(self) -> Severity:
        if self.ended_at is not None and self.worst is not None:
            return self.worst
        fired = [level.severity for level in self.levels if level.fired_at is not None]
        pending = [level.severity for level in self.levels]
        return max(fired or pending, default=self.shown.severity)


@dataclass(frozen=True, slots=True)
class EpisodeMemory:
    """All that one evaluation hands to the next. ``stored`` are episodes of the store that no
    finding has spoken of yet; ``calm`` are the levels last seen not to hold."""

    at: float = 0.0
    episodes: Mapping[EpisodeKey, Episode] = field(default_factory=dict)
    stored: Mapping[EpisodeKey, EpisodeRecord] = field(default_factory=dict)
    calm: frozenset[tuple[EpisodeKey, Severity]] = frozenset()
    ends: Mapping[EpisodeKey, float] = field(default_factory=dict)
    unjudged: tuple[Unjudged, ...] = ()


def begin(records: Iterable[EpisodeRecord], now: float) -> EpisodeMemory:
    """The memory at start: what the store knows of open and recently ended episodes."""
    known = {record.key: record for record in records}
    ends = {key: record.ended_at for key, record in known.items() if record.ended_at is not None}
    return EpisodeMemory(at=now, stored=known, ends=ends)


def cleared(memory: EpisodeMemory, rule: str) -> dict[str, float]:
    """When the rule's last episode of each workflow ended, for ``failure_rate.evaluate``."""
    return {
        dict(labels)["workflow"]: at
        for (name, labels), at in memory.ends.items()
        if name == rule and "workflow" in dict(labels)
    }


def advance(
    memory: EpisodeMemory, findings: Sequence[Finding], now: float, settings: EpisodeSettings
) -> EpisodeMemory:
    """The memory after one evaluation. ``findings`` are those of all rules, at most one per rule,
    labels and severity. A clock that went back shortens nothing and ends nothing by itself."""
    by_key: dict[EpisodeKey, list[Finding]] = {}
    for finding in findings:
        by_key.setdefault((finding.rule, finding.labels), []).append(finding)
    elapsed = max(0.0, now - memory.at)
    episodes: dict[EpisodeKey, Episode] = {}
    ends = {key: at for key, at in memory.ends.items() if now - at < UNSEEN_SECONDS}
    for key in (*by_key, *(key for key in memory.episodes if key not in by_key)):
        said = by_key.get(key, [])
        before = memory.episodes.get(key) or _resumed(memory.stored.get(key), said, now, settings)
        if before is None and not any(finding.holds for finding in said):
            continue
        after = _step(before, key, said, memory.calm, now, elapsed, settings)
        if after is not None:
            episodes[key] = after
            if after.ended_at is not None:
                ends[key] = after.ended_at
    return EpisodeMemory(
        at=now,
        episodes=episodes,
        stored={key: record for key, record in memory.stored.items() if key not in by_key},
        calm=_calm(findings),
        ends=ends,
        unjudged=_unjudged(findings, episodes, now),
    )


def sightings(memory: EpisodeMemory) -> tuple[Sighting, ...]:
    """What fires now, for the store (alerts without data are still open, but were not seen)."""
    return tuple(
        Sighting(
            id=episode.id,
            rule=episode.key[0],
            labels=episode.key[1],
            severity=episode.severity,
            summary=episode.shown.summary,
            since=episode.since,
            since_at_least=episode.at_least,
            workflow=episode.shown.workflow,
            value=episode.shown.value,
            threshold=episode.shown.threshold,
            peak=episode.peak,
            n=episode.shown.n,
            failed=episode.shown.failed,
            unit=episode.shown.unit,
            flaps=flaps(episode, memory.at),
        )
        for episode in memory.episodes.values()
        if episode.firing and not episode.unknown
    )


def ended(memory: EpisodeMemory) -> dict[EpisodeKey, float]:
    """What has ended and when, for the store."""
    return {key: episode.ended_at for key, episode in memory.episodes.items() if episode.ended_at is not None}


def provisional_id(key: EpisodeKey, since: float) -> str:
    """The id that an episode gets unless the store knows a better one: 12 hex digits."""
    text = json.dumps([key[0], key[1], since])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _resumed(
    record: EpisodeRecord | None, findings: Sequence[Finding], now: float, settings: EpisodeSettings
) -> Episode | None:
    """The stored episode as it was when last seen, once a finding speaks of its subject."""
    if record is None or not findings or now - record.last_seen_at > UNSEEN_SECONDS:
        return None
    if record.ended_at is not None and now - record.ended_at >= settings.gap_seconds:
        return None
    since = min(record.began_at, now)
    last = min(record.last_seen_at, now)
    fired = [finding.severity for finding in findings if finding.severity <= record.severity]
    levels = (
        ()
        if record.ended_at is not None
        else tuple(Level(each, since, record.began_at_least, last, since) for each in sorted(set(fired)))
    )
    shown = Finding(
        rule=record.rule,
        labels=record.labels,
        severity=record.severity,
        holds=None,
        summary=record.summary,
        workflow=record.workflow,
    )
    return Episode(
        id=record.id,
        key=record.key,
        since=since,
        at_least=record.began_at_least,
        levels=levels,
        shown=shown,
        seen_at=last,
        fired_at=since,
        ended_at=None if record.ended_at is None else min(record.ended_at, now),
    )


def _step(
    before: Episode | None,
    key: EpisodeKey,
    findings: Sequence[Finding],
    calm: frozenset[tuple[EpisodeKey, Severity]],
    now: float,
    elapsed: float,
    settings: EpisodeSettings,
) -> Episode | None:
    """One episode through one evaluation; None when there is nothing (more) to remember."""
    old = {level.severity: level for level in before.levels} if before else {}
    said = {finding.severity: finding for finding in findings}
    levels: list[Level] = []
    for severity in sorted(old.keys() | said.keys()):
        finding, level = said.get(severity), old.get(severity)
        if level is not None:
            level = replace(level, since=min(level.since, now), held_at=min(level.held_at, now))
        next_level = step(finding, level, (key, severity) in calm, now, elapsed, severity)
        if next_level is not None:
            levels.append(next_level)
    if before is not None:
        before = _not_in_future(before, now)
    lost = before is not None and not said and now - before.seen_at > UNSEEN_SECONDS
    if levels and not lost:
        return _open(before, key, tuple(levels), said, now, settings)
    if before is None or before.fired_at is None or lost:
        return None
    return _closed(before, now, settings)


def _open(
    before: Episode | None,
    key: EpisodeKey,
    levels: tuple[Level, ...],
    said: Mapping[Severity, Finding],
    now: float,
    settings: EpisodeSettings,
) -> Episode | None:
    firing = any(level.fired_at is not None for level in levels)
    first = min(levels, key=lambda level: level.since)
    kept = before
    if before is not None and before.ended_at is not None:
        if not firing:
            # It may come back; until it fires the ended episode is what there is to show.
            return replace(before, levels=levels, seen_at=now)
        kept = before if first.since - before.ended_at < settings.gap_seconds else None
    since, at_least = (first.since, first.at_least) if kept is None else (kept.since, kept.at_least)
    if kept is not None and (first.since < since or (first.since == since and not first.at_least)):
        since, at_least = first.since, first.at_least
    restarts = () if kept is None else tuple(at for at in kept.restarts if now - at < FLAP_SECONDS)
    if kept is not None and kept.ended_at is not None:
        restarts = (*restarts, now)
    worst = max(level.severity for level in levels if level.fired_at is not None or not firing)
    judged = said.get(worst)
    known = judged is not None and judged.holds is not None
    shown = judged if known or kept is None else kept.shown
    if shown is None:
        shown = next(iter(said.values()))
    fired = [level.severity for level in levels if level.fired_at is not None]
    if kept is not None and kept.worst is not None:
        fired.append(kept.worst)
    return Episode(
        id=provisional_id(key, since) if kept is None else kept.id,
        key=key,
        since=since,
        at_least=at_least,
        levels=levels,
        shown=shown,
        seen_at=now if said else (kept.seen_at if kept else now),
        fired_at=(kept.fired_at if kept and kept.fired_at is not None else now) if firing else None,
        peak=_worse(kept.peak if kept else None, shown),
        unknown=not known,
        restarts=restarts,
        worst=max(fired, default=None),
    )


def _closed(before: Episode, now: float, settings: EpisodeSettings) -> Episode | None:
    ended_at = before.ended_at if before.ended_at is not None else now
    if now - ended_at >= max(settings.gap_seconds, settings.resolved_keep_seconds):
        return None
    return replace(before, levels=(), seen_at=now, ended_at=ended_at, unknown=False)


def _not_in_future(episode: Episode, now: float) -> Episode:
    """The episode on a clock that may have been set back."""
    if episode.seen_at <= now:
        return episode
    return replace(
        episode,
        since=min(episode.since, now),
        seen_at=now,
        fired_at=None if episode.fired_at is None else min(episode.fired_at, now),
        ended_at=None if episode.ended_at is None else min(episode.ended_at, now),
    )


def _worse(peak: float | None, finding: Finding) -> float | None:
    """Every rule's value is worse the higher it is."""
    if finding.value is None or peak is None:
        return finding.value if peak is None else peak
    return max(peak, finding.value)


def _calm(findings: Sequence[Finding]) -> frozenset[tuple[EpisodeKey, Severity]]:
    """Levels whose last answer was no. A level that cannot be judged is not calm: what then begins
    may have begun unseen."""
    return frozenset(
        ((finding.rule, finding.labels), finding.severity) for finding in findings if finding.holds is False
    )


def _unjudged(
    findings: Sequence[Finding], episodes: Mapping[EpisodeKey, Episode], now: float
) -> tuple[Unjudged, ...]:
    """Rules without an answer, and conditions that hold since the data begins, for less than they
    must: both are unknown, not fine. One per rule and labels, and none where an alert is open."""
    found: dict[EpisodeKey, Unjudged] = {}
    for finding in findings:
        key: EpisodeKey = (finding.rule, finding.labels)
        episode = episodes.get(key)
        if episode is not None and episode.firing:
            continue
        text = finding.summary if finding.holds is None else _too_young(finding, episode, now)
        if text is not None:
            found.setdefault(key, Unjudged(key, finding.workflow, text))
    return tuple(found.values())


def _too_young(finding: Finding, episode: Episode | None, now: float) -> str | None:
    if not finding.holds or episode is None:
        return None
    level = next((each for each in episode.levels if each.severity is finding.severity), None)
    if level is None or level.fired_at is not None or not level.at_least:
        return None
    return f"{finding.summary}, only {span(now - level.since)} of history, need {span(finding.for_seconds)}"


def flaps(episode: Episode, now: float) -> int:
    """How often it ended and fired again within the last hour."""
    return sum(1 for at in episode.restarts if now - at < FLAP_SECONDS)
