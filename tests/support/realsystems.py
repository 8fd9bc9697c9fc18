"""Real systems that are watched: exporters of Debian, and what the extra ``live`` installs."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.servers import Prepared, Server, free_port, required_binary, started


def required_module(*names: str) -> None:
    """Skips the test where one of ``names`` is not installed; fails it where WFMON_REQUIRE_SERVERS=1."""
    missing = [name for name in names if not _installed(name)]
    if not missing:
        return
    what = ", ".join(missing)
    if os.environ.get("WFMON_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{what} is not installed (extra live), and WFMON_REQUIRE_SERVERS=1 requires it")
    pytest.skip(f"{what} is not installed (pip install '.[live]'): this test needs the real thing")


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _folder(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / f"{name}-{free_port()}"
    folder.mkdir()
    return folder


@contextmanager
def running_node_exporter(tmp_path: Path) -> Iterator[Server]:
    """Debian's node_exporter with the collectors that a default one has of memory and file systems."""
    port = free_port()
    arguments = [
        required_binary("prometheus-node-exporter", "node_exporter"),
        f"--web.listen-address=127.0.0.1:{port}",
        "--collector.disable-defaults",
        "--collector.meminfo",
        "--collector.filesystem",
        "--log.level=warn",
    ]
    with started(Prepared(arguments, port, _folder(tmp_path, "node-exporter"), "/metrics")) as server:
        yield server


@contextmanager
def running_pushgateway(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    arguments = [
        required_binary("prometheus-pushgateway", "pushgateway"),
        f"--web.listen-address=127.0.0.1:{port}",
        "--persistence.file=pushed",  # Debian's keeps it for the next one, in /var/lib
        "--log.level=warn",
    ]
    with started(Prepared(arguments, port, _folder(tmp_path, "pushgateway"))) as server:
        yield server


@contextmanager
def running_temporal(tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A development server (its URL is that of its metrics), and the address that workers connect to."""
    required_module("temporalio")
    beside = Path(sys.executable).with_name("temporal")
    binary = str(beside) if beside.exists() else required_binary("temporal")
    address, http, metrics = free_port(), free_port(), free_port()
    arguments = [
        binary,
        "server",
        "start-dev",
        "--ip=127.0.0.1",
        f"--port={address}",
        "--headless",
        f"--http-port={http}",
        f"--metrics-port={metrics}",
        "--log-level=error",
    ]
    with started(Prepared(arguments, metrics, _folder(tmp_path, "temporal"), "/metrics")) as server:
        yield server, f"127.0.0.1:{address}"


@contextmanager
def running_script(tmp_path: Path, script: Path, *arguments: str) -> Iterator[Server]:
    """``script`` run by this Python, with a free port as its first argument, on which it has /metrics."""
    port = free_port()
    command = [sys.executable, "-u", str(script), str(port), *arguments]
    with started(Prepared(command, port, _folder(tmp_path, script.stem), "/metrics")) as server:
        yield server
