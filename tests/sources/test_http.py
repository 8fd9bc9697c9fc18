"""The HTTP helper against real sockets that drip, hang, flood, redirect and lie."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import hostile_http as hostile
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.http import HttpReader, shown_url
from wfmon.sources.plainhttp import PLAIN_URL, plain_request

GENEROUS = 20.0  # seconds; an upper bound for what must take about one


@dataclass
class Secret:
    bearer: str | None = None
    username: str | None = None
    password: str | None = None


@contextmanager
def reader(timeout: float = 10.0, max_bytes: int = 1_000_000, **more: object) -> Iterator[HttpReader]:
    made = HttpReader(timeout=timeout, max_bytes=max_bytes, **more)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


def failure_of(
    behaviour: hostile.Behaviour, *, timeout: float = 10.0, max_bytes: int = 1_000_000
) -> SourceError:
    with hostile.serving(behaviour) as server, reader(timeout, max_bytes) as http:
        begin = time.monotonic()
        with pytest.raises(SourceError) as caught:
            http.get(f"{server.url}/metrics?token=sesame")
        assert time.monotonic() - begin < GENEROUS
        assert f"{server.url}/metrics" in caught.value.detail
        assert "sesame" not in caught.value.detail
        return caught.value


def ok(body: bytes, extra: str = "") -> hostile.Behaviour:
    return hostile.answering(hostile.response("200 OK", body, "text/plain", extra))


def test_an_answer_comes_whole() -> None:
    with hostile.serving(ok(b"a 1\n")) as server, reader() as http:
        answer = http.get(server.url + "/metrics", accept="text/plain")
    assert (answer.status, answer.body, answer.content_type) == (200, b"a 1\n", "text/plain")
    head = server.requests[0].lower()
    assert b"accept-encoding: gzip\r\n" in head
    assert b"accept: text/plain\r\n" in head


@pytest.mark.parametrize(
    ("behaviour", "failure", "words"),
    [
        (hostile.hang, Failure.TIMEOUT, "no answer within"),
        (hostile.drip_head, Failure.TIMEOUT, "no answer within"),
        (hostile.drip_body, Failure.TIMEOUT, "of the answer within"),
        (hostile.unauthorized, Failure.AUTH, "401"),
        (hostile.forbidden, Failure.AUTH, "403"),
        (hostile.not_found, Failure.NOT_FOUND, "404"),
        (hostile.unavailable, Failure.HTTP, "503 Service Unavailable"),
        (hostile.answering(b"garbage\r\n\r\n"), Failure.NETWORK, "broken answer"),
        (hostile.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"), Failure.NETWORK, ""),
        (hostile.answering(b""), Failure.NETWORK, ""),
        (hostile.redirect_to("/metrics"), Failure.HTTP, "redirected more than 5 times"),
        (hostile.redirect_to("file:///etc/passwd"), Failure.BAD_DATA, "leads to file://"),
    ],
)
def test_failures_are_told_apart(behaviour: hostile.Behaviour, failure: Failure, words: str) -> None:
    error = failure_of(behaviour, timeout=1.0)
    assert (error.failure, words in error.detail) == (failure, True), str(error)


def test_nobody_listens() -> None:
    with reader() as http, pytest.raises(SourceError) as caught:
        http.get(hostile.refused_url() + "/metrics")
    assert caught.value.failure is Failure.REFUSED


@pytest.mark.parametrize(
    "url", ["", "metrics", "ftp://127.0.0.1/x", "http://", "http://[::1", "http://h:99999/"]
)
def test_what_is_no_url(url: str) -> None:
    with reader() as http, pytest.raises(SourceError) as caught:
        http.get(url)
    assert caught.value.failure is Failure.BAD_DATA


@pytest.mark.parametrize("told", [True, False])
def test_a_flood_ends_at_the_limit(told: bool) -> None:
    error = failure_of(hostile.big_body(told=told), max_bytes=200_000)
    assert error.failure is Failure.TOO_LARGE
    assert "more than" in error.detail


def test_gzip_is_unpacked_also_in_several_members() -> None:
    packed = gzip.compress(b"a 1\n") + gzip.compress(b"b 2\n")
    with hostile.serving(ok(packed, "Content-Encoding: gzip\r\n")) as server, reader() as http:
        assert http.get(server.url).body == b"a 1\nb 2\n"


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = b"\0" * 1_000_000
    return b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()


def test_a_gzip_bomb_ends_at_the_limit() -> None:
    packed = bomb(200_000_000)
    assert len(packed) < 1_000_000
    error = failure_of(ok(packed, "Content-Encoding: gzip\r\n"))
    assert error.failure is Failure.TOO_LARGE


def test_gzip_without_content_ends_at_the_limit_too() -> None:
    error = failure_of(ok(gzip.compress(b"") * 20_000, "Content-Encoding: gzip\r\n"), max_bytes=100_000)
    assert error.failure is Failure.TOO_LARGE
    without_length = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"") * 20_000
    error = failure_of(hostile.answering(without_length), max_bytes=100_000)
    assert error.failure is Failure.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "coding", "words"),
    [
        (b"not gzip at all", "gzip", "broken gzip"),
        (gzip.compress(b"a 1\n" * 1000, mtime=0)[:-20], "gzip", "ends in the middle"),
        (b"x", "br", "encoded as br"),
    ],
)
def test_broken_packing(body: bytes, coding: str, words: str) -> None:
    error = failure_of(ok(body, f"Content-Encoding: {coding}\r\n"))
    assert (error.failure, words in error.detail) == (Failure.BAD_DATA, True)


def route(paths: dict[str, bytes]) -> hostile.Behaviour:
    def behave(connection: socket.socket, head: bytes, server: hostile.Hostile) -> None:
        path = head.split(b" ", 2)[1].decode()
        connection.sendall(paths.get(path, hostile.response("404 Not Found", b"")))

    return behave


def test_a_redirect_is_followed_and_credentials_stay_with_their_host() -> None:
    found = hostile.response("200 OK", b"a 1\n", "text/plain")
    with hostile.serving(route({"/metrics/": found})) as other:
        here = {
            "/metrics": hostile.response("307 Temporary Redirect", b"", extra="Location: /metrics/\r\n"),
            "/metrics/": found,
            "/away": hostile.response(
                "302 Found", b"x" * 100_000, extra=f"Location: {other.url}/metrics/\r\n"
            ),
        }
        with (
            hostile.serving(route(here)) as server,
            reader(max_bytes=50_000, credentials=lambda: Secret(bearer="sesame")) as http,
        ):
            assert http.get(server.url + "/metrics").body == b"a 1\n"
            assert http.get(server.url + "/away").body == b"a 1\n"
    assert all(b"Authorization: Bearer sesame" in head for head in server.requests)
    # The first redirect is met by the plain question; from then on httpx asks.
    paths = [head.split(b" ", 2)[1] for head in server.requests]
    assert paths == [b"/metrics", b"/metrics", b"/metrics/", b"/away"]
    assert all(b"authorization" not in head.lower() for head in other.requests)
    assert len(other.requests) == 1


@pytest.mark.parametrize(
    ("secret", "userinfo", "header"),
    [
        (Secret(username="joe", password="pä:ss"), "", b"Basic am9lOnDDpDpzcw=="),
        (None, "joe:p%40ss@", b"Basic am9lOnBAc3M="),
        (Secret(bearer=" token\n"), "joe:p@", b"Bearer token"),
    ],
)
def test_credentials(secret: Secret | None, userinfo: str, header: bytes) -> None:
    with hostile.serving(ok(b"a 1\n")) as server, reader(credentials=lambda: secret) as http:
        http.get(server.url.replace("http://", f"http://{userinfo}"))
    assert b"Authorization: " + header + b"\r\n" in server.requests[0]


def test_a_token_that_fits_no_header_is_not_shown() -> None:
    broken = Secret(bearer="ses\name")
    with (
        hostile.serving(ok(b"")) as server,
        reader(credentials=lambda: broken) as http,
        pytest.raises(SourceError) as caught,
    ):
        http.get(server.url)
    assert caught.value.failure is Failure.AUTH
    assert "ses" not in caught.value.detail
    assert not server.requests


def test_a_refused_token_is_read_again() -> None:
    tokens = iter(["old", "new"])

    def guard(connection: socket.socket, head: bytes, server: hostile.Hostile) -> None:
        status = "200 OK" if b"Bearer new" in head else "401 Unauthorized"
        connection.sendall(hostile.response(status, b""))

    with hostile.serving(guard) as server, reader(credentials=lambda: Secret(bearer=next(tokens))) as http:
        with pytest.raises(SourceError):
            http.get(server.url)
        for _ in range(3):
            assert http.get(server.url).status == 200


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", hostile.refused_url())
    monkeypatch.setenv("HTTP_PROXY", hostile.refused_url())
    with hostile.serving(ok(b"a 1\n")) as server, reader() as http:
        assert http.get(server.url).body == b"a 1\n"


def test_retry_after_is_kept() -> None:
    busy = hostile.answering(hostile.response("429 Too Many Requests", b"", extra="Retry-After: 30\r\n"))
    now = [1000.0]
    with hostile.serving(busy) as server, reader(clock=lambda: now[0]) as http:
        for words in ("asks to wait 30s", "asked to wait"):
            with pytest.raises(SourceError, match=words):
                http.get(server.url)
        assert len(server.requests) == 1, "not asked again in between"
        now[0] += 31.0
        with pytest.raises(SourceError, match="asks to wait 30s"):
            http.get(server.url)
        assert len(server.requests) == 2


class _Kept(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"a 1\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_one_connection_is_kept_and_a_lost_one_is_replaced() -> None:
    connections: list[socket.socket] = []

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def process_request(self, request: object, client_address: object) -> None:
            assert isinstance(request, socket.socket)
            connections.append(request)
            super().process_request(request, client_address)

    with Server(("127.0.0.1", 0), _Kept) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        with reader() as http:
            assert [http.get(url).status for _ in range(3)] == [200] * 3
            assert len(connections) == 1
            connections[0].shutdown(socket.SHUT_RDWR)
            assert http.get(url).status == 200
            assert len(connections) == 2
        server.shutdown()


def test_closing_does_not_wait_for_a_question_under_way() -> None:
    with hostile.serving(hostile.hang) as server, reader(timeout=1.5) as http:
        errors: list[SourceError] = []

        def ask() -> None:
            try:
                http.get(server.url)
            except SourceError as error:
                errors.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        begin = time.monotonic()
        http.close()
        assert time.monotonic() - begin < 1.0
        asking.join(GENEROUS)
        assert [error.failure for error in errors] == [Failure.TIMEOUT]


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=localhost"
    command = ["openssl", *options.split(), "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Kept) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://localhost:{server.server_port}/"
        with reader() as http, pytest.raises(SourceError) as caught:
            http.get(url)
        assert caught.value.failure is Failure.NETWORK
        assert "TLS: self-signed certificate" in caught.value.detail
        trusted = (
            "from wfmon.sources.http import HttpReader\n"
            f"print(HttpReader(timeout=10, max_bytes=9).get({url!r}).body)"
        )
        run = subprocess.run(
            [sys.executable, "-c", trusted],
            env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "cert.pem")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.stdout.strip() == "b'a 1\\n'", run.stderr
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://joe:secret@h:1/m?token=x#y", "http://h:1/m"),
        ("http://[::1]:9/m", "http://[::1]:9/m"),
        ("http://u:p@[bad/m?k=v", "[bad/m"),
        ("http://h/\x1b[31m", "http://h/␛[31m"),
    ],
)
def test_shown_urls_hold_no_secret_and_no_escape(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_loading_it_loads_no_http_client() -> None:
    code = (
        "import sys, wfmon.sources.scrape\n"
        "print([name for name in ('httpx', 'httpcore', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


url_texts = st.builds(
    "http://{}{}{}{}".format,
    st.sampled_from(
        [
            "h",
            "a.b-c.example",
            "127.0.0.1",
            "EXAMPLE",
            "xn--bcher-kva.example",
            "bücher.example",
            "[::1]",
            "a_b",
            "-a",
        ]
    ),
    st.sampled_from(["", ":80", ":9090", ":"]),
    st.text(alphabet="/.ab%2f~'\\ ü;@:", max_size=8).map(lambda text: f"/{text}"),
    st.text(alphabet="?=&+/a1%'\"#\\ ü", max_size=8).map(lambda text: f"?{text}" if text else ""),
)


@given(url_texts)
def test_a_plain_question_is_the_one_that_httpx_would_ask(url: str) -> None:
    parts = PLAIN_URL.fullmatch(url)
    if parts is None:
        return
    plain, asked = plain_request(parts, {}), httpx.URL(url)
    request = httpx.Request("GET", url)
    assert plain.url.target == asked.raw_path
    assert plain.url.host == asked.raw_host
    assert plain.url.port == (asked.port or 80)
    host = dict(plain.headers)[b"Host"].removesuffix(b":80")
    assert host == dict(request.headers.raw)[b"Host"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9090/metrics", "http://h", "http://a.example/x/y?a=b&c"])
def test_the_usual_urls_are_plain(url: str) -> None:
    assert PLAIN_URL.fullmatch(url)


def test_a_plain_question_loads_no_httpx() -> None:
    code = (
        "import sys, threading\n"
        "from http.server import BaseHTTPRequestHandler, HTTPServer\n"
        "class Handler(BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'a 1\\n')\n"
        "    def log_message(self, *words): pass\n"
        "server = HTTPServer(('127.0.0.1', 0), Handler)\n"
        "threading.Thread(target=server.handle_request, daemon=True).start()\n"
        "from wfmon.sources.http import HttpReader\n"
        "reader = HttpReader(timeout=10, max_bytes=100)\n"
        "print(reader.get(f'http://127.0.0.1:{server.server_port}/metrics').body, 'httpx' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "b'a 1\\n' False"
