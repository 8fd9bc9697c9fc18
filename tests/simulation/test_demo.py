"""The sample workload on quiet days: 20 seeds of a day each, by the demo's own settings and by the shipped
ones."""

from __future__ import annotations

import pytest

from simulation.demoday import DAY, Watch, day, naive
from simulation.shipped import CONFIG
from simulation.table import Row, show
from wfmon.config.loader import load_config
from wfmon.config.schema import Config
from wfmon.demo.config import config_text
from wfmon.demo.incidents import COST_SPIKE, DISK_GROWTH, ERROR_BURST, HANG, NAMES
from wfmon.demo.spec import WORKFLOWS, WorkflowSpec

SEEDS = 20
RAISES = {
    ERROR_BURST: {("failure_rate", "invoice_extract")},
    COST_SPIKE: {("cost_spike", "research_agent")},
    HANG: {("timeout", "email_triage")},
    DISK_GROWTH: set(),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """What ``wfmon-tui demo`` watches its workload with."""
    folder = tmp_path_factory.mktemp("demo")
    file = folder / "config.toml"
    file.write_text(config_text(folder, ["http://127.0.0.1:1/metrics"], [f"{folder}/*.jsonl"]))
    return load_config(file, environ={}).config


@pytest.mark.timeout(400)
@pytest.mark.parametrize("spec", WORKFLOWS, ids=lambda spec: spec.name)
def test_quiet_days_raise_nothing(spec: WorkflowSpec, demo: Config) -> None:
    runs = loud = 0
    alerts: list[str] = []
    for seed in range(SEEDS):
        known = day(spec, seed)
        runs += len(known)
        loud += naive(known)
        for config in (demo, CONFIG):
            alerts += Watch(spec, known, config).alerts()
    month = 30 * 86_400 / (SEEDS * DAY)
    traffic = f"demo, {spec.name}, {SEEDS} days of {runs / SEEDS:.0f} runs, by its settings and the shipped"
    show(Row("any of runs", traffic, loud * month, len(alerts) * month))
    assert alerts == []


@pytest.mark.parametrize("incident", NAMES)
def test_an_incident_raises_its_rule_and_no_other(incident: str, demo: Config) -> None:
    """In the same simulation: it would see what goes wrong. A volume is no matter of runs."""
    raised = {
        (rule, spec.name)
        for spec in WORKFLOWS
        for rule in Watch(spec, day(spec, 7, (incident,), 1200.0), demo, day(spec, 7, (), 1200.0)).alerts()
    }
    assert raised == RAISES[incident]
