"""One alert: what is wrong in words, who has it, what is affected."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from wfmon.model.alert import Alert
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui import navigate
from wfmon.ui.accepting import accept_deeds
from wfmon.ui.acking import ack_deeds
from wfmon.ui.course import elapsed
from wfmon.ui.panes.alertfacts import alert_head, alert_rows, past_rows
from wfmon.ui.panes.changes import change_rows
from wfmon.ui.panes.episode import as_then
from wfmon.ui.panes.errortexts import ErrorTexts, error_rows
from wfmon.ui.panes.filling import filling_of
from wfmon.ui.panes.hostfacts import memory_facts, source_of, source_rows, volume_of, volume_rows
from wfmon.ui.panes.measured import amount
from wfmon.ui.panes.retention import RETENTION, retention_rows
from wfmon.ui.panes.runs import RunList, affected, counts, runs_of
from wfmon.ui.panes.trend import trend
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.panes.words import subject
from wfmon.ui.recollection import BEFORE_SECONDS, Recollection
from wfmon.ui.rows import Line, Row, rule
from wfmon.ui.views.base import Deed, Frame, ShellDoor, View

KEY = "w:"
FEWEST_RUNS = 4  # rows that everything else leaves to the runs, their title included
MOST_TEXTS = 4
SMALL = 20  # rows of the screen below which no trend is drawn
MOST_CHANGES = 3


class AlertView(View):
    name = "alert"
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
        "copy",
        "runbook",
        "sources",
        "pause",
        "back",
    )

    def __init__(self, alert_id: str, alert: Alert | None = None) -> None:
        super().__init__()
        self.alert_id = alert_id
        self._alert = alert  # as it was last seen: ended ones leave the list
        self._over = alert if alert is not None and not alert.open else None
        self._points = 80
        self._runs = RunList(self.cursor)
        self._texts = ErrorTexts()

    def opened(self, shell: ShellDoor) -> None:
        super().opened(shell)
        self._recalled = Recollection(shell, self.start)
        self._recall()

    def on_snapshot(self, snapshot: Snapshot) -> None:
        self._recall()

    def first_step_back(self) -> float | None:
        return self._alert.since if self._alert is not None else None

    def _recall(self) -> None:
        alert = self._find()
        if alert is not None:
            self._recalled.refresh(self._whole() or alert, self._points)

    def on_key(self) -> None:
        self._runs.touched(self.shell.now())

    def deeds(self) -> Mapping[str, Deed]:
        snapshot, alert = self.shell.snapshot, self._find()
        if snapshot is None or alert is None:
            return {}
        deeds: dict[str, Deed] = {}
        runbook = alert.runbook
        if runbook:
            deeds["runbook"] = lambda: navigate.open_runbook(self.shell, runbook, subject(alert))
        deeds["copy"] = lambda: navigate.hand_off(self.shell, alert)
        workflow, run = alert.workflow or self._row_workflow(), self._runs.selected
        if workflow is not None:
            deeds["log"] = lambda: navigate.open_log(self.shell, workflow)
            if alert.workflow is None:
                deeds["open"] = lambda: navigate.open_workflow(self.shell, workflow)
            if navigate.worst_run(snapshot, workflow) is not None:
                deeds["worst_error"] = lambda: navigate.open_error(self.shell, workflow)
        if run is not None:
            deeds["open"] = lambda: navigate.open_run(self.shell, run, focus_error=run.failed)
            if run.failed:
                deeds["row_error"] = lambda: navigate.open_run(self.shell, run, focus_error=True)
        deeds["explain"] = lambda: navigate.open_explain(
            self.shell, alert.workflow, alert.id, alert=alert, run=run
        )
        deeds |= accept_deeds(self.shell, alert.workflow)
        return {**deeds, **ack_deeds(self.shell, alert)}

    def rows(self, frame: Frame) -> list[Row]:
        snapshot, alert, past = frame.snapshot, self._find(), frame.past
        rows = [alert_head(frame, alert, self.alert_id, self.shell.paused_at)]
        if alert is None:
            return rows + (unknown_rows(frame, past) if past is not None and snapshot is None else [])
        if past is None and snapshot is not None:
            rows += alert_rows(frame, snapshot, alert, self.shell.by)
        elif past is not None:
            rows += self._then(frame, alert)
        if snapshot is None:
            return rows
        rows += self._course(frame, snapshot, alert, frame.height - len(rows))
        height = frame.height - len(rows)
        if alert.workflow is not None:
            return rows + self._affected(frame, snapshot, alert, alert.workflow, height)
        below = self._belonging(frame, snapshot, alert, height)
        return rows + below + self._changed(frame, height - len(below))

    def _then(self, frame: Frame, alert: Alert) -> list[Row]:
        """What was known of the alert at a moment of the past, and the whole episode."""
        shell = self.shell
        rows = past_rows(frame, alert, self._whole(), shell.latest, shell.now(), shell.by)
        return rows + (unknown_rows(frame, frame.past) if frame.snapshot is None and frame.past else [])

    def _find(self) -> Alert | None:
        """The alert as it stands at the time that is on the screen."""
        past, found = self.shell.moment, _listed(self.shell.snapshot, self.alert_id)
        if past is None:
            self._alert = found or self._alert
            return self._alert
        if found is not None and found.open:
            return found
        known = self._whole() or found or self._alert
        return as_then(known, past.at) if known is not None else None

    def _whole(self) -> Alert | None:
        """The episode from its begin to its end, or to now; None where it is not known whether it ended."""
        return self._recalled.over or _listed(self.shell.latest, self.alert_id) or self._over

    def _row_workflow(self) -> str | None:
        """The workflow under the cursor, where workflows are listed."""
        key = self.cursor.key
        return key.removeprefix(KEY) if key is not None and key.startswith(KEY) else None

    def _affected(
        self, frame: Frame, snapshot: Snapshot, alert: Alert, workflow: str, height: int
    ) -> list[Row]:
        """The runs, and what their errors say."""
        look, width, now = frame.look, frame.width, frame.now
        runs, title = affected(runs_of(snapshot, workflow), alert)
        found = self._texts.of(runs)
        most = min(len(found), MOST_TEXTS if frame.height < 30 else 2 * MOST_TEXTS)
        below = max(0, min(most + 1, height - FEWEST_RUNS))
        left = height - (below if below > 1 else 0)
        changed = self._changed(frame, left - FEWEST_RUNS - 1)
        list_height = left - len(changed)
        self._runs.place(runs, now)
        self.page = max(1, list_height - 1)
        why = navigate.why_no_run(snapshot, workflow)
        if frame.past is not None and not runs:
            why = f"no run of {workflow} is kept from then"
        listed = self._runs.rows(look, width, list_height, now, title, counts(snapshot, workflow, runs), why)
        return [*listed, *error_rows(look, width, below, found, now), *changed]

    def _course(self, frame: Frame, snapshot: Snapshot, alert: Alert, height: int) -> list[Row]:
        """What the rule looks at, from before the begin; what the snapshot has of it where nothing is
        remembered."""
        self._points = frame.width
        if frame.height < SMALL or height < FEWEST_RUNS + MOST_TEXTS + 3:
            return []
        look, width, levels = frame.look, frame.width, 3 if frame.height < 30 else 5
        mark = frame.past.at if frame.past is not None else alert.since
        if alert.rule == "timeout" and alert.unit == "seconds" and alert.workflow is not None:
            begin = min(alert.since, frame.now) - BEFORE_SECONDS
            points = elapsed(alert, runs_of(snapshot, alert.workflow), begin, frame.now, width)
            write = partial(amount, unit="seconds")
            return trend(
                look,
                width,
                levels,
                points,
                alert.threshold,
                begin=begin,
                end=frame.now,
                mark=mark,
                write=write,
            )
        series, course = self._recalled.course, self._recalled.drawn
        if series is not None and course is not None:
            rows = trend(
                look,
                width,
                levels,
                series.values,
                course.threshold,
                begin=series.begin,
                end=series.end,
                mark=mark,
                write=course.write,
                most=course.most,
            )
            if rows:
                return rows
        known = next((one for one in snapshot.workflows if one.name == alert.workflow), None)
        if alert.rule != "failure_rate" or known is None:
            return []
        return trend(look, width, levels, known.error_trend, alert.threshold, most=1.0)

    def _changed(self, frame: Frame, height: int) -> list[Row]:
        """What changed in the hour before the begin, where there is room for it."""
        changes = self._recalled.changes[: min(MOST_CHANGES, height - 1)]
        if height < 2 or not changes:
            return []
        look, width = frame.look, frame.width
        head = rule(look, width, "What changed in the hour before")
        return [head, *change_rows(look, width, changes, self.shell.now())]

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


def _listed(snapshot: Snapshot | None, alert_id: str) -> Alert | None:
    alerts = (*snapshot.alerts, *snapshot.ended) if snapshot is not None else ()
    return next((one for one in alerts if one.id == alert_id), None)
