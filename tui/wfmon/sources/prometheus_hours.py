"""The past hours that a Prometheus knows and the store does not, newest first, little by little."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence

from wfmon.model.history import HourSum, Role, Watched
from wfmon.model.record import dataclass
from wfmon.model.source import Failure
from wfmon.model.spend import SpendSum
from wfmon.sources.base import SourceError
from wfmon.sources.prometheus_api import Line, PrometheusApi
from wfmon.sources.prometheus_errands import Known
from wfmon.sources.prometheus_fit import Scope
from wfmon.sources.prometheus_growth import HOUR, Told, read_hours, summed_signals
from wfmon.sources.prometheus_hoursums import hour_sums, spend_sums
from wfmon.sources.promql import OP_LABEL, Op, one_of, quote, span

SETTLE_SECONDS = 120.0  # after the end of an hour, until its last scrapes are there
FIRST_PIECE, LARGEST_PIECE = 6, 24  # hours
QUICK_SECONDS, SLOW_SECONDS = 1.0, 4.0  # a piece as quick is followed by a larger one, as slow by a smaller
RETRY_SECONDS = 60.0
GIVE_UP_SECONDS = HOUR  # until an hour that could not be had is asked for again
STEP = 300.0  # to which it is known when the targets were up
# Failures that a smaller question may not have.
TOO_MUCH = (Failure.TIMEOUT, Failure.TOO_LARGE, Failure.BAD_DATA, Failure.HTTP)


@dataclass(frozen=True, slots=True)
class HoursWanted:
    """``known`` are begins of hours that are not asked for, ``seconds`` how far back hours are wanted."""

    known: Collection[float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Hours:
    """What was learned of hours since it was last asked for."""

    sums: tuple[HourSum, ...] = ()
    watched: tuple[Watched, ...] = ()
    spent: tuple[SpendSum, ...] = ()

    def besides(self, others: Hours) -> Hours:
        """Both; of an hour that both tell what ``others`` say."""
        known = {each.at for each in others.sums} | {each.at for each in others.spent}
        return Hours(
            (*(each for each in self.sums if each.at not in known), *others.sums),
            (*self.watched, *others.watched),
            (*(each for each in self.spent if each.at not in known), *others.spent),
        )


class HoursErrand:
    """An ``Errand``: pieces of hours that follow each other. ``clock`` is monotonic."""

    seconds = 20.0

    def __init__(self, source: str, wanted: HoursWanted, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._known = set(wanted.known)
        self._back = wanted.seconds
        self._piece = FIRST_PIECE
        self._exact = True
        self._asked: Sequence[float] = ()
        self._not_before = 0.0
        self._given_up: dict[float, float] = {}  # hour -> steady clock
        self._told = Told()
        self._learned: list[Hours] = []

    def due(self, known: Known, steady: float) -> bool:
        return (
            steady >= self._not_before
            and bool(known.scope.fitting)
            and bool(self._next(known.clock, steady))
            and bool(summed_signals(known.scope))
        )

    def ask(self, api: PrometheusApi, known: Known, steady: float) -> None:
        hours = self._asked = self._next(known.clock, steady)
        watched = watched_spans(api, known.scope, hours[0], hours[-1] + HOUR)
        sums = read_hours(api, known.scope, hours, self._told, exact=self._exact) if watched else {}
        self._learned.append(
            Hours(
                hour_sums(self._source, sums, known.scope, self._told),
                tuple(Watched(self._source, Role.METRICS, begin, end) for begin, end in watched),
                spend_sums(self._source, sums, known.scope),
            )
        )
        self._known.update(hours)
        self._known = {hour for hour in self._known if hour >= known.clock - self._back - HOUR}
        self._exact = True
        self._pace(self._clock() - steady)

    def _pace(self, seconds: float) -> None:
        if seconds < QUICK_SECONDS and len(self._asked) == self._piece:
            self._piece = min(LARGEST_PIECE, 2 * self._piece)
        elif seconds > SLOW_SECONDS:
            self._piece = max(1, self._piece // 2)

    def failed(self, error: SourceError, steady: float) -> None:
        if error.failure not in TOO_MUCH:
            self._not_before = steady + RETRY_SECONDS
        elif len(self._asked) > 1:
            self._piece = max(1, len(self._asked) // 2)
        elif self._exact:
            self._exact = False
        else:
            self._exact = True
            self._given_up.update(dict.fromkeys(self._asked, steady))

    def take(self) -> Hours:
        """What was learned, told once. May be called from any thread."""
        learned: list[Hours] = []
        while self._learned:
            learned.append(self._learned.pop(0))
        return Hours(
            tuple(row for each in learned for row in each.sums),
            tuple(span for each in learned for span in each.watched),
            tuple(row for each in learned for row in each.spent),
        )

    def _next(self, clock: float, steady: float) -> Sequence[float]:
        """The newest hours that are missing, ascending, without a gap."""
        oldest = math.ceil((clock - self._back) / HOUR) * HOUR
        hour = math.floor((clock - SETTLE_SECONDS) / HOUR) * HOUR - HOUR
        found: list[float] = []
        while hour >= oldest and len(found) < self._piece:
            given_up = self._given_up.get(hour)
            if hour not in self._known and (given_up is None or steady - given_up > GIVE_UP_SECONDS):
                found.append(hour)
            elif found:
                break
            hour -= HOUR
        return found[::-1]


def watched_spans(api: PrometheusApi, scope: Scope, begin: float, end: float) -> list[tuple[float, float]]:
    """When from ``begin`` to ``end`` all targets were up, to STEP seconds, of which that is a multiple.

    Targets that were down all the time are not waited for: they were given up and left in the
    configuration. Where there is no ``up`` (pushed and federated series) the series themselves have to do.
    """
    recent = span(STEP)
    up = f"up{{job=~{one_of(scope.jobs)}}}"
    down = f"count(max_over_time({up}[{recent}]) == 0)"
    text = (
        f"count(max_over_time({up}[{recent}]) == 1) "
        f'or label_replace({down}, {quote(OP_LABEL)}, {quote(Op.DELTA.value)}, "", "")'
    )
    lines = api.over(text, begin + STEP, end, STEP) if scope.jobs else []
    if not lines:
        series = [each.series for each in summed_signals(scope) if each.series is not None]
        there = " or ".join(f"count(count_over_time({each}[{recent}]))" for each in series)
        return _spans(_times(api.over(there, begin + STEP, end, STEP))) if series else []
    ups = [line for line in lines if OP_LABEL not in line.labels]
    downs = {at: value for line in lines if OP_LABEL in line.labels for at, value in line.points}
    if not any(downs.values()):
        return _spans(_times(ups))
    rows = api.instant(f"count(max_over_time({up}[{span(end - begin)}]) == 0)", end)
    never = rows[0].value if rows else 0.0
    return _spans(at for at in _times(ups) if downs.get(at, 0.0) <= never)


def _times(lines: Iterable[Line]) -> list[float]:
    return sorted({at for line in lines for at, value in line.points if value > 0})


def _spans(times: Iterable[float]) -> list[tuple[float, float]]:
    """Each time stands for the STEP before it; those that touch become one."""
    spans: list[tuple[float, float]] = []
    for at in times:
        begin = at - STEP
        if spans and spans[-1][1] >= begin:
            begin = spans.pop()[0]
        spans.append((begin, at))
    return spans
