"""From a config without sources to a finder; what looks is loaded in the finder's thread, when it looks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.config import schema

if TYPE_CHECKING:
    from wfmon.model.discovery import Discovery
    from wfmon.monitor.finder import Finder
    from wfmon.sources.base import Source
    from wfmon.sources.discovery.facts import Facts
    from wfmon.sources.discovery.propose import Proposal
    from wfmon.sources.discovery.servers import Ports
    from wfmon.sources.profile import Profile


def discovers(config: schema.Config) -> bool:
    """Whether this process looks around: where no source is named, and nobody has forbidden it."""
    return not config.source and config.discovery.enabled


def make_finder(
    config: schema.Config, never: Sequence[str], before: Discovery | None = None
) -> Finder | None:
    """``never``: directories of our own, whose files are nobody's logs."""
    if not discovers(config):
        return None
    from wfmon.monitor.finder import Finder

    return Finder(lambda: HostEyes(config, never), float(config.discovery.every), before=before)


class HostEyes:
    """See ``finder.Eyes``. ``every_socket``: see ``Lookout``; ``connects`` False: nobody is asked, whatever
    the settings allow."""

    def __init__(
        self,
        config: schema.Config,
        never: Sequence[str],
        *,
        ports: Ports | None = None,
        every_socket: bool = False,
        connects: bool = True,
    ) -> None:
        from wfmon.sources.discovery.look import Lookout
        from wfmon.sources.discovery.unseen import system_names

        self._config = config
        self._profiles: tuple[Profile, ...] | None = None
        self._names = system_names()
        connect = connects and config.discovery.connect
        self._lookout = Lookout(
            self._usual, connect=connect, never=never, ports=ports, every_socket=every_socket
        )

    def facts(self, now: float) -> Facts:
        return self._lookout.look(now)

    def look(self, now: float) -> Proposal:
        from wfmon.sources.discovery.propose import propose

        return propose(self.facts(now), self._names)

    def build(self, entry: schema.Source) -> Source:
        """Raises ``ProfileError``."""
        if entry.kind == "logs":
            from wfmon.sources.logfiles import LogFilesSource

            profiles = self._known_profiles()
            return LogFilesSource.from_config(entry, self._config.logs, profiles, chosen=True)
        from wfmon.sources.registry import build_source

        return build_source(entry, self._config, self._known_profiles())

    def _usual(self) -> Mapping[str, Sequence[str]]:
        return {profile.name: profile.logs.paths for profile in self._known_profiles() if profile.logs.paths}

    def _known_profiles(self) -> tuple[Profile, ...]:
        if self._profiles is None:
            from wfmon.monitor.building import enabled_profiles

            self._profiles = enabled_profiles(self._config)
        return self._profiles


def logs_found_here(config: schema.Config, never: Sequence[str], now: float) -> list[Source]:
    """The log sources of one look. Raises ``ProfileError``, or OSError where nothing can be looked at."""
    eyes = HostEyes(config, never, connects=False)
    entries = (each.entry for each in eyes.look(now).proposed)
    return [eyes.build(entry) for entry in entries if entry is not None and entry.kind == "logs"]


def own_directories(state: os.PathLike[str]) -> tuple[str, ...]:
    """Where this program keeps its own files."""
    from wfmon.store.paths import SYSTEM_DIR

    return (os.fspath(state), os.fspath(SYSTEM_DIR))
