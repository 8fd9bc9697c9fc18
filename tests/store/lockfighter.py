"""One of several processes that fight for a lane: ``lockfighter.py DIRECTORY``.

Whoever holds the lock writes "epoch, monotonic time, pid" into ``journal``, through a fence that refuses
an epoch that is not the newest, and shows its epoch in the live file. The others take over when the lock
is free, or when its holder has shown no life for ``HUNG`` seconds.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from pathlib import Path

from wfmon.store.collectorlock import CollectorLock
from wfmon.store.errors import Superseded
from wfmon.store.lanes import Lane
from wfmon.store.livefile import LiveReader, LiveWriter
from wfmon.store.paths import StateDir

HUNG = 0.6
PAUSE = 0.01
KEY = "abcdef012345"


def lane(path: Path) -> Lane:
    return Lane(KEY, StateDir(path), root=True)


def wrote(journal: int, epoch: int) -> bool:
    """False: a later epoch has written already."""
    fcntl.flock(journal, fcntl.LOCK_EX)
    try:
        size = os.fstat(journal).st_size
        lines = os.pread(journal, 200, max(0, size - 200)).decode().splitlines()
        if lines and int(lines[-1].split()[0]) > epoch:
            return False
        os.write(journal, f"{epoch} {time.monotonic():.6f} {os.getpid()}\n".encode())
        return True
    finally:
        fcntl.flock(journal, fcntl.LOCK_UN)


def collect(lock: CollectorLock, epoch: int, place: Lane, journal: int) -> None:
    """Until another is the collector."""
    writer = LiveWriter(place, epoch, 1)
    try:
        while lock.held():
            writer.publish([str(epoch).encode()] * 3, time.time())
            if not wrote(journal, epoch):
                break
            time.sleep(PAUSE)
    except Superseded:
        pass
    finally:
        writer.close()
        lock.release()


def fight(path: Path) -> None:
    place = lane(path)
    journal = os.open(path / "journal", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    lock, reader = CollectorLock(place), LiveReader(place)
    seen, alive_at = (0.0, 0), time.monotonic()
    while os.getppid() != 1:  # the test may be killed too
        epoch = lock.take("fighter", "1", time.time())
        live, holder = reader.look(), lock.holder()
        mark = (live.beat if live else 0.0, holder.epoch if holder else 0)
        if mark != seen:
            seen, alive_at = mark, time.monotonic()
        if epoch is None and holder is not None and time.monotonic() - alive_at > HUNG:
            epoch = lock.replace_hung(holder, time.time())
        if epoch is not None:
            collect(lock, epoch, place, journal)
            alive_at = time.monotonic()
        time.sleep(PAUSE)


if __name__ == "__main__":
    fight(Path(sys.argv[1]))
