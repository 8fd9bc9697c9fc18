"""Rule ``runaway``: a run is longer than usual and far dearer, or dearer than one may be
(alerting-and-burn 4.4)."""

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
from wfmon.model.alert import Finding, Severity
from wfmon.model.baseline import Baseline
from wfmon.model.run import Run
from wfmon.model.settings import Limits, RunawaySettings

RULE = "runaway"
UNIT = "usd"


def evaluate(
    running: Mapping[str, Sequence[Run]],
    settings: RunawaySettings,
    now: float,
    *,
    baselines: Mapping[str, Baseline],
    limits: Limits,
    unseen: Collection[str] = (),
    runbooks: Mapping[str, str | None] | None = None,
) -> tuple[Finding, ...]:
    """Two findings per workflow of ``running`` (see ``timeout.evaluate``): critical where a run is dearer
    than the config allows, a warning also where it is only far from what is usual. A run whose cost is not
    known is no runaway, whatever it may cost."""
    if not settings.enabled:
        return ()
    books = runbooks or {}
    findings: list[Finding] = []
    for name, runs in running.items():
        book = books.get(name)
        if name in unseen:
            findings += (_calm(name, each, "no data", settings, book, holds=None) for each in _LEVELS)
            continue
        declared = limits.get(name)
        cap = declared.run_usd if declared is not None else None
        cap = settings.max_run_usd if cap is None else cap
        usual = baselines.get(name)
        dear = [] if not runs or cap is None else _beyond_cap(runs, cap)
        odd = [] if not runs else _beyond_usual(runs, usual, settings, now)
        seen = {each.run.id for each in dear}
        both = [*dear, *(each for each in odd if each.run.id not in seen)]
        if both:
            findings.append(_finding(name, Severity.WARNING, worst_first(both), settings, book))
        else:
            findings.append(_quiet_warning(name, usual, cap, settings, book))
        if dear:
            findings.append(_finding(name, Severity.CRITICAL, worst_first(dear), settings, book))
        else:
            findings.append(_calm(name, Severity.CRITICAL, "no run beyond its cost", settings, book))
    return tuple(findings)


_LEVELS = (Severity.WARNING, Severity.CRITICAL)


def _beyond_cap(runs: Sequence[Run], cap: float) -> list[Over]:
    return [
        Over(run, run.usage.cost_usd, cap, "", run.last_line_at)
        for run in runs
        if run.usage.cost_usd is not None and run.usage.cost_usd > cap
    ]


def _knows(usual: Baseline | None, settings: RunawaySettings) -> bool:
    return (
        usual is not None
        and usual.n >= settings.needed
        and usual.duration_p99_seconds is not None
        and usual.cost_p99_usd is not None
    )


def _beyond_usual(
    runs: Sequence[Run], usual: Baseline | None, settings: RunawaySettings, now: float
) -> list[Over]:
    if usual is None or not _knows(usual, settings):
        return []
    assert usual.duration_p99_seconds is not None
    assert usual.cost_p99_usd is not None
    limit = settings.cost_factor * usual.cost_p99_usd
    found = []
    for run in runs:
        cost, took = run.usage.cost_usd, elapsed(run, now)
        if cost is not None and took is not None and cost > limit and took > usual.duration_p99_seconds:
            long_since = now - took + usual.duration_p99_seconds
            told_at = run.last_line_at
            since = None if told_at is None else max(told_at, long_since)
            found.append(Over(run, cost, limit, f"{settings.cost_factor:g} x p99", since))
    return found


def _quiet_warning(
    workflow: str, usual: Baseline | None, cap: float | None, settings: RunawaySettings, runbook: str | None
) -> Finding:
    if cap is None and not _knows(usual, settings):
        words = no_baseline(0 if usual is None else usual.n)
        return _calm(workflow, Severity.WARNING, words, settings, runbook, learning=True)
    return _calm(workflow, Severity.WARNING, "no run beyond its cost", settings, runbook)


def _calm(
    workflow: str,
    severity: Severity,
    summary: str,
    settings: RunawaySettings,
    runbook: str | None,
    *,
    holds: bool | None = False,
    learning: bool = False,
) -> Finding:
    return calm(
        RULE,
        workflow,
        severity,
        UNIT,
        summary,
        holds=holds,
        learning=learning,
        for_seconds=settings.for_seconds,
        runbook=runbook,
    )


def _finding(
    workflow: str, severity: Severity, over: list[Over], settings: RunawaySettings, runbook: str | None
) -> Finding:
    worst = over[0]
    since = min((each.since for each in over if each.since is not None), default=None)
    return Finding(
        rule=RULE,
        labels=(("workflow", workflow),),
        severity=severity,
        holds=True,
        summary=f"{counted(over, 'run away')}{_money(worst.value)} so far, "
        f"allowed {_money(worst.limit)}" + (f" ({worst.why})" if worst.why else ""),
        workflow=workflow,
        value=worst.value,
        threshold=worst.limit,
        n=len(over),
        unit=UNIT,
        for_seconds=settings.for_seconds,
        # Its last line told the money at the latest.
        since=since,
        since_at_least=since is not None,
        runbook=runbook,
        members=members(over),
        contributors=tuple(where(each, _money(each.value)) for each in over[:MOST_CONTRIBUTORS]),
    )


def _money(usd: float) -> str:
    return f"${usd:.2f}" if usd >= 0.1 else f"${usd:.4f}"
