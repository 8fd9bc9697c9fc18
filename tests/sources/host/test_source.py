"""The host source as the monitor uses it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from support.waiting import wait_until
from wfmon.config.schema import Duration, Host, Size, Storage, StorageDir
from wfmon.model.source import Failure
from wfmon.sources.base import Source, SourceError
from wfmon.sources.host import HostSource
from wfmon.sources.host.source import read_pressure

HOST = Host(enabled=True, interval=Duration(2), scan_interval=Duration(10))


def source(directory: Path | None = None) -> HostSource:
    limits = [StorageDir(path=str(directory), limit=Size(1 << 20))] if directory else []
    return HostSource([], Storage(mounts=[], dir=limits), HOST)


def test_one_look(tmp_path: Path) -> None:
    host = source(tmp_path)
    assert isinstance(host, Source)
    assert (host.name, host.kind, host.interval) == ("host", "host", 2.0)
    reading = host.poll(1000.0)
    sample = reading.host
    assert sample is not None
    assert (reading.at, sample.at) == (1000.0, 1000.0)
    assert sample.memory is not None
    assert sample.memory.total_bytes == psutil.virtual_memory().total
    assert 0 < sample.memory.used_ratio < 1
    assert sample.swap is not None
    assert sample.load1 is not None
    assert sample.cpus
    assert sample.cpu_ratio is None, "one sample says nothing of a rate"
    assert not reading.settled
    settled = wait_until(lambda: (later := host.poll(1002.0)).settled and later)
    assert settled.host is not None
    assert 0 <= (settled.host.cpu_ratio or 0) <= 1
    assert settled.host.processes_seen > 1
    assert "memory" in settled.sees
    assert "1 directory" in settled.sees


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    host = HostSource(
        [],
        Storage(mounts=[], dir=[StorageDir(path=str(tmp_path / "no"), limit=Size(1))]),
        HOST,
        pressure=str(tmp_path / "no"),
    )
    reading = host.poll(0.0)
    assert reading.host is not None
    assert reading.host.psi_memory_full_avg10 is None
    assert any("PSI" in words for words in reading.missing)
    assert f"{tmp_path}/no: No such file or directory" in reading.missing


def test_memory_that_cannot_be_read_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> object:
        raise OSError("no /proc")

    monkeypatch.setattr(psutil, "virtual_memory", broken)
    reading = source().poll(0.0)
    assert reading.host is not None
    assert reading.host.memory is None
    assert "memory" in reading.missing


def test_pressure_is_percent(tmp_path: Path) -> None:
    file = tmp_path / "memory"
    file.write_text("some avg10=1.00 avg60=0 total=5\nfull avg10=12.34 avg60=0.00 avg300=0.00 total=99\n")
    assert read_pressure(str(file)) == 12.34
    file.write_bytes(b"\xff\xfe")
    assert read_pressure(str(file)) is None


def test_closed_is_told_as_a_source_error() -> None:
    host = source()
    host.close()
    with pytest.raises(SourceError) as told:
        host.poll(0.0)
    assert told.value.failure is Failure.INTERNAL


def test_importing_it_does_not_load_psutil() -> None:
    script = "import sys, wfmon.sources.host; sys.exit('psutil' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_cost_of_a_poll(tmp_path: Path) -> None:
    host = source(tmp_path)
    wait_until(lambda: host.poll(0.0).settled)
    began, spent = time.perf_counter(), time.thread_time()
    for _ in range(50):
        host.poll(0.0)
    wall, cpu = time.perf_counter() - began, time.thread_time() - spent
    print(f"host poll: {wall * 20:.2f} ms, CPU {cpu * 20:.2f} ms")
