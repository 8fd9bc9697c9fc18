"""The configuration for watching the workload: rules count in seconds, as the incidents do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from wfmon.config.tomltext import listed, quoted
from wfmon.demo import control, runbooks
from wfmon.demo.disk import LIMIT
from wfmon.demo.spec import WORKFLOWS, WorkflowSpec, of_group

RULES = """
[windows]
runs = "30s"
grow_runs = 20
max = "10m"
rate = "60s"

[monitor]
stale_after = "10s"
backoff_max = "5s"
evaluate_every = "1s"

[host]
interval = "2s"
scan_interval = "4s"

[alerts]
episode_gap = "30s"
resolved_keep = "2m"

[alerts.failure_rate]
clear_quiet = "20s"

[alerts.timeout]
for = "5s"

[alerts.cost_spike]
for = "10s"
keep = "5s"

[alerts.memory]
warn = { trip = 0.10, clear = 0.15, for = "10s", keep = "10s" }
critical = { trip = 0.05, clear = 0.08, for = "5s", keep = "5s" }

[alerts.storage]
warn = { trip = 0.10, clear = 0.20, for = "3s", keep = "3s", trip_bytes = "20GiB" }
critical = { trip = 0.03, clear = 0.05, for = "3s", keep = "3s", trip_bytes = "2GiB" }

[alerts.source_down]
for = "5s"

[slo]
success = 0.99
days = 30

[[budget]]
name = "all models"
usd = 300.0
period = "day"

[[budget]]
name = "research"
tokens = 200_000_000
period = "month"
scope = { workflow = "research_*" }
"""


def config_text(directory: Path, metrics: Iterable[str], logs: Iterable[str]) -> str:
    """TOML for ``wfmon-tui --config``; only what differs from the shipped defaults."""
    parts = [
        "# Written by the sample workload; gone when it ends.",
        RULES.strip(),
        f"[state]\ndir = {quoted(directory / control.STATE)}",
        f"[[storage.dir]]\npath = {quoted(directory / control.DATA)}\nlimit = {LIMIT}",
        f'[[source]]\nname = "workers"\nkind = "scrape"\ninterval = "1s"\nurls = {listed(metrics)}',
        f'[[source]]\nname = "logs"\nkind = "logs"\ninterval = "1s"\npaths = {listed(logs)}',
    ]
    parts += [workflow_text(spec, directory) for spec in WORKFLOWS]
    return "\n\n".join(parts) + "\n"


def workflow_text(spec: WorkflowSpec, directory: Path) -> str:
    lines = ["[[workflow]]", f"name = {quoted(spec.name)}"]
    # Two workflows of one process cannot be told apart by it; it goes to the first.
    if of_group(spec.group)[0] is spec:
        pattern = rf"wfmon\.demo\.worker --group {spec.group} --dir {re.escape(str(directory))} "
        lines.append(f"match = {listed([pattern])}")
    if spec.cap is not None:
        lines.append(f"max_usd_per_hour = {spec.cap}")
    lines.append(f"runbook = {quoted(runbooks.place(spec.name))}")
    return "\n".join(lines)
