"""What sources tell each other: a pid counts as alive only once it was seen so."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.host import HostSample
from wfmon.model.metrics import Concept, MetricsSample
from wfmon.model.run import Run, RunsSample, RunStatus, WorkflowRuns
from wfmon.monitor.hints import Hints
from wfmon.sources.base import Reading


class Host:
    name = kind = where = "host"
    interval = timeout = 1.0

    def __init__(self) -> None:
        self.told: tuple[dict[int, str], dict[int, str], dict[int, float]] | None = None

    def set_hints(
        self, pids: Mapping[int, str], ports: Mapping[int, str], last_lines: Mapping[int, float] | None = None
    ) -> None:
        self.told = (dict(pids), dict(ports), dict(last_lines or {}))

    def poll(self, now: float) -> Reading:
        raise NotImplementedError

    def close(self) -> None: ...


class Logs(Host):
    name = kind = where = "logs"
    set_hints = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.live: frozenset[int] | None = None

    def set_live_pids(self, pids: frozenset[int] | None) -> None:
        self.live = pids


class Scraper(Host):
    name, kind, where = "workers", "scrape", "x"
    urls = ("http://127.0.0.1:8000/metrics", "http://db.example:9/metrics")


def host_reading(live: set[int], gone: set[int]) -> Reading:
    sample = HostSample(
        at=1.0,
        cpu_ratio=None,
        load1=None,
        cpus=None,
        psi_memory_full_avg10=None,
        memory=None,
        swap=None,
        workflows=(),
        volumes=(),
        processes_seen=0,
        hidden_processes=0,
        live_pids=frozenset(live),
        gone_pids=frozenset(gone),
    )
    return Reading(at=1.0, host=sample)


def run_reading(*pids: int) -> Reading:
    runs = tuple(
        Run(id=str(pid), workflow="w", status=RunStatus.RUNNING, pid=pid, last_line_at=5.0) for pid in pids
    )
    return Reading(at=1.0, runs=RunsSample(1.0, {"w": WorkflowRuns("w", runs, (), 0.0, True)}))


def test_pids_of_log_lines_reach_the_host_with_the_time_of_their_line() -> None:
    host = Host()
    Hints([host, Logs()]).spread("logs", run_reading(7, 8))
    assert host.told == ({7: "w", 8: "w"}, {}, {7: 5.0, 8: 5.0})


def test_a_pid_that_was_never_seen_alive_is_not_told_as_alive() -> None:
    host, logs = Host(), Logs()
    hints = Hints([host, logs])
    hints.spread("logs", run_reading(7, 8))
    hints.spread("host", host_reading({7}, set()))
    assert logs.live == {7}


def test_a_pid_that_cannot_be_seen_for_once_is_not_gone_but_one_that_ended_is() -> None:
    host, logs = Host(), Logs()
    hints = Hints([host, logs])
    hints.spread("logs", run_reading(7))
    hints.spread("host", host_reading({7}, set()))
    hints.spread("host", host_reading(set(), set()))
    assert logs.live == {7}
    hints.spread("host", host_reading(set(), {7}))
    assert logs.live == set()


def test_a_port_is_named_only_where_one_workflow_is_behind_it() -> None:
    def metrics(*names: str) -> Reading:
        sample = MetricsSample(1.0, 300.0, 0.0, frozenset({Concept.ACTIVE}), active=dict.fromkeys(names, 1.0))
        return Reading(at=1.0, metrics=sample)

    host = Host()
    hints = Hints([host, Scraper()])
    hints.spread("workers", metrics("a", "b"))
    assert host.told == ({}, {}, {})
    hints.spread("workers", metrics("a"))
    assert host.told == ({}, {8000: "a"}, {})
