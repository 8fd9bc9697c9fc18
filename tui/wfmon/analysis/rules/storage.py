"""Rule ``storage``: a file system or a watched directory fills up (alerting-and-burn 4.6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfmon.analysis.outlook import NOTHING, Outlook, will_be_critical, will_warn
from wfmon.analysis.words import percent, size
from wfmon.model.alert import Finding, Labels, Severity
from wfmon.model.forecast import Filling, Slopes
from wfmon.model.host import HostSample, Volume
from wfmon.model.record import dataclass
from wfmon.model.settings import HysteresisSettings, StorageSettings

RULE = "storage"
# Free bytes must grow this much beyond the trip value before they clear an alert.
CLEAR_BYTES = 1.25
HOUR = 3600.0
NOTABLE = 16 * 1024.0**2  # bytes an hour
MOST = 5


def evaluate(
    host: HostSample | None,
    settings: StorageSettings,
    now: float,
    fillings: Sequence[Filling] = (),
    writes: Mapping[str, float] | None = None,
) -> tuple[Finding, ...]:
    """A warning and a critical finding per volume, and two more for its inodes where they are known.

    ``fillings``: what is known of when volumes will be full. ``writes``: bytes per second that workflows
    write, to whatever volume. Give None for ``host`` while the host source does not answer: open alerts
    then become no_data.
    """
    del now
    if not settings.enabled or host is None:
        return ()
    writers = _writers(writes or {})
    slopes = {filling.mount: filling for filling in fillings}
    findings: list[Finding] = []
    for volume in host.volumes:
        filling = slopes.get(volume.mount)
        findings += _bytes(volume, settings, filling.slopes if filling else None, writers)
        if settings.inodes and volume.inodes_used_ratio is not None:
            used = volume.inodes_used_ratio
            findings += _inodes(volume, used, settings, filling.inodes if filling else None, writers)
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class _Room:
    """``tight`` trips, ``loose`` clears; neither is the band between."""

    tight: bool
    loose: bool


def _writers(writes: Mapping[str, float]) -> tuple[str, ...]:
    """``knowledge_sync writes 1.2G/h``, the most first."""
    most = sorted((-rate, name) for name, rate in writes.items() if rate * HOUR >= NOTABLE)
    return tuple(f"{name} writes {size(-rate * HOUR)}/h" for rate, name in most[:MOST])


def _bytes(
    volume: Volume, settings: StorageSettings, slopes: Slopes | None, writers: tuple[str, ...]
) -> tuple[Finding, Finding]:
    labels = (("mount", volume.mount),)
    if volume.used_ratio is None:
        words = f"{volume.mount}: {volume.error or 'size unknown'}"
        return (
            _finding(labels, Severity.WARNING, settings.warn, None, None, words, NOTHING, ()),
            _finding(labels, Severity.CRITICAL, settings.critical, None, None, words, NOTHING, ()),
        )
    free = 1 - volume.used_ratio
    spare = None if volume.limit else volume.free_bytes
    words = f"{volume.mount} {percent(volume.used_ratio)} full"
    if volume.free_bytes is not None:
        words += f" ({size(max(0, volume.free_bytes))} free)"
    warn = _warn_room(free, spare, settings.warn)
    critical = _critical_room(free, spare, settings)
    soon = will_warn(slopes, settings.fills_warn)
    sooner = will_be_critical(slopes, settings.fills_critical)
    return (
        _finding(labels, Severity.WARNING, settings.warn, warn, free, words, soon, writers),
        _finding(labels, Severity.CRITICAL, settings.critical, critical, free, words, sooner, writers),
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


def _inodes(
    volume: Volume, used: float, settings: StorageSettings, slopes: Slopes | None, writers: tuple[str, ...]
) -> tuple[Finding, Finding]:
    labels = (("mount", volume.mount), ("resource", "inodes"))
    words = f"{volume.mount} {percent(used)} of inodes used"
    free = 1 - used
    first, second = (
        _finding(
            labels,
            severity,
            level,
            _Room(free < level.trip, free > level.clear),
            free,
            words,
            outlook,
            writers,
        )
        for severity, level, outlook in (
            (Severity.WARNING, settings.warn, will_warn(slopes, settings.fills_warn)),
            (Severity.CRITICAL, settings.critical, will_be_critical(slopes, settings.fills_critical)),
        )
    )
    return first, second


def _finding(
    labels: Labels,
    severity: Severity,
    level: HysteresisSettings,
    room: _Room | None,
    free: float | None,
    words: str,
    outlook: Outlook,
    writers: tuple[str, ...],
) -> Finding:
    """Short of room now, or soon: one alert. What is short now need not wait as long as a forecast."""
    tight = room is not None and room.tight
    holds = None if room is None else tight or outlook.soon
    if outlook.soon:
        words = f"{words}, {outlook.words}"
    return Finding(
        rule=RULE,
        labels=labels,
        severity=severity,
        holds=holds,
        summary=words,
        value=None if free is None else 1 - free,
        threshold=1 - level.trip,
        for_seconds=level.for_seconds if tight else outlook.for_seconds,
        keep_seconds=level.keep_seconds,
        between=holds is False and room is not None and not (room.loose and outlook.far),
        contributors=writers if holds else (),
    )
