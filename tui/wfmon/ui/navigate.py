"""From one screen to another. Views are loaded when they are first opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wfmon.model.alert import Alert, AlertState
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot
from wfmon.model.source import SourceState
from wfmon.ui.views.base import Frame, ShellDoor


def open_alert(shell: ShellDoor, alert: Alert) -> None:
    """One that is over opens as it was when it began."""
    from wfmon.ui.views.alert import AlertView

    shell.open(AlertView(alert.id, alert))
    if alert.state is AlertState.RESOLVED:
        shell.travel(alert.since)


def open_ended_list(shell: ShellDoor) -> None:
    from wfmon.ui.views.ended import EndedView

    shell.open(EndedView())


def open_workflow(shell: ShellDoor, name: str) -> None:
    from wfmon.ui.views.workflow import WorkflowView

    shell.open(WorkflowView(name))


def open_run(shell: ShellDoor, run: Run, *, focus_error: bool = False) -> None:
    from wfmon.ui.views.run import RunView

    shell.open(RunView(run.workflow, run.id, focus_error=focus_error))


def open_log(shell: ShellDoor, workflow: str) -> None:
    from wfmon.ui.views.log import LogView

    shell.open(LogView(workflow))


def open_explain(
    shell: ShellDoor,
    workflow: str | None = None,
    alert_id: str | None = None,
    *,
    alert: Alert | None = None,
    run: Run | None = None,
) -> None:
    """The figures of an alert, a workflow, a run of it; with none of them, storage and retention. ``alert``:
    as it is known, where the snapshot may not list it any more."""
    from wfmon.ui.views.explain import ExplainView

    shell.open(ExplainView(workflow, alert_id, alert, run))


def open_facts(shell: ShellDoor, title: str, facts: Callable[[Frame], Iterable[tuple[str, str]]]) -> None:
    """Explain ``title`` by labels and words that ``facts`` tells of what is on the screen (``FactsView``)."""
    from wfmon.ui.views.facts import FactsView

    shell.open(FactsView(title, facts))


def open_runbook(shell: ShellDoor, text: str, subject: str) -> None:
    from wfmon.ui.views.runbook import RunbookView

    shell.open(RunbookView(text, subject))


def hand_off(shell: ShellDoor, alert: Alert) -> None:
    """Copy a card that tells the next person of ``alert``."""
    from wfmon.ui import handing

    shell.start(handing.hand_off(shell, alert))


def open_sources(shell: ShellDoor) -> None:
    from wfmon.ui.views.sources import SourcesView

    shell.open(SourcesView())


def open_error(shell: ShellDoor, workflow: str | None = None) -> None:
    """The newest error line of the worst run, or of the worst run of one workflow."""
    snapshot = shell.snapshot
    run = worst_run(snapshot, workflow) if snapshot else None
    if run is None:
        why = why_no_run(snapshot, workflow) if shell.moment is None else "no failed run is kept from then"
        shell.tell(why, ok=False)
        return
    open_run(shell, run, focus_error=True)


def knows_error(snapshot: Snapshot) -> bool:
    """Whether there is an error line to go to, or something to say of why there is none."""
    return any(run.failed for run in snapshot.runs) or bool(_worst_alerts(snapshot))


def worst_run(snapshot: Snapshot, workflow: str | None = None) -> Run | None:
    """The newest failed run; of the workflow that the worst alert speaks of, where it has one."""
    failed = [run for run in snapshot.runs if run.failed and workflow in (None, run.workflow)]
    if not failed:
        return None
    troubled = {alert.workflow for alert in _worst_alerts(snapshot)}
    return max(failed, key=lambda run: (run.workflow in troubled, _failed_at(run)))


def why_no_run(snapshot: Snapshot | None, workflow: str | None) -> str:
    """Why there is no error line to go to, and which setting would give one."""
    if snapshot is None:
        return "no source has answered yet"
    troubled = [alert.workflow for alert in _worst_alerts(snapshot)]
    name = workflow or (troubled[0] if troubled else None)
    if name is None:
        return "no failed run is known"
    if any(run.workflow == name for run in snapshot.runs):
        return f"no failed run of {name} is known"
    return f'no log of {name} is known: name its files, --logs GLOB or [[source]] kind = "logs"'


def silent_sources(snapshot: Snapshot) -> frozenset[str]:
    """Sources that do not answer now."""
    gone = (SourceState.DOWN, SourceState.STALE)
    return frozenset(one.name for one in snapshot.sources if one.state in gone)


def _worst_alerts(snapshot: Snapshot) -> list[Alert]:
    """The open alerts of workflows that weigh most; among equals those that nobody has."""
    alerts = [alert for alert in snapshot.alerts if alert.open and alert.workflow]
    if not alerts:
        return []
    worst = max((alert.severity, not alert.taken) for alert in alerts)
    return [alert for alert in alerts if (alert.severity, not alert.taken) == worst]


def _failed_at(run: Run) -> float:
    return run.error_at or run.ended_at or run.last_line_at or run.started_at or 0.0
