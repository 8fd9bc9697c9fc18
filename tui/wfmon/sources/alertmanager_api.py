"""What the API v2 of an Alertmanager answers (0.25 and later), as far as it is read.

Fields that are not named here are passed over, so that a later version may add some.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from wfmon.model.foreign import Matcher, Silence
from wfmon.model.source import Failure
from wfmon.sources.alertwords import LABEL_LIMIT, TEXT_LIMIT, moment
from wfmon.sources.base import SourceError
from wfmon.sources.http import Answer, HttpReader, shown_url
from wfmon.text.sanitize import safe

T = TypeVar("T")


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """``state``: ``unprocessed``, ``active`` or ``suppressed``; what suppresses it, where it is."""

    state: str
    silenced_by: list[str] | None = None
    inhibited_by: list[str] | None = None
    muted_by: list[str] | None = None


class Receiver(msgspec.Struct, frozen=True):
    name: str


class GettableAlert(msgspec.Struct, frozen=True, rename="camel"):
    labels: dict[str, str]
    starts_at: str
    status: Told
    annotations: dict[str, str] | None = None
    fingerprint: str = ""
    receivers: list[Receiver] | None = None
    generator_url: str = msgspec.field(default="", name="generatorURL")


class GettableMatcher(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class SilenceState(msgspec.Struct, frozen=True):
    state: str


class GettableSilence(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    status: SilenceState
    starts_at: str
    ends_at: str
    updated_at: str
    matchers: list[GettableMatcher]
    created_by: str = ""
    comment: str = ""


class VersionInfo(msgspec.Struct, frozen=True):
    version: str = ""


class ClusterStatus(msgspec.Struct, frozen=True):
    status: str = ""
    peers: list[msgspec.Raw] | None = None


class ServerStatus(msgspec.Struct, frozen=True, rename="camel"):
    """``uptime`` is when the process began."""

    uptime: str = ""
    version_info: VersionInfo = VersionInfo()
    cluster: ClusterStatus = ClusterStatus()


def silence_of(told: GettableSilence) -> Silence | None:
    """With every text made safe; None where its times are none, so that nothing can be said of it."""
    starts, ends, updated = moment(told.starts_at), moment(told.ends_at), moment(told.updated_at)
    if starts is None or ends is None:
        return None
    return Silence(
        id=safe(told.id, limit=LABEL_LIMIT),
        matchers=tuple(
            Matcher(safe(m.name, limit=LABEL_LIMIT), safe(m.value, limit=LABEL_LIMIT), m.is_regex, m.is_equal)
            for m in told.matchers
        ),
        by=safe(told.created_by, limit=LABEL_LIMIT),
        comment=safe(told.comment, limit=TEXT_LIMIT),
        starts_at=starts,
        ends_at=ends,
        updated_at=starts if updated is None else updated,
        active=told.status.state == "active",
    )


class AlertmanagerApi:
    """Questions of one poll, all over by one deadline: see ``within``. ``steady`` is a monotonic clock."""

    def __init__(self, url: str, reader: HttpReader, steady: Callable[[], float] = time.monotonic) -> None:
        self._base = url.rstrip("/") + "/api/v2/"
        self.where = shown_url(url.rstrip("/"))
        self._reader = reader
        self._steady = steady
        self._deadline = 0.0
        self._seconds = 0.0

    def within(self, seconds: float) -> None:
        """What is asked from now on is over after ``seconds``."""
        self._seconds = seconds
        self._deadline = self._steady() + seconds

    def ask(self, what: str, kind: type[T]) -> tuple[T, Answer]:
        """The decoded answer and the answer itself; raises ``SourceError``."""
        left = self._deadline - self._steady()
        if left <= 0:
            raise SourceError(
                Failure.TIMEOUT, f"{self.where}: not all of its answers within {self._seconds:g}s"
            )
        try:
            answer = self._reader.get(self._base + what, accept="application/json", timeout=left)
        except SourceError as error:
            if error.failure is Failure.NOT_FOUND:
                raise SourceError(error.failure, f"{error.detail}: no Alertmanager with an API v2") from error
            raise
        return self._decoded(answer.body, what, kind), answer

    def close(self) -> None:
        self._reader.close()

    def _decoded(self, body: bytes, what: str, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError as error:
            raise SourceError(
                Failure.BAD_DATA, safe(f"{self.where}: {what.partition('?')[0]}: {error}", limit=200)
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            html = body[:64].lstrip()[:1] == b"<"
            what = (
                "HTML, not JSON: a login page, or not an Alertmanager"
                if html
                else "something that is no JSON"
            )
            raise SourceError(Failure.NOT_JSON, f"{self.where} answers {what}") from error
