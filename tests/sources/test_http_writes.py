"""POST and DELETE: once, within the same bounds as GET, and with what the server says against them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest

from support import hostile_http as hostile
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.http import Answer, HttpReader

Write = Callable[[HttpReader, str], Answer]


def post(http: HttpReader, url: str) -> Answer:
    return http.post(url, b'{"a": 1}')


def delete(http: HttpReader, url: str) -> Answer:
    return http.delete(url)


def answering(status: str, body: bytes = b"", extra: str = "") -> hostile.Behaviour:
    def answer(connection: socket.socket, head: bytes, server: hostile.Hostile) -> None:
        connection.sendall(hostile.response(status, body, extra=extra))

    return answer


def refused(behaviour: hostile.Behaviour, write: Write, *, timeout: float = 5.0) -> tuple[SourceError, int]:
    """The error, and how often it was asked."""
    with hostile.serving(behaviour) as server:
        http = HttpReader(timeout=timeout, max_bytes=1000)
        try:
            with pytest.raises(SourceError) as caught:
                write(http, f"{server.url}/api?token=sesame")
        finally:
            http.close()
        assert "sesame" not in caught.value.detail
        return caught.value, len(server.requests)


@pytest.mark.parametrize("write", [post, delete])
@pytest.mark.parametrize("path", ["/plain", "/needs%20httpx"])
def test_what_is_sent(write: Write, path: str) -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, head: bytes, server: hostile.Hostile) -> None:
        length = next(
            (line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), b""
        )
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < int(length.partition(b":")[2] or 0):
            body += connection.recv(100)
        seen.extend((head.split(b"\r\n")[0], length, body))
        connection.sendall(hostile.response("200 OK", b'{"silenceID":"x"}'))

    with hostile.serving(answer) as server:
        http = HttpReader(timeout=5.0, max_bytes=1000)
        assert write(http, server.url + path).body == b'{"silenceID":"x"}'
        http.close()
    method = b"POST" if write is post else b"DELETE"
    body = b'{"a": 1}' if write is post else b""
    assert seen == [method + b" " + path.encode() + b" HTTP/1.1", b"Content-Length: %d" % len(body), body]


@pytest.mark.parametrize("write", [post, delete])
@pytest.mark.parametrize("code", ["301 Moved", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_not_followed(write: Write, code: str) -> None:
    error, asked = refused(answering(code, extra="Location: /elsewhere\r\n"), write)
    assert (error.failure, asked) == (Failure.HTTP, 1)
    assert "redirects, which is not followed" in error.detail


@pytest.mark.parametrize("write", [post, delete])
def test_what_may_have_been_heard_is_not_sent_again(write: Write) -> None:
    def hang_up(connection: socket.socket, head: bytes, server: hostile.Hostile) -> None:
        connection.close()

    error, asked = refused(hang_up, write)
    assert (error.failure, asked) == (Failure.NETWORK, 1)


@pytest.mark.parametrize("write", [post, delete])
def test_no_answer_ends_by_the_deadline(write: Write) -> None:
    def silent(connection: socket.socket, head: bytes, server: hostile.Hostile) -> None:
        server.stopped.wait(30)

    error, asked = refused(silent, write, timeout=0.2)
    assert (error.failure, asked) == (Failure.TIMEOUT, 1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'"end time can\'t be in the past"\n', ": end time can't be in the past"),
        (b'{"code":612,"message":"matchers in body"}', ": matchers in body"),
        (b'{"error":"bad"}', ": bad"),
        (b'"\\u001b]52;c;UFdORUQ=\\u0007"', ": ␛]52"),
        (b"<html>login</html>", ""),
        (b"[1]", ""),
        (b'{"message": 3}', ""),
        pytest.param(os.urandom(20_000), "", id="noise"),
    ],
)
def test_what_the_server_says_against_it_is_told_safely(body: bytes, told: str) -> None:
    error, _ = refused(answering("422 Unprocessable Entity", body), post)
    said = error.detail.partition("422 Unprocessable Entity")[2]
    assert said.startswith(told)
    assert told or not said
    assert "\x1b" not in error.detail
    assert len(error.detail) < 400


@pytest.mark.parametrize(
    ("status", "failure"),
    [("401 X", Failure.AUTH), ("403 X", Failure.AUTH), ("404 X", Failure.NOT_FOUND), ("500 X", Failure.HTTP)],
)
def test_how_it_is_refused(status: str, failure: Failure) -> None:
    assert refused(answering(status, b'"no"'), delete)[0].failure is failure


def test_a_long_answer_is_cut_off() -> None:
    assert refused(answering("200 OK", b"x" * 5000), post)[0].failure is Failure.TOO_LARGE


def test_who_asks_to_wait_is_not_asked() -> None:
    with hostile.serving(answering("503 Busy", extra="Retry-After: 60\r\n")) as server:
        http = HttpReader(timeout=5.0, max_bytes=1000)
        for _ in range(2):
            with pytest.raises(SourceError):
                post(http, server.url)
        http.close()
        assert len(server.requests) == 1
