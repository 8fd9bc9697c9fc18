"""Runs in a row: how many failures prove something, and how many successes prove that it is over.

Formulas: alerting-and-burn 4.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log

from wfmon.model.baseline import Baseline
from wfmon.model.snapshot import LadderStep

LEAST = 3
HOURS_30_DAYS = 720.0
# A workflow that is said never to fail is still taken to fail in one run of so many.
LEAST_RATIO = 0.01
MOST_RATIO = 0.9


def failures_needed(runs: float, ratio: float) -> int:
    """So many failures in a row happen by chance at most once in ten times 30 days.

    ``runs``: runs in 30 days; ``ratio``: of those that usually fail. A streak that starts at a given run
    has the chance ratio^c, so c = ceil(ln(0.1 / runs) / ln(ratio)), at least 3.
    """
    usual = min(max(ratio, LEAST_RATIO), MOST_RATIO)
    return max(LEAST, ceil(log(0.1 / max(runs, 1.0)) / log(usual)))


def successes_needed(worst: float) -> int:
    """With a true failure ratio ``worst`` (at most 0.9 is believed) so many successes in a row have a
    chance of less than 5 %; at least 3."""
    if worst <= 0:
        return LEAST
    return max(LEAST, ceil(log(0.05) / log(1 - min(worst, MOST_RATIO))))


def expected_runs(ladder: Sequence[LadderStep], usual: Baseline | None) -> float:
    """Runs in 30 days, by what is usual and by the longest window; of the two the larger, since more runs
    ask for longer streaks."""
    rate = usual.runs_per_hour.median if usual is not None and usual.runs_per_hour is not None else 0.0
    longest = ladder[-1]
    seen = longest.counts.n * 3600.0 / longest.span if longest.span > 0 else 0.0
    return max(rate, seen) * HOURS_30_DAYS
