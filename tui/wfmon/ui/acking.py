"""Acknowledging from the screen: at once, then an optional comment."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.action import AckAlert, Action, CommentAck, UnackAlert
from wfmon.model.alert import Alert, AlertState
from wfmon.model.snapshot import Snapshot
from wfmon.ui.prompt import AskLine
from wfmon.ui.views.base import Deed, ShellDoor


def ack_deeds(shell: ShellDoor, alert: Alert | None) -> Mapping[str, Deed]:
    """``ack`` or ``unack`` of ``alert``, whichever does something now."""
    if alert is None or not alert.open:
        return {}
    if alert.state is AlertState.ACKED:
        return {"unack": lambda: shell.start(_unack(shell, alert))}
    if alert.state in (AlertState.FIRING, AlertState.NO_DATA):
        return {"ack": lambda: shell.start(_ack(shell, alert))}
    return {}


def only_alert(snapshot: Snapshot, workflow: str) -> Alert | None:
    """The open alert of a workflow if there is exactly one."""
    found = [alert for alert in snapshot.alerts if alert.open and alert.workflow == workflow]
    return found[0] if len(found) == 1 else None


async def _ack(shell: ShellDoor, alert: Alert) -> None:
    if not await _act(shell, AckAlert(alert.id, shell.by)):
        return

    def comment(text: str | None) -> None:
        if text:
            shell.start(_comment(shell, alert.id, text))

    shell.ask(AskLine(f"acked {alert.rule} {alert.workflow or ''}".rstrip() + " · comment (⏎):", comment))


async def _unack(shell: ShellDoor, alert: Alert) -> None:
    await _act(shell, UnackAlert(alert.id, shell.by))


async def _comment(shell: ShellDoor, alert_id: str, text: str) -> None:
    await _act(shell, CommentAck(alert_id, shell.by, text))


async def _act(shell: ShellDoor, action: Action) -> bool:
    outcome = await shell.doors.act(action)
    shell.tell(outcome.message, ok=outcome.ok)
    return outcome.ok
