"""One real workload with an error burst for all whole-program tests that need one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.incident import Incident
from support.program import Program
from support.waiting import wait_until
from wfmon.demo.incidents import ERROR_BURST
from wfmon.demo.workload import Workload


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Incident]:
    home = tmp_path_factory.mktemp("incident")
    with Workload(seed=7, incidents=[ERROR_BURST], hold=True) as workload:
        wait_until((workload.info.directory / "ready").exists, timeout=60, message="the workload is up")
        state = str(workload.info.directory / "state")
        words = ("--config", str(workload.info.config), "--state-dir", state)
        yield Incident(workload, Program(home, words))
        assert workload.problems() == ""


@pytest.fixture
def home(tmp_path: Path) -> Program:
    """The program with a home of its own and no source at all."""
    return Program(tmp_path)
