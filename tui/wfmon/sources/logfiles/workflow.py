"""The runs of one workflow: open, finished, how long they take, and from when on all are known."""

from __future__ import annotations

from collections import deque

from wfmon.model.record import replace
from wfmon.model.run import Run, RunStatus, WorkflowRuns
from wfmon.sources.logfiles.runstate import RunState

_KEEP_CALLS = 2000
_KEEP_DURATIONS = 500
_PROVIDERS = 50  # of one workflow whose calls are counted apart
_KEEP_STEPS = 200  # finished runs that keep their steps
_RELEARN = 20


class WorkflowFold:
    """``touched`` are runs whose lines came since the last ``settle``. ``unpaired`` says that lines without
    a run id report runs: then open ones cannot be known."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open: dict[str, Run] = {}
        self.finished: list[Run] = []
        self.by_id: dict[str, Run] = {}
        self.touched: dict[str, RunState] = {}
        self.calls: deque[float] = deque(maxlen=_KEEP_CALLS)
        self.provider_calls: dict[str, deque[float]] = {}
        self.changed = False
        self.unpaired = False
        self.evicted_until = 0.0
        self._durations: deque[float] = deque(maxlen=_KEEP_DURATIONS)
        self._learned = 0
        self._p95: float | None = None
        self._fresh: dict[str, Run] = {}
        self._spared: dict[str, float] = {}
        self._published: WorkflowRuns | None = None

    @property
    def p95(self) -> float | None:
        """95th percentile of the last durations in seconds (nearest rank); None before the first."""
        return self._p95

    @property
    def spared(self) -> int:
        """How many finished runs are kept only because they came a short time ago."""
        return len(self._spared)

    def call(self, at: float, provider: str | None) -> None:
        """A call was made."""
        self.calls.append(at)
        if provider is not None and (
            provider in self.provider_calls or len(self.provider_calls) < _PROVIDERS
        ):
            self.provider_calls.setdefault(provider, deque(maxlen=_KEEP_CALLS)).append(at)

    @property
    def empty(self) -> bool:
        return not self.open and not self.finished and not self.calls

    @property
    def count(self) -> int:
        return len(self.open) + len(self.finished)

    def learn_duration(self, seconds: float) -> None:
        self._durations.append(seconds)
        self._learned += 1
        if self._p95 is None or len(self._durations) < 2 * _RELEARN or self._learned >= _RELEARN:
            ordered = sorted(self._durations)
            self._p95 = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
            self._learned = 0

    def free_id(self, wanted: str) -> str:
        """``wanted``, or with a number where another file has the same line at the same offset."""
        run_id, number = wanted, 2
        while run_id in self.by_id or run_id in self._fresh:
            run_id, number = f"{wanted}.{number}", number + 1
        return run_id

    def put(self, run: Run) -> None:
        """A run that has ended and gets no more lines."""
        self._fresh[run.id] = run
        self.changed = True

    def build(self, state: RunState, source: str) -> None:
        """Take over what is known of a run before its state is let go."""
        if self.touched.get(state.id) is state:
            del self.touched[state.id]
            self._place(state, source)

    def forget_open(self, run_id: str) -> None:
        self.touched.pop(run_id, None)
        self.changed = self.open.pop(run_id, None) is not None or self.changed

    def run(self, run_id: str) -> Run | None:
        return self.open.get(run_id) or self.by_id.get(run_id)

    def settle(self, source: str, keep: int, now: float, spare_until: float | None) -> None:
        """Bring ``open`` and ``finished`` up to date and within ``keep`` runs, but for those that came only
        now and are spared until a later time."""
        for state in self.touched.values():
            self._place(state, source)
        self.touched = {}
        if self._fresh:
            if self._fresh.keys() & self.by_id.keys():
                self.finished = [run for run in self.finished if run.id not in self._fresh]
            self.finished.extend(self._fresh.values())
            self.by_id.update(self._fresh)
            if spare_until is not None:
                self._spared.update((run.id, spare_until) for run in self._fresh.values() if not run.recalled)
            self._fresh = {}
            self.finished.sort(key=_ended)
        while self._spared and next(iter(self._spared.values())) <= now:
            del self._spared[next(iter(self._spared))]
        if len(self.finished) > keep:
            self.evict(len(self.finished) - keep)
        if self.changed:
            self._drop_steps()

    def _place(self, state: RunState, source: str) -> None:
        run = state.run(source)
        self.changed = True
        if run.status is RunStatus.RUNNING:
            self.open[run.id] = run
            self._fresh.pop(run.id, None)
            if run.id in self.by_id:
                del self.by_id[run.id]
                self.finished = [other for other in self.finished if other.id != run.id]
        else:
            self.open.pop(run.id, None)
            self._fresh[run.id] = run

    def evict(self, count: int) -> int:
        """Forget the ``count`` oldest finished runs but for spared ones; returns how many there were."""
        oldest = self.finished[:count]
        gone = [run for run in oldest if run.id not in self._spared]
        self.finished = [run for run in oldest if run.id in self._spared] + self.finished[count:]
        for run in gone:
            del self.by_id[run.id]
        if gone:
            self.evicted_until = max(self.evicted_until, _ended(gone[-1]))
            self.changed = True
        return len(gone)

    def _drop_steps(self) -> None:
        """Steps are kept for the newest finished runs only: they are most of a run's memory."""
        for index in range(len(self.finished) - _KEEP_STEPS):
            run = self.finished[index]
            if run.steps:
                self.finished[index] = self.by_id[run.id] = replace(run, steps=())

    def published(self, now: float, known_since: float, begins_at: float | None) -> WorkflowRuns:
        """The same object as last time unless something in it changed."""
        since = max(known_since, self.evicted_until)
        covered = now - since
        complete = not self.unpaired and (since <= 0.0 or (self._p95 is not None and covered >= self._p95))
        last = self._published
        known = (since, complete, begins_at)
        if last is None or self.changed or (last.complete_since, last.open_complete, last.begins_at) != known:
            last = self._published = WorkflowRuns(
                self.name,
                tuple(sorted(self.open.values(), key=_started)),
                tuple(self.finished),
                since,
                complete,
                tuple(self.calls),
                begins_at,
                tuple((name, tuple(times)) for name, times in sorted(self.provider_calls.items())),
            )
            self.changed = False
        return last


def _ended(run: Run) -> float:
    return run.ended_at if run.ended_at is not None else 0.0


def _started(run: Run) -> tuple[float, str]:
    return (run.started_at or 0.0, run.id)
