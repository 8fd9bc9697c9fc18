"""Where the time of a workflow goes, and what a run of it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.stepstats import per_run, step_seconds, step_stats
from wfmon.model.prices import EMPTY, PriceBook, Rates, UnitPrice
from wfmon.model.run import FAILED, ModelUsage, Run, RunStatus, Step, Usage

SUCCESS, ERROR, RUNNING = RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.RUNNING


def step(name: str, seconds: float | None, status: RunStatus = SUCCESS, **fields: object) -> Step:
    return Step(name, status, 0.0, seconds, **fields)  # type: ignore[arg-type]


def run(number: int, *steps: Step, seconds: float | None = None, **fields: object) -> Run:
    fields.setdefault("status", SUCCESS)
    return Run(f"r{number}", "w", duration_seconds=seconds, steps=steps, **fields)  # type: ignore[arg-type]


def test_steps_stand_by_the_time_they_take_of_all() -> None:
    runs = [run(n, step("fetch", 1.0), step("ask", float(n)), seconds=n + 1.0) for n in range(1, 5)]
    ask, fetch = step_stats(runs)
    assert (ask.name, ask.n, ask.timed) == ("ask", 4, 4)
    assert ask.p50_seconds == 2.5
    assert ask.p95_seconds == pytest.approx(3.85)
    assert ask.max_seconds == 4.0
    assert ask.slowest is runs[3]
    assert ask.share == pytest.approx(10 / 14)
    assert fetch.share == pytest.approx(4 / 14)


def test_attempts_count_as_one_execution_with_the_waits_between() -> None:
    tried = Step("ask", ERROR, 10.0, 2.0, attempt=3, ended_at=18.0)
    assert step_seconds(tried) == 8.0
    (stat,) = step_stats([run(1, tried, seconds=8.0, status=ERROR)])
    assert (stat.n, stat.failed, stat.retries, stat.p50_seconds, stat.share) == (1, 1, 2, 8.0, 1.0)


def test_what_goes_on_is_in_no_time_and_a_run_without_a_time_in_no_share() -> None:
    open_run = run(1, step("ask", None, RUNNING, attempt=2), status=RUNNING)
    (stat,) = step_stats([open_run])
    assert (stat.n, stat.going, stat.retries) == (0, 1, 1)
    assert (stat.p50_seconds, stat.p95_seconds, stat.share, stat.slowest) == (None, None, None, None)
    (stat,) = step_stats([open_run, run(2, step("ask", 3.0))])
    assert (stat.p50_seconds, stat.share) == (3.0, None), "its time is known, that of its run is not"
    (untimed,) = step_stats([run(3, step("ask", None), seconds=5.0)])
    assert (untimed.n, untimed.timed, untimed.p50_seconds, untimed.share) == (1, 0, None, None)


STEPS = st.builds(
    Step,
    st.sampled_from("abc"),
    st.sampled_from(list(RunStatus)),
    started_at=st.none() | st.floats(0, 100),
    duration_seconds=st.none() | st.floats(0, 1e4),
    attempt=st.none() | st.integers(1, 5),
    ended_at=st.none() | st.floats(0, 200),
)
RUNS = st.lists(
    st.builds(
        Run,
        st.text(max_size=3),
        st.just("w"),
        st.sampled_from(list(RunStatus)),
        duration_seconds=st.none() | st.floats(0, 1e4),
        usage=st.builds(
            Usage, total=st.none() | st.integers(0, 10_000), cost_usd=st.none() | st.floats(0, 9)
        ),
        retries=st.none() | st.integers(0, 4),
        steps=st.lists(STEPS, max_size=4).map(tuple),
    ),
    max_size=12,
)


@given(RUNS)
def test_every_step_is_counted_once_and_nothing_is_made_up(runs: list[Run]) -> None:
    stats = step_stats(runs)
    every = [each for one in runs for each in one.steps]
    assert {stat.name for stat in stats} == {each.name for each in every}
    assert sum(stat.n + stat.going for stat in stats) == len(every)
    assert sum(stat.failed for stat in stats) == sum(each.status in FAILED for each in every)
    assert sum(stat.retries for stat in stats) == sum((each.attempt or 1) - 1 for each in every)
    for stat in stats:
        assert 0 <= stat.timed <= stat.n
        known = stat.p50_seconds, stat.p95_seconds, stat.max_seconds
        assert (stat.timed == 0) == (None in known) == (stat.slowest is None)
        if stat.p50_seconds is not None and stat.p95_seconds is not None and stat.max_seconds is not None:
            assert 0 <= stat.p50_seconds <= stat.p95_seconds <= stat.max_seconds
        assert stat.share is None or stat.share >= 0
    assert list(stats) == sorted(stats, key=lambda s: (-(s.share or 0.0), -(s.p95_seconds or 0.0), s.name))


@given(RUNS)
def test_what_no_run_tells_stays_unknown(runs: list[Run]) -> None:
    mean = per_run(runs, EMPTY)
    assert mean.n <= len(runs)
    assert (mean.tokens is None) == (mean.tokens_n == 0)
    assert mean.retried <= mean.retries_n <= mean.n
    assert mean.money.known or mean.money.quality is None or mean.money.unpriced_tokens > 0
    told = [
        each.usage.total
        for each in runs
        if each.status in FAILED | {SUCCESS} and each.usage.total is not None
    ]
    assert mean.tokens is None or min(told) - 1e-6 <= mean.tokens <= max(told) + 1e-6


def test_money_of_a_run_is_a_mean_as_true_as_its_parts() -> None:
    book = PriceBook(found={"p/m": UnitPrice(Rates(3.0, 15.0), "test")})
    usage = Usage(input=1_000_000, output=0, total=1_000_000)
    priced = run(1, usage=usage, parts=(ModelUsage("p", "m", "", usage, 1),))
    reported = run(2, usage=Usage(total=10, cost_usd=1.0))
    unknown = run(3)
    mean = per_run([priced, reported, unknown], book)
    assert (mean.n, mean.money_n, mean.tokens_n) == (3, 2, 2)
    assert mean.money.priced == pytest.approx(1.5)
    assert mean.money.exact == pytest.approx(0.5)
    other = run(4, usage=usage, parts=(ModelUsage("p", "new", "", usage, 1),))
    assert per_run([other], book).money.known is False
    assert per_run([other], book).money.unpriced_tokens == 1_000_000
