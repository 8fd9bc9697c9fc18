"""What is usual: an incident does not become usual, and what is not known stays unknown."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import exp, log
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.analysis.baseline import baseline
from wfmon.analysis.hours import DAY, HOUR, hours_like
from wfmon.model.baseline import Baseline
from wfmon.model.episode import Accepted
from wfmon.model.history import HourSum, Kind, Role
from wfmon.model.run import Run, RunStatus, Usage
from wfmon.model.settings import BaselineSettings

NOW = datetime(2026, 3, 11, 14, 20, tzinfo=UTC).timestamp()  # a Wednesday
SETTINGS = BaselineSettings(runs=500, needed=20, days=35)
BERLIN = ZoneInfo("Europe/Berlin")
Covered = Mapping[tuple[str, Role, float], float]


def run(
    n: int,
    ended_at: float,
    status: RunStatus = RunStatus.SUCCESS,
    seconds: float | None = 2.0,
    tokens: int | None = 100,
    cost: float | None = 0.5,
) -> Run:
    return Run(
        id=f"r{n:05}",
        workflow="w",
        status=status,
        started_at=ended_at - (seconds or 0),
        ended_at=ended_at,
        duration_seconds=seconds,
        usage=Usage(total=tokens, cost_usd=cost),
    )


def runs(count: int, **more: object) -> list[Run]:
    """A minute apart, the last just old enough to tell the ratio."""
    return [run(n, NOW - SETTINGS.judged_seconds - (count - n - 1) * 60, **more) for n in range(count)]  # type: ignore[arg-type]


def row(
    at: float,
    count: float | None = None,
    failures: float | None = None,
    cost: float | None = None,
    source: str = "logs",
    role: Role = Role.LOGS,
    subject: str = "w",
) -> HourSum:
    return HourSum(at, Kind.WORKFLOW, subject, source, role, count, failures, None, cost)


def every_hour(days: float = 30) -> list[float]:
    hour = NOW // HOUR * HOUR
    return [hour - back * HOUR for back in range(1, int(days * 24) + 1)]


def watched(hours: Sequence[float], *sources: tuple[str, Role], seconds: float = HOUR) -> Covered:
    return {(*source, at): seconds for source in sources for at in hours}


def usual(
    finished: Sequence[Run] = (),
    hours: Sequence[HourSum] = (),
    covered: Covered | None = None,
    poisoned: Sequence[tuple[float, float]] = (),
    accepted: Accepted | None = None,
    settings: BaselineSettings = SETTINGS,
    zone: ZoneInfo | None = None,
    now: float = NOW,
    **more: object,
) -> Baseline:
    return baseline(
        "w",
        finished,
        hours,
        covered or {},
        poisoned,
        accepted,
        now,
        zone or UTC,
        settings,
        **more,  # type: ignore[arg-type]
    )


LOGS, PROM = ("logs", Role.LOGS), ("prom", Role.METRICS)

# runs -----------------------------------------------------------------------------------------------


def test_exact_quantiles_of_successful_runs_and_the_ratio_of_counted_ones() -> None:
    good = [
        run(n, NOW - 2000 + n, seconds=float(n + 1), tokens=n + 1, cost=(n + 1) / 100) for n in range(101)
    ]
    bad = [run(200 + n, NOW - 1500 + n, RunStatus.TIMEOUT, seconds=900.0) for n in range(4)]
    gone = [run(300, NOW - 5, RunStatus.CANCELLED, seconds=5000.0), run(301, NOW - 4, RunStatus.OTHER)]
    found = usual([*good, *bad, *gone])
    assert found.n == found.error_n == 105
    assert found.error_ratio == pytest.approx(4 / 105)
    assert (found.duration_p50_seconds, found.duration_p95_seconds, found.duration_p99_seconds) == (
        51,
        96,
        100,
    )
    assert (found.tokens_p50, found.tokens_p95) == (51, 96)
    assert found.cost_p99_usd == pytest.approx(1.0)
    assert found.duration_from == "runs"
    assert not found.learning
    assert found.since == NOW - 2000


def test_nineteen_runs_are_learning_and_say_nothing() -> None:
    found = usual(runs(19))
    assert (found.n, found.needed, found.learning) == (19, 20, True)
    assert found.error_ratio is None
    assert found.duration_p95_seconds is None
    assert found.cost_p50_usd is None
    assert usual(runs(20)).error_ratio == 0.0


def test_no_run_at_all() -> None:
    assert usual() == Baseline("w", needed=20)


def test_a_figure_that_few_runs_tell_stays_unknown() -> None:
    silent = [replace(each, usage=Usage()) for each in runs(40)]
    telling = runs(19)
    found = usual([*silent, *telling])
    assert found.duration_p50_seconds == 2.0
    assert found.tokens_p50 is None
    assert found.cost_p50_usd is None


def test_only_the_newest_runs_are_looked_at() -> None:
    old = [run(n, NOW - 90000 + n, RunStatus.ERROR) for n in range(500)]
    assert usual([*old, *runs(500)]).error_ratio == 0.0


@pytest.mark.parametrize("per_minute", [6, 30, 60, 600])
def test_an_incident_is_not_usual_before_it_can_be_told(per_minute: int) -> None:
    """However soon 500 runs are over; what the failure rule asks for is twice what is usual."""
    step = 60.0 / per_minute
    for minutes in (1, 5, 14):
        begin = NOW - minutes * 60.0
        ring = [
            run(n, at, RunStatus.ERROR if at > begin and n % 5 < 2 else RunStatus.SUCCESS)
            for n in range(500)
            for at in (NOW - (500 - n) * step,)
        ]
        alone = usual(ring)
        assert not alone.error_ratio, (minutes, alone.error_ratio)
        hours = every_hour(2)
        rows = [row(at, per_minute * 60.0, per_minute * 6.0) for at in [hours[0] + HOUR, *hours]]
        rows[0] = replace(rows[0], failures=rows[0].runs)  # this hour, as far as it has come
        known = usual(ring, rows, watched(hours, LOGS))
        assert known.error_ratio == pytest.approx(0.1 if per_minute > 30 else 0.0), minutes


def test_after_an_incident_what_was_usual_stays_until_others_are_old_enough() -> None:
    before = replace(usual(runs(100)), error_ratio=0.2)
    young = [run(1000 + n, NOW - 500 + n) for n in range(500)]
    found = usual(young, poisoned=[(NOW - 4000, NOW - 501)], last=before)
    assert (found.n, found.error_ratio, found.error_n) == (500, 0.2, 100)
    accepted = Accepted("w", since=NOW - 500, at=NOW - 200, by="joe")
    assert usual(young, last=before, accepted=accepted).error_ratio == 0.0


def test_an_incident_longer_than_the_ring_leaves_what_was_before_it() -> None:
    before = [run(n, NOW - 90000 + n) for n in range(100)]
    incident = [run(1000 + n, NOW - 3600 + n, RunStatus.ERROR, seconds=90.0) for n in range(600)]
    found = usual([*before, *incident], poisoned=[(NOW - 3600, NOW)])
    assert (found.n, found.error_ratio, found.duration_p95_seconds) == (100, 0.0, 2.0)


def test_what_was_usual_stays_while_an_incident_fills_all_that_is_kept() -> None:
    before = usual(runs(100))
    ring = [run(1000 + n, NOW - 500 + n, RunStatus.ERROR, seconds=90.0) for n in range(500)]
    span = (NOW - 600, NOW)
    assert usual(ring, poisoned=[span]).learning
    found = usual(ring, poisoned=[span], last=before)
    assert (found.n, found.error_ratio, found.duration_p99_seconds, found.cost_p50_usd) == (
        100,
        0.0,
        2.0,
        0.5,
    )
    assert usual(ring, poisoned=[span], last=found) == found
    deployed = usual(ring, poisoned=[span], last=before, deployed_at=NOW - 60)
    assert (deployed.error_ratio, deployed.duration_p50_seconds) == (0.0, None)
    accepted = Accepted("w", since=NOW - 600, at=NOW - 10, by="joe")
    assert usual(ring, poisoned=[span], last=before, accepted=accepted).error_ratio == 1.0
    assert usual(runs(5), last=before).error_ratio is None  # no incident: too few is too few


def test_gaps_are_between_successful_runs_and_none_is_across_an_incident() -> None:
    good = [run(n, NOW - (40 - n) * 60.0) for n in range(40)]
    found = usual(good)
    assert (found.gap_p50_seconds, found.gap_max_seconds, found.gap_span_seconds) == (60, 60, 39 * 60)
    assert found.last_run_at == NOW - 60
    before = [run(100 + n, NOW - 9 * HOUR - n * 60.0) for n in range(10)]
    assert usual([*before, *good]).gap_max_seconds == pytest.approx(9 * HOUR - 2400)
    incident = usual([*before, *good], poisoned=[(NOW - 8 * HOUR, NOW - 7 * HOUR)])
    assert incident.gap_max_seconds == 60
    failed = [*good[:20], replace(good[20], status=RunStatus.ERROR), *good[21:]]
    assert usual(failed).gap_max_seconds == 120
    assert usual(good[:20]).gap_p50_seconds is None  # 19 gaps


def test_runs_of_just_this_hour_and_of_the_one_before_it() -> None:
    """From eight to ten 20 an hour, else 4; weekends none."""
    hours = every_hour()

    def at(day: int, hour: int, minute: int = 20) -> Baseline:
        now = datetime(2026, 3, day, hour, minute, tzinfo=UTC).timestamp()
        rows = []
        for each in hours:
            moment = datetime.fromtimestamp(each, UTC)
            busy = 20.0 if 8 <= moment.hour < 10 else 4.0
            rows.append(row(each, 0.0 if moment.weekday() >= 5 else busy))
        return usual(hours=rows, covered=watched(hours, LOGS), now=now)

    wednesday = 11
    assert (at(wednesday, 8).runs_this_hour, at(wednesday, 8).runs_hour_before) == (20, 4)
    assert (at(wednesday, 10).runs_this_hour, at(wednesday, 10).runs_hour_before) == (4, 20)
    assert at(wednesday, 8).hour == datetime(2026, 3, wednesday, 8, tzinfo=UTC).timestamp()
    monday = 9
    assert (at(monday, 0).runs_this_hour, at(monday, 0).runs_hour_before) == (4, None)


def test_a_deploy_resets_durations_alone() -> None:
    found = usual(runs(100), deployed_at=NOW - 10 * 60)
    assert found.duration_p95_seconds is None
    assert (found.n, found.tokens_p50, found.cost_p50_usd) == (100, 100, 0.5)
    later = usual(runs(100), deployed_at=NOW - 45 * 60)
    assert later.duration_p95_seconds == 2.0


def test_a_run_that_a_deploy_met_halfway_is_of_before() -> None:
    old = [run(n, NOW - 60 + n, seconds=3600.0) for n in range(30)]
    assert usual(old, deployed_at=NOW - 600).duration_p50_seconds is None


def test_after_a_new_normal_only_what_is_new_counts() -> None:
    since = NOW - SETTINGS.judged_seconds - 49 * 60
    accepted = Accepted("w", since=since, at=NOW - 40 * 60, by="joe")
    shifted = [
        replace(each, duration_seconds=9.0) if (each.ended_at or 0) >= since else each for each in runs(200)
    ]
    alert = (since, NOW)  # began before it was accepted, and still fires
    assert usual(shifted, poisoned=[alert]).duration_p95_seconds == 2.0
    found = usual(shifted, poisoned=[alert], accepted=accepted)
    assert (found.n, found.duration_p50_seconds, found.accepted_at) == (50, 9.0, accepted.at)
    again = usual(
        shifted, poisoned=[alert, (NOW - SETTINGS.judged_seconds - 19 * 60, NOW)], accepted=accepted
    )
    assert again.n == 30  # what began after the acceptance poisons as ever


FINISHED = st.builds(
    run,
    n=st.integers(0, 99999),
    ended_at=st.floats(NOW - 5 * DAY, NOW),
    status=st.sampled_from([s for s in RunStatus if s is not RunStatus.RUNNING]),
    seconds=st.one_of(st.none(), st.floats(0, 1e4)),
    tokens=st.one_of(st.none(), st.integers(0, 10**6)),
    cost=st.one_of(st.none(), st.floats(0, 50)),
)
CLEAN = st.lists(FINISHED, max_size=60, unique_by=lambda each: each.id)
FEW = BaselineSettings(runs=40, needed=5, days=35)


@given(CLEAN, st.randoms())
def test_the_order_of_runs_does_not_matter(clean: list[Run], order: random.Random) -> None:
    mixed = list(clean)
    order.shuffle(mixed)
    assert usual(mixed, settings=FEW) == usual(clean, settings=FEW)


@given(CLEAN, CLEAN, st.floats(NOW - 4 * DAY, NOW), st.floats(0, 3 * DAY))
def test_no_run_of_an_incident_moves_anything(
    clean: list[Run], ill: list[Run], begin: float, length: float
) -> None:
    span = (begin, begin + length)
    inside = [replace(each, id=f"x{each.id}", ended_at=begin + length * n / 60) for n, each in enumerate(ill)]
    without = usual(clean, poisoned=[span], settings=FEW)
    with_it = usual([*clean, *inside], poisoned=[span], settings=FEW)
    assert replace(with_it, last_run_at=without.last_run_at) == without


@given(CLEAN)
def test_no_number_without_enough_behind_it(clean: list[Run]) -> None:
    found = usual(clean, settings=FEW)
    if found.n < FEW.needed:
        assert found.error_ratio is None
        assert found.duration_p50_seconds is None
        assert found.tokens_p50 is None
        assert found.cost_p99_usd is None
    elif found.error_n >= FEW.needed:
        assert found.error_ratio is not None
        assert 0 <= found.error_ratio <= 1
    figures = (found.duration_p50_seconds, found.duration_p95_seconds, found.duration_p99_seconds)
    known = [each for each in figures if each is not None]
    assert known == sorted(known)
    assert len(known) in (0, 3)


# hours ----------------------------------------------------------------------------------------------


def test_hours_like_this_one_are_of_the_same_kind_of_day_and_hour() -> None:
    hours = hours_like(NOW, UTC, 28)
    clocks = [datetime.fromtimestamp(at, UTC) for at in hours]
    assert {each.hour for each in clocks} == {13, 14, 15}
    assert {each.weekday() for each in clocks} == {0, 1, 2, 3, 4}
    assert hours == tuple(sorted(hours, reverse=True))
    assert max(hours) < NOW // HOUR * HOUR  # not this one, which is not over
    assert min(hours) >= NOW - 28 * DAY - HOUR


@pytest.mark.parametrize("day", ["2026-03-29", "2026-03-30", "2026-10-25", "2026-10-26"])
@pytest.mark.parametrize("hour", [0, 2, 9, 23])
def test_hours_are_those_of_the_wall_clock_where_summer_time_begins_and_ends(day: str, hour: int) -> None:
    now = datetime.fromisoformat(f"{day}T{hour:02}:30").replace(tzinfo=BERLIN).timestamp()
    shown = datetime.fromtimestamp(now, BERLIN)
    hours = hours_like(now, BERLIN, 28)
    assert len(set(hours)) == len(hours)
    weekend = shown.weekday() >= 5
    found = [datetime.fromtimestamp(at, BERLIN) for at in hours]
    assert all((each.weekday() >= 5) is weekend for each in found)
    assert {(each.hour - shown.hour) % 24 for each in found} == {0, 1, 23}
    by_day: dict[object, int] = {}
    for each in found:
        by_day[each.date()] = by_day.get(each.date(), 0) + 1
    changes = {datetime(2026, 3, 29).date(), datetime(2026, 10, 25).date()}
    edges = {min(by_day), max(by_day)}  # type: ignore[type-var]
    assert all(count == 3 for date, count in by_day.items() if date not in changes | edges)


def test_runs_of_hours_that_nobody_looked_at_are_unknown_and_of_quiet_ones_zero() -> None:
    hours = every_hour()
    born = row(hours[-1], 6, 0)
    found = usual(hours=[born], covered=watched(hours, LOGS))
    assert found.runs_per_hour is not None
    assert (found.runs_per_hour.median, found.runs_per_hour.n, found.hours) == (0.0, 42, 42)
    assert usual(hours=[born], covered=watched(hours, LOGS, seconds=0.89 * HOUR)).runs_per_hour is None
    assert usual(hours=[born]).runs_per_hour is None


def test_before_it_was_first_seen_there_are_no_quiet_hours() -> None:
    hours = every_hour()
    young = [row(at, 6, 0) for at in hours[:48]]
    found = usual(hours=young, covered=watched(hours, LOGS))
    assert found.runs_per_hour is None  # two days: 6 hours like this one
    assert found.hours == 6


def test_each_figure_of_an_hour_is_of_one_source() -> None:
    hours = every_hour()
    from_logs = [row(at, 6, 1, cost=100.0) for at in hours]
    from_prom = [row(at, 60, 50, cost=2.0, source="prom", role=Role.METRICS) for at in hours]
    found = usual(hours=[*from_prom, *from_logs], covered=watched(hours, LOGS, PROM))
    assert found.runs_per_hour is not None
    assert found.runs_per_hour.median == 6
    assert found.cost_usd_per_hour == pytest.approx(2.0)
    blind = set(hours_like(NOW, UTC, 28)[:30])
    covered = {
        key: value
        for key, value in watched(hours, LOGS, PROM).items()
        if key[1] is Role.METRICS or key[2] not in blind
    }
    found = usual(hours=[*from_prom, *from_logs], covered=covered)
    assert found.runs_per_hour is not None
    assert found.runs_per_hour.median == 60  # 30 of 42 hours only metrics watched


def test_a_source_that_never_tells_of_money_knows_no_quiet_hour_of_it() -> None:
    hours = every_hour()
    found = usual(hours=[row(at, 6, 0) for at in hours], covered=watched(hours, LOGS, PROM))
    assert found.cost_per_hour is None
    assert found.cost_usd_per_hour is None


def test_money_is_told_by_its_logarithm() -> None:
    hours = every_hour()
    money = [
        row(at, cost=1.0 if n % 2 else 3.0, source="prom", role=Role.METRICS) for n, at in enumerate(hours)
    ]
    like = hours_like(NOW, UTC, 28)[:42]
    values = sorted(log((1.0 if hours.index(at) % 2 else 3.0) + 0.05) for at in like)
    middle = (values[20] + values[21]) / 2
    apart = sorted(abs(value - middle) for value in values)
    found = usual(hours=money, covered=watched(hours, PROM)).cost_per_hour
    assert found is not None
    assert found.median == pytest.approx(exp(middle) - 0.05)
    assert found.spread == pytest.approx((apart[20] + apart[21]) / 2)


def test_poisoned_hours_are_left_out_and_counted() -> None:
    hours = every_hour()
    rows = [row(at, 6, 0) for at in hours]
    like = hours_like(NOW, UTC, 28)
    ill = like[3]
    spoilt = [replace(each, runs=900.0) if each.at == ill else each for each in rows]
    found = usual(hours=spoilt, covered=watched(hours, LOGS), poisoned=[(ill + 10, ill + 20)])
    assert found.left_out == 1
    assert found.runs_per_hour == usual(hours=rows, covered=watched(hours, LOGS)).runs_per_hour


@given(st.sets(st.integers(0, 719), max_size=200), st.floats(0, 1e6), st.floats(0, 1e6))
def test_what_poisoned_hours_say_changes_nothing(ill: set[int], count: float, cost: float) -> None:
    hours = every_hour()
    rows = [row(at, 6.0 + n % 5, n % 2, cost=float(n % 7)) for n, at in enumerate(hours)]
    covered = watched(hours, LOGS)
    spans = [(hours[n], hours[n] + HOUR / 2) for n in ill]
    spoilt = [
        replace(each, runs=count, failures=count, cost_usd=cost) if n in ill else each
        for n, each in enumerate(rows)
    ]
    found = usual(hours=spoilt, covered=covered, poisoned=spans)
    clean = usual(hours=rows, covered=covered, poisoned=spans)
    assert replace(found, last_run_at=clean.last_run_at) == clean


# metrics alone --------------------------------------------------------------------------------------


def test_known_by_metrics_alone() -> None:
    hours = every_hour(2)
    rows = [row(at, 60, 3, source="prom", role=Role.METRICS) for at in hours]
    found = usual(hours=rows, covered=watched(hours, PROM), hourly_p95=[4.0, 5.0, 90.0] * 7)
    assert (found.n, found.error_n, found.learning) == (48 * 60, 48 * 60, False)
    assert found.error_ratio == pytest.approx(0.05)
    assert (found.duration_p95_seconds, found.duration_from) == (5.0, "hourly p95")
    assert found.duration_p50_seconds is None
    assert found.duration_p99_seconds is None


def test_few_hours_tell_no_duration_and_few_runs_no_ratio() -> None:
    hours = every_hour(2)
    rows = [row(at, 0.25, 0, source="prom", role=Role.METRICS) for at in hours]
    found = usual(hours=rows, covered=watched(hours, PROM), hourly_p95=[4.0] * 19)
    assert found.error_ratio is None
    assert found.duration_p95_seconds is None
    assert found.duration_from == "runs"


def test_the_ratio_of_hours_leaves_out_poisoned_ones_and_other_workflows() -> None:
    hours = every_hour(2)
    rows = [row(at, 60, 60 if n == 5 else 0, source="prom", role=Role.METRICS) for n, at in enumerate(hours)]
    rows += [row(at, 9, 9, source="prom", role=Role.METRICS, subject="other") for at in hours]
    found = usual(hours=rows, poisoned=[(hours[5] + 1, hours[5] + 2)])
    assert found.error_ratio == 0.0
