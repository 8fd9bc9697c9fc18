"""What a Prometheus is asked beside the polls, and how its answers get into the next reading."""

from __future__ import annotations

from collections.abc import Callable

from wfmon.model.record import replace
from wfmon.sources.base import Reading
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_changes import ChangesErrand
from wfmon.sources.prometheus_errands import Errand, Errands, Known
from wfmon.sources.prometheus_fit import Scope
from wfmon.sources.prometheus_hours import Hours, HoursErrand, HoursWanted
from wfmon.sources.prometheus_kept import KeptErrand
from wfmon.sources.prometheus_openhour import OpenHourErrand
from wfmon.sources.prometheus_pushed import PushedErrand


class Beside:
    """How far back the server keeps, what changed at its targets, what was pushed long ago, and past
    hours and the open one where they are wanted."""

    def __init__(
        self,
        source: str,
        api: PrometheusApi,
        hours: HoursWanted | None,
        steady: Callable[[], float],
    ) -> None:
        self._kept = KeptErrand(source)
        self._changes = ChangesErrand()
        self._hours = HoursErrand(source, hours, steady) if hours is not None else None
        self._open_hour = OpenHourErrand(source) if hours is not None else None
        self._pushed = PushedErrand()
        errands: list[Errand] = [self._kept, self._pushed, self._changes]
        errands += [each for each in (self._open_hour, self._hours) if each is not None]
        self._errands = Errands(api, errands, steady)

    def enriched(self, reading: Reading, scope: Scope, clock: float) -> Reading:
        """``reading`` with what was learned since the last one; starts what is due.

        ``clock`` is the server's.
        """
        self._errands.run_due(Known(scope, clock))
        hours = self._hours.take() if self._hours is not None else Hours()
        if self._open_hour is not None:
            hours = self._open_hour.take().besides(hours)
        return replace(
            reading,
            missing=(*reading.missing, *self._pushed.missing(clock)),
            changes=self._changes.take(),
            hours=hours.sums,
            watched=hours.watched,
            spent_hours=hours.spent,
            kept=self._kept.kept,
        )

    def close(self) -> None:
        self._errands.close()
