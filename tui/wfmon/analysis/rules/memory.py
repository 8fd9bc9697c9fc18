"""Rule ``memory``: the host runs out of memory, or will soon (alerting-and-burn 4.6)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from wfmon.analysis.slope import Samples, empty_in, fit, regained
from wfmon.analysis.words import percent, size, span
from wfmon.model.alert import Finding, Labels, Severity
from wfmon.model.course import NO_COURSE, HostCourse, Kills
from wfmon.model.host import HostSample, Memory
from wfmon.model.record import dataclass
from wfmon.model.settings import HysteresisSettings, MemoryForecastSettings, MemorySettings

RULE = "memory"
LABELS: Labels = (("resource", "memory"),)
MEBI = 1024.0**2
ENOUGH = 2 / 3  # of a window must be known, and so many samples in it
FEWEST = 15
GROWTH_SECONDS = 900.0  # the slope of a workflow
REACHES_SECONDS = 1800.0  # a workflow at its limit within this is named
TOOTH = 300.0  # memory that comes and goes is looked at in pieces of this
MOST_REGAINED = 2 / 3
STILL = 2.0  # an open forecast stays until it is this many horizons away
NOTABLE = 16 * MEBI  # of growth
MOST = 5


def evaluate(
    host: HostSample | None, settings: MemorySettings, now: float, course: HostCourse = NO_COURSE
) -> tuple[Finding, ...]:
    """A warning and a critical finding of the host's memory, and a warning for each workflow whose control
    group has a limit; none without a host sample.

    Give None for ``host`` while the host source does not answer: an open alert then becomes no_data.
    """
    if not settings.enabled or host is None:
        return ()
    growths = _growths(host, course, now)
    return (
        _warning(host, settings, now, course, growths),
        _critical(host, settings, now, course),
        *_limited(host, settings, course, growths),
    )


@dataclass(frozen=True, slots=True)
class _Growth:
    """Of one workflow that nears a limit: seconds to the one of its control group, and of the host."""

    workflow: str
    to_limit: float | None
    to_host: float | None


@dataclass(frozen=True, slots=True)
class _Outlook:
    """``full_in`` seconds by a line that may be believed; ``soon`` trips, ``near`` keeps it open."""

    full_in: float | None = None
    soon: bool = False
    near: bool = False


def _warning(
    host: HostSample,
    settings: MemorySettings,
    now: float,
    course: HostCourse,
    growths: Sequence[_Growth],
) -> Finding:
    memory, level = host.memory, settings.warn
    free = _free(memory)
    outlook = _outlook(memory, settings.forecast, course, now)
    reaching = min((each.to_host for each in growths if each.to_host is not None), default=None)
    low = free is not None and free < level.trip
    holds = None if free is None else low or outlook.soon or reaching is not None
    words = _words(memory)
    ends = [each for each in (outlook.full_in if outlook.soon else None, reaching) if each is not None]
    if ends:
        words += f", full in {span(min(ends))}"
    grown = _grown(course, now) if holds else []
    if ends and grown:
        words += f", most {grown[0]}"
    loose = free is not None and free > level.clear and not outlook.near
    return _finding(Severity.WARNING, level, memory, holds, words, between=not loose, contributors=grown)


def _critical(host: HostSample, settings: MemorySettings, now: float, course: HostCourse) -> Finding:
    memory, level = host.memory, settings.critical
    free, pressure = _free(memory), host.psi_memory_full_avg10
    waits = pressure is not None and pressure > settings.psi_full_avg10
    kills = [each for each in course.kills if now - each.at <= settings.oom_seconds]
    low = free is not None and free < level.trip
    holds = True if low or waits or kills else None if free is None else False
    words = _words(memory)
    if waits:
        words = f"{words}, all tasks waited for it {pressure:.0f}% of the time"
    if kills:
        words = f"{_killed(kills)}, {words}"
    return _finding(
        Severity.CRITICAL,
        level,
        memory,
        holds,
        words,
        between=free is not None and free <= level.clear,
        contributors=_grown(course, now) if holds else [],
        killed_at=kills[0].at if kills else None,
    )


def _limited(
    host: HostSample, settings: MemorySettings, course: HostCourse, growths: Sequence[_Growth]
) -> Iterable[Finding]:
    """A workflow that is gone grows no more."""
    rooms = {each.workflow: each.room_bytes for each in host.workflows if each.room_bytes is not None}
    near = {each.workflow: each.to_limit for each in growths if each.to_limit is not None}
    for workflow in sorted(course.limited | rooms.keys()):
        left, full_in = rooms.get(workflow), near.get(workflow)
        words = "no limit in sight" if left is None else f"{size(left)} of memory to its limit"
        if full_in is not None:
            words += f", there in {span(full_in)}"
        yield Finding(
            rule=RULE,
            labels=(*LABELS, ("workflow", workflow)),
            severity=Severity.WARNING,
            holds=full_in is not None,
            summary=words,
            workflow=workflow,
            value=full_in,
            threshold=REACHES_SECONDS,
            unit="seconds",
            for_seconds=settings.warn.for_seconds,
            keep_seconds=settings.warn.keep_seconds,
        )


def _finding(
    severity: Severity,
    level: HysteresisSettings,
    memory: Memory | None,
    holds: bool | None,
    words: str,
    *,
    between: bool,
    contributors: Sequence[str],
    killed_at: float | None = None,
) -> Finding:
    free = _free(memory)
    return Finding(
        rule=RULE,
        labels=LABELS,
        severity=severity,
        holds=holds,
        summary=words,
        value=None if free is None else 1 - free,
        threshold=1 - level.trip,
        # A kill is no state that has to last.
        for_seconds=level.for_seconds if killed_at is None else 0.0,
        keep_seconds=level.keep_seconds,
        between=holds is False and between,
        since=killed_at,
        contributors=tuple(contributors),
    )


def _free(memory: Memory | None) -> float | None:
    return memory.available_bytes / memory.total_bytes if memory and memory.total_bytes else None


def _words(memory: Memory | None) -> str:
    free = _free(memory)
    if memory is None or free is None:
        return "memory unknown"
    return f"memory {percent(1 - free)} used ({size(memory.available_bytes)} available)"


def _killed(kills: Sequence[Kills]) -> str:
    count = sum(each.count for each in kills)
    where = " in our control group" if all(each.here for each in kills) else ""
    return f"{count} process{'es' if count > 1 else ''} killed for want of memory{where}"


def _outlook(
    memory: Memory | None, settings: MemoryForecastSettings | None, course: HostCourse, now: float
) -> _Outlook:
    """By the line through the window, if that explains it and what is lost does not come back."""
    free = _free(memory)
    if memory is None or free is None or settings is None or free >= settings.below:
        return _Outlook()
    samples = _within(course.available, now, settings.window_seconds)
    line = fit(samples)
    if line is None or line.r2 < settings.min_r2 or regained(_pieces(course.available)) > MOST_REGAINED:
        return _Outlook()
    full_in = empty_in(memory.available_bytes, line)
    if full_in is None:
        return _Outlook()
    horizon = settings.horizon_seconds
    return _Outlook(full_in, full_in < horizon, full_in < STILL * horizon)


def _growths(host: HostSample, course: HostCourse, now: float) -> list[_Growth]:
    """Workflows that reach their own limit or take all that the host has left within REACHES_SECONDS."""
    available = host.memory.available_bytes if host.memory is not None else None
    found = []
    for each in host.workflows:
        left = min((room for room in (each.room_bytes, available) if room is not None), default=None)
        samples = course.rss.get(each.workflow, ())
        # Whoever reaches it in twice the window has grown by half of it; most have not by a quarter.
        if left is None or len(samples) < FEWEST or samples[-1][1] - _then(samples) < left / 4:
            continue
        line = fit(_within(samples, now, GROWTH_SECONDS))
        if line is None or line.slope <= 0 or line.r2 < 0.8:
            continue
        own = None if each.room_bytes is None else each.room_bytes / line.slope
        host_in = None if available is None else available / line.slope
        if min(own or host_in or REACHES_SECONDS, host_in or own or REACHES_SECONDS) < REACHES_SECONDS:
            nearer = own is not None and (host_in is None or own <= host_in)
            found.append(_Growth(each.workflow, own if nearer else None, None if nearer else host_in))
    return found


def _then(samples: Samples) -> float:
    """About as long ago as the window is long."""
    begin = samples[-1][0] - GROWTH_SECONDS
    return samples[max(0, bisect_left(samples, (begin, 0.0)))][1]


def _within(samples: Samples, now: float, seconds: float) -> Samples:
    """Those of the window, or none where too little of it is known."""
    found = [each for each in samples if now - seconds <= each[0] <= now]
    known = found[-1][0] - found[0][0] if found else 0.0
    return found if len(found) >= FEWEST and known >= ENOUGH * seconds else ()


def _pieces(samples: Samples) -> list[float]:
    """The mean of each piece: the noise of single samples is no coming and going."""
    pieces: dict[int, list[float]] = {}
    for at, value in samples:
        pieces.setdefault(int(at // TOOTH), []).append(value)
    return [sum(values) / len(values) for values in pieces.values()]


def _grown(course: HostCourse, now: float) -> list[str]:
    """``research_agent +1.2G in 30m``, the most first."""
    grown = []
    for workflow, samples in course.rss.items():
        (begin, first), (last, value) = samples[0], samples[-1]
        if value - first >= NOTABLE and now - last < TOOTH:
            grown.append((first - value, workflow, max(60.0, round((last - begin) / 60) * 60.0)))
    return [f"{name} +{size(-less)} in {span(seconds)}" for less, name, seconds in sorted(grown)[:MOST]]
