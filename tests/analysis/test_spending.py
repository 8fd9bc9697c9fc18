"""The cost of the last hour: of the source that the cost is of, and the least where it is not all known."""

from __future__ import annotations

import pytest

from support.merging import cost_of, merge_workflows
from wfmon.analysis.burning import Burning, Part, burning, first_logs, hour_of, spent_on
from wfmon.analysis.choose import claims_of
from wfmon.analysis.merge import Extras, Windows
from wfmon.analysis.observed import ObservedRuns, observe_metrics, observe_runs
from wfmon.model.metrics import Amount, Concept, CostKey, HourCost, MetricsSample
from wfmon.model.money import Money
from wfmon.model.prices import EMPTY
from wfmon.model.run import Run, RunStatus, Usage, WorkflowRuns
from wfmon.model.snapshot import Workflow
from wfmon.monitor.trends import Drawings

NOW = 1_800_000_000.0
HOUR = 3600.0
WINDOWS = Windows(runs=300.0, grow_runs=20, longest=6 * HOUR, rate=300.0)
ONE, OTHER = CostKey("w", "p", "m1"), CostKey("w", "p", "m2")


def metrics(hour: HourCost | None, covered: float = 300.0, delta: float | None = 0.5) -> MetricsSample:
    return MetricsSample(
        NOW, 300.0, covered, frozenset({Concept.COST}), cost={ONE: Amount(delta, 90.0)}, hour_cost=hour
    )


def run(ago: float, usd: float | None, *, tokens: int | None = None, model: str | None = None) -> Run:
    return Run(
        f"r{ago:.0f}", "w", RunStatus.SUCCESS, NOW - ago - 5, NOW - ago, 5.0, model=model,
        usage=Usage(total=tokens, cost_usd=usd),
    )  # fmt: skip


def logs(*finished: Run, open_runs: tuple[Run, ...] = (), complete_since: float = 0.0) -> ObservedRuns:
    told = WorkflowRuns(
        "w", open=open_runs, finished=tuple(sorted(finished, key=lambda each: each.ended_at or 0)),
        complete_since=complete_since, open_complete=True,
    )  # fmt: skip
    return ObservedRuns("logs", True, NOW, observe_runs({"w": told}, {}, {}))


def row(*samples: tuple[str, MetricsSample], log: ObservedRuns | None = None) -> Workflow:
    seen = [observe_metrics(name, True, sample, {}) for name, sample in samples]
    extras = Extras({}, {}, Drawings(15.0))
    (found,) = merge_workflows(seen, claims_of(seen), [log] if log else [], WINDOWS, extras)
    return found


def spent(found: Workflow) -> tuple[float | None, float | None]:
    return found.cost_hour_usd, found.cost_hour_seconds


def test_it_is_of_the_source_that_has_claimed_the_cost() -> None:
    first = metrics(HourCost(1800.0, {ONE: 3.0, OTHER: 1.0}))
    second = metrics(HourCost(HOUR, {ONE: 70.0}))
    both = row(("prom", first), ("scrape", second), log=logs(run(60, 99.0)))
    assert spent(both) == (4.0, 1800.0)


def test_before_the_hour_is_told_its_newest_part_is_known() -> None:
    assert spent(row(("prom", metrics(None)), ("scrape", metrics(HourCost(HOUR, {ONE: 70.0}))))) == (
        0.5,
        300.0,
    )
    assert spent(row(("prom", metrics(None, covered=0.0, delta=None)))) == (None, None)


def test_runs_that_ended_and_open_ones_that_began_within_the_hour() -> None:
    young = Run("open", "w", RunStatus.RUNNING, NOW - 600, usage=Usage(cost_usd=2.0))
    old = Run("long", "w", RunStatus.RUNNING, NOW - 5 * HOUR, usage=Usage(cost_usd=40.0))
    seen = logs(run(60, 1.0), run(3000, 0.5), run(3700, 30.0), open_runs=(young, old))
    assert spent(row(log=seen)) == (3.5, HOUR)
    assert spent(row(log=logs(run(60, 1.0), complete_since=NOW - 1200))) == (1.0, 1200.0)


def test_an_hour_without_a_run_cost_nothing_and_one_without_a_price_is_unknown() -> None:
    assert spent(row(log=logs(run(7000, 1.0)))) == (0.0, HOUR)
    assert spent(row(log=logs(run(60, None), run(7000, None)))) == (None, None)
    assert spent(row(log=logs(run(60, 1.0), run(90, None)))) == (1.0, HOUR), "it used nothing"
    unpriced = logs(run(60, 1.0), run(90, None, tokens=9000))
    assert spent(row(log=unpriced)) == (1.0, None), "unpriced is not zero: the hour cost more"


def test_all_together_are_known_as_well_as_the_least_known() -> None:
    def one(name: str, usd: float | None, seconds: float | None) -> Burning:
        return Burning(name, "s", NOW, (Part("p", "m", hour=Money(exact=usd)),), seconds)

    rows = [one("a", 1.0, HOUR), one("b", 2.0, 900.0), one("c", None, HOUR)]
    assert hour_of(rows) == (Money(exact=3.0), 900.0)
    assert hour_of([*rows, one("d", 1.0, None)]) == (Money(exact=4.0), None)
    assert hour_of([one("c", None, None)])[0].least is None


def test_a_source_that_does_not_split_tells_of_all() -> None:
    sample = MetricsSample(
        NOW, 300.0, 300.0, frozenset({Concept.COST}),
        cost={CostKey(None, "p", "m"): Amount(1.0, 9.0)},
        hour_cost=HourCost(HOUR, {CostKey(None, "p", "m"): 12.0}),
    )  # fmt: skip
    claims = claims_of([observe_metrics("prom", True, sample, {})])
    found = cost_of(claims, [], WINDOWS)
    assert (found.hour.least, found.hour_seconds) == (12.0, HOUR)


@pytest.mark.parametrize("from_metrics", [True, False])
def test_what_it_went_to(from_metrics: bool) -> None:
    log = logs(run(60, 1.0, model="m1"), run(90, 3.0, model="m2"), run(95, 0.2), run(7000, 9.0))
    seen = [observe_metrics("prom", True, metrics(HourCost(HOUR, {ONE: 3.0, OTHER: 4.0})), {})]
    claims = claims_of(seen if from_metrics else [])
    expected = [("m2", 4.0), ("m1", 3.0)] if from_metrics else [("m2", 3.0), ("m1", 1.0), ("r95", 0.2)]
    money = burning(claims, first_logs([log]), WINDOWS.rate, EMPTY)
    assert spent_on(money.get("w"), [log]) == expected
    assert spent_on(money.get("x"), [log]) == []
