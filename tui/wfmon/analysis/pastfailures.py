"""Rule ``failure_rate`` of one workflow over its past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import floor

from wfmon.analysis.choose import grown
from wfmon.analysis.episodes import EpisodeMemory, cleared
from wfmon.analysis.pastcounts import CountedPast
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.streak import LEAST
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.episode import EpisodeKey
from wfmon.model.record import dataclass
from wfmon.model.settings import FailureRateSettings
from wfmon.model.snapshot import Workflow

STEP = 30.0  # seconds between two moments ...
CLOSE = 5.0  # ... and where it may trip


@dataclass(frozen=True, slots=True)
class Windows:
    """The ladder in seconds, shortest first; ``grow_runs``: see ``choose.grown``."""

    ladder: Sequence[float]
    grow_runs: int


class FailuresPast:
    """``said`` is for ``replay``. With a ``RunIndex`` the order of runs counts too, as it does live."""

    def __init__(
        self,
        workflow: str,
        runs: RunIndex | CountedPast,
        windows: Windows,
        settings: FailureRateSettings,
        usual: Baseline | None = None,
        runbook: str | None = None,
    ) -> None:
        self.key: EpisodeKey = (failure_rate.RULE, (("workflow", workflow),))
        self._workflow = workflow
        self._runs = runs
        self._index = runs if isinstance(runs, RunIndex) else None
        self._windows = windows
        self._settings = settings
        self._usual = usual
        self._runbook = runbook
        # Counts are of steps: nothing happens between two of them.
        self.step = STEP if isinstance(runs, RunIndex) else max(STEP, runs.step_seconds)
        self._close = CLOSE if isinstance(runs, RunIndex) else self.step
        self._may_trip = False

    def moments(self, begin: float, end: float) -> Iterator[float]:
        """On the clock's own marks, so that two who replay the same find the same: as close as live where
        it may trip, wider apart where it cannot or has."""
        ends = (
            []
            if self._index is None
            else [run.ended_at or 0.0 for run in self._index.failed(end, end - begin)]
        )
        at = _after(begin, self.step)
        while at < end:
            yield at
            following = _after(at, self._close if self._may_trip else self.step)
            failed = bisect_right(ends, at)
            if failed < len(ends):
                following = min(following, _after(ends[failed], self._close))
            at = following
        yield end

    def said(self, at: float, memory: EpisodeMemory) -> Sequence[Finding] | None:
        before = memory.episodes.get(self.key)
        if before is not None and before.firing and before.ended_at is None:
            self._may_trip = False
        else:
            self._may_trip = not self._cannot_begin(at, memory)
            if not self._may_trip:
                return None
        ladder = tuple(self._runs.step(at, seconds) for seconds in self._windows.ladder)
        chosen = grown(ladder, self._windows.grow_runs)
        row = Workflow(
            self._workflow,
            runs=chosen.counts,
            window_seconds=chosen.span or None,
            ladder=ladder,
            usual=self._usual,
            runbook=self._runbook,
        )
        return failure_rate.evaluate(
            [row],
            self._settings,
            at,
            cleared=cleared(memory, failure_rate.RULE),
            indexes={} if self._index is None else {self._workflow: self._index},
        )

    def _cannot_begin(self, at: float, memory: EpisodeMemory) -> bool:
        """Nothing was wrong at the last moment, and there are not failures enough. What the rule looks at is
        at most the window that holds enough runs, and the runs in a row."""
        if memory.stored or (self.key, Severity.WARNING) not in memory.calm:
            return False
        ladder = self._windows.ladder
        chosen = self._runs.step(at, ladder[0])
        if chosen.covered < chosen.seconds:
            return False
        for seconds in ladder[1:]:
            if chosen.counts.n >= self._windows.grow_runs or chosen.covered < chosen.seconds:
                break
            chosen = self._runs.step(at, seconds)
        few = chosen.counts.failed < min(self._settings.min_failures, LEAST)
        return few and (self._index is None or self._index.tail(at, None)[0] < LEAST)


def _after(at: float, step: float) -> float:
    return (floor(at / step) + 1) * step
