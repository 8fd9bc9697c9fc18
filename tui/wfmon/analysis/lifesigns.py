"""When a workflow last ran, and from when on its not running was watched.

What nobody watched is no silence: a monitor that was off, a log that begins later, a series that came after
the last start all shorten what is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wfmon.analysis.runindex import RunIndex
from wfmon.model.baseline import Baseline
from wfmon.model.record import dataclass
from wfmon.model.run import Run
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow

COVER_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class Life:
    """POSIX seconds. ``ran_at``: the end of the newest run or the begin of an open one, ``succeeded_at``: the
    end of the newest successful one; where only windows are known, the latest that these can have been.
    None: none is known. ``failed``: runs that failed since the last success. ``going``: a run is open.
    ``watched_from`` None: nobody watches now."""

    ran_at: float | None
    succeeded_at: float | None
    watched_from: float | None
    failed: int = 0
    going: bool = False


def of_logs(index: RunIndex, open_runs: Sequence[Run], usual: Baseline | None, now: float) -> Life:
    """Of a workflow whose runs are counted from logs."""
    begun = [run.started_at for run in open_runs if run.started_at is not None]
    newest = index.newest
    ended = newest.ended_at if newest is not None else None
    known = usual.last_run_at if usual is not None else None
    return Life(
        ran_at=_latest(ended, known, *begun),
        succeeded_at=index.last_success(now) if index.runs.finished else known,
        watched_from=_watched(now - index.told(now, now), usual, now),
        failed=index.tail(now, None)[0],
        going=bool(open_runs),
    )


def of_windows(row: Workflow, usual: Baseline | None, now: float) -> Life:
    """Of a workflow whose runs a metrics source counts: the longest window without a run is silence."""
    ladder = row.ladder
    known = usual.last_run_at if usual is not None else None
    newest = ladder[0]
    watched = newest.covered >= newest.seconds * (1 - COVER_SLACK)
    silent = _longest(ladder, _any)
    failing = _longest(ladder, _succeeded)
    return Life(
        ran_at=known if silent is None else now - silent,
        succeeded_at=known if failing is None else now - failing,
        watched_from=_watched(now - ladder[-1].covered, usual, now) if watched else None,
        failed=0 if failing is None else _last_without(ladder, failing),
        going=bool(row.active),
    )


def of_history(usual: Baseline, now: float) -> Life:
    """Of a workflow that nobody tells of now."""
    return Life(usual.last_run_at, usual.last_run_at, _watched(now, usual, now))


def _latest(*times: float | None) -> float | None:
    return max((at for at in times if at is not None), default=None)


def _watched(live: float, usual: Baseline | None, now: float) -> float:
    """What was watched before this process began is known by whole hours, and only until they end."""
    before = usual.watched_since if usual is not None else None
    return live if before is None or before > now else min(live, before)


def _any(counts: StatusCounts) -> bool:
    return bool(counts.n or counts.cancelled or counts.other)


def _succeeded(counts: StatusCounts) -> bool:
    return bool(counts.success)


def _longest(ladder: Sequence[LadderStep], seen: Callable[[StatusCounts], bool]) -> float | None:
    """Seconds of the longest window in which it was not seen; None: of no window it was."""
    longest = 0.0
    for step in ladder:
        if seen(step.counts):
            return longest
        longest = min(step.seconds, step.covered)
    return None


def _last_without(ladder: Sequence[LadderStep], seconds: float) -> int:
    """Failures of the longest window without a success."""
    return max((step.counts.failed for step in ladder if step.seconds <= seconds), default=0)
