"""The runs of one workflow, the one whose steps are shown, and what is reckoned from all of them."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.patterns import Pattern
from wfmon.analysis.stepstats import StepStat, step_stats
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Snapshot
from wfmon.ui.panes.errortexts import ErrorTexts
from wfmon.ui.panes.runs import KEY, RunList
from wfmon.ui.rows import RowCursor

HOLD_SECONDS = 5.0  # that a run stays before a newer one takes its place by itself


class ChosenRun:
    """Until a person moves in the list, the newest run that tells most: of a workflow in trouble the newest
    failed one, else the newest finished one with steps."""

    def __init__(self, cursor: RowCursor) -> None:
        self.runs: Sequence[Run] = ()
        self.stats: tuple[StepStat, ...] = ()
        self.errors: tuple[Pattern, ...] = ()
        self.why = ""
        self.list = RunList(cursor)
        self._cursor = cursor
        self._workflow = ""
        self._texts = ErrorTexts()
        self._seen: tuple[object, object] | None = None
        self._held: tuple[str, float] | None = None  # the run that stays, and since when
        self._picked = False

    @property
    def run(self) -> Run | None:
        return self.list.selected

    def touched(self, now: float) -> None:
        """A key was pressed in the list: the run under the cursor stays."""
        self._picked = True
        self.list.touched(now)

    def choose(self, snapshot: Snapshot, workflow: str, now: float, *, troubled: bool) -> None:
        """``troubled``: an alert of it is open."""
        if workflow != self._workflow:
            self._workflow, self._picked, self._held, self._seen = workflow, False, None, None
            self.list = RunList(self._cursor)
        self._read(snapshot, workflow)
        self.list.place(self.runs, now)
        self.why = ""
        if not self._picked and self.runs:
            run, self.why = _telling(self.runs, troubled)
            held = self._held
            stays = held is not None and 0 <= now - held[1] < HOLD_SECONDS
            if held is None or not (stays and self._cursor.select(KEY + held[0])):
                self._held = run.id, now
                self._cursor.select(KEY + run.id)

    def _read(self, snapshot: Snapshot, workflow: str) -> None:
        """Nothing is reckoned anew while the runs are the same objects."""
        recent = snapshot.recent.get(workflow, ())
        seen = snapshot.runs, recent
        if self._seen is not None and self._seen[0] is seen[0] and self._seen[1] is seen[1]:
            return
        self._seen = seen
        known = {run.id: run for run in recent}
        known |= {run.id: run for run in snapshot.runs if run.workflow == workflow}
        runs = sorted(known.values(), key=_newest_first)
        if len(runs) == len(self.runs) and all(a is b for a, b in zip(runs, self.runs, strict=True)):
            return
        self.runs = runs
        self.stats = step_stats(runs)
        self.errors = self._texts.of(runs)


def _newest_first(run: Run) -> tuple[bool, float]:
    """What goes on comes first."""
    at = run.ended_at or run.last_line_at or run.started_at or 0.0
    return run.status is not RunStatus.RUNNING, -(at if run.ended_at else run.started_at or at)


def _telling(runs: Sequence[Run], troubled: bool) -> tuple[Run, str]:
    """The run to show, and which one that is."""
    if troubled:
        failed = next((run for run in runs if run.failed), None)
        if failed is not None:
            return failed, "newest that failed"
    ended = next((run for run in runs if run.steps and run.status is not RunStatus.RUNNING), None)
    return (
        (ended, "newest")
        if ended is not None
        else (next((run for run in runs if run.steps), runs[0]), "newest")
    )
