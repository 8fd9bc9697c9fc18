"""One alert: what is wrong in words, who has it, what is affected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wfmon.model.alert import Alert
from wfmon.model.run import RunStatus
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui import navigate
from wfmon.ui.accepting import accept_deeds
from wfmon.ui.acking import ack_deeds
from wfmon.ui.panes.alertfacts import (
    alert_head,
    alert_rows,
    memory_facts,
    source_of,
    source_rows,
    volume_of,
    volume_rows,
)
from wfmon.ui.panes.errortexts import error_rows, error_texts
from wfmon.ui.panes.filling import filling_of
from wfmon.ui.panes.retention import RETENTION, retention_rows
from wfmon.ui.panes.runs import RunList, counts, runs_of
from wfmon.ui.panes.trend import ratio_trend
from wfmon.ui.rows import Line, Row, rule
from wfmon.ui.views.base import Deed, Frame, View

KEY = "w:"
FEWEST_RUNS = 5
MOST_TEXTS = 4


class AlertView(View):
    name = "alert"
    footer: ClassVar[tuple[str, ...]] = (
        "open",
        "worst_error",
        "row_error",
        "log",
        "ack",
        "unack",
        "runbook",
        "sources",
        "pause",
        "back",
    )

    def __init__(self, alert_id: str, alert: Alert | None = None) -> None:
        super().__init__()
        self.alert_id = alert_id
        self._alert = alert  # as it was last seen: ended ones leave the list
        self._runs = RunList(self.cursor)

    def on_key(self) -> None:
        self._runs.touched(self.shell.now())

    def deeds(self) -> Mapping[str, Deed]:
        snapshot, alert = self.shell.snapshot, self._find()
        if snapshot is None or alert is None:
            return {}
        deeds: dict[str, Deed] = {}
        runbook = alert.runbook
        if runbook:
            deeds["runbook"] = lambda: self.shell.copy(runbook, f"the runbook: {runbook}")
        workflow, run = alert.workflow or self._row_workflow(), self._runs.selected
        if workflow is not None:
            deeds["log"] = lambda: navigate.open_log(self.shell, workflow)
            if alert.workflow is None:
                deeds["open"] = lambda: navigate.open_workflow(self.shell, workflow)
            if navigate.worst_run(snapshot, workflow) is not None:
                deeds["worst_error"] = lambda: navigate.open_error(self.shell, workflow)
        if run is not None:
            deeds["open"] = lambda: navigate.open_run(self.shell, run)
            if run.failed:
                deeds["row_error"] = lambda: navigate.open_run(self.shell, run, focus_error=True)
        deeds["explain"] = lambda: navigate.open_explain(self.shell, alert.workflow, alert.id)
        deeds |= accept_deeds(self.shell, alert.workflow)
        return {**deeds, **ack_deeds(self.shell, alert)}

    def rows(self, frame: Frame) -> list[Row]:
        snapshot, alert = frame.snapshot, self._find()
        rows = [alert_head(frame, alert, self.alert_id, self.shell.paused_at)]
        if snapshot is None or alert is None:
            return rows
        rows += alert_rows(frame, snapshot, alert, self.shell.by)
        if alert.workflow is not None:
            return rows + self._affected(frame, snapshot, alert, alert.workflow, frame.height - len(rows))
        return rows + self._belonging(frame, snapshot, alert, frame.height - len(rows))

    def _find(self) -> Alert | None:
        snapshot = self.shell.snapshot
        if snapshot is not None:
            found = next((one for one in snapshot.alerts if one.id == self.alert_id), None)
            self._alert = found or self._alert
        return self._alert

    def _row_workflow(self) -> str | None:
        """The workflow under the cursor, where workflows are listed."""
        key = self.cursor.key
        return key.removeprefix(KEY) if key is not None and key.startswith(KEY) else None

    def _affected(
        self, frame: Frame, snapshot: Snapshot, alert: Alert, workflow: str, height: int
    ) -> list[Row]:
        """The trend, the runs, and what their errors say."""
        look, width, now = frame.look, frame.width, frame.now
        known = next((one for one in snapshot.workflows if one.name == workflow), None)
        rows: list[Row] = []
        if alert.rule == "failure_rate" and known is not None and height >= FEWEST_RUNS + MOST_TEXTS + 4:
            levels = 3 if height < 28 else 5
            rows += ratio_trend(look, width, levels, known.error_trend, alert.threshold)
        runs = runs_of(snapshot, workflow)
        if any(run.failed for run in runs):
            runs = [run for run in runs if run.failed or run.status is RunStatus.RUNNING]
        texts = error_texts(runs)
        shown = min(len(texts), MOST_TEXTS if height < 28 else 2 * MOST_TEXTS)
        below = max(0, min(shown + 1, height - len(rows) - FEWEST_RUNS - 1))
        list_height = height - len(rows) - (below if below > 1 else 0)
        self._runs.place(runs, now)
        self.page = max(1, list_height - 1)
        title = "Failing runs" if texts else "Runs"
        why = navigate.why_no_run(snapshot, workflow)
        listed = self._runs.rows(look, width, list_height, now, title, counts(snapshot, workflow, runs), why)
        return [*rows, *listed, *error_rows(look, width, below, texts, now)]

    def _belonging(self, frame: Frame, snapshot: Snapshot, alert: Alert, height: int) -> list[Row]:
        """What belongs to an alert that is about no workflow."""
        look, width = frame.look, frame.width
        volume, source = volume_of(snapshot, alert), source_of(snapshot, alert)
        if volume is not None:
            filling = filling_of(snapshot, volume.mount)
            return [rule(look, width, volume.mount), *volume_rows(look, width, volume, filling)]
        if alert.rule == RETENTION:
            return retention_rows(look, width, frame.now, snapshot, alert)[:height]
        if source is not None:
            return [rule(look, width, source.name, source.kind), *source_rows(look, width, source, frame.now)]
        if alert.rule != "memory" or snapshot.host is None:
            return []
        rows = [rule(look, width, "Memory"), *memory_facts(look, width, snapshot)]
        used = [one for one in snapshot.host.workflows if one.rss_bytes is not None]
        used.sort(key=lambda one: -(one.rss_bytes or 0))
        self.cursor.place([KEY + one.workflow for one in used])
        if not used:
            return rows
        rows.append(rule(look, width, "Workflows by memory"))
        self.page = max(1, height - len(rows))
        for number in self.cursor.window(self.page):
            one = used[number]
            key = KEY + one.workflow
            line = Line(look, width, selected=key == self.cursor.key).add("  ")
            line.add(one.workflow, "text", 28).add(numbers.size(one.rss_bytes), "strong", 8, right=True)
            line.add(f"  {one.processes} process{'' if one.processes == 1 else 'es'}", "muted")
            rows.append(line.row(key))
        return rows
