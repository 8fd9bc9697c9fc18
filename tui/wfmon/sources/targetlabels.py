"""Labels of ``target_info`` on the series of its target (OpenTelemetry's resource attributes)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

TARGET_INFO = "target_info"
TARGET = ("job", "instance")


class TargetLabels:
    """``wanted`` are the labels of ``target_info`` that series are read with where they lack them.

    A series belongs to the ``target_info`` with its job and instance (as a Prometheus and a Collector
    write them), or to the one that names neither: that of an exporter that speaks only of itself. Where
    two of one target differ in a label, it is not used.
    """

    def __init__(self, wanted: Collection[str], infos: Iterable[Mapping[str, str]]) -> None:
        self._by_target: dict[tuple[str, ...], dict[str, str]] = {}
        for info in infos:
            known = self._by_target.setdefault(_target(info), {})
            for label in wanted:
                if value := info.get(label, ""):
                    known[label] = value if known.setdefault(label, value) == value else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TargetLabels) and self._by_target == other._by_target

    def __hash__(self) -> int:
        return hash(frozenset(self._by_target))

    def added(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """``labels`` and those of its target; what a series says itself is not changed."""
        if not self._by_target:
            return labels
        found = self._by_target.get(_target(labels)) or self._by_target.get(("", ""))
        if not found:
            return labels
        return {**labels, **{name: value for name, value in found.items() if value and not labels.get(name)}}


def _target(labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in TARGET)
