"""One look without a screen: at what somebody collects, else ask every source, wait, end."""

from __future__ import annotations

import os
import time

from wfmon.config import schema
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Look:
    """``snapshot`` None: nothing at all within the time. ``answered``: sources with a good answer.
    ``unkept``: why the next look cannot count from this one, in words."""

    snapshot: Snapshot | None
    answered: int
    unkept: tuple[str, ...] = ()


def look(
    config: schema.Config, wait: float, *, ad_hoc: bool, read_only: bool = False, unacked: bool = False
) -> Look:
    """What a collector has just published for everybody, so that it costs no question; without one as
    ``ask``. ``ad_hoc``: sources were named on the command line."""
    return borrowed(config, ad_hoc, unacked=unacked) or ask(
        config, wait, ad_hoc=ad_hoc, read_only=read_only, unacked=unacked
    )


def borrowed(config: schema.Config, ad_hoc: bool, *, unacked: bool) -> Look | None:
    """What a collector has just published; None where there is none."""
    from wfmon.monitor.assemble import base_dir
    from wfmon.monitor.borrowed import borrow, neighbour
    from wfmon.store.identity import who
    from wfmon.store.opening import open_store
    from wfmon.text.numbers import find_zone

    there = neighbour(config, base_dir(config, read_only=True), ad_hoc=ad_hoc)
    if there.holder is None:
        return None
    store = open_store(config, os.environ, read_only=True, lane=there.lane.name)
    try:
        me, zone = who(os.environ, config.user.name), find_zone(config.ui.timezone)
        snapshot = borrow(there, store, me, zone, time.time(), unacked=unacked)
    finally:
        store.close()
    if snapshot is None:
        return None
    return Look(snapshot, sum(source.as_of is not None for source in snapshot.sources))


def ask(
    config: schema.Config,
    wait: float,
    *,
    ad_hoc: bool = False,
    read_only: bool = False,
    unacked: bool = False,
) -> Look:
    """Wait at most ``wait`` seconds until every source has answered, twice where a rate needs two, and it
    is known what was before.

    Scraped counters count from the looks that were kept before, and unless ``read_only`` this look
    is kept for the next.
    """
    from wfmon.cli.memory import Memory
    from wfmon.monitor.assemble import assemble
    from wfmon.sources.counters import LOOKBACK_SECONDS
    from wfmon.store.scraped import open_looks

    assembled = assemble(config, ad_hoc=ad_hoc, read_only=read_only, unacked=unacked)
    looks = open_looks(config, os.environ, lookback=LOOKBACK_SECONDS, read_only=read_only)
    memory = Memory(assembled.sources, looks)
    monitor = assembled.monitor
    monitor.start()
    try:
        snapshot = monitor.wait(lambda _: monitor.settled and monitor.past_known, wait)
        return Look(snapshot, monitor.answered, memory.keep(time.time()))
    finally:
        assembled.close()
