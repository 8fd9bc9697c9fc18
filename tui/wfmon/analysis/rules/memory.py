"""Rule ``memory``: the host runs out of memory (alerting-and-burn 4.6)."""

from __future__ import annotations

from wfmon.analysis.words import percent, size
from wfmon.model.alert import Finding, Severity
from wfmon.model.host import HostSample, Memory
from wfmon.model.settings import HysteresisSettings, MemorySettings

RULE = "memory"
LABELS = (("resource", "memory"),)


def evaluate(host: HostSample | None, settings: MemorySettings, now: float) -> tuple[Finding, ...]:
    """A warning and a critical finding of the host's memory; none without a host sample.

    Give None for ``host`` while the host source does not answer: an open alert then becomes no_data.
    """
    del now
    if not settings.enabled or host is None:
        return ()
    pressure = host.psi_memory_full_avg10
    stalls = pressure is not None and pressure > settings.psi_full_avg10
    return (
        _judge(host.memory, Severity.WARNING, settings.warn, None),
        _judge(host.memory, Severity.CRITICAL, settings.critical, pressure if stalls else None),
    )


def _judge(
    memory: Memory | None, severity: Severity, level: HysteresisSettings, pressure: float | None
) -> Finding:
    """``pressure`` is given only where it is above its threshold: it then holds by itself."""
    free = memory.available_bytes / memory.total_bytes if memory and memory.total_bytes else None
    short = free is not None and free < level.trip
    holds = None if free is None and pressure is None else short or pressure is not None
    words = "memory unknown"
    if memory is not None and free is not None:
        words = f"memory {percent(1 - free)} used ({size(memory.available_bytes)} available)"
    if pressure is not None:
        words = f"{words}, all tasks waited for it {pressure:.0f}% of the time"
    return Finding(
        rule=RULE,
        labels=LABELS,
        severity=severity,
        holds=holds,
        summary=words,
        value=None if free is None else 1 - free,
        threshold=1 - level.trip,
        for_seconds=level.for_seconds,
        keep_seconds=level.keep_seconds,
        between=holds is False and free is not None and free <= level.clear,
    )
