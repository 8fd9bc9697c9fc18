"""Rule ``failure_rate``: more runs of a workflow fail than chance explains (alerting-and-burn 4.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.streak import LEAST, expected_runs, failures_needed, successes_needed
from wfmon.analysis.wilson import lower_bound
from wfmon.analysis.words import percent, span
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.record import dataclass
from wfmon.model.settings import FailureRateSettings
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow

RULE = "failure_rate"
# A window counts as covered when all but this share of it is known (samples do not fall on its edge).
COVER_SLACK = 0.01
LAST_RUNS = 5  # whose ratio, up to the last failure, is one of those that an end must outweigh


def evaluate(
    workflows: Sequence[Workflow],
    settings: FailureRateSettings,
    now: float,
    *,
    cleared: Mapping[str, float] | None = None,
    unseen: Collection[str] = (),
    indexes: Mapping[str, RunIndex] | None = None,
    alerted: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """Two findings (warning, critical) per workflow whose finished runs are exposed.

    The window is the workflow's own (``window_seconds``), but a window longer than the shortest step
    is not used where it begins before the last clear (``cleared``: workflow -> time). ``unseen``
    names workflows whose source of runs does not answer now: nothing is said of them. ``indexes``: of
    workflows whose windows are counted from logs; without one a streak is seen only where a window holds
    nothing else. ``alerted``: workflows of which there is an episode (None: it is not known): of others
    nobody asks whether it is over, and ``clears`` says nothing.
    """
    if not settings.enabled:
        return ()
    ends, known = cleared or {}, indexes or {}
    findings: list[Finding] = []
    for workflow in workflows:
        if workflow.ladder:
            name = workflow.name
            moment = Moment(
                now,
                workflow.ladder,
                _window(workflow, now, ends.get(name)),
                workflow.usual,
                known.get(name),
                ends.get(name),
                may_be_over=alerted is None or name in alerted,
            )
            findings += _judge(workflow, moment, settings, unseen=name in unseen)
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of a workflow's runs at ``now``. ``chosen``: its window, one of ``ladder``.
    ``cleared``: when its last episode ended; ``index``: its runs in order, where logs tell them.
    ``may_be_over``: there may be an episode whose end is asked for."""

    now: float
    ladder: Sequence[LadderStep]
    chosen: LadderStep
    usual: Baseline | None = None
    index: RunIndex | None = None
    cleared: float | None = None
    may_be_over: bool = True


@dataclass(frozen=True, slots=True)
class _Judged:
    """``threshold``: of the ratio's lower bound; ``quiet``: enough runs succeeded since the last failure
    (False also where nobody asks);
    ``streak``: so many of the last runs all failed, which alone makes it critical; 0: it does not."""

    threshold: float
    warning: bool
    critical: bool
    quiet: bool
    streak: int = 0


def tripped(moment: Moment, severity: Severity, settings: FailureRateSettings) -> bool:
    """Whether the rule trips at this moment."""
    judged = _judged(moment, settings)
    return judged.critical if severity is Severity.CRITICAL else judged.warning


def threshold_of(usual: Baseline | None, settings: FailureRateSettings) -> float:
    """The ratio above which it is too much. Of a workflow of which more than two in three usually fail
    the factor would ask for more than all: it is then halfway to all."""
    if usual is None or usual.error_ratio is None or usual.error_n < settings.baseline_runs:
        return settings.threshold
    ratio = usual.error_ratio
    return max(settings.threshold, min(settings.baseline_factor * ratio, (1 + ratio) / 2))


def _judge(
    workflow: Workflow, moment: Moment, settings: FailureRateSettings, *, unseen: bool
) -> tuple[Finding, Finding]:
    ladder, step, index = moment.ladder, moment.chosen, moment.index
    covered = _covered(ladder[0])
    known = covered and not unseen
    if known and not _any_failed(ladder):
        quiet = moment.may_be_over and _quiet(ladder, settings)
        return _untripped(workflow, step, settings, quiet=quiet)
    judged = _judged(moment, settings)
    if known and not judged.warning:
        return _untripped(workflow, step, settings, quiet=judged.quiet)
    blind = None
    if unseen:
        blind = "no data"
    elif not covered:
        # A longer window may be known where the newest part is not: nobody looked for a while.
        blind = _too_short(ladder[0])
    causes: tuple[str, ...] = ()
    if judged.warning and index is not None and not unseen:
        from wfmon.analysis.reasons import reasons

        causes = reasons(index.failed(moment.now, max(step.seconds, settings.clear_quiet_seconds)))
    said = words(step)
    return (
        _finding(workflow, step, Severity.WARNING, judged, said, blind, unseen, causes, settings),
        _finding(workflow, step, Severity.CRITICAL, judged, said, blind, unseen, causes, settings),
    )


def _any_failed(ladder: Sequence[LadderStep]) -> bool:
    for step in reversed(ladder):
        counts = step.counts
        if counts.error or counts.timeout or counts.lost:
            return True
    return False


def _untripped(
    workflow: Workflow, step: LadderStep, settings: FailureRateSettings, *, quiet: bool
) -> tuple[Finding, Finding]:
    counts = step.counts
    return _calm(
        workflow.name,
        workflow.runbook,
        threshold_of(workflow.usual, settings),
        counts.failed,
        counts.n,
        step.span,
        step.seconds,
        settings.clear_quiet_seconds,
        quiet,
    )


@lru_cache(maxsize=8192)
def _calm(
    workflow: str,
    runbook: str | None,
    threshold: float,
    failed: int,
    n: int,
    told: float,
    seconds: float,
    keep: float,
    quiet: bool,
) -> tuple[Finding, Finding]:
    """Of a workflow that does not fail too often: most of them, and much the same from one evaluation to the
    next."""
    value = failed / n if n else None
    labels = (("workflow", workflow),)
    said = _words(failed, n, told, seconds)
    above = value is None or value > threshold

    def at(severity: Severity, between: bool) -> Finding:
        return Finding(
            RULE,
            labels,
            severity,
            False,
            said,
            workflow,
            value,
            threshold,
            n,
            failed,
            told,
            keep_seconds=keep,
            clears=quiet,
            between=between,
            runbook=runbook,
        )

    # Critical falls back to warning after a quiet time, whatever the ratio then is.
    return at(Severity.WARNING, above), at(Severity.CRITICAL, False)


def _judged(moment: Moment, settings: FailureRateSettings) -> _Judged:
    counts = moment.chosen.counts
    threshold = threshold_of(moment.usual, settings)
    streak = _streak(moment, settings) if settings.streak else 0
    if counts.failed < settings.min_failures and not streak:
        return _Judged(threshold, False, False, moment.may_be_over and _is_over(moment, settings))
    # A long window may still hold what is over.
    if _is_over(moment, settings):
        return _Judged(threshold, False, False, quiet=True)
    proven = counts.failed >= settings.min_failures
    bound = lower_bound(counts.failed, counts.n, settings.z) if proven else 0.0
    # So that it can be reached where much fails usually.
    critical = min(settings.critical_factor * threshold, (1 + threshold) / 2)
    return _Judged(
        threshold,
        warning=bound > threshold or streak > 0,
        critical=bound > critical or streak > 0,
        quiet=False,
        streak=0 if bound > critical else streak,
    )


def _streak(moment: Moment, settings: FailureRateSettings) -> int:
    """How many of the last runs failed in a row, where that is too many for chance; else 0.

    Runs from before the last clear do not count, nor a streak whose last run is older than any window:
    what nobody runs any more does not fail.
    """
    ladder, usual, index = moment.ladder, moment.usual, moment.index
    if index is not None:
        failed = index.tail(moment.now, moment.cleared)[0] if _any_failed(ladder) else 0
    else:
        whole = (
            step.counts.failed
            for step in ladder
            if step.counts.success == 0 and _begins_after(step, moment.now, moment.cleared)
        )
        failed = max(whole, default=0)
    if failed < max(LEAST, settings.min_failures):
        return 0
    ratio = usual.error_ratio if usual is not None and usual.error_n >= settings.baseline_runs else None
    needed = max(settings.min_failures, failures_needed(expected_runs(ladder, usual), ratio or 0.0))
    return failed if failed >= needed else 0


def _is_over(moment: Moment, settings: FailureRateSettings) -> bool:
    """Whether enough runs succeeded in a row, and none failed for the quiet time."""
    if moment.index is None:
        return _quiet(moment.ladder, settings)
    failed, succeeded = moment.index.tail(moment.now, None)
    if failed or succeeded < LEAST:
        return False
    last = moment.index.last_failure(moment.now)
    if last is not None and moment.now - last < settings.clear_quiet_seconds:
        return False
    ratios = [step.counts.error_ratio or 0.0 for step in moment.ladder if step.counts.failed]
    if last is not None:
        ratios.append(moment.index.ratio_of_last(last, LAST_RUNS))
    return succeeded >= successes_needed(max(ratios, default=0.9))


def _quiet(ladder: Sequence[LadderStep], settings: FailureRateSettings) -> bool:
    """The same by windows alone: the longest without a failure tells how many succeeded in a row at least,
    the worst ratio of any window that still holds a failure how many are needed."""
    longest = 0
    for step in ladder:
        counts = step.counts
        if counts.success > longest and step.seconds >= settings.clear_quiet_seconds and _covered(step):
            if counts.failed:
                break
            longest = counts.success
    if longest < LEAST:
        return False
    ratios = [step.counts.error_ratio or 0.0 for step in ladder if step.counts.failed]
    return longest >= successes_needed(max(ratios, default=0.9))


def _finding(
    workflow: Workflow,
    step: LadderStep,
    severity: Severity,
    judged: _Judged,
    said: str,
    blind: str | None,
    unseen: bool,
    causes: tuple[str, ...],
    settings: FailureRateSettings,
) -> Finding:
    counts = step.counts
    critical = severity is Severity.CRITICAL
    trip = judged.critical if critical else judged.warning
    holds: bool | None = trip
    summary = said
    if judged.streak and trip:
        summary = f"{said}, the last {judged.streak} in a row"
    if blind is not None and (unseen or not trip):
        holds, summary = None, blind
    ratio = counts.error_ratio
    return Finding(
        rule=RULE,
        labels=(("workflow", workflow.name),),
        severity=severity,
        holds=holds,
        summary=summary,
        workflow=workflow.name,
        value=ratio,
        threshold=judged.threshold,
        n=counts.n,
        failed=counts.failed,
        window_seconds=step.span,
        keep_seconds=settings.clear_quiet_seconds,
        clears=holds is False and judged.quiet,
        # Critical falls back to warning after a quiet time, whatever the ratio then is.
        between=holds is False and not critical and (ratio is None or ratio > judged.threshold),
        runbook=workflow.runbook,
        contributors=causes if holds else (),
    )


def _window(workflow: Workflow, now: float, cleared: float | None) -> LadderStep:
    """The workflow's chosen window, cut back to those that begin after the last clear."""
    ladder = workflow.ladder
    longest = workflow.window_seconds if workflow.window_seconds is not None else ladder[-1].seconds
    most = longest * (1 + COVER_SLACK)
    chosen = ladder[0]
    for step in ladder[1:]:
        # Those that are no longer than allowed need no look at how much of them is known.
        if step.seconds > most and step.span > most:
            break
        if cleared is not None and now - step.seconds < cleared:
            break
        chosen = step
    return chosen


def _begins_after(step: LadderStep, now: float, cleared: float | None) -> bool:
    return cleared is None or now - step.seconds >= cleared


def _covered(step: LadderStep) -> bool:
    return step.covered >= step.seconds * (1 - COVER_SLACK)


def words(step: LadderStep) -> str:
    """What was counted: ``32% (80 of 250 in 5m)``."""
    counts: StatusCounts = step.counts
    return _words(counts.failed, counts.n, step.span, step.seconds)


def _words(failed: int, n: int, told: float, seconds: float) -> str:
    window = span(seconds if told >= seconds * (1 - COVER_SLACK) else told)
    return f"{percent(failed / n)} ({failed} of {n} in {window})" if n else f"no finished run in {window}"


def _too_short(step: LadderStep) -> str:
    return f"only {span(step.covered)} of history, need {span(step.seconds)}"
