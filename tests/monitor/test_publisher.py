"""How often the collector's picture goes to its readers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.snapshots import incident
from wfmon.model.snapshot import Snapshot
from wfmon.monitor import publisher
from wfmon.monitor.publisher import Publisher
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.lanes import Lane
from wfmon.store.livefile import LiveReader
from wfmon.store.paths import StateDir

START = 1_800_000_000.0


class Costly:
    """A processor that takes ``seconds`` for each publishing."""

    seconds = 0.0

    def __init__(self) -> None:
        self.spent = 0.0

    def __call__(self) -> float:
        self.spent += self.seconds / 2
        return self.spent


def moved(snapshot: Snapshot, number: int) -> Snapshot:
    return replace(snapshot, runs_total=number)


@pytest.mark.parametrize(("seconds", "writes"), [(0.0001, 10), (0.002, 6), (9.0, 4)])
def test_what_is_dear_to_publish_is_published_more_seldom_but_alerts_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, writes: int
) -> None:
    cost = Costly()
    monkeypatch.setattr(publisher.time, "thread_time", cost)
    lane = Lane("abcdefabcdef", StateDir(tmp_path), root=True)
    lock = CollectorLock(lane)
    epoch = lock.take("joe", "1", START)
    assert epoch is not None
    now = START
    made = Publisher(lane, lock, epoch, every=1.0)
    made.begin(lambda: now, START, at_once=True)
    reader, seen = LiveReader(lane), set()
    base = incident()
    for second in range(10):
        now = START + second
        cost.seconds = 2 * seconds
        made.offer(moved(base, second))
        assert made.turn(now)
        live = reader.look()
        assert live is not None
        seen.add(live.sequence)
    assert len(seen) == writes
    made.offer(replace(moved(base, 99), alerts=base.alerts[1:]))
    now += 1.0
    made.turn(now)
    live = reader.look()
    assert live is not None
    assert live.sequence not in seen
    made.close(now)
    lock.release()
