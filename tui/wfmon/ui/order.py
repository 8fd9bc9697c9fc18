"""In which order the rows stand: ranked by need, and still while a person moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from wfmon.model.alert import Alert
from wfmon.model.snapshot import Workflow

SortKey = Callable[[Workflow], float | None]

# What the sort menu offers: key to press, words, figure (the greatest first; None: see ``ranked``).
SORTS: tuple[tuple[str, str, SortKey | None], ...] = (
    ("n", "need", None),
    ("w", "name", None),
    ("a", "active", lambda workflow: workflow.active),
    ("r", "runs", lambda workflow: workflow.runs_per_minute),
    ("e", "err%", lambda workflow: workflow.runs.error_ratio if workflow.runs else None),
    ("p", "p95", lambda workflow: workflow.duration_p95_seconds),
    ("t", "tokens", lambda workflow: workflow.tokens_per_minute),
    ("c", "cost", lambda workflow: workflow.cost_usd_per_hour),
    ("m", "mem", lambda workflow: workflow.rss_bytes),
    ("l", "last", lambda workflow: workflow.last_run_at),
)


def worst_alerts(alerts: Iterable[Alert]) -> dict[str, Alert]:
    """The open alert of each workflow that needs a person most."""
    worst: dict[str, Alert] = {}
    for alert in alerts:
        name = alert.workflow
        if name is None or not alert.open:
            continue
        known = worst.get(name)
        if known is None or _weight(alert) < _weight(known):
            worst[name] = alert
    return worst


def ranked(
    workflows: Sequence[Workflow], worst: Mapping[str, Alert], sort: str, *, invert: bool
) -> list[Workflow]:
    """Sorted by one of ``SORTS``; what is unknown stands last either way."""
    figure = next((figure for key, _words, figure in SORTS if key == sort), None)
    if figure is not None:
        known = [workflow for workflow in workflows if figure(workflow) is not None]
        rest = [workflow for workflow in workflows if figure(workflow) is None]
        known.sort(key=lambda workflow: (-(figure(workflow) or 0.0), workflow.name), reverse=invert)
        return known + sorted(rest, key=lambda workflow: workflow.name)
    if sort == "w":
        return sorted(workflows, key=lambda workflow: workflow.name, reverse=invert)
    return sorted(workflows, key=lambda workflow: _need(workflow, worst), reverse=invert)


def _weight(alert: Alert) -> tuple[bool, int]:
    return (alert.taken, -alert.severity)


def _need(workflow: Workflow, worst: Mapping[str, Alert]) -> tuple[bool, bool, int, bool, bool, str]:
    """Alerts first, by weight; then what fails, then what works, then what is still."""
    alert = worst.get(workflow.name)
    taken, severity = _weight(alert) if alert is not None else (True, 0)
    runs = workflow.runs
    # Short runs come and go every second: whoever ran within its window works, or rows would jump.
    works = bool(workflow.active) or bool(runs and runs.n)
    return (alert is None, taken, severity, not (runs and runs.failed), not works, workflow.name)


class StillOrder:
    """Keeps keys in place while frozen; new ones go to the end and are counted."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.new = 0

    def arrange(self, wanted: Sequence[str], *, frozen: bool) -> list[str]:
        """The keys of ``wanted`` in the order to draw; the same list while it is the same."""
        if not frozen or not self.keys:
            self.new = 0
            order = list(wanted)
        else:
            present, known = set(wanted), set(self.keys)
            order = [key for key in self.keys if key in present]
            late = [key for key in wanted if key not in known]
            self.new += len(late)
            order += late
        if order != self.keys:
            self.keys = order
        return self.keys
