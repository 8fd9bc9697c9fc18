"""What is asked of the history, and what it does not make up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from store.history.historyhelp import (
    DAY,
    HOUR,
    NAN,
    T0,
    begun,
    grown,
    lane,
    point,
    reader,
    run,
    small,
    table,
)
from wfmon.model.history import Batch, Change, ChangeKind, HourSum, Kind, Point, Role, Watched
from wfmon.model.log import FileMark
from wfmon.model.look import Look, Target
from wfmon.model.past import SeriesRequest
from wfmon.model.record import replace
from wfmon.model.run import RunStatus
from wfmon.model.source import SourceState, SourceStatus
from wfmon.store.errors import StoreError
from wfmon.store.history.schema import NAME
from wfmon.store.history.writer import HistoryWriter

SETTINGS = small()


def fill(writer: HistoryWriter, begin: float, end: float, step: float = 10.0) -> None:
    """Points of 10 s from ``begin`` to ``end`` whose ``n`` is the minute since ``T0``."""
    at = begin
    while at < end:
        upto = min(end, at + 600)
        moments = [at + step * number for number in range(int((upto - at) / step))]
        points = tuple(point(each, n=(each - T0) // 60, failed=1) for each in moments)
        writer.write(Batch(upto, points=points))
        at = upto
    writer.write(Batch(end + 20))


def series(begin: float, end: float, points: int, column: str = "n") -> SeriesRequest:
    return SeriesRequest(Kind.WORKFLOW, "w", column, begin, end, points)


def test_a_point_is_as_it_was_written(tmp_path: Path) -> None:
    state = lane(tmp_path)
    told = Point(
        T0,
        10.0,
        {
            Kind.TOTAL: table({"n": [7], "window": [300]}, ""),
            Kind.WORKFLOW: table({"n": [1, 2], "failed": [NAN, 0]}, "b", "a"),
            Kind.VOLUME: table({"limit": [1]}, "/"),
        },
    )
    begun(state).write(Batch(T0 + 10, points=(told,)))
    found = reader(state).point(T0 + 9.9)
    assert found is not None
    assert (found.at, found.seconds) == (T0, 10.0)
    assert set(found.tables) == set(told.tables)
    assert found.tables[Kind.TOTAL] == told.tables[Kind.TOTAL]
    assert found.tables[Kind.WORKFLOW].subjects == ("b", "a")
    assert found.get(Kind.WORKFLOW, "b", "failed") is None
    assert found.get(Kind.WORKFLOW, "a", "failed") == 0


def test_nothing_known_is_no_point(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    writer.write(Batch(T0 + 100, points=(point(T0, n=NAN), Point(T0 + 10, 10.0, {}))))
    assert reader(state).bounds() is None


def test_the_nearest_moment_behind_a_gap_is_one_that_something_is_known_of(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, SETTINGS)
    fill(writer, T0 + 1200, T0 + 3000)
    fill(writer, T0 + 4500, T0 + 2 * HOUR + 600)
    read = reader(state, SETTINGS)
    with sqlite3.connect(state.path / NAME) as connection:
        begins = connection.execute("SELECT at FROM points WHERE seconds = 3600 ORDER BY at").fetchall()
    assert begins == [(T0,), (T0 + HOUR,)]
    for at, nearest in ((T0 - 60, T0 + 1200), (T0, T0 + 1200), (T0 + 3500, T0 + 4500)):
        assert read.near(at)[1] == nearest
        assert read.point(nearest) is not None


def test_a_gap_is_a_gap_also_where_its_hour_has_a_point(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, SETTINGS)
    fill(writer, T0, T0 + 600)
    fill(writer, T0 + 1800, T0 + 2 * HOUR)
    read = reader(state, SETTINGS)
    with sqlite3.connect(state.path / NAME) as connection:
        assert connection.execute("SELECT count(*) FROM points WHERE seconds = 3600").fetchone() == (2,)
    assert read.point(T0 + 1000) is None
    assert read.near(T0 + 1000) == (T0 + 590, T0 + 1800)
    assert read.near(T0 + 1800) == (T0 + 590, T0 + 1810)
    values = read.series(series(T0, T0 + HOUR, 6)).values
    assert values[1:3] == (None, None)
    assert values[0] == pytest.approx(4.5, abs=1)
    assert read.near(T0) == (None, T0 + 10)
    assert read.near(T0 + DAY) == (T0 + 2 * HOUR - 10, None)
    assert [each.at for each in read.points(T0 + 590, T0 + 1820, 200)] == [T0 + 590, T0 + 1800, T0 + 1810]


def test_older_than_the_fine_points_the_coarser_ones_tell(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, SETTINGS)
    fill(writer, T0, T0 + 9 * HOUR, 60.0)
    now = T0 + 9 * HOUR
    for number in range(20):
        writer.tidy(now + 100 * number)
    read = reader(state, SETTINGS)
    hour, minute, fine = read.point(T0 + 60), read.point(T0 + 4 * HOUR + 70), read.point(now - 60)
    assert hour is not None
    assert minute is not None
    assert fine is not None
    assert (hour.seconds, minute.seconds, fine.seconds) == (HOUR, 60.0, 10.0)
    assert hour.get(Kind.WORKFLOW, "w", "n") == 29.5
    assert minute.get(Kind.WORKFLOW, "w", "n") == 241
    found = read.points(T0, now, 1000)
    ends = [each.at + each.seconds for each in found]
    assert all(end <= later.at for end, later in zip(ends, found[1:], strict=False)), "each moment once"
    assert {each.seconds for each in found} == {60.0, HOUR}
    # Over the seam of the tiers a series goes on rising.
    values = read.series(series(T0, now, 27)).values
    known = [value for value in values if value is not None]
    assert len(known) == 27
    assert known == sorted(known)
    assert read.series(series(T0, now, 9)).values[-1] == pytest.approx(509.5, abs=10)


def test_the_newest_step_is_drawn_before_its_hour_is_over(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, SETTINGS)
    fill(writer, T0, T0 + 2.5 * HOUR)
    values = reader(state, SETTINGS).series(series(T0 - HOUR / 2, T0 + 2.5 * HOUR, 3)).values
    assert values[2] == pytest.approx(120, abs=15)


def test_a_ratio_is_of_all_runs_of_a_step(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    points = (point(T0, n=10, failed=5), point(T0 + 10, n=30, failed=5), point(T0 + 20, n=0, failed=0))
    writer.write(Batch(T0 + 30, points=(*points, point(T0 + 30, n=5))))
    read = reader(state)
    assert read.series(series(T0, T0 + 40, 2, "error_ratio")).values == (0.25, None)
    assert read.series(replace(series(T0, T0 + 40, 2), subject="nobody")).values == (None, None)
    assert read.series(series(T0, T0 + 40, 0)).values == ()
    assert read.series(series(T0, T0, 2)).values == (None, None)
    assert "not kept" in (read.series(series(T0, T0 + 40, 2, "colour")).problem or "")


def test_what_the_hours_say_is_in_their_points(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, SETTINGS)
    model = HourSum(T0, Kind.MODEL, "p/m", "prom", Role.METRICS, tokens=70.0)
    watched = Watched("prom", Role.METRICS, T0, T0 + HOUR)
    whole = Watched("logs", Role.LOGS, T0 - 10, T0 + HOUR + 10)
    runs = (run("a", T0 + 5, tokens=3, cost=0.5), run("b", T0 + 6, RunStatus.ERROR, tokens=4))
    metrics = (grown(T0, 9, 4, tokens=50.0), model)
    writer.write(Batch(T0 + HOUR, (point(T0, n=3),), runs, metrics, watched=(watched, whole)))
    writer.write(Batch(T0 + HOUR + 20))
    read = reader(state, SETTINGS)
    found = read.points(T0, T0 + HOUR, 1)[0]
    figures = [
        found.get(Kind.WORKFLOW, "w", name) for name in ("n", "runs", "failures", "tokens", "cost_usd")
    ]
    # Runs as the logs have them, which saw the whole hour; tokens as the metrics have them; cost is only in
    # the logs.
    assert figures == [3, 2, 1, 50, 0.5]
    assert found.get(Kind.MODEL, "p/m", "tokens") == 70
    covered = read.coverage(T0, T0 + HOUR)
    assert covered["prom", Role.METRICS, T0] == HOUR
    assert covered["logs", Role.LOGS, T0] == HOUR
    assert covered["logs", Role.LOGS, T0 - HOUR] == pytest.approx(10) if T0 - HOUR in covered else True
    assert read.coverage(T0 + 2 * HOUR, T0 + 3 * HOUR) == {}


def test_hours_that_a_source_knows_whole_are_replaced_and_rolled_again(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state, SETTINGS)
    for runs in (5.0, 8.0):
        writer.write(Batch(T0 + 2 * HOUR, hours=(grown(T0, runs, 1),)))
        found = reader(state, SETTINGS).point(T0)
        assert found is not None
        assert found.get(Kind.WORKFLOW, "w", "runs") == runs
    assert writer.begin(2, 1, "joe", "1", T0).known_hours("prom") == frozenset()
    whole = Watched("prom", Role.METRICS, T0, T0 + HOUR)
    writer.write(
        Batch(T0 + 2 * HOUR, watched=(whole, Watched("prom", Role.METRICS, T0 + HOUR, T0 + HOUR + 60)))
    )
    assert writer.begin(2, 1, "joe", "1", T0).known_hours("prom") == frozenset({T0})


def test_overlapping_spans_count_once(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    for begin, end in ((10, 30), (20, 40), (100, 110), (0, 5), (39, 101)):
        writer.write(Batch(T0, watched=(Watched("s", Role.LOGS, T0 + begin, T0 + end),)))
    assert reader(state).coverage(T0, T0 + 1) == {("s", Role.LOGS, T0): 105.0}


def test_runs_changes_sessions_and_states(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    ok = SourceStatus("prom", "prometheus", SourceState.OK, as_of=T0, where="http://x")
    down = replace(ok, state=SourceState.DOWN, error="refused", failing_since=T0 + 50)
    change = Change(T0 + 7, ChangeKind.RESTART, "w", "pid 1 → 2", "w")
    later = replace(change, at=T0 + 9, text="pid 2 → 3")
    long = run("a", T0 + 3, RunStatus.ERROR, error="x" * 1000, tokens=5, cost=0.25)
    other = run("b", T0 + 4, workflow="v")
    writer.write(Batch(T0 + 10, runs=(other, long), states=(ok,), changes=(later, change)))
    writer.write(Batch(T0 + 60, runs=(other, long), states=(down,), changes=(change,)))
    read = reader(state)
    assert read.runs("w", 5) == (replace(long, error="x" * 299 + "…"),)
    assert [each.id for each in read.newest_runs(T0 + 10, 5)] == ["a", "b"]
    assert [each.id for each in read.newest_runs(T0 + 3, 5)] == ["a"]
    assert read.runs("w", 5, until=T0 + 2) == ()
    assert read.changes(T0, T0 + 10, 5) == (later, change)
    assert read.changes(T0, T0 + 10, 1) == (later,)
    assert read.states_at(T0) == ()
    assert read.states_at(T0 + 59) == (ok,)
    assert read.states_at(T0 + 60) == (down,)
    (session,) = read.sessions(T0 + 60, T0 + 60)
    assert (session.epoch, session.pid, session.user, session.begin) == (1, 42, "joe", T0)
    assert session.last_seen == T0 + 60
    assert read.sessions(T0 + 61, T0 + 99) == ()


EVIL = "a\x1b[31m\u202eb\nc"


def test_every_text_is_safe(tmp_path: Path) -> None:
    """Also what another hand has put into the file."""
    state = lane(tmp_path)
    writer = begun(state)
    status = SourceStatus("prom", "prometheus", SourceState.OK, error="e", missing=("m",))
    writer.write(
        Batch(
            T0 + 10,
            points=(point(T0, subject="name", n=1),),
            runs=(run("id", T0, error="e", source="src"),),
            grown=(grown(T0, 1),),
            states=(status,),
            changes=(Change(T0, ChangeKind.CONFIG, "s", "t"),),
            marks={"logs": (FileMark("/p", 1, 2, 3, 4, 5, 6, 7),)},
        )
    )
    writer.close()
    with sqlite3.connect(state.path / NAME) as connection:
        connection.execute("UPDATE names SET name = name || ? WHERE name IN ('name', 'w', 'src')", (EVIL,))
        connection.execute("UPDATE runs SET id = ?, error = ?, word = ?, log = ?, model = ?", (EVIL,) * 5)
        connection.execute("UPDATE changes SET subject = ?, text = ?, workflow = ?", (EVIL,) * 3)
        connection.execute("UPDATE sessions SET user = ?, version = ?", (EVIL,) * 2)
        connection.execute("UPDATE marks SET source = ?", (EVIL,))
    connection.close()
    read = reader(state)
    (name,) = (read.hours(T0, T0 + 1, Kind.WORKFLOW)[0].subject,)
    found = read.point(T0)
    assert found is not None
    told = [found, read.newest_runs(T0, 9), read.changes(0, T0 + 1, 9), read.sessions(T0, T0 + 99)]
    told += [name, read.states_at(T0 + 99), read.hours(T0, T0 + 1, Kind.WORKFLOW)]
    told.append(begun(state, epoch=2).begin(3, 1, EVIL, EVIL, T0).marks)
    assert not any(each in repr(told) for each in (r"\x1b", r"\u202e", r"\n"))
    assert "␛" in repr(told)


NOISE = ("text", -1, 1e300, b"\xff\x00", None, 2**62)


@pytest.mark.parametrize("noise", NOISE)
def test_rows_of_another_hand_never_crash(tmp_path: Path, noise: object) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    writer.write(
        Batch(
            T0 + 10,
            points=(point(T0, n=1),),
            runs=(run("id", T0),),
            grown=(grown(T0, 1),),
            watched=(Watched("s", Role.LOGS, T0, T0 + 10),),
            states=(SourceStatus("prom", "prometheus", SourceState.OK),),
            changes=(Change(T0, ChangeKind.CONFIG, "s", "t"),),
        )
    )
    writer.close()
    columns = [
        (name, column)
        for name in ("names", "points", "hours", "runs", "watched", "states", "changes", "sessions", "meta")
        for column in _columns(state.path / NAME, name)
    ]
    whole = (state.path / NAME).read_bytes()
    for name, column in columns:
        (state.path / NAME).write_bytes(whole)
        with sqlite3.connect(state.path / NAME) as connection:
            try:
                connection.execute(f"UPDATE {name} SET {column} = ?", (noise,))
            except sqlite3.Error:
                continue  # SQLite itself forbids it
            finally:
                connection.commit()
        connection.close()
        ask_everything(state.path.parent)
        writing = HistoryWriter(state, SETTINGS)
        try:
            writing.begin(2, 1, "joe", "1", T0).known_hours("s")
            writing.write(
                Batch(
                    T0 + 2 * HOUR, runs=(run("id", T0 + 5),), watched=(Watched("s", Role.LOGS, T0, T0 + 20),)
                )
            )
            writing.tidy(T0 + 50 * DAY)
        except StoreError:
            pass
        writing.close()


def ask_everything(base: Path) -> None:
    read = reader(lane(base))
    for question in (
        read.bounds,
        lambda: read.point(T0),
        lambda: read.near(T0),
        lambda: read.points(T0, T0 + 100, 9),
        lambda: read.series(series(T0, T0 + 100, 5)),
        lambda: read.runs("w", 9),
        lambda: read.newest_runs(T0, 9),
        lambda: read.hours(T0, T0 + 1, Kind.WORKFLOW),
        lambda: read.coverage(T0, T0 + 1),
        lambda: read.states_at(T0 + 99),
        lambda: read.changes(0, T0 + 1, 9),
        lambda: read.sessions(0, T0 + 99),
    ):
        try:
            question()
        except StoreError:
            continue
    read.close()


def _columns(path: Path, name: str) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]


def test_marks_and_looks_are_where_a_new_collector_goes_on(tmp_path: Path) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    marks = (FileMark("/var/log/a.log", 1, 2, 300, 64, 5, 64, 7, T0, T0 + 9),)
    target = Target("ab", "x")
    near, far = Look(T0 + 10, b"first"), Look(T0 + 20, b"second")
    writer.write(Batch(T0 + 10, marks={"logs": marks, "more": ()}, looks=((target, near),)))
    writer.write(Batch(T0 + 20, marks={"more": marks}, looks=((target, far),)))
    resumed = begun(state, epoch=2).begin(2, 1, "joe", "1", T0 + 30)
    assert resumed.marks == {"logs": marks, "more": marks}
    assert resumed.reached == {"ab": T0 + 20}
    assert resumed.looks(target, T0 + 30) == (near, far)
    assert resumed.looks(target, T0 + 10) == (near,)
    assert resumed.looks(Target("cd", "y"), T0 + 30) == ()
    # However old it is, growth is counted up to it.
    assert resumed.looks(target, T0 + 30 * DAY) == (far,)
