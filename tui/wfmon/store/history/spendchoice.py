"""Whose tokens and whose money of an hour are in the sums: each figure of each workflow one source's.

The order is that of alerting-and-burn 1, "Cost truth order". What is in no sum stays beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from wfmon.model.history import Role
from wfmon.model.record import dataclass
from wfmon.model.spend import SpendCell, SpendSum

Coverage = Mapping[tuple[str, Role], float]


def resolve(rows: Iterable[SpendSum], coverage: Coverage) -> list[SpendCell]:
    """``rows`` of one hour; ``coverage``: seconds of it that a source was read, by source and role."""
    every = list(rows)
    used = [row for row in every if _is_usage(row)]
    metrics = _seen_best([row for row in used if row.role is Role.METRICS], coverage)
    logs = [row for row in used if row.role is Role.LOGS]
    tokens, money = _tokens(metrics, logs), _money(metrics, logs)
    chosen = {id(row) for row in (*metrics, *logs)}
    return [
        SpendCell(row.key, row.amounts, id(row) in tokens, id(row) in money, row.paid)
        for row in every
        if id(row) in chosen or not _is_usage(row)
    ]


def _is_usage(row: SpendSum) -> bool:
    """Not of the host alone."""
    amounts = row.amounts
    return amounts.tokens is not None or amounts.usd is not None or amounts.calls is not None


def _seen_best(rows: Sequence[SpendSum], coverage: Coverage) -> list[SpendSum]:
    """Of metrics sources that may tell of the same work the one that saw most of the hour: of a workflow, and
    of a model that is not split by workflow."""
    groups: dict[tuple[str, ...], dict[str, list[SpendSum]]] = {}
    for row in rows:
        key = row.key
        name = (key.workflow,) if key.workflow else ("", key.provider, key.model, key.service)
        groups.setdefault(name, {}).setdefault(row.source, []).append(row)

    def seen(source: str, told: Sequence[SpendSum]) -> tuple[float, bool, float, str]:
        reports = any(row.amounts.usd is not None for row in told)
        amount = sum(_weight(row) for row in told)
        return coverage.get((source, Role.METRICS), 0.0), reports, amount, source

    found: list[SpendSum] = []
    for by_source in groups.values():
        best = max(by_source, key=lambda source: seen(source, by_source[source]))
        found += by_source[best]
    return found


def _weight(row: SpendSum) -> float:
    return (row.amounts.usd or 0.0) * 1e6 + (row.amounts.tokens or 0.0)


def _tokens(metrics: Sequence[SpendSum], logs: Sequence[SpendSum]) -> set[int]:
    """What metrics do not split by workflow may be what logs tell."""
    told = [row for row in metrics if row.amounts.tokens is not None]
    counted = {id(row) for row in told}
    if any(not row.key.workflow for row in told):
        return counted
    names = {row.key.workflow for row in told}
    return counted | {id(row) for row in logs if row.key.workflow not in names}


def _money(metrics: Sequence[SpendSum], logs: Sequence[SpendSum]) -> set[int]:
    if any(not row.key.workflow and row.amounts.usd is not None for row in metrics):
        return {id(row) for row in metrics}
    by_name: dict[str, dict[Role, list[SpendSum]]] = {}
    for row in (*metrics, *logs):
        by_name.setdefault(row.key.workflow, {}).setdefault(row.role, []).append(row)
    unsplit = by_name.pop("", {})
    counted = {id(row) for told in by_name.values() for row in _best(told)}
    counted |= {id(row) for row in unsplit.get(Role.LOGS, ())}
    if not logs:
        counted |= {id(row) for row in unsplit.get(Role.METRICS, ())}
    return counted


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to know the money of a workflow: by rows of ``role``, where any of them ``fits``."""

    role: Role
    fits: Callable[[SpendSum], bool]


def _reported(row: SpendSum) -> bool:
    return row.amounts.usd is not None or row.paid


def _typed(row: SpendSum) -> bool:
    return row.amounts.input is not None or row.amounts.output is not None


def _any(row: SpendSum) -> bool:
    return row.amounts.tokens is not None


_WAYS = (
    _Way(Role.METRICS, _reported),
    _Way(Role.LOGS, _reported),
    _Way(Role.METRICS, _typed),
    _Way(Role.LOGS, _typed),
    _Way(Role.METRICS, _any),
    _Way(Role.LOGS, _any),
)


def _best(told: Mapping[Role, Sequence[SpendSum]]) -> Sequence[SpendSum]:
    """Of one workflow."""
    for way in _WAYS:
        own = told.get(way.role, ())
        if any(way.fits(row) for row in own):
            return own
    return ()
