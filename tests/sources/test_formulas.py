"""Each source says how its figures are got: what was asked, or what is done with which series."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from sources.test_scrape import WINDOWS, scraping, target
from support.servers import running_prometheus
from wfmon.sources.base import Reading
from wfmon.sources.profile import load_profiles
from wfmon.sources.prometheus import PrometheusSource

TEXT = """workflow_executions_total{workflow="a",status="success"} 4
token_usage_total{workflow="a",provider="p",model="m",type="input"} 5
active_workflows{workflow="a"} 1
workflow_duration_seconds_bucket{workflow="a",le="+Inf"} 3
workflow_duration_seconds_count{workflow="a"} 3
workflow_duration_seconds_sum{workflow="a"} 3
"""


def answer(url: str, query: str) -> list[object]:
    with urlopen(f"{url}/api/v1/query?query={quote(query)}", timeout=20) as response:
        return list(json.load(response)["data"]["result"])


def by_figure(reading: Reading) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for figure, formula in reading.formulas:
        found.setdefault(figure, []).append(formula)
    return found


def test_a_scrape_names_the_series_and_what_is_done_with_them() -> None:
    with target(TEXT) as server, scraping(server.url) as source:
        first = source.poll(10_000.0)
        assert by_figure(first) == {
            "runs": [
                "growth of workflow_executions_total over 5m at least, counter resets taken into account"
            ],
            "tokens": ["growth of token_usage_total over 5m at least, counter resets taken into account"],
            "active": ["sum of active_workflows now"],
            "duration": ["p50 and p95 of the growth of workflow_duration_seconds_bucket over 5m"],
        }
        assert source.poll(10_005.0).formulas is first.formulas, "the same while it is the same"
        server.text = TEXT + 'cost_usd_total{workflow="a",provider="p",model="m"} 1\n'
        assert "cost" in by_figure(source.poll(10_010.0))


@pytest.mark.server
def test_the_promql_of_a_prometheus_is_what_it_answers(tmp_path: Path) -> None:
    past = "".join(
        f"{line} {time.time() - ago:.3f}\n"
        for line in [*TEXT.splitlines(), 'up{job="w",instance="i"} 1']
        for ago in (120, 60, 0)
    )
    past = past.replace('workflow="a"', 'workflow="a",job="w",instance="i"')
    with running_prometheus(tmp_path, past=f"{past}# EOF\n") as server:
        source = PrometheusSource("prom", server.url, windows=WINDOWS, profiles=load_profiles(), timeout=20.0)
        try:
            reading = source.poll(time.time())
            found = by_figure(reading)
            assert {"seed: runs", "seed: tokens", "seed: tokens of the hour", "seed: active"} <= found.keys()
            for figure, formulas in found.items():
                for formula in formulas:
                    assert not formula.endswith("…"), figure
                    assert answer(server.url, formula), f"{figure}: {formula}"
            assert source.poll(time.time()).formulas is reading.formulas
        finally:
            source.close()
