"""``wfmon-tui cost``: what was used and spent, from the hours and days that are kept of the past."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, Literal, cast

from wfmon.cli.options import Options
from wfmon.cli.table import table
from wfmon.config import schema
from wfmon.text.numbers import UNKNOWN, count, day_clock, find_zone, money_cell, percent, span

if TYPE_CHECKING:
    from wfmon.analysis.accounts import Ledger, SpendLine
    from wfmon.model.spend import Priced

HOUR, DAY = 3600.0, 86_400.0
Dimension = Literal["workflow", "model", "provider"]


def run(options: Options) -> int:
    """0 with what is known; 1 where nothing is kept, or it cannot be read."""
    from wfmon.analysis.accounts import Ledger
    from wfmon.store.errors import StoreError

    config, now = options.load_config().config, time.time()
    if not config.history.enabled:
        print("wfmon-tui: nothing is kept: [history] enabled is false", file=sys.stderr)
        return 1
    by = cast(Dimension, options.by)
    try:
        priced = _spent(config, options, now)
    except StoreError as error:
        print(f"wfmon-tui: what was spent cannot be read: {error}", file=sys.stderr)
        return 1
    ledger = Ledger(priced)
    _tell(options, config, priced, ledger, by, now)
    if not ledger.by(by):
        print(
            "wfmon-tui: nothing is known of that time: watch and record keep what they see", file=sys.stderr
        )
        return 1
    return 0


def _tell(
    options: Options, config: schema.Config, priced: Priced, ledger: Ledger, by: Dimension, now: float
) -> None:
    from wfmon.monitor import spendreport

    if options.json:
        sys.stdout.write(spendreport.as_json(ledger, by, priced.spending))
    elif options.csv:
        sys.stdout.write(spendreport.as_csv(ledger, by))
    elif ledger.by(by):
        _print(ledger, by, priced, now, find_zone(config.cost.timezone or config.ui.timezone))


def _spent(config: schema.Config, options: Options, now: float) -> Priced:
    """With prices, also of models that no collector has looked up yet: that takes half a second."""
    from wfmon.model.spend import Priced, SpendRequest
    from wfmon.monitor.assemble import base_dir
    from wfmon.monitor.pricing import price_now
    from wfmon.store.history.reader import HistoryReader
    from wfmon.store.history.settings import HistorySettings
    from wfmon.store.lanes import find_lane

    base = base_dir(config, read_only=True)
    lane = find_lane(config, base, ad_hoc=options.ad_hoc, make=False)
    reader = HistoryReader(lane.state, HistorySettings.from_config(config))
    begin = (now - (options.since or DAY)) // HOUR * HOUR
    try:
        found = reader.spending(SpendRequest(begin, now))
    finally:
        reader.close()
    book, problem = price_now(config, base, {cell.key.ref for cell in found.cells}, now)
    if problem is not None:
        print(f"wfmon-tui: {problem}", file=sys.stderr)
    return Priced(found, book)


def _print(ledger: Ledger, by: Dimension, priced: Priced, now: float, zone: tzinfo | None) -> None:
    from wfmon.monitor.spendreport import money_text

    lines = ledger.by(by)
    runs = ("RUNS", "FAILED", "$/SUCCESS") if by == "workflow" else ()
    head = (by.upper(), "SPENT", "SHARE", "TOKENS", "CACHED", "WASTED", *runs)
    rows = [(_name(line), money_text(line.money), *_figures(line, by)) for line in lines]
    for row in table([head, *rows], left=1):
        print(row)
    spending = priced.spending
    print(f"\nall       {money_text(ledger.money())}{_wasted(ledger)}")
    print(
        f"since     {day_clock(spending.begin, now, zone)}, whole hours; known for "
        f"{span(spending.known_seconds)}"
    )
    for note in _notes(ledger, lines):
        print(f"          {note}")


def _name(line: SpendLine) -> str:
    return (line.name or UNKNOWN) + ("" if line.counted else " *")


def _figures(line: SpendLine, by: Dimension) -> Iterable[str]:
    from wfmon.monitor.spendreport import cache_hit, money_text

    yield percent(line.share)
    yield count(line.amounts.tokens)
    yield percent(cache_hit(line.amounts))
    yield money_text(line.wasted)
    if by == "workflow":
        runs = line.runs
        yield count(runs.runs if runs else None)
        yield count(runs.failures if runs else None)
        yield money_cell(line.per_success.least) if line.per_success else UNKNOWN


def _wasted(ledger: Ledger) -> str:
    from wfmon.monitor.spendreport import money_text

    wasted, share = ledger.wasted(), ledger.waste_share()
    if not wasted.known or share is None:
        return ""
    return f", of it {money_text(wasted)} wasted on runs that failed or were tried again ({percent(share)})"


def _notes(ledger: Ledger, lines: Iterable[SpendLine]) -> Iterable[str]:
    money = ledger.money()
    if money.priced is not None or money.low is not None:
        yield "~ priced from tokens at API rates, ≈ a band where their direction is not told: no invoice"
    if money.unpriced_tokens:
        yield f"≥ at least: {count(money.unpriced_tokens)} tokens have no price"
    if any(not line.counted for line in lines):
        yield "* in no sum: another source tells of the same work"
