"""Rule ``failure_rate`` of one workflow over its past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor

from wfmon.analysis.choose import grown
from wfmon.analysis.episodes import EpisodeMemory, cleared
from wfmon.analysis.pastcounts import CountedPast
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.streak import LEAST
from wfmon.analysis.wilson import lower_bound
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.episode import EpisodeKey, EpisodeRecord
from wfmon.model.record import dataclass
from wfmon.model.settings import FailureRateSettings
from wfmon.model.snapshot import Workflow

STEP = 30.0  # seconds between two moments ...
CLOSE = 5.0  # ... and where it may trip
_LEVELS = (Severity.WARNING, Severity.CRITICAL)


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
        self._threshold = failure_rate.threshold_of(usual, settings)
        # Counts are of steps: nothing happens between two of them.
        self.step = STEP if isinstance(runs, RunIndex) else max(STEP, runs.step_seconds)
        self._close = CLOSE if isinstance(runs, RunIndex) else self.step
        self._may_trip = False

    def moments(self, begin: float, end: float) -> Iterator[float]:
        """On the clock's own marks, so that two who replay the same find the same: as close as live where
        it may trip or has, wider apart where it cannot."""
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
        opened = before is not None and before.firing and before.ended_at is None
        # While it is open one moment above the threshold, however short, keeps it so.
        self._may_trip = opened
        if not opened and not self._may_begin(at, memory):
            return None
        return self._evaluated(at, cleared(memory, failure_rate.RULE))

    def held(self, record: EpisodeRecord) -> dict[Severity, float]:
        """When each level of an open episode was last above what ends it, up to when it was last seen.

        It is known of the levels that were, by these runs, within the time that keeps them; where the runs
        say nothing of a moment, it may have been then.
        """
        found: dict[Severity, float] = {}
        at = record.last_seen_at
        first = at - self._settings.clear_quiet_seconds
        while at > first and len(found) < len(_LEVELS):
            for finding in self._evaluated(at, {}):
                if finding.holds is not False or finding.between:
                    found.setdefault(finding.severity, at)
            at = _before(at, self._close)
        return found

    def _evaluated(self, at: float, ends: Mapping[str, float]) -> Sequence[Finding]:
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
        indexes = {} if self._index is None else {self._workflow: self._index}
        return failure_rate.evaluate([row], self._settings, at, cleared=ends, indexes=indexes)

    def _may_begin(self, at: float, memory: EpisodeMemory) -> bool:
        """False where nothing was wrong at the last moment, and nothing can be at this: the rule looks at
        the window that holds enough runs, or after an end at a shorter one, and at the runs in a row."""
        if memory.stored or (self.key, Severity.WARNING) not in memory.calm:
            return True
        failed, proven = 0, False
        for seconds in self._windows.ladder:
            step = self._runs.step(at, seconds)
            counts = step.counts
            failed = counts.failed
            if failed >= self._settings.min_failures:
                bound = lower_bound(failed, counts.n, self._settings.z)
                proven = proven or bound > self._threshold
            if step.covered < step.seconds:
                if seconds == self._windows.ladder[0]:
                    return True
                break
            if counts.n >= self._windows.grow_runs:
                break
        in_a_row = self._index is not None and self._index.tail(at, None)[0] >= LEAST
        self._may_trip = in_a_row or failed >= min(self._settings.min_failures, LEAST)
        if self._index is None:
            return self._may_trip
        return proven or in_a_row


def _after(at: float, step: float) -> float:
    return (floor(at / step) + 1) * step


def _before(at: float, step: float) -> float:
    return (ceil(at / step) - 1) * step
