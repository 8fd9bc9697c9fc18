"""HTTP connections on which one deadline bounds a whole exchange.

The timeouts of HTTP clients bound single reads, so a server that drips bytes, of the headers too,
holds them for ever. Here every wait on the network gets what is left until the deadline that the
question carries. Importing this imports httpcore, the engine of httpx (12 ms); TLS is set up for the
first https question only (55 ms for the CA file).
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import httpcore


class Connections:
    """Keeps one connection a server. Questions of several threads may run at once.

    Raises ``httpcore`` exceptions; deadlines are seconds of ``clock``.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = _Backend(clock)
        self._pools: dict[bytes, httpcore.ConnectionPool] = {}
        self._making = threading.Lock()

    def ask(self, request: httpcore.Request, deadline: float) -> httpcore.Response:
        """The head of the answer; its body is read from it, until the same deadline, and closed."""
        self._backend.set_deadline(deadline)
        return self._pool(request.url.scheme).handle_request(request)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _pool(self, scheme: bytes) -> httpcore.ConnectionPool:
        with self._making:
            if scheme not in self._pools:
                self._pools[scheme] = httpcore.ConnectionPool(
                    ssl_context=_tls() if scheme == b"https" else None,
                    network_backend=self._backend,
                    keepalive_expiry=90.0,
                )
            return self._pools[scheme]


def _tls() -> ssl.SSLContext:
    """The CAs that the host trusts; those that come with httpx where it has none."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


class _Backend(httpcore.NetworkBackend):
    """Opens connections whose every wait ends at the deadline of the calling thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._inner = httpcore.SyncBackend()
        self._local = threading.local()

    def set_deadline(self, at: float) -> None:
        self._local.at = at

    def left(self, expired: type[httpcore.TimeoutException]) -> float:
        seconds: float = self._local.at - self._clock()
        if seconds <= 0:
            raise expired("deadline")
        return seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port)
        for tried, address in enumerate(addresses):
            # Each address gets its share: one that swallows packets must not use up the time.
            share = self.left(httpcore.ConnectTimeout) / (len(addresses) - tried)
            try:
                # As bytes: a text would be prepared as a name, and what does that takes 1 ms to load.
                stream = self._inner.connect_tcp(
                    cast("str", address.encode()), port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tried == len(addresses) - 1:
                    raise
            else:
                return _BoundedStream(stream, self.left)
        raise httpcore.ConnectError("no address")

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        found: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

        def resolve() -> None:
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                found.put(error)
            else:
                found.put(list(dict.fromkeys(str(info[4][0]) for info in infos)))

        # The resolver of the C library cannot be given a time, so it may keep a thread of its own.
        threading.Thread(target=resolve, name="wfmon-resolve", daemon=True).start()
        try:
            addresses = found.get(timeout=self.left(httpcore.ConnectTimeout))
        except queue.Empty:
            raise httpcore.ConnectTimeout("name resolution") from None
        if isinstance(addresses, OSError):
            raise httpcore.ConnectError(addresses) from addresses
        return addresses


class _BoundedStream(httpcore.NetworkStream):
    def __init__(
        self, inner: httpcore.NetworkStream, left: Callable[[type[httpcore.TimeoutException]], float]
    ) -> None:
        self._inner = inner
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._left(httpcore.ConnectTimeout)
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
