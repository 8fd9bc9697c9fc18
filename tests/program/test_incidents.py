"""Each incident of the demo raises the alert that it is about, once, and that clears; nothing else does.

The four run side by side: an incident takes its minute, and its alert the rate window behind it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest

from program.test_one_collector import recording
from support.program import Program
from support.waiting import wait_until
from wfmon.demo.incidents import CALM, COST_SPIKE, DISK_GROWTH, ERROR_BURST, FIRST, HANG, NAMES, SECONDS
from wfmon.demo.workload import Workload
from wfmon.model.alert import Severity

pytestmark = pytest.mark.timeout(600)

CLEARED_WITHIN = 400.0  # of a loaded machine; a quiet one needs 150

EXPECTED = {
    ERROR_BURST: ("failure_rate", "invoice_extract"),
    COST_SPIKE: ("cost_spike", "research_agent"),
    HANG: ("timeout", "email_triage"),
    DISK_GROWTH: ("storage", None),
}


@dataclass(frozen=True)
class Episode:
    """One that fired, as the store has it. ``ended_at`` None: it is open."""

    rule: str
    workflow: str | None
    severity: Severity
    ended_at: float | None
    flaps: int


@dataclass(frozen=True)
class Watched:
    """A workload under one incident. It comes again, not before ``again_at`` (POSIX seconds)."""

    workload: Workload
    again_at: float

    def episodes(self) -> list[Episode]:
        """Oldest first."""
        path = self.workload.info.directory / "state" / "acks.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
            rows = connection.execute(
                "select rule, workflow, severity, ended_at, flaps from episodes"
                " where began_at < ? order by began_at",
                (self.again_at,),
            )
            return [
                Episode(rule, flow, Severity(level), end, flaps) for rule, flow, level, end, flaps in rows
            ]

    def over(self) -> list[Episode] | None:
        """All that fired, once one of them has ended."""
        found = self.episodes()
        return found if any(episode.ended_at is not None for episode in found) else None


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Watched]]:
    with ExitStack() as stack:
        found = {}
        for name in NAMES:
            home = tmp_path_factory.mktemp(name)
            workload = stack.enter_context(Workload(seed=7, incidents=[name], hold=True))
            info = workload.info
            words = ("--config", str(info.config), "--state-dir", str(info.directory / "state"))
            stack.enter_context(recording(Program(home, words)))
            wait_until((info.directory / "ready").exists, timeout=60, message="the workload is up")
            found[name] = workload
        began = time.time()
        for workload in found.values():
            workload.release()
        yield {name: Watched(each, began + FIRST + SECONDS[name] + CALM) for name, each in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_an_incident_raises_its_alert_once_and_that_clears(watched: dict[str, Watched], name: str) -> None:
    found = wait_until(watched[name].over, timeout=CLEARED_WITHIN, message=f"{name} is over", pause=1.0)
    (episode,) = [each for each in found if each.severity >= Severity.WARNING]
    assert (episode.rule, episode.workflow) == EXPECTED[name]
    assert episode.flaps == 0
    assert watched[name].workload.problems() == ""
