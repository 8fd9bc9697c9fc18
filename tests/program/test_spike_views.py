"""Dear calls of the demo are in every view while they go on: the alert, the runs, the money, the sum."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.program import Program
from wfmon.demo.incidents import COST_SPIKE
from wfmon.demo.workload import Workload

pytestmark = pytest.mark.timeout(300)

WITHIN = 60.0  # seconds on a loaded machine; a quiet one needs a few
DEAR = "claude-opus-4"  # the model that the incident changes to


def amount(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1])


def test_a_cost_spike_is_in_every_view(tmp_path: Path) -> None:
    with Workload(7, (COST_SPIKE,)) as workload:
        program = Program(tmp_path, ("--config", str(workload.info.config)))
        with program.terminal() as terminal:
            terminal.wait_for(r"cost_spike +research_agent +\$\d+/h, cap \$100/h", 120.0)
            terminal.send("2")
            terminal.wait_for(rf"· dev[\s\S]*✖ research_agent[\s\S]*✓ run-\w+ .*\$\d+\.\d+ +{DEAR}", WITHIN)
            terminal.send("3")
            terminal.wait_for(rf"· finance[\s\S]*\$\d+/h over[\s\S]*{DEAR} +\$\d+\.\d+ .* [6-9]\d%", WITHIN)
            text = terminal.screen_text()
            dear = amount(rf"{DEAR} +\$(\d+\.\d+)", text)
            assert re.search(r"all models +day .* of \$300", text), text
            terminal.send("4")
            terminal.wait_for(r"· exec[\s\S]*spent +\$\d+\.\d+", WITHIN)
            assert amount(r"spent +\$(\d+\.\d+)", terminal.screen_text()) >= dear
            terminal.wait_for(r"· exec[\s\S]*99%", WITHIN)  # the target is read after the first figures
            terminal.send("1")
            terminal.wait_for(r"· ops[\s\S]*cost_spike", WITHIN)
