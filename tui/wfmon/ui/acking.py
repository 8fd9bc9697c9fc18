"""What a person may do with an alert from the screen: take it, put it off, share that, write to it.

An ack is done at once and asks for its comment afterwards. Everything goes by the alert's id: rows move
while somebody types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from wfmon.model.action import (
    AckAlert,
    Action,
    AddNote,
    CommentAck,
    ShareAck,
    SnoozeAlert,
    UnackAlert,
)
from wfmon.model.alert import Ack, Alert, AlertState
from wfmon.model.snapshot import Snapshot
from wfmon.ui.prompt import AskLine, Choose, Confirm
from wfmon.ui.views.base import Deed, ShellDoor

SNOOZES: tuple[tuple[str, str, float | None], ...] = (
    ("1", "15m", 900.0),
    ("2", "1h", 3600.0),
    ("3", "4h", 4 * 3600.0),
    ("4", "until resolved", None),
)
_FREE = (AlertState.FIRING, AlertState.NO_DATA)
_HELD = (AlertState.ACKED, AlertState.SNOOZED)
# Left to re's cache: compiled here they would be a part of every start.
_PLACE = r"( from)? (pts/|tty)\S+$"
_NAMED = r"[^\s(]+ \((.*)\)"


def ack_deeds(shell: ShellDoor, alert: Alert | None) -> Mapping[str, Deed]:
    """What may be done to ``alert`` now."""
    if alert is None or not alert.open:
        return {}
    mine = alert.ack is not None and alert.state in _HELD and is_mine(alert.ack, shell.by)
    deeds: dict[str, Deed] = {"note": lambda: _ask_note(shell, alert)}
    if alert.state not in _HELD:
        deeds["ack"] = lambda: shell.start(_ack(shell, alert))
    if mine:
        deeds["unack"] = lambda: shell.start(_do(shell, UnackAlert(alert.id, shell.by)))
    if mine or alert.state in _FREE:
        deeds["snooze"] = lambda: _ask_snooze(shell, alert)
        if _sharable(alert):
            deeds["share"] = lambda: _ask_share(shell, alert)
    return deeds


def only_alert(snapshot: Snapshot, workflow: str) -> Alert | None:
    """The open alert of a workflow if there is exactly one."""
    found = [alert for alert in snapshot.alerts if alert.open and alert.workflow == workflow]
    return found[0] if len(found) == 1 else None


def is_mine(ack: Ack, by: str) -> bool:
    """Whether ``by`` may have set it: the same login from the same place, from whatever terminal of it.

    The store decides; this is for not offering what it would refuse.
    """
    named = re.fullmatch(_NAMED, ack.by)
    return re.sub(_PLACE, "", named[1] if named else ack.by) == re.sub(_PLACE, "", by)


def _sharable(alert: Alert) -> bool:
    """Whether its Alertmanager may be asked to mute it, and was not yet."""
    foreign, ack = alert.foreign, alert.ack
    if foreign is None or foreign.alertmanager is None or not foreign.writable:
        return False
    return ack is None or not (ack.shared or (ack.via is not None and ack.problem is None))


def _called(alert: Alert) -> str:
    return f"{alert.rule} {alert.workflow or ''}".rstrip()


async def _ack(shell: ShellDoor, alert: Alert) -> None:
    if not await _act(shell, AckAlert(alert.id, shell.by)):
        return

    def comment(text: str | None) -> None:
        if text:
            shell.start(_do(shell, CommentAck(alert.id, shell.by, text)))

    shell.ask(AskLine(f"acked {_called(alert)}", comment, asks=" · comment (⏎):"))


def _ask_snooze(shell: ShellDoor, alert: Alert) -> None:
    def chosen(key: str | None) -> None:
        for each, _words, seconds in SNOOZES:
            if each == key:
                shell.start(_do(shell, SnoozeAlert(alert.id, shell.by, seconds)))

    shell.ask(Choose(f"snooze {_called(alert)}:", [(key, words) for key, words, _ in SNOOZES], chosen))


def _ask_note(shell: ShellDoor, alert: Alert) -> None:
    def written(text: str | None) -> None:
        if text and text.strip():
            shell.start(_do(shell, AddNote(alert.id, shell.by, text)))

    shell.ask(AskLine(f"note to {_called(alert)}", written, asks=":"))


def _ask_share(shell: ShellDoor, alert: Alert) -> None:
    def answered(yes: bool) -> None:
        if yes:
            shell.start(_do(shell, ShareAck(alert.id, shell.by)))
        else:
            shell.tell("not shared: nothing was changed")

    shell.ask(Confirm(_mutes(alert), answered))


def _mutes(alert: Alert) -> tuple[str, ...]:
    """Whom a share keeps from being told, the longest words first."""
    foreign = alert.foreign
    assert foreign is not None, "only offered where there is one"
    names = ", ".join(foreign.receivers)
    whole = f"mutes {alert.rule} in {foreign.alertmanager} for everybody"
    if not names:
        return (f"{whole} · y to share, any other key: no", f"{whole} · y shares, else no")
    count = "1 receiver" if len(foreign.receivers) == 1 else f"{len(foreign.receivers)} receivers"
    return (
        f"{whole}: receivers {names} · y to share, any other key: no",
        f"{whole}: {names} · y shares, else no",
        f"mutes it in {foreign.alertmanager} for all: {names} · y shares, else no",
        f"mutes it in {foreign.alertmanager} for all ({count}) · y shares, else no",
        f"mutes it for everybody ({count}) · y shares, else no",
    )


async def _do(shell: ShellDoor, action: Action) -> None:
    await _act(shell, action)


async def _act(shell: ShellDoor, action: Action) -> bool:
    outcome = await shell.doors.act(action)
    shell.tell(outcome.message, ok=outcome.ok)
    return outcome.ok
