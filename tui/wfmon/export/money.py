"""Rule ``cost_spike`` in PromQL (``analysis/rules/cost_spike.py``, alerting-and-burn 4.5).

What differs from our own evaluation: hours like this one are the same hour ±1 of the last 14 days whatever
the day of the week (a Prometheus keeps 15 days by default), and hours of an incident are among them.
"""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.analysis.rules.cost_spike import CAP_SHARE, MAD_TO_SIGMA
from wfmon.export.rulefile import Alerting, Group, Recording, duration
from wfmon.export.series import COST_TOTAL, increase
from wfmon.export.words import firing, labels, named, table
from wfmon.model.alert import Severity
from wfmon.model.settings import CostSpikeSettings

RULE = "cost_spike"
SPIKE, CAP, TOTAL_CAP = "WorkflowCostSpike", "WorkflowCostCap", "TotalCostCap"
HOUR_USD, PACE = "wfmon:cost_usd:increase1h", "wfmon:cost_usd:per_hour"
LOG = "wfmon:cost_usd:log1h"
MEDIAN, SPREAD, HOURS = "wfmon:cost_usd:log_median", "wfmon:cost_usd:log_mad", "wfmon:cost_usd:hours"
TRIP, CLEAR, HELD = "wfmon:cost_spike:trip", "wfmon:cost_spike:clear", "wfmon:cost_spike:held"
CAPS = "wfmon:cost_cap:usd_per_hour"
DAYS = 14
HOUR = 3600


def groups(caps: Mapping[str, float], settings: CostSpikeSettings, interval: float) -> tuple[Group, ...]:
    """``caps``: USD an hour by workflow."""
    spike = Group(
        "wfmon-cost-spike", interval, _spike(settings), ("The last hour cost far more than hours like it.",)
    )
    bounds = _caps(caps, settings)
    return (spike, Group("wfmon-cost-cap", interval, bounds, ("Money goes faster than allowed.",)))


def _alike() -> str:
    """The hours like the last one, each a vector of its own."""
    offsets = [day * 24 * HOUR + shift * HOUR for day in range(1, DAYS + 1) for shift in (-1, 0, 1)]
    return " or ".join(named(f"{LOG} offset {duration(each)}", f"{each}") for each in offsets)


def _spike(settings: CostSpikeSettings) -> tuple[Recording | Alerting, ...]:
    offset, alike = settings.offset_usd, _alike()
    sigma = f"clamp_min({MAD_TO_SIGMA} * {SPREAD}, {settings.sigma_floor:g})"
    keep = duration(max(1.0, settings.keep_seconds))
    between = f"({HOUR_USD} >= {CLEAR} and on (workflow) {firing(SPIKE, Severity.WARNING)})"
    return (
        Recording(HOUR_USD, increase(COST_TOTAL, HOUR)),
        Recording(LOG, f"ln({HOUR_USD} + {offset:g})"),
        Recording(MEDIAN, f"quantile by (workflow) (0.5, {alike})"),
        Recording(
            SPREAD, f"quantile by (workflow) (0.5, abs(({alike}) - on (workflow) group_left () {MEDIAN}))"
        ),
        Recording(HOURS, f"count by (workflow) ({alike})"),
        Recording(TRIP, _bar(sigma, settings.z_trip, settings.min_ratio, settings.min_delta_usd, offset)),
        Recording(
            CLEAR, _bar(sigma, settings.z_clear, settings.clear_ratio, settings.min_delta_usd / 2, offset)
        ),
        Recording(
            HELD,
            f"min_over_time(({HOUR_USD} >= bool {TRIP})[{duration(settings.for_seconds)}:]) == 1 or {between}"
            if settings.for_seconds
            else f"{HOUR_USD} >= {TRIP} or {between}",
        ),
        Alerting(
            SPIKE,
            f"{HOUR_USD} and max_over_time({HELD}[{keep}]) and {HOURS} >= {settings.needed}",
            labels(RULE, Severity.WARNING),
            {
                "summary": '{{ $labels.workflow }} cost {{ $value | printf "$%.2f" }} in the last hour',
                "description": f"Against the same hour of the last {DAYS} days, on a log scale.",
            },
        ),
    )


def _bar(sigma: str, z: float, ratio: float, delta: float, offset: float) -> str:
    """USD in an hour: the largest of a deviation, a factor and an amount above the usual."""
    usual = f"exp({MEDIAN})"
    parts = (
        f"exp({MEDIAN} + {z:g} * {sigma}) - {offset:g}",
        f"{ratio:g} * {usual}",
        f"{usual} + {delta:g}",
    )
    told = " or ".join(named(f"({part})", str(number)) for number, part in enumerate(parts))
    return f"max by (workflow) ({told})"


def _caps(caps: Mapping[str, float], settings: CostSpikeSettings) -> tuple[Recording | Alerting, ...]:
    window = settings.rate_seconds
    rules: list[Recording | Alerting] = [
        Recording(PACE, f"{increase(COST_TOTAL, window)} * {HOUR / window:g}"),
    ]
    if caps:
        rules += [
            Recording(CAPS, table(caps)),
            _cap_alert(
                CAP,
                f"{PACE} > {CAPS} and {HOUR_USD} >= {CAP_SHARE:g} * {CAPS}",
                "{{ $labels.workflow }}",
                settings,
            ),
        ]
    if settings.cap_usd_per_hour is not None:
        cap = settings.cap_usd_per_hour
        expr = f"sum({PACE}) > {cap:g} and sum({HOUR_USD}) >= {CAP_SHARE * cap:g}"
        rules.append(_cap_alert(TOTAL_CAP, expr, "all workflows together", settings))
    return tuple(rules)


def _cap_alert(name: str, expr: str, who: str, settings: CostSpikeSettings) -> Alerting:
    return Alerting(
        name,
        expr,
        labels(RULE, Severity.CRITICAL),
        {
            "summary": f'{who} cost {{{{ $value | printf "$%.2f" }}}} an hour',
            "description": "More than the configured limit.",
        },
        keep_seconds=settings.keep_seconds,
    )
