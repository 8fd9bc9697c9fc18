"""What Prometheus and Alertmanager say of alerts, silences and rules. All texts are safe to show."""

from __future__ import annotations

from enum import StrEnum

from wfmon.model.alert import AlertState, Labels, Severity
from wfmon.model.record import dataclass

NO_NAME = "(no alertname)"  # the name of an alert that has none


class System(StrEnum):
    PROMETHEUS = "prometheus"
    ALERTMANAGER = "alertmanager"


@dataclass(frozen=True, slots=True)
class Matcher:
    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


@dataclass(frozen=True, slots=True)
class Silence:
    """Times in POSIX seconds by the Alertmanager's clock. ``active``: neither pending nor expired."""

    id: str
    matchers: tuple[Matcher, ...]
    by: str
    comment: str
    starts_at: float
    ends_at: float
    updated_at: float
    active: bool


@dataclass(frozen=True, slots=True)
class ForeignAlert:
    """``state``: pending, firing, silenced or inhibited. ``name`` is its label ``alertname``.

    ``since``: since when it holds (a Prometheus) or fires (an Alertmanager), POSIX seconds by our clock.
    ``fingerprint``, ``receivers``, ``silenced_by`` (silence ids), ``inhibited_by`` (fingerprints) and
    ``muted_by`` (names of time intervals) are known to an Alertmanager alone, pending alerts and ``value``
    to a Prometheus alone. ``exact`` False: a label holds what cannot be shown, ``labels`` are not theirs to
    the letter, so that no silence can be made of them.
    """

    name: str
    labels: Labels
    severity: Severity
    state: AlertState
    since: float
    summary: str = ""
    description: str = ""
    runbook: str | None = None
    link: str = ""
    value: float | None = None
    fingerprint: str | None = None
    receivers: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    exact: bool = True


@dataclass(frozen=True, slots=True)
class ForeignRule:
    """An alerting or recording rule of a Prometheus. ``health``: ``ok``, ``err`` or ``unknown``."""

    name: str
    group: str
    query: str
    health: str
    error: str = ""
    evaluated_at: float | None = None
    labels: Labels = ()


@dataclass(frozen=True, slots=True)
class ForeignAlerts:
    """One answer of one system. ``writable``: silences may be set there. ``silences``: the active ones.
    ``rules_seen``: how many rules there are; ``rules`` of them those that are not well, and those of the
    alerts above. ``complete`` False: it has more alerts than are told here, so that one which is not told
    may be there. ``started_at``: when its process began, by our clock (one that has just begun may not know
    its alerts yet). ``clock_ahead``: seconds that its clock is ahead of ours."""

    source: str
    system: System
    at: float
    alerts: tuple[ForeignAlert, ...] = ()
    silences: tuple[Silence, ...] = ()
    rules: tuple[ForeignRule, ...] = ()
    rules_seen: int = 0
    writable: bool = False
    complete: bool = True
    started_at: float | None = None
    clock_ahead: float = 0.0
