"""Which alerts are worth a bell, and in which words. Pure: snapshots, the time and the focus come as
arguments.

Told is what begins to fire and nobody has: once in an episode, and again when it comes back from an ack, a
snooze or a silence. What fired when the screen was opened is not told. There is one burst in a while; what
came meanwhile is summed up in the next.
"""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.analysis.headline import headline
from wfmon.model.alert import Alert, AlertState, Labels, Severity
from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Level, Snapshot, Verdict
from wfmon.ui.signs import Signs

MOST_KNOWN = 5_000  # episodes that are remembered; beyond it those that are not listed go
TITLE_LIMIT = 60  # characters of the verdict
MOST_NAMED = 3
Subject = tuple[str, str, Labels]  # source, rule, labels


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of alerts so far.

    ``known``: ids of episodes that need not be told again. ``held``: ids that somebody had, or that were
    muted, at the last snapshot. ``firing``: what fired then, as an episode may get another id. ``waiting``:
    ids to tell, oldest first; ``late``: some of them had to wait. ``opening``: not all that was there when
    the screen was opened had been heard of.
    """

    known: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    firing: frozenset[Subject] = frozenset()
    waiting: tuple[str, ...] = ()
    late: bool = False
    opening: bool = True
    told_at: float | None = None


def hear(before: Heard, snapshot: Snapshot, opened_at: float, *, given_back: bool = False) -> Heard:
    """Take a snapshot. ``given_back``: somebody is at the keys, so that what nobody has any more was given
    back by them."""
    free = _free(snapshot)
    held = frozenset(alert.id for alert in snapshot.alerts if alert.taken)
    known = before.known - held
    fresh = tuple(
        alert.id
        for alert in free.values()
        if alert.id not in known
        and _subject(alert) not in before.firing
        and alert.severity is not Severity.INFO
        and not (before.opening and alert.since < opened_at)
        and not (given_back and alert.id in before.held)
    )
    known |= frozenset(free)
    if len(known) > MOST_KNOWN:
        known &= frozenset(alert.id for alert in snapshot.alerts)
    return replace(
        before,
        known=known,
        held=held,
        firing=frozenset(_subject(alert) for alert in free.values()),
        waiting=(*(each for each in before.waiting if each in free and each not in fresh), *fresh),
        opening=_opening(snapshot),
    )


def burst(
    heard: Heard, snapshot: Snapshot, now: float, *, focused: bool, pause: float
) -> tuple[Heard, str | None]:
    """What to tell now, if anything, and what was heard after it. ``focused``: a person looks at the
    terminal, who needs no bell; ``pause``: seconds from one burst to the next."""
    free = _free(snapshot)
    alerts = [free[each] for each in heard.waiting if each in free]
    if focused or not alerts:
        return replace(heard, waiting=(), late=False), None
    if heard.told_at is not None and 0 <= now - heard.told_at < pause:
        return replace(heard, late=True), None
    text = told(alerts, more=heard.late)
    return replace(heard, waiting=(), late=False, told_at=now), text


def told(alerts: list[Alert], *, more: bool) -> str:
    """``critical: invoice_extract fails 32% (80 of 250 in 5m)``; ``2 more alerts: …``, the worst first."""
    worst = sorted(alerts, key=lambda alert: (-alert.severity, alert.since, alert.id))
    if len(worst) == 1:
        return f"{worst[0].severity.word}: {headline(worst[0])}"
    rest = len(worst) - MOST_NAMED
    named = ", ".join(headline(alert) for alert in worst[:MOST_NAMED])
    return f"{len(worst)} {'more ' if more else ''}alerts: {named}" + (
        f" and {rest} more" if rest > 0 else ""
    )


def title(verdict: Verdict, host: str, signs: Signs) -> str:
    """``✖ invoice_extract fails 32% · prod-ai-01``."""
    sign = {
        Level.CRITICAL: signs.critical,
        Level.UNKNOWN: signs.unknown,
        Level.WARNING: signs.warning,
        Level.OK: signs.good,
    }[verdict.level]
    words = verdict.text
    for end in (" (", " since ", " · "):
        words = words.partition(end)[0]
    if len(words) > TITLE_LIMIT:
        words = words[: TITLE_LIMIT - 1] + signs.cut
    return f"{sign} {words} {signs.dot} {host}"


def _free(snapshot: Snapshot) -> Mapping[str, Alert]:
    """What fires and nobody has, by id."""
    return {alert.id: alert for alert in snapshot.alerts if alert.state is AlertState.FIRING}


def _subject(alert: Alert) -> Subject:
    return alert.source, alert.rule, alert.labels


def _opening(snapshot: Snapshot) -> bool:
    if snapshot.rules_checked_at is None:
        return True
    return snapshot.waiting
