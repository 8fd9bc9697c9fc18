"""Rules ``memory`` and ``storage`` about what is to come, who was killed, and who grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wfmon.analysis.rules import memory, storage
from wfmon.analysis.slope import empty_in, fit, regained
from wfmon.model.alert import Finding, Severity
from wfmon.model.course import HostCourse, Kills, Samples
from wfmon.model.forecast import Filling, Slopes
from wfmon.model.host import HostSample, Memory, Volume, WorkflowProcesses
from wfmon.model.settings import (
    FillingSettings,
    HysteresisSettings,
    MemoryForecastSettings,
    MemorySettings,
    StorageSettings,
)
from wfmon.monitor import hostrules

GIB = 1024**3
HOUR = 3600.0
DAY = 24 * HOUR
NOW = 1_800_000_000.0
TOTAL = 32 * GIB
MEMORY = MemorySettings(
    enabled=True,
    warn=HysteresisSettings(0.10, 0.15, 300, 900),
    critical=HysteresisSettings(0.05, 0.08, 60, 300),
    psi_full_avg10=10.0,
    oom_seconds=1800.0,
    forecast=MemoryForecastSettings(1800.0, 7200.0, 0.8, 0.40),
)
STORAGE = StorageSettings(
    enabled=True,
    warn=HysteresisSettings(0.10, 0.20, 300, 900, trip_bytes=20 * GIB),
    critical=HysteresisSettings(0.03, 0.05, 60, 300, trip_bytes=2 * GIB),
    inodes=True,
    fills_warn=FillingSettings(DAY, 3 * DAY, 900.0),
    fills_critical=FillingSettings(4 * HOUR, 8 * HOUR, 300.0),
)
EMPTY = HostSample(NOW, None, None, None, None, None, None, (), (), 0, 0)


def course(value: Callable[[float], float], minutes: float = 40.0) -> Samples:
    """Samples every 20 s until now; ``value`` in GiB of the minutes before now."""
    count = int(minutes * 3)
    return tuple((NOW - 20.0 * (count - n), value((count - n) / 3) * GIB) for n in range(count + 1))


def host(available: float, **more: object) -> HostSample:
    return replace(EMPTY, memory=Memory(TOTAL, int(available * GIB)), **more)  # type: ignore[arg-type]


def judged(sample: HostSample, known: HostCourse) -> tuple[Finding, Finding, list[Finding]]:
    first, second, *others = memory.evaluate(sample, MEMORY, NOW, known)
    return first, second, others


def test_a_steady_loss_is_told_with_who_grows() -> None:
    """0.1 G a minute from 7 G left: in 70 minutes."""
    known = HostCourse(
        available=course(lambda ago: 7 + 0.1 * ago),
        rss={
            "research_agent": course(lambda ago: 5 - 0.04 * ago, 30),
            "mail": course(lambda ago: 1 - 0.01 * ago, 30),
            "calm": course(lambda ago: 2, 30),
        },
    )
    warning, critical, others = judged(host(7), known)
    assert warning.holds
    assert (
        warning.summary == "memory 78% used (7.0G available), full in 1h10m, most research_agent +1.2G in 30m"
    )
    assert warning.contributors == ("research_agent +1.2G in 30m", "mail +307.2M in 30m")
    assert (critical.holds, others) == (False, [])


@pytest.mark.parametrize(
    ("available", "left"),
    [
        (lambda ago: 14 + 0.1 * ago, 14),  # 44 % is available
        (lambda ago: 7 + 0.02 * ago, 7),  # nearly six hours
        (lambda ago: 7 - 0.1 * ago, 7),
        (lambda ago: 7 + (3 if ago > 20 else 0), 7),  # a step: one thing was loaded
        (lambda ago: 7 + ago % 10 / 3, 7),  # a garbage collector
    ],
)
def test_what_is_no_trend_is_not_foretold(available: Callable[[float], float], left: float) -> None:
    warning, _, _ = judged(host(left), HostCourse(available=course(available)))
    assert warning.holds is False
    assert "full in" not in warning.summary


def test_a_short_course_foretells_nothing() -> None:
    steep = course(lambda ago: 7 + 0.5 * ago, minutes=15)
    assert judged(host(7), HostCourse(available=steep))[0].holds is False
    assert judged(host(7), HostCourse())[0].holds is False


def test_an_open_forecast_stays_until_it_is_far() -> None:
    """Three hours are not soon, and not far; they were soon before."""
    near = HostCourse(available=course(lambda ago: 7 + 7 / 180 * ago))
    far = HostCourse(available=course(lambda ago: 7 + 7 / 300 * ago))
    assert (judged(host(7), near)[0].holds, judged(host(7), near)[0].between) == (False, True)
    assert judged(host(7), far)[0].between is False


def test_a_workflow_that_takes_all_is_told_while_much_is_left() -> None:
    grows = course(lambda ago: 12 - 0.6 * ago, 20)
    known = HostCourse(available=course(lambda ago: 16 + 0.6 * ago, 20), rss={"w": grows})
    sample = host(16, workflows=(WorkflowProcesses("w", 12 * GIB, None, 1),))
    warning, _, others = judged(sample, known)
    assert warning.holds
    assert warning.summary.endswith("full in 26m40s, most w +12.0G in 20m")
    assert others == [], "the host is its limit"


def test_a_workflow_at_its_own_limit_is_named() -> None:
    known = HostCourse(rss={"w": course(lambda ago: 3 - 0.05 * ago, 20)}, limited=frozenset({"w", "gone"}))
    sample = host(16, workflows=(WorkflowProcesses("w", 3 * GIB, None, 1, room_bytes=GIB // 2),))
    warning, _, (gone, found) = judged(sample, known)
    assert warning.holds is False
    assert (found.holds, found.workflow) == (True, "w")
    assert found.labels == (("resource", "memory"), ("workflow", "w"))
    assert found.summary == "512.0M of memory to its limit, there in 10m"
    assert found.value == pytest.approx(600.0)
    assert (gone.workflow, gone.holds) == ("gone", False), "who is gone grows no more"


def test_a_kill_is_critical_at_once_and_for_a_while() -> None:
    known = HostCourse(kills=(Kills(NOW - 60, 2), Kills(NOW - 20, 1, here=True)))
    _, critical, _ = judged(host(20), known)
    assert (critical.holds, critical.for_seconds, critical.since) == (True, 0.0, NOW - 60)
    assert critical.summary == "3 processes killed for want of memory, memory 38% used (20.0G available)"
    here = judged(host(20), HostCourse(kills=(Kills(NOW - 20, 1, here=True),)))[1]
    assert here.summary.startswith("1 process killed for want of memory in our control group, ")
    assert judged(host(20), HostCourse(kills=(Kills(NOW - 1801, 1),)))[1].holds is False
    unknown = memory.evaluate(EMPTY, MEMORY, NOW, known)[1]
    assert unknown.holds, "a kill needs no figures"


def volume(free: float, total: float = 200) -> Volume:
    return Volume("/", "disk", "/", int(total * GIB), int(free * GIB), 1 - free / total, 0.5)


def stored(slopes: Slopes, free: float = 60.0, inodes: Slopes | None = None) -> list[Finding]:
    filling = Filling("/", slopes=slopes, inodes=inodes)
    writes = {"knowledge_sync": 1.2 * GIB / HOUR, "calm": 10.0, "mail": GIB / 2 / HOUR}
    return list(storage.evaluate(replace(EMPTY, volumes=(volume(free),)), STORAGE, NOW, [filling], writes))


def test_a_disk_that_fills_is_told_as_a_range_with_who_writes() -> None:
    warning, critical, *_ = stored(Slopes(short=9.4 * HOUR, day=14 * HOUR, day_known=True, steady=True))
    assert (warning.holds, critical.holds) == (True, False)
    assert warning.summary == "/ 70% full (60.0G free), full in 9h (6h slope) to 14h"
    assert warning.contributors == ("knowledge_sync writes 1.2G/h", "mail writes 512.0M/h")
    assert (warning.for_seconds, warning.keep_seconds) == (900.0, 900.0)


def steady(**more: object) -> Slopes:
    return replace(Slopes(day_known=True, steady=True), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slopes", "warning", "critical"),
    [
        (steady(short=23 * HOUR, day=71 * HOUR), True, False),
        (steady(short=23 * HOUR, day=73 * HOUR), False, False),
        (steady(short=25 * HOUR, day=71 * HOUR), False, False),
        (steady(short=23 * HOUR, day=None), False, False),  # against yesterday nothing was lost
        (steady(short=7 * HOUR, quick=3 * HOUR, day=71 * HOUR), True, True),
        (steady(short=9 * HOUR, quick=3 * HOUR, day=71 * HOUR), True, False),
        (steady(short=7 * HOUR, quick=5 * HOUR, day=None), False, False),
        (steady(short=7 * HOUR, quick=3 * HOUR, day=9 * HOUR, steady=False), False, False),  # comes and goes
        (Slopes(short=7 * HOUR, quick=3 * HOUR, steady=True), False, False),  # young, and much is free
        (Slopes(short=7 * HOUR, quick=3 * HOUR, steady=True, little=True), True, True),
        (Slopes(), False, False),
    ],
)
def test_both_slopes_must_say_so(slopes: Slopes, warning: bool, critical: bool) -> None:
    first, second, *_ = stored(slopes)
    assert (first.holds, second.holds) == (warning, critical)


def test_what_is_short_now_does_not_wait_for_the_forecast() -> None:
    warning, *_ = stored(steady(short=2 * HOUR, day=5 * HOUR), free=10)
    assert (warning.holds, warning.for_seconds) == (True, 300)


def test_an_open_alert_of_what_is_to_come_stays_until_that_is_far() -> None:
    near, far = steady(short=40 * HOUR, day=100 * HOUR), steady(short=49 * HOUR, day=100 * HOUR)
    assert (stored(near)[0].holds, stored(near)[0].between) == (False, True)
    assert stored(far)[0].between is False


def test_inodes_are_foretold_too() -> None:
    _, _, warning, critical = stored(Slopes(), inodes=steady(short=7 * HOUR, quick=3 * HOUR, day=9 * HOUR))
    assert warning.labels == (("mount", "/"), ("resource", "inodes"))
    assert (warning.holds, critical.holds) == (True, True)
    assert warning.summary == "/ 50% of inodes used, full in 7h (6h slope) to 9h"
    assert critical.summary == "/ 50% of inodes used, full in 3h (45m slope) to 7h"


def test_one_alert_per_volume_whatever_it_is_for() -> None:
    keys = [(each.labels, each.severity) for each in stored(steady(short=HOUR, quick=HOUR, day=HOUR), free=4)]
    assert len(set(keys)) == len(keys)
    assert {severity for labels, severity in keys if len(labels) == 1} == {
        Severity.WARNING,
        Severity.CRITICAL,
    }


def test_a_line_is_a_line() -> None:
    line = fit([(0.0, 10.0), (1.0, 8.0), (2.0, 6.0)])
    assert line is not None
    assert line.slope == pytest.approx(-2.0)
    assert line.r2 == pytest.approx(1.0)
    assert line.n == 3
    assert empty_in(6.0, line) == pytest.approx(3.0)
    assert empty_in(6.0, fit([(0.0, 1.0), (1.0, 1.0)])) is None
    assert fit([(5.0, 1.0), (5.0, 2.0)]) is None
    assert fit([]) is None
    assert regained([10, 4, 9, 3, 8]) == pytest.approx(10 / 12)
    assert regained([1, 2, 3]) == 0


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e12)), max_size=60))
@example([(0.0, 0.0), (3.540647654444298e-83, 2.236657430857292e-115)])
def test_any_samples_have_an_honest_line(samples: list[tuple[float, float]]) -> None:
    line = fit(samples)
    if line is not None:
        assert 0.0 <= line.r2 <= 1.0


@given(
    st.lists(st.tuples(st.floats(NOW - 8000, NOW + 100), st.floats(0, 64 * GIB)), max_size=120),
    st.floats(0, 32 * GIB),
    st.one_of(st.none(), st.integers(0, 8 * GIB)),
)
def test_whatever_the_course_a_finding_is_whole(
    raw: list[tuple[float, float]], available: float, room: int | None
) -> None:
    samples = tuple(sorted(raw))
    known = HostCourse(available=samples, rss={"w": samples} if samples else {})
    sample = host(available / GIB, workflows=(WorkflowProcesses("w", 1, None, 1, room_bytes=room),))
    for finding in memory.evaluate(sample, MEMORY, NOW, known):
        assert finding.holds is not None
        assert not (finding.holds and finding.between)
        assert finding.value is None or finding.value >= 0


def test_rules_have_the_names_of_their_sections() -> None:
    assert (memory.RULE, storage.RULE) == (hostrules.MEMORY, hostrules.STORAGE)
