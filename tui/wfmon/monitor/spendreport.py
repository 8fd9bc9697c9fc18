"""What was spent as CSV, JSON and Markdown, for people's own tables and documents.

Unknown is empty in CSV, null in JSON and ``–`` in Markdown, never zero. Texts are those of the model, which
are safe; what a spreadsheet would read as a formula, or Markdown as markup, is quoted.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Literal

from wfmon.model.money import CostQuality, Money
from wfmon.model.spend import Amounts, RunCount, Spending
from wfmon.text import numbers

if TYPE_CHECKING:
    from wfmon.analysis.accounts import Ledger, SpendLine

Dimension = Literal["workflow", "model", "provider"]
Json = dict[str, object]

NOT_TOLD = "(not told)"
_MARKS = {CostQuality.PRICED: "~", CostQuality.BAND: "≈"}
_LEGEND = "no mark: reported · ~ priced from tokens · ≈ a band · ? tokens without a price · ≥ at least"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_HIDDEN = str.maketrans({each: f"\\{each}" for each in "\\`*_{}[]<>#|~!&"})


def as_csv(ledger: Ledger, by: Dimension) -> str:
    """One line for each part, the dearest first, under a head. What is not ``counted`` is known beside the
    same work told by another source: adding it up would count it twice."""
    rows = [_row(line) for line in ledger.by(by)]
    out = io.StringIO()
    head = list(rows[0]) if rows else list(_row_of("", Money(), Amounts(), Money(), None, None))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([by if each == "name" else each for each in head])
    for row in rows:
        writer.writerow([_csv_cell(each) for each in row.values()])
    return out.getvalue()


def as_json(ledger: Ledger, by: Dimension, spending: Spending) -> str:
    """Names and units as in ``snapshot --json``: USD, tokens, seconds, ratios 0..1, RFC 3339 in UTC."""
    report: Json = {
        "schema": 1,
        "begin": numbers.rfc3339(spending.begin),
        "end": numbers.rfc3339(spending.end),
        "known_seconds": spending.known_seconds,
        "kept_since": numbers.rfc3339(spending.since),
        "problem": spending.problem,
        "by": by,
        "total": _total(ledger),
        "lines": [_row(line) for line in ledger.by(by)],
        "slots": [
            {
                "begin": numbers.rfc3339(slot.begin),
                "end": numbers.rfc3339(slot.end),
                "known_seconds": slot.known_seconds,
                **money_json(money),
                **_runs(slot.runs),
            }
            for slot, money in zip(spending.slots, ledger.course(), strict=True)
        ],
    }
    return json.dumps(report, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def as_markdown(ledger: Ledger, by: Dimension, spending: Spending, zone: tzinfo | None = None) -> str:
    """A table under one sentence; times in ``zone`` (None: local)."""
    money, wasted = ledger.money(), ledger.wasted()
    span = spending.end - spending.begin
    lines = [
        f"# Spending by {by}",
        "",
        f"{_day(spending.begin, zone)} to {_day(spending.end, zone)}: **{money_text(money)}**"
        + (f", of it {money_text(wasted)} wasted" if wasted.known else ""),
    ]
    if spending.problem:
        lines += ["", f"No answer: {_shown(spending.problem)}"]
    elif spending.known_seconds < span - 1:
        known = numbers.duration(spending.known_seconds)
        lines += ["", f"Only {known} of {numbers.duration(span)} are known: sums are of what is known."]
    lines += [
        "",
        f"| {by} | spent | share | tokens | cache hit | wasted | per success | runs |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_table_row(line) for line in ledger.by(by)]
    return "\n".join([*lines, "", _LEGEND, ""])


def money_text(money: Money) -> str:
    """``$4.20``, ``~$4.20``, ``≈$1.20-4.80``, ``≥$4.20``, ``? 1.2M tok``."""
    if not money.known:
        return f"? {numbers.count(money.unpriced_tokens)} tok" if money.unpriced_tokens else numbers.UNKNOWN
    text = numbers.money(money.least)
    if money.quality is CostQuality.BAND and numbers.money(money.most) != text:
        text += f"-{numbers.money_cell(money.most)}"
    return f"≥{text}" if money.at_least else f"{_MARKS.get(money.quality or CostQuality.EXACT, '')}{text}"


def money_json(money: Money) -> Json:
    """``usd`` is the least that it can be, ``usd_high`` the most that its known parts can be; ``at_least``:
    something in it has no price, or is left out."""
    return {
        "usd": _rounded(money.least),
        "usd_high": _rounded(money.most),
        "quality": money.quality,
        "at_least": money.at_least,
        "unpriced_tokens": money.unpriced_tokens,
    }


def cache_hit(amounts: Amounts) -> float | None:
    """Cached tokens / input tokens (alerting-and-burn 3, 7); None where either is not told."""
    if amounts.cached is None or not amounts.input:
        return None
    return min(1.0, amounts.cached / amounts.input)


def _total(ledger: Ledger) -> Json:
    row = _row_of("", ledger.money(), ledger.amounts(), ledger.wasted(), ledger.runs(), ledger.per_success())
    row["cache_hit"] = ledger.cache_hit()
    row["waste_share"] = ledger.waste_share()
    return {name: value for name, value in row.items() if name not in ("name", "share", "counted")}


def _row(line: SpendLine) -> Json:
    row = _row_of(line.name, line.money, line.amounts, line.wasted, line.runs, line.per_success)
    return {**row, "share": line.share, "counted": line.counted}


def _row_of(
    name: str, money: Money, used: Amounts, wasted: Money, runs: RunCount | None, success: Money | None
) -> Json:
    return {
        "name": name or None,
        **money_json(money),
        "reported_usd": _rounded(money.exact),
        "priced_usd": _rounded(money.priced),
        "band_low_usd": _rounded(money.low),
        "band_high_usd": _rounded(money.high),
        "tokens": used.tokens,
        "input_tokens": used.input,
        "output_tokens": used.output,
        "cached_tokens": used.cached,
        "cache_write_tokens": used.cache_write,
        "reasoning_tokens": used.reasoning,
        "untyped_tokens": used.untyped,
        "cache_hit": cache_hit(used),
        "calls": used.calls,
        "wasted_usd": _rounded(wasted.least),
        **_runs(runs),
        "usd_per_success": _rounded(success.least) if success else None,
        "share": None,
        "counted": True,
    }


def _runs(runs: RunCount | None) -> Json:
    return {"runs": runs.runs if runs else None, "failures": runs.failures if runs else None}


def _table_row(line: SpendLine) -> str:
    runs = line.runs
    cells: Sequence[str] = (
        _shown(line.name or NOT_TOLD) + ("" if line.counted else " (in no sum)"),
        money_text(line.money),
        numbers.percent(line.share),
        numbers.count(line.amounts.tokens),
        numbers.percent(cache_hit(line.amounts)),
        money_text(line.wasted),
        money_text(line.per_success) if line.per_success else numbers.UNKNOWN,
        numbers.count(runs.runs) if runs else numbers.UNKNOWN,
    )
    return f"| {' | '.join(cells)} |"


def _shown(text: str) -> str:
    """As it is, whatever Markdown would make of it."""
    return text.translate(_HIDDEN)


def _csv_cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets a quote before it (OWASP, CSV injection)."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _rounded(usd: float | None) -> float | None:
    """Without what binary fractions leave behind."""
    return None if usd is None else round(usd, 9)


def _day(at: float, zone: tzinfo | None) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
