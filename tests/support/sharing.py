"""People on a state directory who share acks, and the Alertmanager's side of it, spoken to by hand."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wfmon.model.alert import Alert, AlertState, Labels, Severity
from wfmon.model.episode import AuditEntry, Sighting
from wfmon.model.foreign import ForeignAlerts
from wfmon.model.share import Share
from wfmon.monitor.sharesteps import Terms
from wfmon.monitor.sharing import Clients, Sharer
from wfmon.monitor.sharingthread import Told
from wfmon.sources.silences import Silences
from wfmon.store.acks import NAME, AckStore
from wfmon.store.database import Database
from wfmon.store.paths import state_dir
from wfmon.store.rows import labels_of
from wfmon.store.shares import ShareBook
from wfmon.store.shares import _shares as decoded

TERMS = Terms(900.0, 300.0, 8 * 3600.0, UTC)
SINCE = 1_700_000_000.0
_COLUMNS = (
    "number, episode, via, matchers, by, asked_at, state, silence, ends_at, updated_at, wanted_end, problem"
)


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ByHand:
    """What anybody may do to an Alertmanager."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _ask(self, method: str, path: str, body: object = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/api/v2{path}", data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def fire(self, labels: Labels) -> None:
        self._ask("POST", "/alerts", [{"labels": dict(labels)}])

    def resolve(self, labels: Labels) -> None:
        self._ask("POST", "/alerts", [{"labels": dict(labels), "endsAt": rfc3339(time.time() - 1)}])

    def silences(self, labels: Labels | None = None) -> list[dict[str, object]]:
        """Active ones, on exactly these labels where some are given."""
        found = self._ask("GET", "/silences")
        assert isinstance(found, list)
        wanted = None if labels is None else {(name, value) for name, value in labels}
        return [
            each
            for each in found
            if each["status"]["state"] == "active"
            and (wanted is None or {(m["name"], m["value"]) for m in each["matchers"]} == wanted)
        ]

    def alerts(self) -> list[dict[str, Any]]:
        found = self._ask("GET", "/alerts")
        assert isinstance(found, list)
        return found

    def muted(self, labels: Labels) -> bool:
        (alert,) = [each for each in self.alerts() if each["labels"] == dict(labels)]
        return bool(alert["status"]["silencedBy"])

    def edit(self, silence: dict[str, object], **changes: object) -> str:
        kept = {name: value for name, value in silence.items() if name not in ("status", "updatedAt")}
        told = self._ask("POST", "/silences", {**kept, **changes})
        assert isinstance(told, dict)
        return str(told["silenceID"])

    def silence(self, labels: Labels, by: str, comment: str, seconds: float = 600.0) -> str:
        matchers = [{"name": n, "value": v, "isRegex": False, "isEqual": True} for n, v in labels]
        now = time.time()
        return self.edit(
            {"matchers": matchers, "createdBy": by, "comment": comment},
            startsAt=rfc3339(now),
            endsAt=rfc3339(now + seconds),
        )

    def delete(self, silence: object) -> None:
        self._ask("DELETE", f"/silence/{silence}")


class Desk:
    """A state directory, the people on it, and whoever collects there. ``clock`` gives its POSIX seconds."""

    def __init__(
        self,
        path: Path,
        url: str,
        *,
        terms: Terms = TERMS,
        clock: Callable[[], float] = time.time,
        clients: Clients | None = None,
        seed: int | None = None,
    ) -> None:
        self.state = state_dir(str(path), {})
        assert self.state.problem is None
        self.clock = clock
        self.store = AckStore(self.state)
        self.url = url
        self.terms = terms
        self.alerts: dict[str, Alert] = {}
        self.steady = 0.0
        self.foreign: tuple[ForeignAlerts, ...] = ()
        self.sharer = self.collector(clients, seed=seed)

    def collector(
        self, clients: Clients | None = None, *, terms: Terms | None = None, seed: int | None = None
    ) -> Sharer:
        """Another one, as after a restart. Every turn of it is due: back-offs are over at once."""
        book = ShareBook(Database(self.state, NAME), self.clock)
        made = clients or (lambda via: Silences(self.url, timeout=5.0, clock=self.clock))
        self.sharer = Sharer(book, made, terms or self.terms, clock=self.clock, steady=self._later, seed=seed)
        return self.sharer

    def _later(self) -> float:
        self.steady += 1000.0
        return self.steady

    def fires(self, labels: Labels, *, rule: str = "HighErrorRate") -> str:
        """The episode's id."""
        now = self.clock()
        identity = hashlib.sha256(json.dumps(labels).encode()).hexdigest()[:12]
        self.store.observe([Sighting(identity, rule, labels, Severity.CRITICAL, "32%", SINCE, False)], now)
        self.alerts[identity] = Alert(
            identity, rule, labels, Severity.CRITICAL, AlertState.FIRING, "32%", SINCE, False
        )
        return identity

    def share(self, episode: str, by: str = "dana", comment: str = "") -> None:
        self.store.share(episode, by, self.clock(), "am", self.alerts[episode].labels, comment)

    def is_now(self, episode: str, state: AlertState, **more: object) -> None:
        from wfmon.model.record import replace

        self.alerts[episode] = replace(self.alerts[episode], state=state, **more)  # type: ignore[arg-type]

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.sharer.turn(Told(dict(self.alerts), self.foreign))

    def share_of(self, episode: str) -> Share:
        """The newest row."""
        found = Database(self.state, NAME).read(
            lambda connection: connection.execute(
                f"SELECT {_COLUMNS} FROM shares WHERE episode = ? ORDER BY number DESC LIMIT 1", (episode,)
            ).fetchall()
        )
        (share,) = decoded(found)
        return share

    def trail(self, episode: str) -> list[AuditEntry]:
        return [entry for entry in self.store.audit() if entry.episode == episode]


def labels(name: str, **more: str) -> Labels:
    return labels_of(json.dumps(sorted({"alertname": name, **more}.items())))
