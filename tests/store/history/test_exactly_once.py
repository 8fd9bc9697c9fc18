"""Random batches, repeats, failures and new processes against what plain dictionaries say."""

from __future__ import annotations

import math
import random
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.history.historyhelp import HOUR, NAN, T0, begun, grown, lane, point, reader, run, small
from wfmon.model.history import Batch, HourSum, Kind, Point, Role
from wfmon.model.record import replace
from wfmon.model.run import COUNTED, FAILED, Run, RunStatus
from wfmon.store.errors import StoreError
from wfmon.store.history.rolling import Roller
from wfmon.store.history.settings import HistorySettings
from wfmon.store.paths import StateDir

KEEP = 6
ENDS = (RunStatus.SUCCESS, RunStatus.ERROR, RunStatus.LOST, RunStatus.CANCELLED, RunStatus.TIMEOUT)
Sum = tuple[float, str, str, Role]
SETTINGS = small(keep_runs=KEEP)


class Oracle:
    """Every run counts once, in the hour in which its last version ended."""

    def __init__(self) -> None:
        self.sums: dict[Sum, list[float]] = {}
        self.rings: dict[str, dict[str, Run]] = {"v": {}, "w": {}}
        self.lost: dict[str, dict[str, Run]] = {"v": {}, "w": {}}
        self.counted_to: dict[tuple[str, str], float] = {}
        self.points: dict[float, Point] = {}

    def take(self, batch: Batch) -> tuple[int, int]:
        new = corrected = 0
        for each in sorted(batch.runs, key=lambda run: run.ended_at or 0):
            ring = self.rings[each.workflow]
            assert each.ended_at is not None
            before = ring.get(each.id) or self.lost[each.workflow].get(each.id)
            counted_to = self.counted_to.get((each.workflow, each.source), -1.0)
            if before == each or (before is None and each.ended_at <= counted_to):
                continue
            self.lost[each.workflow].pop(each.id, None)
            new, corrected = new + (before is None), corrected + (before is not None)
            if before is not None:
                self.count(before, -1)
            self.count(each, 1)
            ring[each.id] = each
        for workflow, ring in self.rings.items():
            ends = sorted((each.ended_at or 0 for each in ring.values()), reverse=True)
            oldest = ends[KEEP - 1] if len(ends) > KEEP else 0
            for known in [each for each in ring.values() if (each.ended_at or 0) < oldest]:
                place = (workflow, known.source)
                self.counted_to[place] = max(self.counted_to.get(place, -1.0), known.ended_at or 0)
                if known.status is RunStatus.LOST:
                    self.lost[workflow][known.id] = known
                del ring[known.id]
        for told in batch.grown:
            figures = self.sums.setdefault((told.at, told.subject, told.source, told.role), [0, 0, 0, 0])
            figures[0] += told.runs or 0
            figures[1] += told.failures or 0
        for told in batch.hours:
            self.sums[told.at, told.subject, told.source, told.role] = [told.runs or 0, 0, 0, 0]
        self.points |= {each.at: each for each in batch.points}
        return new, corrected

    def count(self, each: Run, sign: int) -> None:
        assert each.ended_at is not None
        key = (each.ended_at // HOUR * HOUR, each.workflow, each.source, Role.LOGS)
        figures = self.sums.setdefault(key, [0, 0, 0, 0])
        told = (each.status in COUNTED, each.status in FAILED, each.usage.total, each.usage.cost_usd)
        for place, value in enumerate(told):
            figures[place] += sign * (value or 0)


class Story:
    """One random course of events."""

    def __init__(self, seed: int, state: StateDir) -> None:
        self.random = random.Random(seed)
        self.state = state
        self.oracle = Oracle()
        self.now = T0 + 100.0
        self.epoch = 1
        self.ever: dict[tuple[str, str], Run] = {}
        self.writer = begun(state, SETTINGS)

    def batch(self) -> Batch:
        at = self.now // 10 * 10
        self.now += self.random.choice([10, 10, 10, 70, 900, 4000])
        runs = [self.new_run() for _ in range(self.random.choice([0, 1, 1, 3, 9]))]
        for known in (*self.oracle.rings.values(), *self.oracle.lost.values()):
            if known and self.random.random() < 0.4:
                runs.append(self.corrected(self.random.choice(list(known.values()))))
        again = {(each.workflow, each.id) for each in runs}
        repeats = [each for key, each in self.ever.items() if key not in again]
        runs += self.random.sample(repeats, self.random.randint(0, len(repeats)))
        self.ever |= {(each.workflow, each.id): each for each in runs}
        self.random.shuffle(runs)
        hour = at // HOUR * HOUR
        whole = HourSum(hour - HOUR, Kind.WORKFLOW, "w", "big", Role.METRICS, self.random.randint(0, 9))
        return Batch(
            self.now,
            points=(point(at, n=self.random.choice([NAN, 1, 2, 3])),),
            runs=tuple(runs),
            grown=(grown(hour, self.random.randint(0, 5), 1),) if self.random.random() < 0.5 else (),
            hours=(whole,) if self.random.random() < 0.2 else (),
        )

    def new_run(self) -> Run:
        pick = self.random
        ended = self.now - pick.choice([0, 1, 2, 2, 5, 600, 5000])
        name = f"r{len(self.ever)}-{pick.random()}"
        tokens, cost = pick.randint(1, 99), pick.randint(1, 8) / 4
        workflow, source = pick.choice("vw"), pick.choice(["logs", "more"])
        return run(name, ended, pick.choice(ENDS), workflow=workflow, tokens=tokens, cost=cost, source=source)

    def corrected(self, known: Run) -> Run:
        assert known.ended_at is not None
        later = known.ended_at + self.random.choice([0, 0, 1, 3000])
        return replace(known, status=self.random.choice(ENDS), ended_at=later)

    def step(self, patch: pytest.MonkeyPatch) -> None:
        batch, luck = self.batch(), self.random.random()
        if luck < 0.2:
            with patch.context() as broken:
                broken.setattr(Roller, "roll", _fail)
                with pytest.raises(StoreError, match="pulled out"):
                    self.writer.write(batch)
        written = self.writer.write(batch)
        assert (written.new_runs, written.corrected_runs) == self.oracle.take(batch)
        if luck > 0.7:
            again = self.writer.write(batch)
            assert (again.new_runs, again.corrected_runs) == (0, 0)
        if luck > 0.9:
            self.epoch += 1
            self.writer = begun(self.state, SETTINGS, epoch=self.epoch, now=self.now)


def _fail(_roller: Roller) -> int:
    raise sqlite3.OperationalError("pulled out")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 40))
def test_nothing_is_counted_twice_and_nothing_is_lost(seed: int) -> None:
    with tempfile.TemporaryDirectory() as base, pytest.MonkeyPatch.context() as patch:
        story = Story(seed, lane(Path(base)))
        for _ in range(story.random.randint(3, 25)):
            story.step(patch)
        check_sums(story)
        check_rings(story)
        story.writer.write(Batch(story.now + 100 * HOUR))
        story.writer.write(Batch(story.now + 100 * HOUR))
        check_points(story)
        story.writer.close()


def check_sums(story: Story) -> None:
    told = {
        (each.at, each.subject, each.source, each.role): each
        for each in reader(story.state, SETTINGS).hours(0, story.now + 100 * HOUR, Kind.WORKFLOW)
    }
    assert set(told) == set(story.oracle.sums)
    for key, wanted in story.oracle.sums.items():
        each = told[key]
        found = (each.runs, each.failures, each.tokens, each.cost_usd)
        assert [value or 0 for value in found] == wanted, key


def check_rings(story: Story) -> None:
    read = reader(story.state, SETTINGS)
    for workflow, ring in story.oracle.rings.items():
        kept = read.runs(workflow, 1000)
        assert {each.id: each for each in kept} == ring
        assert [each.ended_at for each in kept] == sorted(each.ended_at or 0 for each in kept)


def check_points(story: Story) -> None:
    """Minutes are the means of their points, hours those of their minutes; nothing is where nothing was."""
    read = reader(story.state, SETTINGS)
    fine = {
        at: value for at, each in story.oracle.points.items() if (value := each.get(Kind.WORKFLOW, "w", "n"))
    }
    minutes = joined(fine, 60.0)
    for at, mean in minutes.items():
        assert of_tier(story.state, 60.0, at) == pytest.approx(mean, rel=3e-4)
    hours = joined(minutes, HOUR)
    for at, mean in hours.items():
        assert of_tier(story.state, HOUR, at) == pytest.approx(mean, rel=3e-4)
    with sqlite3.connect(story.state.path / "history.db") as connection:
        assert {at for (at,) in connection.execute("SELECT at FROM points WHERE seconds = 60")} == set(
            minutes
        )
        assert connection.execute("SELECT count(*) FROM pending").fetchone() == (0,)
    summed = {at for at, *_ in story.oracle.sums}
    assert all(not math.isnan(at) for at in summed)
    assert read.bounds() is not None or not (fine or summed)


def joined(finer: dict[float, float], seconds: float) -> dict[float, float]:
    found: dict[float, list[float]] = {}
    for at, value in sorted(finer.items()):
        found.setdefault(at // seconds * seconds, []).append(value)
    return {at: sum(values) / len(values) for at, values in found.items()}


def of_tier(state: StateDir, seconds: float, at: float) -> float | None:
    """As if the finer points were gone."""
    from wfmon.store.history import codec

    with sqlite3.connect(state.path / "history.db") as connection:
        ids = dict(connection.execute("SELECT name, id FROM names").fetchall())
        row = connection.execute(
            "SELECT packed FROM points WHERE seconds = ? AND at = ?", (seconds, at)
        ).fetchone()
    picker = codec.Picker(ids["workflow"], ids["w"], [ids["n"]])
    picked = None if row is None else picker.pick(row[0])
    return None if picked is None else picked[0]


def test_a_run_that_goes_on_is_not_finished(tmp_path: Path) -> None:
    writer = begun(lane(tmp_path))
    runs = (
        run("a", None, RunStatus.RUNNING),
        run("b", None, RunStatus.LOST),
        run("c", T0, RunStatus.RUNNING),
    )
    assert writer.write(Batch(T0, runs=runs)).new_runs == 0


def test_runs_that_ended_together_stay_or_go_together(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(keep_runs=3)
    writer = begun(state, settings)
    old = [run(f"a{number}", T0) for number in range(5)]
    assert writer.write(Batch(T0, runs=tuple(old))).new_runs == 5
    assert len(reader(state, settings).runs("w", 100)) == 5
    new = [run(f"b{number}", T0 + 1) for number in range(3)]
    assert writer.write(Batch(T0 + 1, runs=(*old, *new))).new_runs == 3
    assert [each.id for each in reader(state, settings).runs("w", 100)] == ["b0", "b1", "b2"]
    assert writer.write(Batch(T0 + 2, runs=(*old, *new))).new_runs == 0
    assert reader(state, settings).hours(T0, T0 + 1, Kind.WORKFLOW)[0].runs == 8


def counted(state: StateDir, settings: HistorySettings) -> dict[str, float]:
    """Runs by source, over all hours."""
    found: dict[str, float] = {}
    for each in reader(state, settings).hours(0, T0 + 1000 * HOUR, Kind.WORKFLOW):
        found[each.source] = found.get(each.source, 0.0) + (each.runs or 0.0)
    return found


def many(name: str, source: str, begin: float, count: int) -> tuple[Run, ...]:
    return tuple(run(f"{name}{number}", begin + number, source=source) for number in range(count))


def test_a_lost_run_that_left_the_ring_and_ends_late_counts_once(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(keep_runs=3)
    writer = begun(state, settings)
    lost = run("a", T0, RunStatus.LOST, cost=0.5)
    writer.write(Batch(T0, runs=(lost,)))
    writer.write(Batch(T0 + 10, runs=many("b", "logs", T0 + 1, 5)))
    assert writer.write(Batch(T0 + 20, runs=(lost,))).new_runs == 0
    ended = replace(lost, status=RunStatus.SUCCESS, ended_at=T0 + 2 * HOUR)
    written = writer.write(Batch(T0 + 2 * HOUR, runs=(ended,)))
    assert (written.new_runs, written.corrected_runs) == (0, 1)
    assert counted(state, settings) == {"logs": 6.0}
    by_hour = {each.at: each for each in reader(state, settings).hours(T0, T0 + 3 * HOUR, Kind.WORKFLOW)}
    assert (by_hour[T0].runs, by_hour[T0].failures, by_hour[T0].cost_usd) == (5.0, 0.0, 0.0)
    assert (by_hour[T0 + 2 * HOUR].runs, by_hour[T0 + 2 * HOUR].cost_usd) == (1.0, 0.5)


def test_lost_runs_are_remembered_for_a_day(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(keep_runs=3)
    writer = begun(state, settings)
    writer.write(Batch(T0, runs=(run("a", T0, RunStatus.LOST), *many("b", "logs", T0 + 1, 5))))

    def remembered(now: float) -> int:
        writer.tidy(now)
        with sqlite3.connect(state.path / "history.db") as connection:
            return int(connection.execute("SELECT count(*) FROM lost").fetchone()[0])

    assert remembered(T0 + 60) == 1
    for hour in range(26):
        left = remembered(T0 + 60 + hour * HOUR)
    assert left == 0


def test_older_runs_of_another_source_are_counted_when_they_come_last(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(keep_runs=3)
    writer = begun(state, settings)
    writer.write(Batch(T0, runs=many("new", "b", T0 + 2 * HOUR, 6)))
    old = many("old", "a", T0, 5)
    for _ in range(2):
        writer.write(Batch(T0 + 3 * HOUR, runs=old))
        assert counted(state, settings) == {"a": 5.0, "b": 6.0}
    assert [each.id for each in reader(state, settings).runs("w", 100)] == ["new3", "new4", "new5"]


def test_a_source_that_was_renamed_counts_nothing_again(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(keep_runs=3)
    writer = begun(state, settings)
    runs = many("r", "before", T0, 6)
    writer.write(Batch(T0 + 10, runs=runs))
    renamed = tuple(replace(each, source="after") for each in runs)
    for _ in range(2):
        writer.write(Batch(T0 + 20, runs=renamed))
        assert sum(counted(state, settings).values()) == 6.0


def test_a_late_correction_of_a_forgotten_hour_changes_its_point(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(hours_keep=2 * 24 * HOUR)
    writer = begun(state, settings)
    lost = run("a", T0 + 60, RunStatus.LOST, tokens=10)
    writer.write(Batch(T0 + 100, runs=(lost, run("b", T0 + 70, tokens=5))))
    now = T0 + 20 * 24 * HOUR
    writer.write(Batch(now))
    writer.tidy(now)
    read = reader(state, settings)
    assert read.hours(0, now, Kind.WORKFLOW) == []
    before = read.point(T0)
    assert before is not None
    assert before.get(Kind.WORKFLOW, "w", "runs") == 2
    assert before.get(Kind.WORKFLOW, "w", "failures") == 1
    writer.write(Batch(now, runs=(replace(lost, status=RunStatus.SUCCESS),)))
    writer.write(Batch(now, runs=(replace(lost, status=RunStatus.SUCCESS),)))
    after = read.point(T0)
    assert after is not None
    assert after.get(Kind.WORKFLOW, "w", "runs") == 2
    assert after.get(Kind.WORKFLOW, "w", "failures") == 0
    assert after.get(Kind.WORKFLOW, "w", "tokens") == 15


def test_a_correction_leaves_the_levels_of_an_hour_whose_minutes_are_gone(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(keep=(HOUR, 2 * HOUR, 30 * 24 * HOUR))
    writer = begun(state, settings)
    lost = run("a", T0 + 60, RunStatus.LOST)
    writer.write(Batch(T0 + 100, points=(point(T0, active=3),), runs=(lost,)))
    now = T0 + 24 * HOUR
    writer.write(Batch(now))
    writer.tidy(now)
    writer.write(Batch(now, runs=(replace(lost, status=RunStatus.SUCCESS),)))
    found = reader(state, settings).point(T0)
    assert found is not None
    assert found.seconds == HOUR
    figures = [found.get(Kind.WORKFLOW, "w", name) for name in ("active", "runs", "failures")]
    assert figures == [3, 1, 0]


def test_a_point_that_comes_late_leaves_the_sums_of_a_forgotten_hour(tmp_path: Path) -> None:
    state, settings = lane(tmp_path), small(hours_keep=2 * 24 * HOUR)
    writer = begun(state, settings)
    writer.write(Batch(T0 + 100, runs=(run("a", T0 + 60),)))
    now = T0 + 20 * 24 * HOUR
    writer.write(Batch(now))
    writer.tidy(now)
    writer.write(Batch(now, points=(point(T0, active=5),)))
    found = reader(state, settings).points(T0, T0 + HOUR, 1)[0]
    assert [found.get(Kind.WORKFLOW, "w", name) for name in ("active", "runs")] == [5, 1]


def test_names_of_a_batch_that_failed_are_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = lane(tmp_path)
    writer = begun(state)
    batch = Batch(T0 + 10, points=(point(T0, subject="new", n=1),))
    with monkeypatch.context() as broken:
        broken.setattr(Roller, "roll", _fail)
        with pytest.raises(StoreError):
            writer.write(batch)
    writer.write(Batch(T0 + 20, points=(point(T0 + 10, subject="other", n=2),)))
    writer.write(batch)
    found = reader(state).point(T0)
    assert found is not None
    assert found.get(Kind.WORKFLOW, "new", "n") == 1
