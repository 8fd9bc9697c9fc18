"""What one viewer sees of a snapshot: who has which alert, what ended, and the one sentence.

The same for a picture of this process and for one that another process's collector published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from wfmon.analysis.shown import rank, told, with_ack
from wfmon.analysis.verdict import Scene, verdict
from wfmon.model.action import AcceptNormal, AddNote, Outcome
from wfmon.model.alert import Ack, Alert, AlertState, Note
from wfmon.model.money import NO_MONEY, Money
from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Level, Snapshot, Verdict
from wfmon.store.acks import AckStore
from wfmon.store.errors import AckError, StoreError

if TYPE_CHECKING:
    from wfmon.monitor.deeds import Act

COST_SECONDS = 10.0  # of history before the verdict names a price per hour
ENDED_SECONDS = 12 * 3600.0  # for which what ended is told
ENDED_LIMIT = 50
# The verdict of a snapshot that no presenter has seen.
NOT_JUDGED = Verdict(Level.UNKNOWN, "")


@dataclass(frozen=True, slots=True)
class _Known:
    """What this viewer knows of an alert: who has it, why an ack was not saved, what was written to it; that
    the silence that keeps it is gone."""

    ack: Ack | None
    unsaved: str | None
    notes: tuple[Note, ...]
    audible: bool


@dataclass(frozen=True, slots=True)
class _Laid:
    """An alert as it came, and with what this viewer knows of it."""

    bare: Alert
    known: _Known
    shown: Alert


class Presenter:
    """One thread at a time.

    ``me`` signs this user's acks; ``zone`` is the display zone (None: local) of the verdict's clocks;
    ``unacked`` leaves out of the verdict what somebody has.
    """

    def __init__(self, store: AckStore, me: str, zone: tzinfo | None, *, unacked: bool = False) -> None:
        self._store = store
        self._me = me
        self._zone = zone
        self._unacked = unacked
        self._unsaved: dict[str, str] = {}
        self._laid: dict[str, _Laid] = {}
        self._alerts: tuple[Alert, ...] = ()
        self._over: tuple[Alert, ...] = ()  # of the store, as it was at ``_over_of``
        self._over_of: object = None
        self._ended: tuple[Alert, ...] = ()

    @property
    def stale(self) -> bool:
        """Whether another process did something with an alert since the last ``present``."""
        return self._store.changed()

    def present(self, snapshot: Snapshot, now: float) -> Snapshot:
        """``snapshot`` as this viewer sees it at ``now``. Alerts that did not change, and their tuple,
        are the same objects as of the last call. Presenting twice changes nothing."""
        alerts = self._with_acks(snapshot.alerts, now)
        problem = next(iter(self._store.notes), None)
        if self._store.problem:
            problem = f"acks not stored: {self._store.problem}"
        shared = self._store.shared
        return replace(
            snapshot,
            alerts=alerts,
            ended=self._all_ended(snapshot, alerts, now),
            acks_shared=shared,
            store_problem=problem,
            verdict=self._verdict(snapshot, alerts, now),
        )

    def act(self, action: Act, now: float) -> Outcome:
        """Do it and return when it is stored, or say why not; nothing is raised."""
        from wfmon.monitor.deeds import do

        shown = {identity: laid.shown for identity, laid in self._laid.items()}
        alert_id = None if isinstance(action, AcceptNormal | AddNote) else action.alert_id
        try:
            message = do(self._store, action, now, self._zone, shown)
        except StoreError as error:
            if alert_id is not None:
                self._unsaved[alert_id] = error.reason
            return Outcome(False, str(error))
        except AckError as error:
            return Outcome(False, str(error))
        if alert_id is not None:
            self._unsaved.pop(alert_id, None)
        return Outcome(True, message)

    def _with_acks(self, bare: tuple[Alert, ...], now: float) -> tuple[Alert, ...]:
        records = self._store.records(now).values()
        acks = {record.id: record.ack for record in records if record.ack is not None}
        notes = {record.id: record.notes for record in records if record.notes}
        if not self._store.readable:
            # What the collector saw of them is better than nothing.
            acks = {alert.id: alert.ack for alert in bare if alert.ack is not None} | acks
            notes = {alert.id: alert.notes for alert in bare if alert.notes} | notes
        laid = {alert.id: self._lay(alert, acks, notes.get(alert.id, ())) for alert in bare}
        self._laid = laid
        self._alerts = _same(self._alerts, tuple(sorted((each.shown for each in laid.values()), key=rank)))
        return self._alerts

    def _lay(self, alert: Alert, acks: Mapping[str, Ack], notes: tuple[Note, ...]) -> _Laid:
        silence = alert.held.silence if alert.held is not None else None
        gone = self._store.taken_back() if silence is not None else ()
        known = _Known(acks.get(alert.id), self._unsaved.get(alert.id), notes, silence in gone)
        last = self._laid.get(alert.id)
        if last is not None and last.bare is alert and last.known == known:
            return last
        shown = with_ack(alert, known.ack, known.unsaved, taken_back=gone)
        return _Laid(alert, known, shown if shown.notes == notes else replace(shown, notes=notes))

    def _all_ended(self, snapshot: Snapshot, alerts: tuple[Alert, ...], now: float) -> tuple[Alert, ...]:
        """What ended within 12 h, of the store; and of the snapshot what the store does not hold."""
        if self._over_of is None or self._over_of != self._store.revision:
            self._over_of = self._store.revision
            self._over = self._told(now)
        others = [*snapshot.ended, *(alert for alert in alerts if alert.state is AlertState.RESOLVED)]
        known = {alert.id for alert in alerts if alert.open}
        ended = {alert.id: alert for alert in (*others, *self._over)}
        young = [
            alert
            for alert in ended.values()
            if alert.id not in known and now - (alert.ended_at or 0.0) < ENDED_SECONDS
        ]
        self._ended = _same(self._ended, tuple(sorted(young, key=_newest_end)[:ENDED_LIMIT]))
        return self._ended

    def _told(self, now: float) -> tuple[Alert, ...]:
        before = {alert.id: alert for alert in self._over}
        found = [told(each) for each in self._store.ended(now - ENDED_SECONDS, ENDED_LIMIT)]
        return tuple(old if (old := before.get(alert.id)) == alert else alert for alert in found)

    def _verdict(self, snapshot: Snapshot, alerts: tuple[Alert, ...], now: float) -> Verdict:
        if snapshot.broken is not None:
            return Verdict(Level.UNKNOWN, snapshot.broken)
        return verdict(
            Scene(
                now=now,
                zone=self._zone,
                alerts=alerts,
                unjudged=snapshot.unjudged,
                sources=snapshot.sources,
                workflows=snapshot.workflows,
                host=snapshot.host,
                rules_checked=snapshot.rules_checked,
                rules_checked_at=snapshot.rules_checked_at,
                acks_shared=self._store.shared,
                me=self._me,
                burn=_sayable_cost(snapshot),
                unacked=self._unacked,
                discovery=snapshot.discovery,
            )
        )


def _sayable_cost(snapshot: Snapshot) -> Money:
    """USD an hour, once enough has been seen of it: a call in half a second is no hour's price."""
    seen = snapshot.totals.rate_window_seconds
    return snapshot.cost.burn if seen is not None and seen >= COST_SECONDS else NO_MONEY


def _same(before: tuple[Alert, ...], after: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """``before`` if ``after`` holds the very same objects."""
    if len(before) == len(after) and all(old is new for old, new in zip(before, after, strict=True)):
        return before
    return after


def _newest_end(alert: Alert) -> tuple[float, str]:
    return (-(alert.ended_at or 0.0), alert.id)
