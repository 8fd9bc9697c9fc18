"""Why does it say so: the figures of a row with their windows, their age and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wfmon.model.alert import Alert
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.ui.panes.words import subject
from wfmon.ui.rows import Line, Row, rule
from wfmon.ui.views.base import Deed, Frame
from wfmon.ui.views.page import PageView


class ExplainView(PageView):
    """Of an alert, of a workflow, or, with neither, of storage and retention."""

    name = "explain"
    footer: ClassVar[tuple[str, ...]] = ("back",)

    def __init__(self, workflow: str | None = None, alert_id: str | None = None) -> None:
        super().__init__()
        self.workflow = workflow
        self.alert_id = alert_id
        self._alert: Alert | None = None  # both as they were last seen
        self._known: Workflow | None = None

    def deeds(self) -> Mapping[str, Deed]:
        return {"explain": self.shell.back}

    def title(self, frame: Frame) -> Row:
        self._find(frame.snapshot)
        what = subject(self._alert) if self._alert is not None else self.workflow or "storage and retention"
        return rule(frame.look, frame.width, f"Explained: {what}", "esc closes")

    def lines(self, frame: Frame) -> list[Row]:
        look, width, snapshot = frame.look, frame.width, frame.snapshot
        if snapshot is None:
            return [Line(look, width).add("  no source has answered yet", "muted").row()]
        return []

    def _find(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            return
        alerts = (*snapshot.alerts, *snapshot.ended)
        self._alert = next((one for one in alerts if one.id == self.alert_id), self._alert)
        self._known = next((one for one in snapshot.workflows if one.name == self.workflow), self._known)
