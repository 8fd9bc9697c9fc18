"""For who wrote the workflow: which step, which attempt, which error, how slow against usual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

from wfmon.analysis.patterns import Pattern
from wfmon.analysis.stepstats import StepStat
from wfmon.model.alert import Alert
from wfmon.model.run import Run
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.text import numbers
from wfmon.ui import navigate, order
from wfmon.ui.accepting import accept_deeds
from wfmon.ui.acking import ack_deeds, only_alert
from wfmon.ui.chosenrun import ChosenRun
from wfmon.ui.panes import devworkflows as workflow_pane
from wfmon.ui.panes import errortexts as error_pane
from wfmon.ui.panes import runs as run_pane
from wfmon.ui.panes import steps as step_pane
from wfmon.ui.panes import stepstats as stat_pane
from wfmon.ui.panes.againstusual import usual_rows
from wfmon.ui.panes.columns import coarse
from wfmon.ui.panes.empty import nothing_seen, waiting
from wfmon.ui.panes.facts import lasted, outcome
from wfmon.ui.panes.titlebar import title_row
from wfmon.ui.panes.unknown import unknown_rows
from wfmon.ui.panes.usual import learnt
from wfmon.ui.panes.verdict import verdict_rows
from wfmon.ui.prompt import AskLine, Choose
from wfmon.ui.rows import Line, Row, RowCursor, rule, wrap
from wfmon.ui.stack import Wish, share
from wfmon.ui.views.base import Deed, Frame, View
from wfmon.ui.views.operations import STILL_SECONDS, paused

WORKFLOWS, RUNS, STEPS, STATS, ERRORS, USUAL = "workflows", "runs", "steps", "slowest", "errors", "usual"
PANES = (WORKFLOWS, RUNS, STEPS, STATS, ERRORS)  # that the cursor goes through
_OF_KEY = {
    workflow_pane.KEY: WORKFLOWS,
    run_pane.KEY: RUNS,
    step_pane.KEY: STEPS,
    stat_pane.KEY: STATS,
    error_pane.KEY: ERRORS,
}


class DevelopmentView(View):
    name = "development"
    footer: ClassVar[tuple[str, ...]] = (
        "open",
        "next_pane",
        "worst_error",
        "log",
        "explain",
        "ack",
        "unack",
        "snooze",
        "filter",
        "sort",
        "pause",
        "back",
    )

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""
        self.sort = "n"
        self.inverted = False
        self.focus = WORKFLOWS
        self._cursors = {pane: RowCursor() for pane in PANES}
        self._list = workflow_pane.WorkflowList()
        self._order = order.StillOrder()
        self._workflows: dict[str, Workflow] = {}
        self._worst: dict[str, Alert] = {}
        self._names = 0  # cells of the longest
        self._arranged_for: tuple[object, ...] | None = None
        self._still_from: float | None = None
        self._touched = False  # a person has pressed a key here: the cursor is theirs
        self._chosen = ChosenRun(self._cursors[RUNS])
        self.cursor = self._cursors[WORKFLOWS]

    # --- what is chosen

    @property
    def workflow(self) -> Workflow | None:
        """What everything below the list is about."""
        return self._workflows.get(self._cursors[WORKFLOWS].key or "")

    @property
    def run(self) -> Run | None:
        """The run whose steps are shown."""
        return self._chosen.run

    # --- keys

    def travelled(self) -> None:
        self._still_from = None

    def on_key(self) -> None:
        self._touched = True
        self._still_from = self.shell.now()
        if self.focus == RUNS:
            self._chosen.touched(self.shell.now())

    def deeds(self) -> Mapping[str, Deed]:
        deeds: dict[str, Deed] = {}
        snapshot, workflow = self.shell.snapshot, self.workflow
        if self.filter:
            deeds["back"] = partial(self._set_filter, "")
        if snapshot is None or not (self._workflows or self.filter):
            return deeds
        deeds |= {"filter": self._ask_filter, "sort": self._ask_sort, "invert": self._invert}
        if workflow is None:
            return deeds
        deeds |= {"next_pane": partial(self._pane, 1), "previous_pane": partial(self._pane, -1)}
        deeds["log"] = partial(navigate.open_log, self.shell, workflow.name)
        if navigate.worst_run(snapshot, workflow.name) is not None:
            deeds["row_error"] = partial(navigate.open_error, self.shell, workflow.name)
        deeds |= self._row_deeds(workflow)
        deeds |= accept_deeds(self.shell, workflow.name)
        return {**deeds, **ack_deeds(self.shell, only_alert(snapshot, workflow.name))}

    def _row_deeds(self, workflow: Workflow) -> dict[str, Deed]:
        """What ⏎ and i do on the row under the cursor."""
        run = self.run if self.focus in (RUNS, STEPS) else self._run_of_row()
        deeds: dict[str, Deed] = {"explain": self._explain}
        if self.focus == WORKFLOWS:
            deeds["open"] = partial(navigate.open_workflow, self.shell, workflow.name)
        elif run is not None:
            to_error = run.failed and self.focus != STATS
            deeds["open"] = partial(navigate.open_run, self.shell, run, focus_error=to_error)
            if run.failed:
                deeds["row_error"] = partial(navigate.open_run, self.shell, run, focus_error=True)
        return deeds

    def _run_of_row(self) -> Run | None:
        """The run that a row about many runs leads to: the slowest in that step, the newest that said so."""
        stat, found = self._stat(), self._error()
        if stat is not None:
            return stat.slowest
        ids = [one.ref for one in found.exemplars] if found is not None else []
        return next((run for one in ids for run in self._chosen.runs if run.id == one), None)

    def _stat(self) -> StepStat | None:
        """The step over many runs that the cursor is on."""
        at = self.cursor.index
        return self._chosen.stats[at] if self.focus == STATS and at < len(self._chosen.stats) else None

    def _error(self) -> Pattern | None:
        """The pattern of errors that the cursor is on."""
        at = self.cursor.index
        return self._chosen.errors[at] if self.focus == ERRORS and at < len(self._chosen.errors) else None

    def _explain(self) -> None:
        from wfmon.ui import explaining

        workflow, run, stat, found = self.workflow, self.run, self._stat(), self._error()
        name = workflow.name if workflow is not None else ""
        if stat is not None:
            explaining.explain_stat(self.shell, name, stat, len(self._chosen.runs))
        elif found is not None:
            explaining.explain_error(self.shell, name, found)
        elif run is not None and self.focus == STEPS:
            explaining.explain_step(self.shell, run, self.cursor.index)
        elif run is not None and self.focus == RUNS:
            explaining.explain_run(self.shell, run)
        else:
            navigate.open_explain(self.shell, name)

    def _pane(self, step: int) -> None:
        """To the next pane that has a row for the cursor."""
        at = PANES.index(self.focus)
        for number in range(1, len(PANES) + 1):
            pane = PANES[(at + step * number) % len(PANES)]
            if self._cursors[pane].keys:
                self._focus(pane)
                return

    def _focus(self, pane: str) -> None:
        self.focus = pane
        self.cursor = self._cursors[pane]

    def click(self, key: str, column: int) -> None:
        pane = _OF_KEY.get(key[:2])
        if pane is None:
            return
        if pane != self.focus:
            self._focus(pane)
            self.on_key()
            self.cursor.select(key)
        else:
            super().click(key, column)

    def _ask_filter(self) -> None:
        before = self.filter

        def done(text: str | None) -> None:
            self._set_filter(before if text is None else text)

        self.shell.ask(AskLine("filter:", done, self._set_filter))

    def _set_filter(self, text: str) -> None:
        self.filter = text
        self._focus(WORKFLOWS)

    def _ask_sort(self) -> None:
        def done(key: str | None) -> None:
            if key is not None:
                self.sort, self.inverted, self._still_from = key, False, None

        choices = [(key, words) for key, words, _figure in order.SORTS]
        self.shell.ask(Choose("sort:", choices, done, self.sort))

    def _invert(self) -> None:
        self.inverted = not self.inverted
        self._still_from = None

    # --- drawing

    def rows(self, frame: Frame) -> list[Row]:
        look, width, snapshot = frame.look, frame.width, frame.snapshot
        rows = [self._title(frame)]
        if snapshot is None and frame.past is not None:
            return rows + unknown_rows(frame, frame.past)
        if snapshot is None:
            return rows + waiting(look, width, [])
        rows += verdict_rows(look, width, snapshot.verdict, enter=False)
        if not snapshot.workflows:
            return rows + nothing_seen(look, width, snapshot.discovery)
        worst = self._arrange(snapshot)
        workflow = self.workflow
        if workflow is None:
            words = f'  no workflow matches "{self.filter}" · esc clears the filter'
            return [*rows, Line(look, width).add(words, "muted").row()]
        self._chosen.choose(snapshot, workflow.name, frame.now, troubled=workflow.name in worst)
        self._place()
        given = share(frame.height - len(rows), self._wishes(frame, workflow), self.focus)
        self.page = max(1, given.get(self.focus, 2) - 2)
        draw: dict[str, Callable[[int], list[Row]]] = {
            WORKFLOWS: lambda height: self._workflow_rows(frame, snapshot, worst, height),
            RUNS: lambda height: self._run_rows(frame, snapshot, workflow, height),
            STEPS: lambda height: self._step_rows(frame, height),
            USUAL: lambda height: self._usual_rows(frame, snapshot, workflow, height),
            STATS: lambda height: self._stat_rows(frame, height),
            ERRORS: lambda height: self._error_rows(frame, height),
        }
        for pane, paint in draw.items():
            if pane in given:
                rows += paint(given[pane])
        return rows

    def _title(self, frame: Frame) -> Row:
        return title_row(
            frame.look,
            frame.width,
            frame.snapshot if frame.past is None else frame.snapshot or self.shell.latest,
            frame.now,
            view="dev",
            label=self.shell.label,
            paused=paused(self.shell, frame.now),
            banner=frame.banner,
        )

    def _arrange(self, snapshot: Snapshot) -> Mapping[str, Alert]:
        now = self.shell.now()
        still = self._still_from is not None and 0 <= now - self._still_from < STILL_SECONDS
        asked = (still, self.filter, self.sort, self.inverted)
        known = self._arranged_for
        same = known is not None and known[0] is snapshot.alerts and known[1] is snapshot.workflows
        if not same or known is None or known[2:] != asked:
            self._arranged_for = (snapshot.alerts, snapshot.workflows, *asked)
            wanted = self.filter.casefold()
            self._worst = order.worst_alerts(snapshot.alerts)
            found = [one for one in snapshot.workflows if wanted in one.name.casefold()]
            found = order.ranked(found, self._worst, self.sort, invert=self.inverted)
            self._workflows = {workflow_pane.KEY + one.name: one for one in found}
            self._names = workflow_pane.longest(snapshot.workflows)
            cursor = self._cursors[WORKFLOWS]
            cursor.place(self._order.arrange(list(self._workflows), frozen=still))
            if not self._touched and self._worst and cursor.keys:
                cursor.select(cursor.keys[0])
        return self._worst

    def _place(self) -> None:
        """The keys of the panes below; the cursor leaves one that has none."""
        run = self.run
        steps = run.steps if run is not None else ()
        self._cursors[STEPS].place([f"{step_pane.KEY}{number}" for number in range(len(steps))])
        self._cursors[STATS].place([stat_pane.KEY + stat.name for stat in self._chosen.stats])
        self._cursors[ERRORS].place([f"{error_pane.KEY}{n}" for n in range(len(self._chosen.errors))])
        if not self.cursor.keys:
            self._focus(WORKFLOWS)

    def _wishes(self, frame: Frame, workflow: Workflow) -> list[Wish]:
        """In the order of what tells most: what does not fit is one tab away."""
        chosen = self._chosen
        steps = len(self.run.steps) if self.run is not None else 0
        failed = sum(bool(step.error) for step in self.run.steps) if self.run is not None else 0
        workflows = len(self._workflows)
        return [
            Wish(WORKFLOWS, 2 + min(workflows, 3), 2 + workflows),
            Wish(STEPS, 1 + max(1, min(steps, 4)), 1 + max(1, steps + failed)),
            Wish(USUAL, 3, 6),
            Wish(
                STATS, *((2 + min(len(chosen.stats), 2), 2 + len(chosen.stats)) if chosen.stats else (0, 0))
            ),
            Wish(ERRORS, *((2, 1 + 2 * len(chosen.errors)) if chosen.errors else (0, 0))),
            Wish(RUNS, *((4, 1 + len(chosen.runs)) if chosen.runs else (0, 0))),
        ]

    def _workflow_rows(
        self, frame: Frame, snapshot: Snapshot, worst: Mapping[str, Alert], height: int
    ) -> list[Row]:
        look, width = frame.look, frame.width
        cursor = self._cursors[WORKFLOWS]
        name = workflow_pane.name_width(width, self._names)
        notes = [f"/{self.filter}"] if self.filter else []
        if self.sort != "n" or self.inverted:
            words = next(words for key, words, _figure in order.SORTS if key == self.sort)
            notes.append(f"by {words}{', inverted' if self.inverted else ''}")
        notes += [f"{self._order.new} new below"] if self._order.new else []
        window = cursor.window(height - 2)
        if len(window) < len(cursor.keys) or self.filter:
            notes.append(f"{len(cursor.keys)} of {len(snapshot.workflows)}" if self.filter else "")
            notes.append(f"{window.start + 1}–{window.stop} of {len(cursor.keys)}")
        title = f" {look.signs.dot} ".join(note for note in notes if note)
        rows = [self._titled(frame, WORKFLOWS, "Workflows", title), self._list.head(look, width, name)]
        silent = navigate.silent_sources(snapshot)
        for number in window:
            workflow = self._workflows[cursor.keys[number]]
            here = cursor.keys[number] == cursor.key
            rows.append(
                self._list.row(
                    look,
                    width,
                    snapshot,
                    workflow,
                    frame.now,
                    name=name,
                    alert=worst.get(workflow.name),
                    stale=not silent.isdisjoint(workflow.sources),
                    chosen=here,
                    selected=here and self.focus == WORKFLOWS,
                )
            )
        return rows

    def _titled(self, frame: Frame, pane: str, title: str, right: str = "") -> Row:
        """A pane's title; that of the pane with the cursor says so."""
        return rule(frame.look, frame.width, title, right, active=pane == self.focus)

    def _run_rows(self, frame: Frame, snapshot: Snapshot, workflow: Workflow, height: int) -> list[Row]:
        runs = self._chosen.runs
        known = run_pane.counts(snapshot, workflow.name, runs)
        return self._chosen.list.rows(
            frame.look,
            frame.width,
            height,
            frame.now,
            f"Runs of {workflow.name}",
            known,
            "",
            active=self.focus == RUNS,
            pointed=self.focus == RUNS,
        )

    def _step_rows(self, frame: Frame, height: int) -> list[Row]:
        look, width, run = frame.look, frame.width, self.run
        if run is None:
            rows = [self._titled(frame, STEPS, "Steps")]
            return rows + [
                Line(look, width).add(f"  {part}", "muted").row()
                for part in wrap(self._why_no_run(frame), width - 4, max(1, height - 1))
            ]
        name = run.id if run.has_id else "run without id"
        rows = [self._titled(frame, STEPS, f"Steps of {name}", self._run_words(run, frame))]
        if not run.steps:
            words = "no step of it is known: its log tells none, or none has begun"
            return [*rows, Line(look, width).add(f"  {words}", "muted").row()]
        key = self._cursors[STEPS].key or ""
        chosen = int(key.removeprefix(step_pane.KEY)) if key else None
        focused = self.focus == STEPS
        return rows + step_pane.step_rows(
            look,
            width,
            run,
            frame.now,
            height - 1,
            errors=True,
            chosen=chosen if focused else None,
            selected=focused,
        )

    def _run_words(self, run: Run, frame: Frame) -> str:
        words = [self._chosen.why, outcome(run.status, run.status_word)]
        seconds = lasted(run, frame.now)
        if seconds is not None:
            words[-1] += f" {'for' if run.ended_at is None else 'in'} {numbers.span(seconds)}"
        if run.attempt is not None and run.attempt > 1:
            words.append(f"try {run.attempt}")
        if run.ended_at is not None:
            words.append(f"{coarse(max(0.0, frame.now - run.ended_at))} ago")
        return f" {frame.look.signs.dot} ".join(word for word in words if word)

    def _why_no_run(self, frame: Frame) -> str:
        name = self.workflow.name if self.workflow is not None else ""
        if frame.past is not None:
            return f"no run of {name} is kept from then"
        return navigate.why_no_run(frame.snapshot, name)

    def _usual_rows(self, frame: Frame, snapshot: Snapshot, workflow: Workflow, height: int) -> list[Row]:
        mean = self._list.per_run(snapshot, workflow.name)
        usual = workflow.usual
        of = ""
        if usual is not None:
            of = (
                f"learning {learnt(usual)}"
                if usual.learning
                else f"usual of {numbers.counted(usual.n, 'run')}"
            )
        rows = usual_rows(frame.look, frame.width, height - 1, snapshot, workflow, self.run, mean, frame.now)
        return [rule(frame.look, frame.width, workflow.name, of), *rows]

    def _stat_rows(self, frame: Frame, height: int) -> list[Row]:
        look, width, stats = frame.look, frame.width, self._chosen.stats
        cursor = self._cursors[STATS]
        over = f"the last {numbers.counted(len(self._chosen.runs), 'run')}"
        rows = [self._titled(frame, STATS, "Slowest steps", over), stat_pane.stat_head(look, width, stats)]
        window = cursor.window(height - 2) if self.focus == STATS else range(min(len(stats), height - 2))
        for number in window:
            here = self.focus == STATS and cursor.keys[number] == cursor.key
            rows.append(stat_pane.stat_row(look, width, stats, stats[number], selected=here))
        return rows

    def _error_rows(self, frame: Frame, height: int) -> list[Row]:
        cursor, found = self._cursors[ERRORS], self._chosen.errors
        focused = self.focus == ERRORS
        window = cursor.window(height - 1) if focused else range(height - 1)
        rows = error_pane.error_rows(
            frame.look,
            frame.width,
            height,
            found,
            frame.now,
            first_shown=window.start,
            selected=cursor.index if focused else None,
        )
        if rows and focused:
            rows[0] = self._titled(frame, ERRORS, "What the errors say", f"{len(found)} patterns")
        return rows
