"""Our rules as people read them: what each says with its thresholds, and where that was set."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from math import erf, sqrt

from wfmon.analysis.words import percent, size, span
from wfmon.config import schema
from wfmon.config.layers import LayerKind, Origin
from wfmon.config.problems import KeyPath, dotted
from wfmon.model.ruleinfo import RuleInfo
from wfmon.text.sanitize import safe

# What was set below a path by other layers than the shipped one, with the origin of each value.
Changed = Callable[[KeyPath], Sequence[tuple[KeyPath, Origin]]]

SHIPPED = "as shipped"
# Settings outside a rule's own section that say what it does: of every workflow, and of all.
_OF_WORKFLOWS = {
    "timeout": "limit",
    "silence": "max_gap",
    "runaway": "max_run_usd",
    "cost_spike": "max_usd_per_hour",
}
_OUTSIDE: Mapping[str, tuple[KeyPath, ...]] = {
    "failure_rate": (("windows", "runs"), ("windows", "grow_runs")),
    "retention": (("retention",),),
    "budget_burn": (("budget",),),
}


def rule_infos(config: schema.Config, changed: Changed | None = None) -> tuple[RuleInfo, ...]:
    """Every rule of ours, in the order of the config. ``changed`` None: where they were set is not known."""
    alerts = config.alerts
    words = {
        "failure_rate": _failure_rate(config),
        "timeout": _timeout(alerts.timeout),
        "stall": _stall(alerts.stall),
        "runaway": _runaway(alerts.runaway),
        "cost_spike": _cost_spike(alerts.cost_spike),
        "budget_burn": _budget_burn(config.budget),
        "memory": _memory(alerts.memory),
        "storage": _storage(alerts.storage),
        "silence": _silence(alerts.silence),
        "source_down": f"a source does not answer for {span(alerts.source_down.for_)}",
        "evaluation": f"a rule cannot be evaluated for {span(alerts.evaluation.for_)}",
        "retention": "logs or metrics reach less far back than [retention] asks",
    }
    return tuple(
        RuleInfo(
            name=name,
            words=text,
            where="" if changed is None else _where(name, config, changed),
            health="ok" if getattr(alerts, name).enabled else "off",
        )
        for name, text in words.items()
    )


def _where(rule: str, config: schema.Config, changed: Changed) -> str:
    """``config.toml:12 alerts.failure_rate.threshold``, and how many more there are."""
    found = [*changed(("alerts", rule))]
    for path in _OUTSIDE.get(rule, ()):
        found += changed(path)
    key = _OF_WORKFLOWS.get(rule)
    for index, workflow in enumerate(config.workflow):
        if key is not None and getattr(workflow, key) is not None:
            found += changed(("workflow", index, key))
    told = [(path, origin) for path, origin in found if origin.kind is not LayerKind.SHIPPED]
    if not told:
        return SHIPPED
    path, origin = told[0]
    more = f", {len(told) - 1} more" if len(told) > 1 else ""
    return safe(f"{os.path.basename(origin.where)} {dotted(path)}{more}", limit=200)


def _failure_rate(config: schema.Config) -> str:
    rule, windows = config.alerts.failure_rate, config.windows
    sure = min(99.9, round(50.0 * (1.0 + erf(rule.z / sqrt(2.0))), 1))
    grown = f" (grown to {windows.grow_runs} runs)" if windows.grow_runs else ""
    words = (
        f"failed / runs, last {span(windows.runs)}{grown} > {percent(rule.threshold)},"
        f" {sure:g}% sure, ≥ {rule.min_failures} failed"
    )
    if rule.baseline_factor > 0:
        words += f"; > {rule.baseline_factor:g}x usual (n ≥ {rule.baseline_runs})"
    return f"{words}; or a streak" if rule.streak else words


def _timeout(rule: schema.TimeoutRule) -> str:
    words = (
        f"a run takes longer than its limit, else max({rule.factor_p99:g} x p99, median + {span(rule.slack)})"
    )
    return words + (f", else {span(rule.default)}" if rule.default else "") + _for(rule.for_)


def _stall(rule: schema.StallRule) -> str:
    return (
        f"a run without log line, token and CPU for {span(rule.after)}"
        f" ({span(rule.in_step)} in a step that calls a tool or a model)"
    )


def _runaway(rule: schema.RunawayRule) -> str:
    words = f"a run longer than p99 and dearer than {rule.cost_factor:g} x p99"
    return words + (f", or than ${rule.max_run_usd:.2f}" if rule.max_run_usd else "") + _for(rule.for_)


def _cost_spike(rule: schema.CostSpikeRule) -> str:
    words = (
        f"last hour against the same hour of other days: z > {rule.z_trip:g},"
        f" ≥ {rule.min_ratio:g}x and ${rule.min_delta_usd:.2f} more"
    )
    cap = f"; or all > ${rule.cap_usd_per_hour:.2f}/h" if rule.cap_usd_per_hour else ""
    return words + _for(rule.for_) + cap


def _budget_burn(budgets: Sequence[schema.Budget]) -> str:
    names = ", ".join(safe(each.name, limit=40) for each in budgets[:3])
    which = f"of {names}{' …' if len(budgets) > 3 else ''}" if budgets else "no [[budget]] is set"
    return f"a budget is spent, burns too fast (1h, 6h, 24h), or will not last: {which}"


def _memory(rule: schema.MemoryRule) -> str:
    return (
        f"available {_level(rule.warn)}; critical {_level(rule.critical)}, or waited for"
        f" > {rule.psi_full_avg10:g}% of the time; a kill for want of memory within {span(rule.oom)};"
        f" empty in < {span(rule.forecast.horizon)}"
    )


def _storage(rule: schema.StorageRule) -> str:
    # Of a warning both must hold, of a critical one either: see ``StorageSettings``.
    return (
        f"free {_level(rule.warn, 'and')}; critical {_level(rule.critical, 'or')};"
        f" full in < {span(rule.fills_warn.horizon)}, critical < {span(rule.fills_critical.horizon)}"
        + ("; inodes alike" if rule.inodes else "")
    )


def _silence(rule: schema.SilenceRule) -> str:
    return (
        f"no run although expected (chance ≤ {rule.p_zero:g}), or no success for longer than max_gap,"
        f" else {rule.gap_factor:g} x the usual gap + {span(rule.slack)}"
    )


def _level(level: schema.Hysteresis, joined: str = "") -> str:
    in_bytes = f" {joined} < {size(level.trip_bytes)}" if level.trip_bytes is not None and joined else ""
    return f"< {percent(level.trip)}{in_bytes}{_for(level.for_)}"


def _for(seconds: float) -> str:
    return f" for {span(seconds)}" if seconds > 0 else ""
