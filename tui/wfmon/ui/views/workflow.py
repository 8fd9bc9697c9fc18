"""One workflow: its figures, and its runs with what fails first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wfmon.model.snapshot import Workflow
from wfmon.text import numbers
from wfmon.ui import navigate
from wfmon.ui.accepting import accept_deeds
from wfmon.ui.acking import ack_deeds, only_alert
from wfmon.ui.panes.facts import fact, workflow_head
from wfmon.ui.panes.runs import RunList, counts, runs_of
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.panes.words import lasting, standing
from wfmon.ui.panes.workflowfacts import workflow_rows
from wfmon.ui.rows import Row
from wfmon.ui.views.base import Deed, Frame, View

FEWEST_RUNS = 6  # rows that the figures leave to the list, its title included


class WorkflowView(View):
    name = "workflow"
    footer: ClassVar[tuple[str, ...]] = (
        "open",
        "worst_error",
        "row_error",
        "log",
        "ack",
        "unack",
        "snooze",
        "note",
        "share",
        "runbook",
        "pause",
        "back",
        "explain",
    )

    def __init__(self, workflow: str) -> None:
        super().__init__()
        self.workflow = workflow
        self._runs = RunList(self.cursor)
        self._known: Workflow | None = None  # as it was last seen

    def on_key(self) -> None:
        self._runs.touched(self.shell.now())

    def deeds(self) -> Mapping[str, Deed]:
        snapshot = self.shell.snapshot
        if snapshot is None:
            return {}
        deeds: dict[str, Deed] = {"log": lambda: navigate.open_log(self.shell, self.workflow)}
        if navigate.worst_run(snapshot, self.workflow) is not None:
            deeds["worst_error"] = lambda: navigate.open_error(self.shell, self.workflow)
        runbook = self._known.runbook if self._known is not None else None
        if runbook:
            deeds["runbook"] = lambda: navigate.open_runbook(self.shell, runbook, self.workflow)
        run = self._runs.selected
        if run is not None:
            deeds["open"] = lambda: navigate.open_run(self.shell, run, focus_error=run.failed)
            if run.failed:
                deeds["row_error"] = lambda: navigate.open_run(self.shell, run, focus_error=True)
        deeds["explain"] = lambda: navigate.open_explain(self.shell, self.workflow, run=run)
        deeds |= accept_deeds(self.shell, self.workflow)
        return {**deeds, **ack_deeds(self.shell, only_alert(snapshot, self.workflow))}

    def rows(self, frame: Frame) -> list[Row]:
        look, width, snapshot = frame.look, frame.width, frame.snapshot
        rows = [workflow_head(frame, self.workflow, self.shell.paused_at)]
        if snapshot is None:
            return rows + (unknown_rows(frame, frame.past) if frame.past is not None else [])
        rows += self._alert_rows(frame)
        found = next((one for one in snapshot.workflows if one.name == self.workflow), None)
        self._known = found or self._known
        if self._known is not None:
            figures = workflow_rows(look, width, snapshot, self._known)
            rows += figures[: max(0, frame.height - len(rows) - FEWEST_RUNS)]
        runs = runs_of(snapshot, self.workflow)
        self._runs.place(runs, frame.now)
        height = frame.height - len(rows)
        self.page = max(1, height - 1)
        why = navigate.why_no_run(snapshot, self.workflow)
        if frame.past is not None:
            why = f"no run of {self.workflow} is kept from then"
        known = counts(snapshot, self.workflow, runs)
        return rows + self._runs.rows(look, width, height, frame.now, "Runs", known, why)

    def _alert_rows(self, frame: Frame) -> list[Row]:
        look, snapshot = frame.look, frame.snapshot
        alerts = [one for one in snapshot.alerts if one.workflow == self.workflow] if snapshot else []
        rows = []
        for alert in [one for one in alerts if one.open][:3]:
            sign, role = look.alert_sign(alert)
            words = standing(alert, look, frame.now, 30) if alert.taken else lasting(alert, frame.now)
            rows.append(
                fact(
                    look,
                    frame.width,
                    "alert",
                    (f"{sign} {alert.rule}", role),
                    (f"  {alert.summary}", "text"),
                    right=(words, "acked" if alert.taken else "text"),
                )
            )
        ended = [one for one in alerts if not one.open and one.ended_at is not None]
        if not rows and ended:
            last = max(ended, key=lambda one: one.ended_at or 0.0)
            ago = numbers.age(max(0.0, frame.now - (last.ended_at or 0.0)))
            words = f"{last.rule} ended {ago} ago: {last.summary}"
            rows.append(fact(look, frame.width, "alert", (words, "muted")))
        return rows
