"""From config sections to the plain settings that the rules take."""

from __future__ import annotations

from wfmon.config import schema
from wfmon.model.record import dataclass
from wfmon.model.settings import (
    BaselineSettings,
    EpisodeSettings,
    FailureRateSettings,
    HysteresisSettings,
    MemorySettings,
    RetentionSettings,
    SourceDownSettings,
    StorageSettings,
)


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One per rule, and how episodes are joined; ``every`` is seconds between evaluations."""

    failure_rate: FailureRateSettings
    memory: MemorySettings
    storage: StorageSettings
    source_down: SourceDownSettings
    retention: RetentionSettings
    episodes: EpisodeSettings
    every: float


def rule_settings(config: schema.Config) -> RuleSettings:
    alerts = config.alerts
    return RuleSettings(
        failure_rate=FailureRateSettings(
            enabled=alerts.failure_rate.enabled,
            threshold=alerts.failure_rate.threshold,
            min_failures=alerts.failure_rate.min_failures,
            z=alerts.failure_rate.z,
            critical_factor=alerts.failure_rate.critical_factor,
            clear_quiet_seconds=alerts.failure_rate.clear_quiet,
        ),
        memory=MemorySettings(
            enabled=alerts.memory.enabled,
            warn=_hysteresis(alerts.memory.warn),
            critical=_hysteresis(alerts.memory.critical),
            psi_full_avg10=alerts.memory.psi_full_avg10,
        ),
        storage=StorageSettings(
            enabled=alerts.storage.enabled,
            warn=_hysteresis(alerts.storage.warn),
            critical=_hysteresis(alerts.storage.critical),
            inodes=alerts.storage.inodes,
        ),
        source_down=SourceDownSettings(alerts.source_down.enabled, alerts.source_down.for_),
        retention=retention_settings(config),
        episodes=EpisodeSettings(alerts.episode_gap, alerts.resolved_keep),
        every=config.monitor.evaluate_every,
    )


def baseline_settings(config: schema.Config) -> BaselineSettings:
    section = config.baseline
    return BaselineSettings(runs=section.runs, needed=section.needed, days=float(section.days))


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
