"""Silences of one Alertmanager (API v2): found, set, extended and taken back.

What the servers do (0.25 to 0.34): times are the server's and hold milliseconds; a start in the past becomes
the server's present; a new end keeps the id only while the silence is active: one that is over gives a *new*
silence. Expired ones stay listed for days; to delete one again is no error; an id it does not know is 404, or
500 where it is deleted. Errors are objects with a message or bare JSON strings.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from wfmon.model.alert import Labels
from wfmon.model.foreign import Silence
from wfmon.model.record import dataclass
from wfmon.model.source import Failure
from wfmon.sources.alertmanager_api import AlertmanagerApi, GettableAlert, GettableSilence, silence_of
from wfmon.sources.base import SourceError
from wfmon.sources.http import Answer, Credentials, HttpReader, credentials_from
from wfmon.sources.serverclock import ServerClock

if TYPE_CHECKING:
    from wfmon.config import schema

T = TypeVar("T")
TIMEOUT = 5.0  # seconds for each question
PAST_SECONDS = 60.0
MAX_BYTES = 16 * 1024 * 1024
_GONE = "silence not found"
_PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A silence to be set. ``ends_at``: by the server's clock."""

    labels: Labels
    by: str
    comment: str
    ends_at: float


class _Made(msgspec.Struct, frozen=True):
    silence_id: str = msgspec.field(name="silenceID")


class Silences:
    """Asked from one thread. Every call raises ``SourceError``; after one that sets, extends or takes back,
    it may have been done all the same.

    ``clock`` gives POSIX seconds. Labels are those that an Alertmanager has, to the letter.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = TIMEOUT,
        max_bytes: int = MAX_BYTES,
        credentials: Callable[[], Credentials | None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._base = url.rstrip("/") + "/api/v2/"
        self._timeout = timeout
        self._http = HttpReader(timeout=timeout, max_bytes=max_bytes, credentials=credentials)
        self._api = AlertmanagerApi(url, self._http)
        self._clock = clock
        self._theirs = ServerClock()

    @classmethod
    def from_config(cls, entry: schema.Source, clock: Callable[[], float] = time.time) -> Silences:
        return cls(
            entry.url,
            timeout=entry.timeout or TIMEOUT,
            max_bytes=entry.max_bytes or MAX_BYTES,
            credentials=credentials_from(entry.auth),
            clock=clock,
        )

    @property
    def ahead(self) -> float:
        """Seconds that the server's clock is ahead of ours, as its answers told so far; 0 where they agree
        within a second."""
        return self._theirs.ahead

    def close(self) -> None:
        self._http.close()

    def active(self, labels: Labels) -> tuple[Silence, ...]:
        """The active silences with exactly these matchers, the oldest first."""
        wanted = frozenset(_filled(labels))
        found = map(silence_of, self._get(f"silences?{_filter(labels)}", list[GettableSilence]))
        exact = [each for each in found if each is not None and each.active and _equals(each) == wanted]
        return tuple(sorted(exact, key=lambda each: (each.starts_at, each.id)))

    def one(self, silence: str) -> Silence | None:
        """In whatever state it is; None: the server does not know it."""
        try:
            return silence_of(self._get(f"silence/{quote(silence, safe='')}", GettableSilence))
        except SourceError as error:
            if error.failure is Failure.NOT_FOUND:
                return None
            raise

    def knows_alert(self, labels: Labels) -> bool:
        """Whether there is an alert with exactly these labels: only then a silence mutes what is meant."""
        wanted = dict(_filled(labels))
        return any(
            each.labels == wanted for each in self._get(f"alerts?{_filter(labels)}", list[GettableAlert])
        )

    def create(self, wanted: Wanted) -> str:
        """The id of the new silence."""
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in _filled(wanted.labels)
        ]
        # Surely past: a start that is still to come would mute nothing yet.
        starts = _rfc3339(self._clock() + self.ahead - PAST_SECONDS)
        return self._set(
            {
                "matchers": matchers,
                "startsAt": starts,
                "endsAt": _rfc3339(wanted.ends_at),
                "createdBy": wanted.by,
                "comment": wanted.comment,
            }
        )

    def extend(self, silence: str, ends_at: float) -> str:
        """Give it another end and change nothing else. The id of what there is now: another one where it was
        not active any more."""
        told = self._get(f"silence/{quote(silence, safe='')}", dict[str, object])
        kept = {name: told[name] for name in told if name not in ("status", "updatedAt")}
        return self._set({**kept, "endsAt": _rfc3339(ends_at)})

    def expire(self, silence: str) -> None:
        """Take it back; one that is over or gone already is well."""
        try:
            self._timed(self._http.delete(f"{self._base}silence/{quote(silence, safe='')}"))
        except SourceError as error:
            if error.failure is not Failure.NOT_FOUND and _GONE not in error.detail:
                raise

    def _set(self, body: object) -> str:
        answer = self._timed(self._http.post(f"{self._base}silences", json.dumps(body).encode()))
        try:
            return msgspec.json.decode(answer.body, type=_Made).silence_id
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceError(
                Failure.BAD_DATA, f"{self._api.where}: it did not tell the id of the silence"
            ) from error

    def _get(self, what: str, kind: type[T]) -> T:
        self._api.within(self._timeout)
        found, answer = self._api.ask(what, kind)
        self._timed(answer)
        return found

    def _timed(self, answer: Answer) -> Answer:
        now = self._clock()
        self._theirs.told_by_header(answer.date, now, now)
        return answer


def _filled(labels: Labels) -> Labels:
    """Without those of no value: for an Alertmanager an empty label is none."""
    return tuple((name, value) for name, value in labels if value)


def _filter(labels: Labels) -> str:
    return "&".join(f"filter={quote(_matcher(name, value), safe='')}" for name, value in _filled(labels))


def _matcher(name: str, value: str) -> str:
    return f"{name if _PLAIN_NAME.fullmatch(name) else _quoted(name)}={_quoted(value)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _equals(silence: Silence) -> frozenset[tuple[str, str]] | None:
    """The labels that it asks for; None where it asks for anything but equality."""
    if not all(each.is_equal and not each.is_regex for each in silence.matchers):
        return None
    return frozenset((each.name, each.value) for each in silence.matchers)


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
