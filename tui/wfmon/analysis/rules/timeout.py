"""Rule ``timeout``: a run goes on for longer than it may, or than it usually does (alerting-and-burn 4.4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from wfmon.analysis.openruns import (
    MOST_CONTRIBUTORS,
    Over,
    calm,
    counted,
    elapsed,
    members,
    no_baseline,
    where,
    worst_first,
)
from wfmon.analysis.words import span
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.record import dataclass
from wfmon.model.run import Run
from wfmon.model.settings import Limits, TimeoutSettings

RULE = "timeout"
UNIT = "seconds"


@dataclass(frozen=True, slots=True)
class Limit:
    """Seconds that a run may take, and whose word that is."""

    seconds: float
    why: str


def evaluate(
    running: Mapping[str, Sequence[Run]],
    settings: TimeoutSettings,
    now: float,
    *,
    baselines: Mapping[str, Baseline],
    limits: Limits,
    unseen: Collection[str] = (),
    runbooks: Mapping[str, str | None] | None = None,
) -> tuple[Finding, ...]:
    """One finding per workflow of ``running``: the open runs of every workflow that logs tell of, also of
    those that have none. ``unseen``: workflows whose log is not read now."""
    if not settings.enabled:
        return ()
    books = runbooks or {}
    findings = []
    for name, runs in running.items():
        book = books.get(name)
        if name in unseen:
            findings.append(calm(RULE, name, Severity.WARNING, UNIT, "no data", holds=None, runbook=book))
            continue
        declared = limits.get(name)
        own = declared.run_seconds if declared is not None else None
        common = Limit(own, "its limit") if own is not None else usual_limit(baselines.get(name), settings)
        over = [] if not runs else _over(runs, own, common, now)
        if over:
            findings.append(_finding(name, worst_first(over), settings, book))
        elif common is not None or (runs and all(run.limit_seconds is not None for run in runs)):
            findings.append(calm(RULE, name, Severity.WARNING, UNIT, "no run over its time", runbook=book))
        else:
            n = baseline.n if (baseline := baselines.get(name)) is not None else 0
            findings.append(
                calm(RULE, name, Severity.WARNING, UNIT, no_baseline(n), learning=True, runbook=book)
            )
    return tuple(findings)


def usual_limit(usual: Baseline | None, settings: TimeoutSettings) -> Limit | None:
    """max(factor * p99, median + slack) of runs that came to their end, else the default; None: neither."""
    p50 = usual.duration_p50_seconds if usual is not None else None
    p99 = usual.duration_p99_seconds if usual is not None else None
    if usual is not None and p50 is not None and p99 is not None and usual.n >= settings.needed:
        by_p99, by_median = settings.factor_p99 * p99, p50 + settings.slack_seconds
        if by_p99 >= by_median:
            return Limit(by_p99, f"{settings.factor_p99:g} x p99")
        return Limit(by_median, f"median + {span(settings.slack_seconds)}")
    if settings.default_seconds is not None:
        return Limit(settings.default_seconds, "default")
    return None


def _over(runs: Sequence[Run], own: float | None, common: Limit | None, now: float) -> list[Over]:
    """Of each run: what the config declares, else what its log does, else what is common."""
    found = []
    for run in runs:
        took = elapsed(run, now)
        limit = common
        if own is None and run.limit_seconds is not None:
            limit = Limit(run.limit_seconds, "limit by its log")
        if took is not None and limit is not None and took > limit.seconds:
            found.append(Over(run, took, limit.seconds, limit.why, now - took + limit.seconds))
    return found


def _finding(workflow: str, over: list[Over], settings: TimeoutSettings, runbook: str | None) -> Finding:
    worst = over[0]
    return Finding(
        rule=RULE,
        labels=(("workflow", workflow),),
        severity=Severity.WARNING,
        holds=True,
        summary=f"{counted(over, 'over their time')}running {span(worst.value)}, "
        f"allowed {span(worst.limit)} ({worst.why})",
        workflow=workflow,
        value=worst.value,
        threshold=worst.limit,
        n=len(over),
        unit=UNIT,
        for_seconds=settings.for_seconds,
        since=min(each.since for each in over if each.since is not None),
        runbook=runbook,
        members=members(over),
        contributors=tuple(where(each, span(each.value)) for each in over[:MOST_CONTRIBUTORS]),
    )
