"""One look without a screen: ask every source, wait for the answers, end."""

from __future__ import annotations

import os
import time

from wfmon.cli.memory import Memory
from wfmon.config import schema
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.assemble import assemble
from wfmon.sources.counters import LOOKBACK_SECONDS
from wfmon.store.scraped import open_looks


@dataclass(frozen=True, slots=True)
class Look:
    """``snapshot`` None: nothing at all within the time. ``answered``: sources with a good answer.
    ``unkept``: why the next look cannot count from this one, in words."""

    snapshot: Snapshot | None
    answered: int
    unkept: tuple[str, ...]


def look(config: schema.Config, wait: float, *, read_only: bool = False, unacked: bool = False) -> Look:
    """Wait at most ``wait`` seconds until every source has answered, twice where a rate needs two.

    Scraped counters count from the looks that were kept before, and unless ``read_only`` this look
    is kept for the next.
    """
    assembled = assemble(config, read_only=read_only, unacked=unacked)
    looks = open_looks(config, os.environ, lookback=LOOKBACK_SECONDS, read_only=read_only)
    memory = Memory(assembled.sources, looks)
    monitor = assembled.monitor
    monitor.start()
    try:
        snapshot = monitor.wait(lambda _: monitor.settled, wait)
        return Look(snapshot, monitor.answered, memory.keep(time.time()))
    finally:
        assembled.close()
