"""Rules ``memory``, ``storage`` and ``source_down``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wfmon.analysis.rules import memory, source_down, storage
from wfmon.model.alert import Finding, Severity
from wfmon.model.host import HostSample, Memory, Volume
from wfmon.model.settings import HysteresisSettings, MemorySettings, SourceDownSettings, StorageSettings
from wfmon.model.source import Failure, SourceState, SourceStatus

GIB = 1024**3
NOW = 100_000.0
MEMORY = MemorySettings(
    enabled=True,
    warn=HysteresisSettings(0.10, 0.15, 300, 900),
    critical=HysteresisSettings(0.05, 0.08, 60, 300),
    psi_full_avg10=10.0,
)
STORAGE = StorageSettings(
    enabled=True,
    warn=HysteresisSettings(0.10, 0.20, 300, 900, trip_bytes=20 * GIB),
    critical=HysteresisSettings(0.03, 0.05, 60, 300, trip_bytes=2 * GIB),
    inodes=True,
)
EMPTY = HostSample(NOW, None, None, None, None, None, None, (), (), 0, 0)


def memory_of(available: float, psi: float | None = None) -> tuple[Finding, ...]:
    total = 32 * GIB
    host = replace(EMPTY, memory=Memory(total, int(total * available)), psi_memory_full_avg10=psi)
    return memory.evaluate(host, MEMORY, NOW)


@pytest.mark.parametrize(
    ("available", "warning", "critical"),
    [
        (0.04, (True, False), (True, False)),
        (0.06, (True, False), (False, True)),
        (0.09, (True, False), (False, False)),
        (0.12, (False, True), (False, False)),
        (0.20, (False, False), (False, False)),
    ],
)
def test_memory_trips_stays_and_clears(
    available: float, warning: tuple[bool, bool], critical: tuple[bool, bool]
) -> None:
    first, second = memory_of(available)
    assert (first.holds, first.between) == warning
    assert (second.holds, second.between) == critical


def test_memory_is_said_in_words() -> None:
    assert memory_of(0.04)[1].summary == "memory 96% used (1.3G available)"


def test_waiting_for_memory_is_critical_by_itself() -> None:
    warning, critical = memory_of(0.5, psi=23.0)
    assert (warning.holds, critical.holds) == (False, True)
    assert "waited for it 23% of the time" in critical.summary


def test_unknown_memory_is_unknown() -> None:
    assert [finding.holds for finding in memory.evaluate(EMPTY, MEMORY, NOW)] == [None, None]
    assert memory.evaluate(None, MEMORY, NOW) == ()


def volume(total: float, free: float, **more: object) -> Volume:
    bare = Volume("/data", "disk", "/data", int(total * GIB), int(free * GIB), 1 - free / total)
    return replace(bare, **more)  # type: ignore[arg-type]


def storage_of(each: Volume) -> dict[tuple[str, Severity], bool | None]:
    findings = storage.evaluate(replace(EMPTY, volumes=(each,)), STORAGE, NOW)
    return {
        ("inodes" if len(finding.labels) == 2 else "bytes", finding.severity): finding.holds
        for finding in findings
    }


@pytest.mark.parametrize(
    ("total", "free", "warning", "critical"),
    [
        (4000, 300, False, False),  # 7.5 % of a big disk is plenty
        (100, 8, True, False),
        (100, 2.5, True, True),
        (4000, 100, False, True),  # less than 3 %: critical by share alone
        (50, 1.9, True, True),  # 3.8 %, but under 2 GiB
        (1, 0.6, False, False),  # a small and nearly empty disk
        (10, 0.9, True, True),
    ],
)
def test_storage_levels(total: float, free: float, warning: bool, critical: bool) -> None:
    found = storage_of(volume(total, free))
    assert found == {("bytes", Severity.WARNING): warning, ("bytes", Severity.CRITICAL): critical}


def test_a_watched_directory_is_judged_by_share_alone() -> None:
    found = storage_of(volume(0.001, 0.0005, limit=True))
    assert set(found.values()) == {False}
    assert storage_of(volume(0.001, 0.00002, limit=True))["bytes", Severity.CRITICAL] is True


def test_a_directory_over_its_limit_is_full() -> None:
    over = Volume("/data", None, "/data", GIB, -5, 1.2, limit=True)
    assert storage_of(over)["bytes", Severity.CRITICAL] is True


def test_inodes_run_out_too() -> None:
    found = storage_of(volume(100, 90, inodes_used_ratio=0.98))
    assert found["bytes", Severity.CRITICAL] is False
    assert found["inodes", Severity.CRITICAL] is True


def test_between_trip_and_clear() -> None:
    host = replace(EMPTY, volumes=(volume(100, 15),))
    warning, critical = storage.evaluate(host, STORAGE, NOW)
    assert (warning.holds, warning.between) == (False, True)
    assert (critical.holds, critical.between) == (False, False)


def test_an_unreadable_volume_is_unknown() -> None:
    lost = Volume("/data", None, "/data", None, None, None, error="no permission")
    assert set(storage_of(lost).values()) == {None}


def source(state: SourceState, **more: object) -> SourceStatus:
    return replace(SourceStatus("prom", "prometheus", state), **more)  # type: ignore[arg-type]


def test_source_down_counts_from_when_it_stopped_answering() -> None:
    down = source(SourceState.DOWN, failure=Failure.REFUSED, failing_since=NOW - 40, as_of=NOW - 44)
    (finding,) = source_down.evaluate([down], SourceDownSettings(True, 120), NOW)
    assert (finding.holds, finding.since, finding.for_seconds) == (True, NOW - 40, 120)
    assert finding.summary == "prom refused"


@pytest.mark.parametrize(
    ("state", "holds"),
    [(SourceState.OK, False), (SourceState.WAITING, None), (SourceState.STALE, True)],
)
def test_source_states(state: SourceState, holds: bool | None) -> None:
    (finding,) = source_down.evaluate([source(state)], SourceDownSettings(True, 120), NOW)
    assert finding.holds is holds


def test_a_source_that_is_off_is_not_down() -> None:
    assert source_down.evaluate([source(SourceState.OFF)], SourceDownSettings(True, 120), NOW) == ()
