"""A Prometheus and an Alertmanager are known by their API, and nobody else is connected to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support.hostile_http import Behaviour, drip_body, drip_head, hang, serving
from support.hostile_http import answering as raw_answer
from support.servers import free_port, running_alertmanager, running_prometheus
from wfmon.sources.discovery.facts import Listener, Server
from wfmon.sources.discovery.listeners import read_listeners
from wfmon.sources.discovery.look import Lookout
from wfmon.sources.discovery.loopback import Silent, get
from wfmon.sources.discovery.servers import Ports, Servers


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[tuple[int, list[str]]]:
    """A server that says the same to everything; its port, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()


def look(prometheus: int, alertmanager: int | None = None) -> list[tuple[Server, str]]:
    servers = Servers(Ports(prometheus, alertmanager or free_port()))
    return [(each.what, each.version) for each in servers.look(read_listeners()[0], connect=True)]


@pytest.mark.server
def test_the_real_ones_are_known_and_not_mistaken_for_each_other(tmp_path: Path) -> None:
    with running_prometheus(tmp_path) as prometheus, running_alertmanager(tmp_path) as alertmanager:
        ports = [port_of(server.url) for server in (prometheus, alertmanager)]
        first, second = look(*ports)
        assert (first[0], second[0]) == (Server.RIGHT, Server.RIGHT)
        assert first[1].startswith("2.")
        assert second[1].startswith("0.")
        assert [what for what, _ in look(*reversed(ports))] == [Server.OTHER, Server.OTHER]


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (200, b"<html>please log in</html>", Server.OTHER),
        (200, b'{"status": "success", "data": {}}', Server.OTHER),
        (200, b'{"status": "success", "data": {"version": 2}}', Server.OTHER),
        (200, b'{"status": "error", "data": {"version": "2.42.0"}}', Server.OTHER),
        (200, b"[" * 100_000, Server.OTHER),
        (200, b'{"status": "success", "data": {"version": "' + b"x" * 300_000 + b'"}}', Server.OTHER),
        (200, b'{"status": "success", "data": {"version": "2.42.0"}}', Server.RIGHT),
        (200, b'{"status": "success", "data": {"web.listen-address": "0.0.0.0:9090"}}', Server.RIGHT),
        (401, b"who are you", Server.LOGIN),
        (403, b"", Server.LOGIN),
        (404, b"", Server.OTHER),
        (500, b"", Server.OTHER),
    ],
)
def test_a_page_is_no_prometheus(status: int, body: bytes, what: Server) -> None:
    with answering(status, body) as (port, _):
        assert look(port)[0][0] is what


def test_it_is_led_nowhere_else() -> None:
    """A page that redirects to a login elsewhere must not make us connect there."""
    with answering(200, b"{}") as (elsewhere, asked):
        for place in (
            f"http://127.0.0.1:{elsewhere}/x",
            f"//127.0.0.1:{elsewhere}/x",
            "http://example.invalid/",
        ):
            with answering(302, b"", Location=place) as (port, here):
                assert look(port)[0][0] is Server.OTHER
            assert here == ["/api/v1/status/buildinfo"]
        assert asked == []


def test_a_redirect_to_another_path_of_the_same_place_is_followed_once() -> None:
    with answering(307, b"", Location="/metrics/") as (port, asked):
        assert get("127.0.0.1", port, "/metrics", seconds=5, max_bytes=1000).status == 307
        assert asked == ["/metrics", "/metrics/"]


@pytest.mark.parametrize("behaviour", [hang, drip_head], ids=lambda each: each.__name__)
def test_who_holds_on_is_left_in_time(behaviour: Behaviour) -> None:
    """Heads that do not come, or come in drops, cost no more than their time."""
    with serving(behaviour) as server:
        began = time.monotonic()
        with pytest.raises(Silent, match="does not answer in time"):
            get("127.0.0.1", port_of(server.url), "/metrics", seconds=0.2, max_bytes=1000)
        assert time.monotonic() - began < 10


def test_a_body_in_drops_is_cut() -> None:
    with serving(drip_body) as server:
        reply = get("127.0.0.1", port_of(server.url), "/metrics", seconds=0.3, max_bytes=1_000_000)
        assert reply.cut


@pytest.mark.parametrize("said", [b"SSH-2.0-x\r\n", b"\x00\xff" * 50, b"", b"SSH-2.0-x\r\n\r\n"])
def test_what_is_not_http_is_said(said: bytes) -> None:
    with serving(raw_answer(said)) as server, pytest.raises(Silent, match="what answers is not HTTP"):
        get("127.0.0.1", port_of(server.url), "/", seconds=5, max_bytes=1000)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_no_more_is_read_than_was_asked_for() -> None:
    with answering(200, b"x" * 1_000_000) as (port, _):
        reply = get("127.0.0.1", port, "/", seconds=5, max_bytes=10_000)
        assert reply.cut
        assert len(reply.body) <= 10_000


@pytest.mark.parametrize("address", ["10.0.0.5", "0.0.0.0", "192.0.2.1"])
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not loopback"):
        get(address, 80, "/", seconds=1, max_bytes=10)


class Counting:
    """A listening socket that counts who connects."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.port: int = self.server.getsockname()[1]

    def connected(self) -> int:
        count = 0
        while True:
            try:
                connection, _ = self.server.accept()
            except BlockingIOError:
                return count
            connection.close()
            count += 1


def test_nobody_else_is_connected_to() -> None:
    """Whoever listens beside the two ports hears nothing of a look."""
    others = [Counting() for _ in range(10)]
    body = json.dumps({"status": "success", "data": {"version": "2.42.0"}}).encode()
    with answering(200, body) as (port, asked):
        lookout = Lookout(dict, ports=Ports(port, free_port()))
        for _ in range(3):
            facts = lookout.look(1_800_000_000.0)
    assert [each.what for each in facts.servers] == [Server.RIGHT, Server.NOBODY]
    assert {each.port for each in others} <= {each.port for each in facts.listeners}, "they were seen"
    assert [each.connected() for each in others] == [0] * 10
    assert asked == ["/api/v1/status/buildinfo"], "and who is known is asked once"
    with socket.create_connection(("127.0.0.1", others[0].port)):
        assert others[0].connected() == 1, "it would have been counted"
    for each in others:
        each.server.close()


def test_where_connecting_is_forbidden_nobody_is_asked() -> None:
    with answering(200, b"{}") as (port, asked):
        found = Servers(Ports(port, free_port())).look(read_listeners()[0], connect=False)
        assert [each.what for each in found] == [Server.UNASKED, Server.NOBODY]
        assert asked == []


def test_who_did_not_answer_is_asked_again_and_who_came_anew_too() -> None:
    with answering(503, b"") as (port, asked):
        servers = Servers(Ports(port, free_port()))
        there = [Listener("127.0.0.1", port, 7)]
        for _ in range(3):
            servers.look(there, connect=True)
        assert len(asked) == 1
        servers.look([Listener("127.0.0.1", port, 8)], connect=True)
        assert len(asked) == 2, "another socket is another server"
        servers.look([], connect=True)
        servers.look([Listener("127.0.0.1", port, 8)], connect=True)
        assert len(asked) == 3
        for _ in range(2):
            servers.look(None, connect=True)
        assert len(asked) == 5, "where it is not known who listens, it is tried"


def test_a_socket_that_does_not_listen_on_loopback_is_not_asked() -> None:
    with answering(200, b"{}") as (port, asked):
        found = Servers(Ports(port, free_port())).look([Listener("10.0.0.5", port, 1)], connect=True)
        assert found[0].what is Server.NOBODY
        assert asked == []
