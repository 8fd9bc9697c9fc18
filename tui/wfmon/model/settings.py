"""Settings of the rules, as the rules take them. Defaults live in ``config.toml`` alone."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.record import dataclass


@dataclass(frozen=True, slots=True)
class FailureRateSettings:
    """Rule ``failure_rate`` (alerting-and-burn 4.3).

    ``z`` is the one-sided normal quantile of the Wilson bound; ``clear_quiet_seconds`` is both how
    long the ratio must be back and how long no failure may have been seen. With a baseline of at least
    ``baseline_runs`` runs the threshold is at least ``baseline_factor`` times its error ratio.
    ``streak``: also trip when the last runs all failed.
    """

    enabled: bool
    threshold: float
    min_failures: int
    z: float
    critical_factor: float
    clear_quiet_seconds: float
    baseline_factor: float = 2.0
    baseline_runs: int = 50
    streak: bool = True


@dataclass(frozen=True, slots=True)
class WorkflowLimits:
    """What the config declares of one workflow; None: nothing. ``run_seconds``: how long a run may take;
    ``gap_seconds``: how long it may be without a successful run; ``run_usd``: what one run may cost;
    ``usd_per_hour``: what it may cost an hour."""

    run_seconds: float | None = None
    gap_seconds: float | None = None
    run_usd: float | None = None
    usd_per_hour: float | None = None


Limits = Mapping[str, WorkflowLimits]  # by workflow


@dataclass(frozen=True, slots=True)
class TimeoutSettings:
    """Rule ``timeout`` (alerting-and-burn 4.4): max(``factor_p99`` * p99, median + ``slack_seconds``) of at
    least ``needed`` runs. ``default_seconds`` None: nothing is said without a baseline or a limit."""

    enabled: bool
    factor_p99: float
    slack_seconds: float
    default_seconds: float | None
    for_seconds: float
    needed: int = 20


@dataclass(frozen=True, slots=True)
class StallSettings:
    """Rule ``stall``: seconds without a log line, a token or CPU; ``in_step_seconds`` while a step that
    calls a tool or a model goes on."""

    enabled: bool
    after_seconds: float
    in_step_seconds: float


@dataclass(frozen=True, slots=True)
class RunawaySettings:
    """Rule ``runaway``: longer than p99 and dearer than ``cost_factor`` * p99 cost (``needed`` runs), or
    dearer than ``max_run_usd`` whatever is usual (None: no such limit)."""

    enabled: bool
    cost_factor: float
    max_run_usd: float | None
    for_seconds: float
    needed: int = 20


@dataclass(frozen=True, slots=True)
class CostSpikeSettings:
    """Rule ``cost_spike`` (alerting-and-burn 4.5). ``cap_usd_per_hour``: of all workflows together, holds
    without a baseline (None: none). ``rate_seconds``: over how long the rates are that caps are for."""

    enabled: bool
    z_trip: float
    z_clear: float
    min_ratio: float
    clear_ratio: float
    min_delta_usd: float
    sigma_floor: float
    offset_usd: float
    for_seconds: float
    keep_seconds: float
    cap_usd_per_hour: float | None
    needed: int = 20
    rate_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class BudgetBurnSettings:
    """Rule ``budget_burn`` (alerting-and-burn 4.1); what each budget allows is its own."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class SilenceSettings:
    """Rule ``silence`` (alerting-and-burn 4.7): no run where a Poisson process of the usual rate would fall
    silent for so long within an hour with a chance of at most ``p_zero``, or no success for ``gap_factor`` *
    the usual gap + ``slack_seconds``."""

    enabled: bool
    p_zero: float
    gap_factor: float
    slack_seconds: float
    needed: int = 20


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """Rule ``evaluation``: a rule of ours or of a Prometheus cannot be evaluated."""

    enabled: bool
    for_seconds: float


@dataclass(frozen=True, slots=True)
class FlapSettings:
    """``transitions`` or more ends and new beginnings within ``window_seconds``: it stays open until it
    was quiet for ``quiet_seconds``."""

    transitions: int
    window_seconds: float
    quiet_seconds: float


@dataclass(frozen=True, slots=True)
class HysteresisSettings:
    """Trips below ``trip``, clears above ``clear`` (free or available share, 0..1)."""

    trip: float
    clear: float
    for_seconds: float
    keep_seconds: float
    trip_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class MemoryForecastSettings:
    """Warns when the line through the last ``window_seconds`` (R² of at least ``min_r2``) reaches nothing
    within ``horizon_seconds``, and less than ``below`` of the memory is available."""

    window_seconds: float
    horizon_seconds: float
    min_r2: float
    below: float


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """``oom_seconds``: for how long a kill by the kernel for want of memory is told."""

    enabled: bool
    warn: HysteresisSettings
    critical: HysteresisSettings
    psi_full_avg10: float
    oom_seconds: float = 1800.0
    forecast: MemoryForecastSettings | None = None


@dataclass(frozen=True, slots=True)
class FillingSettings:
    """Holds when it is full within ``horizon_seconds`` by the slope of the shorter window, and within
    ``long_horizon_seconds`` by that of the longer one."""

    horizon_seconds: float
    long_horizon_seconds: float
    for_seconds: float


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """``trip_bytes`` of a level: free space must also be below it (warn) or either (critical).
    ``fills_warn``: by the slopes of 6 h and of a day; ``fills_critical``: of 45 min and of 6 h."""

    enabled: bool
    warn: HysteresisSettings
    critical: HysteresisSettings
    inodes: bool
    fills_warn: FillingSettings | None = None
    fills_critical: FillingSettings | None = None


@dataclass(frozen=True, slots=True)
class SourceDownSettings:
    enabled: bool
    for_seconds: float


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """``gap_seconds``: the same rule and labels continue an episode within this time.
    ``resolved_keep_seconds``: how long an ended alert stays listed. ``flap`` None: flaps are counted, and
    nothing else follows from them."""

    gap_seconds: float
    resolved_keep_seconds: float
    flap: FlapSettings | None = None


@dataclass(frozen=True, slots=True)
class WakeSettings:
    """What ends an ack or a snooze before its time: the value ``value_factor`` times that at the ack, a
    higher severity, a new member."""

    severity: bool = True
    value_factor: float | None = 2.0
    member: bool = True


@dataclass(frozen=True, slots=True)
class ShareSettings:
    """A shared ack is a silence of ``duration_seconds``, extended when less than ``extend_seconds`` are
    left of it."""

    duration_seconds: float
    extend_seconds: float


@dataclass(frozen=True, slots=True)
class BaselineSettings:
    """What is usual (alerting-and-burn 7). ``runs``: newest finished runs that are looked at; ``needed``:
    with fewer runs, or hours, nothing is said; ``days``: how far back hours are looked at.
    ``judged_seconds``: what failed within them is no measure of what usually fails: 500 runs may be the last
    minutes of a busy workflow, and an incident would be usual before it can be told."""

    runs: int
    needed: int
    days: float
    judged_seconds: float = 900.0


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
