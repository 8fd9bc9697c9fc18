"""Rows of what was used and spent: as each source tells it, and from single runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from wfmon.model.prices import parts_of
from wfmon.model.record import dataclass
from wfmon.model.run import FAILED, ModelUsage, Run, RunStatus, Usage
from wfmon.model.spend import FIGURES, Amounts, Outcome
from wfmon.store.history.settings import HOUR

UNNAMED = 0  # in the place of a name that is not told: ids begin with 1
OUTCOMES = (Outcome.GOOD, Outcome.WASTED, Outcome.UNKNOWN)
KEY = ("workflow", "provider", "model", "service", "outcome", "paid")
_COLUMNS = ("at", "source", "role", *KEY, *FIGURES)
_INTO = f"INTO spend ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
_ADD = f"INSERT {_INTO} ON CONFLICT DO UPDATE SET " + ", ".join(
    f"{name} = CASE WHEN excluded.{name} IS NULL THEN {name} ELSE coalesce({name}, 0.0) + excluded.{name} END"
    for name in FIGURES
)

Values = tuple[float | None, ...]  # of FIGURES


@dataclass(frozen=True, slots=True)
class Row:
    """By ids of names; ``outcome`` is an index of ``OUTCOMES``."""

    at: float
    source: int
    role: int
    workflow: int
    provider: int
    model: int
    service: int
    outcome: int
    paid: bool
    figures: Values

    @property
    def values(self) -> tuple[object, ...]:
        return (
            self.at, self.source, self.role, self.workflow, self.provider, self.model, self.service,
            self.outcome, int(self.paid), *self.figures,
        )  # fmt: skip


def add(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Add ``rows`` to what is there."""
    connection.executemany(_ADD, [row.values for row in rows])


def put(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """In the place of all that their sources told of their hours."""
    told = {(row.at, row.source, row.role) for row in rows}
    connection.executemany("DELETE FROM spend WHERE at = ? AND source = ? AND role = ?", told)
    add(connection, rows)


def figures_of(amounts: Amounts) -> Values:
    return tuple(getattr(amounts, name) for name in FIGURES)


def hour_of(at: float) -> float:
    return at // HOUR * HOUR


# of single runs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Used:
    """What a run used of one model, and what became of it."""

    provider: str
    model: str
    service: str
    outcome: Outcome
    amounts: Amounts


def used_by(run: Run) -> Iterator[Used]:
    """A run that tells only what it cost as a whole is split by the tokens of its models. What superseded
    attempts used is wasted, also where the run came to a good end."""
    outcome = outcome_of(run.status)
    parts = parts_of(run)
    shares = _shares(run, parts)
    retried = {(each.provider, each.model, each.service): each.usage for each in run.retried}
    for part, usd in zip(parts, shares, strict=True):
        amounts = _amounts(part, usd)
        again = retried.pop((part.provider, part.model, part.service), None)
        if again is not None and outcome is not Outcome.WASTED:
            wasted = _part_of(amounts, again)
            yield Used(part.provider, part.model, part.service, Outcome.WASTED, wasted)
            amounts = _less(amounts, wasted)
        yield Used(part.provider, part.model, part.service, outcome, amounts)


def outcome_of(status: RunStatus) -> Outcome:
    if status is RunStatus.SUCCESS:
        return Outcome.GOOD
    return Outcome.WASTED if status in FAILED or status is RunStatus.CANCELLED else Outcome.UNKNOWN


def _shares(run: Run, parts: Sequence[ModelUsage]) -> list[float | None]:
    """What each part cost, where it is reported."""
    told = [part.usage.cost_usd for part in parts]
    usd = run.usage.cost_usd
    if usd is None or not parts or None not in told:
        return told
    weights = [float(part.usage.total or _typed(part.usage)) for part in parts]
    whole = sum(weights)
    if not whole:
        weights, whole = [1.0] * len(parts), float(len(parts))
    shares: list[float | None] = [usd * weight / whole for weight in weights]
    return shares


def _typed(usage: Usage) -> int:
    return (usage.input or 0) + (usage.output or 0)


def _amounts(part: ModelUsage, usd: float | None) -> Amounts:
    usage = part.usage
    typed = usage.input is not None or usage.output is not None
    rest = None if usage.total is None else usage.total - _typed(usage)
    return Amounts(
        input=_float(usage.input),
        output=_float(usage.output),
        cached=_float(usage.cached) if typed else None,
        cache_write=_float(usage.cache_write) if typed else None,
        reasoning=_float(usage.reasoning) if typed else None,
        untyped=_float(rest) if rest is not None and (rest > 0 or not typed) else None,
        calls=_float(part.calls),
        usd=usd,
    )


def _part_of(amounts: Amounts, again: Usage) -> Amounts:
    """Of ``amounts`` what superseded attempts used; of money their share of the tokens, where they tell
    none."""
    tokens, used = amounts.tokens or 0.0, float(again.total or _typed(again))
    share = min(1.0, used / tokens) if tokens else 0.0
    usd = amounts.usd
    if usd is not None:
        usd = usd * share if again.cost_usd is None else min(usd, again.cost_usd)

    def least(whole: float | None, part: int | None) -> float | None:
        return None if whole is None else min(whole, float(part or 0))

    return Amounts(
        input=least(amounts.input, again.input),
        output=least(amounts.output, again.output),
        cached=least(amounts.cached, again.cached),
        cache_write=least(amounts.cache_write, again.cache_write),
        reasoning=least(amounts.reasoning, again.reasoning),
        untyped=None if amounts.untyped is None else amounts.untyped * share,
        usd=usd,
    )


def _less(amounts: Amounts, part: Amounts) -> Amounts:
    left = {
        name: whole if taken is None or whole is None else max(0.0, whole - taken)
        for name in FIGURES
        for whole, taken in [(getattr(amounts, name), getattr(part, name))]
    }
    return Amounts(**left)


def _float(value: int | None) -> float | None:
    return None if value is None else float(value)
