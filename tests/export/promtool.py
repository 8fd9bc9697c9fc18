"""Rule files through promtool: the same parser and engine as a Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.servers import promtool_binary

STEP = 60


@dataclass(frozen=True)
class Expected:
    """Which alerts of ``name`` fire at ``at`` seconds: the labels of each."""

    at: int
    name: str
    labels: Sequence[Mapping[str, str]] = field(default_factory=tuple)


def checked(rules: str, folder: Path) -> str:
    """What ``promtool check rules`` says; raises where it refuses."""
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    done = subprocess.run(
        [promtool_binary(), "check", "rules", "rules.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def differences(
    rules: str, series: Mapping[str, str], expected: Sequence[Expected], folder: Path, step: int = STEP
) -> str | None:
    """``promtool test rules``: None where all is as expected, else what it says. ``series``: values in
    promtool's notation, one every ``step`` seconds. Labels alone are compared: annotations hold figures."""
    (folder / "rules.yml").write_text(_without_annotations(rules), encoding="utf-8")
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": f"{step}s",
        # A Prometheus evaluates groups side by side; without an order promtool does so at random.
        "group_eval_order": re.findall(r"- name: (\S+)", rules),
        "tests": [
            {
                "interval": f"{step}s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [
                    {
                        "eval_time": f"{each.at}s",
                        "alertname": each.name,
                        "exp_alerts": [{"exp_labels": dict(labels)} for labels in each.labels],
                    }
                    for each in expected
                ],
            }
        ],
    }
    (folder / "test.yml").write_text(json.dumps(test), encoding="utf-8")
    done = subprocess.run(
        [promtool_binary(), "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    return None if done.returncode == 0 else done.stdout + done.stderr


def _without_annotations(rules: str) -> str:
    kept, inside = [], False
    for line in rules.splitlines():
        if line.startswith("        annotations:"):
            inside = True
        elif not line.startswith("          "):
            inside = False
        if not inside:
            kept.append(line)
    return "\n".join(kept) + "\n"
