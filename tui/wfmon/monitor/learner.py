"""What the history teaches: what is usual, when a disk is full, how far back data reaches.

The work is done a little at a time: at most ``BUDGET`` of CPU each time, more only until everything
was looked at once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from wfmon.analysis.baseline import baseline
from wfmon.analysis.retention import KeptPast, looked, retained
from wfmon.analysis.spans import Spans
from wfmon.model.baseline import Baseline
from wfmon.model.budget import Accounts
from wfmon.model.episode import Accepted
from wfmon.model.history import Batch, Change, ChangeKind, HistoryStatus, HourSum, Kind, Role, Table
from wfmon.model.past import SeriesRequest
from wfmon.model.record import dataclass, field, replace
from wfmon.model.retention import Kept, Retention
from wfmon.model.settings import BaselineSettings, RetentionSettings
from wfmon.monitor.accountant import Accountant
from wfmon.monitor.picture import TOTAL_ERRORS, TOTAL_TOKENS, Picture
from wfmon.monitor.remembered import Drawn, Remembered
from wfmon.monitor.room import Room
from wfmon.monitor.trends import LENGTH
from wfmon.store.acks import AckStore
from wfmon.store.history.reader import HistoryReader

BUDGET = 0.02  # seconds of CPU of one turn (10 s apart) for baselines ...
FIRST_BUDGET = 0.2  # ... and while some workflow has not been looked at yet
DAY = 86_400.0
HOUR = 3600.0
SLOW_SECONDS = 600.0
TOLD_SECONDS = 120.0  # by then every source has said how far back its data reaches
CHANGES = 50
DEPLOYS = 10_000
AGAIN_SECONDS = 300.0  # between two looks at hours of which older ones are still being written ...
FIRST_AGAIN_SECONDS = 15.0  # ... and while none is known
KEPT_SECONDS = 100 * DAY  # of what earlier processes saw of logs ...
KEPT_POINTS = 200  # ... so many looks are read
POISONING = frozenset({"failure_rate", "cost_spike", "timeout", "stall", "runaway", "silence"})
# Rules whose alert of a workflow makes its figures of that time no measure of what is usual.
RECENT_DAYS = 3
SAME_HOUR_DAYS = 28
MISSED_DAYS = 7  # for so long a workflow that nobody tells of any more is still known


@dataclass(slots=True)
class _Hours:
    """The sums that baselines are taken from, read once an hour, and where older ones were written."""

    hour: float = -1.0
    read_at: float = -1.0
    by_workflow: Mapping[str, list[HourSum]] = field(default_factory=dict)
    covered: Mapping[tuple[str, Role, float], float] = field(default_factory=dict)
    p95: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


class Learner:
    """See ``historian.Learns``. ``zone``: whose hours of the day are meant (None: local); ``draw_step``:
    seconds from point to point of the drawn series."""

    def __init__(
        self,
        reader: HistoryReader,
        acks: AckStore,
        zone: tzinfo | None,
        usual: BaselineSettings,
        wanted: RetentionSettings,
        draw_step: float,
        accountant: Accountant | None = None,
    ) -> None:
        self._reader = reader
        self._accountant = accountant
        self._accounts: Accounts | None = None
        self._acks = acks
        self._zone = zone
        self._usual = usual
        self._wanted = wanted
        self._draw_step = draw_step
        self._drawn: Drawn | None = None
        self._hours = _Hours()
        self._more_hours = False
        self._ran: Mapping[str, float] = {}
        self._queue: deque[str] = deque()
        self._newest: dict[str, float | None] = {}
        self._baselines: dict[str, Baseline] = {}
        self._accepted: Mapping[str, Accepted] = {}
        self._poisoned: Mapping[str, list[tuple[float, float]]] = {}
        self._room = Room(reader)
        self._kept: dict[str, KeptPast] = {}
        self._slow_at: float | None = None
        self._own: HistoryStatus | None = None
        self._retention: tuple[Retention, ...] = ()
        self._changes: tuple[Change, ...] = ()
        self._deployed: Mapping[str, float] = {}
        self._inherited: tuple[Retention, ...] = ()
        self._inherited_until = 0.0

    def go_on(self, before: Remembered, now: float) -> None:
        """From what the last collector had learnt: what it knew of an incident that still fills all runs
        that are kept, and how far back data reached until the sources have told it again."""
        self._baselines = dict(before.baselines)
        self._inherited, self._inherited_until = before.retention, now + TOLD_SECONDS

    def learn(self, picture: Picture, kept: Sequence[Kept], now: float) -> Remembered:
        """Raises StoreError where the history cannot be read."""
        if self._drawn is None:
            self._drawn = self._read_drawn(now)
        fillings = self._room.fillings(picture.host.volumes if picture.host else (), now)
        self._changes = self._newest_changes(now)
        self._learn_usual(picture, now)
        if self._slow_at is None or not 0 <= now - self._slow_at < SLOW_SECONDS or self._new_kept(kept):
            self._learn_slowly(kept, now)
            self._slow_at = now
        self._retention = self._with_inherited(retained(kept, self._kept, self._wanted, now, self._own), now)
        if self._accountant is not None:
            self._accounts = self._accountant.accounts(now)
        return Remembered(
            self._baselines, fillings, self._retention, self._changes, self._drawn, accounts=self._accounts
        )

    def _with_inherited(self, told: tuple[Retention, ...], now: float) -> tuple[Retention, ...]:
        if now > self._inherited_until:
            return told
        known = {each.subject for each in told}
        return (*told, *(each for each in self._inherited if each.subject not in known))

    def written(self, batch: Batch) -> None:
        """This has come into the history, which may not have had it when it was read last."""
        for name in {run.workflow for run in batch.runs}:
            self._newest.pop(name, None)
        late = any(run.ended_at is not None and run.ended_at < self._hours.hour for run in batch.runs)
        self._more_hours = self._more_hours or late or bool(batch.hours)
        if self._accountant is not None:
            self._accountant.written(batch)

    def close(self) -> None:
        self._reader.close()

    # what is usual ----------------------------------------------------------------------------------

    def _learn_usual(self, picture: Picture, now: float) -> None:
        if now // HOUR * HOUR != self._hours.hour or self._may_read_again(now):
            self._hours = self._read_hours(now)
            self._more_hours = False
            self._deployed = self._read_deployed(now)
            self._ran = self._reader.ran_since(now - MISSED_DAYS * DAY)
            self._newest.clear()
            self._forget_missed(picture)
        accepted = self._acks.accepted()
        if accepted != self._accepted:
            self._accepted = accepted
            self._newest.clear()
        self._queue_changed(picture)
        if not self._queue:
            return
        self._poisoned = self._read_poisoned(now)
        first = any(name not in self._baselines for name in self._queue)
        budget = FIRST_BUDGET if first else BUDGET
        began = time.thread_time()
        found = dict(self._baselines)
        while self._queue and time.thread_time() - began < budget:
            name = self._queue.popleft()
            found[name] = self._baseline(name, now)
        if found != self._baselines:
            # What is the same stays the same object: rows are compared by it.
            self._baselines = {
                name: old if (old := self._baselines.get(name)) == each else each
                for name, each in found.items()
            }

    def _may_read_again(self, now: float) -> bool:
        wait = AGAIN_SECONDS if self._hours.by_workflow else FIRST_AGAIN_SECONDS
        return self._more_hours and not 0 <= now - self._hours.read_at < wait

    def _queue_changed(self, picture: Picture) -> None:
        waiting = set(self._queue)
        for row in picture.workflows:
            if row.name in waiting:
                continue
            if row.name not in self._newest or self._newest[row.name] != row.last_run_at:
                self._newest[row.name] = row.last_run_at
                self._queue.append(row.name)
        shown = {row.name for row in picture.workflows}
        for name, hour in self._ran.items():
            if name not in shown and name not in waiting and name not in self._newest:
                self._newest[name] = hour
                self._queue.append(name)

    def _forget_missed(self, picture: Picture) -> None:
        """Of a workflow that is no longer told of, and has not run for long, nothing is expected."""
        kept = {*self._ran, *(row.name for row in picture.workflows)}
        if picture.workflows and not self._baselines.keys() <= kept:
            self._baselines = {name: each for name, each in self._baselines.items() if name in kept}

    def _baseline(self, workflow: str, now: float) -> Baseline:
        runs = self._reader.runs(workflow, self._usual.runs)
        return baseline(
            workflow,
            runs,
            self._hours.by_workflow.get(workflow, []),
            self._hours.covered,
            self._poisoned.get(workflow, []),
            self._accepted.get(workflow),
            now,
            self._zone,
            self._usual,
            hourly_p95=() if runs else self._hourly_p95(workflow),
            deployed_at=self._deployed_at(workflow),
            last=self._baselines.get(workflow),
        )

    def _hourly_p95(self, workflow: str) -> list[float]:
        """The p95 of each of the last hours that count, where single runs are not known."""
        known = self._hours.p95.get(workflow)
        if known is None:
            end, begin = self._hours.hour, self._hours.hour - RECENT_DAYS * DAY
            asked = SeriesRequest(Kind.WORKFLOW, workflow, "duration_p95", begin, end, RECENT_DAYS * 24)
            values = self._reader.series(asked).values
            known = [(begin + n * HOUR, value) for n, value in enumerate(values) if value is not None]
            self._hours.p95[workflow] = known
        accepted = self._accepted.get(workflow)
        poisoned = Spans(
            each for each in self._poisoned.get(workflow, []) if accepted is None or each[0] >= accepted.at
        )
        since = max(self._deployed_at(workflow) or 0.0, 0.0 if accepted is None else accepted.since)
        return [p95 for at, p95 in known if at >= since and not poisoned.touches(at, at + HOUR)]

    def _deployed_at(self, workflow: str) -> float | None:
        """When its newest version came, as long as hours of before could count; None: not known."""
        new = (c.at for c in self._changes if c.kind is ChangeKind.VERSION and c.workflow == workflow)
        return next(new, self._deployed.get(workflow))

    def _read_deployed(self, now: float) -> Mapping[str, float]:
        found = self._reader.changes(now - self._usual.days * DAY, now, DEPLOYS, ChangeKind.VERSION)
        return {each.workflow: each.at for each in reversed(found) if each.workflow is not None}

    def _read_hours(self, now: float) -> _Hours:
        """The last days whole, and of older days the hours like this one: more would be much to read."""
        hour = now // HOUR * HOUR
        spans = [(hour - RECENT_DAYS * DAY, now)]
        clock = datetime.fromtimestamp(hour, self._zone)
        for day in range(RECENT_DAYS, SAME_HOUR_DAYS + 1):
            # By the clock of the wall, so that a change of summer time does not move the hour.
            noon = datetime.fromtimestamp(hour - day * DAY, self._zone)
            shift = (clock.hour - noon.hour + 12) % 24 - 12
            like = hour - day * DAY + shift * HOUR
            spans.append((like - HOUR, like + 2 * HOUR))
        by_workflow: dict[str, list[HourSum]] = {}
        for begin, end in sorted(spans):
            for each in self._reader.hours(begin, end, Kind.WORKFLOW):
                by_workflow.setdefault(each.subject, []).append(each)
        return _Hours(hour, now, by_workflow, self._reader.coverage(hour - SAME_HOUR_DAYS * DAY - DAY, now))

    def _read_poisoned(self, now: float) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for episode in self._acks.episodes_between(now - self._usual.days * DAY, now):
            if episode.workflow is not None and episode.rule in POISONING:
                end = now if episode.ended_at is None else episode.ended_at
                found.setdefault(episode.workflow, []).append((episode.began_at, end))
        return found

    # drawn series -----------------------------------------------------------------------------------

    def _read_drawn(self, now: float) -> Drawn:
        """What was drawn before this process began."""
        found: dict[str, dict[int, float]] = {}
        begin = now - LENGTH * self._draw_step
        for point in self._reader.points(begin, now, LENGTH * 4):
            slot = int(point.at // self._draw_step)
            rows = point.tables.get(Kind.WORKFLOW)
            for index, name in enumerate(rows.subjects if rows else ()):
                assert rows is not None
                _draw(found, name, slot, _ratio(rows, index))
            total = point.tables.get(Kind.TOTAL)
            if total is not None and total.subjects:
                _draw(found, TOTAL_ERRORS, slot, _ratio(total, 0))
                _draw(found, TOTAL_TOKENS, slot, total.at(0, "tokens_per_minute"))
        return found

    # retention, changes ------------------------------------------------------------------------------

    def _learn_slowly(self, kept: Sequence[Kept], now: float) -> None:
        self._look_at_kept(kept, now)
        self._own = self._own_reach()

    def _new_kept(self, kept: Sequence[Kept]) -> bool:
        return not {each.subject for each in kept} <= self._kept.keys()

    def _read_kept(self, subjects: Sequence[str], now: float) -> None:
        """What earlier processes saw of logs that this one has not looked at yet."""
        past = {subject: KeptPast(now - DAY) for subject in subjects}
        for point in self._reader.points(now - KEPT_SECONDS, now, KEPT_POINTS):
            for subject in subjects:
                age = point.get(Kind.LOGS, subject, "oldest_age")
                oldest = None if age is None else point.at - age
                past[subject] = looked(past[subject], point.at, oldest, point.seconds)
        self._kept.update(past)

    def _look_at_kept(self, kept: Sequence[Kept], now: float) -> None:
        """One more look at each, with what it took a day ago."""
        new = [each.subject for each in kept if each.subject not in self._kept]
        if new:
            self._read_kept(new, now)
        for each in kept:
            past = looked(self._kept[each.subject], now, each.oldest_at)
            a_day_ago = SeriesRequest(
                Kind.LOGS, each.subject, "bytes", now - DAY - HOUR / 2, now - DAY + HOUR / 2, 1
            )
            (size,) = self._reader.series(a_day_ago).values or (None,)
            self._kept[each.subject] = replace(past, seen_at=now - DAY, bytes=size)

    def _own_reach(self) -> HistoryStatus | None:
        """How far back the history itself reaches."""
        bounds = self._reader.bounds()
        return None if bounds is None else HistoryStatus("", oldest=bounds[0], newest=bounds[1])

    def _newest_changes(self, now: float) -> tuple[Change, ...]:
        found = self._reader.changes(now - DAY, now + 1.0, CHANGES)
        newest = tuple(sorted(found, key=lambda change: -change.at))[:CHANGES]
        return self._changes if newest == self._changes else newest


def _ratio(rows: Table, index: int) -> float | None:
    n, failed = rows.at(index, "n"), rows.at(index, "failed")
    return None if not n or failed is None else failed / n


def _draw(into: dict[str, dict[int, float]], name: str, slot: int, value: float | None) -> None:
    if value is not None:
        into.setdefault(name, {})[slot] = value
