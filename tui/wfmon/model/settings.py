"""Settings of the rules, as the rules take them. Defaults live in ``config.toml`` alone."""

from __future__ import annotations

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class FailureRateSettings:
    """Rule ``failure_rate`` (alerting-and-burn 4.3).

    ``z`` is the one-sided normal quantile of the Wilson bound; ``clear_quiet_seconds`` is both how
    long the ratio must be back and how long no failure may have been seen.
    """

    enabled: bool
    threshold: float
    min_failures: int
    z: float
    critical_factor: float
    clear_quiet_seconds: float


@dataclass(frozen=True, slots=True)
class HysteresisSettings:
    """Trips below ``trip``, clears above ``clear`` (free or available share, 0..1)."""

    trip: float
    clear: float
    for_seconds: float
    keep_seconds: float
    trip_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class MemorySettings:
    enabled: bool
    warn: HysteresisSettings
    critical: HysteresisSettings
    psi_full_avg10: float


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """``trip_bytes`` of a level: free space must also be below it (warn) or either (critical)."""

    enabled: bool
    warn: HysteresisSettings
    critical: HysteresisSettings
    inodes: bool


@dataclass(frozen=True, slots=True)
class SourceDownSettings:
    enabled: bool
    for_seconds: float


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """``gap_seconds``: the same rule and labels continue an episode within this time.
    ``resolved_keep_seconds``: how long an ended alert stays listed."""

    gap_seconds: float
    resolved_keep_seconds: float


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """What is usual (alerting-and-burn 7). ``runs``: newest finished runs that are looked at; ``needed``:
    with fewer runs, or hours, nothing is said; ``days``: how far back hours are looked at."""

    runs: int
    needed: int
    days: float


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How far back each should reach, in seconds, and rule ``retention``.

    ``history_seconds``: how long wfmon-tui keeps its own coarsest points; None: it keeps none.
    """

    enabled: bool
    production_seconds: float
    debug_seconds: float
    metrics_seconds: float
    history_seconds: float | None = None
    for_seconds: float = 900.0
    keep_seconds: float = 21600.0
