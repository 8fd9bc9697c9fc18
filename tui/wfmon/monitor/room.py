"""The room on each volume over the last two days, and when it will be used up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from math import isnan

from wfmon.analysis.forecast import filling, slopes
from wfmon.model.forecast import Filling
from wfmon.model.history import Kind
from wfmon.model.host import Volume
from wfmon.model.past import SeriesRequest
from wfmon.model.record import replace
from wfmon.store.history.reader import HistoryReader

STEP = 60.0
SECONDS = 2 * 86_400.0
RECENT = 3600.0  # of what is stored, what is read as densely as it is taken
FREE, INODES = "free_bytes", "inodes_used_ratio"
SHARE = 0.0005  # of one core that forecasts may take

_Samples = list[tuple[float, float]]


class Room:
    """Free bytes and used inodes of each volume once a minute, the first time from the history."""

    def __init__(self, reader: HistoryReader) -> None:
        self._reader = reader
        self._known: dict[tuple[str, str], deque[tuple[float, float]]] = {}  # by mount and column
        self._fillings: tuple[Filling, ...] = ()
        self._filled_at: float | None = None
        self._every = STEP

    def fillings(self, volumes: Sequence[Volume], now: float) -> tuple[Filling, ...]:
        """Made anew as often as room is taken, and more seldom where there are many volumes; else the same
        object. Raises StoreError where the history cannot be read."""
        for volume in volumes:
            for column, value in ((FREE, volume.free_bytes), (INODES, volume.inodes_used_ratio)):
                if value is not None:
                    self._take(volume.mount, column, float(value), now)
        if self._filled_at is None or not 0 <= now - self._filled_at < self._every:
            began = time.thread_time()
            found = tuple(self._filling(volume, now) for volume in volumes)
            self._fillings = self._fillings if found == self._fillings else found
            self._filled_at = now
            self._every = max(STEP, (time.thread_time() - began) / SHARE)
        return self._fillings

    def _take(self, mount: str, column: str, value: float, now: float) -> None:
        known = self._known.get((mount, column))
        if known is None:
            older = self._stored(mount, column, now - SECONDS, now - RECENT, 10 * STEP)
            recent = self._stored(mount, column, now - RECENT, now, STEP)
            known = self._known[mount, column] = deque([*older, *recent])
        while known and known[-1][0] > now:  # the clock was set back since
            known.pop()
        if not known or now - known[-1][0] >= STEP:
            known.append((now, value))
        while known and known[0][0] < now - SECONDS:
            known.popleft()

    def _stored(self, mount: str, column: str, begin: float, end: float, step: float) -> _Samples:
        asked = SeriesRequest(Kind.VOLUME, mount, column, begin, end, int((end - begin) / step))
        return [
            (begin + (number + 0.5) * step, value)
            for number, value in enumerate(self._reader.series(asked).values)
            if value is not None and not isnan(value)
        ]

    def _filling(self, volume: Volume, now: float) -> Filling:
        free = self._known.get((volume.mount, FREE), ())
        found = filling(volume.mount, tuple(free), volume.total_bytes, now)
        used = self._known.get((volume.mount, INODES))
        if used is None:
            return found
        return replace(found, inodes=slopes([(at, 1.0 - share) for at, share in used], 1.0, now))
