"""A host of a test's own: namespaces in which nothing runs and nothing listens but what the test starts.

There the well-known ports are free, whatever the machine of the tests has on them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from support.waiting import wait_until

_INSIDE = ("unshare", "--net", "--pid", "--mount", "--fork", "--mount-proc")
_LOOPBACK = """
import fcntl, socket, struct
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # SIOCSIFFLAGS: IFF_UP, IFF_RUNNING
"""

# A workflow: it appends to the files of its command line and holds them open until it is told to end.
SCRIPT = """
import sys
held = [open(name, "a") for name in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.read()
"""

# It listens on ports, notes who connects, and answers with an exposition.
DECOY = """
import http.server, socketserver, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"n8n_version_info 1\\nn8n_workflow_execution_duration_seconds_count 3\\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    def verify_request(self, request, address):
        with open(sys.argv[1], "a") as hits:
            hits.write(f"{self.server_address[1]}\\n")
        return True
servers = [Server(("127.0.0.1", int(port)), Handler) for port in sys.argv[2:]]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


@cache
def _may_unshare() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return False
    return subprocess.run([*_INSIDE, "true"], capture_output=True, check=False).returncode == 0


needs_own_host = pytest.mark.skipif(not _may_unshare(), reason="needs root and unshare: a host of its own")


@dataclass
class OwnHost:
    """``prefix`` goes before a command that is to run there; it begins in the root directory."""

    prefix: tuple[str, ...]
    folder: Path

    @contextmanager
    def running(
        self, argv: Sequence[str], *, user: Sequence[str] = (), ready: str = "ready"
    ) -> Iterator[subprocess.Popen[str]]:
        """A process that says ``ready`` and ends when its standard input does."""
        process = subprocess.Popen(
            [*self.prefix, *user, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == ready, argv
            yield process
        finally:
            process.stdin.close()
            process.wait(timeout=20)
            process.stdout.close()

    @contextmanager
    def script(self, path: Path, *files: Path, user: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
        """A workflow that runs as ``python PATH FILES`` and holds the files open."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPT)
        with self.running([sys.executable, str(path), *map(str, files)], user=user) as process:
            yield process

    @contextmanager
    def decoys(self, hits: Path, *ports: int) -> Iterator[None]:
        """Who listens on ``ports`` and notes in ``hits`` who connects."""
        path = self.folder / "decoy.py"
        path.write_text(DECOY)
        hits.touch()
        with self.running([sys.executable, str(path), str(hits), *map(str, ports)]):
            yield

    @contextmanager
    def server(self, argv: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
        """A server that answers on ``port`` when this returns; it is ended by what comes behind a pipe."""
        log = (self.folder / f"server-{port}.log").open("wb")
        keeper = 'p=$1; shift; "$@" & read word; kill $!; wait'
        process = subprocess.Popen(
            [*self.prefix, "sh", "-c", keeper, "sh", str(port), *argv],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
        assert process.stdin is not None
        try:
            wait_until(lambda: self._answers(port), timeout=60, message=f"{argv[0]} ready", pause=0.1)
            yield process
        finally:
            process.stdin.close()
            process.wait(timeout=20)
            log.close()

    def _answers(self, port: int) -> bool:
        code = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/-/ready', timeout=2)"
        done = subprocess.run([*self.prefix, sys.executable, "-c", code], capture_output=True, check=False)
        return done.returncode == 0


@contextmanager
def own_host(folder: Path) -> Iterator[OwnHost]:
    """When it ends, so does all that runs there."""
    outer = subprocess.Popen(
        [*_INSIDE, "sh", "-c", "echo ready; read word"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert outer.stdin is not None
    assert outer.stdout is not None
    try:
        assert outer.stdout.readline() == "ready\n"
        inner = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()[0]
        prefix = ("nsenter", "--target", inner, "--net", "--pid", "--mount", "--")
        subprocess.run([*prefix, sys.executable, "-c", _LOOPBACK], check=True)
        yield OwnHost(prefix, folder)
    finally:
        outer.stdin.close()
        outer.wait(timeout=20)
        outer.stdout.close()
