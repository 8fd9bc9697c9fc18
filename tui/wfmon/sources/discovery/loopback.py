"""One question to one loopback address: GET, by one deadline, within one size, led nowhere else.

Not ``HttpReader``: that follows redirects to other hosts, keeps connections, and takes longer to load than
a bare start may take.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from urllib.parse import urlsplit

from wfmon.model.record import dataclass

_REDIRECTS = (301, 302, 307, 308)
_BLOCK = 65_536


class Silent(Exception):
    """There is no answer, or none that is HTTP; the text says why and holds nothing from outside."""


@dataclass(frozen=True, slots=True)
class Reply:
    """``cut``: the body is longer than what may be read. ``kind`` is the raw content type."""

    status: int
    kind: str
    body: bytes
    cut: bool
    location: str = ""


def get(address: str, port: int, path: str, *, seconds: float, max_bytes: int, accept: str = "*/*") -> Reply:
    """Raises ``Silent``; ValueError for an address that is not loopback. One redirect to another path of
    the very same address and port is followed."""
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError(f"{address} is not loopback")
    deadline = time.monotonic() + seconds
    reply = _ask(address, port, path, deadline, max_bytes, accept)
    if reply.status in _REDIRECTS:
        path_there = _same_place(reply.location, address, port)
        if path_there is not None:
            return _ask(address, port, path_there, deadline, max_bytes, accept)
    return reply


def _ask(address: str, port: int, path: str, deadline: float, max_bytes: int, accept: str) -> Reply:
    host = f"[{address}]" if ":" in address else address
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: wfmon-tui\r\nAccept: {accept}\r\n"
        "Connection: close\r\n\r\n"
    )
    try:
        with socket.create_connection((address, port), timeout=_left(deadline)) as connection:
            connection.sendall(request.encode("ascii"))
            raw, cut = _read(connection, deadline, max_bytes)
    except TimeoutError:
        raise Silent("does not answer in time") from None
    except OSError as error:
        raise Silent((error.strerror or "cannot be reached").lower()) from None
    return _parsed(raw, cut)


def _read(connection: socket.socket, deadline: float, max_bytes: int) -> tuple[bytes, bool]:
    """What comes until the end, the deadline or the size, whichever is first."""
    blocks: list[bytes] = []
    size = 0
    while size < max_bytes:
        try:
            connection.settimeout(_left(deadline))
            block = connection.recv(min(_BLOCK, max_bytes - size))
        except TimeoutError:
            if not blocks:
                raise
            return b"".join(blocks), True
        if not block:
            return b"".join(blocks), False
        blocks.append(block)
        size += len(block)
    return b"".join(blocks), True


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Raw:
    """What ``HTTPResponse`` takes for a socket."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, *_: object) -> object:
        import io

        return io.BytesIO(self._raw)


def _parsed(raw: bytes, cut: bool) -> Reply:
    import http.client

    if b"\r\n\r\n" not in raw and b"\n\n" not in raw:
        raise Silent("does not answer in time" if cut else "what answers is not HTTP")
    response = http.client.HTTPResponse(_Raw(raw))  # type: ignore[arg-type]
    try:
        response.begin()
        try:
            body = response.read()
        except http.client.IncompleteRead as error:
            body, cut = error.partial, True
    except (http.client.HTTPException, ValueError, OSError):
        raise Silent("what answers is not HTTP") from None
    return Reply(
        response.status,
        response.getheader("Content-Type") or "",
        body,
        cut and response.length != 0,
        response.getheader("Location") or "",
    )


def _same_place(location: str, address: str, port: int) -> str | None:
    """The path that a redirect leads to, where it is of the same address and port."""
    try:
        parts = urlsplit(location)
        there = (parts.hostname, parts.port)
    except ValueError:
        return None
    if parts.scheme not in ("", "http") or (
        parts.netloc and there not in ((address, port), ("localhost", port))
    ):
        return None
    path = parts.path
    plain = path.startswith("/") and not path.startswith("//") and path.isascii() and path.isprintable()
    return path if plain and " " not in path else None
