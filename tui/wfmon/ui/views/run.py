"""One run: how it went, its steps, its log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from wfmon.model.log import LogRequest
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot
from wfmon.ui import explaining
from wfmon.ui.logs.pane import Subject
from wfmon.ui.panes.facts import run_facts, run_head
from wfmon.ui.panes.steps import step_rows
from wfmon.ui.rows import Row, rule
from wfmon.ui.views.base import Deed, Frame, ShellDoor
from wfmon.ui.views.logged import LoggedView

SLACK_SECONDS = 1.0  # lines of a run without an id may be stamped a little apart
LOG_ROWS = 9  # that steps leave to the log


class RunView(LoggedView):
    name = "run"

    def __init__(self, workflow: str, run_id: str, *, focus_error: bool = False) -> None:
        super().__init__(focus_error=focus_error)
        self.workflow = workflow
        self.run_id = run_id
        self._run: Run | None = None  # as it was last seen: the lists let go of old runs

    def opened(self, shell: ShellDoor) -> None:
        self._run = find_run(shell.snapshot, self.workflow, self.run_id)
        super().opened(shell)

    def deeds(self) -> Mapping[str, Deed]:
        run = self._run
        if run is None:
            return super().deeds()
        return {**super().deeds(), "explain": partial(explaining.explain_run, self.shell, run)}

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self._run = find_run(snapshot, self.workflow, self.run_id) or self._run

    def subject(self) -> Subject:
        run = self._run
        source = (run.source or None) if run is not None else None
        if run is None or run.has_id:
            request = LogRequest(workflow=self.workflow, run=self.run_id, source=source)
            return Subject(request, began=lambda line: self._run.started_at if self._run else None)
        began = run.started_at if run.started_at is not None else run.ended_at
        request = LogRequest(
            workflow=self.workflow,
            source=source,
            since=began - SLACK_SECONDS if began is not None else None,
            until=run.ended_at + SLACK_SECONDS if run.ended_at is not None else None,
        )
        return Subject(request, "no run id: lines of that time", began=lambda line: began)

    def rows(self, frame: Frame) -> list[Row]:
        look, width, run = frame.look, frame.width, self._run
        rows = [run_head(frame, self.workflow, self.run_id, run, self.shell.paused_at)]
        if run is not None:
            rows += run_facts(look, width, run, frame.now)
            steps = step_rows(look, width, run, frame.now, frame.height - len(rows) - LOG_ROWS - 1)
            if steps:
                rows += [rule(look, width, "Steps"), *steps]
        return rows + self.log.rows(frame, frame.height - len(rows))


def find_run(snapshot: Snapshot | None, workflow: str, run_id: str) -> Run | None:
    """The run as the snapshot has it, if it still lists it."""
    if snapshot is None:
        return None
    for runs in (snapshot.runs, reversed(snapshot.recent.get(workflow, ()))):
        for run in runs:
            if run.id == run_id and run.workflow == workflow:
                return run
    return None
