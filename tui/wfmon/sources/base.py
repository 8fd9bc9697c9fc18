"""What a source is: an object that is asked, blocks, and answers or raises ``SourceError``.

Every source runs in a daemon thread of its own, so ``poll`` may block; it must nevertheless bound
itself by a total deadline, because a thread that hangs answers nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from wfmon.model.history import Change, HourSum, Watched
from wfmon.model.host import HostSample
from wfmon.model.log import FileMark, LogPage, LogRequest
from wfmon.model.look import Look, Target
from wfmon.model.metrics import MetricsSample
from wfmon.model.record import dataclass
from wfmon.model.retention import Kept
from wfmon.model.run import RunsSample
from wfmon.model.source import Failure

if TYPE_CHECKING:
    from wfmon.model.foreign import ForeignAlerts
    from wfmon.model.pastcounts import PastCounts
    from wfmon.model.spend import SpendSum


class SourceError(Exception):
    """A source could not answer. ``detail`` is safe to show and names what was asked."""

    def __init__(self, failure: Failure, detail: str) -> None:
        super().__init__(f"{failure.value}: {detail}")
        self.failure = failure
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of a source; a source fills the roles that it plays.

    ``metrics`` is what the first profile reads, ``beside`` what further ones do, outermost layer first.

    ``at`` is when the answer was true. ``sees`` and ``missing`` are words for the sources screen.
    ``partial`` tells, in words, which part of the source did not answer (one target of several).
    ``settled`` False: a figure that needs a second sample is not there yet.

    ``foreign``: alerts, silences and rules of another system. ``about``: what else is known of the source
    (its version, its clock), a line each, for ``doctor``. ``formulas``: by concept or figure, how it is got
    (the same object while it is the same), for ``i``.

    For what is remembered: ``changes`` seen since the last answer; ``hours`` that the source knows whole
    (they replace what was known; so do ``spent_hours``), and ``watched`` those it vouches for; ``kept`` is
    how far back its data reaches; ``marks`` how far its files are read, true at this very answer.
    """

    at: float
    metrics: MetricsSample | None = None
    runs: RunsSample | None = None
    host: HostSample | None = None
    profile: str | None = None
    sees: str = ""
    missing: tuple[str, ...] = ()
    partial: str | None = None
    partial_failure: Failure | None = None
    settled: bool = True
    changes: tuple[Change, ...] = ()
    hours: tuple[HourSum, ...] = ()
    watched: tuple[Watched, ...] = ()
    kept: tuple[Kept, ...] = ()
    marks: tuple[FileMark, ...] = ()
    foreign: ForeignAlerts | None = None
    about: tuple[str, ...] = ()
    beside: tuple[MetricsSample, ...] = ()
    spent_hours: tuple[SpendSum, ...] = ()
    formulas: tuple[tuple[str, str], ...] = ()

    @property
    def samples(self) -> tuple[MetricsSample, ...]:
        """``metrics`` and ``beside``."""
        return () if self.metrics is None else (self.metrics, *self.beside)


@runtime_checkable
class Source(Protocol):
    """Read-only attributes are stable for the life of the source.

    ``where`` is a safe short text (URL without credentials, globs). ``interval`` and ``timeout``
    are seconds. ``poll`` raises only ``SourceError``; ``now`` is POSIX seconds from the monitor's
    clock. ``close`` may be called from another thread and never blocks.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def interval(self) -> float: ...
    @property
    def timeout(self) -> float: ...

    def poll(self, now: float) -> Reading: ...
    def close(self) -> None: ...


@runtime_checkable
class LogPages(Protocol):
    """The logs role. ``cancelled`` is looked at between blocks; then what is there is returned."""

    def page(self, request: LogRequest, cancelled: Callable[[], bool]) -> LogPage: ...


Past = Callable[[Target, float], Sequence[Look]]
Tell = Callable[[Target, Look], None]


@runtime_checkable
class Recalls(Protocol):
    """The memory role: a source whose counts can go on from looks of an earlier process.

    ``recall`` is called before the first poll, which then asks ``past`` for the looks of each target
    (oldest first, none after its ``now``) and takes them as its own; ``tell`` is called with every
    look that follows. Both are called in the thread that polls.
    """

    def recall(self, past: Past, tell: Tell | None = None) -> None: ...


@runtime_checkable
class Counts(Protocol):
    """A source that recalls looks, and tells growth since a look of an earlier process.

    ``count_from`` is called before the first poll: target id -> the time of the look up to which growth
    is already counted. Recalled looks hold that very look; growth that follows it is told once.
    """

    def count_from(self, reached: Mapping[str, float]) -> None: ...


@runtime_checkable
class Resumes(Protocol):
    """A source of files that can go on where an earlier process stopped reading.

    ``resume`` is called before the first poll with the marks of then. What was written since is read
    even where it lies further back than a start would read.
    """

    def resume(self, marks: Sequence[FileMark]) -> None: ...


@runtime_checkable
class Backfills(Protocol):
    """A source with a history of its own (a Prometheus).

    ``backfill`` is called before the first poll with the hours (POSIX seconds) that are already kept; the
    source asks for those that are missing, at most ``seconds`` back, little by little, and puts them into
    ``Reading.hours`` and ``watched``; later hours follow when they are over.
    """

    def backfill(self, known: frozenset[float], seconds: float) -> None: ...


@runtime_checkable
class Replays(Protocol):
    """A source with a history of its own that can be asked what runs ended when.

    ``past_runs`` is called in another thread than the one that polls, after the first answer; ``wanted`` are
    workflows as the source names them, ``end`` is now. It is over after ``seconds`` and raises only
    ``SourceError``.
    """

    def past_runs(self, wanted: Collection[str], begin: float, end: float, seconds: float) -> PastCounts: ...
