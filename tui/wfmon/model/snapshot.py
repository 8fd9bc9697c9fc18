"""The one immutable picture that the screen, ``check`` and ``snapshot`` all read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wfmon.model.alert import Alert
from wfmon.model.baseline import Baseline
from wfmon.model.budget import Accounts, Slo
from wfmon.model.discovery import Discovery
from wfmon.model.episode import Unjudged
from wfmon.model.forecast import Filling
from wfmon.model.history import Change, HistoryStatus
from wfmon.model.host import HostSample
from wfmon.model.metrics import TokenKind
from wfmon.model.money import NO_MONEY, CostQuality, Money
from wfmon.model.prices import EMPTY, PriceBook
from wfmon.model.record import dataclass, field
from wfmon.model.retention import Retention
from wfmon.model.ruleinfo import RuleInfo
from wfmon.model.run import Run, RunStatus
from wfmon.model.source import SourceState, SourceStatus


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence. ``text`` is the whole; ``also`` are lesser parts already inside ``text``.

    ``alert_id`` is the alert it speaks of, if any.
    """

    level: Level
    text: str
    alert_id: str | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusCounts:
    success: int = 0
    error: int = 0
    timeout: int = 0
    cancelled: int = 0
    lost: int = 0
    other: int = 0

    @property
    def n(self) -> int:
        """success + error + timeout + lost; cancelled and other are outside."""
        return self.success + self.failed

    @property
    def failed(self) -> int:
        return self.error + self.timeout + self.lost

    @property
    def error_ratio(self) -> float | None:
        return self.failed / self.n if self.n else None

    @property
    def success_ratio(self) -> float | None:
        return self.success / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Workflow:
    """What is known of one workflow now.

    ``runs`` None: finished runs are not exposed. ``origin`` names, per figure, the source it comes
    from. ``as_of`` is when the oldest of its figures was true. ``ladder`` are the windows the
    failure rule may choose from, shortest first; ``runs`` is the chosen one. ``cost_hour_usd``: what it
    cost in the last hour, of which ``cost_hour_seconds`` are known. ``systems`` names, where several tell
    of the same kind of figure, per figure the system that it is of. ``timeouts``: within the rate window.
    ``budget_left_usd``: what a system that holds budgets lets it still spend. ``burn``: USD an hour over the
    rate window, ``hour``: what the last hour cost, both as true as they are known. ``slo``: the share of
    runs that are to succeed, as the user declares it.
    """

    name: str
    sources: tuple[str, ...] = ()
    active: int | None = None
    active_at_least: bool = False
    runs: StatusCounts | None = None
    window_seconds: float | None = None
    as_of: float | None = None
    runs_per_minute: float | None = None
    retries: int | None = None
    duration_p50_seconds: float | None = None
    duration_p95_seconds: float | None = None
    tokens_per_minute: float | None = None
    cost_usd_per_hour: float | None = None
    cost_quality: CostQuality | None = None
    api_calls_per_minute: float | None = None
    last_run_at: float | None = None
    last_status: RunStatus | None = None
    last_error: str | None = None
    usual: Baseline | None = None
    rss_bytes: int | None = None
    error_trend: tuple[float | None, ...] = ()
    origin: tuple[tuple[str, str], ...] = ()
    ladder: tuple[LadderStep, ...] = ()
    runbook: str | None = None
    cost_hour_usd: float | None = None
    cost_hour_seconds: float | None = None
    queue: int | None = None
    wait_p50_seconds: float | None = None
    wait_p95_seconds: float | None = None
    timeouts: int | None = None
    budget_left_usd: float | None = None
    systems: tuple[tuple[str, str], ...] = ()
    burn: Money = NO_MONEY
    hour: Money = NO_MONEY
    slo: float | None = None

    @property
    def system(self) -> str | None:
        """The systems that its figures are of; None where one tells of all there is."""
        return ", ".join(dict.fromkeys(name for _, name in self.systems)) or None


@dataclass(frozen=True, slots=True)
class LadderStep:
    """Counts of one workflow over the last ``seconds``, of which ``covered`` are known.

    ``told`` is how many seconds lie behind the first moment that the data tell of: a log read from its
    first line misses nothing before it, but did not watch that time either. None: all that is covered.
    """

    seconds: float
    covered: float
    counts: StatusCounts
    told: float | None = None

    @property
    def span(self) -> float:
        """Seconds that counts and rates are said to be over."""
        return min(self.seconds, self.covered if self.told is None else self.told)


@dataclass(frozen=True, slots=True)
class Totals:
    """Across all workflows: runs over ``window_seconds``, tokens, cost and calls over
    ``rate_window_seconds`` (both shorter while history is short).
    """

    active: int | None = None
    active_at_least: bool = False
    n: int | None = None
    runs_per_minute: float | None = None
    success_ratio: float | None = None
    error_ratio: float | None = None
    retries: int | None = None
    duration_p50_seconds: float | None = None
    duration_p95_seconds: float | None = None
    tokens_per_minute: float | None = None
    cost_usd_per_hour: float | None = None
    cost_quality: CostQuality | None = None
    api_calls_per_minute: float | None = None
    window_seconds: float | None = None
    rate_window_seconds: float | None = None
    tokens_trend: tuple[float | None, ...] = ()
    error_trend: tuple[float | None, ...] = ()
    cost_hour_usd: float | None = None
    cost_hour_seconds: float | None = None
    queue: int | None = None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """``counted`` False: another system tells of the same tokens, and its figures make up the totals.

    ``per_minute``: over the rate window. ``hour``: tokens of the last hour, of which ``hour_seconds`` are
    known; None: not known.
    """

    model: str | None
    provider: str | None
    workflow: str | None
    kind: TokenKind
    per_minute: float | None
    total: float | None
    counted: bool = True
    hour: float | None = None
    hour_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CallRow:
    """Calls to one provider (None: not exposed) by one workflow, over the rate window. ``failed_per_minute``
    None: whether they failed is not told."""

    provider: str | None
    workflow: str | None
    per_minute: float | None
    failed_per_minute: float | None = None


@dataclass(frozen=True, slots=True)
class CostRow:
    """Money of one model, provider or workflow (``name`` None: label not exposed). ``counted`` False: it is
    in no total. ``burn``: USD an hour over the rate window; ``hour``: of the last hour."""

    name: str | None
    usd_per_hour: float | None
    total_usd: float | None
    counted: bool = True
    burn: Money = NO_MONEY
    hour: Money = NO_MONEY


@dataclass(frozen=True, slots=True)
class Cost:
    """``burn``: USD an hour over the rate window; ``hour``: of the last hour, of which ``hour_seconds`` are
    known. ``wasted_usd``: within the rate window. ``accounts``: of days and months, None without history."""

    usd_per_hour: float | None = None
    by_model: tuple[CostRow, ...] = ()
    by_provider: tuple[CostRow, ...] = ()
    by_workflow: tuple[CostRow, ...] = ()
    unpriced_tokens: float | None = None
    wasted_usd: float | None = None
    burn: Money = NO_MONEY
    hour: Money = NO_MONEY
    hour_seconds: float | None = None
    accounts: Accounts | None = None


@dataclass(frozen=True, slots=True)
class Collector:
    """Who asks the sources. ``self_``: this process. ``alone``: it keeps and shares nothing, and why."""

    pid: int
    user: str
    self_: bool = True
    version: str = ""
    since: float | None = None
    alone: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that can be shown, at one moment. Unchanged parts are the same objects.

    ``runs``: all open, the newest 100, and all failed ones of each workflow's window, newest first.
    ``recent``: the newest finished runs of each workflow, oldest first, for its own screen.
    ``ended``: what ended within 12 h, newest first. ``unjudged``: what the rules cannot say, for the
    verdict. ``fillings``, ``retention``, ``history`` and ``changes`` (newest first, of a day) come from
    what is remembered. ``broken``: the monitor that made it failed, in words; that is then the verdict.
    ``rules``: ours, and foreign ones that are not well or that an alert is of. ``discovery``: what was found
    where no source is named; None: it was not looked for. ``prices``: of the models that are seen.
    ``slo``: what is declared of all runs; None: nothing.
    """

    at: float
    host_name: str
    version: str
    collector: Collector
    verdict: Verdict
    sources: tuple[SourceStatus, ...] = ()
    totals: Totals = field(default_factory=Totals)
    workflows: tuple[Workflow, ...] = ()
    runs: tuple[Run, ...] = ()
    runs_total: int | None = None
    recent: Mapping[str, tuple[Run, ...]] = field(default_factory=dict)
    tokens: tuple[TokenRow, ...] = ()
    cost: Cost = field(default_factory=Cost)
    host: HostSample | None = None
    alerts: tuple[Alert, ...] = ()
    rules_checked: int = 0
    rules_checked_at: float | None = None
    acks_shared: bool = False
    store_problem: str | None = None
    read_only: bool = False
    ended: tuple[Alert, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    fillings: tuple[Filling, ...] = ()
    retention: tuple[Retention, ...] = ()
    history: HistoryStatus | None = None
    changes: tuple[Change, ...] = ()
    broken: str | None = None
    rules: tuple[RuleInfo, ...] = ()
    discovery: Discovery | None = None
    calls: tuple[CallRow, ...] = ()
    prices: PriceBook = EMPTY
    slo: Slo | None = None

    @property
    def waiting(self) -> bool:
        """Whether a source has not answered yet, or the first look around the host is under way."""
        looking = self.discovery is not None and self.discovery.at is None
        return looking or any(source.state is SourceState.WAITING for source in self.sources)
