"""What another process has just collected, for a command that would otherwise have to ask."""

from __future__ import annotations

from datetime import tzinfo

from wfmon.config import schema
from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.follower import Follower
from wfmon.monitor.presenter import Presenter
from wfmon.store.acks import AckStore
from wfmon.store.collectorlock import CollectorLock, Holder
from wfmon.store.lanes import Lane, find_lane
from wfmon.store.paths import StateDir


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The lane of these settings and who collects there, if anybody does."""

    lane: Lane
    holder: Holder | None


def neighbour(config: schema.Config, base: StateDir, *, ad_hoc: bool) -> Neighbour:
    """Looks only: nothing is made, no lock is taken."""
    lane = find_lane(config, base, ad_hoc=ad_hoc, make=False)
    return Neighbour(lane, CollectorLock(lane).holder())


def borrow(
    there: Neighbour, store: AckStore, me: str, zone: tzinfo | None, now: float, *, unacked: bool = False
) -> Snapshot | None:
    """What the collector shows ``me`` at ``now``; None where there is none, or it is not fresh and whole."""
    if there.holder is None:
        return None
    sight = Follower(there.lane).look(now)
    snapshot = sight.snapshot
    if snapshot is None or not sight.fresh or sight.epoch != there.holder.epoch:
        return None
    if snapshot.waiting:
        return None
    seen = replace(snapshot, collector=replace(snapshot.collector, self_=False))
    return Presenter(store, me, zone, unacked=unacked).present(seen, now)
