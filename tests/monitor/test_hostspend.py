"""What workflows use of the machine: only while it is looked at, each hour its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from wfmon.config.loader import load_config
from wfmon.model.host import HostSample, Volume, WorkflowProcesses
from wfmon.model.spend import Amounts, SpendSum
from wfmon.monitor.hostspend import FLUSH_SECONDS, GIB, HOUR, MOST_GAP, HostSpend, make_host_spend

BEGIN = 480 * 86_400.0


def host(at: float, *workflows: WorkflowProcesses, volumes: tuple[Volume, ...] = ()) -> HostSample:
    return HostSample(BEGIN + at, None, None, None, None, None, None, workflows, volumes, 0, 0)


def processes(name: str, gib: float | None, cpu: float | None) -> WorkflowProcesses:
    rss = None if gib is None else int(gib * GIB)
    return WorkflowProcesses(name, rss_bytes=rss, cpu_ratio=cpu, processes=1)


def held(path: str, gib: float | None, *, limit: bool = True) -> Volume:
    return Volume(path, None, path, int(100 * GIB), None, None if gib is None else gib / 100, limit=limit)


def by_name(sums: tuple[SpendSum, ...]) -> dict[tuple[float, str], Amounts]:
    return {(each.at - BEGIN, each.key.workflow): each.amounts for each in sums}


def test_a_minute_of_two_cores_and_four_gib() -> None:
    spend = HostSpend((), {})
    spend.took(host(0.0, processes("w", 4.0, 2.0)))
    spend.took(host(60.0, processes("w", 4.0, 2.0)))

    found = by_name(spend.take(BEGIN + 60, end=True))[0.0, "w"]
    assert found.cpu_seconds == pytest.approx(120.0)
    assert found.memory_gib_seconds == pytest.approx(240.0)
    assert found.usd is None


def test_the_first_look_and_a_time_without_looks_are_not_known() -> None:
    spend = HostSpend((), {})
    spend.took(host(0.0, processes("w", 4.0, 2.0)))
    assert spend.take(BEGIN, end=True) == ()
    spend.took(host(MOST_GAP + 1, processes("w", 4.0, 2.0)))
    spend.took(host(MOST_GAP - 5, processes("w", 4.0, 2.0)))
    assert spend.take(BEGIN + MOST_GAP, end=True) == (), "nor is a clock that was put back"


def test_an_hour_has_only_what_was_within_it() -> None:
    spend = HostSpend((), {})
    spend.took(host(HOUR - 10, processes("w", None, 1.0)))
    spend.took(host(HOUR + 30, processes("w", None, 1.0)))

    found = by_name(spend.take(BEGIN + HOUR + 30, end=True))
    assert found[0.0, "w"].cpu_seconds == pytest.approx(10.0)
    assert found[HOUR, "w"].cpu_seconds == pytest.approx(30.0)
    assert found[HOUR, "w"].memory_gib_seconds is None, "memory was not told"


def test_directories_are_held_and_those_with_a_backup_twice_and_file_systems_not_at_all() -> None:
    volumes = (held("/a", 10.0), held("/b", 4.0), held("/", 50.0, limit=False), held("/c", None))
    spend = HostSpend(("/b",), {})
    spend.took(host(0.0, volumes=volumes))
    spend.took(host(60.0, volumes=volumes))

    found = by_name(spend.take(BEGIN + 60, end=True))[0.0, ""]
    assert found.storage_gib_seconds == pytest.approx(14.0 * 60)
    assert found.backup_gib_seconds == pytest.approx(4.0 * 60)


def test_rows_are_handed_on_once_and_once_a_minute() -> None:
    spend = HostSpend((), {})
    spend.took(host(0.0, processes("w", 1.0, 1.0)))
    assert spend.take(BEGIN) == ()
    spend.took(host(30.0, processes("w", 1.0, 1.0)))
    assert spend.take(BEGIN + FLUSH_SECONDS - 1) == ()
    assert len(spend.take(BEGIN + FLUSH_SECONDS)) == 1
    assert spend.take(BEGIN + 3 * FLUSH_SECONDS) == ()


def test_names_and_backups_come_from_the_config(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[[workflow]]\nname = "new"\naliases = ["old"]\n'
        f'[[storage.dir]]\npath = "{tmp_path}"\nlimit = "100G"\nbackup = true\n',
        encoding="utf-8",
    )
    spend = make_host_spend(load_config(file, {}).config)
    volumes = (held(str(tmp_path), 2.0),)
    spend.took(host(0.0, processes("old", None, 1.0), processes("new", None, 1.0), volumes=volumes))
    spend.took(host(10.0, processes("old", None, 1.0), processes("new", None, 1.0), volumes=volumes))

    found = by_name(spend.take(BEGIN + 10, end=True))
    assert set(found) == {(0.0, "new"), (0.0, "")}
    assert found[0.0, "new"].cpu_seconds == pytest.approx(20.0)
    assert found[0.0, ""].backup_gib_seconds == pytest.approx(20.0)
