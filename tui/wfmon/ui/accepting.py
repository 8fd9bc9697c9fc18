"""Accepting what a workflow does now as its new normal: asked once, then sent."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.action import AcceptNormal
from wfmon.ui.prompt import Choose
from wfmon.ui.views.base import Deed, ShellDoor


def accept_deeds(shell: ShellDoor, workflow: str | None) -> Mapping[str, Deed]:
    """``accept_normal`` for a workflow of which something is learnt."""
    snapshot = shell.snapshot
    if workflow is None or snapshot is None:
        return {}
    if not any(one.name == workflow and one.usual is not None for one in snapshot.workflows):
        return {}
    return {"accept_normal": lambda: _ask(shell, workflow)}


def _ask(shell: ShellDoor, workflow: str) -> None:
    def answered(key: str | None) -> None:
        if key == "y":
            shell.start(_accept(shell, workflow))
        else:
            shell.tell("nothing was changed")

    label = f"accept what {workflow} does now as its new normal?"
    shell.ask(Choose(label, (("y", "yes"), ("n", "no")), answered))


async def _accept(shell: ShellDoor, workflow: str) -> None:
    outcome = await shell.doors.act(AcceptNormal(workflow, shell.by))
    shell.tell(outcome.message, ok=outcome.ok)
