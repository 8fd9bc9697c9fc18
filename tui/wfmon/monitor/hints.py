"""What one source may tell another: pids seen in log lines, ports that are scraped, pids that live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from wfmon.model.metrics import MetricsSample
from wfmon.model.record import dataclass
from wfmon.model.run import RunsSample
from wfmon.sources.base import Reading, Source

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@runtime_checkable
class TakesHints(Protocol):
    """The host source: ``pids`` and ``ports`` to the workflow behind them, and when a pid last logged."""

    def set_hints(
        self, pids: Mapping[int, str], ports: Mapping[int, str], last_lines: Mapping[int, float] | None = None
    ) -> None: ...


@runtime_checkable
class TakesLivePids(Protocol):
    """The log sources: pids that are not known to be gone; None: nothing is known of any."""

    def set_live_pids(self, pids: frozenset[int] | None) -> None: ...


@runtime_checkable
class HasUrls(Protocol):
    """The scraper: the endpoints it reads."""

    @property
    def urls(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """A pid in log lines: the workflow, and POSIX seconds of its newest line."""

    workflow: str
    at: float


class Hints:
    """Collects hints from readings and hands them on, only when they changed."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._hosts: list[TakesHints] = []
        self._logs: list[TakesLivePids] = []
        self._urls: dict[str, Sequence[str]] = {}
        self.join(sources)
        self._pids: dict[str, dict[int, _Seen]] = {}
        self._ports: dict[str, dict[int, str]] = {}
        self._alive: set[int] = set()
        self._sent: tuple[dict[int, _Seen], dict[int, str]] | None = None

    def join(self, sources: Sequence[Source]) -> None:
        """They are asked from now on too."""
        self._hosts += [source for source in sources if isinstance(source, TakesHints)]
        self._logs += [source for source in sources if isinstance(source, TakesLivePids)]
        self._urls |= {source.name: source.urls for source in sources if isinstance(source, HasUrls)}

    def spread(self, source: str, reading: Reading) -> None:
        if reading.host is not None:
            # A pid that was never seen alive may be of another pid namespace: nothing is known of it.
            hinted = self._sent[0].keys() if self._sent else set[int]()
            self._alive = (self._alive & hinted | reading.host.live_pids) - reading.host.gone_pids
            for log in self._logs:
                log.set_live_pids(frozenset(self._alive))
        if reading.runs is not None:
            self._pids[source] = _pids_of(reading.runs)
        if reading.metrics is not None:
            self._ports[source] = _ports(self._urls.get(source, ()), reading.samples)
        self._tell_hosts()

    def _tell_hosts(self) -> None:
        pids = {pid: seen for part in self._pids.values() for pid, seen in part.items()}
        ports = {port: name for part in self._ports.values() for port, name in part.items()}
        if (pids, ports) != self._sent:
            self._sent = (pids, ports)
            for host in self._hosts:
                host.set_hints(
                    {pid: seen.workflow for pid, seen in pids.items()},
                    ports,
                    {pid: seen.at for pid, seen in pids.items()},
                )


def _pids_of(sample: RunsSample) -> dict[int, _Seen]:
    """The pids of open runs and of the newest finished ones: a worker lives between its runs."""
    found: dict[int, _Seen] = {}
    for name, runs in sample.workflows.items():
        for run in (*runs.finished[-5:], *runs.open):
            at = run.last_line_at or run.ended_at or run.started_at
            if run.pid is not None and at is not None:
                known = found.get(run.pid)
                found[run.pid] = _Seen(name, max(at, known.at) if known else at)
    return found


def _ports(urls: Sequence[str], samples: Sequence[MetricsSample]) -> dict[int, str]:
    """Loopback ports of a source that sees one workflow only: else it is not known whose they are."""
    names = {
        name
        for sample in samples
        for name in (*(key.workflow for window in sample.runs for key in window.counts), *sample.active)
    }
    names.discard(None)
    if len(names) != 1:
        return {}
    (name,) = names
    parts = [urlsplit(url) for url in urls]
    return {part.port: name for part in parts if name and part.port and part.hostname in LOOPBACK}
