"""Our quantiles are Prometheus' quantiles: the same buckets through ``promtool test rules``."""

from __future__ import annotations

import json
import math
import random
import subprocess
from pathlib import Path

import pytest

from support.servers import promtool_binary
from wfmon.sources.histogram import histogram_quantile

Buckets = list[tuple[float, float]]


def cases() -> list[tuple[float, Buckets]]:
    rng = random.Random(95)
    made: list[tuple[float, Buckets]] = []
    for _ in range(60):
        bounds = sorted(
            rng.sample([-1.0, 0.0, 0.005, 0.1, 0.25, 0.5, 1.0, 2.5, 7.5, 10.0, 60.0], rng.randint(0, 7))
        )
        counts, total = [], 0
        for _ in bounds:
            total += rng.choice((0, 0, 1, 5, 40, -2))
            counts.append(float(max(total, 0)))
        buckets = list(zip(bounds, counts, strict=True))
        if rng.random() < 0.9:
            buckets.append((math.inf, float(max(total, 0) + rng.choice((0, 0, 3)))))
        made.append((rng.choice((0.5, 0.95, 0.99)), buckets))
    return made


def _le(bound: float) -> str:
    return "+Inf" if bound == math.inf else repr(bound)


@pytest.mark.server
def test_equal_to_prometheus(tmp_path: Path) -> None:
    promtool = promtool_binary()
    series, tests = [], []
    for number, (q, buckets) in enumerate(cases()):
        series += [
            {"series": f'b{{case="{number}",le="{_le(bound)}"}}', "values": f"{count}"}
            for bound, count in buckets
        ]
        theirs = f'sum(histogram_quantile({q}, b{{case="{number}"}}))'
        ours = histogram_quantile(q, buckets)
        # Equal to 15 digits; unknown stands for NaN, the one value that differs from itself.
        same = f"({theirs} != bool {theirs})"
        if ours is not None:
            same = f"(abs({theirs} - {ours!r}) <= bool {abs(ours) * 1e-15!r})"
        samples = [{"labels": "{}", "value": 1}] if buckets else []
        tests.append({"expr": same, "eval_time": "0", "exp_samples": samples})
    document = {
        "rule_files": [],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}],
    }
    path = tmp_path / "quantiles.json"  # JSON is YAML
    path.write_text(json.dumps(document))
    command = [promtool, "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cases_are_worth_comparing() -> None:
    answers = [histogram_quantile(q, buckets) for q, buckets in cases()]
    assert sum(answer is None for answer in answers) > 5
    assert sum(answer is not None for answer in answers) > 30
