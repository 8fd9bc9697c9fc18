"""Rule ``failure_rate`` in PromQL (``analysis/rules/failure_rate.py``, alerting-and-burn 4.3).

What differs from our own evaluation: no baseline (a workflow that usually fails often alerts all the
time), and a streak is seen only where a whole window failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log

from wfmon.export.rulefile import Alerting, Group, Recording, duration
from wfmon.export.series import FAILED_TOTAL, FINISHED_TOTAL, increase
from wfmon.export.words import firing, labels, named
from wfmon.model.alert import Severity
from wfmon.model.settings import FailureRateSettings

RULE = "failure_rate"
ALERT = "WorkflowFailureRate"
FAILED, FINISHED = "wfmon:runs_failed:increase", "wfmon:runs_finished:increase"
OF_WINDOW, OF_FAILED = "wfmon:failure_rate:runs", "wfmon:failure_rate:failed"
RATIO, BOUND = "wfmon:failure_rate:ratio", "wfmon:failure_rate:lower_bound"
OVER, STREAK, HELD = "wfmon:failure_rate:over", "wfmon:failure_rate:streak", "wfmon:failure_rate:held"
SEEN, ENDED = "wfmon:failure_rate:seen_at", "wfmon:failure_rate:ended_at"
CRITICAL = "wfmon:failure_rate:critical"
FIRING_NOW = f'group by (workflow) (ALERTS{{alertname="{ALERT}",alertstate="firing"}})'
HOURS_30_DAYS = 720.0


def group(windows: Sequence[float], enough: int, settings: FailureRateSettings, interval: float) -> Group:
    """``windows``: the ladder in seconds, shortest first; the shortest with ``enough`` runs is judged."""
    rules: list[Recording | Alerting] = _ends(windows[-1])
    for seconds in windows:
        finished = f"round({increase(FINISHED_TOTAL, seconds)})"
        failed = f"round({increase(FAILED_TOTAL, seconds)}) or 0 * {_of(FINISHED, seconds)}"
        rules += [Recording(_of(FINISHED, seconds), finished), Recording(_of(FAILED, seconds), failed)]
    rules += [
        Recording(OF_WINDOW, _chosen(windows, enough, FINISHED)),
        Recording(OF_FAILED, _chosen(windows, enough, FAILED)),
        Recording(RATIO, f"{OF_FAILED} / {OF_WINDOW}"),
        Recording(BOUND, _wilson(settings.z)),
        Recording(OVER, _over(windows, settings)),
    ]
    if settings.streak:
        rules.append(Recording(STREAK, _streak(windows, settings)))
    critical = min(settings.critical_factor * settings.threshold, (1 + settings.threshold) / 2)
    rules += [
        *_critical(critical, settings),
        *_warning(settings.threshold, settings),
    ]
    return Group(
        "wfmon-failure-rate", interval, rules, ("More runs of a workflow fail than chance explains.",)
    )


def _of(name: str, seconds: float) -> str:
    return f"{name}{duration(seconds)}"


def _ends(longest: float) -> list[Recording | Alerting]:
    """When the alert was last seen to fire, and when it ended: windows do not reach behind that."""
    return [
        Recording(ENDED, f"({SEEN} unless {FIRING_NOW}) or {ENDED}"),
        Recording(SEEN, f"0 * {FIRING_NOW} + time() or {SEEN} > time() - {longest:g}"),
    ]


def _reaches_behind(seconds: float) -> str:
    return f"{ENDED} > time() - {seconds:g}"


def _chosen(windows: Sequence[float], enough: int, name: str) -> str:
    """The figure of the shortest window that holds ``enough`` runs, else of the longest that there may
    be."""
    parts = []
    for each, longer in pairwise(windows):
        runs = _of(FINISHED, each)
        parts.append(f"{_of(name, each)} and ({runs} >= {enough} or ({runs} and {_reaches_behind(longer)}))")
    return " or ".join([*parts, _of(name, windows[-1])])


def _wilson(z: float) -> str:
    """The lower bound of the Wilson score interval."""
    p, n, zz = RATIO, OF_WINDOW, z * z
    return (
        f"({p} + {zz / 2:.6g} / {n} - {z:g} * sqrt({p} * (1 - {p}) / {n} + {zz / 4:.6g} / {n} ^ 2)) "
        f"/ (1 + {zz:.6g} / {n})"
    )


def _most(parts: Sequence[str]) -> str:
    """By workflow the largest of several vectors."""
    told = " or ".join(named(part, str(number)) for number, part in enumerate(parts))
    return f"max by (workflow) ({told})"


def _over(windows: Sequence[float], settings: FailureRateSettings) -> str:
    """Enough runs succeeded in a row, and none failed for the quiet time."""
    long = [each for each in windows if each >= settings.clear_quiet_seconds]
    succeeded = _most([f"({_of(FINISHED, each)} unless {_of(FAILED, each)} > 0)" for each in long])
    failing = [f"({_of(FAILED, each)} > 0) / {_of(FINISHED, each)}" for each in windows]
    worst = f"({_most(failing)} or 0 * {_of(FINISHED, windows[-1])} + 0.9)"
    needed = f"clamp_min(ceil({log(0.05):.6g} / ln(1 - clamp_max({worst}, 0.9))), 3)"
    return f"{succeeded} >= {needed}"


def _streak(windows: Sequence[float], settings: FailureRateSettings) -> str:
    """All runs of some window failed, and so many that it is no chance."""
    longest = windows[-1]
    whole = _most(
        [f"({_of(FAILED, each)} == {_of(FINISHED, each)} unless {_reaches_behind(each)})" for each in windows]
    )
    in_30_days = f"clamp_min({_of(FINISHED, longest)} * {HOURS_30_DAYS * 3600 / longest:g}, 1)"
    needed = f"clamp_min(ceil(ln(0.1 / {in_30_days}) / {log(0.01):.6g}), {max(3, settings.min_failures)})"
    return f"{whole} >= {needed}"


def _critical(threshold: float, settings: FailureRateSettings) -> tuple[Recording | Alerting, ...]:
    held = f"{HELD}_critical"
    fires = _kept(held, firing(ALERT, Severity.CRITICAL), settings)
    return (
        Recording(held, f"{_trips(threshold, settings)} unless {OVER}"),
        Recording(CRITICAL, fires),
        _alert(Severity.CRITICAL, CRITICAL, threshold),
    )


def _warning(threshold: float, settings: FailureRateSettings) -> tuple[Recording | Alerting, ...]:
    """Silent while it is critical: one incident is one page."""
    held = f"{HELD}_warning"
    between = f"({RATIO} > {threshold:g} or {OF_WINDOW} == 0) and on (workflow) {FIRING_NOW}"
    fires = f"({_kept(held, FIRING_NOW, settings)}) unless {CRITICAL}"
    return (
        Recording(held, f"({_trips(threshold, settings)} unless {OVER}) or ({between})"),
        _alert(Severity.WARNING, fires, threshold),
    )


def _trips(threshold: float, settings: FailureRateSettings) -> str:
    bound = f"({BOUND} > {threshold:g} and {OF_FAILED} >= {settings.min_failures})"
    return f"({bound} or {STREAK})" if settings.streak else bound


def _kept(held: str, firing_now: str, settings: FailureRateSettings) -> str:
    """While it holds, and if it fires for the quiet time after; not once it is over."""
    keep = duration(settings.clear_quiet_seconds)
    kept = f"(max_over_time({held}[{keep}]) and on (workflow) {firing_now})"
    return f"({RATIO} and ({held} or {kept})) unless {OVER}"


def _alert(severity: Severity, expr: str, threshold: float) -> Alerting:
    return Alerting(
        ALERT,
        expr,
        labels(RULE, severity),
        {
            "summary": "{{ $labels.workflow }} fails {{ $value | humanizePercentage }}",
            "description": f"The ratio of failed runs is surely above {threshold:.0%}.",
        },
    )
