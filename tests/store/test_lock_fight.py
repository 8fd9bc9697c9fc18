"""Real processes fight for the lock while they are killed and stopped at random: never do two write, and
never does nobody."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store import lockfighter
from store.storehelp import private
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.livefile import LiveReader

SECONDS = float(os.environ.get("WFMON_FIGHT_SECONDS", "20"))
FIGHTERS = 4
POLL = 0.01
WITHIN = 2.0  # seconds; counted in polls, so that a machine that stands still is not held against them


class Arena:
    """The fighters, and who of them holds the lock."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._rng = random.Random(seed)
        self._lock = CollectorLock(lockfighter.lane(path))
        self._reader = LiveReader(lockfighter.lane(path))
        self.fighters: dict[int, subprocess.Popen[bytes]] = {}
        self.deaths = 0
        self.replaced = 0

    def enter(self) -> None:
        process = subprocess.Popen([sys.executable, lockfighter.__file__, str(self._path)])
        self.fighters[process.pid] = process

    def wait_for_a_holder(self, *, not_of: tuple[int, ...] = (), seconds: float = WITHIN) -> int:
        for _ in range(int(seconds / POLL)):
            holder = self._lock.holder()
            if holder is not None and holder.pid in self.fighters and holder.pid not in not_of:
                return holder.pid
            self.look()
            time.sleep(POLL)
        raise AssertionError(f"nobody held the lock within {seconds:g} s; last: {holder}")

    def look(self) -> None:
        """What readers see is always whole and of one collector."""
        live = self._reader.look()
        if live is not None:
            assert set(live.chunks) == {str(live.epoch).encode()}

    def kill(self, pid: int) -> None:
        process = self.fighters.pop(pid)
        process.kill()
        process.wait(10)
        self.deaths += 1
        self.wait_for_a_holder()
        self.enter()

    def hang(self, pid: int, seconds: float) -> None:
        """The process stands still, and goes on later as if nothing had happened."""
        held = self.wait_for_a_holder() == pid
        os.kill(pid, signal.SIGSTOP)
        try:
            if held and seconds > lockfighter.HUNG:
                self.wait_for_a_holder(not_of=(pid,), seconds=lockfighter.HUNG + WITHIN)
                self.replaced += 1
            else:
                time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    def turn(self) -> None:
        self.look()
        holder = self.wait_for_a_holder()
        anybody = self._rng.choice(sorted(self.fighters))
        self._rng.choice(
            (
                lambda: self.kill(holder),
                lambda: self.kill(anybody),
                lambda: self.hang(holder, 2.0),
                lambda: self.hang(anybody, self._rng.uniform(0.0, 0.3)),
            )
        )()
        time.sleep(self._rng.uniform(0.0, 0.15))

    def end(self) -> None:
        for process in self.fighters.values():
            process.kill()
        for process in self.fighters.values():
            process.wait(10)


@pytest.mark.parametrize("seed", [3])
def test_two_never_write_and_somebody_always_collects(tmp_path: Path, seed: int) -> None:
    state = private(tmp_path)
    arena = Arena(state.path, seed)
    try:
        for _ in range(FIGHTERS):
            arena.enter()
        arena.wait_for_a_holder(seconds=20)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            arena.turn()
    finally:
        arena.end()
    assert arena.deaths > 3
    assert arena.replaced > 1
    lines = [line.split() for line in (state.path / "journal").read_text().splitlines()]
    written = [(int(epoch), float(at), int(pid)) for epoch, at, pid in lines]
    reigns = [(epoch, {pid for _, _, pid in reign}) for epoch, reign in itertools.groupby(written, first)]
    epochs = [epoch for epoch, _ in reigns]
    assert epochs == sorted(set(epochs)), "a collector wrote after the one that followed it"
    assert all(len(pids) == 1 for _, pids in reigns), "two collected in one epoch"
    assert len(epochs) > arena.replaced
    times = [at for _, at, _ in written]
    assert times == sorted(times)


def first(line: tuple[int, float, int]) -> int:
    return line[0]
