"""What one source may tell another: pids seen in log lines, ports that are scraped, pids that live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from wfmon.model.run import RunsSample
from wfmon.sources.base import Reading, Source

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@runtime_checkable
class TakesHints(Protocol):
    """The host source: ``pids`` and ``ports`` to the name of the workflow behind them."""

    def set_hints(self, pids: Mapping[int, str], ports: Mapping[int, str]) -> None: ...


@runtime_checkable
class TakesLivePids(Protocol):
    """The log sources: pids that are not known to be gone; None: nothing is known of any."""

    def set_live_pids(self, pids: frozenset[int] | None) -> None: ...


@runtime_checkable
class HasUrls(Protocol):
    """The scraper: the endpoints it reads."""

    @property
    def urls(self) -> Sequence[str]: ...


class Hints:
    """Collects hints from readings and hands them on, only when they changed."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._hosts = [source for source in sources if isinstance(source, TakesHints)]
        self._logs = [source for source in sources if isinstance(source, TakesLivePids)]
        self._ports = _ports(sources)
        self._pids: dict[str, dict[int, str]] = {}
        self._sent: dict[int, str] | None = None

    def spread(self, source: str, reading: Reading) -> None:
        if reading.host is not None:
            hinted = frozenset(self._sent or ())
            for log in self._logs:
                log.set_live_pids(hinted - reading.host.gone_pids | reading.host.live_pids)
        if reading.runs is not None:
            self._pids[source] = _pids_of(reading.runs)
        self._tell_hosts()

    def _tell_hosts(self) -> None:
        pids = {pid: name for part in self._pids.values() for pid, name in part.items()}
        if pids != self._sent:
            self._sent = pids
            for host in self._hosts:
                host.set_hints(pids, self._ports)


def _pids_of(sample: RunsSample) -> dict[int, str]:
    """The pids of open runs, else of the newest finished ones: a worker lives between its runs."""
    found: dict[int, str] = {}
    for name, runs in sample.workflows.items():
        for run in (*runs.finished[-5:], *runs.open):
            if run.pid is not None:
                found[run.pid] = name
    return found


def _ports(sources: Sequence[Source]) -> dict[int, str]:
    """Loopback ports of scraped endpoints, named after the source where no workflow is known."""
    found: dict[int, str] = {}
    for source in sources:
        if isinstance(source, HasUrls) and source.kind == "scrape":
            for url in source.urls:
                parts = urlsplit(url)
                if parts.hostname in LOOPBACK and parts.port:
                    found[parts.port] = source.name
    return found
