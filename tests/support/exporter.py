"""A small exporter inside the test: the seed convention on a registry of its own, on a loopback port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app

BUCKETS = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Metrics of one life of a process; a restart is a new ``Metrics``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, *labels: str) -> Counter:
            return Counter(name, name, labels, registry=self.registry)

        self.runs = counter("workflow_executions", "workflow", "status")
        self.tokens = counter("token_usage", "workflow", "model", "type")
        self.cost = counter("cost_usd", "workflow", "model")
        self.retries = counter("workflow_retries", "workflow")
        self.calls = counter("api_calls", "provider", "status")
        self.active = Gauge("active_workflows", "active", ["workflow"], registry=self.registry)
        self.duration = Histogram(
            "workflow_duration_seconds", "duration", ["workflow"], registry=self.registry, buckets=BUCKETS
        )

    def run(self, workflow: str, status: str = "success", *, seconds: float = 0.3) -> None:
        self.runs.labels(workflow, status).inc()
        self.duration.labels(workflow).observe(seconds)


@dataclass
class Exporter:
    """Serves ``metrics``, which may be replaced: a restart of the process behind the port."""

    target: str
    metrics: Metrics
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{self.target}/metrics"

    def stop(self) -> None:
        """From now on every scrape fails."""
        self.stopped.set()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Tests read no access log."""


@contextmanager
def exporting(metrics: Metrics | None = None, *, port: int = 0) -> Iterator[Exporter]:
    exporter = Exporter("", metrics or Metrics())

    def app(environ: Any, start_response: Any) -> Any:
        if exporter.stopped.is_set():
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]
        return make_wsgi_app(exporter.metrics.registry)(environ, start_response)

    server = make_server("127.0.0.1", port, app, _Server, _Silent)
    exporter.target = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield exporter
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
