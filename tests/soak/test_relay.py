"""The randomised schedule for as long as ``WFMON_SOAK`` (seconds) says, with collectors that hang."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.program import Program
from support.relay import Plan
from support.soaking import soak
from wfmon.monitor.station import HUNG_SECONDS

SECONDS = float(os.environ.get("WFMON_SOAK", "0"))
SEED = int(os.environ.get("WFMON_SOAK_SEED", "1"))

pytestmark = pytest.mark.pty


@pytest.mark.skipif(SECONDS <= 0, reason="takes minutes: WFMON_SOAK=240 python -m pytest tests/soak -s")
@pytest.mark.timeout(SECONDS + 400)
def test_nothing_is_lost_or_counted_twice_for_minutes(tmp_path: Path) -> None:
    plan = Plan(SECONDS, (0.3, 9.0), stopped=HUNG_SECONDS + 15.0)
    print(soak(Program(tmp_path), plan, seed=SEED, step=10, log_bytes=200_000))
