"""The page arrived, and all is green again: the screen says what it was, and who had it."""

from __future__ import annotations

import re
import time

import pytest

from support.program import Program, json_lines
from support.troubled import finished_run

pytestmark = pytest.mark.pty


def test_a_start_after_an_incident_that_is_over_tells_it(home: Program) -> None:
    now = time.time()
    log = home.folder / "app.jsonl"
    lines = []
    for number in range(360):
        ago = 7200.0 - 20.0 * number
        failed = 2400 < ago < 3600 and number % 2 == 1
        lines += finished_run("invoice_extract", f"run-{number:04d}", now - ago, failed=failed)
    log.write_bytes(json_lines(lines))
    program = Program(home.folder, words=("--logs", str(log), "--no-host"))
    with program.terminal("watch", size=(120, 30)) as screen:
        screen.wait_for(
            r"1 ended (2\d|3\d)m.* ago: invoice_extract .*(nobody had it|not acked by you)", timeout=60
        )
        assert re.search(r"the only workflow is normal", screen.screen_text())
    with program.terminal("watch", size=(120, 30)) as screen:
        screen.wait_for(r"1 ended (2\d|3\d)m.* ago: invoice_extract", timeout=60)
    (over,) = program.run("snapshot", "--json").json["ended"]
    assert over["rule"] == "failure_rate"
    assert over["since_at_least"] is False
