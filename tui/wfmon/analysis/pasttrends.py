"""Drawn series as they ended at a past moment, from the points before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan

from wfmon.model.history import Kind, Point, Table
from wfmon.model.record import dataclass, field

STEPS = 60

Series = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class PastTrends:
    """``errors``: the error ratio of each workflow. Oldest first; None is a gap."""

    errors: Mapping[str, Series] = field(default_factory=dict)
    total_errors: Series = ()
    total_tokens: Series = ()


NO_TRENDS = PastTrends()


def past_trends(points: Sequence[Point], begin: float, end: float, steps: int = STEPS) -> PastTrends:
    """Of ``points``, oldest first, in ``steps`` equal steps; a point fills every step that it covers."""
    length = (end - begin) / steps
    errors: dict[str, list[float | None]] = {}
    totals: list[float | None] = [None] * steps
    tokens: list[float | None] = [None] * steps
    for point in points:
        first = max(0, int((point.at - begin) // length))
        last = min(steps - 1, int((point.at + point.seconds - begin - 1e-6) // length))
        if first > last:
            continue
        slots = range(first, last + 1)
        rows = point.tables.get(Kind.WORKFLOW)
        if rows is not None:
            for name, ratio in _ratios(rows):
                _fill(errors.setdefault(name, [None] * steps), slots, ratio)
        total = point.tables.get(Kind.TOTAL)
        if total is not None:
            for _, ratio in _ratios(total):
                _fill(totals, slots, ratio)
            _fill(tokens, slots, point.get(Kind.TOTAL, "", "tokens_per_minute"))
    return PastTrends({name: tuple(series) for name, series in errors.items()}, _told(totals), _told(tokens))


def _ratios(table: Table) -> list[tuple[str, float]]:
    """Only those that are known."""
    count, failed = table.values.get("n"), table.values.get("failed")
    if count is None or failed is None:
        return []
    ratios = [bad / n if n else nan for n, bad in zip(count, failed, strict=True)]
    return [(name, ratio) for name, ratio in zip(table.subjects, ratios, strict=True) if not isnan(ratio)]


def _fill(series: list[float | None], slots: range, value: float | None) -> None:
    if value is not None:
        for slot in slots:
            series[slot] = value


def _told(series: Sequence[float | None]) -> Series:
    return tuple(series) if any(value is not None for value in series) else ()
