"""The log of a workflow: the lines of all its runs."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.log import LogLine, LogRequest
from wfmon.model.snapshot import Snapshot
from wfmon.ui.logs.pane import Subject
from wfmon.ui.moments import told
from wfmon.ui.panes.facts import workflow_head
from wfmon.ui.rows import Row
from wfmon.ui.views.base import Frame
from wfmon.ui.views.logged import LoggedView


class LogView(LoggedView):
    name = "log"

    def __init__(self, workflow: str) -> None:
        super().__init__()
        self.workflow = workflow
        self._began_for: Snapshot | None = None
        self._began: Mapping[str, float | None] = {}

    def subject(self) -> Subject:
        """All lines; opened from a moment of the past, those up to it."""
        past = self.shell.moment
        if past is None:
            return Subject(LogRequest(workflow=self.workflow), many_runs=True, began=self._run_began)
        fine = past.at % 60 != 0
        title = f"Log until {told(past.at, self.shell.now(), self.shell.look.zone, seconds=fine)}"
        request = LogRequest(workflow=self.workflow, until=past.at)
        return Subject(request, title, many_runs=True, began=self._run_began)

    def rows(self, frame: Frame) -> list[Row]:
        rows = [workflow_head(frame, self.workflow, self.shell.paused_at)]
        return rows + self.log.rows(frame, frame.height - len(rows))

    def _run_began(self, line: LogLine) -> float | None:
        snapshot = self.shell.snapshot
        if snapshot is not None and snapshot is not self._began_for:
            self._began_for = snapshot
            runs = (*snapshot.recent.get(self.workflow, ()), *snapshot.runs)
            self._began = {run.id: run.started_at for run in runs if run.workflow == self.workflow}
        return self._began.get(line.run) if line.run is not None else None
