"""How far back a Prometheus keeps its data, and how far it reaches now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from wfmon.model.record import dataclass
from wfmon.model.retention import Keeps, Kept
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_errands import Known
from wfmon.sources.prometheus_fit import Scope
from wfmon.sources.promql import one_of
from wfmon.text.sanitize import safe

EVERY_SECONDS = 600.0
PROBES = 100  # points of one question; two questions find the oldest sample to 1/10,000 of what is searched
SEARCHED_SECONDS = 400 * 86_400.0  # where the server does not say how long it keeps
BEYOND = 1.1  # of its retention that is searched: blocks go as a whole, when all of them is too old
STEP_AT_LEAST = 60.0
SAME_START = 30.0  # seconds between the start of its process and that of its web server

_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]i?)?B", re.ASCII)
_SECONDS = (365 * 86_400.0, 7 * 86_400.0, 86_400.0, 3600.0, 60.0, 1.0, 0.001)


@dataclass(frozen=True, slots=True)
class Setting:
    """A retention setting: by age in seconds, by size in bytes; None where it has no such bound."""

    seconds: float | None = None
    bytes: int | None = None


def parse_retention(text: str) -> Setting:
    """``15d``, ``1h30m``, ``512MiB``, ``15d or 512MiB``. Raises ``ValueError`` for any other form."""
    seconds: float | None = None
    size: int | None = None
    for part in text.split(" or "):
        if seconds is None and size is None and part and (age := _DURATION.fullmatch(part)):
            seconds = sum(int(n) * unit for n, unit in zip(age.groups(), _SECONDS, strict=True) if n)
        elif size is None and (bound := _SIZE.fullmatch(part)):
            prefix = bound[2] or ""
            power = " KMGTPE".index(prefix[0]) if prefix else 0
            size = int(float(bound[1]) * (1024 if prefix.endswith("i") else 1000) ** power)
        else:
            raise ValueError(f"not a retention setting: {text!r}")
    return Setting(seconds or None, size or None)


class KeptErrand:
    """An ``Errand``. ``subject`` is the source as a person knows it.

    Where the API is not that of a Prometheus itself (Thanos, Mimir, VictoriaMetrics) its setting is not
    known, which is no error.
    """

    seconds = 20.0

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._due = 0.0
        self.kept: tuple[Kept, ...] = ()

    def due(self, known: Known, steady: float) -> bool:
        return steady >= self._due

    def ask(self, api: PrometheusApi, known: Known, steady: float) -> None:
        self._due = steady + EVERY_SECONDS
        info = _runtime_info(api)
        setting, problem = Setting(), None
        told = info.get("storageRetention")
        if isinstance(told, str) and told:
            try:
                setting = parse_retention(told)
            except ValueError:
                problem = safe(f"its storageRetention is not understood: {told}", limit=120)
        oldest, size = _own_metrics(api, known.clock, info)
        if oldest is None:
            oldest = _probed(api, known, setting.seconds)
        self.kept = (
            Kept(
                subject=self._subject,
                keeps=Keeps.METRICS,
                oldest_at=oldest,
                limit_seconds=setting.seconds,
                limit_bytes=setting.bytes,
                bytes=size,
                problem=problem,
            ),
        )

    def failed(self, error: SourceError, steady: float) -> None:
        """What was known stays; the sources screen tells that the server does not answer."""
        self._due = steady + EVERY_SECONDS


def _runtime_info(api: PrometheusApi) -> Mapping[str, object]:
    try:
        return api.status("runtimeinfo")
    except SourceError as error:
        if error.failure in (Failure.NETWORK, Failure.REFUSED, Failure.TIMEOUT):
            raise
        return {}


def _own_metrics(
    api: PrometheusApi, clock: float, info: Mapping[str, object]
) -> tuple[float | None, int | None]:
    """Oldest sample and bytes on disk as the server exposes them, if it scrapes itself.

    It may scrape others like it: its own series are those of the process that began when it says it did.
    """
    try:
        start = datetime.fromisoformat(str(info.get("startTime"))[:19] + "+00:00").timestamp()
    except ValueError:
        return None, None
    its = f"and on (job, instance) (abs(process_start_time_seconds - {start:.0f}) < {SAME_START:g})"
    oldest = [row.value for row in api.instant(f"prometheus_tsdb_lowest_timestamp_seconds {its}", clock)]
    if len(oldest) != 1 or not 0 < oldest[0] <= clock:
        return None, None
    names = one_of(["prometheus_tsdb_storage_blocks_bytes", "prometheus_tsdb_wal_storage_size_bytes"])
    sizes = [row.value for row in api.instant(f"{{__name__=~{names}}} {its}", clock)]
    return oldest[0], int(sum(sizes)) if len(sizes) == 2 else None


def _probed(api: PrometheusApi, known: Known, retention: float | None) -> float | None:
    """The oldest time at which there is a sample, later than the truth by at most 1/100 of 1/100 of what
    is searched; a server that was off at the probed moments may hold older ones."""
    reach = min(SEARCHED_SECONDS, retention * BEYOND) if retention is not None else SEARCHED_SECONDS
    for series in _probes(known.scope):
        begin, end = known.clock - reach, known.clock
        found: float | None = None
        for _ in range(2):
            step = max(STEP_AT_LEAST, (end - begin) / PROBES)
            lines = api.over(f"count({series})", begin, end, round(step))
            times = [at for line in lines for at, _ in line.points]
            if not times:
                break
            found = min(times)
            begin, end = found - step, found
        if found is not None:
            return found
    return None


def _probes(scope: Scope) -> tuple[str, ...]:
    metrics = sorted(name for name in scope.names if not name.endswith("_bucket"))[:20]
    return ("up", f"{{__name__=~{one_of(metrics)}}}") if metrics else ("up",)
