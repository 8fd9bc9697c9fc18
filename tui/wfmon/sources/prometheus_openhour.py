"""The hour that is not over yet, told anew every minute or two: as it will be told when it is."""

from __future__ import annotations

import math

from wfmon.model.history import Role, Watched
from wfmon.sources.base import SourceError
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_errands import Known
from wfmon.sources.prometheus_growth import HOUR, Told, read_hours, summed_signals
from wfmon.sources.prometheus_hours import STEP, TOO_MUCH, Hours, watched_spans
from wfmon.sources.prometheus_hoursums import hour_sums, spend_sums

EVERY_SECONDS = 90.0  # longer than one answer and the pause after it: past hours have their turn in between
RETRY_SECONDS = 300.0
LEAST_SECONDS = 30.0  # of the hour that are over
# Of one answer; with more of them restarted the server extrapolates until the hour is over.
MOST_TROUBLED = 8
# The end of an hour that is not vouched for before it is told whole: else it would be taken for whole.
UNTOLD_SECONDS = 120.0


class OpenHourErrand:
    """An ``Errand``: one question for when the targets were up, one for restarts, one for each signal that is
    summed up, and up to three for each of MOST_TROUBLED targets."""

    seconds = 20.0

    def __init__(self, source: str) -> None:
        self._source = source
        self._told = Told()
        self._due = 0.0
        self._extrapolated: float | None = None  # the hour that is not counted exactly
        self._learned = Hours()

    def due(self, known: Known, steady: float) -> bool:
        return (
            steady >= self._due
            and bool(known.scope.fitting)
            and known.clock % HOUR >= LEAST_SECONDS
            and bool(summed_signals(known.scope))
        )

    def ask(self, api: PrometheusApi, known: Known, steady: float) -> None:
        self._due = steady + EVERY_SECONDS
        end = float(math.floor(known.clock))
        hour = end // HOUR * HOUR
        exact = self._extrapolated != hour
        self._extrapolated = hour  # should it fail; else it is exact again
        spans = watched_spans(api, known.scope, end - math.ceil((end - hour) / STEP) * STEP, end)
        if spans:
            sums = read_hours(
                api,
                known.scope,
                (hour,),
                self._told,
                exact=exact,
                length=end - hour,
                most_troubled=MOST_TROUBLED,
            )
            self._learned = Hours(
                hour_sums(self._source, sums, known.scope, self._told),
                tuple(self._watched(hour, *each) for each in spans),
                spend_sums(self._source, sums, known.scope),
            )
        if exact:
            self._extrapolated = None

    def failed(self, error: SourceError, steady: float) -> None:
        """Asked once more, less exactly, where that may help."""
        if error.failure not in TOO_MUCH:
            self._extrapolated = None
        self._due = steady + (EVERY_SECONDS if error.failure in TOO_MUCH else RETRY_SECONDS)

    def take(self) -> Hours:
        """What was learned last, told once. May be called from any thread."""
        learned, self._learned = self._learned, Hours()
        return learned

    def _watched(self, hour: float, begin: float, end: float) -> Watched:
        end = max(begin, min(end, hour + HOUR - UNTOLD_SECONDS))
        return Watched(self._source, Role.METRICS, begin, end)
