"""What was used and spent in the past: by workflow, model and outcome, over slots of time."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wfmon.model.budget import CostRates
from wfmon.model.history import Role
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.prices import EMPTY, ModelRef, PriceBook
from wfmon.model.record import dataclass, field
from wfmon.model.run import Run


class Outcome(StrEnum):
    """What became of what was used: ``WASTED`` on runs that failed or were cancelled and on attempts that
    another followed; ``UNKNOWN``: no source tells (counters)."""

    GOOD = "good"
    WASTED = "wasted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SpendKey:
    """Whose usage; an empty text is not told. ``service``: see ``ModelUsage``."""

    workflow: str
    provider: str
    model: str
    service: str = ""
    outcome: Outcome = Outcome.UNKNOWN

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self.provider, self.model, self.service)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Sums; None: not told. Tokens in tokens: ``cached`` and ``cache_write`` are part of ``input``,
    ``reasoning`` of ``output``; ``untyped``: their direction is not told, they are in no other kind.

    ``usd``: reported cost; the tokens beside it are paid with it and are not priced again. ``calls``: calls
    of models. Of the host: ``cpu_seconds`` of one core, ``memory_gib_seconds``, and of watched directories
    ``storage_gib_seconds`` and ``backup_gib_seconds``.
    """

    input: float | None = None
    output: float | None = None
    cached: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None
    untyped: float | None = None
    calls: float | None = None
    usd: float | None = None
    cpu_seconds: float | None = None
    memory_gib_seconds: float | None = None
    storage_gib_seconds: float | None = None
    backup_gib_seconds: float | None = None

    @property
    def tokens(self) -> float | None:
        """All tokens, each once; None where none are told."""
        known = [each for each in (self.input, self.output, self.untyped) if each is not None]
        return sum(known) if known else None


FIGURES = Amounts.__slots__


@dataclass(frozen=True, slots=True)
class SpendSum:
    """What one source tells of the hour that begins at ``at`` (POSIX seconds, a multiple of 3600).

    ``paid``: the source reports what its work costs, in this row or in others of the same hour (cost split
    by workflow beside tokens split by model): tokens of this row are not priced, also where it has no usd.
    ``profile``: as which profile the source was read, while that is to be judged; it is not kept.
    """

    at: float
    key: SpendKey
    source: str
    role: Role
    amounts: Amounts
    paid: bool = False
    profile: str = ""


@dataclass(frozen=True, slots=True)
class SpendCell:
    """``tokens``, ``money``: whether its tokens and its money are in the sums of all work. Neither: another
    source tells of the same work, and this is known beside it. Both sources may tell one figure each:
    counters the tokens, a log the money. ``paid``: as of ``SpendSum``."""

    key: SpendKey
    amounts: Amounts
    tokens: bool = True
    money: bool = True
    paid: bool = False


@dataclass(frozen=True, slots=True)
class RunCount:
    """Finished runs: ``runs`` = success + error + timeout + lost, ``failures`` all of them but success."""

    runs: float
    failures: float


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of the time asked for. ``known_seconds``: for how much of it any source was read."""

    begin: float
    end: float
    known_seconds: float
    cells: tuple[SpendCell, ...] = ()  # of all workflows together: their key has no workflow
    runs: RunCount | None = None


@dataclass(frozen=True, slots=True)
class SpendRequest:
    """``begin`` to ``end`` in POSIX seconds, begun at a whole hour. ``bounds``: the begins of the slots to
    draw, ascending, whole hours, the first is ``begin``; empty: one slot. ``by_workflow`` False: cells are of
    all workflows together, which is read faster; counts of runs are by workflow in any case."""

    begin: float
    end: float
    bounds: tuple[float, ...] = ()
    by_workflow: bool = True


@dataclass(frozen=True, slots=True)
class Spending:
    """The answer: ``cells`` of the whole time by full key, ``runs`` by workflow, ``slots`` in order.

    ``known_seconds``: for how much of the time any source was read. ``since``: the first hour that is kept
    at all. ``problem``: why there is no answer, in words.
    """

    begin: float
    end: float
    cells: tuple[SpendCell, ...] = ()
    runs: Mapping[str, RunCount] = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    known_seconds: float = 0.0
    since: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class HourCells:
    """The hour that begins at ``at``; ``known_seconds`` of it any source was read."""

    at: float
    known_seconds: float
    cells: tuple[SpendCell, ...] = ()


@dataclass(frozen=True, slots=True)
class DearRun:
    """A finished run and what it cost."""

    run: Run
    money: Money = NO_MONEY


@dataclass(frozen=True, slots=True)
class Priced:
    """A spending with the prices that hold for it; ``dearest``: its dearest finished runs that are kept, the
    dearest first, where it was asked by workflow. ``rates``: what the machine costs."""

    spending: Spending
    book: PriceBook = EMPTY
    dearest: tuple[DearRun, ...] = ()
    rates: CostRates = CostRates()
