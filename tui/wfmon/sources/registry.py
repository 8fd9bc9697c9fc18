"""From the config to the sources it names."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.config import schema
from wfmon.model.record import dataclass
from wfmon.model.source import SourceStatus
from wfmon.sources.base import Source
from wfmon.sources.profile import Profile


@dataclass(frozen=True, slots=True)
class Sources:
    """``off`` are configured but not asked, each with the reason in words."""

    live: tuple[Source, ...]
    off: tuple[SourceStatus, ...] = ()


def build_sources(config: schema.Config, profiles: Sequence[Profile]) -> Sources:
    """One object per configured source, the host last. Modules are loaded for the kinds in use only,
    and here rather than at the first question: threads that import at once wait for each other, which
    costs a tenth of the start."""
    live = [build_source(entry, config, profiles) for entry in config.source]
    if config.host.enabled:
        import psutil  # noqa: F401

        from wfmon.sources.host import HostSource

        live.append(HostSource(config.workflow, config.storage, config.host))
    return Sources(tuple(live))


def build_source(entry: schema.Source, config: schema.Config, profiles: Sequence[Profile]) -> Source:
    """The source of one entry."""
    if entry.kind == "prometheus":
        from wfmon.sources.prometheus import PrometheusSource

        return PrometheusSource.from_config(entry, config.windows, profiles)
    if entry.kind == "scrape":
        _load_http()
        from wfmon.sources.scrape import ScrapeSource

        return ScrapeSource.from_config(entry, config.windows, profiles)
    if entry.kind == "alertmanager":
        _load_http()
        from wfmon.sources.alertmanager import AlertmanagerSource

        return AlertmanagerSource.from_config(entry)
    from wfmon.sources.logfiles import LogFilesSource

    return LogFilesSource.from_config(entry, config.logs, profiles)


def _load_http() -> None:
    from wfmon.sources import leanhttpcore

    leanhttpcore.load()
    from wfmon.sources import deadline, plainhttp  # noqa: F401
