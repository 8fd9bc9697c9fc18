"""A plain question over HTTP and the head of its answer: all that most endpoints need, without httpx."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import httpcore

from wfmon.model.record import dataclass

# Nothing in it has to be encoded, and no segment of its path is one of dots.
PLAIN_URL = re.compile(
    r"http://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?((?:/(?!\.)[\w!$&'()*+,;=:@~.-]*)*)(\?[\w!$&()*+,;=:@~./?-]*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Head:
    """An answer whose body is not read yet; ``headers`` by their names in lower case, raw text."""

    status: int
    reason: str
    headers: Mapping[str, str]
    chunks: Callable[[], Iterable[bytes]]
    close: Callable[[], None]


def plain_request(
    parts: re.Match[str], headers: Mapping[str, str], *, method: str = "GET", content: bytes | None = None
) -> httpcore.Request:
    """``parts`` is a match of ``PLAIN_URL``; the length of ``content`` is in ``headers``."""
    host, port, path, query = parts.groups(default="")
    all_headers = {"Host": f"{host}:{port}" if port else host, "Connection": "keep-alive", **headers}
    return httpcore.Request(
        method=method.encode(),
        url=httpcore.URL(
            scheme=b"http", host=host.encode(), port=int(port or 80), target=f"{path or '/'}{query}".encode()
        ),
        headers=[(name.encode(), value.encode()) for name, value in all_headers.items()],
        content=content,
    )


def head_of(response: httpcore.Response) -> Head:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    reason = response.extensions.get("reason_phrase", b"").decode("ascii", "ignore")
    return Head(response.status, reason, headers, response.iter_stream, response.close)
