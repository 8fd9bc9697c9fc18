"""Where the money of a row comes from: its parts, the prices they were got with, and what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wfmon.model.metrics import TokenKind
from wfmon.model.money import Money
from wfmon.model.prices import ModelRef, PriceBook, UnitPrice
from wfmon.model.snapshot import Snapshot
from wfmon.model.spend import Amounts, DearRun, SpendCell
from wfmon.monitor.spendreport import cache_hit
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.facts import outcome

if TYPE_CHECKING:
    from wfmon.analysis.accounts import SpendLine
    from wfmon.ui.spendings import Answer, Dimension

Facts = Iterator[tuple[str, str]]

MOST_PRICES = 12
_KINDS = (
    (TokenKind.INPUT, "input"),
    (TokenKind.CACHED, "of it read from a cache"),
    (TokenKind.CACHE_WRITE, "of it written to a cache"),
    (TokenKind.OUTPUT, "output"),
    (TokenKind.REASONING, "of it reasoning"),
)


def line_facts(
    look: Look, snapshot: Snapshot | None, answer: Answer[Any], by: Dimension, line: SpendLine, now: float
) -> Facts:
    spending = answer.priced.spending
    yield "spent", money_words(look, line.money)
    yield from money_facts(look, line.money)
    yield "window", f"{look.minute(spending.begin, now)} to {look.minute(spending.end, now)}"
    yield from known_facts(look, answer, now)
    yield from amount_facts(line.amounts)
    if line.share is not None:
        yield "share", f"{numbers.percent(line.share)} of the money of all, by the least of each"
    if not line.counted:
        yield "in no sum", "another source tells of the same work; adding both would count it twice"
    wasted = money_words(look, line.wasted) if line.wasted.known else "not known"
    yield "wasted", f"{wasted} on runs that failed or were cancelled, and on attempts another followed"
    if line.runs is not None:
        good = line.runs.runs - line.runs.failures
        yield "runs", f"{numbers.count(line.runs.runs)} finished, {numbers.count(good)} of them successful"
    if line.per_success is not None:
        yield "a success", f"{money_words(look, line.per_success)} = all that was spent / successful runs"
    cells = [each for each in spending.cells if _of(each, by) == line.name]
    yield from price_facts(cells, answer.priced.book)
    yield from source_facts(snapshot)


def run_facts(look: Look, answer: Answer[Any], dear: DearRun, now: float) -> Facts:
    run = dear.run
    yield "run", run.id if run.has_id else "without an id in its log"
    yield "workflow", run.workflow
    yield "status", outcome(run.status, run.status_word)
    yield "spent", money_words(look, dear.money)
    yield from money_facts(look, dear.money)
    if run.ended_at is not None:
        yield "ended", look.minute(run.ended_at, now)
    usage = run.usage
    yield from amount_facts(
        Amounts(
            usage.input,
            usage.output,
            usage.cached,
            usage.cache_write,
            usage.reasoning,
            untyped=usage.total if usage.input is None and usage.output is None else None,
        )
    )
    if usage.cost_usd is not None:
        yield "price", "its log reports what it cost; nothing was multiplied"
    elif run.parts:
        for part in run.parts[:MOST_PRICES]:
            ref = ModelRef(part.provider, part.model, part.service)
            yield "price", f"{ref.id}: {unit_words(answer.priced.book.unit(ref))}"
    elif run.model:
        unit = answer.priced.book.unit(ModelRef(run.provider or "", run.model))
        yield "price", f"{run.model}: {unit_words(unit)}"
    yield "source", f"{run.source}{f', {run.log}' if run.log else ''}"


def money_facts(look: Look, money: Money) -> Facts:
    """What it is made of, by how true each part is."""
    if money.exact is not None:
        yield "", f"{numbers.money(money.exact)} reported by who was paid, or by the workflow"
    if money.priced is not None:
        yield "", f"~{numbers.money(money.priced)} = tokens by kind x price of a million / 1,000,000"
    if money.low is not None and money.high is not None:
        low, high = numbers.money(money.low), numbers.money(money.high)
        yield "", f"{look.signs.band}{low} to {high}: tokens that may be input or output"
    if money.unpriced_tokens:
        yield "missing", f"the price of {numbers.count(money.unpriced_tokens)} tokens; they are in no sum"
    if money.partial:
        yield "missing", "something is left out: it is at least so much"


def amount_facts(amounts: Amounts) -> Facts:
    label = "tokens"
    for kind, words in _KINDS:
        value = getattr(amounts, kind.value)
        if value is not None:
            yield label, f"{numbers.count(value)} {words}"
            label = ""
    if amounts.untyped is not None:
        yield label, f"{numbers.count(amounts.untyped)} of unknown direction"
        label = ""
    if label:
        yield label, "none are told"
    hit = cache_hit(amounts)
    if hit is not None:
        yield "cache hit", f"{numbers.percent(hit)} = tokens read from a cache / all input tokens"
    if amounts.calls is not None:
        yield "calls", f"{numbers.count(amounts.calls)} of models"


def known_facts(look: Look, answer: Answer[Any], now: float) -> Facts:
    spending = answer.priced.spending
    span = spending.end - spending.begin
    yield "known", f"{numbers.duration(spending.known_seconds)} of {numbers.duration(span)}"
    if spending.since is not None and spending.since > spending.begin:
        yield "", f"kept only since {look.minute(spending.since, now)}"
    yield "age", numbers.age(max(0.0, now - answer.at))


def price_facts(cells: list[SpendCell], book: PriceBook) -> Facts:
    """Unit prices of the models behind it, those with the most tokens first."""
    tokens: dict[ModelRef, float] = defaultdict(float)
    for cell in cells:
        if cell.amounts.usd is None and not cell.paid:
            tokens[cell.key.ref] += cell.amounts.tokens or 0.0
    label = "prices"
    used = sorted((ref for ref in tokens if tokens[ref] > 0), key=lambda ref: -tokens[ref])
    for ref in used[:MOST_PRICES]:
        yield label, f"{ref.id.removeprefix('/') or 'no model told'}: {unit_words(book.unit(ref))}"
        label = ""
    if len(used) > MOST_PRICES:
        yield "", f"and {len(used) - MOST_PRICES} more models"


def unit_words(unit: UnitPrice | None) -> str:
    """``$3.00 in, $15.00 out, $0.30 cached of a million (genai-prices 0.2.3)``."""
    if unit is None:
        return "no price is known"
    rates = unit.rates
    named = (
        ("in", rates.input),
        ("out", rates.output),
        ("cached", rates.cached),
        ("write", rates.cache_write),
    )
    told = ", ".join(f"{numbers.money(rate)} {word}" for word, rate in named if rate is not None)
    matched = f" as {unit.matched}" if unit.matched else ""
    longer = f", more for calls above {unit.tiers[0].above:,.0f} tokens" if unit.tiers else ""
    return f"{told or 'no rates'} a million{longer} ({unit.source}{matched})"


def source_facts(snapshot: Snapshot | None) -> Facts:
    """How sources get tokens and money."""
    for source in snapshot.sources if snapshot is not None else ():
        for figure, formula in source.formulas:
            if figure in ("tokens", "cost"):
                yield source.name, f"{figure}: {formula}"


def _of(cell: SpendCell, by: Dimension) -> str:
    """Which line of the ledger it is in."""
    key = cell.key
    if by == "model" and key.service:
        return f"{key.model} · {key.service}"
    return key.workflow if by == "workflow" else key.model if by == "model" else key.provider
