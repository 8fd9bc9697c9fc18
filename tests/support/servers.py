"""Real Prometheus and Alertmanager servers for tests: on loopback, in temporary directories."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import pytest

from support.waiting import wait_until

READY_SECONDS = 60.0


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def required_binary(*names: str) -> str:
    """The path of the first of ``names`` that is installed.

    Skips the test where none is; fails it where WFMON_REQUIRE_SERVERS=1 says that they must be there.
    """
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    what = " or ".join(names)
    if os.environ.get("WFMON_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{what} is not installed, and WFMON_REQUIRE_SERVERS=1 requires it")
    pytest.skip(f"{what} is not installed: this test needs the real server")


def prometheus_binary() -> str:
    return required_binary("prometheus")


def promtool_binary() -> str:
    return required_binary("promtool")


def alertmanager_binary() -> str:
    return required_binary("prometheus-alertmanager", "alertmanager")


@dataclass(frozen=True)
class Server:
    """A running server. ``process`` is its own process, which the runner ends."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **params: str) -> object:
        """The JSON answer of ``path``; raises ``urllib.error.HTTPError`` for an error status."""
        query = f"?{urlencode(params)}" if params else ""
        with urllib.request.urlopen(f"{self.url}{path}{query}", timeout=10) as answer:
            return json.loads(answer.read())

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        """An instant vector as (labels, value)."""
        answer = self.get("/api/v1/query", query=promql)
        assert isinstance(answer, dict)
        return [(row["metric"], float(row["value"][1])) for row in answer["data"]["result"]]


def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"ended with {process.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def _running(arguments: Sequence[str], port: int, folder: Path, ready: str = "/-/ready") -> Iterator[Server]:
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(
            lambda: _ready(f"{url}{ready}", process, log),
            timeout=READY_SECONDS,
            message=f"{arguments[0]} ready",
            pause=0.05,
        )
        yield Server(url, process, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)


@dataclass(frozen=True)
class Prepared:
    """A server that is not running: how it is started in its folder, on its port. ``ready``: a path that
    answers 200 once it is."""

    arguments: Sequence[str]
    port: int
    folder: Path
    ready: str = "/-/ready"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Restartable:
    """A server that a test stops and starts again, on the same port."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._stack = ExitStack()
        self.server: Server | None = None
        self.url = prepared.url

    def start(self, *, lose_data: bool = False) -> Server:
        if lose_data:
            shutil.rmtree(self._prepared.folder / "data")
        self.server = self._stack.enter_context(started(self._prepared))
        return self.server

    def stop(self) -> None:
        self.server = None
        self._stack.close()

    def get(self, path: str, **params: str) -> object:
        assert self.server is not None, "it is stopped"
        return self.server.get(path, **params)


@contextmanager
def restartable(prepared: Prepared) -> Iterator[Restartable]:
    """A ready server; it is stopped at the end, if it runs then."""
    server = Restartable(prepared)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _prometheus_config(
    jobs: Mapping[str, Sequence[str]],
    scrape_interval: str,
    rules: str | None,
    alertmanagers: Sequence[str],
    external_labels: Mapping[str, str],
) -> str:
    """The configuration as JSON, which is YAML."""
    config: dict[str, object] = {
        "global": {
            "scrape_interval": scrape_interval,
            "scrape_timeout": scrape_interval,
            "evaluation_interval": scrape_interval,
            "external_labels": dict(external_labels),
        },
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": list(targets)}]} for job, targets in jobs.items()
        ],
    }
    if rules is not None:
        config["rule_files"] = ["rules.yml"]
    if alertmanagers:
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]}
    return json.dumps(config)


@contextmanager
def started(prepared: Prepared) -> Iterator[Server]:
    with _running(prepared.arguments, prepared.port, prepared.folder, prepared.ready) as server:
        yield server


@contextmanager
def running_prometheus(tmp_path: Path, targets: Sequence[str] = (), **more: Any) -> Iterator[Server]:
    """A ready Prometheus: see ``prepared_prometheus``."""
    with started(prepared_prometheus(tmp_path, targets, **more)) as server:
        yield server


def prepared_prometheus(
    tmp_path: Path,
    targets: Sequence[str] = (),
    *,
    scrape_interval: str = "1s",
    rules: str | None = None,
    alertmanagers: Sequence[str] = (),
    jobs: Mapping[str, Sequence[str]] | None = None,
    past: str | None = None,
    options: Sequence[str] = (),
    external_labels: Mapping[str, str] = MappingProxyType({}),
) -> Prepared:
    """A Prometheus that scrapes ``targets`` ("127.0.0.1:8000") as job "workload", and ``jobs``;
    the target "self" is itself.

    ``rules`` is the text of a rule file, ``past`` (OpenMetrics with times) what it has in its data already.
    It keeps its data below ``tmp_path``.
    """
    binary = prometheus_binary()
    folder = tmp_path / f"prometheus-{free_port()}"
    folder.mkdir()
    port = free_port()
    own = {"self": f"127.0.0.1:{port}"}
    wanted = {**({"workload": targets} if targets else {}), **(jobs or {})}
    scraped = {job: [own.get(target, target) for target in several] for job, several in wanted.items()}
    (folder / "prometheus.yml").write_text(
        _prometheus_config(scraped, scrape_interval, rules, alertmanagers, external_labels), encoding="utf-8"
    )
    if rules is not None:
        (folder / "rules.yml").write_text(rules, encoding="utf-8")
    if past is not None:
        (folder / "past.om").write_text(past, encoding="utf-8")
        subprocess.run(
            [promtool_binary(), "tsdb", "create-blocks-from", "openmetrics", "past.om", "data"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
    arguments = [
        binary,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        "--log.level=warn",
        *options,
    ]
    return Prepared(arguments, port, folder)


@contextmanager
def running_alertmanager(
    tmp_path: Path, *, config: str | None = None, port: int | None = None
) -> Iterator[Server]:
    """A ready Alertmanager: see ``prepared_alertmanager``."""
    with started(prepared_alertmanager(tmp_path, config=config, port=port)) as server:
        yield server


def prepared_alertmanager(tmp_path: Path, *, config: str | None = None, port: int | None = None) -> Prepared:
    """An Alertmanager without a cluster; ``config`` defaults to one receiver that does nothing. One with
    a ``port`` keeps its data for the next on it, in ``alertmanager-PORT/data``."""
    binary = alertmanager_binary()
    folder = tmp_path / f"alertmanager-{port or free_port()}"
    folder.mkdir(exist_ok=port is not None)
    text = config or json.dumps({"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]})
    (folder / "alertmanager.yml").write_text(text, encoding="utf-8")
    port = port or free_port()
    arguments = [
        binary,
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    return Prepared(arguments, port, folder)
