"""From findings to episodes: pending, firing, kept, resolved.

Pure: ``advance`` takes the memory of the last evaluation and gives the next one. The monitor then
tells the store what fires (``sightings``, ``ended``); what it shows of that is in ``shown``.

A finding that cannot be judged (``holds`` None, or none at all) changes nothing but the state word:
an open alert becomes ``no_data`` and ends only when known data says so.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from wfmon.analysis.episode import OWN, UNSEEN_SECONDS, Episode, not_in_future
from wfmon.analysis.flapping import Rest, flaps_too_often, recent, rested
from wfmon.analysis.levels import Level, step
from wfmon.analysis.tally import NO_TALLY, counted
from wfmon.analysis.unjudged import unjudged
from wfmon.model.alert import Finding, Labels, Severity
from wfmon.model.episode import EpisodeKey, EpisodeRecord, Sighting, Unjudged
from wfmon.model.record import dataclass, field, replace
from wfmon.model.settings import EpisodeSettings


class Calm:
    """Which levels an evaluation said no of. A level that could not be judged is not calm: what then begins
    may have begun unseen. It is asked only of what begins, so that nothing is made of it before."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = findings
        self._levels: frozenset[tuple[EpisodeKey, Severity]] | None = None

    def __contains__(self, level: tuple[EpisodeKey, Severity]) -> bool:
        if self._levels is None:
            self._levels = frozenset(
                ((finding.rule, finding.labels), finding.severity)
                for finding in self._findings
                if finding.holds is False
            )
        return level in self._levels


@dataclass(frozen=True, slots=True)
class EpisodeMemory:
    """All that one evaluation hands to the next. ``stored`` are episodes of the store that no
    finding has spoken of yet; ``held``: when their levels last held, where that is known; ``calm``: the
    levels last seen not to hold. ``checked``: how many rules were evaluated, one on ten workflows being
    ten."""

    at: float = 0.0
    episodes: Mapping[EpisodeKey, Episode] = field(default_factory=dict)
    stored: Mapping[EpisodeKey, EpisodeRecord] = field(default_factory=dict)
    held: Mapping[EpisodeKey, Mapping[Severity, float]] = field(default_factory=dict)
    calm: Calm = field(default_factory=lambda: Calm(()))
    ends: Mapping[EpisodeKey, float] = field(default_factory=dict)
    unjudged: tuple[Unjudged, ...] = ()
    checked: int = 0


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
    memory: EpisodeMemory,
    findings: Sequence[Finding],
    now: float,
    settings: EpisodeSettings,
    failed: Collection[str] = (),
) -> EpisodeMemory:
    """The memory after one evaluation. ``findings`` are those of all rules, at most one per rule,
    labels and severity; ``failed`` are rules that could not be evaluated: what the store knows of theirs
    is open without data. A clock that went back shortens nothing and ends nothing by itself."""
    found = _sorted(memory, findings)
    said = found.said
    elapsed = max(0.0, now - memory.at)
    episodes: dict[EpisodeKey, Episode] = {}
    ends = {key: at for key, at in memory.ends.items() if now - at < UNSEEN_SECONDS}
    silent = [key for key in memory.episodes if key not in said]
    unheard = [key for key in memory.stored if key[0] in failed and key not in said] if failed else []
    for key in (*said, *silent, *unheard):
        spoken = said.get(key, [])
        before = memory.episodes.get(key) or _resumed(memory, key, spoken, now, settings)
        if before is None and not any(finding.holds for finding in spoken):
            continue
        after = _step(before, key, spoken, memory.calm, now, elapsed, settings)
        if after is not None:
            episodes[key] = after
            if after.ended_at is not None:
                ends[key] = after.ended_at
    taken_up = said.keys() | episodes.keys()
    return EpisodeMemory(
        at=now,
        episodes=episodes,
        stored={key: record for key, record in memory.stored.items() if key not in taken_up},
        held=memory.held,
        calm=Calm(findings),
        ends=ends,
        unjudged=unjudged(found.doubtful, episodes, now),
        checked=found.checked,
    )


def sightings(memory: EpisodeMemory) -> tuple[Sighting, ...]:
    """What fires now, for the store (alerts without data are still open, but were not seen)."""
    return tuple(
        sighting(episode) for episode in memory.episodes.values() if episode.firing and not episode.unknown
    )


def sighting(episode: Episode) -> Sighting:
    """An episode as the store is told of it."""
    return Sighting(
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
        peak=episode.tally.peak,
        n=episode.shown.n,
        failed=episode.shown.failed,
        unit=episode.shown.unit,
        flaps=len(episode.restarts),
        low=episode.tally.low,
        mean=episode.tally.mean,
        samples=episode.tally.samples,
        members=episode.members,
        contributors=episode.contributors,
        source=episode.shown.source or OWN,
    )


def ended(memory: EpisodeMemory) -> dict[EpisodeKey, float]:
    """What has ended and when, for the store."""
    return {key: episode.ended_at for key, episode in memory.episodes.items() if episode.ended_at is not None}


def provisional_id(key: EpisodeKey, since: float) -> str:
    """The id that an episode gets unless the store knows a better one: 12 hex digits."""
    from hashlib import sha256

    text = json.dumps([key[0], key[1], since])
    return sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Sorted:
    """``said``: what was said of each subject that there is something to say of; ``doubtful``: findings
    that are not a plain no; ``checked``: how many subjects were looked at."""

    said: dict[EpisodeKey, list[Finding]]
    doubtful: list[Finding]
    checked: int


def _sorted(memory: EpisodeMemory, findings: Sequence[Finding]) -> _Sorted:
    """Nearly all findings of nearly all evaluations say no of what nobody has asked after: they cost no
    more than this loop, which makes nothing of them."""
    said: dict[EpisodeKey, list[Finding]] = {}
    doubtful: list[Finding] = []
    known = {labels for _, labels in memory.episodes} | {labels for _, labels in memory.stored}
    checked: dict[str, set[Labels]] = {}
    of_rule: set[Labels] = set()
    rule: str | None = None
    for finding in findings:
        if finding.rule is not rule:
            rule = finding.rule
            of_rule = checked.setdefault(rule, set())
        labels = finding.labels
        of_rule.add(labels)
        if finding.holds is not False or finding.learning:
            doubtful.append(finding)
        if finding.holds is not False or labels in known:
            said.setdefault((rule, labels), []).append(finding)
    return _Sorted(said, doubtful, sum(map(len, checked.values())))


def _resumed(
    memory: EpisodeMemory,
    key: EpisodeKey,
    findings: Sequence[Finding],
    now: float,
    settings: EpisodeSettings,
) -> Episode | None:
    record = memory.stored.get(key)
    if record is None:
        return None
    from wfmon.analysis.resumed import resumed

    return resumed(record, findings, now, settings, memory.held.get(key, {}))


def _step(
    before: Episode | None,
    key: EpisodeKey,
    findings: Sequence[Finding],
    calm: Calm,
    now: float,
    elapsed: float,
    settings: EpisodeSettings,
) -> Episode | None:
    """One episode through one evaluation; None when there is nothing (more) to remember."""
    said = {finding.severity: finding for finding in findings}
    levels = _levels(before, key, said, calm, now, elapsed)
    if before is not None:
        before = not_in_future(before, now)
        if not said and now - before.seen_at > UNSEEN_SECONDS:
            return None
    if any(level.fired_at is not None for level in levels):
        return _open(before, key, levels, said, now, settings)
    if before is None or before.fired_at is None:
        return _open(before, key, levels, said, now, settings) if levels else None
    if before.ended_at is None:
        rest = _rest(before, levels, said, now, elapsed, settings)
        if rest is not None:
            return _resting(before, rest, levels, said, now, settings)
    after = _ended(before, levels, now, settings)
    # What waits is then one of its own, which somebody else lets fire, or never. Of what nobody speaks of any
    # more there is nothing to show.
    return _open(None, key, levels, said, now, settings) if after is None and levels and said else after


def _levels(
    before: Episode | None,
    key: EpisodeKey,
    said: Mapping[Severity, Finding],
    calm: Calm,
    now: float,
    elapsed: float,
) -> tuple[Level, ...]:
    old = {level.severity: level for level in before.levels} if before else {}
    levels: list[Level] = []
    for severity in sorted(old.keys() | said.keys()):
        finding, level = said.get(severity), old.get(severity)
        if level is not None:
            level = replace(level, since=min(level.since, now), held_at=min(level.held_at, now))
        # Only what begins asks whether it was calm before.
        was_calm = level is None and finding is not None and bool(finding.holds) and (key, severity) in calm
        next_level = step(finding, level, was_calm, now, elapsed, severity)
        if next_level is not None:
            levels.append(next_level)
    fired = max((level.severity for level in old.values() if level.fired_at is not None), default=None)
    if fired is None or any(level.fired_at is not None for level in levels):
        return tuple(levels)
    return tuple(_fallen_back(level, fired, now) for level in levels)


def _fallen_back(level: Level, fired: Severity, now: float) -> Level:
    """A lower level that only waits when the higher one ends takes over: an open alert that gets better
    does not begin anew."""
    lower = level.severity < fired and not level.endless
    return replace(level, fired_at=now) if lower else level


def _open(
    before: Episode | None,
    key: EpisodeKey,
    levels: tuple[Level, ...],
    said: Mapping[Severity, Finding],
    now: float,
    settings: EpisodeSettings,
) -> Episode:
    """It fires, or waits to fire for the first time."""
    firing = any(level.fired_at is not None for level in levels)
    first = min(levels, key=lambda level: level.since)
    kept = before
    if before is not None and before.ended_at is not None:
        # By when it fires again, as the store sees it: what waited since is not what somebody had.
        kept = before if now - before.ended_at < settings.gap_seconds else None
    since, at_least = (first.since, first.at_least) if kept is None else (kept.since, kept.at_least)
    if kept is not None and (first.since < since or (first.since == since and not first.at_least)):
        since, at_least = first.since, first.at_least
    restarts = () if kept is None else recent(kept.restarts, now, settings)
    if kept is not None and (kept.ended_at is not None or kept.rest is not None):
        restarts = (*restarts, now)
    worst = max(level.severity for level in levels if level.fired_at is not None or not firing)
    shown, known = _shown(kept, worst, said)
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
        tally=counted(kept.tally if kept else NO_TALLY, shown.value if known else None),
        unknown=not known,
        restarts=restarts,
        worst=max(fired, default=None),
        members=shown.members or (kept.members if kept else ()),
        contributors=shown.contributors or (kept.contributors if kept else ()),
    )


def _shown(
    kept: Episode | None, severity: Severity, said: Mapping[Severity, Finding]
) -> tuple[Finding, bool]:
    """What is told of an open episode, and whether it is of now: what was last known otherwise."""
    judged = said.get(severity)
    if judged is not None and judged.holds is not None:
        return judged, True
    if kept is not None:
        return kept.shown, False
    return judged or next(iter(said.values())), False


def _rest(
    before: Episode,
    levels: Sequence[Level],
    said: Mapping[Severity, Finding],
    now: float,
    elapsed: float,
    settings: EpisodeSettings,
) -> Rest | None:
    """Of an open episode in which nothing fires any more: None, and it ends."""
    if before.rest is None:
        again = flaps_too_often(before.restarts, now, settings)
        return Rest(now, before.severity) if again else None
    known = any(finding.holds is not None for finding in said.values())
    return rested(before.rest, known=known, holds=bool(levels), now=now, elapsed=elapsed, settings=settings)


def _resting(
    before: Episode,
    rest: Rest,
    levels: tuple[Level, ...],
    said: Mapping[Severity, Finding],
    now: float,
    settings: EpisodeSettings,
) -> Episode:
    shown, known = _shown(before, rest.severity, said)
    return replace(
        before,
        levels=levels,
        shown=shown,
        seen_at=now if said else before.seen_at,
        tally=counted(before.tally, shown.value if known else None),
        unknown=not known,
        restarts=recent(before.restarts, now, settings),
        rest=rest,
    )


def _ended(
    before: Episode, levels: tuple[Level, ...], now: float, settings: EpisodeSettings
) -> Episode | None:
    """It may come back (``levels`` wait for that); until it fires, the ended episode is what there is to
    show. None: it is over for long."""
    ended_at = before.ended_at if before.ended_at is not None else now
    if now - ended_at >= max(settings.gap_seconds, settings.resolved_keep_seconds):
        return None
    return replace(before, levels=levels, seen_at=now, ended_at=ended_at, unknown=False, rest=None)
