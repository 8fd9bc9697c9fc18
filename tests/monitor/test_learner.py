"""What a written history teaches: usual figures, and how far back logs reach."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from wfmon.model.alert import Severity
from wfmon.model.baseline import Baseline
from wfmon.model.episode import Sighting
from wfmon.model.history import Batch, Change, ChangeKind, HourSum, Kind, Point, Role, Table, Watched
from wfmon.model.host import HostSample, Volume
from wfmon.model.retention import Keeps, Kept, Retention
from wfmon.model.run import Run, RunStatus
from wfmon.model.settings import BaselineSettings, RetentionSettings
from wfmon.model.snapshot import Cost, Totals, Workflow
from wfmon.monitor.learner import DAY, HOUR, Learner
from wfmon.monitor.picture import Picture
from wfmon.monitor.remembered import Remembered
from wfmon.store.acks import AckStore
from wfmon.store.history.reader import HistoryReader
from wfmon.store.history.settings import HistorySettings
from wfmon.store.history.writer import HistoryWriter
from wfmon.store.paths import StateDir

NOW = 1772373607.0  # 14:00:07 UTC, a Sunday
TOP = NOW // HOUR * HOUR
SETTINGS = HistorySettings()
WANTED = RetentionSettings(True, 90 * DAY, 30 * DAY, 365 * DAY, 365 * DAY)


def picture(name: str, now: float = NOW, last_run_at: float | None = None) -> Picture:
    row = Workflow(name, last_run_at=last_run_at)
    return Picture(now, (), Totals(), (row,), (), None, {}, (), Cost(), None, {})


class Place:
    """A state directory with a writer, acks and a learner."""

    def __init__(self, path: Path) -> None:
        self.state = StateDir(path, shared=False)
        self.acks = AckStore(self.state)
        self.writer = HistoryWriter(self.state, SETTINGS)
        self.writer.begin(1, 7, "u", "v", NOW - 30 * DAY)
        self.learner = self.anew()

    def anew(self) -> Learner:
        """As a process that has just begun."""
        reader = HistoryReader(self.state, SETTINGS)
        return Learner(reader, self.acks, UTC, BaselineSettings(500, 20, 35), WANTED, 15.0)

    def usual(self, name: str = "w", last_run_at: float | None = None) -> Baseline:
        return self.learner.learn(picture(name, last_run_at=last_run_at), (), NOW).baselines[name]

    def fires(self, begin: float, end: float | None = None) -> None:
        alert = Sighting(
            "aaaaaaaaaaaa", "failure_rate", (("workflow", "w"),), Severity.CRITICAL, "90%", begin, False, "w"
        )
        self.acks.observe([alert], begin)
        self.acks.observe([alert], NOW)
        if end is not None:
            self.acks.observe([], end, {alert.key: end})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.learner.close()
    place.writer.close()
    place.acks.close()


def runs(count: int, first: int, until: float, status: RunStatus, seconds: float) -> tuple[Run, ...]:
    return tuple(
        Run(f"r{first + n}", "w", status, ended_at=until - count + n, duration_seconds=seconds, source="logs")
        for n in range(count)
    )


def test_an_incident_that_fills_the_ring_changes_nothing(place: Place) -> None:
    place.writer.write(Batch(NOW - 2 * HOUR, runs=runs(100, 0, NOW - 2 * HOUR, RunStatus.SUCCESS, 2.0)))
    before = place.usual()
    assert (before.n, before.error_ratio, before.duration_p99_seconds) == (100, 0.0, 2.0)
    place.fires(NOW - HOUR)
    place.writer.write(Batch(NOW, runs=runs(600, 1000, NOW, RunStatus.ERROR, 90.0)))
    after = place.usual(last_run_at=NOW - 1)
    assert (after.n, after.error_ratio, after.duration_p99_seconds) == (100, 0.0, 2.0)


def test_who_takes_over_in_an_incident_goes_on_from_what_was_usual_before_it(place: Place) -> None:
    place.writer.write(Batch(NOW - 2 * HOUR, runs=runs(100, 0, NOW - 2 * HOUR, RunStatus.SUCCESS, 2.0)))
    before = place.usual()
    place.fires(NOW - HOUR)
    place.writer.write(Batch(NOW, runs=runs(600, 1000, NOW, RunStatus.ERROR, 90.0)))
    place.learner.close()
    place.learner = place.anew()
    young = Retention("app", Keeps.PRODUCTION_LOGS, 90 * DAY, words="oldest 3d")
    place.learner.go_on(Remembered(baselines={"w": before}, retention=(young,)), NOW)
    learnt = place.learner.learn(picture("w", last_run_at=NOW - 1), (), NOW)
    assert (learnt.baselines["w"].n, learnt.baselines["w"].duration_p99_seconds) == (100, 2.0)
    assert young in learnt.retention
    assert young not in place.learner.learn(picture("w"), (), NOW + 600).retention


def test_a_new_normal_is_learnt_at_once(place: Place) -> None:
    place.writer.write(Batch(NOW, runs=runs(100, 0, NOW, RunStatus.ERROR, 90.0)))
    place.fires(NOW - HOUR)
    assert place.usual().n == 0
    place.acks.accept("w", "joe", NOW - 1, NOW - HOUR)
    found = place.usual()
    assert (found.n, found.error_ratio, found.accepted_at) == (100, 1.0, NOW - 1)


def test_a_new_version_resets_durations_for_longer_than_a_day_however_much_else_changes(place: Place) -> None:
    deployed = NOW - 3 * DAY
    place.writer.write(Batch(NOW, runs=runs(100, 0, deployed, RunStatus.SUCCESS, 90.0)))
    place.writer.write(Batch(NOW, runs=runs(30, 1000, NOW, RunStatus.SUCCESS, 2.0)))
    new = Change(deployed, ChangeKind.VERSION, "w", "1.4 → 1.5", "w")
    noise = (Change(NOW - n - 1, ChangeKind.RESTART, "v", "pid 1 → 2", "v") for n in range(60))
    place.writer.write(Batch(NOW, changes=(new, *noise)))
    found = place.usual()
    assert (found.n, found.duration_p50_seconds, found.duration_p99_seconds) == (130, 2.0, 2.0)


def test_durations_of_a_workflow_whose_runs_are_not_known(place: Place) -> None:
    for n in range(30, 0, -1):
        at = TOP - n * HOUR
        rows = Table(("w",), {"duration_p95": array("f", [500.0 if n <= 5 else 5.0 + n % 2])})
        place.writer.write(
            Batch(
                at + 10,
                points=(Point(at, 10.0, {Kind.WORKFLOW: rows}),),
                hours=(HourSum(at, Kind.WORKFLOW, "w", "prom", Role.METRICS, 60, 3),),
                watched=(Watched("prom", Role.METRICS, at, at + HOUR),),
            )
        )
    place.fires(TOP - 5 * HOUR, NOW)
    found = place.usual()
    assert (found.duration_from, found.duration_p50_seconds) == ("hourly p95", None)
    assert found.duration_p95_seconds == pytest.approx(5.5, abs=0.6)
    assert found.error_ratio == pytest.approx(0.05)


def looked(place: Place, at: float, oldest_at: float, size: float) -> None:
    """A point of then: how old the oldest line of the log was, and how much the log took."""
    rows = Table(("app",), {"oldest_age": array("f", [at - oldest_at]), "bytes": array("f", [size])})
    place.writer.write(Batch(at + 10, points=(Point(at // 10 * 10, 10.0, {Kind.LOGS: rows}),)))


def words(place: Place, kept: Kept, now: float = NOW) -> str:
    return place.learner.learn(picture("w", now), (kept,), now).retention[0].words


def test_lines_that_an_earlier_process_saw_and_that_are_gone(place: Place) -> None:
    oldest = NOW - 40 * DAY
    for back in (20, 10, 3):
        looked(place, NOW - back * DAY, oldest, 1000)
    looked(place, NOW - DAY, NOW - 12 * DAY, 1000)
    place.learner = place.anew()
    kept = Kept("app", Keeps.PRODUCTION_LOGS, oldest_at=NOW - 12 * DAY, bytes=3000)
    (found, own) = place.learner.learn(picture("w"), (kept,), NOW).retention
    assert (found.words, found.short) == ("only 12d: older lines were deleted 1d ago", True)
    assert found.lost_before == NOW - 12 * DAY
    assert found.bytes_per_day == pytest.approx(2000, rel=0.05)  # that was before the day
    assert own.subject == "history"


def test_growth_against_a_day_ago_and_no_alarm_while_nothing_is_gone(place: Place) -> None:
    for hours in range(72, -1, -1):
        looked(place, NOW - hours * HOUR, NOW - 5 * DAY, 5000 - hours * 10)
    kept = Kept("app", Keeps.PRODUCTION_LOGS, oldest_at=NOW - 5 * DAY, bytes=5000)
    place.learner = place.anew()
    found = place.learner.learn(picture("w"), (kept,), NOW).retention[0]
    assert (found.words, found.short) == ("young: 5d, nothing deleted yet", False)
    assert found.bytes_per_day == pytest.approx(240, rel=0.1)


def test_lines_that_go_while_it_looks(place: Place) -> None:
    kept = Kept("app", Keeps.PRODUCTION_LOGS, oldest_at=NOW - 12 * DAY)
    assert words(place, kept) == "young: 12d, nothing deleted yet"
    later = Kept("app", Keeps.PRODUCTION_LOGS, oldest_at=NOW - 5 * DAY)
    assert words(place, later, NOW + 1200) == "only 5d: older lines were deleted just now"
    assert words(place, later, NOW + 3 * HOUR) == "only 5d: older lines were deleted 2h ago"


def test_runs_that_are_written_after_a_first_look_are_learnt_from(place: Place) -> None:
    last = NOW - 100.0
    assert place.usual(last_run_at=last).n == 0  # seen in the logs, not yet in the history
    found = runs(30, 0, last, RunStatus.SUCCESS, 2.0)
    place.writer.write(Batch(NOW, runs=found))
    place.learner.written(Batch(NOW, runs=(*found, replace(found[0], workflow="never seen"))))
    assert place.usual(last_run_at=last).n == 30


def test_hours_that_a_source_tells_after_a_first_look_are_learnt_from_within_the_hour(place: Place) -> None:
    """A Prometheus is asked for the hours before the first start while the screen is up already."""
    assert place.usual().hours == 0
    hours = [TOP - n * HOUR for n in range(1, 30 * 24)]
    batch = Batch(
        NOW,
        hours=tuple(HourSum(at, Kind.WORKFLOW, "w", "prom", Role.METRICS, 60, 3, None, 2.0) for at in hours),
        watched=tuple(Watched("prom", Role.METRICS, at, at + HOUR) for at in hours),
    )
    place.writer.write(batch)
    place.learner.written(batch)
    found = place.learner.learn(picture("w"), (), NOW + 20).baselines["w"]
    assert (found.error_ratio, found.learning) == (0.05, False)
    assert found.cost_usd_per_hour == pytest.approx(2.0)


def test_sizes_and_reach_are_of_now_and_not_of_the_last_long_look(place: Place) -> None:
    young = Kept("app", Keeps.PRODUCTION_LOGS, oldest_at=NOW - 2, bytes=700)
    assert words(place, young) == "young: 2s, nothing deleted yet"
    found = place.learner.learn(picture("w"), (replace(young, bytes=9000),), NOW + 60).retention[0]
    assert (found.bytes, found.reach_seconds, found.words) == (9000, 62, "young: 1m, nothing deleted yet")


def test_room_is_sampled_on_after_the_clock_was_set_back(place: Place) -> None:
    disk = Volume("/", "d", "/", total_bytes=1000, free_bytes=500, used_ratio=0.5)
    host = HostSample(NOW, None, None, None, None, None, None, (), (disk,), 0, 0)

    def basis(at: float) -> str:
        seen = replace(picture("w", at), host=host)
        return place.learner.learn(seen, (), at).fillings[0].basis

    assert basis(NOW + 3 * HOUR) == "too few samples in the last 6h"
    assert basis(NOW) == "too few samples in the last 6h"


def test_a_workflow_that_nobody_tells_of_any_more_is_known_for_a_week(place: Place) -> None:
    """Its series vanished with a restart: rule ``silence`` has to know that it ran, and at what gaps."""
    last = NOW - 2 * DAY
    gone = tuple(
        replace(each, ended_at=last - n * HOUR)
        for n, each in enumerate(runs(40, 0, NOW, RunStatus.SUCCESS, 2.0))
    )
    hour = last // HOUR * HOUR
    batch = Batch(
        NOW,
        runs=gone,
        hours=(HourSum(hour, Kind.WORKFLOW, "w", "logs", Role.LOGS, 1, 0),),
        watched=tuple(
            Watched("logs", Role.LOGS, TOP - n * HOUR, min(TOP - n * HOUR + HOUR, NOW)) for n in range(70)
        ),
    )
    place.writer.write(batch)
    found = place.learner.learn(picture("other"), (), NOW).baselines["w"]
    assert (found.last_run_at, found.gap_p50_seconds, found.gap_max_seconds) == (last, HOUR, HOUR)
    assert found.gap_span_seconds == 39 * HOUR
    assert found.watched_since == TOP - 69 * HOUR
    later = place.anew()
    assert "w" in later.learn(picture("other", NOW + 4 * DAY), (), NOW + 4 * DAY).baselines
    known = later.learn(picture("other", NOW + 6 * DAY), (), NOW + 6 * DAY).baselines
    assert "w" not in known  # forgotten by one that knew it ...
    later.close()
    last_one = place.anew()
    assert (
        "w" not in last_one.learn(picture("other", NOW + 6 * DAY), (), NOW + 6 * DAY).baselines
    )  # ... or not
    last_one.close()


def test_the_newest_run_of_a_workflow_that_only_metrics_tell_of_is_at_most_as_old_as_its_hour(
    place: Place,
) -> None:
    hours = [TOP - n * HOUR for n in range(3, 60)]
    place.writer.write(
        Batch(
            NOW,
            hours=tuple(HourSum(at, Kind.WORKFLOW, "w", "prom", Role.METRICS, 60, 3) for at in hours),
            watched=tuple(Watched("prom", Role.METRICS, at, at + HOUR) for at in hours),
        )
    )
    found = place.usual()
    assert found.last_run_at == TOP - 2 * HOUR
    assert found.watched_since == TOP  # nobody has watched for two hours: nothing is known before this one
    assert found.gap_p50_seconds is None
