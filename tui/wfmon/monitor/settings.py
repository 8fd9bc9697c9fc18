"""From config sections to the plain settings that the rules take."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.config import schema
from wfmon.model.record import dataclass, field
from wfmon.model.settings import (
    BaselineSettings,
    BudgetBurnSettings,
    CostSpikeSettings,
    EpisodeSettings,
    EvaluationSettings,
    FailureRateSettings,
    FillingSettings,
    FlapSettings,
    HysteresisSettings,
    Limits,
    MemoryForecastSettings,
    MemorySettings,
    RetentionSettings,
    RunawaySettings,
    ShareSettings,
    SilenceSettings,
    SourceDownSettings,
    StallSettings,
    StorageSettings,
    TimeoutSettings,
    WakeSettings,
    WorkflowLimits,
)

JUDGED_WINDOWS = 3.0  # of the failure rule, of which the newest runs are no measure of themselves


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One per rule, and how episodes are joined; ``every`` is seconds between evaluations. ``limits``: what
    the config declares of workflows. ``replaced_by``: by rule, names of foreign alerts that hide it.
    ``aliases``: other names of workflows, to the one in use."""

    failure_rate: FailureRateSettings
    timeout: TimeoutSettings
    stall: StallSettings
    runaway: RunawaySettings
    cost_spike: CostSpikeSettings
    budget_burn: BudgetBurnSettings
    memory: MemorySettings
    storage: StorageSettings
    silence: SilenceSettings
    source_down: SourceDownSettings
    evaluation: EvaluationSettings
    retention: RetentionSettings
    episodes: EpisodeSettings
    every: float
    limits: Limits = field(default_factory=dict)
    replaced_by: Mapping[str, frozenset[str]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


def rule_settings(config: schema.Config) -> RuleSettings:
    alerts = config.alerts
    flap = alerts.flap
    return RuleSettings(
        failure_rate=_failure_rate(alerts.failure_rate),
        timeout=_timeout(config),
        stall=StallSettings(alerts.stall.enabled, alerts.stall.after, alerts.stall.in_step),
        runaway=_runaway(config),
        cost_spike=_cost_spike(config),
        budget_burn=BudgetBurnSettings(alerts.budget_burn.enabled),
        memory=_memory(alerts.memory),
        storage=_storage(alerts.storage),
        silence=_silence(config),
        source_down=SourceDownSettings(alerts.source_down.enabled, alerts.source_down.for_),
        evaluation=EvaluationSettings(alerts.evaluation.enabled, alerts.evaluation.for_),
        retention=retention_settings(config),
        episodes=EpisodeSettings(
            alerts.episode_gap,
            alerts.resolved_keep,
            FlapSettings(flap.transitions, flap.window, flap.quiet),
        ),
        every=config.monitor.evaluate_every,
        limits=_limits(config),
        replaced_by=_replaced_by(alerts),
        aliases={alias: entry.name for entry in config.workflow for alias in entry.aliases},
    )


def wake_settings(config: schema.Config) -> WakeSettings:
    terms = config.alerts.ack
    return WakeSettings(
        severity="severity" in terms.wake_on,
        value_factor=terms.value_factor if "value" in terms.wake_on else None,
        member="member" in terms.wake_on,
    )


def share_settings(config: schema.Config) -> ShareSettings:
    return ShareSettings(config.alerts.share.duration, config.alerts.share.extend)


def _failure_rate(section: schema.FailureRate) -> FailureRateSettings:
    return FailureRateSettings(
        enabled=section.enabled,
        threshold=section.threshold,
        min_failures=section.min_failures,
        z=section.z,
        critical_factor=section.critical_factor,
        clear_quiet_seconds=section.clear_quiet,
        baseline_factor=section.baseline_factor,
        baseline_runs=section.baseline_runs,
        streak=section.streak,
    )


def _timeout(config: schema.Config) -> TimeoutSettings:
    section = config.alerts.timeout
    return TimeoutSettings(
        enabled=section.enabled,
        factor_p99=section.factor_p99,
        slack_seconds=section.slack,
        default_seconds=_above_zero(section.default),
        for_seconds=section.for_,
        needed=config.baseline.needed,
    )


def _runaway(config: schema.Config) -> RunawaySettings:
    section = config.alerts.runaway
    return RunawaySettings(
        enabled=section.enabled,
        cost_factor=section.cost_factor,
        max_run_usd=_above_zero(section.max_run_usd),
        for_seconds=section.for_,
        needed=config.baseline.needed,
    )


def _cost_spike(config: schema.Config) -> CostSpikeSettings:
    section = config.alerts.cost_spike
    return CostSpikeSettings(
        enabled=section.enabled,
        z_trip=section.z_trip,
        z_clear=section.z_clear,
        min_ratio=section.min_ratio,
        clear_ratio=section.clear_ratio,
        min_delta_usd=section.min_delta_usd,
        sigma_floor=section.sigma_floor,
        offset_usd=section.offset_usd,
        for_seconds=section.for_,
        keep_seconds=section.keep,
        cap_usd_per_hour=_above_zero(section.cap_usd_per_hour),
        needed=config.baseline.needed,
        rate_seconds=float(config.windows.rate),
    )


def _silence(config: schema.Config) -> SilenceSettings:
    section = config.alerts.silence
    return SilenceSettings(
        enabled=section.enabled,
        p_zero=section.p_zero,
        gap_factor=section.gap_factor,
        slack_seconds=section.slack,
        needed=config.baseline.needed,
    )


def _memory(section: schema.MemoryRule) -> MemorySettings:
    forecast = section.forecast
    return MemorySettings(
        enabled=section.enabled,
        warn=_hysteresis(section.warn),
        critical=_hysteresis(section.critical),
        psi_full_avg10=section.psi_full_avg10,
        oom_seconds=section.oom,
        forecast=MemoryForecastSettings(forecast.window, forecast.horizon, forecast.min_r2, forecast.below),
    )


def _storage(section: schema.StorageRule) -> StorageSettings:
    return StorageSettings(
        enabled=section.enabled,
        warn=_hysteresis(section.warn),
        critical=_hysteresis(section.critical),
        inodes=section.inodes,
        fills_warn=_fills(section.fills_warn),
        fills_critical=_fills(section.fills_critical),
    )


def _fills(section: schema.Fills) -> FillingSettings:
    return FillingSettings(section.horizon, section.long_horizon, section.for_)


def _limits(config: schema.Config) -> Limits:
    return {
        entry.name: WorkflowLimits(entry.limit, entry.max_gap, entry.max_run_usd, entry.max_usd_per_hour)
        for entry in config.workflow
        if any(
            each is not None
            for each in (entry.limit, entry.max_gap, entry.max_run_usd, entry.max_usd_per_hour)
        )
    }


def _replaced_by(alerts: schema.Alerts) -> dict[str, frozenset[str]]:
    sections = {name: getattr(alerts, name) for name in alerts.__struct_fields__}
    named = {name: getattr(section, "replaced_by", None) for name, section in sections.items()}
    return {name: frozenset(names) for name, names in named.items() if names}


def _above_zero(value: float) -> float | None:
    return float(value) if value > 0 else None


def baseline_settings(config: schema.Config) -> BaselineSettings:
    section = config.baseline
    return BaselineSettings(
        runs=section.runs,
        needed=section.needed,
        days=float(section.days),
        judged_seconds=JUDGED_WINDOWS * float(config.windows.runs),
    )


def retention_settings(config: schema.Config) -> RetentionSettings:
    wanted, history = config.retention, config.history
    return RetentionSettings(
        enabled=config.alerts.retention.enabled,
        production_seconds=float(wanted.production),
        debug_seconds=float(wanted.debug),
        metrics_seconds=float(wanted.metrics),
        history_seconds=float(history.coarse.keep) if history.enabled else None,
    )


def _hysteresis(section: schema.Hysteresis) -> HysteresisSettings:
    return HysteresisSettings(
        trip=section.trip,
        clear=section.clear,
        for_seconds=section.for_,
        keep_seconds=section.keep,
        trip_bytes=section.trip_bytes,
    )
