"""What may not be set in ``[alerts]``: ranges, and values that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.config.problems import Finding, KeyPath
from wfmon.config.schema import (
    Alerts,
    CostSpikeRule,
    FailureRate,
    Hysteresis,
    MemoryRule,
    SilenceRule,
    StorageRule,
    Workflow,
)

_MOST = 1e6  # of any factor or count: beyond it a rule says nothing


def alert_findings(alerts: Alerts) -> Iterator[Finding]:
    """Everything that is wrong with the rules, in the order of their sections."""
    yield from _flap(alerts)
    yield from _failure_rate(alerts.failure_rate)
    yield from _running(alerts)
    yield from _cost_spike(alerts.cost_spike)
    yield from _memory(alerts.memory)
    yield from _storage(alerts.storage)
    yield from _silence(alerts.silence)
    yield from _acks(alerts)
    yield from _replaced_by(alerts)


def limit_findings(workflow: Workflow, at: KeyPath) -> Iterator[Finding]:
    """What is wrong with the limits of one workflow."""
    for key in ("max_run_usd", "max_usd_per_hour"):
        value: float | None = getattr(workflow, key)
        if value is not None and not 0 < value < float("inf"):
            yield (*at, key), f"is {value:g}, expected an amount in USD above 0"


def _flap(alerts: Alerts) -> Iterator[Finding]:
    if not 2 <= alerts.flap.transitions <= 1000:
        yield ("alerts", "flap", "transitions"), "is out of range, expected 2 to 1000"


def _failure_rate(rate: FailureRate) -> Iterator[Finding]:
    at: KeyPath = ("alerts", "failure_rate")
    if not 0 < rate.threshold < 1:
        yield (*at, "threshold"), f"is {rate.threshold:g}, expected a ratio between 0 and 1 (0.05 is 5 %)"
    if rate.min_failures < 1:
        yield (*at, "min_failures"), "is too small, expected 1 or more"
    if not 0 < rate.z <= 10:
        yield (*at, "z"), "is out of range, expected a normal quantile above 0 and at most 10"
    yield from _factor(rate.critical_factor, (*at, "critical_factor"))
    yield from _factor(rate.baseline_factor, (*at, "baseline_factor"), least=0)
    if rate.baseline_runs < 1:
        yield (*at, "baseline_runs"), "is too small, expected 1 or more"


def _running(alerts: Alerts) -> Iterator[Finding]:
    """The rules of running runs."""
    yield from _factor(alerts.timeout.factor_p99, ("alerts", "timeout", "factor_p99"))
    if alerts.stall.in_step < alerts.stall.after:
        yield ("alerts", "stall", "in_step"), "is shorter than alerts.stall.after, expected at least as long"
    yield from _factor(alerts.runaway.cost_factor, ("alerts", "runaway", "cost_factor"))
    yield from _money(alerts.runaway.max_run_usd, ("alerts", "runaway", "max_run_usd"))


def _cost_spike(rule: CostSpikeRule) -> Iterator[Finding]:
    at: KeyPath = ("alerts", "cost_spike")
    if not 0 < rule.z_trip <= 100:
        yield (*at, "z_trip"), "is out of range, expected a number above 0 and at most 100"
    if not 0 <= rule.z_clear <= rule.z_trip:
        yield (*at, "z_clear"), f"is {rule.z_clear:g}, expected 0 to z_trip ({rule.z_trip:g})"
    yield from _factor(rule.min_ratio, (*at, "min_ratio"))
    if not 0 < rule.clear_ratio <= rule.min_ratio:
        yield (
            (*at, "clear_ratio"),
            f"is {rule.clear_ratio:g}, expected at most min_ratio ({rule.min_ratio:g})",
        )
    yield from _money(rule.min_delta_usd, (*at, "min_delta_usd"))
    for key in ("sigma_floor", "offset_usd"):
        value: float = getattr(rule, key)
        if not 0 < value <= _MOST:
            yield (*at, key), f"is {value:g}, expected a number above 0"
    yield from _money(rule.cap_usd_per_hour, (*at, "cap_usd_per_hour"))


def _memory(rule: MemoryRule) -> Iterator[Finding]:
    at: KeyPath = ("alerts", "memory")
    yield from _levels(rule, at)
    if not 0 < rule.psi_full_avg10 <= 100:
        yield (*at, "psi_full_avg10"), "is out of range, expected a percentage above 0"
    forecast = rule.forecast
    if not 0 <= forecast.min_r2 <= 1:
        yield (*at, "forecast", "min_r2"), f"is {forecast.min_r2:g}, expected 0 to 1"
    if not 0 < forecast.below <= 1:
        yield (
            (*at, "forecast", "below"),
            f"is {forecast.below:g}, expected a ratio up to 1 of what is available",
        )


def _storage(rule: StorageRule) -> Iterator[Finding]:
    at: KeyPath = ("alerts", "storage")
    yield from _levels(rule, at)
    for key in ("fills_warn", "fills_critical"):
        fills = getattr(rule, key)
        if fills.long_horizon < fills.horizon:
            yield (*at, key, "long_horizon"), "is shorter than horizon, expected at least as long"
    if rule.fills_critical.horizon > rule.fills_warn.horizon:
        yield (
            (*at, "fills_critical", "horizon"),
            "is longer than fills_warn.horizon, expected critical to be nearer",
        )


def _levels(rule: MemoryRule | StorageRule, at: KeyPath) -> Iterator[Finding]:
    yield from _hysteresis(rule.warn, (*at, "warn"))
    yield from _hysteresis(rule.critical, (*at, "critical"))
    if rule.critical.trip > rule.warn.trip:
        yield (*at, "critical", "trip"), "is above warn.trip, expected critical to need less free"


def _hysteresis(level: Hysteresis, path: KeyPath) -> Iterator[Finding]:
    for key in ("trip", "clear"):
        value: float = getattr(level, key)
        if not 0 <= value <= 1:
            yield (*path, key), f"is {value:g}, expected a ratio 0 to 1 of what is free"
    if level.trip > level.clear:
        yield (*path, "clear"), f"is below trip ({level.trip:g}), expected trip or more"


def _silence(rule: SilenceRule) -> Iterator[Finding]:
    at: KeyPath = ("alerts", "silence")
    if not 0 < rule.p_zero < 1:
        yield (*at, "p_zero"), f"is {rule.p_zero:g}, expected a probability between 0 and 1"
    yield from _factor(rule.gap_factor, (*at, "gap_factor"))


def _acks(alerts: Alerts) -> Iterator[Finding]:
    if alerts.ack.max < alerts.ack.lease:
        yield ("alerts", "ack", "max"), "is shorter than alerts.ack.lease, expected at least as long"
    if not 1 < alerts.ack.value_factor <= _MOST:
        yield ("alerts", "ack", "value_factor"), f"is {alerts.ack.value_factor:g}, expected more than 1"
    if alerts.share.extend >= alerts.share.duration:
        yield ("alerts", "share", "extend"), "is not shorter than alerts.share.duration, expected less"


def _replaced_by(alerts: Alerts) -> Iterator[Finding]:
    for section in alerts.__struct_fields__:
        names: list[str] = getattr(getattr(alerts, section), "replaced_by", [])
        for index, name in enumerate(names):
            if not name.strip():
                yield ("alerts", section, "replaced_by", index), "is empty, expected the name of an alert"


def _factor(value: float, path: KeyPath, least: float = 1) -> Iterator[Finding]:
    if not least <= value <= _MOST:
        yield path, f"is out of range, expected {least:g} or more"


def _money(value: float, path: KeyPath) -> Iterator[Finding]:
    if not 0 <= value < float("inf"):
        yield path, f"is {value:g}, expected an amount in USD, 0 or more"
