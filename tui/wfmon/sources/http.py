"""The one way to ask an HTTP server: everything ends by one deadline and within one size.

The deadline holds over name resolution, connecting, TLS, redirects, headers and body; the size holds
for what is sent and for what it unpacks to. Blocking: sources call it from threads of their own.
Loading this file loads no HTTP client; the first question does. A plain question, as nearly all are,
goes to httpcore, the engine of httpx; what that answers with a redirect, and all else, goes to httpx,
which takes as long again to load.
"""

from __future__ import annotations

import threading
import time
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from wfmon.model.record import dataclass
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.httpbody import Progress, refusal, whole
from wfmon.text.numbers import duration, size
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    import httpx

    from wfmon.config.schema import Auth
    from wfmon.sources.deadline import Connections
    from wfmon.sources.plainhttp import Head

MAX_REDIRECTS = 5
LONGEST_WAIT_SECONDS = 3600.0  # a Retry-After beyond this is not believed
USER_AGENT = "wfmon-tui"

_URL_LIMIT = 200
_AUTH_CODES = (401, 403, 407)
_RETRY_CODES = (429, 503)
_REDIRECT_CODES = (301, 302, 303, 307, 308)


class Credentials(Protocol):
    """What ``wfmon.config.secrets.resolve`` gives: a bearer token, or a user name with a password."""

    @property
    def bearer(self) -> str | None: ...
    @property
    def username(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer, unpacked. ``content_type`` and ``date`` (the server's clock) are raw text from
    outside."""

    status: int
    content_type: str
    body: bytes
    date: str = ""


@dataclass(frozen=True, slots=True)
class _Question:
    """``shown``: its URL in words. ``content`` is JSON. One that ``writes`` is asked once, and is not led
    elsewhere; what the server says against it is told."""

    method: str
    url: str
    shown: str
    accept: str
    content: bytes | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def headers(self, authorization: str | None) -> dict[str, str]:
        headers = {"Accept": self.accept, "Accept-Encoding": "gzip", "User-Agent": USER_AGENT}
        if self.content is not None:
            headers["Content-Type"] = "application/json"
        if self.writes:
            headers["Content-Length"] = str(len(self.content or b""))
        if authorization:
            headers["Authorization"] = authorization
        return headers


def shown_url(url: str) -> str:
    """``url`` without credentials, query and fragment, safe to show."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
    except ValueError:
        shown = url.partition("?")[0].rpartition("@")[2]
    return safe(shown, limit=_URL_LIMIT)


def credentials_from(auth: Auth | None) -> Callable[[], Credentials | None] | None:
    """How a source reads its credentials; what cannot be read is a ``SourceError`` (AUTH)."""
    if auth is None:
        return None

    def read() -> Credentials:
        from wfmon.config.secrets import SecretError, resolve

        try:
            return resolve(auth)
        except SecretError as error:
            raise SourceError(Failure.AUTH, str(error)) from error

    return read


class HttpReader:
    """Asks one server; keeps its connection, its credentials and the time it asked us to wait for.

    ``timeout`` is in seconds for a whole answer, ``max_bytes`` bounds the packed and the unpacked
    body. ``credentials`` is called before the first question and again after a refused one, because
    tokens in files rotate; it raises ``SourceError`` where a secret cannot be read. Proxies and
    .netrc of the environment are not used: the monitor connects to what it was pointed at.
    """

    def __init__(
        self,
        *,
        timeout: float,
        max_bytes: int,
        credentials: Callable[[], Credentials | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._credentials = credentials
        self._authorization: str | None = None
        self._resolved = False
        self._clock = clock
        self._wait_until = -1.0
        self._connections: Connections | None = None
        self._client: httpx.Client | None = None
        self._redirected = False
        self._asking = threading.Lock()
        self._closed = False

    def get(self, url: str, *, accept: str = "*/*", timeout: float | None = None) -> Answer:
        """Raises ``SourceError``; its text names the URL without credentials and query.

        ``timeout`` may shorten the time of this one question. A server that said Retry-After is not
        asked again before that time.
        """
        return self._ask(_Question("GET", url, shown_url(url), accept), timeout)

    def post(self, url: str, content: bytes, *, timeout: float | None = None) -> Answer:
        """Sends JSON, once: after a ``SourceError`` it may have arrived all the same, so that whoever sends
        it again looks first. A redirect is an error. The error's text holds what the server said."""
        return self._ask(_Question("POST", url, shown_url(url), "application/json", content), timeout)

    def delete(self, url: str, *, timeout: float | None = None) -> Answer:
        """As ``post``, without a body."""
        return self._ask(_Question("DELETE", url, shown_url(url), "application/json"), timeout)

    def _ask(self, question: _Question, timeout: float | None) -> Answer:
        seconds = min(self._timeout, timeout) if timeout is not None else self._timeout
        waiting = self._wait_until - self._clock()
        if waiting > 0:
            raise SourceError(Failure.HTTP, f"{question.shown}: asked to wait, {duration(waiting)} left")
        _check_scheme(question.url, question.shown)
        with self._asking:
            try:
                return self._answer(question, seconds)
            finally:
                if self._closed:
                    self._close_client()

    def close(self) -> None:
        """Never blocks: a question under way ends by its deadline and then closes the connection."""
        self._closed = True
        if self._asking.acquire(blocking=False):
            try:
                self._close_client()
            finally:
                self._asking.release()

    def _close_client(self) -> None:
        if self._connections is not None:
            self._connections.close()
            self._connections = self._client = None

    def _answer(self, question: _Question, seconds: float) -> Answer:
        import httpcore

        shown = question.shown
        deadline = self._clock() + seconds
        progress = Progress()
        try:
            try:
                return self._exchange(question, deadline, progress)
            except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
                # A kept connection that the server had just given up: once more on a new one. What writes
                # may have been heard.
                if progress.answered or question.writes:
                    raise
                return self._exchange(question, deadline, progress)
        except httpcore.TimeoutException as error:
            what = f"only {size(progress.received)} of the answer" if progress.answered else "no answer"
            raise SourceError(Failure.TIMEOUT, f"{shown}: {what} within {duration(seconds)}") from error
        except httpcore.ConnectError as error:
            raise _not_connected(shown, error) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            what = "connection lost" if isinstance(error, httpcore.NetworkError) else "broken answer"
            raise SourceError(Failure.NETWORK, f"{shown}: {what}: {safe(str(error), limit=120)}") from error

    def _exchange(self, question: _Question, deadline: float, progress: Progress) -> Answer:
        from wfmon.sources.plainhttp import PLAIN_URL, head_of, plain_request

        plain, authorization = self._authorize(question.url)
        headers = question.headers(authorization)
        if not self._redirected and (parts := PLAIN_URL.fullmatch(plain)):
            request = plain_request(parts, headers, method=question.method, content=question.content)
            head = head_of(self._open().ask(request, deadline))
            try:
                progress.answered = True
                if question.writes or not (head.status in _REDIRECT_CODES and "location" in head.headers):
                    return self._read(head, question, progress)
            finally:
                head.close()
            self._redirected, progress.answered = True, False
        return self._exchange_by_httpx(question, plain, headers, deadline, progress)

    def _exchange_by_httpx(
        self, question: _Question, url: str, headers: dict[str, str], deadline: float, progress: Progress
    ) -> Answer:
        import httpcore
        import httpx

        from wfmon.sources.httpclient import client, head_of_httpx

        if self._client is None:
            self._client = client(self._open())
        try:
            request = self._client.build_request(
                question.method,
                url,
                headers=headers,
                content=question.content,
                extensions={"deadline": deadline},
            )
            for _ in range(MAX_REDIRECTS + 1):
                response = self._client.send(request, stream=True)
                try:
                    progress.answered = True
                    if question.writes or response.next_request is None:
                        return self._read(head_of_httpx(response), question, progress)
                    # httpx leaves credentials out of a request to another origin.
                    request = response.next_request
                    _check_scheme(str(request.url), question.shown)
                    progress.answered = False
                finally:
                    response.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise httpcore.ProtocolError(str(error)) from error
        raise SourceError(Failure.HTTP, f"{question.shown}: redirected more than {MAX_REDIRECTS} times")

    def _open(self) -> Connections:
        if self._connections is None:
            from wfmon.sources.deadline import Connections

            self._connections = Connections(clock=self._clock)
        return self._connections

    def _authorize(self, url: str) -> tuple[str, str | None]:
        """The URL without user and password, and the header that stands for them."""
        parts = urlsplit(url)
        plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        if not self._resolved and self._credentials is not None:
            found = self._credentials()
            if found is not None and found.bearer:
                self._authorization = _bearer(found.bearer)
            elif found is not None and found.username is not None:
                self._authorization = _basic(found.username, found.password or "")
        self._resolved = True
        if self._authorization is None and parts.username is not None:
            return plain, _basic(unquote(parts.username), unquote(parts.password or ""))
        return plain, self._authorization

    def _check_status(self, head: Head, question: _Question) -> None:
        code, shown = head.status, question.shown
        if 200 <= code < 300:
            return
        said = safe(f"{code} {head.reason}".strip(), limit=80)
        if question.writes:
            told = "redirects, which is not followed" if code in _REDIRECT_CODES else refusal(head, shown)
            said += f": {told}" if told else ""
        if code in _RETRY_CODES:
            wait = _retry_after(head.headers.get("retry-after", ""))
            self._wait_until = self._clock() + wait
            if wait:
                said += f", asks to wait {duration(wait)}"
        if code in _AUTH_CODES:
            self._resolved, self._authorization = False, None
            raise SourceError(Failure.AUTH, f"{shown}: {said}")
        raise SourceError(Failure.NOT_FOUND if code == 404 else Failure.HTTP, f"{shown}: {said}")

    def _read(self, head: Head, question: _Question, progress: Progress) -> Answer:
        self._check_status(head, question)
        body = whole(head, progress, self._max_bytes, question.shown)
        content_type, date = head.headers.get("content-type", ""), head.headers.get("date", "")
        return Answer(head.status, content_type, body, date)


def _check_scheme(url: str, shown: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        what = "" if shown_url(url) == shown else f", leads to {shown_url(url)}"
        raise SourceError(Failure.BAD_DATA, f"{shown}{what}: not an http or https URL")


def _not_connected(shown: str, error: Exception) -> SourceError:
    import socket
    import ssl

    cause = error.args[0] if error.args else error  # httpcore puts the system's error there
    if isinstance(cause, ConnectionRefusedError):
        return SourceError(Failure.REFUSED, f"{shown}: connection refused")
    if isinstance(cause, ssl.SSLError):
        said = getattr(cause, "verify_message", "") or cause.reason or str(cause)
        return SourceError(Failure.NETWORK, f"{shown}: TLS: {safe(said, limit=120)}")
    if isinstance(cause, socket.gaierror):
        return SourceError(Failure.NETWORK, f"{shown}: no such host name")
    return SourceError(Failure.NETWORK, f"{shown}: {safe(str(cause), limit=120)}")


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")


def _bearer(token: str) -> str:
    token = token.strip()
    if not (token.isascii() and token.isprintable()):  # the HTTP library would quote it in its error
        raise SourceError(Failure.AUTH, "the bearer token holds characters that no header can carry")
    return f"Bearer {token}"


def _retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110 10.2.3); 0 where it says nothing usable."""
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_WAIT_SECONDS)
    from email.utils import parsedate_to_datetime  # 1.5 ms, rarely needed

    try:
        at = parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, at - time.time()), LONGEST_WAIT_SECONDS)
