"""One look without a screen: ask every source, wait for the answers, end."""

from __future__ import annotations

from wfmon.config import schema
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.assemble import assemble


@dataclass(frozen=True, slots=True)
class Look:
    """``snapshot`` None: nothing at all within the time. ``answered``: sources with a good answer."""

    snapshot: Snapshot | None
    answered: int


def look(
    config: schema.Config, wait: float, *, read_only: bool = False, unacked: bool = False
) -> Look:
    """Wait at most ``wait`` seconds until every source has answered, twice where a rate needs two."""
    assembled = assemble(config, read_only=read_only, unacked=unacked)
    monitor = assembled.monitor
    monitor.start()
    try:
        snapshot = monitor.wait(lambda _: monitor.settled, wait)
        return Look(snapshot, monitor.answered)
    finally:
        assembled.close()
