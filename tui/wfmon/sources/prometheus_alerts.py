"""What a Prometheus says of its alerts and rules, asked beside the queries of a poll."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from wfmon.model.alert import AlertState
from wfmon.model.foreign import ForeignAlert, ForeignAlerts, ForeignRule, System
from wfmon.model.record import dataclass, replace
from wfmon.model.source import Failure
from wfmon.sources.alertwords import (
    LABEL_LIMIT,
    TEXT_LIMIT,
    by_weight,
    description_of,
    is_dead_man,
    labels_of,
    moment,
    name_of,
    runbook_of,
    severity_of,
    summary_of,
    value_of,
)
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_errands import Errands, Known
from wfmon.sources.prometheus_fit import Scope
from wfmon.sources.serverclock import ServerClock
from wfmon.text.numbers import counted
from wfmon.text.sanitize import safe

SECONDS = 5.0  # for all that is asked at once
MAX_BYTES = 16 * 1024 * 1024
MAX_ALERTS = 1000
MAX_RULES = 300
RULES_SECONDS = 15.0
RUNTIME_SECONDS = 60.0
# Where the API has no alerts (a store behind the same queries) it is asked again after this long.
ABSENT_SECONDS = 600.0
EARLY = 0.8  # of the time between two polls: one that comes a little early still finds it due
WAIT_SECONDS = 0.5  # that a poll waits for them; never the first
POLL_SECONDS = 5.0  # that a poll may take: so far apart may be the times of its clock and of ours

WELL = "ok"
UNKNOWN = "unknown"  # not evaluated yet


class AlertTold(msgspec.Struct, frozen=True, rename="camel"):
    labels: dict[str, str]
    state: str
    annotations: dict[str, str] | None = None
    active_at: str | None = None
    value: str = ""


class AlertsTold(msgspec.Struct, frozen=True):
    alerts: list[AlertTold]


class RuleTold(msgspec.Struct, frozen=True, rename="camel"):
    """An alerting or a recording rule; ``last_evaluation`` is of the year 1 before the first."""

    name: str
    query: str = ""
    health: str = UNKNOWN
    last_error: str = ""
    last_evaluation: str = ""
    labels: dict[str, str] | None = None
    type: str = ""


class GroupTold(msgspec.Struct, frozen=True):
    name: str
    rules: list[RuleTold]


class RulesTold(msgspec.Struct, frozen=True):
    groups: list[GroupTold]


class RuntimeTold(msgspec.Struct, frozen=True, rename="camel"):
    start_time: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """Answers of one errand, by the server's clock. ``at`` is of the steady clock; ``watching``: how many
    alerts fire to say that alerting works; ``listed``: how many others there are."""

    at: float
    alerts: tuple[ForeignAlert, ...]
    rules: tuple[ForeignRule, ...]
    rules_seen: int
    started_at: float | None
    listed: int
    watching: int


class AlertsErrand:
    """An ``Errand``. ``every``: seconds between two of them; ``problem``: why nothing (new) is told."""

    seconds = SECONDS

    def __init__(self, every: Callable[[], float]) -> None:
        self._every = every
        self._due = 0.0
        self._rules_due = 0.0
        self._runtime_due = 0.0
        self._rules: tuple[ForeignRule, ...] = ()
        self._started: float | None = None
        self.heard: Heard | None = None
        self.problem: str | None = None

    def due(self, known: Known, steady: float) -> bool:
        return steady >= self._due

    def ask(self, api: PrometheusApi, known: Known, steady: float) -> None:
        """Rules and the start of the process less often than alerts, but at once when an alert is gone or
        waits anew, because only they tell whether it ended; rules also while some were not evaluated yet."""
        told = api.document("alerts", AlertsTold).alerts
        read = [_alert(each) for each in told]
        wanted = sorted((alert for alert in read if not is_dead_man(alert.labels)), key=by_weight)
        alerts = tuple(wanted[:MAX_ALERTS])
        before = self.heard.alerts if self.heard else ()
        gone = {(alert.labels, alert.state) for alert in before} - {(a.labels, a.state) for a in alerts}
        started = self._started
        if gone or steady >= self._runtime_due:
            self._started = self._start(api, steady)
        young = any(rule.health == UNKNOWN for rule in self._rules)
        if gone or young or started != self._started or steady >= self._rules_due:
            self._rules = tuple(_rules(api.document("rules?exclude_alerts=true", RulesTold).groups))
            self._rules_due = steady + RULES_SECONDS
        self.problem = None
        self._due = steady + EARLY * self._every()
        self.heard = Heard(
            at=steady,
            alerts=alerts,
            rules=_told_rules(self._rules, alerts),
            rules_seen=len(self._rules),
            started_at=self._started,
            listed=len(wanted),
            watching=len(read) - len(wanted),
        )

    def failed(self, error: SourceError, steady: float) -> None:
        absent = error.failure is Failure.NOT_FOUND
        self.problem = f"alerts: {error.detail}"
        self._due = steady + (ABSENT_SECONDS if absent else self._every())

    def _start(self, api: PrometheusApi, steady: float) -> float | None:
        """None where the API does not tell, which is looked at again with the next alert that is gone."""
        self._runtime_due = steady + RUNTIME_SECONDS
        try:
            return moment(api.document("status/runtimeinfo", RuntimeTold).start_time)
        except SourceError as error:
            if error.failure in (Failure.NETWORK, Failure.REFUSED, Failure.TIMEOUT):
                raise
            return None


class AlertsBeside:
    """Asks for alerts in a thread and over a connection of its own, and tells them with each reading.

    ``begin`` before the queries of a poll, ``enriched`` after them; of the first poll nothing is awaited.
    """

    def __init__(
        self,
        source: str,
        api: PrometheusApi,
        every: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        self._source = source
        self._errand = AlertsErrand(every)
        self._errands = Errands(api, (self._errand,), steady)
        self._steady = steady
        self._clock = ServerClock()

    def begin(self, scope: Scope) -> None:
        self._errands.run_due(Known(scope, 0.0))

    def enriched(self, reading: Reading, now: float, clock: float, *, wait: bool) -> Reading:
        """``clock`` is what the server said at about ``now``."""
        self._clock.told(clock, now, POLL_SECONDS)
        if wait and self._errand.problem is None:
            self._errands.wait(WAIT_SECONDS)
        heard, problem = self._errand.heard, self._errand.problem
        missing = (*reading.missing, problem) if problem else reading.missing
        if heard is None:
            return replace(reading, missing=missing, settled=reading.settled and problem is not None)
        if heard.listed > len(heard.alerts):
            only = f"only the {len(heard.alerts)} most severe of its {heard.listed} alerts are read"
            missing = (*missing, only)
        sees = " · ".join(part for part in (reading.sees, _sees(heard)) if part)
        foreign = self._foreign(heard, now)
        return replace(reading, missing=missing, sees=sees, foreign=foreign, about=(self._clock.words,))

    def close(self) -> None:
        self._errands.close()

    def _foreign(self, heard: Heard, now: float) -> ForeignAlerts:
        ahead = self._clock.ahead
        return ForeignAlerts(
            source=self._source,
            system=System.PROMETHEUS,
            at=now - max(0.0, self._steady() - heard.at),
            alerts=tuple(replace(a, since=(a.since - ahead) if a.since else now) for a in heard.alerts),
            rules=heard.rules,
            rules_seen=heard.rules_seen,
            complete=heard.listed == len(heard.alerts),
            started_at=None if heard.started_at is None else heard.started_at - ahead,
            clock_ahead=ahead,
        )


def _sees(heard: Heard) -> str:
    """``3 alerts, 41 rules of which 1 fails``; nothing where there are neither."""
    if not heard.listed and not heard.rules_seen and not heard.watching:
        return ""
    words = f"{counted(heard.listed, 'alert')}, {counted(heard.rules_seen, 'rule')}"
    ill = sum(1 for rule in heard.rules if rule.health not in (WELL, UNKNOWN))
    if ill:
        words += f" of which {ill} fail{'s' if ill == 1 else ''}"
    return f"{words}, a watchdog that fires, as it should" if heard.watching else words


def _alert(told: AlertTold) -> ForeignAlert:
    """``since`` by the server's clock; 0 where it does not tell."""
    labels, exact = labels_of(told.labels)
    annotations = told.annotations or {}
    return ForeignAlert(
        name=name_of(labels),
        labels=labels,
        severity=severity_of(labels),
        state=AlertState.PENDING if told.state == "pending" else AlertState.FIRING,
        since=moment(told.active_at or "") or 0.0,
        summary=summary_of(annotations),
        description=description_of(annotations),
        runbook=runbook_of(annotations),
        value=value_of(told.value),
        exact=exact,
    )


def _rules(groups: Iterable[GroupTold]) -> Iterable[ForeignRule]:
    for group in groups:
        for told in group.rules:
            evaluated = moment(told.last_evaluation)
            health = told.health if told.health in (WELL, UNKNOWN) else "err"
            yield ForeignRule(
                name=safe(told.name, limit=LABEL_LIMIT),
                group=safe(group.name, limit=LABEL_LIMIT),
                query=safe(told.query, limit=TEXT_LIMIT),
                health=health if evaluated is not None or health == "err" else UNKNOWN,
                error=safe(told.last_error, limit=TEXT_LIMIT),
                evaluated_at=evaluated,
                labels=labels_of(told.labels or {})[0],
            )


def _told_rules(rules: Sequence[ForeignRule], alerts: Sequence[ForeignAlert]) -> tuple[ForeignRule, ...]:
    """Those that are not well first, then those of the alerts."""
    names = {alert.name for alert in alerts}
    ill = [rule for rule in rules if rule.health not in (WELL, UNKNOWN)]
    rest = [rule for rule in rules if rule.health == UNKNOWN or (rule.health == WELL and rule.name in names)]
    return tuple((ill + rest)[:MAX_RULES])
