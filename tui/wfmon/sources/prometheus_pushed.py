"""Which pushed figures of a Prometheus are old: it scrapes a Pushgateway that repeats them."""

from __future__ import annotations

from wfmon.sources.base import SourceError
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_errands import Known
from wfmon.sources.pushed import OLD_SECONDS, PUSH_TIME, Group, old_pushes

EVERY_SECONDS = 60.0
OLDEST = 20  # groups that are asked for, of whatever job


class PushedErrand:
    """An ``Errand``."""

    seconds = 5.0

    def __init__(self) -> None:
        self._due = 0.0
        self._groups: tuple[Group, ...] = ()

    def due(self, known: Known, steady: float) -> bool:
        return steady >= self._due

    def ask(self, api: PrometheusApi, known: Known, steady: float) -> None:
        self._due = steady + EVERY_SECONDS
        old = f"{PUSH_TIME} < {known.clock - OLD_SECONDS:.0f}"
        rows = api.instant(f"bottomk({OLDEST}, {old})", known.clock)
        # With honor_labels a group has its own job, else that of the scrape, which the figures have too.
        jobs = known.scope.jobs
        self._groups = tuple((row.labels, row.value) for row in rows if row.labels.get("job", "") in jobs)

    def failed(self, error: SourceError, steady: float) -> None:
        """What was known stays; the sources screen tells that the server does not answer."""
        self._due = steady + EVERY_SECONDS

    def missing(self, clock: float) -> tuple[str, ...]:
        return tuple(old_pushes(self._groups, clock))
