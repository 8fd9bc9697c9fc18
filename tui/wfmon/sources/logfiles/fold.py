"""Folds the lines of all files into runs, with the words of the outer contract.

A line is of the run itself, or of a step in it (it names a step, or its event does); only a line of the
run itself can end it. A line without a run id that names a workflow and an outcome is a run of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from wfmon.model.log import Level
from wfmon.model.run import FAILED, LogRef, Run, RunStatus, WorkflowRuns
from wfmon.sources.logfiles.convert import clean_error, names_exception
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.follow import FollowedFile
from wfmon.sources.logfiles.judge import Status, is_call, stamp_of, status_of
from wfmon.sources.logfiles.pids import LivePids
from wfmon.sources.logfiles.runstate import RunState
from wfmon.sources.logfiles.usage import has_usage
from wfmon.sources.logfiles.words import (
    NO_EVENT,
    RETRY_WORDS,
    EventMeaning,
    Scope,
    event_meaning,
)
from wfmon.sources.logfiles.workflow import WorkflowFold
from wfmon.text.sanitize import safe

MAX_OPEN = 5000
MAX_FINISHED = 20_000  # of all workflows together
_KEEP_STATES = 1000  # finished runs that late lines can still change
_MAX_WEAK = 20_000
_WEAK_IDS = 20  # of one run
_MAX_MEANINGS = 20_000
_PID_GONE_SECONDS = 10.0
_MAX_NAMES = 20_000
_PROSE_LENGTH = 48
_STEPS_SETTLE = 60.0  # without a line, where all steps seen are over and none failed
_FAILED_SETTLE = 360.0  # where one failed: Airflow tries again after 5 min unless told otherwise
_UNTOLD = "end not logged"
SPARED_SECONDS = 30.0  # a finished run is kept at least this long: histories are written in steps of time
_MAX_SPARED = 20_000  # no more is read before some of them are let go

RunKey = tuple[str, str]  # workflow ("" while no line named it), run id


class Fold:
    """All runs of one source. ``default_workflow`` is for lines that name none.

    ``spares``: from now on every finished run is published for some time, also where there are more of
    them than are kept. ``open_moved``: what ``open_from`` says may have changed.
    """

    def __init__(self, source: str, *, keep_runs: int, lost_after: float, default_workflow: str = "") -> None:
        self._source = source
        self._keep_runs = keep_runs
        self._lost_after = lost_after
        self._default = safe(default_workflow, limit=200) or None
        self._open: dict[RunKey, RunState] = {}
        self._over: OrderedDict[RunKey, RunState] = OrderedDict()
        self._by_id: OrderedDict[str, RunState] = OrderedDict()
        self._weak: OrderedDict[str, RunState] = OrderedDict()
        self._workflows: dict[str, WorkflowFold] = {}
        self._meanings: dict[tuple[str, bool], EventMeaning] = {}
        self._names: dict[str, str] = {}
        self._pids = LivePids()
        self.open_moved = False
        self._open_from: dict[int, int] = {}
        self._spared = 0
        self._ended = 0  # since they were published last
        self.spares = False
        self.dropped_open = 0

    # -- lines in ------------------------------------------------------------------------------------

    def add(self, event: Event, file: FollowedFile, offset: int, end: int) -> None:
        """One record of a line; ``event.at`` is set."""
        meaning = self._meaning(event)
        scope, _, call, retry = meaning
        status = status_of(event, meaning)
        of_step = scope is Scope.STEP or (event.step is not None and scope is not Scope.RUN)
        retry = retry or (status is not None and status[1] in RETRY_WORDS)
        if event.workflow_id is not None:
            self._take_name(event, status, file)
        state = self._find(event, status, of_step)
        if state is None:
            self._add_without_run(event, status, of_step, call, file, offset, end)
            return
        self.open_moved = True
        if event.workflow is None:
            file.odd.unnamed += 1
        if state.workflow:
            file.workflows.add(state.workflow)
            self._workflow(state.workflow).touched[state.id] = state
        if state.log != file.path:
            state.log = safe(file.path, limit=500)
        self._advance(state, event, status, of_step, retry, file, (offset, end))
        if event.record is None:
            file.last_error = event if event.level >= Level.ERROR else None
        if is_call(event, of_step, call):
            self._workflow(state.workflow or "").call(event.at, event.provider)
            if event.provider is not None:
                state.called(event.provider)

    def _take_name(self, event: Event, status: Status | None, file: FollowedFile) -> None:
        """Learn which workflow has the id, or say it of a line that has the id only."""
        assert event.workflow_id is not None
        if event.workflow is not None:
            if len(self._names) >= _MAX_NAMES:
                self._names.clear()
            self._names[event.workflow_id] = event.workflow
            return
        file.odd.unnamed += 1
        event.workflow = self._names.get(event.workflow_id) or (event.workflow_id if status else None)

    def _meaning(self, event: Event) -> EventMeaning:
        if event.told is not None:
            return event.told
        if event.event is not None:
            return self._cached_meaning(event.event, " " in event.event)
        if event.status is None and event.run is not None:
            text = event.message()
            if text is not None and len(text) <= _PROSE_LENGTH:
                return self._cached_meaning(text, True)
        return NO_EVENT

    def _cached_meaning(self, text: str, prose: bool) -> EventMeaning:
        key = (text, prose)
        meaning = self._meanings.get(key)
        if meaning is None:
            if len(self._meanings) >= _MAX_MEANINGS:
                self._meanings.clear()
            meaning = self._meanings[key] = event_meaning(text, prose=prose)
        return meaning

    def _find(self, event: Event, status: Status | None, of_step: bool) -> RunState | None:
        """The run that the line belongs to, made if the line can be its first."""
        run_id = event.run
        if run_id is None:
            if event.weak is None:
                return None
            known = self._weak.get(event.weak)
            if known is not None and (event.workflow in (None, known.workflow)):
                if known.id != event.weak or known.open or status is None or of_step:
                    return known
                return self._new(known.workflow, f"{event.weak}#{event.at:.3f}", event)
            if status is None or of_step:
                return None
            run_id = event.weak
        state = self._known(event.workflow, run_id)
        if state is None:
            if not event.opens and status is None:
                return None
            workflow = event.workflow or self._default or ""
            if self._forgotten(workflow, run_id):
                return None
            state = self._new(workflow, run_id, event)
        if event.weak is not None:
            self._weak[event.weak] = state
            if (
                event.weak not in state.weak_ids
                and event.weak != state.id
                and len(state.weak_ids) < _WEAK_IDS
            ):
                state.weak_ids |= {event.weak}
            if len(self._weak) > _MAX_WEAK:
                self._weak.popitem(last=False)
        return state

    def _known(self, workflow: str | None, run_id: str) -> RunState | None:
        if workflow is None:
            return self._by_id.get(run_id)
        key = (workflow, run_id)
        state = self._open.get(key) or self._over.get(key)
        if state is None and (orphan := self._open.pop(("", run_id), None)) is not None:
            orphan.workflow = workflow
            self._open[key] = state = orphan
        return state

    def _forgotten(self, workflow: str, run_id: str) -> bool:
        """Whether it ended so long ago that late lines change nothing any more."""
        known = self._workflows.get(workflow)
        return known is not None and run_id in known.by_id

    def _new(self, workflow: str, run_id: str, event: Event) -> RunState:
        state = RunState(workflow, run_id, event.at, start_known=False)
        state.ends = event.ends
        self._open[(workflow, run_id)] = state
        self._by_id[run_id] = state
        if len(self._open) > MAX_OPEN:
            self._drop_oldest_open()
        if len(self._by_id) > MAX_OPEN + _KEEP_STATES:
            self._by_id.popitem(last=False)
        return state

    def _drop_oldest_open(self) -> None:
        key, state = min(self._open.items(), key=lambda item: item[1].last_at)
        del self._open[key]
        self.dropped_open += 1
        if state.workflow:
            self._workflow(state.workflow).forget_open(state.id)

    def _advance(
        self,
        state: RunState,
        event: Event,
        status: Status | None,
        of_step: bool,
        retry: bool,
        file: FollowedFile,
        span: tuple[int, int],
    ) -> None:
        first, newer = not state.spans, event.at > state.last_at
        news = state.recalled and span[1] > file.marked
        state.take_line(event, file.number, span[0], span[1], retry)
        if news:
            state.recalled = False
        ends = status is not None and not of_step and self._ends(status, event)
        if (first or news) and state.open and not state.start_known and not (first and ends):
            state.start_known = file.whole or self._is_first(state.workflow, event, file, news=news)
        kind = status[0] if status is not None else None
        if status is not None and not of_step:
            state.take_limit(event)
        if of_step:
            state.take_step(event, event.step or event.event, kind, retry)
        elif status is not None and ends:
            was_open = state.open
            state.end(event, status[0], status[1])
            if event.failed_step is not None and status[0] in FAILED:
                state.fail_step(event, event.failed_step, status[0])
            self._settle(state, was_open)
        elif status is not None or has_usage(event) or event.attempt is not None:
            again = event.attempt is not None and event.attempt > (state.attempt or 1)
            state.take_progress(event, status[1] if status else None)
            if not state.open and event.at > (state.ended_at or 0.0) and (kind is RunStatus.RUNNING or again):
                self._go_on(state)
        if newer and (state.status is RunStatus.LOST or state.concluded):
            self._go_on(state)

    def explain(self, file: FollowedFile, text: str, offset: int, end: int) -> None:
        """A line that continues the last one of a file of plain text: of a traceback the last row says what
        went wrong."""
        event = file.last_error
        if event is None or not names_exception(text):
            return
        event.error = text
        state = self._find(event, None, True)
        if state is None:
            return
        self.open_moved = True
        state.take_line(event, file.number, offset, end, False)
        step = state.steps.get(event.step or "")
        if step is not None and step.error is not None:
            step.error = clean_error(text)
        if state.workflow:
            self._workflow(state.workflow).touched[state.id] = state

    def _is_first(self, workflow: str, event: Event, file: FollowedFile, *, news: bool) -> bool:
        """Whether the first line seen of a run, in a file with a cut end, is its first. ``news``: no earlier
        process read the line."""
        known = self._workflows.get(workflow)
        p95 = (known.p95 if known is not None else None) or 0.0
        begin = file.oldest_at
        if news and file.marked_at is not None:
            begin, end = file.marked_at
            # What was open then and says nothing for so long is lost, so this is another run.
            if not file.all_open and event.at - end <= max(self._lost_after, 3.0 * p95):
                return False
        # At the cut end of a file it may be in mid-run; well behind it the first line is the first.
        return begin is not None and event.at - begin > max(60.0, p95)

    @staticmethod
    def _ends(status: Status, event: Event) -> bool:
        """An unknown word ends a run only where the line also says how long the run took."""
        if status[0] is RunStatus.OTHER:
            return event.duration is not None
        return status[0] is not RunStatus.RUNNING

    def _settle(self, state: RunState, was_open: bool) -> None:
        """An open run has ended."""
        key = (state.workflow, state.id)
        self._open.pop(key, None)
        self._over[key] = state
        self._ended += self.spares and not state.recalled
        if was_open and state.duration is not None and state.workflow:
            self._workflow(state.workflow).learn_duration(state.duration)
        if len(self._over) > _KEEP_STATES:
            _, old = self._over.popitem(last=False)
            if self._by_id.get(old.id) is old:
                del self._by_id[old.id]
            if old.workflow:
                self._workflow(old.workflow).build(old, self._source)

    def _go_on(self, state: RunState) -> None:
        state.reopen()
        key = (state.workflow, state.id)
        self._over.pop(key, None)
        self._open[key] = state

    def _add_without_run(
        self,
        event: Event,
        status: Status | None,
        of_step: bool,
        call: bool,
        file: FollowedFile,
        offset: int,
        end: int,
    ) -> None:
        workflow = event.workflow or (self._default if status is not None or call else None)
        if workflow is None or event.run is not None:
            return
        file.workflows.add(workflow)
        known = self._workflow(workflow)
        if is_call(event, of_step, call) and (of_step or status is None):
            known.call(event.at, event.provider)
            known.changed = True
        if of_step or status is None or event.weak is not None:
            return
        if not self._ends(status, event):
            known.unpaired = True
            return
        run_id = known.free_id(f"{workflow}@{stamp_of(event)}#{offset}")
        state = RunState(workflow, run_id, event.at, start_known=False, has_id=False)
        state.recalled = end <= file.marked
        state.log = safe(file.path, limit=500)
        state.take_line(event, file.number, offset, end, False)
        state.end(event, status[0], status[1])
        known.unpaired = True
        if state.duration is not None:
            known.learn_duration(state.duration)
        known.put(state.run(self._source))
        self._ended += self.spares and not state.recalled

    def _workflow(self, name: str) -> WorkflowFold:
        known = self._workflows.get(name)
        if known is None:
            known = self._workflows[name] = WorkflowFold(name)
        return known

    # -- time ----------------------------------------------------------------------------------------

    def expire(self, now: float, live_pids: frozenset[int] | None) -> None:
        """Runs without a line for too long, or whose process is gone, are lost."""
        pids = {state.pid for state in self._open.values() if state.pid is not None}
        self._pids.look(now, pids, live_pids)
        limits: dict[str, float] = {}
        for state in list(self._open.values()):
            limit = limits.get(state.workflow)
            if limit is None:
                known = self._workflows.get(state.workflow)
                p95 = (known.p95 if known is not None else None) or 0.0
                limit = limits[state.workflow] = max(self._lost_after, 3.0 * p95)
            gone = self._pids.gone_since(state.pid)
            if state.ends == "steps" and (outcome := state.outcome_of_steps()) is not None:
                settled = _STEPS_SETTLE if outcome is RunStatus.SUCCESS else _FAILED_SETTLE
                if now - state.last_at > settled:
                    self._conclude(state, outcome, "")
            elif state.ends != "told" and now - state.last_at > limit:
                self._conclude(state, RunStatus.OTHER, _UNTOLD)
            elif state.ends != "told":
                continue
            elif gone is not None and now - gone >= _PID_GONE_SECONDS and state.last_at <= gone:
                self._lose(state, gone)
            elif now - state.last_at > limit:
                self._lose(state, state.last_at + limit)

    def _lose(self, state: RunState, at: float) -> None:
        state.lose(at)
        self.open_moved = True
        self._settle(state, False)
        if state.workflow:
            self._workflow(state.workflow).touched[state.id] = state

    def _conclude(self, state: RunState, status: RunStatus, word: str) -> None:
        """Over as far as can be told from a log that does not say so."""
        state.conclude(status, word)
        self.open_moved = True
        self._settle(state, True)
        if state.workflow:
            self._workflow(state.workflow).touched[state.id] = state

    # -- runs out ------------------------------------------------------------------------------------

    def publish(
        self, now: float, known_since: Callable[[str], float], begins_at: float | None = None
    ) -> dict[str, WorkflowRuns]:
        """What is known of each workflow; ``known_since`` is the time from which its lines are read,
        ``begins_at`` that of the first line of all."""
        spare_until = now + SPARED_SECONDS if self.spares else None
        for workflow in self._workflows.values():
            workflow.settle(self._source, self._keep_runs, now, spare_until)
        self._ended = 0
        self._spared = sum(workflow.spared for workflow in self._workflows.values())
        total = sum(len(workflow.finished) for workflow in self._workflows.values())
        if total > MAX_FINISHED:
            self._thin(total)
        return {
            name: workflow.published(now, known_since(name), begins_at)
            for name, workflow in sorted(self._workflows.items())
            if name and not workflow.empty
        }

    def _thin(self, total: int) -> None:
        """Forget the oldest runs of whoever has most."""
        while total > MAX_FINISHED:
            largest = max(self._workflows.values(), key=lambda workflow: len(workflow.finished))
            gone = largest.evict(max(len(largest.finished) // 10, 1))
            if not gone:
                break  # those that are left were told too shortly ago
            total -= gone

    def is_full(self) -> bool:
        """Whether so many runs have ended that some must be let go before more lines are read."""
        return self._spared + self._ended > _MAX_SPARED

    @property
    def evicted_until(self) -> float:
        """The newest end of a run that is not kept any more; 0 while all are."""
        return max((workflow.evicted_until for workflow in self._workflows.values()), default=0.0)

    def find(self, workflow: str | None, run_id: str) -> Run | None:
        """A run as last published. May be called from another thread."""
        names = [workflow] if workflow is not None else list(self._workflows)
        for name in names:
            known = self._workflows.get(name)
            if known is not None and (run := known.run(run_id)) is not None:
                return run
        return None

    def spans(self, run: Run) -> tuple[LogRef, ...]:
        """Where the lines of a run are, oldest file first. May be called from another thread."""
        key = (run.workflow, run.id)
        state = self._open.get(key) or self._over.get(key)
        if state is None:
            return () if run.log_ref is None else (run.log_ref,)
        return tuple(LogRef(self._source, file, *span) for file, span in sorted(dict(state.spans).items()))

    def ids(self, run: Run) -> frozenset[str]:
        """All ids under which lines of a run go. May be called from another thread."""
        key = (run.workflow, run.id)
        state = self._open.get(key) or self._over.get(key)
        return frozenset({run.id.split("#")[0], run.id}) | (
            state.weak_ids if state is not None else frozenset()
        )

    def workflow_of(self, run_id: str) -> str | None:
        """The workflow of a run id whose line names none. May be called from another thread."""
        state = self._by_id.get(run_id)
        return state.workflow or None if state is not None else None

    def open_from(self) -> Mapping[int, int]:
        """By file number, where the first line in it is of a run that is open."""
        if self.open_moved:
            self.open_moved = False
            begins: dict[int, int] = {}
            self._open_from = begins
            for state in self._open.values():
                for file, (begin, _) in state.spans.items():
                    begins[file] = min(begin, begins.get(file, begin))
        return self._open_from

    def name_of(self, workflow_id: str) -> str | None:
        """The workflow that has this id. May be called from another thread."""
        return self._names.get(workflow_id)

    @property
    def orphans(self) -> int:
        """Open runs whose workflow no line has named."""
        return sum(1 for workflow, _ in self._open if not workflow)

    @property
    def runs(self) -> int:
        return sum(workflow.count for name, workflow in self._workflows.items() if name)
