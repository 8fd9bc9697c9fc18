"""What a person does with an alert, done in the store and told in a line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from wfmon.model.action import (
    AcceptNormal,
    AckAlert,
    AddNote,
    CommentAck,
    ShareAck,
    SnoozeAlert,
    UnackAlert,
)
from wfmon.model.alert import Ack, Alert, ForeignRef
from wfmon.store.acks import AckStore
from wfmon.store.errors import AckError, Gone, Held
from wfmon.text.numbers import clock
from wfmon.text.sanitize import safe

# Rules that hold a workflow against what is usual for it.
_AGAINST_USUAL = frozenset(("failure_rate", "cost_spike", "timeout", "stall", "runaway"))

Act = AckAlert | UnackAlert | CommentAck | SnoozeAlert | AddNote | ShareAck | AcceptNormal


def do(store: AckStore, action: Act, now: float, zone: tzinfo | None, shown: Mapping[str, Alert]) -> str:
    """Returns after the commit with what to tell; raises AckError. ``shown``: the alerts by id, as they are
    seen by whoever acts; ``zone`` (None: local) is that of the clocks."""
    match action:
        case AckAlert():
            held = store.ack(action.alert_id, action.by, now, seconds=action.seconds, comment=action.comment)
            return f"you have {held.episode.rule} until {_end(held.ack, zone)}"
        case SnoozeAlert():
            held = store.snooze(action.alert_id, action.by, now, action.seconds, action.comment)
            return f"{held.episode.rule} is put off until {_end(held.ack, zone)}, or until it gets worse"
        case ShareAck():
            foreign, via = _alertmanager(shown.get(action.alert_id))
            held = store.share(action.alert_id, action.by, now, via, foreign.labels, action.comment)
            return f"you have {held.episode.rule} until {_end(held.ack, zone)}; {via} is asked to mute it"
        case UnackAlert():
            before = shown.get(action.alert_id)
            record = store.unack(action.alert_id, action.by, now)
            silence = before.ack.silence if before is not None and before.ack is not None else None
            muted = "" if silence is None else ", its silence is being taken back"
            return f"{record.rule} is nobody's again{muted}"
        case CommentAck():
            return _comment(store, action, now)
        case AddNote():
            store.note(action.alert_id, action.by, now, action.text)
            return "note saved"
        case AcceptNormal():
            store.accept(action.workflow, action.by, now, _fault_began(store, action.workflow, now))
            return f"what {safe(action.workflow)} does now is its new normal"


def _comment(store: AckStore, action: CommentAck, now: float) -> str:
    """What was typed while the alert ended, or went to somebody else, is kept beside it."""
    try:
        store.comment(action.alert_id, action.by, now, action.comment)
    except (Gone, Held) as error:
        record = store.note(action.alert_id, action.by, now, action.comment)
        return f"kept as a note to {record.rule}: {error}"
    return "comment saved"


def _end(ack: Ack, zone: tzinfo | None) -> str:
    return "it is resolved" if ack.until is None else clock(ack.until, zone, seconds=False)


def _alertmanager(alert: Alert | None) -> tuple[ForeignRef, str]:
    """What the alert is in its Alertmanager, and the name of that; AckError where it cannot be shared."""
    if alert is None:
        raise AckError("not shared: this alert is not shown here")
    foreign = alert.foreign
    if foreign is None or foreign.alertmanager is None:
        raise AckError("not shared: no Alertmanager has this alert")
    if not foreign.writable:
        raise AckError(f"not shared: {foreign.alertmanager} has no allow_write = true")
    return foreign, foreign.alertmanager


def _fault_began(store: AckStore, workflow: str, now: float) -> float:
    """When the workflow left what was usual: the oldest open alert that says so; else ``now``."""
    open_since = (
        record.began_at
        for record in store.records(now).values()
        if record.workflow == workflow and record.ended_at is None and record.rule in _AGAINST_USUAL
    )
    return min(open_since, default=now)
