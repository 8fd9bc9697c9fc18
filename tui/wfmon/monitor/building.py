"""From a config to what asks and judges: loaded only by a process that does so."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

import wfmon
from wfmon.analysis.counting import LOGS
from wfmon.analysis.merge import Windows
from wfmon.config import schema
from wfmon.model.budget import Slo
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Collector, Snapshot
from wfmon.monitor.composing import Identity
from wfmon.monitor.judge import Judge
from wfmon.monitor.loop import Keeps, Monitor, Prices, Shares
from wfmon.monitor.picture import PictureMaker
from wfmon.monitor.presenter import Presenter
from wfmon.monitor.rulelist import RuleList
from wfmon.monitor.settings import rule_settings
from wfmon.monitor.track import Pace
from wfmon.sources.base import Source
from wfmon.sources.profile import Profile, ProfileError, load_profiles, user_profiles_dir, with_prefix
from wfmon.sources.registry import Sources, build_sources
from wfmon.store.acks import AckStore
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.model.discovery import Discovery
    from wfmon.model.ruleinfo import RuleInfo
    from wfmon.monitor.doors import Memory
    from wfmon.monitor.finder import Finder
    from wfmon.monitor.lookback import Deliver, LookBack
    from wfmon.monitor.rulewords import Changed
    from wfmon.store.lanes import Lane


@dataclass(frozen=True, slots=True)
class For:
    """For whom a monitor is built. ``unacked`` leaves out of the verdict what somebody has. ``changed``:
    see ``rulewords``."""

    store: AckStore
    me: str
    zone: tzinfo | None
    read_only: bool = False
    unacked: bool = False
    changed: Changed | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """Of the time before a monitor begins: in which ``lane``, what another collector saw up to
    ``seen_until`` (POSIX seconds; None: not known), and the ``epoch`` in which it collects, if it does.
    ``hurried``: somebody waits for one answer."""

    lane: Lane
    epoch: int | None = None
    seen_until: float | None = None
    hurried: bool = False


def build_monitor(
    config: schema.Config,
    viewer: For,
    collector: Collector,
    sources: Sources,
    *,
    collected: Callable[[Snapshot, bool], None] | None = None,
    historian: Keeps | None = None,
    memory: Memory | None = None,
    shares: Shares | None = None,
    before: Before | None = None,
    finder: Finder | None = None,
    prices: Prices | None = None,
) -> Monitor:
    """Nothing is asked yet. ``before``: how to look back at the time before; None: not at all."""
    windows = Windows(config.windows.runs, config.windows.grow_runs, config.windows.max, config.windows.rate)
    aliases = {alias: entry.name for entry in config.workflow for alias in entry.aliases}
    runbooks = {entry.name: safe(entry.runbook) for entry in config.workflow if entry.runbook}
    return Monitor(
        sources.live,
        PictureMaker(windows, aliases, runbooks, sources.off, config.profiles.totals, _slos(config)),
        Judge(rule_settings(config), viewer.store),
        Presenter(viewer.store, viewer.me, viewer.zone, unacked=viewer.unacked),
        Identity(safe(platform.node()), wfmon.__version__, collector, viewer.read_only, _slo(config)),
        Pace(config.monitor.stale_after, config.monitor.backoff_max, config.monitor.stretch),
        refresh=config.ui.refresh,
        collected=collected,
        historian=historian,
        memory=memory,
        shares=shares,
        rules=RuleList(lambda: _rule_infos(config, viewer.changed)),
        looks_back=None if before is None else lambda deliver: _look_back(config, before, deliver),
        finder=finder,
        prices=prices,
    )


def _slo(config: schema.Config) -> Slo | None:
    """Of all runs together."""
    return Slo(config.slo.success, config.slo.days) if config.slo.success > 0 else None


def _slos(config: schema.Config) -> dict[str, float]:
    return {entry.name: entry.slo for entry in config.workflow if entry.slo is not None}


def _look_back(config: schema.Config, before: Before, deliver: Deliver) -> LookBack:
    """Loaded when somebody has something to read."""
    from wfmon.monitor.lookingback import make_look_back

    return make_look_back(config, before, deliver)


def _rule_infos(config: schema.Config, changed: Changed | None) -> tuple[RuleInfo, ...]:
    from wfmon.monitor.rulewords import rule_infos

    return rule_infos(config, changed)


def configured_sources(config: schema.Config) -> Sources:
    """Raises ``ProfileError`` for a wrong profile, where one is needed."""
    return build_sources(config, enabled_profiles(config) if config.source else ())


def log_sources(config: schema.Config) -> Sequence[Source]:
    """Those that play the logs role."""
    from wfmon.sources.logfiles import LogFilesSource

    profiles = enabled_profiles(config)
    return [
        LogFilesSource.from_config(each, config.logs, profiles)
        for each in config.source
        if each.kind == "logs"
    ]


def found_log_sources(config: schema.Config, discovery: Discovery) -> Sequence[Source]:
    """As a collector found them: what of it this user may read is for the files to say."""
    from wfmon.sources.logfiles import LogFilesSource

    entries = [
        schema.Source(name=each.source, kind="logs", paths=list(each.paths))
        for each in discovery.found
        if each.paths and each.gone_since is None
    ]
    profiles = enabled_profiles(config)
    return [LogFilesSource.from_config(entry, config.logs, profiles) for entry in entries]


def enabled_profiles(config: schema.Config) -> tuple[Profile, ...]:
    """As ``[profiles]`` says. Raises ``ProfileError``, also for a name that no profile has."""
    profiles = load_profiles(user_profiles_dir())
    wanted = config.profiles
    known = [profile.name for profile in profiles]
    _check_names("enabled", wanted.enabled, known)
    _check_names("totals", wanted.totals, [*known, LOGS])
    _check_names("prefix", wanted.prefix, known)
    return tuple(
        with_prefix(profile, wanted.prefix[profile.name]) if profile.name in wanted.prefix else profile
        for profile in profiles
        if not wanted.enabled or profile.name in wanted.enabled
    )


def _check_names(key: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            import difflib

            close = difflib.get_close_matches(name, known, 1)
            nearest = f", nearest: {close[0]}" if close else ""
            words = f"no such profile{nearest}; known: {', '.join(sorted(known))}"
            raise ProfileError(f"[profiles] {key}", safe(name, limit=60), words)
