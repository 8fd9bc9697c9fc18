"""One figure, one source; nothing counted twice; what is not exposed stays unknown."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from support.merging import cost_of, merge_workflows
from wfmon.analysis.choose import claims_of
from wfmon.analysis.merge import Extras, Windows
from wfmon.analysis.observed import ObservedRuns, observe_metrics, observe_runs
from wfmon.analysis.totals import token_rows, total
from wfmon.model.metrics import (
    Amount,
    Concept,
    CostKey,
    MetricsSample,
    RunKey,
    RunWindow,
    TokenKey,
    TokenKind,
)
from wfmon.model.run import Run, RunStatus, Usage, WorkflowRuns
from wfmon.model.snapshot import Cost, Workflow

NOW = 1_800_000_000.0
WINDOWS = Windows(runs=300.0, grow_runs=20, longest=21600.0, rate=300.0)


class NoTrends:
    def drawn(self, name: str) -> tuple[float | None, ...]:
        return ()


EXTRAS = Extras({}, {}, NoTrends())


def run(n: int, ago: float, status: RunStatus = RunStatus.SUCCESS, usage: Usage | None = None) -> Run:
    return Run(
        id=f"r{n}",
        workflow="w",
        status=status,
        started_at=NOW - ago - 2,
        ended_at=NOW - ago,
        duration_seconds=2.0,
        usage=usage or Usage(input=80, output=20, total=100, cost_usd=0.5),
        source="logs",
        model="m",
        error="boom" if status is RunStatus.ERROR else None,
    )


def logs(
    finished: list[Run],
    complete_since: float = 0.0,
    *,
    fresh: bool = True,
    begins_at: float | None = None,
) -> ObservedRuns:
    ordered = tuple(sorted(finished, key=lambda r: r.ended_at or 0.0))
    runs = WorkflowRuns(
        "w",
        open=(),
        finished=ordered,
        complete_since=complete_since,
        open_complete=True,
        begins_at=begins_at,
    )
    return ObservedRuns("logs", fresh, NOW, observe_runs({"w": runs}, {}, {}))


def sample(counts: dict[RunKey, float], covered: float = 300.0, **more: object) -> MetricsSample:
    return MetricsSample(
        at=NOW - 3,
        window=300.0,
        covered=covered,
        exposed=frozenset({Concept.RUNS}),
        runs=(RunWindow(300.0, covered, counts), RunWindow(21600.0, covered, counts)),
        **more,  # type: ignore[arg-type]
    )


def rows(metrics: list[tuple[str, MetricsSample]], log: list[ObservedRuns]) -> dict[str, Workflow]:
    seen = [observe_metrics(name, True, one, {}) for name, one in metrics]
    merged = merge_workflows(seen, claims_of(seen), log, WINDOWS, EXTRAS)
    return {row.name: row for row in merged}


def test_rates_are_over_the_time_since_the_first_line_of_a_young_log() -> None:
    young = [logs([run(i, 1 + i) for i in range(12)], begins_at=NOW - 15)]
    row = rows([], young)["w"]
    assert (row.window_seconds, row.runs_per_minute) == (15.0, 48.0)
    assert (row.tokens_per_minute, row.cost_usd_per_hour) == (4800.0, 12 * 0.5 * 240)
    sums = total([row], claims_of([]), young, WINDOWS, 4800.0, Cost(usd_per_hour=1.0))
    assert (sums.window_seconds, sums.rate_window_seconds) == (15.0, 15.0)


def test_the_window_of_rates_is_the_metrics_own_where_they_give_them() -> None:
    key = TokenKey("w", "p", "m", TokenKind.TOTAL)
    seen = [observe_metrics("scrape", True, sample({}, 8.0, tokens={key: Amount(80.0, 900.0)}), {})]
    old = [logs([run(i, 10 + i) for i in range(30)])]
    merged = merge_workflows(seen, claims_of(seen), old, WINDOWS, EXTRAS)
    sums = total(merged, claims_of(seen), old, WINDOWS, 600.0, Cost())
    assert (sums.window_seconds, sums.rate_window_seconds) == (300.0, 8.0)


def test_counts_come_from_logs_where_they_cover_the_window_and_are_not_added() -> None:
    metrics = sample({RunKey("w", RunStatus.SUCCESS): 40.0})
    row = rows([("scrape", metrics)], [logs([run(i, 10 + i) for i in range(30)])])["w"]
    assert row.runs is not None
    assert row.runs.success == 30
    assert dict(row.origin)["runs"] == "logs"


def test_counts_come_from_metrics_where_the_logs_were_read_back_too_little() -> None:
    metrics = sample({RunKey("w", RunStatus.SUCCESS): 40.0})
    row = rows([("scrape", metrics)], [logs([run(i, i) for i in range(5)], complete_since=NOW - 10)])["w"]
    assert row.runs is not None
    assert row.runs.success == 40
    assert dict(row.origin)["runs"] == "scrape"


def test_logs_with_more_history_win_over_a_scraper_that_just_started() -> None:
    metrics = sample({RunKey("w", RunStatus.SUCCESS): 2.0}, covered=8.0)
    row = rows([("scrape", metrics)], [logs([run(i, i) for i in range(5)], complete_since=NOW - 100)])["w"]
    assert row.runs is not None
    assert row.runs.success == 5
    assert row.window_seconds == 100


def test_retries_that_the_logs_do_not_tell_of_come_from_the_metrics() -> None:
    metrics = sample({RunKey("w", RunStatus.SUCCESS): 40.0}, retries={"w": Amount(3.0, 9.0)})
    row = rows([("scrape", metrics)], [logs([run(i, 10 + i) for i in range(30)])])["w"]
    assert dict(row.origin)["runs"] == "logs"
    assert (row.retries, dict(row.origin)["retries"]) == (3, "scrape")
    told = [replace(run(i, 10 + i), retries=1) for i in range(30)]
    row = rows([("scrape", metrics)], [logs(told)])["w"]
    assert (row.retries, dict(row.origin)["retries"]) == (30, "logs")


def test_the_window_grows_back_until_it_holds_enough_runs() -> None:
    row = rows([], [logs([run(i, 100.0 * i) for i in range(60)])])["w"]
    assert row.window_seconds == 3600.0
    assert row.runs is not None
    assert row.runs.n == 36
    assert row.runs_per_minute == 3 / 5


def test_two_metrics_sources_of_one_workload_are_not_added_up() -> None:
    one = sample(
        {RunKey("w", RunStatus.SUCCESS): 40.0},
        tokens={TokenKey("w", None, "m", TokenKind.INPUT): Amount(300.0, 900.0)},
        cost={CostKey("w", None, "m"): Amount(1.0, 3.0)},
    )
    seen = [observe_metrics(name, True, one, {}) for name in ("prom", "scrape")]
    claims = claims_of(seen)
    token, per_minute = token_rows(claims, [], WINDOWS)
    assert per_minute == 60.0
    assert len(token) == 1
    assert cost_of(claims, [], WINDOWS).usd_per_hour == 12.0
    merged = merge_workflows(seen, claims, [], WINDOWS, EXTRAS)
    assert total(merged, claims, [], WINDOWS, per_minute, Cost()).n == 40


def test_a_source_that_does_not_answer_is_passed_over() -> None:
    stale = sample({RunKey("w", RunStatus.SUCCESS): 1.0})
    fresh = sample({RunKey("w", RunStatus.SUCCESS): 2.0})
    seen = [observe_metrics("prom", False, stale, {}), observe_metrics("scrape", True, fresh, {})]
    (row,) = merge_workflows(seen, claims_of(seen), [], WINDOWS, EXTRAS)
    assert dict(row.origin)["runs"] == "scrape"


def test_tokens_not_split_by_workflow_are_unknown_per_workflow_and_known_in_total() -> None:
    one = sample(
        {RunKey("w", RunStatus.SUCCESS): 40.0},
        tokens={TokenKey(None, None, "m", TokenKind.TOTAL): Amount(600.0, 900.0)},
    )
    seen = [observe_metrics("scrape", True, one, {})]
    claims = claims_of(seen)
    (row,) = merge_workflows(seen, claims, [], WINDOWS, EXTRAS)
    assert row.tokens_per_minute is None
    assert row.cost_usd_per_hour is None
    assert token_rows(claims, [], WINDOWS)[1] == 120.0


def test_unsplit_tokens_are_not_added_to_those_of_logged_runs() -> None:
    one = sample(
        {RunKey("w", RunStatus.SUCCESS): 40.0},
        tokens={TokenKey(None, None, "m", TokenKind.TOTAL): Amount(600.0, 900.0)},
    )
    seen = [observe_metrics("scrape", True, one, {})]
    assert token_rows(claims_of(seen), [logs([run(1, 5)])], WINDOWS)[1] == 120.0


def test_subset_kinds_are_not_added() -> None:
    amounts = {
        TokenKey("w", None, "m", TokenKind.INPUT): Amount(300.0, None),
        TokenKey("w", None, "m", TokenKind.CACHED): Amount(200.0, None),
        TokenKey("w", None, "m", TokenKind.OUTPUT): Amount(100.0, None),
        TokenKey("w", None, "m", TokenKind.REASONING): Amount(50.0, None),
    }
    row = rows([("scrape", sample({}, tokens=amounts))], [])["w"]
    assert row.tokens_per_minute == 80.0


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    one = sample(
        {},
        tokens={
            TokenKey("w", None, "m", TokenKind.INPUT): Amount(600.0, 900.0),
            TokenKey("w", None, "m", TokenKind.OUTPUT): Amount(None, 900.0),
        },
        cost={CostKey("w", None, "m"): Amount(None, 3.0), CostKey("w", None, "n"): Amount(1.0, 3.0)},
    )
    claims = claims_of([observe_metrics("scrape", True, one, {})])
    assert token_rows(claims, [], WINDOWS)[1] is None
    cost = cost_of(claims, [], WINDOWS)
    assert cost.usd_per_hour is None
    assert {row.name: row.usd_per_hour for row in cost.by_model} == {"m": None, "n": 12.0}


def test_one_sample_of_a_counter_is_no_rate() -> None:
    amounts = {TokenKey("w", None, "m", TokenKind.INPUT): Amount(None, 900.0)}
    row = rows([("scrape", sample({}, covered=0.0, tokens=amounts))], [])["w"]
    assert row.tokens_per_minute is None
    assert row.runs is None


def test_aliases_join_a_workflow_across_sources() -> None:
    seen = [observe_metrics("scrape", True, sample({RunKey("W-1", RunStatus.ERROR): 4.0}), {"W-1": "w"})]
    merged = merge_workflows(seen, claims_of(seen), [logs([run(1, 5)], NOW - 10)], WINDOWS, EXTRAS)
    assert [row.name for row in merged] == ["w"]


@given(st.lists(st.tuples(st.floats(0, 30000), st.sampled_from(list(RunStatus))), max_size=80))
def test_every_finished_run_of_the_window_is_counted_once(pairs: list[tuple[float, RunStatus]]) -> None:
    finished = [run(i, ago, status) for i, (ago, status) in enumerate(pairs) if status != RunStatus.RUNNING]
    ladder = rows([], [logs(finished)])["w"].ladder
    for step in ladder:
        inside = [r for r in finished if NOW - step.seconds < (r.ended_at or 0.0) <= NOW]
        counts = step.counts
        assert counts.n + counts.cancelled + counts.other == len(inside)
        assert counts.failed == sum(r.failed for r in inside)
