"""``wfmon-tui cost``: what was spent, from the hours that are kept of the past."""

from __future__ import annotations

import csv
import json
import sys
import time
from datetime import tzinfo

from wfmon.cli.options import Options
from wfmon.cli.table import table
from wfmon.config import schema
from wfmon.monitor.spent import Spendings, SpentRow, spendings
from wfmon.store.history.reader import HistoryReader
from wfmon.text.numbers import count, day_clock, find_zone, money, rfc3339, span

DAY = 86_400.0
UNKNOWN = "–"


def run(options: Options) -> int:
    """0 with what is known; 1 where nothing is kept, or it cannot be read."""
    from wfmon.store.errors import StoreError

    config, now = options.load_config().config, time.time()
    if not config.history.enabled:
        print("wfmon-tui: nothing is kept: [history] enabled is false", file=sys.stderr)
        return 1
    reader = _reader(config, options.ad_hoc)
    try:
        found = spendings(reader, options.by, now - (options.since or DAY), now)
    except StoreError as error:
        print(f"wfmon-tui: what was spent cannot be read: {error}", file=sys.stderr)
        return 1
    finally:
        reader.close()
    if options.json:
        print(json.dumps(_json(found, options.by), indent=2, ensure_ascii=False))
    elif options.csv:
        _csv(found, options.by)
    elif found.rows:
        _print(found, options.by, now, find_zone(config.ui.timezone))
    if not found.rows:
        print(
            "wfmon-tui: nothing is known of that time: watch and record keep what they see", file=sys.stderr
        )
        return 1
    return 0


def _reader(config: schema.Config, ad_hoc: bool) -> HistoryReader:
    from wfmon.monitor.assemble import base_dir
    from wfmon.store.history.settings import HistorySettings
    from wfmon.store.lanes import find_lane

    lane = find_lane(config, base_dir(config, read_only=True), ad_hoc=ad_hoc, make=False)
    return HistoryReader(lane.state, HistorySettings.from_config(config))


def _print(found: Spendings, by: str, now: float, zone: tzinfo | None) -> None:
    head = (by.upper(), "USD", "TOKENS", *(("RUNS", "FAILED") if by == "workflow" else ()))
    rows = [(row.name or UNKNOWN, money(row.usd), count(row.tokens), *_runs(row, by)) for row in found.rows]
    for line in table([head, *rows], left=1):
        print(line)
    print(f"\nall       {_total(found)}")
    print(
        f"since     {day_clock(found.begin, now, zone)}, whole hours; known for {span(found.known_seconds)}"
    )
    if found.usd is None and found.at_least is not None:
        print("          rows of several systems may tell of the same calls: the sum counts each once")


def _runs(row: SpentRow, by: str) -> tuple[str, ...]:
    return (count(row.runs), count(row.failures)) if by == "workflow" else ()


def _total(found: Spendings) -> str:
    if found.usd is None and found.at_least is not None:
        return f"≥ {money(found.at_least)}"
    return money(found.usd)


def _json(found: Spendings, by: str) -> dict[str, object]:
    return {
        "by": by,
        "since": rfc3339(found.begin),
        "until": rfc3339(found.end),
        "known_seconds": found.known_seconds,
        "usd": found.usd,
        "usd_at_least": found.at_least,
        "rows": [
            {by: row.name or None, "usd": row.usd, "tokens": row.tokens}
            | ({"runs": row.runs, "failures": row.failures} if by == "workflow" else {})
            for row in found.rows
        ],
    }


def _csv(found: Spendings, by: str) -> None:
    """Unknown is an empty field."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow((by, "usd", "tokens", "runs", "failures"))
    for row in found.rows:
        out.writerow((row.name, *(_field(each) for each in (row.usd, row.tokens, row.runs, row.failures))))


def _field(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"
