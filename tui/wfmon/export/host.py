"""Rules ``memory`` and ``storage`` in PromQL, from the metrics of a node_exporter.

What differs from our own evaluation: no control groups, no workflow is named, and a single line through
30 minutes tells when memory is full.
"""

from __future__ import annotations

from wfmon.export.rulefile import Alerting, Group, duration
from wfmon.export.words import firing, labels
from wfmon.model.alert import Severity
from wfmon.model.settings import (
    FillingSettings,
    HysteresisSettings,
    MemoryForecastSettings,
    MemorySettings,
    StorageSettings,
)

MEMORY, PRESSURE = "HostMemoryLow", "HostMemoryPressure"
KILLED, MEMORY_FULL = "HostOutOfMemoryKill", "HostMemoryFullSoon"
STORAGE, INODES, STORAGE_FULL = "HostStorageLow", "HostInodesLow", "HostStorageFullSoon"
AVAILABLE = "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
FILES = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|devtmpfs"'
ROOM, SIZE = f"node_filesystem_avail_bytes{{{FILES}}}", f"node_filesystem_size_bytes{{{FILES}}}"
# As df says it: of what this user may have.
FREE = f"{ROOM} / ({SIZE} - node_filesystem_free_bytes{{{FILES}}} + {ROOM})"
FREE_INODES = f"node_filesystem_files_free{{{FILES}}} / (node_filesystem_files{{{FILES}}} > 0)"
WRITABLE = f"node_filesystem_readonly{{{FILES}}} == 0"
CLEAR_BYTES = 1.25
HOUR, DAY = 3600.0, 86400.0


def groups(memory: MemorySettings, storage: StorageSettings, interval: float) -> tuple[Group, ...]:
    found = []
    if memory.enabled:
        why = ("The host runs out of memory. Needs a node_exporter.",)
        found.append(Group("wfmon-memory", interval, _memory(memory), why))
    if storage.enabled:
        why = ("A file system fills up. Needs a node_exporter.",)
        found.append(Group("wfmon-storage", interval, _storage(storage), why))
    return tuple(found)


def _memory(settings: MemorySettings) -> tuple[Alerting, ...]:
    said = {"summary": "{{ $labels.instance }}: {{ $value | humanizePercentage }} of memory available"}
    rules = [
        Alerting(
            MEMORY,
            _below(AVAILABLE, level, MEMORY, severity),
            labels("memory", severity),
            said,
            level.for_seconds,
            level.keep_seconds,
        )
        for severity, level in ((Severity.WARNING, settings.warn), (Severity.CRITICAL, settings.critical))
    ]
    rules += [
        Alerting(
            PRESSURE,
            f"rate(node_pressure_memory_stalled_seconds_total[1m]) > {settings.psi_full_avg10 / 100:g}",
            labels("memory", Severity.CRITICAL),
            {
                "summary": "{{ $labels.instance }}: all tasks waited for memory "
                "{{ $value | humanizePercentage }} of the time"
            },
            settings.critical.for_seconds,
            settings.critical.keep_seconds,
        ),
        Alerting(
            KILLED,
            f"increase(node_vmstat_oom_kill[{duration(settings.oom_seconds)}]) > 0",
            labels("memory", Severity.CRITICAL),
            {"summary": "{{ $labels.instance }}: the kernel killed a process for want of memory"},
        ),
    ]
    if settings.forecast is not None:
        rules.append(_memory_full(settings.forecast, settings.warn))
    return tuple(rules)


def _memory_full(forecast: MemoryForecastSettings, warn: HysteresisSettings) -> Alerting:
    window, horizon = duration(forecast.window_seconds), forecast.horizon_seconds
    falls = f"predict_linear(node_memory_MemAvailable_bytes[{window}], {horizon:g}) < 0"
    return Alerting(
        MEMORY_FULL,
        f"{AVAILABLE} < {forecast.below:g} and {falls}",
        labels("memory", Severity.WARNING),
        {"summary": "{{ $labels.instance }}: memory is full within " + duration(horizon)},
        warn.for_seconds,
        warn.keep_seconds,
    )


def _storage(settings: StorageSettings) -> tuple[Alerting, ...]:
    said = {
        "summary": "{{ $labels.instance }} {{ $labels.mountpoint }}: {{ $value | humanizePercentage }} free"
    }
    rules = []
    for severity, level in ((Severity.WARNING, settings.warn), (Severity.CRITICAL, settings.critical)):
        rules.append(
            Alerting(
                STORAGE,
                f"({_room(level, severity, settings)}) and {WRITABLE}",
                labels("storage", severity),
                said,
                level.for_seconds,
                level.keep_seconds,
            )
        )
        if settings.inodes:
            rules.append(
                Alerting(
                    INODES,
                    f"({_below(FREE_INODES, level, INODES, severity)}) and {WRITABLE}",
                    {**labels("storage", severity), "resource": "inodes"},
                    {"summary": said["summary"].replace("free", "of the inodes free")},
                    level.for_seconds,
                    level.keep_seconds,
                )
            )
    if settings.fills_warn is not None:
        rules.append(_fills(settings.fills_warn, Severity.WARNING, 6 * HOUR, DAY))
    if settings.fills_critical is not None:
        rules.append(_fills(settings.fills_critical, Severity.CRITICAL, 0.75 * HOUR, 6 * HOUR))
    return tuple(rules)


def _below(share: str, level: HysteresisSettings, alert: str, severity: Severity) -> str:
    """Trips below one value, clears above another."""
    open_already = f"on (instance) {firing(alert, severity)}"
    if share is not AVAILABLE:
        open_already = f"on (instance, mountpoint) {firing(alert, severity)}"
    return f"{share} < {level.trip:g} or ({share} <= {level.clear:g} and {open_already})"


def _room(level: HysteresisSettings, severity: Severity, settings: StorageSettings) -> str:
    """A share of a big disk may be small and yet plenty: to warn, both must be short; for critical either,
    where the share is short by the warning's measure."""
    if level.trip_bytes is None:
        return _below(FREE, level, STORAGE, severity)
    few = f"{ROOM} < {level.trip_bytes:g}"
    still = f"on (instance, mountpoint) {firing(STORAGE, severity)}"
    if severity is Severity.WARNING:
        kept = f"{FREE} <= {level.clear:g} and {ROOM} <= {level.trip_bytes * CLEAR_BYTES:g} and {still}"
        return f"({FREE} < {level.trip:g} and {few}) or ({kept})"
    kept = f"({FREE} <= {level.clear:g} and {still})"
    return f"{FREE} < {level.trip:g} or ({FREE} < {settings.warn.trip:g} and {few}) or {kept}"


def _fills(settings: FillingSettings, severity: Severity, short: float, long: float) -> Alerting:
    """Full within the horizon by the shorter slope, and within the longer one by the longer slope; that of
    a day is the difference to yesterday, which a daily rotation does not deceive."""
    soon = f"predict_linear({ROOM}[{duration(short)}], {settings.horizon_seconds:g}) < 0"
    horizon = settings.long_horizon_seconds
    if long >= DAY:
        later = f"{ROOM} + ({ROOM} - ({ROOM} offset {duration(long)})) * {horizon / long:g} < 0"
    else:
        later = f"predict_linear({ROOM}[{duration(long)}], {horizon:g}) < 0"
    return Alerting(
        STORAGE_FULL,
        f"{FREE} and ({soon}) and ({later}) and {WRITABLE}",
        labels("storage", severity),
        {
            "summary": "{{ $labels.instance }} {{ $labels.mountpoint }}: full within "
            + duration(settings.horizon_seconds)
        },
        settings.for_seconds,
    )
