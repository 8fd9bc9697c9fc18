"""Rule ``cost_spike``: the last hour cost far more than hours like it, or more than was allowed.

With y = ln(x + e) of an hour that cost x, and m and MAD of the same hours of other days, the deviation is
(y - m) / max(1.4826 * MAD, floor): money grows by factors (alerting-and-burn 4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from math import exp, log

from wfmon.analysis.words import span, usd
from wfmon.model.alert import Finding, Labels, Severity
from wfmon.model.baseline import Baseline, Usual
from wfmon.model.record import dataclass
from wfmon.model.settings import CostSpikeSettings, Limits
from wfmon.model.snapshot import Totals, Workflow

RULE = "cost_spike"
HOUR = 3600.0
MAD_TO_SIGMA = 1.4826  # of a normal distribution
KNOWN_SHARE = 0.99  # of the hour: looks do not fall on its edge
RATE_SHARE = 0.9  # of the rate window, before a rate is believed
# Of a cap, as the pace of what is known of the hour: one dear run is no rate.
CAP_SHARE = 0.25
MOST = 5
ALL: Labels = (("scope", "all"),)

SpentOn = Callable[[str], Sequence[tuple[str, float]]]


def evaluate(
    workflows: Sequence[Workflow],
    totals: Totals,
    settings: CostSpikeSettings,
    limits: Limits,
    now: float,
    *,
    unseen: Collection[str] = (),
    spent_on: SpentOn = lambda workflow: (),
) -> tuple[Finding, ...]:
    """Of each workflow whose cost is told a warning finding (against its baseline), and a critical one
    where it has a cap; of all together a critical one where there is a cap. While too little of the hour is
    known they still learn, which only time ends.

    ``unseen``: workflows whose runs or cost come from a source that does not answer now. ``spent_on``: what
    the last hour of a workflow went to, in USD, the most first; asked only for what holds.
    """
    del now
    if not settings.enabled:
        return ()
    findings: list[Finding] = []
    for row in workflows:
        hour = _Hour(row.cost_hour_usd, row.cost_hour_seconds, row.cost_usd_per_hour, row.name in unseen)
        findings += _of_workflow(row, hour, settings, limits, spent_on)
    if settings.cap_usd_per_hour is not None and totals.cost_hour_usd is not None:
        gone = any(row.name in unseen for row in workflows if row.cost_hour_usd is not None)
        hour = _Hour(totals.cost_hour_usd, totals.cost_hour_seconds, totals.cost_usd_per_hour, gone)
        found = _capped(
            ALL, None, None, hour, settings.cap_usd_per_hour, settings, lambda: _dearest(workflows)
        )
        findings.append(found)
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class _Hour:
    """``usd`` in the last hour, of which ``seconds`` are known (None: part of it has no price): it is then
    the least that it can be. ``rate``: USD an hour over the rate window. ``unseen``: not looked at now."""

    usd: float | None
    seconds: float | None
    rate: float | None
    unseen: bool

    @property
    def whole(self) -> bool:
        return self.seconds is not None and self.seconds >= KNOWN_SHARE * HOUR


def _of_workflow(
    row: Workflow, hour: _Hour, settings: CostSpikeSettings, limits: Limits, spent_on: SpentOn
) -> list[Finding]:
    usual = row.usual.cost_per_hour if row.usual is not None else None
    if hour.usd is None and usual is None:
        return []  # nobody tells what it costs
    labels: Labels = (("workflow", row.name),)
    found = [
        _learning(labels, row) if usual is None else _against(usual, labels, row, hour, settings, spent_on)
    ]
    limit = limits.get(row.name)
    if limit is not None and limit.usd_per_hour is not None:
        parts = _asked(spent_on, row.name)
        found.append(_capped(labels, row.name, row.runbook, hour, limit.usd_per_hour, settings, parts))
    return found


def _learning(labels: Labels, row: Workflow) -> Finding:
    known: Baseline | None = row.usual
    hours = 0 if known is None else known.hours
    few = known is None or hours < known.needed
    return Finding(
        rule=RULE,
        labels=labels,
        severity=Severity.WARNING,
        holds=False,
        summary=f"no baseline (n={hours})" if few else "no baseline of its cost",
        workflow=row.name,
        value=row.cost_hour_usd,
        n=hours,
        window_seconds=HOUR,
        unit="usd",
        learning=True,
        runbook=row.runbook,
    )


@dataclass(frozen=True, slots=True)
class Bars:
    """USD in an hour: ``trip`` and more is a spike, below ``clear`` it is over."""

    trip: float
    clear: float


def bars(usual: Usual, settings: CostSpikeSettings) -> Bars:
    """A spike is beyond usual in deviations, by a factor, and by an amount that matters; it is over when
    it is well back in any of the three."""
    middle = usual.median + settings.offset_usd
    sigma = max(MAD_TO_SIGMA * usual.spread, settings.sigma_floor)
    m = log(middle)
    return Bars(
        trip=max(
            exp(m + settings.z_trip * sigma) - settings.offset_usd,
            settings.min_ratio * middle,
            middle + settings.min_delta_usd,
        ),
        clear=max(
            exp(m + settings.z_clear * sigma) - settings.offset_usd,
            settings.clear_ratio * middle,
            middle + settings.min_delta_usd / 2,
        ),
    )


def _against(
    usual: Usual, labels: Labels, row: Workflow, hour: _Hour, settings: CostSpikeSettings, spent_on: SpentOn
) -> Finding:
    level = bars(usual, settings)
    holds, between, why = _spikes(hour, level, settings)
    summary = why
    if hour.usd is not None and not why:
        times = f" ({hour.usd / usual.median:.1f}x)" if usual.median > 0 and hour.usd > usual.median else ""
        least = "" if hour.whole else " at least"
        summary = f"{usd(hour.usd)}{least} in the last hour, usually {usd(usual.median)}{times}"
    return Finding(
        rule=RULE,
        labels=labels,
        severity=Severity.WARNING,
        holds=holds,
        summary=summary,
        workflow=row.name,
        value=hour.usd,
        threshold=level.trip,
        n=usual.n,
        window_seconds=HOUR if hour.seconds is None else min(HOUR, hour.seconds),
        unit="usd",
        for_seconds=settings.for_seconds,
        keep_seconds=settings.keep_seconds,
        between=between,
        runbook=row.runbook,
        learning=holds is None and not hour.unseen and hour.usd is not None,
        contributors=_words(spent_on(row.name)) if holds else (),
    )


def _spikes(hour: _Hour, level: Bars, settings: CostSpikeSettings) -> tuple[bool | None, bool, str]:
    """Whether it holds, whether it is between, and in words why it cannot be said. What is known of an
    hour may prove a spike; only a whole hour ends one."""
    if hour.unseen:
        return None, False, "no data"
    if hour.usd is None:
        return None, False, "cost unknown"
    if hour.usd >= level.trip:
        return True, False, ""
    if hour.whole:
        return False, hour.usd >= level.clear, ""
    if hour.seconds is None:
        return False, True, ""
    if hour.seconds < RATE_SHARE * settings.rate_seconds:
        return None, False, f"only {span(hour.seconds)} of history, need {span(settings.rate_seconds)}"
    if hour.usd * HOUR / hour.seconds >= level.trip:
        return None, False, f"only {span(hour.seconds)} of the last hour known"
    return False, True, ""


def _capped(
    labels: Labels,
    workflow: str | None,
    runbook: str | None,
    hour: _Hour,
    cap: float,
    settings: CostSpikeSettings,
    parts: Callable[[], Sequence[tuple[str, float]]],
) -> Finding:
    holds, rate = _above(hour, cap, settings)
    known = hour.seconds if hour.seconds is not None else 0.0
    summary = (
        "no data" if hour.unseen else f"only {span(known)} of history, need {span(settings.rate_seconds)}"
    )
    if rate is not None and holds is not None:
        summary = f"{usd(rate)}/h, cap {usd(cap)}/h"
    return Finding(
        rule=RULE,
        labels=labels,
        severity=Severity.CRITICAL,
        holds=holds,
        summary=summary,
        workflow=workflow,
        value=rate,
        threshold=cap,
        window_seconds=settings.rate_seconds,
        unit="usd",
        keep_seconds=settings.keep_seconds,
        between=holds is False and hour.seconds is None,
        runbook=runbook,
        learning=holds is None and not hour.unseen and hour.usd is not None,
        contributors=_words(parts()) if holds else (),
    )


def _above(hour: _Hour, cap: float, settings: CostSpikeSettings) -> tuple[bool | None, float | None]:
    """Whether money goes faster than ``cap``, and how fast. While less than the rate window is known, what
    was spent counts over all of it: the least that the rate can be."""
    if hour.unseen or hour.usd is None:
        return None, None
    if hour.seconds is None or hour.seconds < RATE_SHARE * settings.rate_seconds:
        proven = hour.seconds is not None and hour.usd * HOUR / settings.rate_seconds > cap
        if proven or hour.usd > cap:
            return True, hour.usd * HOUR / settings.rate_seconds if proven else hour.usd
        return (False, hour.rate) if hour.seconds is None else (None, None)
    pace = hour.usd * HOUR / min(HOUR, max(hour.seconds, settings.rate_seconds))
    rate = hour.rate or 0.0  # None: nothing ended within the rate window, of which all is known
    return rate > cap and pace >= CAP_SHARE * cap, rate


def _asked(spent_on: SpentOn, workflow: str) -> Callable[[], Sequence[tuple[str, float]]]:
    return lambda: spent_on(workflow)


def _dearest(workflows: Sequence[Workflow]) -> Sequence[tuple[str, float]]:
    known = [(row.name, row.cost_hour_usd) for row in workflows if row.cost_hour_usd]
    return sorted(known, key=lambda each: (-each[1], each[0]))


def _words(parts: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    return tuple(f"{name} {usd(amount)}" for name, amount in parts[:MOST])
