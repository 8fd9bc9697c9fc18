"""Tokens and money: how fast, of what, by which model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from wfmon.model.metrics import TokenKind
from wfmon.model.snapshot import Snapshot, TokenRow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import Part
from wfmon.ui.panes.usual import cost_to_usual, cost_words
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
    words = _beside_cost(snapshot)
    yield _cost(look, width, snapshot, words[0] if words else None)
    kinds = _by_kind(snapshot.tokens)
    if TokenKind.INPUT in kinds and TokenKind.OUTPUT in kinds:
        into, out = numbers.count(kinds[TokenKind.INPUT]), numbers.count(kinds[TokenKind.OUTPUT])
        yield Line(look, width).add("  ").add(f"{into} in  {out} out", "text").row()
    if cost.wasted_usd is not None:
        yield Line(look, width).add(f"  {numbers.money(cost.wasted_usd)} wasted on errors", "text").row()
    if cost.unpriced_tokens:
        yield Line(look, width).add(f"  {numbers.count(cost.unpriced_tokens)} unpriced", "unknown").row()
    for text, role in words[1:]:
        yield Line(look, width).add("  ").add(text, role).row()
    for model, per_minute in _by_model(snapshot.tokens):
        line = Line(look, width).add("  ").add(model, "muted", max(6, min(30, width - 12))).add(" ")
        yield line.add(numbers.count(per_minute), "text", 8, right=True).row()


def _cost(look: Look, width: int, snapshot: Snapshot, beside: Part | None) -> Row:
    line = Line(look, width).add("  ")
    usd = snapshot.cost.usd_per_hour
    usd = usd if usd is not None else snapshot.totals.cost_usd_per_hour
    if usd is None:
        return line.add("no cost reported", "muted").row()
    line.add(f"{look.signs.quality(snapshot.totals.cost_quality)}{numbers.money(usd)}/h", "strong", 11)
    return (line.add(*beside) if beside is not None else line).row()


def _beside_cost(snapshot: Snapshot) -> list[Part]:
    """The cost against its usual, and the calls: the first has room beside the cost."""
    ratio, calls = cost_to_usual(snapshot), snapshot.totals.api_calls_per_minute
    words: list[Part] = [] if ratio is None else [(cost_words(ratio), "text")]
    return words if calls is None else [*words, (f"{numbers.rate(calls)} API/min", "muted")]


def _by_kind(rows: tuple[TokenRow, ...]) -> dict[TokenKind, float]:
    kinds: dict[TokenKind, float] = defaultdict(float)
    for row in rows:
        if row.per_minute is not None and row.counted:
            kinds[row.kind] += row.per_minute
    return kinds


def _by_model(rows: tuple[TokenRow, ...]) -> list[tuple[str, float]]:
    """Tokens a minute per model, the most first; empty where the model is not exposed."""
    models: dict[str, float] = defaultdict(float)
    for row in rows:
        if row.counted and row.model is not None and row.per_minute is not None and row.kind in _WHOLE:
            models[row.model] += row.per_minute
    return sorted(models.items(), key=lambda item: (-item[1], item[0]))
