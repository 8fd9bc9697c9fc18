"""Why does it say so: the figures of a row with their windows, their age and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from wfmon.model.alert import Alert
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.alertfacts import alert_rows
from wfmon.ui.panes.explained import workflow_explained
from wfmon.ui.panes.facts import fact, wrapped_fact
from wfmon.ui.panes.filling import filling_of
from wfmon.ui.panes.hostfacts import memory_facts, source_of, source_rows, volume_of, volume_rows
from wfmon.ui.panes.measured import amount
from wfmon.ui.panes.retention import RETENTION, kept_rows, retention_rows
from wfmon.ui.panes.runfacts import run_words
from wfmon.ui.panes.standings import standing_rows
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.panes.words import lasting, subject
from wfmon.ui.rows import Line, Row, rule
from wfmon.ui.views.base import Deed, Frame
from wfmon.ui.views.page import PageView
from wfmon.ui.views.run import find_run

_SLOPES = "free space at the pace of the last 6h, and at that of a day; told where both agree that it fills"


class ExplainView(PageView):
    """Of an alert, of a workflow, of a run of it, or, with none of them, of storage and retention.

    ``alert``, ``run``: as they are known, where the snapshot does not list them any more."""

    name = "explain"
    footer: ClassVar[tuple[str, ...]] = ("back",)

    def __init__(
        self,
        workflow: str | None = None,
        alert_id: str | None = None,
        alert: Alert | None = None,
        run: Run | None = None,
    ) -> None:
        super().__init__()
        self.workflow = workflow
        self.alert_id = alert_id
        self._alert = alert  # all as they were last seen
        self._run = run
        self._known: Workflow | None = None

    def deeds(self) -> Mapping[str, Deed]:
        return {"explain": self.shell.back}

    def title(self, frame: Frame) -> Row:
        what = subject(self._alert) if self._alert is not None else self.workflow or "storage and retention"
        if self._run is not None:
            what += f" {frame.look.signs.dot} {self._run.id if self._run.has_id else 'a run without id'}"
        return rule(frame.look, frame.width, f"Explained: {what}", frame.banner or "esc closes")

    def lines(self, frame: Frame) -> list[Row]:
        look, width, snapshot = frame.look, frame.width, frame.snapshot
        if snapshot is None:
            nothing = Line(look, width).add("  no source has answered yet", "muted").row()
            return unknown_rows(frame, frame.past) if frame.past is not None else [nothing]
        self._find(snapshot)
        rows: list[Row] = []
        if self._alert is not None:
            rows += [rule(look, width, "Alert", self._alert.id)]
            rows += alert_rows(frame, snapshot, self._alert, self.shell.by)
            rows += _measured(look, width, frame.now, self._alert)
            rows += _belonging(look, width, frame.now, snapshot, self._alert)
        if self._run is not None:
            rows += _run_rows(look, width, frame.now, snapshot, self._run)
        if self._known is not None:
            past = frame.past is not None
            rows += workflow_explained(look, width, frame.now, snapshot, self._known, past=past)
            rules = self.shell.rules()
            if rules is not None and not past:
                rows += standing_rows(look, width, frame.now, snapshot, self._known, rules)
        if self._alert is None and self._known is None and self._run is None:
            rows += _storage(look, width, frame.now, snapshot)
        return rows

    def _find(self, snapshot: Snapshot) -> None:
        alerts = (*snapshot.alerts, *snapshot.ended)
        self._alert = next((one for one in alerts if one.id == self.alert_id), self._alert)
        if self._run is not None:
            self._run = find_run(snapshot, self._run.workflow, self._run.id) or self._run
        self._known = next((one for one in snapshot.workflows if one.name == self.workflow), self._known)


def _run_rows(look: Look, width: int, now: float, snapshot: Snapshot, run: Run) -> Iterator[Row]:
    yield rule(look, width, f"Run: {run.id if run.has_id else 'without id'}")
    for label, words in run_words(look, snapshot, run, now):
        if words:
            yield from wrapped_fact(look, width, label, words, "text", 4)


def _measured(look: Look, width: int, now: float, alert: Alert) -> Iterator[Row]:
    """Value, threshold, window and n, as far as the alert has them."""
    present = "now" if alert.open else "when it ended"
    parts = [f"{amount(alert.value, alert.unit)} {present}"] if alert.value is not None else []
    parts += [f"{amount(alert.peak, alert.unit)} at its worst"] if alert.peak is not None else []
    parts += [f"threshold {amount(alert.threshold, alert.unit)}"] if alert.threshold is not None else []
    if parts:
        yield fact(look, width, "value", (", ".join(parts), "text"))
    if alert.n is not None:
        failed = f"{numbers.count(alert.failed)} failed of " if alert.failed is not None else ""
        window = f" in {numbers.duration(alert.window_seconds)}" if alert.window_seconds else ""
        yield fact(look, width, "of", (f"{failed}{numbers.counted(alert.n, 'run')}{window}", "text"))
    earlier = " or earlier: what is known begins there" if alert.since_at_least else ""
    ended = None if alert.open else alert.ended_at
    until = lasting(alert, now) if ended is None else f"until {look.minute(ended, now)}"
    yield fact(look, width, "since", (f"{look.minute(alert.since, now)}{earlier}, {until}", "text"))
    said = "a rule of wfmon-tui" if alert.source == "wfmon" else alert.source
    labels = " ".join(f"{name}={value}" for name, value in alert.labels)
    yield from wrapped_fact(look, width, "from", f"{said}, {labels}" if labels else said, "text", 2)


def _belonging(look: Look, width: int, now: float, snapshot: Snapshot, alert: Alert) -> Iterator[Row]:
    """What it measured, where that is no workflow."""
    volume, source = volume_of(snapshot, alert), source_of(snapshot, alert)
    if volume is not None:
        yield rule(look, width, volume.path)
        yield from volume_rows(look, width, volume, filling_of(snapshot, volume.mount))
        yield from wrapped_fact(look, width, "forecast", _SLOPES, "muted", 2)
    elif source is not None:
        yield rule(look, width, source.name, source.kind)
        yield from source_rows(look, width, source, now)
    elif alert.rule == RETENTION:
        yield from retention_rows(look, width, now, snapshot, alert)
    elif alert.rule == "memory":
        yield rule(look, width, "Memory")
        yield from memory_facts(look, width, snapshot)


def _storage(look: Look, width: int, now: float, snapshot: Snapshot) -> Iterator[Row]:
    """Every volume with what it fills by, and everything that is kept."""
    volumes = snapshot.host.volumes if snapshot.host is not None else ()
    for volume in volumes:
        yield rule(look, width, volume.path)
        yield from volume_rows(look, width, volume, filling_of(snapshot, volume.mount))
    if volumes:
        yield from wrapped_fact(look, width, "forecast", _SLOPES, "muted", 2)
    for one in snapshot.retention:
        yield from kept_rows(look, width, now, one)
    if not volumes and not snapshot.retention:
        yield Line(look, width).add("  no file system is watched, no log or metric is known", "muted").row()
