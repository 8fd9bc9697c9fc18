"""What the collector knows, put where other processes read it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from wfmon.model.record import replace
from wfmon.model.snapshot import Snapshot
from wfmon.store.collectorlock import CollectorLock
from wfmon.store.errors import Superseded
from wfmon.store.lanes import Lane
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.store.livefile import LiveWriter
    from wfmon.store.wire import Encoder

BEAT_SECONDS = 1.0
SLACK_SECONDS = 0.1  # that a turn may come early
SILENT_LOOP = 3.0  # seconds without a turn of the monitor's loop after which it is not said to live
RETRY_SECONDS = 5.0
SHARE = 0.001  # of one core that publishing may take: many workflows are published the more seldom ...
LONGEST_PAUSE = 4.0  # ... but never so seldom, and what alerts is published as soon as it is known
FIRST_SECONDS = 0.7  # after the begin: until then the start of the screen needs the processor


class Publisher:
    """``offer`` may be called by any thread, the rest by one. ``every``: seconds between two snapshots at
    least."""

    def __init__(self, lane: Lane, lock: CollectorLock, epoch: int, *, every: float) -> None:
        self._lane = lane
        self._lock = lock
        self._epoch = epoch
        self._turned_at: Callable[[], float] = lambda: 0.0
        self._every = every
        self._writer: LiveWriter | None = None
        self._encoder: Encoder | None = None
        self._offered: Snapshot | None = None
        self._written: Snapshot | None = None
        self._written_at = 0.0
        self._pause = every
        self._beat_at = 0.0
        self._retry_at = 0.0
        self._began = -math.inf
        self._superseded = False
        self.problem: str | None = None

    def begin(self, turned_at: Callable[[], float], now: float, *, at_once: bool) -> None:
        """``turned_at`` says when the monitor's loop last turned (POSIX seconds). ``at_once``: the first
        snapshot does not wait for a moment."""
        self._turned_at = turned_at
        self._began = -math.inf if at_once else now

    def offer(self, snapshot: Snapshot) -> None:
        """The newest snapshot as it was collected; the one before it may never be written."""
        self._offered = snapshot

    def turn(self, now: float) -> bool:
        """Write what is due; False: another collector has taken our place, and nothing was written."""
        if self._superseded or not self._lock.held():
            return False
        if abs(now - self._turned_at()) <= SILENT_LOOP and not 0 <= self._retry_at - now <= RETRY_SECONDS:
            self._guarded(now)
        return not self._superseded

    def close(self, now: float) -> None:
        """The last snapshot, if the place is still ours."""
        if self._lock.held() and self._offered is not self._written:
            self._written_at, self._began = 0.0, -math.inf
            self._guarded(now)
        if self._writer is not None:
            self._writer.close()

    def _guarded(self, now: float) -> None:
        try:
            self._write(now)
            self.problem = None
        except Superseded:
            self._superseded = True
        except Exception as error:  # noqa: BLE001 - whatever it is, the collector goes on and says so
            text = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            self.problem = f"others see old figures: {safe(str(text or type(error).__name__))}"
            self._retry_at = now + RETRY_SECONDS

    def _write(self, now: float) -> None:
        offered = self._offered
        if offered is None or 0 <= now - self._began < FIRST_SECONDS:
            return
        pause = self._every if _alerts_otherwise(offered, self._written) else self._pause
        spaced = not 0 <= now - self._written_at < pause - SLACK_SECONDS
        if offered is not self._written and spaced and not _same(offered, self._written):
            self._publish(offered, now)
        elif not 0 <= now - self._beat_at < BEAT_SECONDS - SLACK_SECONDS and self._writer is not None:
            self._writer.beat(now)
            self._beat_at = now

    def _publish(self, snapshot: Snapshot, now: float) -> None:
        if self._writer is None or self._encoder is None:
            from wfmon.store.livefile import LiveWriter
            from wfmon.store.wire import SCHEMA, Encoder

            self._encoder = Encoder()
            self._writer = LiveWriter(self._lane, self._epoch, SCHEMA)
        cpu = time.thread_time()
        self._writer.publish(self._encoder.encode(snapshot), now)
        if self._written is not None:  # the first also pays for what is loaded with it
            cost = time.thread_time() - cpu
            self._pause = max(self._every, min(LONGEST_PAUSE, cost / SHARE))
        self._written, self._written_at, self._beat_at = snapshot, now, now


def _alerts_otherwise(one: Snapshot, other: Snapshot | None) -> bool:
    return other is None or one.alerts != other.alerts or one.broken != other.broken


def _same(one: Snapshot, other: Snapshot | None) -> bool:
    """Whether they differ in nothing but the moment."""
    return other is not None and replace(one, at=other.at) == other
