"""The HTTP API of a Prometheus, through prometheus-api-client, with every answer bounded and checked.

The client retries for seconds, drops result types and lets five kinds of exceptions through; here
each failure is a ``SourceError`` that says what a person can do about it.
"""

from __future__ import annotations

import http.client
import json
import math
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from wfmon.model.record import dataclass
from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.sources.http import Credentials, shown_url
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from prometheus_api_client.prometheus_connect import PrometheusConnect
    from requests import Response, Session

    from wfmon.sources.bounded_session import BoundedAdapter, Cutoff

T = TypeVar("T")

TEXT_LIMIT = 200
TARGETS_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """One element of an instant vector; a scalar has no labels. Labels are raw text."""

    labels: Mapping[str, str]
    at: float
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """One element of a range answer."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class PrometheusApi:
    """Nothing is loaded or connected before the first question.

    Questions are asked inside ``within``, which bounds them all together, from one thread; ``close``
    may be called from another. ``credentials`` is called before the first question and again after a
    refused one, because tokens in files rotate; it raises ``SourceError`` where one cannot be read.
    """

    def __init__(
        self, url: str, *, max_bytes: int, credentials: Callable[[], Credentials | None] | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.where = shown_url(self.url)
        self._max_bytes = max_bytes
        self._credentials = credentials
        self._identified = False
        self._client: PrometheusConnect | None = None
        self._session: Session | None = None
        self._adapter: BoundedAdapter | None = None
        self._cutoff: Cutoff | None = None
        self._closed = False
        self._seconds = 0.0
        self.warnings: list[str] = []

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """All questions of the block are over after ``seconds``. Forgets earlier warnings."""
        self._seconds = seconds
        self.warnings = []
        if self._client is None:
            self._connect()
        assert self._session is not None
        assert self._cutoff is not None
        if not self._identified:
            self._identify(self._session)
        with self._cutoff.within(seconds):
            try:
                yield
            except SourceError as error:
                self._identified = self._identified and error.failure is not Failure.AUTH
                raise

    def close(self) -> None:
        """A question that waits ends at once; later ones are refused."""
        self._closed = True  # looked at before every question, also while the client is being made
        if self._cutoff is not None:
            self._cutoff.close()

    def instant(self, query: str, at: float | None = None) -> list[Row]:
        """``at`` is the server's time; None: its present."""
        params = {} if at is None else {"time": f"{at:.3f}"}
        return self._ask(lambda client: _rows(client.custom_query(query, params=params)))

    def clock(self) -> float:
        """The server's present time, POSIX seconds."""
        rows = self.instant("time()")
        if not rows or not math.isfinite(rows[0].value):
            raise self._odd("it does not tell its time")
        return rows[0].value

    def over(self, query: str, begin: float, end: float, step: float) -> list[Line]:
        """Values at every ``step`` seconds from ``begin`` to ``end`` (whole seconds of the server's time)."""
        first, last = datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC)
        return self._ask(lambda client: _lines(client.custom_query_range(query, first, last, f"{step:g}")))

    def samples(self, query: str, at: float) -> list[Line]:
        """All samples of a range selector (``metric[1h]``) that ends at ``at``."""
        params = {"time": f"{at:.3f}"}
        return self._ask(lambda client: _lines(client.custom_query(query, params=params)))

    def status(self, what: str) -> Mapping[str, object]:
        """``data`` of ``/api/v1/status/<what>``, of which the client knows nothing."""
        session = self._session
        assert session is not None, "questions are asked inside within()"

        def ask(_: PrometheusConnect) -> Mapping[str, object]:
            data = session.get(f"{self.url}/api/v1/status/{what}").json()["data"]
            if not isinstance(data, dict):
                raise TypeError
            return data

        return self._ask(ask)

    def document(self, path: str, kind: type[T]) -> T:
        """``data`` of ``/api/v1/<path>``, strictly of ``kind``; fields that it does not name are passed
        over. The client knows nothing of alerts and rules."""
        session = self._session
        assert session is not None, "questions are asked inside within()"

        def ask(_: PrometheusConnect) -> T:
            import msgspec

            envelope = msgspec.json.decode(
                session.get(f"{self.url}/api/v1/{path}").content, type=dict[str, msgspec.Raw]
            )
            return msgspec.json.decode(envelope["data"], type=kind)

        return self._ask(ask)

    def label_values(self, label: str, matching: str, since: float) -> list[str]:
        """Values of ``label`` on the series that match, as far back as ``since``."""
        params = {"match[]": matching, "start": f"{since:.3f}"}
        return self._ask(lambda client: _texts(client.get_label_values(label, params=params)))

    def scrape_intervals(self, pool: str) -> list[str]:
        """``scrapeInterval`` of the active targets of a scrape pool, as text ("15s").

        Servers before 2.42 answer with all targets, which may be many: at most 1 MiB is read.
        """
        assert self._adapter is not None
        self._adapter.max_bytes = min(self._max_bytes, TARGETS_BYTES)
        try:
            answer = self._ask(lambda client: client.get_targets(state="active", scrape_pool=pool))
        finally:
            self._adapter.max_bytes = self._max_bytes
        targets = answer.get("activeTargets") if isinstance(answer, dict) else None
        if not isinstance(targets, list):
            return []
        found = [target.get("scrapeInterval") for target in targets if isinstance(target, dict)]
        return [text for text in found if isinstance(text, str)]

    def _connect(self) -> None:
        """Loads the client library (0.1 s), which is why a start does not. Opens no connection yet."""
        from prometheus_api_client.prometheus_connect import PrometheusConnect
        from urllib3.util.retry import Retry

        from wfmon.sources.bounded_session import BoundedAdapter, BoundedSession, Cutoff

        self._cutoff = Cutoff()
        self._adapter = BoundedAdapter(self._cutoff, self._max_bytes)
        self._session = BoundedSession()
        self._client = PrometheusConnect(self.url, retry=Retry(total=0), session=self._session)
        # The client has put an adapter of its own at its URL: ours must be the one there.
        for prefix in ("http://", "https://", self.url):
            self._session.mount(prefix, self._adapter)
        self._session.hooks["response"].append(self._examine)

    def _identify(self, session: Session) -> None:
        found = self._credentials() if self._credentials is not None else None
        session.headers.pop("Authorization", None)
        session.auth = None
        if found is not None and found.bearer:
            session.headers["Authorization"] = f"Bearer {found.bearer}"
        elif found is not None and found.username is not None:
            from requests.auth import HTTPBasicAuth

            # As bytes: requests would encode text as Latin-1 and fail on the rest of the world's passwords.
            session.auth = HTTPBasicAuth(found.username.encode(), (found.password or "").encode())
        self._identified = True

    def _ask(self, question: Callable[[PrometheusConnect], T]) -> T:
        import requests

        from wfmon.sources.bounded_session import DeadlineExceeded, ForeignRedirect, TooLarge

        assert self._client is not None, "questions are asked inside within()"
        if self._closed:
            raise SourceError(Failure.NETWORK, f"{self.where} was closed")
        try:
            try:
                return question(self._client)
            except requests.ConnectionError as error:
                # A kept connection that the server had just given up: once more on a new one.
                if not any(isinstance(cause, _GIVEN_UP) for cause in _causes(error)):
                    raise
                return question(self._client)
        except (DeadlineExceeded, requests.Timeout) as error:
            raise SourceError(
                Failure.TIMEOUT, f"{self.where} gave no whole answer within {self._seconds:g} s"
            ) from error
        except TooLarge as error:
            raise SourceError(
                Failure.TOO_LARGE, f"{self.where} answers {error}, allowed are {self._max_bytes}"
            ) from error
        except ForeignRedirect as error:
            raise SourceError(
                Failure.HTTP, safe(f"{self.where} redirects to {error}: a login page?", limit=TEXT_LIMIT)
            ) from error
        except requests.TooManyRedirects as error:
            raise SourceError(Failure.HTTP, f"{self.where} redirects in a circle") from error
        except requests.exceptions.SSLError as error:
            raise SourceError(
                Failure.NETWORK, safe(f"{self.where}: TLS: {error}", limit=TEXT_LIMIT)
            ) from error
        except requests.ConnectionError as error:
            raise _not_connected(self.where, error) from error
        except (ValueError, KeyError, TypeError) as error:
            # InvalidURL is a ValueError too, but the config has checked the URL.
            raise self._odd("JSON of the Prometheus API was expected") from error
        except requests.RequestException as error:
            raise SourceError(Failure.NETWORK, safe(f"{self.where}: {error}", limit=TEXT_LIMIT)) from error

    def _odd(self, expected: str) -> SourceError:
        return SourceError(Failure.NOT_JSON, f"{self.where} answers something else: {expected}")

    def _examine(self, response: Response, **_: object) -> None:
        """Runs on every answer before the client sees it: errors by status, warnings, HTML."""
        if response.is_redirect:
            return
        if response.status_code != 200:
            raise _refusal(self.where, response)
        start = response.content[:64].lstrip()[:1]
        if start == b"<":
            raise SourceError(
                Failure.NOT_JSON, f"{self.where} answers HTML, not JSON: a login page, or not a Prometheus"
            )
        if b'"warnings"' in response.content[-20_000:]:
            told = response.json().get("warnings")
            if isinstance(told, list):
                self.warnings.extend(safe(str(text), limit=TEXT_LIMIT) for text in told[:3])


_GIVEN_UP = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


def _refusal(where: str, response: Response) -> SourceError:
    status = response.status_code
    message = ""
    try:
        told = json.loads(response.content[: TEXT_LIMIT * 50])
        message = f"{told['errorType']}: {told['error']}"
    except (ValueError, KeyError, TypeError):
        message = response.reason or ""
    text = safe(f"{where} answers {status} {message}", limit=TEXT_LIMIT)
    if status in (401, 403):
        return SourceError(Failure.AUTH, f"{text}: [[source]] auth")
    if status == 404:
        return SourceError(Failure.NOT_FOUND, text)
    if message.startswith(("timeout:", "canceled:")):
        return SourceError(Failure.TIMEOUT, text)
    return SourceError(Failure.BAD_DATA if status in (400, 422) else Failure.HTTP, text)


def _causes(error: BaseException) -> Iterable[BaseException]:
    """The error and everything it was made of; urllib3 and requests hide the first cause deep."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def _not_connected(where: str, error: BaseException) -> SourceError:
    causes = list(_causes(error))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return SourceError(Failure.REFUSED, f"{where} refuses the connection")
    if any(isinstance(cause, TimeoutError) for cause in causes):  # a TLS handshake comes here as one
        return SourceError(Failure.TIMEOUT, f"{where} accepts the connection and then says nothing")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return SourceError(Failure.NETWORK, f"{where}: the name is not known")
    told = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    what = (
        safe(str(told), limit=TEXT_LIMIT) if told else "the connection was closed in the middle of an answer"
    )
    return SourceError(Failure.NETWORK, f"{where}: {what}")


# What follows checks shapes: a wrong one is a ValueError, KeyError or TypeError, told as "not JSON of
# the Prometheus API" by ``_ask``.


def _rows(result: Any) -> list[Row]:
    """The client drops the type of a result: a scalar, [time, "value"], is a row without labels."""
    if not isinstance(result, list):
        raise TypeError
    if len(result) == 2 and isinstance(result[1], str):
        return [Row({}, float(result[0]), float(result[1]))]
    # A native histogram has "histogram" in place of "value" and no single value to read.
    items = [item for item in result if "value" in item or "histogram" not in item]
    return [Row(_labels(item), float(item["value"][0]), float(item["value"][1])) for item in items]


def _lines(result: Any) -> list[Line]:
    if not isinstance(result, list):
        raise TypeError
    return [
        Line(_labels(item), tuple((float(at), float(value)) for at, value in item.get("values", ())))
        for item in result
    ]


def _labels(item: Any) -> Mapping[str, str]:
    labels = item["metric"]
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise TypeError
    return labels


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError
    return values
