"""Tokens and money: how fast, of what, by which model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from wfmon.model.budget import Accounts, BudgetStatus, Period, Scope
from wfmon.model.metrics import TokenKind
from wfmon.model.money import NO_MONEY, CostQuality, Money
from wfmon.model.snapshot import Cost, Snapshot, TokenRow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.facts import Part
from wfmon.ui.panes.usual import cost_to_usual, cost_words
from wfmon.ui.rows import Line, Row, width_of
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
    if cost.accounts is not None:
        yield from _spent(look, width, cost.accounts)
    kinds = _by_kind(snapshot.tokens)
    if TokenKind.INPUT in kinds and TokenKind.OUTPUT in kinds:
        into, out = numbers.count(kinds[TokenKind.INPUT]), numbers.count(kinds[TokenKind.OUTPUT])
        yield Line(look, width).add("  ").add(f"{into} in  {out} out", "text").row()
    wasted = _wasted(look, cost)
    if wasted is not None:
        yield Line(look, width).add("  ").add(*wasted).row()
    if cost.unpriced_tokens:
        unpriced = (
            f"{look.signs.quality(CostQuality.UNPRICED)} {numbers.count(cost.unpriced_tokens)} unpriced"
        )
        yield Line(look, width).add("  ").add(unpriced, "unknown").row()
    for text, role in words[1:]:
        yield Line(look, width).add("  ").add(text, role).row()
    for model, per_minute in _by_model(snapshot.tokens):
        line = Line(look, width).add("  ").add(model, "muted", max(6, min(30, width - 12))).add(" ")
        yield line.add(numbers.count(per_minute), "text", 8, right=True).row()


def _cost(look: Look, width: int, snapshot: Snapshot, beside: Part | None) -> Row:
    line = Line(look, width).add("  ")
    burn = snapshot.cost.burn
    if burn == NO_MONEY:
        # Of a collector that tells no more than the figure, or of a past moment.
        usd = snapshot.cost.usd_per_hour
        usd = usd if usd is not None else snapshot.totals.cost_usd_per_hour
        burn = burn if usd is None else Money(exact=usd)
    if not burn.known:
        unpriced = burn.unpriced_tokens > 0
        return line.add("no price known" if unpriced else "no cost reported", "muted").row()
    text = money_words(look, burn, "/h")
    line.add(text, "strong", max(11, width_of(text) + 1))
    return (line.add(*beside) if beside is not None else line).row()


def _spent(look: Look, width: int, accounts: Accounts) -> Iterator[Row]:
    """Today, against the budget of all work that ends first, and what becomes of that."""
    whole = [each for each in accounts.budgets if not each.budget.tokens and each.budget.scope == Scope()]
    status = min(whole, key=lambda each: each.end, default=None)
    if status is not None and status.budget.period is not Period.DAY and status.spent.known:
        yield _of_budget(look, width, f"this {status.budget.period}", status.spent, status)
    elif accounts.day.money != NO_MONEY:
        daily = status if status is not None and status.budget.period is Period.DAY else None
        yield _of_budget(look, width, "today", accounts.day.money, daily)
    if status is not None:
        words = _outlook(look, accounts.at, status)
        if words is not None:
            yield Line(look, width).add("  ").add(*words).row()


def _of_budget(look: Look, width: int, when: str, spent: Money, status: BudgetStatus | None) -> Row:
    words = f"  {when} {money_words(look, spent)}"
    if status is None:
        return Line(look, width).add(words, "text").row()
    over = (spent.least or 0.0) >= status.budget.limit
    words += f" of {numbers.money(status.budget.limit)}"
    return Line(look, width).add(words, "critical" if over else "text").row()


def _outlook(look: Look, at: float, status: BudgetStatus) -> Part | None:
    if status.amount is not None and status.amount >= status.budget.limit:
        return f"over by {numbers.money(status.amount - status.budget.limit)}", "critical"
    if status.exhausted_in is not None:
        soonest = at + status.exhausted_in[0]
        return f"over {look.minute(soonest, at)} earliest", "warning"
    if status.pace is not None:
        return f"pace {numbers.times(status.pace)} of sustainable", "muted"
    return None


def _wasted(look: Look, cost: Cost) -> Part | None:
    """Of the last 24 h where they are kept, else within the rate window."""
    if cost.accounts is not None and cost.accounts.last_day.wasted.known:
        return f"{money_words(look, cost.accounts.last_day.wasted)} wasted in 24h", "text"
    if cost.wasted_usd is not None:
        return f"{numbers.money(cost.wasted_usd)} wasted on errors", "text"
    return None


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
