"""One execution of a workflow, as far as it is known."""

from __future__ import annotations

from enum import StrEnum

from wfmon.model.record import dataclass


class RunStatus(StrEnum):
    """Status words of the outer contract."""

    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    LOST = "lost"
    OTHER = "other"


FAILED = frozenset({RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.LOST})
COUNTED = frozenset({RunStatus.SUCCESS}) | FAILED


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money of a run or a step; each field unknown unless reported.

    ``total`` is the reported total, or input + output where only those are reported.
    ``cached`` and ``cache_write`` are subsets of ``input``, ``reasoning`` of ``output``.
    """

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    total: int | None = None
    cost_usd: float | None = None


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model was used for in a run: the sum of ``calls`` calls (None: not known how many).

    ``service``: how they were processed where that changes the price (``batch``, ``flex``, ``priority``,
    ``fast``); empty: as usual, or not told. Empty names are not told.
    """

    provider: str
    model: str
    service: str
    usage: Usage
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run, from its log.

    ``duration_seconds`` is what the log says of the step, often of its last attempt alone; from
    ``started_at`` to ``ended_at`` (None while it goes on) are all its attempts and the waits between.
    ``retried``: of its usage what attempts used that another attempt followed.
    """

    name: str
    status: RunStatus
    started_at: float | None = None
    duration_seconds: float | None = None
    attempt: int | None = None
    model: str | None = None
    usage: Usage = NO_USAGE
    error: str | None = None
    ended_at: float | None = None
    retried: Usage = NO_USAGE
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class LogRef:
    """Where the lines of a run are: ``file`` is the source's own number for a file.

    ``start`` and ``end`` are byte offsets of the first line and behind the last line seen.
    """

    source: str
    file: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Run:
    """One execution. ``has_id`` is False for a run found in a line without a run id.

    ``status_word`` is the log's own word where ``status`` is OTHER. ``recalled``: all its lines were read
    by an earlier process, which told the run to the store. ``limit_seconds``: how long it may take, as its
    log declares it. ``quiet_seconds``: the longest time between two of its lines that followed each other.
    ``parts``: its usage by model; they add up to ``usage`` (empty: not split). ``retried``: of its usage what
    attempts used that another attempt followed, where its log tells usage by attempt. ``calls``: how many
    calls it made, by provider (empty: not told).
    """

    id: str
    workflow: str
    status: RunStatus
    started_at: float | None = None
    ended_at: float | None = None
    duration_seconds: float | None = None
    attempt: int | None = None
    retries: int | None = None
    usage: Usage = NO_USAGE
    model: str | None = None
    provider: str | None = None
    pid: int | None = None
    error: str | None = None
    error_at: float | None = None
    source: str = ""
    log: str | None = None
    log_ref: LogRef | None = None
    has_id: bool = True
    last_line_at: float | None = None
    steps: tuple[Step, ...] = ()
    status_word: str | None = None
    recalled: bool = False
    limit_seconds: float | None = None
    quiet_seconds: float | None = None
    parts: tuple[ModelUsage, ...] = ()
    retried: tuple[ModelUsage, ...] = ()
    calls: tuple[tuple[str, int], ...] = ()

    @property
    def failed(self) -> bool:
        return self.status in FAILED


@dataclass(frozen=True, slots=True)
class WorkflowRuns:
    """What the logs know of one workflow.

    ``finished`` is sorted by ``ended_at`` and bounded: it is complete from ``complete_since`` on.
    ``open_complete`` is False until one p95 of the past is covered: then open runs are "at least".
    ``begins_at`` is the first moment that any line of the source tells of; None: not known.
    ``provider_calls``: of ``api_calls`` those whose provider is told, by provider.
    """

    workflow: str
    open: tuple[Run, ...]
    finished: tuple[Run, ...]
    complete_since: float
    open_complete: bool
    api_calls: tuple[float, ...] = ()
    begins_at: float | None = None
    provider_calls: tuple[tuple[str, tuple[float, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class RunsSample:
    """All runs a log source knows, by workflow. Unchanged ``WorkflowRuns`` are the same object."""

    at: float
    workflows: dict[str, WorkflowRuns]
