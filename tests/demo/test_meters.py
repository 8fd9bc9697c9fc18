"""The metrics server of a worker, and who asks it."""

from __future__ import annotations

import socket
import struct

import pytest

from support.waiting import wait_until
from wfmon.demo.meters import MetricsServer, serve


class Counted(MetricsServer):
    errors = 0

    def handle_error(self, request: object, client_address: object) -> None:
        Counted.errors += 1
        super().handle_error(request, client_address)


def test_a_scraper_that_is_killed_in_mid_answer_is_no_trouble(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wfmon.demo.meters.MetricsServer", Counted)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        server = serve(listening.detach())
    try:

        def hang_up() -> bool:
            with socket.create_connection(address) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(b"GET /metrics HTTP/1.0\r\n")
            return Counted.errors > 0

        wait_until(hang_up, timeout=20)
    finally:
        server.shutdown()
        server.server_close()
    assert capfd.readouterr().err == ""
