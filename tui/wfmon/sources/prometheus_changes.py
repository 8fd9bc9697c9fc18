"""Restarts and new versions of the targets that a Prometheus scrapes for us.

Resets of counters without a restart are not told: the server would have to look through every series.
"""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.model.history import Change
from wfmon.sources.base import SourceError
from wfmon.sources.changes import VERSION_LABELS, ChangeWatch, Info, bounded, short_target
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_errands import Known
from wfmon.sources.promql import one_of
from wfmon.text.sanitize import safe

EVERY_SECONDS = 120.0
MAX_TARGETS = 500
_START = "process_start_time_seconds"
_TARGET = ("job", "instance")


class ChangesErrand:
    """An ``Errand``: one query, which groups on the server, so that its answer is small."""

    seconds = 10.0

    def __init__(self) -> None:
        self._due = 0.0
        self._targets: dict[tuple[str, str], ChangeWatch] = {}
        self._changes: list[Change] = []

    def due(self, known: Known, steady: float) -> bool:
        return steady >= self._due and bool(known.scope.jobs)

    def ask(self, api: PrometheusApi, known: Known, steady: float) -> None:
        self._due = steady + EVERY_SECONDS
        starts: dict[tuple[str, str], float] = {}
        infos: dict[tuple[str, str], list[Info]] = {}
        for row in api.instant(lives_of(known.scope.jobs), known.clock):
            name, target = row.labels.get("__name__"), _target(row.labels)
            if name is not None:
                labels = {
                    label: text for label, text in row.labels.items() if label not in ("__name__", *_TARGET)
                }
                infos.setdefault(target, []).append((name, labels))
            else:
                starts[target] = row.value
        found: list[Change] = []
        for target in sorted({*starts, *infos})[:MAX_TARGETS]:
            if target not in self._targets and len(self._targets) >= MAX_TARGETS:
                self._targets.pop(next(iter(self._targets)))
            watch = self._targets.setdefault(target, _watch(target))
            found += watch.look(known.clock, starts.get(target), infos.get(target, ()))
        self._changes.extend(bounded(found))

    def failed(self, error: SourceError, steady: float) -> None:
        """What happened meanwhile is seen at the next look."""
        self._due = steady + EVERY_SECONDS

    def take(self) -> tuple[Change, ...]:
        """What was found, told once. May be called from any thread."""
        found: list[Change] = []
        while self._changes:
            found.append(self._changes.pop(0))
        return tuple(found)


def lives_of(jobs: frozenset[str]) -> str:
    """Per target of ``jobs`` when its process began, and what its info metrics say of versions."""
    chosen = f"job=~{one_of(jobs)}"
    labels = ", ".join(("__name__", *_TARGET, "service_name", *VERSION_LABELS))
    return (
        f"max by (job, instance) ({_START}{{{chosen}}}) "
        f'or group by ({labels}) ({{__name__=~".+_info",{chosen}}})'
    )


def _target(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("job", ""), labels.get("instance", "")


def _watch(target: tuple[str, str]) -> ChangeWatch:
    job, instance = target
    return ChangeWatch(safe(f"{job} {instance}".strip(), limit=120), short_target(instance or job))
