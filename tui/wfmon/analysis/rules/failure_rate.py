"""Rule ``failure_rate``: more runs of a workflow fail than chance explains (alerting-and-burn 4.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import ceil, log

from wfmon.analysis.wilson import lower_bound
from wfmon.analysis.words import percent, span
from wfmon.model.alert import Finding, Severity
from wfmon.model.record import dataclass
from wfmon.model.settings import FailureRateSettings
from wfmon.model.snapshot import LadderStep, StatusCounts, Workflow

RULE = "failure_rate"
# A window counts as covered when all but this share of it is known (samples do not fall on its edge).
COVER_SLACK = 0.01
LEVELS = (Severity.WARNING, Severity.CRITICAL)


def evaluate(
    workflows: Sequence[Workflow],
    settings: FailureRateSettings,
    now: float,
    *,
    cleared: Mapping[str, float] | None = None,
    unseen: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Two findings (warning, critical) per workflow whose finished runs are exposed.

    The window is the workflow's own (``window_seconds``), but a window longer than the shortest step
    is not used where it begins before the last clear (``cleared``: workflow -> time). ``unseen``
    names workflows whose source of runs does not answer now: nothing is said of them.
    """
    if not settings.enabled:
        return ()
    ends = cleared or {}
    return tuple(
        finding
        for workflow in workflows
        if workflow.ladder
        for finding in _judge(workflow, settings, now, ends.get(workflow.name), workflow.name in unseen)
    )


def _judge(
    workflow: Workflow, settings: FailureRateSettings, now: float, cleared: float | None, unseen: bool
) -> tuple[Finding, Finding]:
    step = _window(workflow, now, cleared)
    counts = step.counts
    bound = lower_bound(counts.failed, counts.n, settings.z)
    quiet = _quiet(workflow.ladder, settings)
    trips = tuple((severity, _trips(counts, bound, severity, quiet, settings)) for severity in LEVELS)
    known = _Known(
        unseen=unseen,
        # A longer window may be known where the newest part is not: nobody looked for a while.
        covered=_covered(workflow.ladder[0]),
        above=counts.error_ratio is None or counts.error_ratio > settings.threshold,
        clears=quiet,
    )
    first, second = (_finding(workflow, step, severity, trip, known, settings) for severity, trip in trips)
    return first, second


def tripped(
    ladder: Sequence[LadderStep], chosen: LadderStep, severity: Severity, settings: FailureRateSettings
) -> bool:
    """Whether the rule trips on these windows, of which ``chosen`` is the workflow's own."""
    counts = chosen.counts
    bound = lower_bound(counts.failed, counts.n, settings.z)
    return _trips(counts, bound, severity, _quiet(ladder, settings), settings)


def _trips(
    counts: StatusCounts, bound: float, severity: Severity, quiet: bool, settings: FailureRateSettings
) -> bool:
    # A long window may still hold what is over.
    proven = counts.failed >= settings.min_failures and not quiet
    factor = settings.critical_factor if severity is Severity.CRITICAL else 1.0
    return proven and bound > settings.threshold * factor


@dataclass(frozen=True, slots=True)
class _Known:
    unseen: bool
    covered: bool
    above: bool
    clears: bool


def _finding(
    workflow: Workflow,
    step: LadderStep,
    severity: Severity,
    trip: bool,
    known: _Known,
    settings: FailureRateSettings,
) -> Finding:
    counts = step.counts
    holds: bool | None = trip
    summary = words(step)
    if known.unseen:
        holds, summary = None, "no data"
    elif not trip and not known.covered:
        holds, summary = None, _too_short(workflow.ladder[0])
    return Finding(
        rule=RULE,
        labels=(("workflow", workflow.name),),
        severity=severity,
        holds=holds,
        summary=summary,
        workflow=workflow.name,
        value=counts.error_ratio,
        threshold=settings.threshold,
        n=counts.n,
        failed=counts.failed,
        window_seconds=step.span,
        keep_seconds=settings.clear_quiet_seconds,
        clears=holds is False and known.clears,
        # Critical falls back to warning after a quiet time, whatever the ratio then is.
        between=holds is False and known.above and severity is Severity.WARNING,
        runbook=workflow.runbook,
    )


def _window(workflow: Workflow, now: float, cleared: float | None) -> LadderStep:
    """The workflow's chosen window, cut back to those that begin after the last clear."""
    ladder = workflow.ladder
    longest = workflow.window_seconds if workflow.window_seconds is not None else ladder[-1].seconds
    allowed = [
        step
        for step in ladder[1:]
        if step.span <= longest * (1 + COVER_SLACK) and (cleared is None or now - step.seconds >= cleared)
    ]
    return allowed[-1] if allowed else ladder[0]


def _covered(step: LadderStep) -> bool:
    return step.covered >= step.seconds * (1 - COVER_SLACK)


def _quiet(ladder: Sequence[LadderStep], settings: FailureRateSettings) -> bool:
    """Whether enough runs succeeded in a row, and none failed for the quiet time.

    With a true failure ratio p, s successes in a row have the chance (1-p)^s; s is chosen so that it
    is under 5 %, p being the worst ratio of any window that still holds a failure (at most 0.9).
    """
    longest = max(
        (
            step.counts.success
            for step in ladder
            if step.seconds >= settings.clear_quiet_seconds and step.counts.failed == 0 and _covered(step)
        ),
        default=0,
    )
    if longest < 3:
        return False
    ratios = [step.counts.error_ratio for step in ladder if step.counts.failed]
    worst = max((ratio for ratio in ratios if ratio is not None), default=0.9)
    return longest >= ceil(log(0.05) / log(1 - min(worst, 0.9)))


def words(step: LadderStep) -> str:
    """What was counted: ``32% (80 of 250 in 5m)``."""
    counts: StatusCounts = step.counts
    full = step.span >= step.seconds * (1 - COVER_SLACK)
    window = span(step.seconds if full else step.span)
    if counts.error_ratio is None:
        return f"no finished run in {window}"
    return f"{percent(counts.error_ratio)} ({counts.failed} of {counts.n} in {window})"


def _too_short(step: LadderStep) -> str:
    return f"only {span(step.covered)} of history, need {span(step.seconds)}"
