"""Amounts of money as the screen says them: with a sign of how true they are."""

from __future__ import annotations

from wfmon.model.money import CostQuality, Money
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import Part


def money_words(look: Look, money: Money, per: str = "") -> str:
    """``$4.20``, ``~$4.20/h``, ``≈$1.20-4.80``, ``≥$4.20``, ``? 1.2M tok``; ``per``: what follows it."""
    if not money.known:
        if money.unpriced_tokens > 0:
            return f"{look.signs.quality(CostQuality.UNPRICED)} {numbers.count(money.unpriced_tokens)} tok"
        return numbers.UNKNOWN
    text = numbers.money(money.least)
    if money.quality is CostQuality.BAND and numbers.money(money.most) != text:
        text = f"{text}-{numbers.money_cell(money.most)}"
    text = f"{text}{per}"
    return look.signs.least(text) if money.at_least else f"{look.signs.quality(money.quality)}{text}"


def money_part(look: Look, money: Money, per: str = "", role: str = "text") -> Part:
    """The words and the role they are drawn in."""
    known = money.known
    unknown = "unknown" if money.unpriced_tokens > 0 else "muted"
    return money_words(look, money, per), role if known else unknown
