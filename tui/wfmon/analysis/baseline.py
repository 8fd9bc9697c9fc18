"""What is usual for a workflow, from its own past (alerting-and-burn 4.5 and 7).

Runs give exact quantiles, hours give what is usual at this time of the day. What ended, and hours that
lie, within a firing alert of the workflow (``poisoned``) do not count: an incident must not become usual.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from itertools import pairwise

from wfmon.analysis.hours import DAY, HOUR, Bounds, Covered, Expected, Hours
from wfmon.analysis.quantile import quantile
from wfmon.analysis.spans import Spans
from wfmon.model.baseline import Baseline
from wfmon.model.episode import Accepted
from wfmon.model.history import HourSum
from wfmon.model.record import dataclass, replace
from wfmon.model.run import COUNTED, Run, RunStatus
from wfmon.model.settings import BaselineSettings

HOURLY_P95 = "hourly p95"
NOTHING_EXPECTED = Expected()


def baseline(
    workflow: str,
    runs: Sequence[Run],
    hours: Sequence[HourSum],
    covered: Covered,
    poisoned: Sequence[tuple[float, float]],
    accepted: Accepted | None,
    now: float,
    zone: tzinfo | None,
    settings: BaselineSettings,
    *,
    hourly_p95: Sequence[float] = (),
    deployed_at: float | None = None,
    last: Baseline | None = None,
) -> Baseline:
    """What is usual for ``workflow`` at ``now``; what fewer than ``needed`` tell stays None.

    ``runs``: finished ones, the newest ``settings.runs`` that count are taken. ``hours``: sums of this
    workflow, of any source. ``covered``: (source, role, hour) -> seconds of it that were watched.
    ``poisoned``: (begin, end) of the workflow's alerts, POSIX seconds. ``accepted``: what is before its
    ``since`` no longer counts, and alerts that began before it was said no longer poison.
    ``deployed_at``: durations count from there on. ``hourly_p95``: of hours that count, for a workflow
    whose single runs are not known. ``last``: what was usual when it was last asked: figures of runs stay
    where an incident has left too few others among the runs that are kept.

    Ratios are of counted runs (success, error, timeout, lost), without the newest
    (``settings.judged_seconds``) unless somebody has accepted them. Durations, tokens and cost are of runs
    that succeeded (alerting-and-burn 4.4): how long a run takes that comes to its end, and what it costs.
    """
    began = float("-inf") if accepted is None else accepted.since
    spans = Spans(each for each in poisoned if accepted is None or each[0] >= accepted.at)
    counting = _counting(runs, began, spans)[-settings.runs :]
    sums = Hours(workflow, hours, covered)
    bounds = Bounds(now, max(began, _birth(sums, runs, now), now - settings.days * DAY), spans)
    alike = sums.alike(bounds, zone, settings.days, settings.needed)
    judged = max(now - settings.judged_seconds, float("-inf") if accepted is None else accepted.at)
    errors = _errors(counting, sums, bounds, judged, settings.needed)
    needed = settings.needed
    good = [run for run in counting if run.status is RunStatus.SUCCESS]
    timed = [
        run for run in good if deployed_at is None or (run.started_at or run.ended_at or 0) >= deployed_at
    ]
    took = _figures(timed, lambda run: run.duration_seconds, needed)
    tokens = _figures(good, lambda run: run.usage.total, needed)
    cost = _figures(good, lambda run: run.usage.cost_usd, needed)
    hourly = quantile(sorted(hourly_p95), 0.5) if not took and len(hourly_p95) >= needed else None
    gaps = _gaps(good, spans)
    expected = sums.expected(bounds, zone, settings.days)
    found = Baseline(
        workflow=workflow,
        n=max(len(counting), errors.n),
        needed=needed,
        error_ratio=errors.ratio,
        error_n=errors.n,
        duration_p50_seconds=quantile(took, 0.5),
        duration_p95_seconds=quantile(took, 0.95) if hourly is None else hourly,
        duration_p99_seconds=quantile(took, 0.99),
        duration_from="runs" if hourly is None else HOURLY_P95,
        tokens_p50=quantile(tokens, 0.5),
        tokens_p95=quantile(tokens, 0.95),
        cost_p50_usd=quantile(cost, 0.5),
        cost_p95_usd=quantile(cost, 0.95),
        cost_p99_usd=quantile(cost, 0.99),
        hours=alike.hours,
        runs_per_hour=alike.runs,
        cost_per_hour=alike.cost,
        left_out=alike.left_out,
        since=min((at for at in (errors.oldest, alike.oldest) if at is not None), default=None),
        accepted_at=None if accepted is None else accepted.at,
        last_run_at=_last_run(runs, sums, now),
        gap_p50_seconds=quantile(gaps, 0.5) if len(gaps) >= needed else None,
        gap_max_seconds=gaps[-1] if len(gaps) >= needed else None,
        gap_span_seconds=_span(good) if len(gaps) >= needed else None,
        hour=now // HOUR * HOUR if expected != NOTHING_EXPECTED else None,
        runs_this_hour=expected.this,
        runs_hour_before=expected.before,
        watched_since=sums.watched_since(now),
        durations_since=deployed_at,
    )
    if last is None or last.accepted_at != found.accepted_at:
        return found
    if len(counting) >= needed:
        return _with_errors(found, last)
    if not _washed_out(runs, began, spans):
        return found
    return _kept(found, last, durations=deployed_at is None or _first(runs, now) >= deployed_at)


@dataclass(frozen=True, slots=True)
class _Errors:
    n: int
    ratio: float | None
    oldest: float | None


def _counting(runs: Iterable[Run], began: float, poisoned: Spans) -> list[Run]:
    """Oldest first, whatever order they came in."""
    kept = [
        (run.ended_at, run.id, run)
        for run in runs
        if run.ended_at is not None
        and run.ended_at >= began
        and run.status in COUNTED
        and not poisoned.holds(run.ended_at)
    ]
    return [run for _, _, run in sorted(kept, key=lambda each: each[:2])]


def _gaps(good: Sequence[Run], poisoned: Spans) -> list[float]:
    """Seconds between the ends of successful runs that follow each other, ascending; none across an
    incident."""
    ends = [run.ended_at for run in good if run.ended_at is not None]
    return sorted(after - before for before, after in pairwise(ends) if not poisoned.touches(before, after))


def _span(good: Sequence[Run]) -> float:
    first, last = good[0].ended_at, good[-1].ended_at
    return last - first if first is not None and last is not None else 0.0


def _last_run(runs: Iterable[Run], sums: Hours, now: float) -> float | None:
    """Of runs, whatever became of them; of hours where those tell of a later one."""
    ended = max((run.ended_at for run in runs if run.ended_at is not None), default=None)
    hourly = sums.newest_run(now)
    if ended is not None and (hourly is None or hourly - HOUR <= ended):
        return ended
    return hourly


def _birth(sums: Hours, runs: Iterable[Run], now: float) -> float:
    """When the workflow was first seen: hours before that are no hours without a run."""
    return min(_first(runs, now), now if sums.begins is None else sums.begins)


def _first(runs: Iterable[Run], now: float) -> float:
    """The first end; ``now`` where there is none."""
    return min((run.ended_at for run in runs if run.ended_at is not None), default=now)


def _washed_out(runs: Iterable[Run], began: float, poisoned: Spans) -> bool:
    """Whether an incident takes room among the runs that are kept."""
    ends = (run.ended_at for run in runs if run.ended_at is not None)
    return any(at >= began and poisoned.holds(at) for at in ends)


def _kept(found: Baseline, last: Baseline, *, durations: bool) -> Baseline:
    """``found`` with the figures of runs that only ``last`` has."""
    if found.error_ratio is None and last.error_ratio is not None:
        found = replace(_with_errors(found, last), n=last.n)
    if found.gap_p50_seconds is None:
        found = replace(
            found,
            gap_p50_seconds=last.gap_p50_seconds,
            gap_max_seconds=last.gap_max_seconds,
            gap_span_seconds=last.gap_span_seconds,
        )
    if durations and found.duration_p50_seconds is None and last.duration_p50_seconds is not None:
        found = replace(
            found,
            duration_p50_seconds=last.duration_p50_seconds,
            duration_p95_seconds=last.duration_p95_seconds,
            duration_p99_seconds=last.duration_p99_seconds,
            duration_from=last.duration_from,
        )
    if found.tokens_p50 is None:
        found = replace(found, tokens_p50=last.tokens_p50, tokens_p95=last.tokens_p95)
    if found.cost_p50_usd is None:
        found = replace(
            found,
            cost_p50_usd=last.cost_p50_usd,
            cost_p95_usd=last.cost_p95_usd,
            cost_p99_usd=last.cost_p99_usd,
        )
    return found


def _with_errors(found: Baseline, last: Baseline) -> Baseline:
    """``found`` with the ratio that only ``last`` has: what came after an incident is too young to tell."""
    if found.error_ratio is not None or last.error_ratio is None:
        return found
    return replace(found, error_ratio=last.error_ratio, error_n=last.error_n, since=last.since)


def _errors(runs: Sequence[Run], sums: Hours, bounds: Bounds, judged: float, needed: int) -> _Errors:
    """From single runs; from hourly sums where too few runs are known and the hours tell of enough. None that
    ended after ``judged`` counts."""
    settled = [run for run in runs if run.ended_at is not None and run.ended_at <= judged]
    if len(settled) < needed:
        counted = sums.counted(bounds, judged)
        if counted.runs >= needed:
            return _Errors(int(counted.runs), min(1.0, counted.failures / counted.runs), counted.oldest)
    failed = sum(run.failed for run in settled)
    ratio = failed / len(settled) if len(settled) >= max(1, needed) else None
    return _Errors(len(settled), ratio, runs[0].ended_at if runs else None)


def _figures(runs: Iterable[Run], figure: Callable[[Run], float | None], needed: int) -> list[float]:
    """Ascending; nothing where fewer than ``needed`` runs tell it."""
    told = sorted(value for run in runs if (value := figure(run)) is not None)
    return told if len(told) >= needed else []
