"""From a config to what a command needs. What asks the sources is loaded when this process does so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

import wfmon
from wfmon.config import schema
from wfmon.model.record import dataclass
from wfmon.store.acks import AckStore
from wfmon.store.identity import who
from wfmon.store.opening import open_store
from wfmon.store.paths import StateDir, state_dir
from wfmon.text.numbers import find_zone

if TYPE_CHECKING:
    from wfmon.model.discovery import Discovery
    from wfmon.model.snapshot import Collector, Snapshot
    from wfmon.monitor.doors import Memory
    from wfmon.monitor.loop import Monitor
    from wfmon.monitor.presenter import Presenter
    from wfmon.monitor.rulewords import Changed
    from wfmon.monitor.sharing import Sharer
    from wfmon.monitor.sharingthread import SharingThread
    from wfmon.monitor.station import Station
    from wfmon.sources.base import Source
    from wfmon.store.lanes import Lane


@dataclass(frozen=True, slots=True)
class Assembled:
    """A monitor of this process alone, with what its fronts also need; ``close`` ends it without waiting
    for sources."""

    monitor: Monitor
    store: AckStore
    sources: tuple[Source, ...]
    me: str
    zone: tzinfo | None

    def close(self) -> None:
        self.monitor.stop()
        self.store.close()


@dataclass(frozen=True, slots=True)
class AssembledStation:
    """A station among those that watch the same; see ``Assembled``."""

    station: Station
    lane: Lane
    store: AckStore
    me: str
    zone: tzinfo | None

    def parting_words(self) -> tuple[str, ...]:
        """What a person should know who ends this process; to be asked before ``close``."""
        if not self.station.collector.self_:
            return ()
        shared = self.store.open_shares()
        if not shared:
            return ()
        from wfmon.monitor.parting import open_shares

        return open_shares(shared, time.time(), self.zone)

    def close(self) -> None:
        self.station.stop()
        self.store.close()


def assemble(
    config: schema.Config, *, ad_hoc: bool = False, read_only: bool = False, unacked: bool = False
) -> Assembled:
    """Build everything; nothing is asked yet. ``ad_hoc``: sources were named on the command line. Raises
    ``ProfileError`` for a wrong profile."""
    from wfmon.model.snapshot import Collector
    from wfmon.monitor.building import Before, For, build_monitor, configured_sources
    from wfmon.monitor.discovering import make_finder, own_directories
    from wfmon.monitor.pricing import Pricing
    from wfmon.store.lanes import find_lane

    lane = find_lane(config, base_dir(config, read_only=True), ad_hoc=ad_hoc, make=False)
    store = _open(config, lane, read_only)
    me = who(os.environ, config.user.name)
    zone = find_zone(config.ui.timezone)
    sources = configured_sources(config)
    viewer = For(store, me, zone, read_only, unacked)
    mine = Collector(os.getpid(), me, version=wfmon.__version__)
    before = Before(lane, hurried=True)
    finder = make_finder(config, own_directories(base_dir(config, read_only=True).path))
    prices = Pricing(config, base_dir(config, read_only=True))
    monitor = build_monitor(config, viewer, mine, sources, before=before, finder=finder, prices=prices)
    return Assembled(monitor, store, sources.live, me, zone)


def assemble_station(
    config: schema.Config, *, ad_hoc: bool, read_only: bool = False, changed: Changed | None = None
) -> AssembledStation:
    """``ad_hoc``: sources were named on the command line; ``changed``: where settings are from. Nothing is
    begun yet."""
    from wfmon.monitor.station import Station
    from wfmon.monitor.viewing import Viewer
    from wfmon.store.lanes import find_lane

    lane = find_lane(config, base_dir(config, read_only=read_only), ad_hoc=ad_hoc, make=not read_only)
    store = _open(config, lane, read_only)
    me = who(os.environ, config.user.name)
    zone = find_zone(config.ui.timezone)
    viewer = Viewer(me, wfmon.__version__, zone, float(config.ui.refresh), read_only)
    means = _Means(config, lane, store, viewer.me, zone, read_only, changed)
    return AssembledStation(Station(lane, store, viewer, means), lane, store, me, zone)


def _open(config: schema.Config, lane: Lane, read_only: bool) -> AckStore:
    from wfmon.monitor.settings import wake_settings

    return open_store(config, os.environ, read_only=read_only, lane=lane.name, wake=wake_settings(config))


def base_dir(config: schema.Config, *, read_only: bool = False) -> StateDir:
    """The state directory that the settings ask for."""
    return state_dir(config.state.dir, os.environ, make=not read_only)


@dataclass(frozen=True, slots=True)
class _Means:
    """See ``station.Means``."""

    config: schema.Config
    lane: Lane
    store: AckStore
    me: str
    zone: tzinfo | None
    read_only: bool
    changed: Changed | None

    def monitor(
        self,
        collector: Collector,
        epoch: int | None,
        collected: Callable[[Snapshot, bool], None],
        last: Snapshot | None,
    ) -> Monitor:
        from wfmon.monitor.building import Before, For, build_monitor, configured_sources
        from wfmon.monitor.discovering import make_finder, own_directories
        from wfmon.monitor.pricing import Pricing

        historian = None
        prices = Pricing(self.config, base_dir(self.config, read_only=True))
        sources = configured_sources(self.config)
        if epoch is not None:
            from wfmon.monitor.keeping import make_historian

            historian = make_historian(
                self.config, self.lane, self.store, self.zone, self.me, epoch, lambda: prices.book
            )
            if historian is not None and last is not None:
                from wfmon.monitor.trends import draw_step

                historian.go_on(last, draw_step(float(self.config.windows.rate)))
        viewer = For(self.store, self.me, self.zone, self.read_only, changed=self.changed)
        return build_monitor(
            self.config,
            viewer,
            collector,
            sources,
            collected=collected,
            historian=historian,
            shares=None if self.read_only else self._shares(),
            before=Before(self.lane, epoch, None if last is None else last.at),
            finder=make_finder(
                self.config,
                own_directories(base_dir(self.config, read_only=True).path),
                None if last is None else last.discovery,
            ),
            prices=prices,
        )

    def _shares(self) -> SharingThread:
        from wfmon.monitor.sharingthread import SharingThread

        def make() -> Sharer:
            from wfmon.monitor.sharing import make_sharer

            return make_sharer(self.config, base_dir(self.config), self.lane.name, self.zone)

        return SharingThread(self.store.shares_waiting, make)

    def logs(self) -> Sequence[Source]:
        from wfmon.monitor.building import log_sources

        return log_sources(self.config)

    def found_logs(self, discovery: Discovery) -> Sequence[Source]:
        from wfmon.monitor.building import found_log_sources

        return found_log_sources(self.config, discovery)

    def presenter(self) -> Presenter:
        from wfmon.monitor.presenter import Presenter

        return Presenter(self.store, self.me, self.zone)

    def memory(self, alone: Callable[[], str | None]) -> Memory:
        from wfmon.monitor.keeping import make_memory
        from wfmon.monitor.pricing import make_book

        book = make_book(self.config, base_dir(self.config, read_only=True))
        return make_memory(self.config, self.lane, self.store, self.zone, self.me, alone, book)
