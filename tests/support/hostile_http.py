"""HTTP servers that misbehave, each on a free loopback port for as long as its block runs."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from support.servers import free_port

LOGIN_PAGE = (
    b"<!doctype html><html><title>Sign in</title><body>[bold red]please[/] \x1b[31mlog in</body></html>"
)


@dataclass
class Hostile:
    """A running hostile server. ``requests`` are the raw heads it was sent, oldest first."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


Behaviour = Callable[[socket.socket, bytes, Hostile], None]


def response(status: str, body: bytes, content_type: str = "application/json", extra: str = "") -> bytes:
    """A whole HTTP/1.1 answer that closes its connection."""
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        f"{extra}Connection: close\r\n\r\n"
    )
    return head.encode() + body


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        block = connection.recv(65536)
        if not block:
            return head
        head += block
    return head


def _serve_one(connection: socket.socket, behaviour: Behaviour, server: Hostile) -> None:
    with connection:
        try:
            head = _read_head(connection)
            if head:
                server.requests.append(head)
                behaviour(connection, head, server)
        except OSError:
            return  # the client went away, which is what most of these servers provoke


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Hostile]:
    """Answer every connection with ``behaviour`` in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    server = Hostile(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def accept() -> None:
        while not server.stopped.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            threading.Thread(target=_serve_one, args=(connection, behaviour, server), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        server.stopped.set()
        acceptor.join(timeout=5)
        listener.close()


def answering(whole: bytes) -> Behaviour:
    """Send ``whole`` to everybody."""
    return lambda connection, head, server: connection.sendall(whole)


def hang(connection: socket.socket, head: bytes, server: Hostile) -> None:
    """Accept, and never answer."""
    server.stopped.wait(120)


def _drip(connection: socket.socket, data: bytes, server: Hostile) -> None:
    for position in range(len(data)):
        connection.sendall(data[position : position + 1])
        if server.stopped.wait(0.25):
            return


def drip_head(connection: socket.socket, head: bytes, server: Hostile) -> None:
    """The status line and headers byte by byte, each well within any socket timeout."""
    _drip(
        connection, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + b"X-Wait: 1\r\n" * 50, server
    )


def drip_body(connection: socket.socket, head: bytes, server: Hostile) -> None:
    """A fast head, then the body byte by byte."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
    _drip(connection, b'{"status":"success"' + b" " * 200, server)


def big_body(size: int = 100_000_000, *, told: bool = True) -> Behaviour:
    """``size`` bytes of JSON that never ends; ``told`` sends a Content-Length."""

    def behave(connection: socket.socket, head: bytes, server: Hostile) -> None:
        length = f"Content-Length: {size}\r\n" if told else ""
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{length}Connection: close\r\n\r\n".encode()
        )
        block = b'{"status":"success","data":[' + b'"x",' * 16384
        sent = 0
        while sent < size and not server.stopped.is_set():
            connection.sendall(block[: size - sent])
            sent += len(block)

    return behave


def prometheus_answer(result_type: str, result: object, **more: object) -> bytes:
    """An instant query's answer. NaN in ``result`` is written as the bare word."""
    document = {"status": "success", "data": {"resultType": result_type, "result": result}, **more}
    return response("200 OK", json.dumps(document).encode())


html_page = answering(response("200 OK", LOGIN_PAGE, "text/html"))
unauthorized = answering(response("401 Unauthorized", b"who are you?\n", "text/plain"))
forbidden = answering(response("403 Forbidden", b"no\n", "text/plain"))
unavailable = answering(response("503 Service Unavailable", b"Service Unavailable", "text/plain"))
not_found = answering(response("404 Not Found", b"404 page not found\n", "text/plain"))
truncated_json = answering(response("200 OK", b'{"status":"success","data":{"resultType":"vec'))
scalar_answer = answering(prometheus_answer("scalar", [1700000000.0, "12"]))
nan_answer = answering(prometheus_answer("vector", [{"metric": {}, "value": [float("nan"), float("nan")]}]))


def redirect_to(location: str) -> Behaviour:
    """Send everybody elsewhere."""
    return answering(response("302 Found", b"", "text/html", f"Location: {location}\r\n"))


def refused_url() -> str:
    """A URL on which nothing listens."""
    return f"http://127.0.0.1:{free_port()}"
