"""Serves 1,000 workflows, 15 series each: 3 MB of exposition in which a tenth has moved at every scrape.

``crowd_exporter.py 10000 3`` serves so many workflows with only the first so many series of each. Prints its
port and serves until its standard input is closed.
"""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORKFLOWS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
MOVES = 10  # one workflow in so many finishes runs between two scrapes
BOUNDS = ("0.1", "0.5", "1.0", "2.5", "5.0", "10.0", "30.0", "60.0", "+Inf")
PADDING = 'env="production",team="document-automation",region="eu-central-1",cluster="batch-workers-blue",'
# A label of its own for what the convention does not name, as real exporters have.
SERIES = 15
SHOWN = int(sys.argv[2]) if len(sys.argv) > 2 else SERIES


class Crowd:
    def __init__(self) -> None:
        self._runs = [n % 50 + 20 for n in range(WORKFLOWS)]
        self._rows = [self._of(n) for n in range(WORKFLOWS)]
        self._step = 0
        self._lock = threading.Lock()

    def body(self) -> bytes:
        with self._lock:
            self._step += 1
            for n in range(self._step % MOVES, WORKFLOWS, MOVES):
                self._runs[n] += 1 + n % 3
                self._rows[n] = self._of(n)
            return b"".join(self._rows)

    def _of(self, n: int) -> bytes:
        runs, labels = self._runs[n], f'{PADDING}workflow="workflow_{n:04}"'
        rows = [
            f'workflow_executions_total{{{labels},status="success"}} {float(runs)}',
            f'workflow_executions_total{{{labels},status="error"}} {float(runs // 400)}',
            f"active_workflows{{{labels}}} {float(n % 7 == 0)}",
            *(
                f'workflow_duration_seconds_bucket{{{labels},le="{bound}"}} {float(runs * (place + 1) // 9)}'
                for place, bound in enumerate(BOUNDS)
            ),
            f"workflow_duration_seconds_count{{{labels}}} {float(runs)}",
            f'token_usage_total{{{labels},model="small",type="input"}} {runs * 800.0}',
            f'token_usage_total{{{labels},model="small",type="output"}} {runs * 90.0}',
        ]
        assert len(rows) == SERIES
        return ("\n".join(rows[:SHOWN]) + "\n").encode()


def main() -> None:
    crowd = Crowd()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = crowd.body()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads an access log here."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
