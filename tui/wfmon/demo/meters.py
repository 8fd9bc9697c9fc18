"""The metrics of a worker, as prometheus-client's users write them, served on an inherited socket."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import ThreadingHTTPServer

from prometheus_client import (
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    MetricsHandler,
    disable_created_metrics,
)

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)

disable_created_metrics()  # type: ignore[no-untyped-call]

EXECUTIONS = Counter("workflow_executions_total", "Total workflow executions", ["workflow", "status"])
DURATION = Histogram(
    "workflow_duration_seconds", "Workflow execution duration", ["workflow"], buckets=BUCKETS
)
ACTIVE = Gauge("active_workflows", "Currently executing workflows", ["workflow"])
TOKENS = Counter("token_usage_total", "Total tokens consumed", ["workflow", "model", "provider", "type"])
COST = Counter("cost_usd_total", "Money spent on models", ["workflow", "provider", "model"])
RETRIES = Counter("workflow_retries_total", "Attempts after the first", ["workflow"])
CALLS = Counter("api_calls_total", "Calls to services", ["workflow", "provider", "status"])


class MetricsServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A scraper that goes away in mid-answer, as a killed one does, is no trouble of the workload."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def serve(listening: int) -> MetricsServer:
    """Serves ``/metrics`` on the socket of that file descriptor, which is bound and listens already."""
    server = MetricsServer(("127.0.0.1", 0), MetricsHandler.factory(REGISTRY), bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=listening)
    threading.Thread(target=server.serve_forever, args=(0.5,), name="metrics", daemon=True).start()
    return server
