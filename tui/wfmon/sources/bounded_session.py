"""A requests session whose every exchange ends: at a total deadline, at a byte limit, or when closed.

requests bounds single waits only; a server that sends a byte a second holds it for ever. Here the
deadline shuts the socket down from outside, which ends any wait for it: connecting in TLS, headers
and body alike. What it cannot end is the resolution of a name.
"""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

BLOCK = 65536


class DeadlineExceeded(requests.Timeout):
    """The exchange was not over when its time was."""


class TooLarge(requests.RequestException):
    """The answer has more bytes than allowed."""


class ForeignRedirect(requests.RequestException):
    """The server sends us to another host; its name is the text."""


class Cutoff:
    """Ends what the polling thread waits for, from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._deadline = 0.0
        self._shut = False
        self.closed = False

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Everything inside the block is over ``seconds`` after its begin."""
        self._deadline = time.monotonic() + seconds
        self._shut = False
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; 0 after it."""
        return 0.0 if self._shut else max(0.0, self._deadline - time.monotonic())

    def hold(self, connected: socket.socket) -> None:
        """Watch over a new connection; it takes the place of the former one.

        The duplicate stays valid when the original is wrapped in TLS or closed.
        """
        with self._lock:
            former, self._socket = self._socket, connected.dup()
        if former is not None:
            former.close()
        if self.closed or self.remaining <= 0:
            self._shut_down()

    def close(self) -> None:
        """End the present exchange and every later one. Never blocks."""
        self.closed = True
        self._shut_down()

    def _expire(self) -> None:
        if (
            time.monotonic() >= self._deadline
        ):  # else a timer that came too late, for an exchange that is over
            self._shut_down()

    def _shut_down(self) -> None:
        self._shut = True
        with self._lock:
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                self._socket.close()
                self._socket = None


def _pool_classes(cutoff: Cutoff) -> dict[str, type[HTTPConnectionPool]]:
    """Connection pools whose connections ``cutoff`` knows from their first byte on."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            cutoff.hold(connected)
            return connected

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            cutoff.hold(connected)
            return connected

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


class BoundedAdapter(HTTPAdapter):
    """Reads the whole body itself, up to ``max_bytes`` (after decompression)."""

    def __init__(self, cutoff: Cutoff, max_bytes: int) -> None:
        self._cutoff = cutoff
        self.max_bytes = max_bytes
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=Retry(total=0))
        self.poolmanager.pool_classes_by_scheme = _pool_classes(cutoff)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: object = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """``timeout`` is not looked at: the deadline of the ``Cutoff`` holds."""
        left = self._cutoff.remaining
        if left <= 0:
            raise DeadlineExceeded(request=request)
        try:
            # A name may have two addresses, each of which is tried for the connect timeout.
            response = super().send(request, True, (left / 2, left), verify, cert, proxies)
            body = self._body(response)
        except (requests.RequestException, HTTPError) as error:
            if isinstance(error, TooLarge):
                raise
            if self._cutoff.remaining <= 0:
                raise DeadlineExceeded(error, request=request) from error
            if isinstance(error, HTTPError):
                raise requests.ConnectionError(error, request=request) from error
            raise
        response.raw = io.BytesIO(body)
        return response

    def _body(self, response: requests.Response) -> bytes:
        """Closes the connection where it leaves bytes unread."""
        told = response.headers.get("Content-Length", "")
        if told.isdecimal() and int(told) > self.max_bytes:
            response.raw.close()
            raise TooLarge(f"{int(told)} bytes")
        body = bytearray()
        for block in response.raw.stream(BLOCK, decode_content=True):
            body += block
            if len(body) > self.max_bytes:
                response.raw.close()
                raise TooLarge(f"more than {self.max_bytes} bytes")
            if self._cutoff.remaining <= 0:
                response.raw.close()
                raise DeadlineExceeded
        return bytes(body)


class BoundedSession(requests.Session):
    """Takes nothing from the environment, and follows no redirect to another host."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 3

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            here, there = urlsplit(resp.url), urlsplit(urljoin(resp.url, target))
            if (here.hostname, here.port) != (there.hostname, there.port):
                raise ForeignRedirect(there.hostname or "nowhere", response=resp)
        return target
