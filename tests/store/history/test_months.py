"""Months go by: what is kept, what goes, and in which order where there is no room."""

from __future__ import annotations

import random
import sqlite3
from array import array
from pathlib import Path

import pytest

from store.history.historyhelp import DAY, HOUR, T0, begun, grown, lane, point, reader, run, small
from wfmon.model.history import LEVELS, Batch, Change, ChangeKind, Kind, Point, Role, Table, Tier, Watched
from wfmon.model.look import Look, Target
from wfmon.model.past import SeriesRequest
from wfmon.model.record import replace
from wfmon.model.source import SourceState, SourceStatus
from wfmon.store.history.schema import NAME
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir
from wfmon.text.numbers import duration

# As in the defaults, but a fine point every five minutes, so that months are quick to go through.
TIERS = (Tier(300.0, DAY), Tier(900.0, 7 * DAY), Tier(HOUR, 365 * DAY))
MONTHS = HistorySettings(tiers=TIERS, keep_runs=50)
DAYS = 45
GAP = (20 * DAY, 20 * DAY + 5.5 * HOUR)


def hour_of_day(at: float) -> float:
    return (at - T0) % DAY // HOUR


def live(writer: HistoryWriter, begin: float, end: float) -> None:
    """A batch every quarter of an hour; ``n`` is the hour of the day; one run an hour."""
    at = begin
    while at < end:
        points = tuple(point(at + 300 * each, 300.0, n=hour_of_day(at + 300 * each)) for each in range(3))
        hour = at // HOUR * HOUR
        runs = (run(f"r{at:.0f}", at + 60, tokens=100),) if at == hour else ()
        now = at + 900
        writer.write(
            Batch(
                now,
                points=points,
                runs=runs,
                grown=(grown(hour, 1, tokens=10.0),),
                watched=(Watched("prom", Role.METRICS, at, now),),
                changes=(Change(at, ChangeKind.RESTART, "w", "pid 1 → 2", "w"),) if at == hour else (),
                looks=((Target("ab", "x"), Look(now, b"look" * 50)),),
            )
        )
        writer.tidy(now)
        at = now


def rows(state: StateDir, question: str) -> list[tuple[float, ...]]:
    with sqlite3.connect(state.path / NAME) as connection:
        return connection.execute(question).fetchall()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> StateDir:
    """Two months, with a night in which nobody collected, by three collectors."""
    state = lane(tmp_path_factory.mktemp("months"))
    live(begun(state, MONTHS), T0, T0 + GAP[0])
    live(begun(state, MONTHS, epoch=2, now=T0 + GAP[1]), T0 + GAP[1], T0 + 30 * DAY)
    live(begun(state, MONTHS, epoch=3, now=T0 + 30 * DAY), T0 + 30 * DAY, T0 + DAYS * DAY)
    return state


def test_each_tier_is_kept_for_its_time(lived: StateDir) -> None:
    end = T0 + DAYS * DAY
    found = {
        seconds: (at, count)
        for seconds, at, count in rows(lived, "SELECT seconds, min(at), count(*) FROM points GROUP BY 1")
    }
    for tier in TIERS[:2]:
        oldest, count = found[tier.seconds]
        assert end - tier.keep - 2 * HOUR <= oldest <= end - tier.keep
        assert count == pytest.approx(tier.keep / tier.seconds, rel=0.1)
    # The last hour is not over; the hour in which the night began and the one in which it ended are there.
    assert found[HOUR] == (T0, DAYS * 24 - 5 - 1)
    assert reader(lived, MONTHS).bounds() == (T0, end - 300)


def test_a_night_without_a_collector_is_a_gap_for_ever(lived: StateDir) -> None:
    read = reader(lived, MONTHS)
    night = T0 + GAP[0] + 2 * HOUR
    assert read.point(night) is None
    assert read.near(night) == (T0 + GAP[0] - HOUR, T0 + GAP[0] + 5 * HOUR)
    values = read.series(SeriesRequest(Kind.WORKFLOW, "w", "n", T0 + 19 * DAY, T0 + 21 * DAY, 48)).values
    assert values[24:29] == (None,) * 5
    assert values[:24] == tuple(range(24))
    assert values[29:] == tuple(range(5, 24))
    assert [each.epoch for each in read.sessions(night, night)] == []
    assert [each.epoch for each in read.sessions(T0, T0 + DAYS * DAY)] == [1, 2, 3]


def test_sums_outlive_their_rows(lived: StateDir) -> None:
    end, read = T0 + DAYS * DAY, reader(lived, MONTHS)
    (oldest,) = rows(lived, "SELECT min(at) FROM hours")[0]
    assert end - MONTHS.hours_keep - DAY - HOUR <= oldest <= end - MONTHS.hours_keep
    for at in (T0 + 5 * DAY, end - 2 * DAY):
        found = read.points(at, at + HOUR, 1)[0]
        # Runs by the metrics, because nobody vouched for the logs.
        assert (found.get(Kind.WORKFLOW, "w", "runs"), found.get(Kind.WORKFLOW, "w", "tokens")) == (4, 40)
    assert len(read.runs("w", 1000)) == MONTHS.keep_runs
    assert read.coverage(T0, T0 + HOUR) == {("prom", Role.METRICS, T0): HOUR}
    assert len(read.changes(T0, end, 10_000)) == DAYS * 24 - 6


def test_looks_are_thinned_and_the_last_one_is_exact(lived: StateDir) -> None:
    end = T0 + DAYS * DAY
    resumed = begun(lived, MONTHS, epoch=4, now=end).begin(4, 1, "joe", "1", end)
    assert resumed.reached == {"ab": end}
    looks = resumed.looks(Target("ab", "x"), end)
    assert looks[-1] == Look(end, b"look" * 50)
    assert len(looks) < 40
    assert rows(lived, "SELECT count(*) FROM looks")[0][0] < 40


def test_nothing_waits_and_free_pages_are_used_again(lived: StateDir) -> None:
    assert all(at >= T0 + DAYS * DAY - 2 * HOUR for (at,) in rows(lived, "SELECT at FROM pending"))
    assert (lived.path / NAME).stat().st_size < 2_500_000


def test_what_does_not_fit_goes_finest_first_and_is_told(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(keep=(DAY, DAY, 30 * DAY), max_bytes=4_000_000)
    writer = begun(state, settings)
    names = tuple(f"w{number}" for number in range(100))
    mixed = random.Random(7)
    pool = [mixed.random() for _ in range(5000)]
    cuts: list[set[float]] = []
    for turn in range(30):
        begin = T0 + turn * 600
        moments = [begin + 10 * number for number in range(60)]
        points = tuple(
            Point(at, 10.0, {Kind.WORKFLOW: Table(names, noise(len(names), pool, mixed))}) for at in moments
        )
        writer.write(Batch(begin + 600, points=points))
        writer.tidy(begin + 600)
        status = writer.status(begin + 600)
        # Beside the file SQLite holds some megabytes, which it bounds by itself.
        assert (state.path / NAME).stat().st_size <= settings.max_bytes
        cuts.append({seconds for seconds in (10.0, 60.0, HOUR) if told(status.notes, seconds)})
    first = [next((turn for turn, cut in enumerate(cuts) if seconds in cut), 60) for seconds in (10.0, 60.0)]
    assert 0 < first[0] <= first[1]
    assert not any(HOUR in cut for cut in cuts)
    counts = dict(rows(state, "SELECT seconds, count(*) FROM points GROUP BY seconds"))
    assert counts[HOUR] == 4, "hours stay while finer points can go"
    newest = reader(state, settings).point(T0 + 30 * 600 - 5)
    assert newest is not None
    assert newest.seconds == 10.0


def told(notes: tuple[str, ...], seconds: float) -> bool:
    return any(f"points of {duration(seconds)} are kept since" in note for note in notes)


def noise(length: int, pool: list[float], mixed: random.Random) -> dict[str, array[float]]:
    """Columns that do not pack."""
    found = {}
    for name in LEVELS[Kind.WORKFLOW]:
        begin = mixed.randrange(len(pool) - length)
        found[name] = array("f", pool[begin : begin + length])
    return found


def test_a_lowered_bound_makes_the_file_smaller(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, small())
    target = Target("ab", "x")
    junk = random.Random(3)
    for number in range(30):
        writer.write(
            Batch(T0 + 400 * number, looks=((target, Look(T0 + 400 * number, junk.randbytes(100_000))),))
        )
    writer.close()
    before = (state.path / NAME).stat().st_size
    with sqlite3.connect(state.path / NAME) as connection:
        connection.execute("DELETE FROM looks")
    connection.close()
    again = begun(state, small(max_bytes=500_000), epoch=2)
    for number in range(5):
        again.tidy(T0 + 20_000 + 100 * number)
    again.close()
    assert (state.path / NAME).stat().st_size < 500_000 < before


def test_other_steps_are_read_and_go_in_time(tmp_path: Path) -> None:
    """The settings changed: points of the old ones still tell, as long as like ones would be kept."""
    state = lane(tmp_path)
    writer = begun(state, small())
    writer.write(Batch(T0 + 20, points=(point(T0, n=1), point(T0 + 10, n=2))))
    other = HistorySettings(tiers=(Tier(5.0, HOUR), Tier(HOUR, 30 * DAY)))
    read = reader(state, other)
    assert read.bounds() == (T0, T0 + 10)
    writer = begun(state, other, epoch=2)
    writer.write(Batch(T0 + 2 * HOUR, points=(point(T0 + 2 * HOUR - 5, 5.0, n=3),)))
    for hours in (1, 2, 3):
        writer.tidy(T0 + hours * HOUR)
    assert [seconds for (seconds,) in rows(state, "SELECT DISTINCT seconds FROM points")] == [5.0]
    writer.tidy(T0 + 40 * DAY)
    assert read.point(T0) is None


def test_states_are_bounded_but_the_last_one_stays(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, small())
    ok = SourceStatus("prom", "prometheus", SourceState.OK)
    writer.write(Batch(T0, states=(ok,)))
    writer.write(Batch(T0 + 60, states=(replace(ok, state=SourceState.DOWN),)))
    writer.tidy(T0 + 90 * DAY)
    assert rows(state, "SELECT count(*) FROM states") == [(1,)]
    (found,) = reader(state, small()).states_at(T0 + 90 * DAY)
    assert found.state is SourceState.DOWN


def test_a_clock_that_jumps_costs_little(tmp_path: Path) -> None:
    """A day in a year that has not come: nothing of before is gone at once."""
    state = lane(tmp_path)
    writer = begun(state, MONTHS)
    live(writer, T0, T0 + 2 * DAY)
    hours = rows(state, "SELECT count(*) FROM points WHERE seconds = 3600")[0][0]
    writer.write(Batch(T0 + 3000 * DAY))
    writer.write(Batch(T0 + 2 * DAY + 900, points=(point(T0 + 2 * DAY, 300.0, n=1),)))
    writer.tidy(T0 + 2 * DAY + 900)
    assert rows(state, "SELECT count(*) FROM points WHERE seconds = 3600")[0][0] >= hours


def test_a_clock_that_leaps_ahead_for_minutes_costs_no_history(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    change = Change(T0, ChangeKind.RESTART, "w", "pid 1 → 2", "w")
    writer.write(Batch(T0 + HOUR, points=(point(T0, HOUR, n=1),), grown=(grown(T0, 9),), changes=(change,)))
    for wrong in (T0 + 1500 * DAY, T0 + 2500 * DAY):
        writer = begun(state, epoch=2)
        for minutes in range(10):
            writer.tidy(T0 + HOUR + 60 * minutes)
        for minutes in range(10):
            writer.tidy(wrong + 60 * minutes)
        writer.tidy(T0 + 2 * HOUR)
    read = reader(state)
    assert (read.bounds(), read.changes(T0, T0 + 1, 9)) == ((T0, T0), (change,))
    assert counted_runs(state) == 9


def counted_runs(state: StateDir) -> float:
    return sum(runs for (runs,) in rows(state, "SELECT runs FROM hours"))


def test_a_clock_that_goes_on_for_a_day_is_believed(tmp_path: Path) -> None:
    """The host was off for two years: what is too old goes all the same, a day late."""
    state = lane(tmp_path)
    begun(state).write(Batch(T0 + HOUR, points=(point(T0, HOUR, n=1),)))
    later = T0 + 730 * DAY
    writer = begun(state, epoch=2, now=later)
    writer.tidy(later)
    assert reader(state).point(T0) is not None
    for half_hours in range(49):
        writer.tidy(later + 1800 * half_hours)
    assert reader(state).point(T0) is None
