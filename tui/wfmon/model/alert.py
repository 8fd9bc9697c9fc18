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
    """Who has an alert. ``until`` None with ``until_resolved`` True ends with the episode.

    ``snooze``: it is put off rather than taken. ``shared``: an Alertmanager mutes it too, by the silence
    ``silence`` of the source ``via``, until ``muted_until`` unless it is extended (None: as long as it
    says); ``problem``: why it is not, or no longer, shared although somebody asked for that.
    """

    by: str
    at: float
    until: float | None
    until_resolved: bool = False
    comment: str = ""
    shared: bool = False
    snooze: bool = False
    silence: str | None = None
    via: str | None = None
    problem: str | None = None
    muted_until: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote to an episode."""

    by: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class ForeignRef:
    """What an alert of another system is there. ``labels`` are exactly those that its Alertmanager has
    (its external labels too); ``receivers`` whom it notifies; ``writable``: we may silence it there.

    ``alertmanager``, ``fingerprint``: None where only a Prometheus told of it. ``teller_began``: when the
    process began that tells whether it is there, by our clock.
    """

    labels: Labels
    alertmanager: str | None = None
    fingerprint: str | None = None
    receivers: tuple[str, ...] = ()
    writable: bool = False
    description: str = ""
    link: str = ""
    teller_began: float | None = None


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

    ``learning`` (``holds`` is not True): the rule needs a baseline or a window that is not there yet, and
    ``summary`` is such as ``no baseline (n=7)``: the present is not unknown for that. An alert that is
    open stays so without data where ``holds`` is None. ``members``: what the alert is about, sorted (run
    ids); one more wakes an ack. ``contributors``: what it comes from, the worst first, in words.
    ``standing``: the state that another system gives it (silenced, inhibited), ``held``: by whom,
    ``quieted``: by what, in words; ``foreign`` what it is there. ``source`` is then that source's name.
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
    learning: bool = False
    members: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    standing: AlertState | None = None
    held: Ack | None = None
    quieted: str = ""
    foreign: ForeignRef | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode of one rule on one set of labels.

    ``since`` is the first moment the condition held in known data; ``since_at_least`` says that the
    data begins there. ``unsaved`` tells why an ack of it could not be stored. ``blind``: it is open but
    cannot be judged now (its state is then ``no_data`` unless somebody has it). ``had``: of an ended one
    everybody who ever had it.

    ``peak``, ``low`` and ``mean`` are of ``value`` over the ``samples`` evaluations of the episode so far.
    ``members``, ``contributors``, ``quieted``, ``foreign``, ``standing`` and ``held``: see ``Finding``; what
    other hands do with it stays there under an ack of this house, which goes before. ``notes``: oldest
    first. ``flapping``: it ended and fired again so often that it is kept open until it has been quiet.
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
    low: float | None = None
    mean: float | None = None
    samples: int = 0
    members: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    quieted: str = ""
    notes: tuple[Note, ...] = ()
    foreign: ForeignRef | None = None
    standing: AlertState | None = None
    held: Ack | None = None
    flapping: bool = False

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
