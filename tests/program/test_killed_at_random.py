"""Collectors that are killed and started at random: what really happened is in the history, once.

The ledger of a real workload is the truth. The long form is in ``tests/soak``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.program import Program
from support.relay import Plan
from support.soaking import soak

pytestmark = pytest.mark.pty


@pytest.mark.timeout(240)
def test_no_run_is_lost_or_counted_twice(tmp_path: Path) -> None:
    told = soak(Program(tmp_path), Plan(17.0, (0.4, 2.2)), seed=4, step=2, log_bytes=24_000)
    print(told)
