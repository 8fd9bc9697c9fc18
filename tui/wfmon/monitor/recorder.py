"""Gathers what the loop sees into one batch for the store every so many seconds.

Growth of counters waits until the looks that it reaches to are written with it: what a killed process
had not written is then counted from the last written look on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

from wfmon.analysis.observed import Aliases
from wfmon.model.history import (
    Batch,
    Change,
    HourSum,
    Kind,
    Point,
    Role,
    Watched,
)
from wfmon.model.look import Look, Target
from wfmon.model.record import replace
from wfmon.model.retention import Kept
from wfmon.model.run import Run
from wfmon.model.source import SourceStatus
from wfmon.model.spend import SpendSum
from wfmon.monitor.growths import Grown, Growths, Sum, of_counted, renamed, spent_of_counted
from wfmon.monitor.picture import Picture
from wfmon.monitor.points import tables
from wfmon.sources.base import Reading
from wfmon.sources.spending import merged

MOST_RUNS = 2000  # of one batch: a start finds many at once
MOST_HELD = 20_000  # of each kind, while a disk takes nothing for hours
UNBROKEN_SECONDS = 300.0  # a look this long after the last one still vouches for the time between
LOOKS_SHARE = 100_000.0  # bytes of looks a second: packing them costs CPU
MOST_TOLD = 8  # looks of one target that wait for their growth


class Recorder:
    """``took`` and ``batch`` are called by the loop, ``told`` by the threads of sources.

    ``step`` is the distance of points in seconds.
    """

    def __init__(self, aliases: Aliases, step: float) -> None:
        self._aliases = aliases
        self._step = step
        self._bucket: float | None = None
        self._last: Picture | None = None
        self._seen: dict[tuple[str, str], tuple[Run, ...]] = {}
        self._runs: list[Run] = []
        self._growths = Growths(aliases)
        self._reached: dict[str, float] = {}
        self._told: dict[str, list[tuple[Target, Look]]] = {}
        self._telling = threading.Lock()
        self._looks_due = 0.0
        self._hours: list[tuple[HourSum, ...]] = []  # as each answer told them
        self._spent_hours: list[tuple[SpendSum, ...]] = []
        self._watched: list[Watched] = []
        self._grown_watched: list[Watched] = []
        self._changes: list[Change] = []
        self._states: dict[str, tuple[object, ...]] = {}
        self.kept: dict[str, tuple[Kept, ...]] = {}

    def told(self, target: Target, look: Look) -> None:
        """A look that a source has just taken, before the loop hears of it."""
        with self._telling:
            looks = self._told.setdefault(target.id, [])
            looks.append((target, look))
            del looks[:-MOST_TOLD]

    def took(self, source: str, reading: Reading) -> None:
        """One answer of a source."""
        if reading.hours:
            self._hours.append(reading.hours)
        if reading.spent_hours:
            self._spent_hours.append(reading.spent_hours)
        self._watched += reading.watched
        self._changes += reading.changes
        if reading.kept:
            self.kept[source] = reading.kept
        growths = [sample.growth for sample in reading.samples if sample.growth is not None]
        if growths:
            self._growths.took(Grown(source, reading.at, reading.samples))
        for growth in growths:
            self._reached.update(growth.reaches)
            for target, reached in growth.reaches.items():
                self._forget_before(target, reached)
        since = max((growth.since for growth in growths), default=None)
        if since is not None and reading.at - since <= UNBROKEN_SECONDS:
            self._grown_watched.append(Watched(source, Role.METRICS, since, reading.at))

    def changed(self, change: Change) -> None:
        self._changes.append(change)

    def batch(self, picture: Picture, now: float) -> Batch | None:
        """What is to be written, once a point's time is over; None until then."""
        bucket = now // self._step * self._step
        before, self._last = self._last, picture
        over, self._bucket = self._bucket, bucket
        if over is None or before is None or bucket == over:
            return None
        return self._gathered(Point(over, self._step, tables(before, self.all_kept())), picture, now)

    def early(self, picture: Picture, now: float) -> Batch:
        """The runs that a start finds, before the first point is due: what is usual is learnt from them."""
        self._find_runs(picture)
        runs, self._runs = self._runs[:MOST_RUNS], self._runs[MOST_RUNS:]
        return Batch(at=now, runs=tuple(runs))

    def rest(self, now: float) -> Batch | None:
        """What is there at the end, so that a clean end leaves nothing behind."""
        if self._last is None or self._bucket is None:
            return None
        return self._gathered(
            Point(self._bucket, self._step, tables(self._last, self.all_kept())), self._last, now, end=True
        )

    def all_kept(self) -> list[Kept]:
        """How far back the data of each source reaches, as last told."""
        return [each for kept in list(self.kept.values()) for each in kept]

    def _gathered(self, point: Point, picture: Picture, now: float, *, end: bool = False) -> Batch:
        self._find_runs(picture)
        runs, self._runs = self._runs[:MOST_RUNS], self._runs[MOST_RUNS:]
        self._growths.add_up(picture.claims)
        grown, spent, looks, watched = self._looked(now, end=end)
        batch = Batch(
            at=now,
            points=(point,),
            runs=tuple(runs),
            grown=grown,
            spent=spent,
            hours=tuple(row for told in self._hours for row in self._named(of_counted(told, picture.claims))),
            spent_hours=self._spent(picture),
            watched=(*self._watched, *watched),
            states=self._new_states(picture.sources),
            changes=tuple(self._changes),
            # Marks say that every run before them is written.
            marks=picture.marks if not self._runs else {},
            looks=looks,
        )
        self._hours, self._spent_hours, self._watched, self._changes = [], [], [], []
        return batch

    def _spent(self, picture: Picture) -> tuple[SpendSum, ...]:
        """Of each source and hour what was told of it last."""
        every: tuple[SpendSum, ...] = ()
        for told in self._spent_hours:
            rows = spent_of_counted(told, picture.claims)
            named = (replace(each, key=renamed(each.key, self._aliases)) for each in rows)
            every = _replaced(every, tuple(merged(named)))
        return every

    def _find_runs(self, picture: Picture) -> None:
        """Finished runs that are new, or not as they were; recalled ones are in the store."""
        for log in picture.logs:
            for name, index in log.indexes.items():
                key = (log.source, name)
                finished, before = index.runs.finished, self._seen.get(key, ())
                if finished is before:
                    continue
                known = {run.id: run for run in before}
                for run in finished:
                    old = known.get(run.id)
                    if old is not run and old != run and not run.recalled:
                        self._runs.append(run)
                self._seen[key] = finished

    def _named(self, hours: Iterable[HourSum]) -> Iterable[HourSum]:
        """With the user's own names; what then is one workflow, and what several profiles tell of one model,
        is added up, as a whole hour replaces."""
        found: dict[tuple[float, Kind, str, str], HourSum] = {}
        for each in hours:
            name = self._name(each.subject) if each.kind is Kind.WORKFLOW else each.subject
            key = (each.at, each.kind, name or "", each.source)
            known = found.get(key)
            found[key] = replace(each, subject=key[2], profile="") if known is None else _added(known, each)
        return found.values()

    def _name(self, workflow: str | None) -> str | None:
        return None if workflow is None else self._aliases.get(workflow, workflow)

    def _looked(
        self, now: float, *, end: bool
    ) -> tuple[tuple[HourSum, ...], tuple[SpendSum, ...], tuple[tuple[Target, Look], ...], list[Watched]]:
        """Growth and the looks that it reaches to; nothing before it is time for looks."""
        if not self._reached or (now < self._looks_due and not end):
            return (), (), (), []
        looks = [self._look(target, at) for target, at in self._reached.items()]
        if any(look is None for look in looks):
            return (), (), (), []
        written = tuple(look for look in looks if look is not None)
        grown = tuple(
            HourSum(hour, kind, subject, source, Role.METRICS, *_figures(each))
            for (hour, kind, subject, source), each in self._growths.sums.items()
        )
        spent = tuple(
            each.row(hour, key, source) for (hour, source, key), each in self._growths.spent.items()
        )
        watched, self._grown_watched = self._grown_watched, []
        self._growths.sums, self._growths.spent, self._reached = {}, {}, {}
        self._looks_due = now + max(self._step, sum(len(look.lines) for _, look in written) / LOOKS_SHARE)
        return grown, spent, written, watched

    def _look(self, target: str, at: float) -> tuple[Target, Look] | None:
        return next((told for told in reversed(self._told.get(target, [])) if told[1].at == at), None)

    def _forget_before(self, target: str, at: float) -> None:
        """Growth never reaches back to an earlier look, and one of a crowd is 2.5 MB. The look itself may
        be named again: the target may not answer the next time."""
        with self._telling:
            looks = self._told.get(target, [])
            times = [look.at for _, look in looks]
            if at in times:
                del looks[: times.index(at)]

    def _new_states(self, sources: Iterable[SourceStatus]) -> tuple[SourceStatus, ...]:
        new = []
        for source in sources:
            state = (source.state, source.failure, source.profile, source.missing)
            if self._states.get(source.name) != state:
                self._states[source.name] = state
                new.append(source)
        return tuple(new)


def _added(one: HourSum, other: HourSum) -> HourSum:
    return replace(
        one,
        runs=_plus(one.runs, other.runs),
        failures=_plus(one.failures, other.failures),
        tokens=_plus(one.tokens, other.tokens),
        cost_usd=_plus(one.cost_usd, other.cost_usd),
    )


def _plus(one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else one + other


def _figures(each: Sum) -> tuple[float | None, float | None, float | None, float | None]:
    return each.runs, each.failures, each.tokens, each.cost_usd


def _replaced(before: tuple[SpendSum, ...], after: tuple[SpendSum, ...]) -> tuple[SpendSum, ...]:
    """``before`` without the hours that ``after`` tells anew, and ``after``."""
    anew = {(each.at, each.source) for each in after}
    return (*(each for each in before if (each.at, each.source) not in anew), *after)


def _newest(rows: tuple[SpendSum, ...]) -> tuple[SpendSum, ...]:
    """At most MOST_HELD of them, and no hour in part: as a part it would replace what is known of it."""
    left = rows[-MOST_HELD:]
    if len(left) == len(rows):
        return rows
    cut = {(each.at, each.source) for each in rows[:-MOST_HELD]}
    return tuple(each for each in left if (each.at, each.source) not in cut)


def joined(earlier: Batch, later: Batch) -> tuple[Batch, int]:
    """Both as one, without the points of the earlier: those are given up where they cannot be written. Of
    runs, states and changes the newest are held, as many as memory may take; how many runs went is told."""
    earlier, later = carried(earlier, later)
    runs = (*earlier.runs, *later.runs)
    both = replace(
        later,
        runs=runs[-MOST_HELD:],
        hours=(*earlier.hours, *later.hours)[-MOST_HELD:],
        spent_hours=_newest(_replaced(earlier.spent_hours, later.spent_hours)),
        watched=(*earlier.watched, *later.watched)[-MOST_HELD:],
        states=(*earlier.states, *later.states)[-MOST_HELD:],
        changes=(*earlier.changes, *later.changes)[-MOST_HELD:],
        marks={**earlier.marks, **later.marks},
    )
    return both, max(0, len(runs) - MOST_HELD)


def carried(earlier: Batch, later: Batch) -> tuple[Batch, Batch]:
    """Both, with the growth of the earlier in the later one: of each target only the last look is needed
    then, and looks are large. Not for a batch of which it is not known whether it was written."""
    if not earlier.grown and not earlier.spent and not earlier.looks:
        return earlier, later
    grown: dict[tuple[float, Kind, str, str, Role], HourSum] = {}
    for each in (*earlier.grown, *later.grown):
        key = (each.at, each.kind, each.subject, each.source, each.role)
        known = grown.get(key)
        grown[key] = each if known is None else _added(known, each)
    looks = {target.id: (target, look) for target, look in (*earlier.looks, *later.looks)}
    measured = tuple(each for each in earlier.watched if each.role is Role.METRICS)
    left = tuple(each for each in earlier.watched if each.role is not Role.METRICS)
    return (
        replace(earlier, grown=(), spent=(), looks=(), watched=left),
        replace(
            later,
            grown=tuple(grown.values()),
            spent=tuple(merged((*earlier.spent, *later.spent))),
            looks=tuple(looks.values()),
            watched=(*measured, *later.watched),
        ),
    )
