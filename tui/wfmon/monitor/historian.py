"""Keeps the history of one collector: hands batches to the store in a thread of its own, gives the
sources their past before they are asked, and says what has been learnt."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from wfmon.model.history import Batch, HistoryStatus
from wfmon.model.look import Look, Target
from wfmon.model.record import dataclass, replace
from wfmon.model.retention import Kept
from wfmon.model.snapshot import Snapshot
from wfmon.monitor.picture import TOTAL_ERRORS, TOTAL_TOKENS, Picture
from wfmon.monitor.recorder import Recorder, carried, joined
from wfmon.monitor.remembered import NOTHING, Remembered
from wfmon.monitor.trends import drawn_slots
from wfmon.sources.base import Backfills, Counts, Reading, Recalls, Resumes, Source
from wfmon.store.errors import StoreError, Superseded
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.monitor.hostspend import HostSpend
    from wfmon.store.history.writer import HistoryWriter, Resumed

STOP_SECONDS = 0.25  # that the end waits for the last batch
STATUS_SECONDS = 30.0
FIRST_SECONDS = 0.5  # after the first picture: by then the screen stands
MOST_TRIES = 3  # of a batch that fails for no reason of the disk
MOST_WAITING = 360  # batches that wait for a disk with room; then the oldest points are given up


class Learns(Protocol):
    """What makes sense of the history (see ``learner.Learner``); called in the historian's thread."""

    def go_on(self, before: Remembered, now: float) -> None: ...
    def learn(self, picture: Picture, kept: Sequence[Kept], now: float) -> Remembered: ...
    def written(self, batch: Batch) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Writing:
    """Who writes: see ``HistoryWriter.begin``."""

    epoch: int
    pid: int
    user: str
    version: str


class Historian:
    """``begin``, ``join``, ``took`` and ``saw`` are called by the loop. None raises or waits for the disk,
    but ``begin`` and ``join``, which read what was before."""

    def __init__(
        self,
        writer: HistoryWriter,
        learner: Callable[[], Learns],
        recorder: Recorder,
        writing: Writing,
        *,
        backfill: float,
        clock: Callable[[], float] = time.time,
        host: HostSpend | None = None,
    ) -> None:
        """``host``: counts what the machine is used for; None: it costs nothing."""
        self._writer = writer
        self._host = host
        self._make_learner = learner
        self._recorder = recorder
        self._writing = writing
        self._backfill = backfill
        self._clock = clock
        self._resumed: Resumed | None = None
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waiting: deque[Batch] = deque()
        self._problem: str | None = None
        self._given_up = 0
        self._lost_runs = 0
        self._broke = 0
        self._learner: Learns | None = None
        self._first_at: float | None = None
        self._learning = False
        self._status_at = 0.0
        self.superseded = False
        self.remembered = replace(NOTHING, status=HistoryStatus(writer.path))

    # in the loop ------------------------------------------------------------------------------------

    def begin(self, sources: Iterable[Source], now: float) -> None:
        """Open the store and give the sources their past; what is wrong is told in ``remembered``."""
        self._open(now)
        self.join(sources)

    def join(self, sources: Iterable[Source]) -> None:
        """As ``begin``, for sources that were found later."""
        resumed = self._resumed or self._read_only()
        for source in sources:
            if isinstance(source, Recalls):
                source.recall(resumed.looks if resumed is not None else _no_looks, self._recorder.told)
            if resumed is None:
                continue
            if isinstance(source, Counts):
                source.count_from(resumed.reached)
            if isinstance(source, Resumes):
                source.resume(resumed.marks.get(source.name, ()))
            if isinstance(source, Backfills) and self._backfill > 0:
                source.backfill(resumed.known_hours(source.name), self._backfill)

    def took(self, source: str, reading: Reading) -> None:
        self._recorder.took(source, reading)

    def go_on(self, last: Snapshot, draw_step: float) -> None:
        """Until something is learnt here, what the last collector had learnt holds, and its drawn series
        go on. ``draw_step``: seconds between their points."""
        series = {row.name: row.error_trend for row in last.workflows}
        series[TOTAL_TOKENS], series[TOTAL_ERRORS] = last.totals.tokens_trend, last.totals.error_trend
        self.remembered = Remembered(
            drawn=drawn_slots(min(last.at, self._clock()), draw_step, series),
            baselines={row.name: row.usual for row in last.workflows if row.usual is not None},
            fillings=last.fillings,
            retention=last.retention,
            changes=last.changes,
            status=last.history,
            accounts=last.cost.accounts,
        )

    def saw(self, picture: Picture, now: float) -> None:
        """A picture was made; every so often it is time to write."""
        batch = self._recorder.batch(picture, now)
        if self._first_at is None:
            self._first_at = now
        if self._host is not None and picture.host is not None:
            self._host.took(picture.host)
        if batch is not None:
            self._hand(_Work(self._with_host(batch, now), picture))
        elif not self._learning and picture.workflows and now - self._first_at >= FIRST_SECONDS:
            self._hand(_Work(self._recorder.early(picture, now), picture))

    def stop(self) -> None:
        """Write what is there and end; waits at most a moment."""
        batch = self._recorder.rest(self._clock())
        if batch is not None:
            self._hand(_Work(self._with_host(batch, batch.at, end=True), None))
        self._work.put(None)
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _with_host(self, batch: Batch, now: float, *, end: bool = False) -> Batch:
        used = () if self._host is None else self._host.take(now, end=end)
        return replace(batch, spent=(*batch.spent, *used)) if used else batch

    def _hand(self, work: _Work) -> None:
        self._learning = self._learning or work.picture is not None
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="history", daemon=True)
            self._thread.start()
        self._work.put(work)

    # in the thread ----------------------------------------------------------------------------------

    def _run(self) -> None:
        from wfmon.monitor.heap import give_back

        give_back()
        while (work := self._work.get()) is not None:
            try:
                if work.batch is not None:
                    self._keep(work.batch)
                if work.picture is not None and not self.superseded:
                    self._learn(work.picture)
            except Exception as error:  # noqa: BLE001 - the screen must say that nothing is kept, and why
                self._broken(f"{type(error).__name__}: {error}")
                self._give_up_what_breaks()
        if self._learner is not None:
            self._learner.close()
        self._writer.close()

    def _broken(self, why: str) -> None:
        problem = safe(f"error in wfmon-tui: {why}", limit=200)
        status = self.remembered.status or HistoryStatus("")
        self.remembered = replace(self.remembered, status=replace(status, problem=problem))

    def _give_up_what_breaks(self) -> None:
        """One batch that cannot be written, whatever the disk, must not hold up all that follow."""
        self._broke += 1
        if self._broke >= MOST_TRIES and self._waiting:
            self._given_up += len(self._waiting.popleft().points)
            self._broke = 0

    def _keep(self, batch: Batch) -> None:
        """Write it, and before it what could not be written before."""
        if len(self._waiting) > 1:  # the first was tried: it may have been written all the same
            self._waiting[-1], batch = carried(self._waiting[-1], batch)
        self._waiting.append(batch)
        if len(self._waiting) > MOST_WAITING:
            first = self._waiting.popleft()
            self._given_up += len(first.points)
            self._waiting[0], lost = joined(first, self._waiting[0])
            self._lost_runs += lost
        if self._resumed is None:
            self._open(batch.at)
        if self._resumed is None or self.superseded:
            return
        try:
            while self._waiting:
                self._writer.write(self._waiting[0])
                written = self._waiting.popleft()
                self._broke = 0
                if self._learner is not None:
                    self._learner.written(written)
            self._writer.tidy(batch.at)
            self._problem = None
        except Superseded as error:
            self.superseded = True
            self._problem = error.reason
        except StoreError as error:
            self._problem = error.reason

    def _open(self, now: float) -> None:
        writing = self._writing
        try:
            self._resumed = self._writer.begin(writing.epoch, writing.pid, writing.user, writing.version, now)
            self._problem = None
        except Superseded as error:
            self.superseded = True
            self._problem = error.reason
        except StoreError as error:
            self._problem = error.reason

    def _read_only(self) -> Resumed | None:
        """From where to go on where nothing can be written now."""
        if self.superseded:
            return None
        try:
            return self._writer.resumed()
        except StoreError:
            return None  # why is told already: it could not be opened to write either

    def _learn(self, picture: Picture) -> None:
        if self._learner is None:
            self._learner = self._make_learner()
            self._learner.go_on(self.remembered, picture.at)
        learnt = self.remembered
        try:
            learnt = self._learner.learn(picture, self._recorder.all_kept(), picture.at)
        except StoreError as error:
            self._problem = self._problem or f"cannot be read: {error.reason}"
        self.remembered = replace(learnt, status=self._status(picture.at))

    def _status(self, now: float) -> HistoryStatus:
        before = self.remembered.status
        old = before is None or before.oldest is None or before.notes != self._writer.notes
        if before is None or old or not 0 <= now - self._status_at < STATUS_SECONDS:
            self._status_at = now
            before = self._writer.status(now)
        lost = f"{self._given_up} points given up" if self._given_up else None
        runs = f"{self._lost_runs} runs given up" if self._lost_runs else None
        problem = " · ".join(text for text in (self._problem, lost, runs) if text) or None
        status = before if before.problem == problem else replace(before, problem=problem)
        return status


@dataclass(frozen=True, slots=True)
class _Work:
    """``batch`` None: nothing is to be written yet; ``picture`` None: the end, nothing is learnt any more."""

    batch: Batch | None
    picture: Picture | None


def _no_looks(_target: Target, _now: float) -> Sequence[Look]:
    return ()
