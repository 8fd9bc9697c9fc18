"""An Alertmanager as a source: its alerts, who silenced which and until when."""

from __future__ import annotations

import time
from collections.abc import Callable

from wfmon.config import schema
from wfmon.model.alert import AlertState
from wfmon.model.foreign import ForeignAlert, ForeignAlerts, Silence, System
from wfmon.model.source import Failure
from wfmon.sources.alertmanager_api import (
    AlertmanagerApi,
    GettableAlert,
    GettableSilence,
    Receiver,
    ServerStatus,
    Told,
    silence_of,
)
from wfmon.sources.alertwords import (
    LABEL_LIMIT,
    by_weight,
    description_of,
    is_dead_man,
    labels_of,
    link_of,
    moment,
    name_of,
    runbook_of,
    severity_of,
    summary_of,
)
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.http import Credentials, HttpReader, credentials_from
from wfmon.sources.serverclock import ServerClock
from wfmon.text.numbers import counted
from wfmon.text.sanitize import safe

INTERVAL = 5.0
TIMEOUT = 5.0
MAX_BYTES = 16 * 1024 * 1024
MAX_ALERTS = 1000
MAX_SILENCES = 1000
MAX_RECEIVERS = 20  # of one alert, and those that doctor names
STATUS_SECONDS = 300.0
ALERTS = "alerts?active=true&silenced=true&inhibited=true&unprocessed=true"


class AlertmanagerSource:
    """``timeout`` is in seconds for a whole poll, ``max_bytes`` bounds each answer. ``allow_write``:
    silences may be set there (by others than this). ``steady`` is a monotonic clock."""

    kind = "alertmanager"

    def __init__(
        self,
        name: str,
        url: str,
        *,
        interval: float = INTERVAL,
        timeout: float = TIMEOUT,
        max_bytes: int = MAX_BYTES,
        allow_write: bool = False,
        credentials: Callable[[], Credentials | None] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.interval = interval
        self.timeout = timeout
        self._writable = allow_write
        reader = HttpReader(timeout=timeout, max_bytes=max_bytes, credentials=credentials)
        self._api = AlertmanagerApi(url, reader, steady)
        self._steady = steady
        self._clock = ServerClock()
        self._status: ServerStatus | None = None
        self._status_due = 0.0
        self._receivers: tuple[str, ...] = ()
        self._listed: frozenset[str] = frozenset()  # fingerprints

    @classmethod
    def from_config(cls, source: schema.Source) -> AlertmanagerSource:
        return cls(
            source.name or "alertmanager",
            source.url,
            interval=source.interval if source.interval is not None else INTERVAL,
            timeout=source.timeout if source.timeout is not None else TIMEOUT,
            max_bytes=source.max_bytes if source.max_bytes is not None else MAX_BYTES,
            allow_write=source.allow_write,
            credentials=credentials_from(source.auth),
        )

    @property
    def where(self) -> str:
        return self._api.where

    def poll(self, now: float) -> Reading:
        """Raises ``SourceError`` where the alerts are not told; without silences the reading is partial."""
        self._api.within(self.timeout)
        began = self._steady()
        try:
            found, answer = self._api.ask(ALERTS, list[GettableAlert])
        except SourceError:
            self._status_due = 0.0  # it may be another process when it answers again
            raise
        self._clock.told_by_header(answer.date, now, now + self._steady() - began)
        self._keep_status(found)
        partial: SourceError | None = None
        silences: tuple[Silence, ...] = ()
        try:
            silences = _silences(self._api.ask("silences", list[GettableSilence])[0])
        except SourceError as error:
            partial = error
        return self._reading(now, found, silences, partial)

    def close(self) -> None:
        """Never blocks: a question under way ends by its deadline."""
        self._api.close()

    def _keep_status(self, found: list[GettableAlert]) -> None:
        """Asked seldom, and when alerts are gone: they may have ended, or the process is a new one that
        has not been told of them yet. It answers all but this where a proxy lets nothing else through."""
        listed = frozenset(alert.fingerprint for alert in found)
        gone, self._listed = self._listed - listed, listed
        if not gone and self._steady() < self._status_due:
            return
        try:
            self._status, _ = self._api.ask("status", ServerStatus)
            receivers, _ = self._api.ask("receivers", list[Receiver])
        except SourceError as error:
            if error.failure not in (Failure.NOT_FOUND, Failure.AUTH, Failure.BAD_DATA):
                return
        else:
            self._receivers = tuple(safe(each.name, limit=LABEL_LIMIT) for each in receivers[:MAX_RECEIVERS])
        self._status_due = self._steady() + STATUS_SECONDS

    def _reading(
        self,
        now: float,
        found: list[GettableAlert],
        silences: tuple[Silence, ...],
        partial: SourceError | None,
    ) -> Reading:
        read = [_alert(each, self._clock.ahead, now) for each in found]
        watching = sum(1 for alert in read if is_dead_man(alert.labels))
        wanted = sorted((alert for alert in read if not is_dead_man(alert.labels)), key=by_weight)
        alerts = tuple(wanted[:MAX_ALERTS])
        missing = []
        if len(wanted) > len(alerts):
            missing.append(f"only the {len(alerts)} most severe of its {len(wanted)} alerts are read")
        if not self._writable:
            missing.append("may not write: allow_write = false")
        started = moment(self._status.uptime) if self._status is not None else None
        return Reading(
            at=now,
            sees=_sees(wanted, silences, watching),
            missing=tuple(missing),
            partial=None if partial is None else f"silences: {partial.detail}",
            partial_failure=None if partial is None else partial.failure,
            about=tuple(self._about()),
            foreign=ForeignAlerts(
                source=self.name,
                system=System.ALERTMANAGER,
                at=now,
                alerts=alerts,
                silences=silences,
                writable=self._writable,
                complete=len(wanted) == len(alerts),
                started_at=None if started is None else started - self._clock.ahead,
                clock_ahead=self._clock.ahead,
            ),
        )

    def _about(self) -> list[str]:
        status = self._status
        version = safe(status.version_info.version, limit=60) if status is not None else ""
        words = f"version {version}" if version else "its version is not told"
        if status is not None and status.cluster.status:
            peers = len(status.cluster.peers or ())
            words += f", cluster {safe(status.cluster.status, limit=40)}" + (f" of {peers}" if peers else "")
        about = [words, f"{self._clock.words}; silences end by its clock"]
        about.append(f"silences may {'' if self._writable else 'not '}be set: allow_write")
        if self._receivers:
            about.append("receivers: " + ", ".join(self._receivers))
        return about


def _sees(alerts: list[ForeignAlert], silences: tuple[Silence, ...], watching: int) -> str:
    """``12 alerts, 2 silenced, 1 silence``."""
    states = [alert.state for alert in alerts]
    words = [counted(len(alerts), "alert")]
    for state in (AlertState.SILENCED, AlertState.INHIBITED):
        if state in states:
            words.append(f"{states.count(state)} {state.value}")
    words.append(counted(len(silences), "silence"))
    if watching:
        words.append("a watchdog that fires, as it should")
    return ", ".join(words)


def _alert(told: GettableAlert, ahead: float, now: float) -> ForeignAlert:
    labels, exact = labels_of(told.labels)
    annotations = told.annotations or {}
    starts = moment(told.starts_at)
    return ForeignAlert(
        name=name_of(labels),
        labels=labels,
        severity=severity_of(labels),
        state=_state(told.status),
        since=now if starts is None else starts - ahead,
        summary=summary_of(annotations),
        description=description_of(annotations),
        runbook=runbook_of(annotations),
        link=link_of(told.generator_url),
        fingerprint=safe(told.fingerprint, limit=LABEL_LIMIT) or None,
        receivers=_texts([each.name for each in (told.receivers or ())[:MAX_RECEIVERS]]),
        silenced_by=_texts(told.status.silenced_by),
        inhibited_by=_texts(told.status.inhibited_by),
        muted_by=_texts(told.status.muted_by),
        exact=exact,
    )


def _state(told: Told) -> AlertState:
    """``unprocessed`` (not yet routed) and what a later version may add count as firing."""
    if told.silenced_by or told.muted_by:
        return AlertState.SILENCED
    if told.inhibited_by:
        return AlertState.INHIBITED
    return AlertState.SILENCED if told.state == "suppressed" else AlertState.FIRING


def _texts(raw: list[str] | None) -> tuple[str, ...]:
    return tuple(safe(each, limit=LABEL_LIMIT) for each in (raw or ())[:MAX_RECEIVERS])


def _silences(told: list[GettableSilence]) -> tuple[Silence, ...]:
    """The active ones; those that end last where there are too many."""
    active = [silence for each in told if (silence := silence_of(each)) is not None and silence.active]
    return tuple(sorted(active, key=lambda each: (-each.ends_at, each.id))[:MAX_SILENCES])
