"""Alerts as episodes, and who has them."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from wfmon.model.record import dataclass


class Severity(IntEnum):
    """Ordered by weight."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class AlertState(StrEnum):
    """Alert states of the outer contract."""

    PENDING = "pending"
    FIRING = "firing"
    ACKED = "acked"
    SNOOZED = "snoozed"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    NO_DATA = "no_data"
    RESOLVED = "resolved"


Labels = tuple[tuple[str, str], ...]  # sorted by name


@dataclass(frozen=True, slots=True)
class Ack:
    """Who has an alert. ``until`` None with ``until_resolved`` True ends with the episode."""

    by: str
    at: float
    until: float | None
    until_resolved: bool = False
    comment: str = ""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one subject at one moment.

    ``holds`` None: it cannot be said (missing or too short data; ``summary`` says why).
    ``for_seconds``: how long it must hold before it fires; ``keep_seconds``: how long it keeps
    firing after it last held. ``clears`` True ends it at once, whatever ``keep_seconds`` says.
    ``between`` (with ``holds`` False): between the trip and the clear value: an open alert stays
    open, nothing new begins. ``since``: when the data itself says that it began, ``since_at_least``:
    or earlier.

    A rule with two levels gives one finding per severity for the same labels: they are one alert.
    """

    rule: str
    labels: Labels
    severity: Severity
    holds: bool | None
    summary: str
    workflow: str | None = None
    value: float | None = None
    threshold: float | None = None
    n: float | None = None
    failed: float | None = None
    window_seconds: float | None = None
    unit: str = "ratio"
    for_seconds: float = 0.0
    keep_seconds: float = 0.0
    clears: bool = False
    between: bool = False
    since: float | None = None
    since_at_least: bool = False
    source: str = ""
    runbook: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode of one rule on one set of labels.

    ``since`` is the first moment the condition held in known data; ``since_at_least`` says that the
    data begins there. ``unsaved`` tells why an ack of it could not be stored. ``blind``: it is open but
    cannot be judged now (its state is then ``no_data`` unless somebody has it). ``had``: of an ended one
    everybody who ever had it.
    """

    id: str
    rule: str
    labels: Labels
    severity: Severity
    state: AlertState
    summary: str
    since: float
    since_at_least: bool
    workflow: str | None = None
    fired_at: float | None = None
    ended_at: float | None = None
    value: float | None = None
    threshold: float | None = None
    n: float | None = None
    failed: float | None = None
    window_seconds: float | None = None
    unit: str = "ratio"
    peak: float | None = None
    flaps: int = 0
    source: str = "wfmon"
    runbook: str | None = None
    ack: Ack | None = None
    unsaved: str | None = None
    blind: bool = False
    had: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the episode has fired and not ended (pending is not open)."""
        return self.state not in (AlertState.PENDING, AlertState.RESOLVED)

    @property
    def taken(self) -> bool:
        """Whether somebody has it, or it is quieted."""
        return self.state in (
            AlertState.ACKED,
            AlertState.SNOOZED,
            AlertState.SILENCED,
            AlertState.INHIBITED,
        )
