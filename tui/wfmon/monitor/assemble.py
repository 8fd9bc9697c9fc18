"""From a config to a monitor that is ready to start."""

from __future__ import annotations

import os
import platform
from datetime import tzinfo

import wfmon
from wfmon.analysis.merge import Windows
from wfmon.config import schema
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Collector
from wfmon.monitor.judge import Judge
from wfmon.monitor.loop import Identity, Monitor
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.track import Pace
from wfmon.sources.base import Source
from wfmon.sources.profile import Profile, ProfileError, load_profiles, user_profiles_dir
from wfmon.sources.registry import build_sources
from wfmon.store.acks import AckStore
from wfmon.store.identity import who
from wfmon.store.opening import open_store
from wfmon.text.numbers import find_zone
from wfmon.text.sanitize import safe


@dataclass(frozen=True, slots=True)
class Assembled:
    """A monitor with what its fronts also need; ``close`` ends it without waiting for sources."""

    monitor: Monitor
    store: AckStore
    sources: tuple[Source, ...]
    me: str
    zone: tzinfo | None

    def close(self) -> None:
        self.monitor.stop()
        self.store.close()


def assemble(config: schema.Config, *, read_only: bool = False, unacked: bool = False) -> Assembled:
    """Build everything; nothing is asked yet. Raises ``ProfileError`` for a wrong profile."""
    store = open_store(config, os.environ, read_only=read_only)
    me = who(os.environ, config.user.name)
    zone = find_zone(config.ui.timezone)
    rules = rule_settings(config)
    sources = build_sources(config, _profiles(config))
    windows = Windows(config.windows.runs, config.windows.grow_runs, config.windows.max, config.windows.rate)
    aliases = {alias: entry.name for entry in config.workflow for alias in entry.aliases}
    runbooks = {entry.name: safe(entry.runbook) for entry in config.workflow if entry.runbook}
    monitor = Monitor(
        sources.live,
        PictureMaker(windows, aliases, runbooks, sources.off),
        Judge(rules, store),
        Presenter(store, me, zone, unacked=unacked),
        Identity(safe(platform.node()), wfmon.__version__, Collector(os.getpid(), me), read_only),
        Pace(config.monitor.stale_after, config.monitor.backoff_max, config.monitor.stretch),
        refresh=config.ui.refresh,
    )
    return Assembled(monitor, store, sources.live, me, zone)


def _profiles(config: schema.Config) -> tuple[Profile, ...]:
    profiles = load_profiles(user_profiles_dir())
    wanted = config.profiles.enabled
    known = {profile.name for profile in profiles}
    for name in wanted:
        if name not in known:
            raise ProfileError(
                "[profiles] enabled", name, f"no such profile; known: {', '.join(sorted(known))}"
            )
    return tuple(profile for profile in profiles if not wanted or profile.name in wanted)
