"""Which series shows the course of an alert, and how its values become those that the rule looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from wfmon.model.alert import Alert, Severity
from wfmon.model.history import Kind
from wfmon.model.past import Series, SeriesRequest
from wfmon.model.record import dataclass
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.panes.measured import amount
from wfmon.ui.series import Points

HOUR = 3600.0
_KNOWN = 0.5  # of a trailing hour that must be known for its mean


@dataclass(frozen=True, slots=True)
class Course:
    """Where the values of an alert's rule are kept. ``told``: from what is kept to what is drawn, with the
    seconds from one value to the next; ``before``: seconds of it that only serve to make the first value.
    ``unit`` as ``Alert.unit``; ``most``: what no value can be above."""

    kind: Kind
    subject: str
    column: str
    threshold: float | None
    unit: str = "ratio"
    most: float | None = None
    before: float = 0.0
    told: Callable[[Points, float], Points] = lambda values, _step: values

    def request(self, begin: float, end: float, points: int) -> SeriesRequest:
        step = (end - begin) / max(1, points)
        extra = 0 if step <= 0 else int(self.before / step)
        return SeriesRequest(
            self.kind, self.subject, self.column, begin - extra * step, end, max(1, points + extra)
        )

    def drawn(self, begin: float, answer: Series) -> Series:
        """The part of the answer from ``begin`` on, as it is drawn."""
        count = len(answer.values)
        if not count or answer.end <= answer.begin:
            return answer
        step = (answer.end - answer.begin) / count
        values = self.told(answer.values, step)[round((begin - answer.begin) / step) :]
        return Series(begin, answer.end, tuple(values), answer.problem)

    def write(self, value: float | None) -> str:
        if self.unit == "per_minute":
            return f"{numbers.rate(value)}/m"
        return amount(value, self.unit)


def course_of(alert: Alert, snapshot: Snapshot | None) -> Course | None:
    """None: nothing that is kept shows it."""
    workflow, labels = alert.workflow, dict(alert.labels)
    match alert.rule:
        case "failure_rate" if workflow is not None:
            return Course(Kind.WORKFLOW, workflow, "error_ratio", alert.threshold, most=1.0)
        case "cost_spike":
            kind = Kind.TOTAL if workflow is None else Kind.WORKFLOW
            if alert.severity is Severity.CRITICAL:  # the rate is held against a cap
                return Course(kind, workflow or "", "cost_per_hour", alert.threshold, "usd")
            return Course(
                kind, workflow or "", "cost_per_hour", alert.threshold, "usd", before=HOUR, told=_trailing
            )
        case "budget_burn" if alert.unit == "usd":
            return Course(Kind.TOTAL, "", "cost_per_hour", None, "usd")
        case "memory" if workflow is not None:  # its value is the time that is left
            return Course(Kind.WORKFLOW, workflow, "rss_bytes", None, "bytes")
        case "memory" if alert.unit == "ratio":
            total = _memory_total(snapshot)
            if total is not None:
                share = partial(_used_share, total=total)
                return Course(Kind.HOST, "", "memory_available", alert.threshold, most=1.0, told=share)
        case "storage" if labels.get("mount"):
            column = "inodes_used_ratio" if labels.get("resource") == "inodes" else "used_ratio"
            limit = alert.threshold if alert.unit == "ratio" else None
            return Course(Kind.VOLUME, labels["mount"], column, limit, most=1.0)
        case "silence" if workflow is not None:
            return Course(Kind.WORKFLOW, workflow, "runs_per_minute", None, "per_minute")
    return None


def elapsed(alert: Alert, runs: Sequence[Run], begin: float, end: float, points: int) -> Points:
    """Seconds that the longest of the alert's runs had taken at each moment, of those that still go on."""
    members = frozenset(alert.members)
    begun = [
        run.started_at
        for run in runs
        if run.id in members and run.status is RunStatus.RUNNING and run.started_at is not None
    ]
    if not begun or points < 1 or end <= begin:
        return ()
    first, step = min(begun), (end - begin) / points
    moments = (begin + (number + 1) * step for number in range(points))
    return tuple(at - first if at >= first else None for at in moments)


def _memory_total(snapshot: Snapshot | None) -> int | None:
    memory = snapshot.host.memory if snapshot is not None and snapshot.host is not None else None
    return memory.total_bytes if memory is not None else None


def _used_share(values: Points, _step: float, *, total: int) -> Points:
    return tuple(None if value is None else max(0.0, 1.0 - value / total) for value in values)


def _trailing(values: Points, step: float) -> Points:
    """The mean of the hour before each value, which is what the rule looks at; None where too little of
    the hour is known."""
    span = max(1, round(HOUR / step))
    means: list[float | None] = []
    total, known = 0.0, 0
    for number, value in enumerate(values):
        gone = values[number - span] if number >= span else None
        total += (value or 0.0) - (gone or 0.0)
        known += (value is not None) - (gone is not None)
        means.append(max(0.0, total / known) if known and known >= _KNOWN * span else None)
    return means
