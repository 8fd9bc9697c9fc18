"""The course of the host: bounded, whatever comes and whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wfmon.model.host import HostSample, Memory, WorkflowProcesses
from wfmon.monitor.course import KILL_SECONDS, MEMORY_SECONDS, MOST_WORKFLOWS, RSS_SECONDS, STEP, CourseKeeper

START = 1_800_000_000.0
GIB = 1024**3


def sample(
    at: float,
    *,
    available: int = 8 * GIB,
    kills: int | None = 0,
    ours: int | None = None,
    rows: Iterable[WorkflowProcesses] = (),
) -> HostSample:
    return HostSample(
        at, None, None, None, None, Memory(32 * GIB, available), None, tuple(rows), (), 0, 0,
        oom_kills=kills, cgroup_oom_kills=ours,
    )  # fmt: skip


def row(name: str = "w", rss: int | None = GIB, writes: float | None = None) -> WorkflowProcesses:
    return WorkflowProcesses(name, rss, None, 1, write_bytes_per_second=writes)


def test_it_keeps_one_in_so_many_seconds_for_so_long() -> None:
    keeper = CourseKeeper()
    for number in range(10_000):
        course = keeper.take(sample(START + 2.0 * number, rows=[row(rss=number)]))
    assert len(course.available) == MEMORY_SECONDS / STEP + 1
    assert len(course.rss["w"]) == RSS_SECONDS / STEP + 1
    assert {
        after[0] - before[0] for before, after in zip(course.available, course.available[1:], strict=False)
    } == {STEP}


def test_nothing_new_changes_nothing() -> None:
    keeper = CourseKeeper()
    assert keeper.take(None).available == ()
    one = sample(START)
    course = keeper.take(one)
    assert keeper.take(one) is course
    assert keeper.take(None) is course
    assert keeper.take(sample(START + 2)) is course, "not yet"


@pytest.mark.parametrize(
    ("before", "after", "count", "here"),
    [
        ((3, 1), (5, 1), 2, False),
        ((3, 1), (4, 2), 1, True),
        ((3, None), (3, None), 0, False),
        ((5, 0), (2, 0), 0, False),
        ((None, None), (4, None), 0, False),
        ((4, None), (None, 1), 0, False),
    ],
)
def test_kills_are_what_the_counters_rose_by(
    before: tuple[int | None, int | None], after: tuple[int | None, int | None], count: int, here: bool
) -> None:
    keeper = CourseKeeper()
    keeper.take(sample(START, kills=before[0], ours=before[1]))
    kills = keeper.take(sample(START + 2, kills=after[0], ours=after[1])).kills
    assert [(each.at, each.count, each.here) for each in kills] == (
        [(START + 2, count, here)] if count else []
    )
    later = keeper.take(sample(START + 3 + KILL_SECONDS, kills=after[0], ours=after[1]))
    assert later.kills == ()


def test_what_is_written_is_a_mean_of_minutes() -> None:
    keeper = CourseKeeper()
    for number in range(601):
        course = keeper.take(sample(START + number, rows=[row(writes=1000.0 if number % 10 == 0 else 0.0)]))
    assert course.writes == {"w": pytest.approx(100.0)}
    unknown = keeper.take(sample(START + 700, rows=[row("other")]))
    assert "other" not in unknown.writes


def test_who_is_gone_is_forgotten() -> None:
    keeper = CourseKeeper()
    keeper.take(sample(START, rows=[WorkflowProcesses("w", 1, None, 1, room_bytes=5)]))
    later = keeper.take(sample(START + 60))
    assert (set(later.rss), later.limited) == ({"w"}, frozenset({"w"}))
    later = keeper.take(sample(START + RSS_SECONDS + 60))
    assert (later.rss, later.limited) == ({}, frozenset())


def test_there_may_be_many() -> None:
    keeper = CourseKeeper()
    course = keeper.take(sample(START, rows=[row(f"w{n}") for n in range(2 * MOST_WORKFLOWS)]))
    assert len(course.rss) == MOST_WORKFLOWS


def test_a_clock_that_was_set_back_leaves_no_future() -> None:
    keeper = CourseKeeper()
    for number in range(100):
        keeper.take(sample(START + 20.0 * number, kills=number // 50, rows=[row(writes=1.0)]))
    now = START + 500.0
    course = keeper.take(sample(now, kills=1, rows=[row(writes=1.0)]))
    assert course.available[-1] == (now, 8.0 * GIB)
    assert all(at <= now for at, _ in (*course.available, *course.rss["w"]))
    assert [each.at for each in course.kills] == [now]
    after = keeper.take(sample(now + STEP, kills=1, rows=[row(writes=1.0)]))
    assert after.available[-1][0] == now + STEP


@given(st.lists(st.tuples(st.floats(-5000, 9000), st.integers(0, 5), st.floats(0, 1e9)), max_size=40))
def test_samples_stay_in_order_and_within_bounds(steps: list[tuple[float, int, float]]) -> None:
    keeper, now = CourseKeeper(), START
    for step, kills, writes in steps:
        now += step
        course = keeper.take(sample(now, kills=kills, rows=[row(writes=writes)]))
        for samples in (course.available, *course.rss.values()):
            times = [at for at, _ in samples]
            assert times == sorted(set(times))
            assert not times or times[-1] <= now
        assert all(rate >= 0 for rate in course.writes.values())
