"""Runs of the last hours, from a real Prometheus that has a past, up to the alert's true begin."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.program import Program
from support.servers import Server, running_prometheus
from wfmon.config import schema
from wfmon.model.metrics import RunKey
from wfmon.model.pastcounts import PastCounts
from wfmon.model.run import RunStatus
from wfmon.model.source import Failure
from wfmon.sources.base import Replays, SourceError
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource
from wfmon.sources.promql import span

MINUTE, HOUR = 60.0, 3600.0
SCRAPE = 15.0
BEGAN, OVER, RESTARTED = 50 * MINUTE, 150 * MINUTE, 100 * MINUTE
BACK = 4 * HOUR

WINDOWS = schema.Windows(runs=300, grow_runs=20, max=21600, rate=300)

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class World:
    """``happened``: runs by workflow and status and minute (its number before ``now``)."""

    now: float
    happened: Counter[tuple[str, str, int]]
    server: Server


def failing(workflow: str, ago: float) -> bool:
    return workflow == "mail" and (ago < BEGAN or OVER < ago < OVER + 20 * MINUTE)


def told(now: float, first: float = BACK) -> tuple[str, Counter[tuple[str, str, int]]]:
    """Two workflows, a run of each every 15 s, of which ``mail`` fails every second one in its incidents;
    its target was restarted once."""
    happened: Counter[tuple[str, str, int]] = Counter()
    counters: Counter[tuple[str, str]] = Counter()
    lines: dict[str, list[str]] = {}
    number = 0
    at = now - first
    while at < now:
        ago = now - at
        if RESTARTED <= ago < RESTARTED + SCRAPE:
            counters.clear()
        for workflow in ("mail", "fine"):
            status = "error" if failing(workflow, ago) and number % 2 else "success"
            counters[workflow, status] += 1
            happened[workflow, status, int(ago // MINUTE)] += 1
        for (workflow, status), value in counters.items():
            series = (
                f'workflow_executions_total{{job="w",instance="a:1",workflow="{workflow}",status="{status}"}}'
            )
            lines.setdefault(series, []).append(f"{series} {value} {at:.3f}")
        lines.setdefault("up", []).append(f'up{{job="w",instance="a:1"}} 1 {at:.3f}')
        at += SCRAPE
        number += 1
    names = "\n".join(line for name, several in lines.items() if name != "up" for line in several)
    return names + "\n" + "\n".join(lines["up"]) + "\n# EOF\n", happened


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    now = float(int(time.time()))
    past, happened = told(now)
    with running_prometheus(tmp_path_factory.mktemp("replay"), past=past) as server:
        yield World(now, happened, server)


def source_of(server: Server) -> PrometheusSource:
    return PrometheusSource("prom", server.url, windows=WINDOWS, profiles=load_profiles(), timeout=20.0)


@pytest.fixture
def past(world: World) -> Callable[[set[str]], PastCounts]:
    def asked(wanted: set[str]) -> PastCounts:
        source = source_of(world.server)
        assert isinstance(source, Replays)
        source.poll(time.time())
        now = time.time()
        found = source.past_runs(wanted, now - 3 * HOUR, now, 20.0)
        source.close()
        return found

    return asked


def test_every_run_is_counted_once_in_its_step(world: World, past: Callable[[set[str]], PastCounts]) -> None:
    found = past({"mail"})
    assert {key.workflow for key in found.counts} == {"mail"}, "of others nothing is asked"
    assert found.times[-1] == pytest.approx(time.time(), abs=10.0)
    for status in (RunStatus.SUCCESS, RunStatus.ERROR):
        counts = found.counts[RunKey("mail", status)]
        known = sum(
            count
            for (workflow, word, minutes), count in world.happened.items()
            if (workflow, word) == ("mail", status.value) and minutes * MINUTE + 30 < 3 * HOUR
        )
        assert sum(counts) == pytest.approx(known, abs=10), status
        assert max(counts) <= 5
    errors = found.counts[RunKey("mail", RunStatus.ERROR)]
    quiet = [
        count
        for at, count in zip(found.times, errors, strict=True)
        if BEGAN + 90 < world.now - at < OVER - 90
    ]
    assert len(quiet) > 90
    assert sum(quiet) == 0, "a restart is no run"
    ((begin, end),) = found.watched
    assert begin <= found.times[0]
    assert end > world.now - 2 * MINUTE


def test_of_unknown_workflows_there_is_nothing(past: Callable[[set[str]], PastCounts]) -> None:
    assert past({"nobody", "a|b", 'x"} or up'}).counts == {}


def test_a_server_that_is_gone_is_an_error_of_the_question_alone(world: World) -> None:
    source = source_of(world.server)
    source.poll(time.time())
    with pytest.raises(SourceError) as error:
        source.past_runs({"mail"}, time.time() - HOUR, time.time(), 0.001)
    assert error.value.failure is Failure.TIMEOUT
    assert source.poll(time.time()).metrics is not None
    source.close()


def checked(program: Program, server: Server) -> tuple[dict[str, object], list[dict[str, object]]]:
    seen = program.run("snapshot", "--json", "--no-host", "--prometheus", server.url, "--wait", "20s").json
    (alert,) = [
        each for each in seen["alerts"] if each["rule"] == "failure_rate" and each["state"] == "firing"
    ]
    return alert, seen["ended"]


def stamp(text: object) -> float:
    from datetime import datetime

    return datetime.fromisoformat(str(text)).timestamp()


def test_the_first_look_at_it_tells_the_true_begin_and_what_was_before(world: World, tmp_path: Path) -> None:
    alert, ended = checked(Program(tmp_path), world.server)
    began = (world.now - stamp(alert["since"])) / MINUTE
    assert BEGAN / MINUTE - 6 < began <= BEGAN / MINUTE, span(BEGAN)
    assert alert["since_at_least"] is False
    (over,) = ended
    assert OVER / MINUTE + 14 < (world.now - stamp(over["since"])) / MINUTE <= OVER / MINUTE + 20
    assert OVER / MINUTE - 20 < (world.now - stamp(over["ended_at"])) / MINUTE < OVER / MINUTE
    assert float(str(over["peak"])) > 0.2


def test_where_the_server_began_to_watch_in_it_it_is_at_least_as_old(tmp_path: Path) -> None:
    now = float(int(time.time()))
    text, _ = told(now, first=40 * MINUTE)
    with running_prometheus(tmp_path, past=text) as server:
        alert, ended = checked(Program(tmp_path), server)
    assert alert["since_at_least"] is True
    assert 30 < (now - stamp(alert["since"])) / MINUTE <= 40
    assert ended == []
