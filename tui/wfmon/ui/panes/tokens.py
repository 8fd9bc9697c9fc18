"""Tokens and money: how fast, of what, by which model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from wfmon.model.metrics import TokenKind
from wfmon.model.snapshot import Snapshot, TokenRow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row
from wfmon.ui.series import SPAN

_WHOLE = (TokenKind.INPUT, TokenKind.OUTPUT, TokenKind.TOTAL)


def token_rows(look: Look, width: int, height: int, snapshot: Snapshot) -> list[Row]:
    rows: list[Row] = []
    for row in _rows(look, width, snapshot):
        if len(rows) == height:
            break
        rows.append(row)
    return rows


def _rows(look: Look, width: int, snapshot: Snapshot) -> Iterator[Row]:
    totals, cost = snapshot.totals, snapshot.cost
    line = Line(look, width).add("  ")
    if totals.tokens_per_minute is None:
        yield line.add("no tokens reported", "muted").row()
    else:
        line.add(f"{numbers.count(totals.tokens_per_minute)}/min", "strong", 11)
        if totals.rate_window_seconds is not None:
            line.add(numbers.age(totals.rate_window_seconds), "muted", 4)
        room = min(20, width - line.used - 1)
        yield line.add(look.signs.sparkline(totals.tokens_trend, room, steps=SPAN), "spark").row()
    line = Line(look, width).add("  ")
    usd = cost.usd_per_hour if cost.usd_per_hour is not None else totals.cost_usd_per_hour
    if usd is None:
        yield line.add("no cost reported", "muted").row()
    else:
        sign = look.signs.quality(totals.cost_quality)
        line.add(f"{sign}{numbers.money(usd)}/h", "strong", 11)
        if totals.api_calls_per_minute is not None:
            line.add(f"{numbers.rate(totals.api_calls_per_minute)} API/min", "muted")
        yield line.row()
    kinds = _by_kind(snapshot.tokens)
    if TokenKind.INPUT in kinds and TokenKind.OUTPUT in kinds:
        into, out = numbers.count(kinds[TokenKind.INPUT]), numbers.count(kinds[TokenKind.OUTPUT])
        yield Line(look, width).add("  ").add(f"{into} in  {out} out", "text").row()
    if cost.wasted_usd is not None:
        yield Line(look, width).add(f"  {numbers.money(cost.wasted_usd)} wasted on errors", "text").row()
    if cost.unpriced_tokens:
        yield Line(look, width).add(f"  {numbers.count(cost.unpriced_tokens)} unpriced", "unknown").row()
    for model, per_minute in _by_model(snapshot.tokens):
        line = Line(look, width).add("  ").add(model, "muted", max(6, min(30, width - 12))).add(" ")
        yield line.add(numbers.count(per_minute), "text", 8, right=True).row()


def _by_kind(rows: tuple[TokenRow, ...]) -> dict[TokenKind, float]:
    kinds: dict[TokenKind, float] = defaultdict(float)
    for row in rows:
        if row.per_minute is not None:
            kinds[row.kind] += row.per_minute
    return kinds


def _by_model(rows: tuple[TokenRow, ...]) -> list[tuple[str, float]]:
    """Tokens a minute per model, the most first; empty where the model is not exposed."""
    models: dict[str, float] = defaultdict(float)
    for row in rows:
        if row.model is not None and row.per_minute is not None and row.kind in _WHOLE:
            models[row.model] += row.per_minute
    return sorted(models.items(), key=lambda item: (-item[1], item[0]))
