"""httpx over connections with deadlines, for all that is more than a plain question: redirects, https,
names and paths that have to be encoded. Importing this imports httpx (30 ms).
"""

from __future__ import annotations

from collections.abc import Iterator

import httpcore
import httpx

from wfmon.sources.deadline import Connections
from wfmon.sources.plainhttp import Head


class DeadlineTransport(httpx.BaseTransport):
    """A request carries its deadline in ``extensions["deadline"]``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        core = httpcore.Request(
            method=request.method, url=url, headers=request.headers.raw, content=request.stream
        )
        answer = self._connections.ask(core, request.extensions["deadline"])
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Stream(answer),
            extensions=answer.extensions,
        )


class _Stream(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def client(connections: Connections) -> httpx.Client:
    """A client that follows no redirect by itself and believes nothing of the environment."""
    return httpx.Client(transport=DeadlineTransport(connections), trust_env=False, follow_redirects=False)


def head_of_httpx(response: httpx.Response) -> Head:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Head(response.status_code, response.reason_phrase, headers, response.iter_raw, response.close)
