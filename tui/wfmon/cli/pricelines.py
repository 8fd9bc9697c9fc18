"""What ``doctor`` says of prices: whose they are, and which models have none."""

from __future__ import annotations

from wfmon.analysis.seenprices import seen_refs
from wfmon.config import schema
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.pricing import price_now
from wfmon.sources.prices.found import installed

MOST = 10


def price_lines(config: schema.Config, snapshot: Snapshot) -> list[str]:
    """Looks them up and keeps nothing."""
    refs = tuple(dict.fromkeys(seen_refs(snapshot.tokens, ())))
    book, problem = price_now(config, None, refs, snapshot.at)
    names = [ref.id.removeprefix("/") for ref in refs if book.unit(ref) is None]
    lines = ["", f"prices    {_whose(config)}"]
    lines += [f"    problem  {problem}"] if problem is not None else []
    lines += [f"    no price {name}" for name in names[:MOST]]
    lines += [f"    no price and {len(names) - MOST} more models"] if len(names) > MOST else []
    return lines


def _whose(config: schema.Config) -> str:
    count = len(config.prices.override)
    own = f", {count} of the config before it" if count else ""
    if not config.prices.source:
        return f"only those of the config: {count}" if count else "none: [prices] source is empty"
    version = installed()
    if version is None:
        return f"genai-prices is not installed: pip install 'wfmon-tui[prices]'{own}"
    return f"genai-prices {version}{own}"
