"""What bought nothing, and what has no price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.facts import Part
from wfmon.ui.rows import Line, Row, wrap

if TYPE_CHECKING:
    from wfmon.analysis.accounts import SpendLine
    from wfmon.ui.spendings import Sums

MOST_NAMES = 3


def waste_rows(look: Look, width: int, sums: Sums) -> list[Row]:
    """``$4.12 of $61.00 (7%) on failed, cancelled and retried work · most: invoice_extract $3.10``."""
    wasted, share, success = sums.wasted, sums.waste_share, sums.per_success
    parts: list[Part] = []
    if wasted.known:
        of = f" ({numbers.percent(share)})" if share is not None else ""
        parts.append((f"{money_words(look, wasted)}{of} on failed, cancelled and retried work", "text"))
        most = sorted(sums.lines["workflow"], key=lambda line: -(line.wasted.least or 0.0))[:MOST_NAMES]
        named = [f"{line.name} {money_words(look, line.wasted)}" for line in most if line.wasted.least]
        if named:
            parts.append((f"most: {', '.join(named)}", "text"))
    elif share is not None:
        parts.append(("nothing on failed, cancelled and retried work", "text"))
    else:
        parts.append(("not known: no source tells what became of the work that was paid for", "muted"))
    if success is not None:
        runs = sums.runs
        good = f" ({numbers.count(runs.runs - runs.failures)})" if runs is not None else ""
        parts.append((f"{money_words(look, success)} for each successful run{good}", "text"))
    return _flow(look, width, parts)


def unpriced_rows(look: Look, width: int, models: Sequence[SpendLine]) -> list[Row]:
    """Tokens that are in no sum of money, said once."""
    without = [line for line in models if line.counted and line.money.unpriced_tokens > 0]
    if not without:
        return []
    tokens = numbers.count(sum(line.money.unpriced_tokens for line in without))
    names = [line.name or "not told" for line in without]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    words = (
        f"{look.signs.unknown} {tokens} tokens of {numbers.counted(len(names), 'model')} have no price and"
        f" are in no sum: {', '.join(names[:MOST_NAMES])}{more}. [[prices.override]] gives them one."
    )
    return [Line(look, width).add("  ").add(part, "unknown").row() for part in wrap(words, width - 2, 3)]


def _flow(look: Look, width: int, parts: Sequence[Part]) -> list[Row]:
    """Parts beside each other with dots between, in as many rows as they need."""
    rows: list[Row] = []
    line = Line(look, width).add("  ")
    begun = False
    for text, role in parts:
        if begun and line.used + 3 + len(text) > width:
            rows.append(line.row())
            line, begun = Line(look, width).add("  "), False
        if begun:
            line.add(f" {look.signs.dot} ", "rule")
        line.add(text, role)
        begun = True
    return [*rows, line.row()]
