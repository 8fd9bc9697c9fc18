"""Every setting, typed. The defaults are in the shipped ``config.toml``, not here.

Entries of lists (``[[source]]``, ``[[workflow]]``, ``[[storage.dir]]``) have their optional fields
defaulted here, because there is no shipped entry to read them from.

Annotations are evaluated when this is loaded: of each that is a text msgspec would compile the text.
"""

from typing import Literal

import msgspec


class Duration(float):
    """Seconds, written as ``"5m"``, ``"1h30m"``, ``"250ms"`` or a plain number of seconds."""


class Size(int):
    """Bytes, written as ``"20GiB"``, ``"1.5MB"`` or a plain number of bytes."""


class Windows(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``runs``: counts and ratios of a workflow, grown back to ``grow_runs`` runs, at most ``max``.
    ``rate``: tokens, cost, calls and the totals."""

    runs: Duration
    grow_runs: int
    max: Duration
    rate: Duration


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    dir: str


class Ui(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    theme: str
    timezone: str
    ascii: bool
    mouse: bool
    refresh: Duration
    runbooks: str
    keys: dict[str, str]


class Monitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``stretch``: an interval grows to this many times the CPU time of the last answer."""

    stale_after: Duration
    backoff_max: Duration
    stretch: float
    evaluate_every: Duration


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    interval: Duration
    scan_interval: Duration


class Logs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Defaults for log sources; ``tail_bytes`` is how far back a start reads each file."""

    interval: Duration
    tail_bytes: Size
    max_line_bytes: Size
    keep_runs: int
    lost_after: Duration


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Secrets as ``env:NAME``, ``file:PATH`` or ``{ cmd = [..] }`` references, never in clear."""

    bearer: str | None = None
    username: str | None = None
    password: str | None = None
    cmd: list[str] | None = None


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str = ""
    kind: Literal["prometheus", "scrape", "logs", "alertmanager"]
    url: str = ""
    urls: list[str] = []
    paths: list[str] = []
    interval: Duration | None = None
    timeout: Duration | None = None
    max_bytes: Size | None = None
    auth: Auth | None = None
    profiles: list[str] = []
    allow_write: bool = False
    workflow: str = ""
    fields: dict[str, list[str]] = {}
    timezone: str = ""
    encoding: str = "utf-8"
    keep: Literal["", "production", "debug"] = ""


class Workflow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``match``: regular expressions on the command line of its processes. ``files``: its own config
    files; a change of one is noted. ``limit``: how long a run may take; ``max_gap``: how long it may be
    without a successful run; ``max_run_usd``, ``max_usd_per_hour``: what it may cost."""

    name: str
    match: list[str] = []
    aliases: list[str] = []
    runbook: str = ""
    files: list[str] = []
    limit: Duration | None = None
    max_gap: Duration | None = None
    max_run_usd: float | None = None
    max_usd_per_hour: float | None = None
    slo: float | None = None


class StorageDir(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``backup``: a backup of it is kept, which ``[cost] backup_gib_month_usd`` prices."""

    path: str
    limit: Size
    backup: bool = False


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``mounts`` empty: every real file system."""

    mounts: list[str]
    dir: list[StorageDir]


class FailureRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    threshold: float
    min_failures: int
    z: float
    critical_factor: float
    clear_quiet: Duration
    baseline_factor: float
    baseline_runs: int
    streak: bool
    replaced_by: list[str]


class Hysteresis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Trips at or below ``trip``, clears at or above ``clear`` (share that is free, 0..1)."""

    trip: float
    clear: float
    for_: Duration = msgspec.field(name="for")
    keep: Duration
    trip_bytes: Size | None = None


class TimeoutRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``default`` zero: off without a baseline or a limit."""

    enabled: bool
    factor_p99: float
    slack: Duration
    default: Duration
    for_: Duration = msgspec.field(name="for")
    replaced_by: list[str]


class StallRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    after: Duration
    in_step: Duration
    replaced_by: list[str]


class RunawayRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``max_run_usd`` zero: no such limit."""

    enabled: bool
    cost_factor: float
    max_run_usd: float
    for_: Duration = msgspec.field(name="for")
    replaced_by: list[str]


class CostSpikeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``cap_usd_per_hour`` zero: no such limit."""

    enabled: bool
    z_trip: float
    z_clear: float
    min_ratio: float
    clear_ratio: float
    min_delta_usd: float
    sigma_floor: float
    offset_usd: float
    for_: Duration = msgspec.field(name="for")
    keep: Duration
    cap_usd_per_hour: float
    replaced_by: list[str]


class BudgetBurnRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    replaced_by: list[str]


class SilenceRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    p_zero: float
    gap_factor: float
    slack: Duration
    replaced_by: list[str]


class EvaluationRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    for_: Duration = msgspec.field(name="for")


class MemoryForecast(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    window: Duration
    horizon: Duration
    min_r2: float
    below: float


class MemoryRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    warn: Hysteresis
    critical: Hysteresis
    psi_full_avg10: float
    oom: Duration
    forecast: MemoryForecast
    replaced_by: list[str]


class Fills(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Full within ``horizon`` by the shorter window's slope and within ``long_horizon`` by the longer's."""

    horizon: Duration
    long_horizon: Duration
    for_: Duration = msgspec.field(name="for")


class StorageRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    warn: Hysteresis
    critical: Hysteresis
    inodes: bool
    fills_warn: Fills
    fills_critical: Fills
    replaced_by: list[str]


class SourceDown(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    for_: Duration = msgspec.field(name="for")
    replaced_by: list[str]


class RetentionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    enabled: bool
    replaced_by: list[str]


class Flap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``transitions`` ends and new beginnings within ``window``: it stays open until ``quiet`` is over."""

    transitions: int
    window: Duration
    quiet: Duration


class AckRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``wake_on``: what ends an ack before its time."""

    lease: Duration
    max: Duration
    wake_on: list[Literal["severity", "value", "member"]]
    value_factor: float


class ShareRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A shared ack: a silence of ``duration``, extended when less than ``extend`` of it is left."""

    duration: Duration
    extend: Duration


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``episode_gap``: the same rule and labels continue an episode within this time.
    ``resolved_keep``: how long an ended alert stays listed."""

    episode_gap: Duration
    resolved_keep: Duration
    flap: Flap
    failure_rate: FailureRate
    timeout: TimeoutRule
    stall: StallRule
    runaway: RunawayRule
    cost_spike: CostSpikeRule
    budget_burn: BudgetBurnRule
    memory: MemoryRule
    storage: StorageRule
    silence: SilenceRule
    source_down: SourceDown
    evaluation: EvaluationRule
    retention: RetentionRule
    ack: AckRule
    share: ShareRule


class Notify(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the terminal tells of a new alert that nobody has. ``debounce``: at most once in this time."""

    enabled: bool
    bell: bool
    desktop: bool
    title: bool
    debounce: Duration


class HistoryTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Points ``step`` apart, kept for ``keep``."""

    step: Duration
    keep: Duration


class History(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``max_size``: of ``history.db``; beyond it the finest points go first. ``backfill``: how far back a
    Prometheus is asked when nothing is known yet."""

    enabled: bool
    fine: HistoryTier
    medium: HistoryTier
    coarse: HistoryTier
    max_size: Size
    backfill: Duration


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``runs``: newest finished runs that are looked at; ``needed``: fewer say nothing; ``days``: how many
    days of hours are looked at."""

    runs: int
    needed: int
    days: int


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far back each should reach."""

    production: Duration
    debug: Duration
    metrics: Duration


class Profiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``enabled`` empty: whatever the exposed names fit. ``totals``: profiles whose figures are added up
    in totals; empty: those of the first layer (``model.layers``). ``prefix``: by profile, where metric names
    begin with something else than the profile says."""

    enabled: list[str]
    totals: list[str]
    prefix: dict[str, str]


class Discovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Looking for sources where none is named. ``connect``: also ask loopback for a Prometheus and an
    Alertmanager."""

    enabled: bool
    connect: bool
    every: Duration


class PriceOverride(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unit prices in USD per million tokens; the names are shell globs. Left out: cached and written tokens
    cost what the input costs."""

    model: str
    provider: str = "*"
    service: str = "*"
    input_mtok: float
    output_mtok: float
    cached_mtok: float | None = None
    cache_write_mtok: float | None = None


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``source``: whose price data is asked (empty: nobody's, only overrides hold). ``untyped``: how tokens
    of unknown direction are priced: by the mix that logs tell, or as a band over all directions."""

    source: Literal["genai-prices", ""]
    untyped: Literal["learn", "band"]
    override: list[PriceOverride]


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``timezone``: of calendar days and budgets; empty: that of ``[ui]``. Rates are in USD; 0: no rate, no
    cost. ``host_month_usd``: the machine itself, shared out by the CPU time of workflows."""

    timezone: str
    cpu_hour_usd: float
    memory_gib_hour_usd: float
    host_month_usd: float
    storage_gib_month_usd: float
    backup_gib_month_usd: float


class Slo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``success``: the share of all runs that are to succeed within ``days``; 0: nothing is declared."""

    success: float
    days: int


class BudgetScope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    workflow: str = "*"
    model: str = "*"
    provider: str = "*"


class BudgetBurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``share`` of the budget burnt within ``long``, at a pace that ``short`` confirms."""

    share: float
    long: Duration
    short: Duration
    severity: Literal["warning", "critical"]


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``usd`` or ``tokens``, one of the two. ``burn`` None: the rows that suit the period
    (alerting-and-burn 4.1)."""

    name: str
    usd: float | None = None
    tokens: float | None = None
    period: Literal["day", "week", "month"]
    scope: BudgetScope = BudgetScope()
    notify_at: list[float] = msgspec.field(default_factory=lambda: [0.5, 0.8, 1.0])
    burn: list[BudgetBurn] | None = None
    forecast_alert: bool = True
    min_delta: float = 1.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    windows: Windows
    user: User
    state: State
    ui: Ui
    monitor: Monitor
    host: Host
    logs: Logs
    storage: Storage
    alerts: Alerts
    notify: Notify
    history: History
    baseline: Baseline
    retention: Retention
    profiles: Profiles
    discovery: Discovery
    prices: Prices
    cost: Cost
    slo: Slo
    source: list[Source]
    workflow: list[Workflow]
    budget: list[Budget] = []
