"""Rule ``storage``: a file system or a watched directory fills up (alerting-and-burn 4.6)."""

from __future__ import annotations

from wfmon.analysis.words import percent, size
from wfmon.model.alert import Finding, Labels, Severity
from wfmon.model.host import HostSample, Volume
from wfmon.model.record import dataclass
from wfmon.model.settings import HysteresisSettings, StorageSettings

RULE = "storage"
# Free bytes must grow this much beyond the trip value before they clear an alert.
CLEAR_BYTES = 1.25


def evaluate(host: HostSample | None, settings: StorageSettings, now: float) -> tuple[Finding, ...]:
    """A warning and a critical finding per volume, and two more for its inodes where they are known.

    Give None for ``host`` while the host source does not answer: open alerts then become no_data.
    """
    del now
    if not settings.enabled or host is None:
        return ()
    findings: list[Finding] = []
    for volume in host.volumes:
        findings += _bytes(volume, settings)
        if settings.inodes and volume.inodes_used_ratio is not None:
            findings += _inodes(volume, volume.inodes_used_ratio, settings)
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class _Room:
    """``tight`` trips, ``loose`` clears; neither is the band between."""

    tight: bool
    loose: bool


def _bytes(volume: Volume, settings: StorageSettings) -> tuple[Finding, Finding]:
    labels = (("mount", volume.mount),)
    if volume.used_ratio is None:
        words = f"{volume.mount}: {volume.error or 'size unknown'}"
        return (
            _finding(labels, Severity.WARNING, settings.warn, None, None, words),
            _finding(labels, Severity.CRITICAL, settings.critical, None, None, words),
        )
    free = 1 - volume.used_ratio
    spare = None if volume.limit else volume.free_bytes
    words = f"{volume.mount} {percent(volume.used_ratio)} full"
    if volume.free_bytes is not None:
        words += f" ({size(max(0, volume.free_bytes))} free)"
    warn = _warn_room(free, spare, settings.warn)
    critical = _critical_room(free, spare, settings)
    return (
        _finding(labels, Severity.WARNING, settings.warn, warn, free, words),
        _finding(labels, Severity.CRITICAL, settings.critical, critical, free, words),
    )


def _warn_room(free: float, spare: int | None, level: HysteresisSettings) -> _Room:
    """A share of a big disk may be small and yet plenty: both must be short."""
    if spare is None or level.trip_bytes is None:
        return _Room(free < level.trip, free > level.clear)
    return _Room(
        free < level.trip and spare < level.trip_bytes,
        free > level.clear or spare > level.trip_bytes * CLEAR_BYTES,
    )


def _critical_room(free: float, spare: int | None, settings: StorageSettings) -> _Room:
    """Either is enough, but few bytes count only where the share is short by the warning's measure:
    else a small and nearly empty disk would be critical for ever."""
    level = settings.critical
    if spare is None or level.trip_bytes is None:
        return _Room(free < level.trip, free > level.clear)
    few = spare < level.trip_bytes and free < settings.warn.trip
    enough = spare > level.trip_bytes * CLEAR_BYTES or free >= settings.warn.trip
    return _Room(free < level.trip or few, free > level.clear and enough)


def _inodes(volume: Volume, used: float, settings: StorageSettings) -> tuple[Finding, Finding]:
    labels = (("mount", volume.mount), ("resource", "inodes"))
    words = f"{volume.mount} {percent(used)} of inodes used"
    free = 1 - used
    first, second = (
        _finding(labels, severity, level, _Room(free < level.trip, free > level.clear), free, words)
        for severity, level in ((Severity.WARNING, settings.warn), (Severity.CRITICAL, settings.critical))
    )
    return first, second


def _finding(
    labels: Labels,
    severity: Severity,
    level: HysteresisSettings,
    room: _Room | None,
    free: float | None,
    words: str,
) -> Finding:
    return Finding(
        rule=RULE,
        labels=labels,
        severity=severity,
        holds=None if room is None else room.tight,
        summary=words,
        value=None if free is None else 1 - free,
        threshold=1 - level.trip,
        for_seconds=level.for_seconds,
        keep_seconds=level.keep_seconds,
        between=room is not None and not room.tight and not room.loose,
    )
