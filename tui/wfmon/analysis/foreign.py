"""Alerts of Prometheis and Alertmanagers as findings, so that they have episodes like our own.

A Prometheus evaluates: while it answers, it decides whether its alert is there. An Alertmanager is told by
it, knows who silenced what, and vouches for the alert while the Prometheus is silent. Which of them decides
is kept with the episode as its source. What nobody can tell is unknown, and an open alert then stays open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from wfmon.analysis.episode import OWN
from wfmon.analysis.episodes import EpisodeMemory
from wfmon.analysis.foreignjoin import Heard, Joined, is_foreign, joined, named
from wfmon.analysis.standing import NO_STANDING, Standing, standing
from wfmon.model.alert import AlertState as State
from wfmon.model.alert import Finding, ForeignRef, Labels, Severity
from wfmon.model.foreign import ForeignAlerts, System
from wfmon.model.record import dataclass, replace
from wfmon.model.source import SourceState, SourceStatus

UNIT = "value"  # of a number that only its rule understands

# An answer older than this, and than three intervals of its source, is not of now.
STALE_SECONDS = 60.0
# A process that began less than this ago may not know its alerts yet. A Prometheus sends what fires again
# every minute (--rules.alert.resend-delay) and needs two scrapes and an evaluation to find it again.
YOUNG_SECONDS = 180.0
# An alert that is pending anew so soon after the start of its Prometheus is the one that fired before.
AGAIN_SECONDS = 300.0
# An Alertmanager that was not told of an end lists the alert for four times the resend delay, or a little
# longer.
LINGER_SECONDS = 600.0
CLOCK_SECONDS = 5.0  # that two times of two processes may be apart


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of an episode. ``severities``: of all its levels; ``fired`` and not ended: it is open.
    ``teller_began``: of the process that last told of it."""

    labels: Labels
    source: str
    severities: tuple[Severity, ...]
    fired: bool
    ended_at: float | None
    summary: str
    workflow: str | None
    teller_began: float | None = None

    @property
    def open(self) -> bool:
        return self.fired and self.ended_at is None


@dataclass(frozen=True, slots=True)
class _World:
    """All that an alert is judged by. ``answering``: sources that tell of now. ``mute_prometheus``: a
    Prometheus does not, although it could."""

    systems: Mapping[str, ForeignAlerts]
    configured: frozenset[str]
    answering: frozenset[str]
    mute_prometheus: bool
    aliases: Mapping[str, str]
    now: float


def findings(
    foreign: Sequence[ForeignAlerts],
    sources: Sequence[SourceStatus],
    memory: EpisodeMemory,
    aliases: Mapping[str, str],
    now: float,
) -> tuple[Finding, ...]:
    """What other systems' alerts are now: one finding for each that is there, and for each episode that
    was. ``foreign`` are their last good answers. ``aliases``: names of workflows to those in use here."""
    before = _episodes(memory)
    if not foreign and not before:
        return ()
    answering = _answering(foreign, sources, now)
    world = _World(
        systems={each.source: each for each in foreign},
        configured=frozenset(source.name for source in sources),
        answering=answering,
        mute_prometheus=_mute_prometheus(foreign, sources, answering),
        aliases=aliases,
        now=now,
    )
    alerts: dict[str, list[Joined]] = {}
    for alert in joined(foreign, world.answering):
        alerts.setdefault(_name(alert), []).append(alert)
    found: list[Finding] = []
    for name in sorted(alerts.keys() | before.keys()):
        found += _of_one_name(name, alerts.get(name, []), before.get(name, {}), world)
    return tuple(found)


def _answering(
    foreign: Sequence[ForeignAlerts], sources: Sequence[SourceStatus], now: float
) -> frozenset[str]:
    """A source whose metrics are partial still answers; one whose alerts are old does not."""
    told = {each.source: each.at for each in foreign}
    return frozenset(
        source.name
        for source in sources
        if source.name in told
        and source.state is not SourceState.DOWN
        and not (source.state is SourceState.STALE and source.failure is None)
        and now - told[source.name] <= max(STALE_SECONDS, 3 * (source.interval_seconds or 0.0))
    )


def _mute_prometheus(
    foreign: Sequence[ForeignAlerts], sources: Sequence[SourceStatus], answering: frozenset[str]
) -> bool:
    """One that never told of alerts although it answers has none: a store behind the same queries."""
    told = {each.source for each in foreign}
    return any(
        source.kind == System.PROMETHEUS.value
        and source.name not in answering
        and (source.name in told or source.state in (SourceState.DOWN, SourceState.WAITING))
        for source in sources
    )


def _episodes(memory: EpisodeMemory) -> dict[str, dict[Labels, Before]]:
    """Those of foreign alerts, by name and labels."""
    found: dict[str, dict[Labels, Before]] = {}
    for (rule, labels), record in memory.stored.items():
        if record.source != OWN and is_foreign(rule, labels):
            found.setdefault(rule, {})[labels] = Before(
                labels=labels,
                source=record.source,
                severities=(record.severity,),
                fired=True,
                ended_at=record.ended_at,
                summary=record.summary,
                workflow=record.workflow,
            )
    for (rule, labels), episode in memory.episodes.items():
        if is_foreign(rule, labels):
            found.setdefault(rule, {})[labels] = Before(
                labels=labels,
                source=episode.shown.source,
                severities=tuple(level.severity for level in episode.levels) or (episode.severity,),
                fired=episode.fired_at is not None,
                ended_at=episode.ended_at,
                summary=episode.shown.summary,
                workflow=episode.shown.workflow,
                teller_began=episode.shown.foreign.teller_began if episode.shown.foreign else None,
            )
    return found


def _of_one_name(
    name: str, alerts: Sequence[Joined], before: Mapping[Labels, Before], world: _World
) -> Iterable[Finding]:
    known = {labels: each.ended_at is None for labels, each in before.items()}
    placed = named(alerts, known)
    for labels, alert in placed.items():
        yield from _judged(name, labels, alert, before.get(labels), world)
    for labels, each in before.items():
        if labels not in placed and each.ended_at is None:
            yield from _unlisted(name, each, alerts, world)


def _judged(
    name: str, labels: Labels, alert: Joined, before: Before | None, world: _World
) -> Iterable[Finding]:
    """An alert that some system tells of, or told of when it last answered."""
    evaluated = next((heard for heard in alert.evaluated if heard.fresh), None)
    notified = next((heard for heard in alert.notified if heard.fresh), None)
    if evaluated is not None:
        waits = evaluated.alert.state is State.PENDING and notified is None
        goes_on = before is not None and before.open and _again(evaluated)
        yield from _there(name, labels, alert, before, world, pending=waits and not goes_on)
        return
    decides = world.systems.get(before.source) if before is not None else None
    if before is not None and decides is not None and _decides(decides, name, before, world):
        if before.ended_at is None:
            yield from _over(name, before)
            return
        if world.now - before.ended_at < LINGER_SECONDS:
            return
    if notified is not None:
        yield from _there(name, labels, alert, before, world, pending=False)
    elif before is not None and before.ended_at is None:
        yield from _unknown(name, before)


def _unlisted(name: str, before: Before, alerts: Sequence[Joined], world: _World) -> Iterable[Finding]:
    """An episode that is open, or waits to fire, of which no system tells."""
    if before.source not in world.configured:
        return  # whoever still asks it may say what became of it
    decides = world.systems.get(before.source)
    if decides is None or before.source not in world.answering:
        yield from _unknown(name, before)
        return
    if decides.system is System.PROMETHEUS:
        sure = _decides(decides, name, before, world)
    else:
        # What it is no more told of it drops: a Prometheus that is down ends no alert.
        sure = decides.complete and not _young(decides, before, world.now) and not world.mute_prometheus
    if sure and not _may_be_a_twin(before, alerts, world):
        yield from _over(name, before)
    else:
        yield from _unknown(name, before)


def _decides(system: ForeignAlerts, name: str, before: Before, world: _World) -> bool:
    """Whether it is a Prometheus that knows by now that the alert, which it does not list, is not there."""
    return (
        system.system is System.PROMETHEUS
        and system.source in world.answering
        and system.complete
        and not _young(system, before, world.now)
        and not any(rule.name == name and rule.health != "ok" for rule in system.rules)
    )


def _young(system: ForeignAlerts, before: Before, now: float) -> bool:
    """Whether its process has just begun, and never told of the alert."""
    if system.started_at is None or now - system.started_at >= YOUNG_SECONDS:
        return False
    return before.teller_began is None or abs(before.teller_began - system.started_at) > CLOCK_SECONDS


def _again(evaluated: Heard) -> bool:
    """Whether its Prometheus had just begun when the alert became pending: it forgets that it fired."""
    started = evaluated.system.started_at
    if started is None:
        return False
    return -CLOCK_SECONDS < evaluated.alert.since - started < AGAIN_SECONDS


def _may_be_a_twin(before: Before, alerts: Sequence[Joined], world: _World) -> bool:
    """Whether a Prometheus tells of an alert with fewer labels, of which this may be one of several that
    only an Alertmanager tells apart, and one does not know now."""
    blind = any(
        each.system is System.ALERTMANAGER
        and (source not in world.answering or _young(each, before, world.now) or not each.complete)
        for source, each in world.systems.items()
    )
    return blind and any(
        alert.inner is not None and alert.evaluated[0].fresh and set(alert.inner) < set(before.labels)
        for alert in alerts
    )


def _over(name: str, before: Before) -> Iterable[Finding]:
    return _said(name, before, before.summary, holds=False)


def _unknown(name: str, before: Before) -> Iterable[Finding]:
    return _said(name, before, f"{name}: {before.source} does not tell", holds=None)


def _said(name: str, before: Before, summary: str, *, holds: bool | None) -> Iterable[Finding]:
    for severity in before.severities:
        yield Finding(
            rule=name,
            labels=before.labels,
            severity=severity,
            holds=holds,
            summary=summary,
            workflow=before.workflow,
            unit=UNIT,
            clears=holds is False,
            source=before.source,
        )


def _there(
    name: str, labels: Labels, alert: Joined, before: Before | None, world: _World, *, pending: bool
) -> Iterable[Finding]:
    heard = [*alert.evaluated, *alert.notified]
    now = [each for each in heard if each.fresh]
    evaluated = next((each for each in alert.evaluated if each.fresh), None)
    told = (evaluated or now[0]).alert
    quiet = NO_STANDING if pending else standing(alert.notified, world.now)
    if before is not None:  # it was weighed in another way
        others = tuple(each for each in before.severities if each is not told.severity)
        yield from _said(name, replace(before, labels=labels, severities=others), name, holds=False)
    yield Finding(
        rule=name,
        labels=labels,
        severity=told.severity,
        holds=True,
        summary=next((each.alert.summary for each in (*now, *heard) if each.alert.summary), name),
        workflow=_workflow(heard, world.aliases),
        value=None if evaluated is None else told.value,
        unit=UNIT,
        for_seconds=math.inf if pending else 0.0,
        since=min(each.alert.since for each in now),
        # An Alertmanager tells when it began to fire: it may have held for longer.
        since_at_least=evaluated is None,
        source=_decider(evaluated, now[0], before, world),
        runbook=next((each.alert.runbook for each in (*now, *heard) if each.alert.runbook), None),
        standing=quiet.state,
        held=quiet.held,
        quieted=quiet.words,
        foreign=_reference(alert, quiet, evaluated or now[0]),
    )


def _decider(evaluated: Heard | None, any_heard: Heard, before: Before | None, world: _World) -> str:
    """The source of the episode: the Prometheus, also while only an Alertmanager vouches for its alert."""
    if evaluated is not None:
        return evaluated.system.source
    if before is not None and before.ended_at is None and before.source in world.configured:
        return before.source
    return any_heard.system.source


def _reference(alert: Joined, quiet: Standing, teller: Heard) -> ForeignRef:
    """As the Alertmanager has it that the standing is from, else one that may be written."""
    notified = sorted(alert.notified, key=lambda h: (not h.fresh, h is not quiet.by, not h.system.writable))
    best = notified[0] if notified else None
    every = [heard.alert for heard in (*notified, *alert.evaluated)]
    return ForeignRef(
        labels=every[0].labels,
        alertmanager=best.system.source if best else None,
        fingerprint=best.alert.fingerprint if best else None,
        receivers=best.alert.receivers if best else (),
        writable=best is not None and best.system.writable and best.alert.exact,
        description=next((each.description for each in every if each.description), ""),
        link=next((each.link for each in every if each.link), ""),
        teller_began=teller.system.started_at,
    )


def _workflow(heard: Sequence[Heard], aliases: Mapping[str, str]) -> str | None:
    for label in ("workflow", "workflow_name"):
        for each in heard:
            value = next((value for name, value in each.alert.labels if name == label), "")
            if value:
                return aliases.get(value, value)
    return None


def _name(alert: Joined) -> str:
    return (alert.evaluated or alert.notified)[0].alert.name
