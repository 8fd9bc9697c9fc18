"""What a metrics source says: concepts by label, over windows, with what is not exposed.

A key part of ``None`` means that the label is not exposed at that level: the figure is then known
only for the rest of the key, never split and never zero.
"""

from __future__ import annotations

from enum import StrEnum

from wfmon.model.record import dataclass, field
from wfmon.model.run import RunStatus


class Concept(StrEnum):
    """What a profile can map (metric-catalogue 27)."""

    RUNS = "runs"
    ACTIVE = "active"
    QUEUE = "queue"
    DURATION = "duration"
    WAIT = "wait"
    RETRIES = "retries"
    TIMEOUTS = "timeouts"
    CALLS = "calls"
    TOKENS = "tokens"
    COST = "cost"
    BUDGET = "budget"
    MEMORY = "memory"
    STORAGE = "storage"


class TokenKind(StrEnum):
    """``TOTAL`` is a count whose direction is not exposed."""

    INPUT = "input"
    OUTPUT = "output"
    CACHED = "cached"
    CACHE_WRITE = "cache_write"
    REASONING = "reasoning"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class RunKey:
    workflow: str | None
    status: RunStatus


@dataclass(frozen=True, slots=True)
class TokenKey:
    workflow: str | None
    provider: str | None
    model: str | None
    kind: TokenKind


@dataclass(frozen=True, slots=True)
class CostKey:
    workflow: str | None
    provider: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class CallKey:
    workflow: str | None
    provider: str | None
    ok: bool | None


@dataclass(frozen=True, slots=True)
class RunWindow:
    """Finished runs within the last ``seconds``, of which ``covered`` are known."""

    seconds: float
    covered: float
    counts: dict[RunKey, float]


@dataclass(frozen=True, slots=True)
class Amount:
    """Growth of a counter over the rate window, and its present value.

    ``delta`` is None while one sample is all there is.
    """

    delta: float | None
    total: float | None


@dataclass(frozen=True, slots=True)
class HourCost:
    """USD that cost counters, and ``tokens`` that token counters grew by in the last hour, of which
    ``covered`` seconds are known."""

    covered: float
    usd: dict[CostKey, float]
    tokens: dict[TokenKey, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Duration quantiles in seconds over a window; ``n`` observations."""

    p50: float | None
    p95: float | None
    n: float | None


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of one file system as a metric tells them; None: not exposed."""

    size: float | None
    free: float | None


@dataclass(frozen=True, slots=True)
class Trend:
    """A drawn series: ``points`` are (time, value); a None value is a gap."""

    concept: str
    workflow: str | None
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """What counters grew by since the look before this one (``since``), each growth told once, also
    over restarts of wfmon-tui; resets and births are already taken into account.

    ``reaches``: per target id the time of the look up to which its growth is told; targets that were not
    heard of since are not in it.
    """

    since: float
    runs: dict[RunKey, float] = field(default_factory=dict)
    tokens: dict[TokenKey, float] = field(default_factory=dict)
    cost: dict[CostKey, float] = field(default_factory=dict)
    reaches: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricsSample:
    """One look at a metrics source, as one profile reads it.

    ``profile`` and ``layer`` name that profile (empty: made by hand), ``title`` is its name for people,
    ``replaces`` profiles that tell of the same work.

    ``runs`` is a ladder of windows, shortest first. ``window`` is the rate window asked for,
    ``covered`` what of it is known. ``exposed`` names the concepts that have a series. Keys with
    workflow None are figures that the source does not split by workflow. ``growth`` None: the source
    keeps its own history, or this is its first look. ``hour_cost`` None: not asked for yet. ``wait``: how
    long work waited before it began; ``timeouts``: what was ended for its age, where no status says so;
    ``budget``: USD that are left; ``storage``: by mount.
    """

    at: float
    window: float
    covered: float
    exposed: frozenset[Concept]
    runs: tuple[RunWindow, ...] = ()
    durations: dict[str | None, Quantiles] = field(default_factory=dict)
    active: dict[str | None, float] = field(default_factory=dict)
    queue: dict[str | None, float] = field(default_factory=dict)
    retries: dict[str | None, Amount] = field(default_factory=dict)
    calls: dict[CallKey, Amount] = field(default_factory=dict)
    tokens: dict[TokenKey, Amount] = field(default_factory=dict)
    cost: dict[CostKey, Amount] = field(default_factory=dict)
    memory: dict[str | None, float] = field(default_factory=dict)
    trends: tuple[Trend, ...] = ()
    growth: Growth | None = None
    hour_cost: HourCost | None = None
    profile: str = ""
    title: str = ""
    layer: str = "engine"
    wait: dict[str | None, Quantiles] = field(default_factory=dict)
    timeouts: dict[str | None, Amount] = field(default_factory=dict)
    budget: dict[str | None, float] = field(default_factory=dict)
    storage: dict[str | None, Space] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
