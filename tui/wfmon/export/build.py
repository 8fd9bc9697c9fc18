"""The whole rule file, from the settings and a profile."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.export import failures, host, money, presence
from wfmon.export.rulefile import Group, Recording, yaml
from wfmon.export.series import COST_TOTAL, counter_of, run_series, target_recording
from wfmon.model.metrics import Concept
from wfmon.model.windows import window_ladder
from wfmon.monitor.settings import RuleSettings
from wfmon.sources.profile import Profile

_HEAD = (
    "Alerting and recording rules for Prometheus 2.42 and newer, written by wfmon-tui rules export.",
    "They alert while no terminal is open. wfmon-tui shows an alert with the label wfmon_rule in the",
    "place of its own rule of that name.",
    "",
    "Not here: timeout, stall and runaway, since metrics do not tell of single runs that still go on;",
    "retention, which is about wfmon-tui's own history and logs; what is usual for a workflow.",
)


def rule_file(
    rules: RuleSettings,
    profile: Profile,
    windows: tuple[float, float, int],
    interval: float,
) -> str:
    """YAML. ``windows``: of runs and the longest, in seconds, and how many runs are enough;
    ``interval``: seconds between evaluations. Raises ``ProfileError`` where the profile counts no runs."""
    base, longest, enough = windows
    groups: list[Group] = [_totals(profile, interval)]
    if rules.failure_rate.enabled:
        ladder = window_ladder(base, longest)
        groups.append(failures.group(ladder, enough, rules.failure_rate, interval))
    groups += _money(rules, profile, interval)
    groups += host.groups(rules.memory, rules.storage, interval)
    gaps = {name: each.gap_seconds for name, each in rules.limits.items() if each.gap_seconds is not None}
    if rules.silence.enabled and gaps:
        groups.append(presence.silence(gaps, interval))
    if rules.source_down.enabled:
        groups.append(presence.down(rules.source_down, interval))
    if rules.evaluation.enabled:
        groups.append(presence.evaluation(rules.evaluation, interval))
    return yaml(groups, _HEAD)


def _totals(profile: Profile, interval: float) -> Group:
    runs, cost = run_series(profile), counter_of(profile, Concept.COST)
    metrics = [runs.counter.metric, *([cost.metric] if cost is not None else [])]
    recordings = [target_recording(metrics), *runs.recordings()]
    if cost is not None:
        recordings.append(Recording(COST_TOTAL, cost.by_target()))
    return Group("wfmon-totals", interval, recordings, ("What the profile's counters mean.",))


def _money(rules: RuleSettings, profile: Profile, interval: float) -> Sequence[Group]:
    if not rules.cost_spike.enabled or counter_of(profile, Concept.COST) is None:
        return ()
    limits = rules.limits.items()
    caps = {name: each.usd_per_hour for name, each in limits if each.usd_per_hour is not None}
    return money.groups(caps, rules.cost_spike, interval)
