"""What a person may ask the monitor to do, and what came of it."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class AckAlert:
    """Take an alert. ``seconds`` None: the configured lease."""

    alert_id: str
    by: str
    seconds: float | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class UnackAlert:
    """Undo the ack or snooze, and what was shared of it."""

    alert_id: str
    by: str


@dataclass(frozen=True, slots=True)
class CommentAck:
    """Add the comment to an ack that ``by`` holds."""

    alert_id: str
    by: str
    comment: str


@dataclass(frozen=True, slots=True)
class SnoozeAlert:
    """Put an alert off. ``seconds`` None: until it is resolved."""

    alert_id: str
    by: str
    seconds: float | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class AddNote:
    """Write a note to the episode; it needs no ack."""

    alert_id: str
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class ShareAck:
    """Ack it, and silence it in its Alertmanager while it is open."""

    alert_id: str
    by: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class AcceptNormal:
    """What ``workflow`` does now is its new normal: what is usual is learnt anew."""

    workflow: str
    by: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """Ask every source now."""


Action = AckAlert | UnackAlert | CommentAck | SnoozeAlert | AddNote | ShareAck | AcceptNormal | Refresh


@dataclass(frozen=True, slots=True)
class Outcome:
    """``message`` is one line for the person; not ``ok`` means that nothing was changed."""

    ok: bool
    message: str
