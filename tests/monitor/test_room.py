"""The room on volumes: taken once a minute, gone on with from the history, foretold as often."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.test_learner import NOW, SETTINGS, Place
from wfmon.model.history import Batch, Kind, Point, Table
from wfmon.model.host import Volume
from wfmon.monitor.room import STEP, Room
from wfmon.store.history.reader import HistoryReader

G = 1024.0**3
HOUR = 3600.0
TOP = NOW // 600 * 600


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.learner.close()
    place.writer.close()
    place.acks.close()


def disk(free: float, inodes: float | None = None, mount: str = "/") -> Volume:
    return Volume(mount, "d", mount, int(100 * G), int(free), 1 - free / (100 * G), inodes)


def free_at(at: float) -> float:
    """20 G at NOW, 4 G less every hour."""
    return 20 * G + 4 * G * (NOW - at) / HOUR


def inodes_at(at: float) -> float:
    """Half of them at NOW, a tenth more every hour."""
    return 0.5 - 0.1 * (NOW - at) / HOUR


def written(place: Place, hours: float) -> None:
    points = []
    for n in range(int(hours * 60)):
        at = TOP - 60.0 * n
        columns = {"free_bytes": array("f", [free_at(at)]), "inodes_used_ratio": array("f", [inodes_at(at)])}
        points.append(Point(at, 10.0, {Kind.VOLUME: Table(("/",), columns)}))
    place.writer.write(Batch(NOW, points=tuple(points[::-1])))


def test_a_start_goes_on_from_the_history_also_by_the_slope_of_minutes(place: Place) -> None:
    written(place, 5)
    room = Room(HistoryReader(place.state, SETTINGS))
    (found,) = room.fillings([disk(free_at(NOW), inodes_at(NOW))], NOW)
    assert found.slopes.quick == pytest.approx(5 * HOUR, rel=0.05)
    assert found.slopes.short == pytest.approx(5 * HOUR, rel=0.05)
    assert (found.slopes.day_known, found.slopes.steady, found.slopes.little) == (False, True, True)
    assert found.inodes is not None
    assert found.inodes.quick == pytest.approx(5 * HOUR, rel=0.05)
    assert found.inodes.little is False


def test_without_a_history_it_knows_what_it_has_seen(place: Place) -> None:
    room = Room(HistoryReader(place.state, SETTINGS))
    for minute in range(46):
        (found,) = room.fillings([disk(free_at(NOW + 60.0 * minute))], NOW + 60.0 * minute)
    assert found.slopes.quick == pytest.approx(5 * HOUR - 45 * 60, rel=0.05)
    assert found.slopes.short is None
    assert found.inodes is None


def test_it_is_foretold_anew_once_a_minute_and_the_same_is_the_same(place: Place) -> None:
    room = Room(HistoryReader(place.state, SETTINGS))
    before = room.fillings([disk(G)], NOW)
    assert room.fillings([disk(G / 2)], NOW + STEP / 2) is before
    assert room.fillings([disk(G)], NOW + 2 * STEP) is before, "nothing else is known of it"
    both = room.fillings([disk(G), disk(G, mount="/data")], NOW + 10 * STEP)
    assert [each.mount for each in both] == ["/", "/data"]
