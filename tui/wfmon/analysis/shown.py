"""From episodes to the alerts that are shown; ``with_ack`` lays over each who has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wfmon.analysis.episode import OWN, Episode
from wfmon.analysis.episodes import EpisodeMemory
from wfmon.analysis.flapping import flaps_too_often
from wfmon.model.alert import Ack, Alert, AlertState
from wfmon.model.episode import EndedEpisode, EpisodeKey, EpisodeRecord, PastEpisode
from wfmon.model.record import replace
from wfmon.model.settings import EpisodeSettings

FLAPPING = "flapping, "  # how the summary of an alert begins that is


def alerts(
    memory: EpisodeMemory,
    records: Mapping[EpisodeKey, EpisodeRecord],
    now: float,
    settings: EpisodeSettings,
) -> tuple[Alert, ...]:
    """The alerts to show: worst first, then the oldest; as if nobody here had any, see ``with_ack``.

    ``records`` are the store's (ids, true begin); without one an alert has its provisional id. What other
    hands do with an alert (``Finding.standing``) shows.
    """
    shown = [
        _alert(episode, records.get(key), now, settings)
        for key, episode in memory.episodes.items()
        if episode.ended_at is None or now - episode.ended_at < settings.resolved_keep_seconds
    ]
    return tuple(sorted(shown, key=rank))


def rank(alert: Alert) -> tuple[int, int, bool, float, str]:
    """Sort key: firing before pending before resolved, then severity, not taken, oldest."""
    stage = {AlertState.PENDING: 1, AlertState.RESOLVED: 2}.get(alert.state, 0)
    return (stage, -alert.severity, alert.taken, alert.since, alert.id)


def with_ack(
    alert: Alert, ack: Ack | None, unsaved: str | None = None, *, taken_back: Collection[str] = ()
) -> Alert:
    """The alert as it is when ``ack`` is in force; the same object where that changes nothing.

    Without an ack of this house it is as other hands keep it: silenced, inhibited, acked by a silence.
    ``unsaved``: why an ack of it could not be stored. ``taken_back``: silences that are gone, though the
    last look at them did not know that yet.
    """
    if alert.held is not None and alert.held.silence in taken_back:
        alert = replace(alert, held=None, standing=None, quieted="")
    if not alert.open:
        state, shown = alert.state, ack
    elif ack is None or ack == alert.held:
        blind = AlertState.NO_DATA if alert.blind else AlertState.FIRING
        state, shown = alert.standing or blind, alert.held
    else:
        state, shown = AlertState.SNOOZED if ack.snooze else AlertState.ACKED, ack
    if state is alert.state and shown == alert.ack and unsaved == alert.unsaved:
        return alert
    return replace(alert, state=state, ack=shown, unsaved=unsaved)


def told(episode: EndedEpisode) -> Alert:
    """An ended episode of the store as an alert."""
    record = episode.record
    return Alert(
        id=record.id,
        rule=record.rule,
        labels=record.labels,
        severity=record.severity,
        state=AlertState.RESOLVED,
        summary=record.summary,
        since=record.began_at,
        since_at_least=record.began_at_least,
        workflow=record.workflow,
        ended_at=record.ended_at,
        value=record.value,
        threshold=record.threshold,
        n=record.n,
        failed=record.failed,
        unit=record.unit,
        peak=record.peak,
        flaps=record.flaps,
        source=record.source,
        ack=record.ack,
        had=episode.had,
        low=record.low,
        mean=record.mean,
        samples=record.samples,
        members=record.members,
        contributors=record.contributors,
        notes=record.notes,
    )


def of_before(record: EpisodeRecord) -> Alert:
    """An open episode of the store of which nothing has been heard since this process began."""
    alert = told(EndedEpisode(record))
    summary = _summary(record.summary, blind=True, flapping=False)
    return replace(
        alert,
        state=AlertState.NO_DATA,
        blind=True,
        summary=summary,
        fired_at=record.began_at,
        ack=None,
        notes=(),
    )


def found_ended(past: PastEpisode) -> Alert:
    """One that nobody saw and no store holds, as an alert."""
    seen = past.sighting
    return Alert(
        id=seen.id,
        rule=seen.rule,
        labels=seen.labels,
        severity=seen.severity,
        state=AlertState.RESOLVED,
        summary=seen.summary,
        since=seen.since,
        since_at_least=seen.since_at_least,
        workflow=seen.workflow,
        ended_at=past.ended_at,
        value=seen.value,
        threshold=seen.threshold,
        n=seen.n,
        failed=seen.failed,
        unit=seen.unit,
        peak=seen.peak,
        flaps=seen.flaps,
        source=seen.source,
        low=seen.low,
        mean=seen.mean,
        samples=seen.samples,
        members=seen.members,
        contributors=seen.contributors,
    )


def _alert(episode: Episode, record: EpisodeRecord | None, now: float, settings: EpisodeSettings) -> Alert:
    shown = episode.shown
    if record is not None and not _same(episode, record):
        record = None
    began = episode.since if record is None else min(record.began_at, episode.since)
    at_least = episode.at_least if record is None or began == episode.since else record.began_at_least
    firing = episode.firing and episode.ended_at is None
    blind = episode.unknown and firing
    flapping = firing and (episode.rest is not None or flaps_too_often(episode.restarts, now, settings))
    standing, held = (shown.standing, shown.held) if firing and not blind else (None, None)
    return Alert(
        id=episode.id if record is None else record.id,
        rule=episode.key[0],
        labels=episode.key[1],
        severity=episode.severity,
        state=standing or _state(episode),
        summary=_summary(shown.summary, blind=blind, flapping=flapping),
        since=began,
        since_at_least=at_least,
        workflow=shown.workflow,
        fired_at=episode.fired_at,
        ended_at=episode.ended_at,
        value=shown.value,
        threshold=shown.threshold,
        n=shown.n,
        failed=shown.failed,
        window_seconds=shown.window_seconds,
        unit=shown.unit,
        peak=episode.tally.peak,
        flaps=len(episode.restarts),
        source=shown.source or OWN,
        runbook=shown.runbook,
        ack=held,
        blind=blind,
        low=episode.tally.low,
        mean=episode.tally.mean,
        samples=episode.tally.samples,
        members=episode.members,
        contributors=episode.contributors,
        quieted=shown.quieted,
        foreign=shown.foreign,
        standing=standing,
        held=held,
        flapping=flapping,
    )


def _summary(text: str, *, blind: bool, flapping: bool) -> str:
    if blind:
        return f"no data, last known: {text}"
    return f"{FLAPPING}{text}" if flapping else text


def _same(episode: Episode, record: EpisodeRecord) -> bool:
    """Whether the store's newest record of the key is about this episode; never about a pending one."""
    if not episode.firing and episode.ended_at is None:
        return False
    return record.ended_at is None or record.ended_at >= episode.since


def _state(episode: Episode) -> AlertState:
    if episode.ended_at is not None:
        return AlertState.RESOLVED
    if not episode.firing:
        return AlertState.PENDING
    return AlertState.NO_DATA if episode.unknown else AlertState.FIRING
