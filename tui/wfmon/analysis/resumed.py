"""From an episode of the store to one that goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfmon.analysis.episode import OWN, UNSEEN_SECONDS, Episode
from wfmon.analysis.flapping import recent
from wfmon.analysis.levels import Level
from wfmon.analysis.tally import Tally
from wfmon.model.alert import Finding, Severity
from wfmon.model.episode import EpisodeRecord
from wfmon.model.settings import EpisodeSettings


def resumed(
    record: EpisodeRecord | None,
    findings: Sequence[Finding],
    now: float,
    settings: EpisodeSettings,
    held: Mapping[Severity, float],
) -> Episode | None:
    """The stored episode as it was when last seen, once a finding speaks of its subject, or its rule
    fails. When it flapped is not known, only how often, and that it was before it was last seen. ``held``:
    when its levels last held (POSIX seconds); of those that are not in it, it is taken to be then, too."""
    if record is None or now - record.last_seen_at > UNSEEN_SECONDS:
        return None
    if record.ended_at is not None and (not findings or now - record.ended_at >= settings.gap_seconds):
        return None
    since = min(record.began_at, now)
    last = min(record.last_seen_at, now)
    fired = {each.severity for each in findings if each.severity <= record.severity} or {record.severity}
    levels = (
        ()
        if record.ended_at is not None
        else tuple(
            Level(each, since, record.began_at_least, min(held.get(each, last), last), since)
            for each in sorted(fired)
        )
    )
    shown = Finding(
        rule=record.rule,
        labels=record.labels,
        severity=record.severity,
        holds=None,
        summary=record.summary,
        workflow=record.workflow,
        value=record.value,
        threshold=record.threshold,
        n=record.n,
        failed=record.failed,
        unit=record.unit,
        source="" if record.source == OWN else record.source,
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
        tally=Tally(record.low, record.mean, record.peak, record.samples),
        restarts=recent((last,) * record.flaps, now, settings),
        worst=record.severity,
        members=record.members,
        contributors=record.contributors,
    )
