"""How often rule ``timeout`` flags a normal run, and when a stuck one (alerting-and-burn 4.4).

Durations are lognormal with a median of one minute. Naive is three times the median, as other tools have it.
"""

from __future__ import annotations

import random
from math import log
from statistics import median

import pytest

from simulation.shipped import SHIPPED
from simulation.table import Row, show
from wfmon.analysis.quantile import quantile
from wfmon.analysis.rules.timeout import usual_limit
from wfmon.model.baseline import Baseline

SETTINGS = SHIPPED.timeout
MEDIAN = 60.0
PER_HOUR = 60
A_MONTH = PER_HOUR * 720
BASELINES, RUNS = 400, 500


@pytest.mark.parametrize(
    ("sigma", "n", "ours_at_most", "naive_at_least"),
    [
        (0.3, 20, 0.0005, 0.0),
        (0.3, 200, 0.0001, 0.0),
        (0.7, 20, 0.012, 0.04),
        (0.7, 200, 0.003, 0.04),
        (1.2, 20, 0.025, 0.15),
        (1.2, 200, 0.01, 0.15),
    ],
)
def test_normal_runs_that_are_flagged(
    sigma: float, n: int, ours_at_most: float, naive_at_least: float
) -> None:
    source = random.Random(n * 100 + int(sigma * 10))
    ours = naive = 0
    limits = []
    for _ in range(BASELINES):
        past = sorted(source.lognormvariate(log(MEDIAN), sigma) for _ in range(n))
        p50 = quantile(past, 0.5)
        usual = Baseline("w", n=n, duration_p50_seconds=p50, duration_p99_seconds=quantile(past, 0.99))
        limit = usual_limit(usual, SETTINGS)
        assert limit is not None
        assert p50 is not None
        limits.append(limit.seconds)
        for _ in range(RUNS):
            took = source.lognormvariate(log(MEDIAN), sigma)
            ours += took > limit.seconds + SETTINGS.for_seconds
            naive += took > 3 * p50
    share, loud = ours / (BASELINES * RUNS), naive / (BASELINES * RUNS)
    row = show(
        Row(
            "timeout",
            f"{PER_HOUR} runs/h of 1 min, σ {sigma}, n={n}",
            loud * A_MONTH,
            share * A_MONTH,
            detect=(median(limits) + SETTINGS.for_seconds) / 60,
        )
    )
    print(f"flagged of normal runs: 3 x median {loud:.2%}, ours {share:.2%}")
    assert share <= ours_at_most
    assert loud >= naive_at_least
    assert row.detect is not None
    assert row.detect < 45
