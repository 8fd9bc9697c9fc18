"""Random days of observing, taking, undoing and clock steps, held against a simple model of the rules."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.storehelp import FIRING, NOW, private
from wfmon.model.alert import Severity
from wfmon.store.acks import AckStore
from wfmon.store.errors import AckError, Gone, Held

LEASE, MOST, GAP, HOLE, UNSEEN = 3600.0, 8 * 3600.0, 600.0, 60.0, 86_400.0


@dataclass(frozen=True)
class Seen:
    severity: Severity
    value: float | None
    members: frozenset[str]


@dataclass
class Held_:
    by: str
    until: float | None
    at: Seen


@dataclass
class Oracle:
    """One alert. ``last``: what was seen last and when; ``ended``: when it ended, while it may come back."""

    held: Held_ | None = None
    last: Seen | None = None
    last_at: float = 0.0
    ended: float | None = None
    trail: list[str] = field(default_factory=list)

    @property
    def open(self) -> bool:
        return self.last is not None and self.ended is None

    def in_force(self, now: float) -> Held_ | None:
        held = self.held
        return held if held is not None and (held.until is None or held.until > now) else None

    def tidy(self, now: float) -> None:
        """What nobody has seen for a day is over since it was last seen, and nobody has it."""
        if self.open and now - self.last_at > UNSEEN:
            self.ended, self.held = self.last_at, None

    def lapse(self, now: float) -> None:
        if self.open and self.held is not None and self.in_force(now) is None:
            self.held = None
            self.trail.append("expired")

    def observe(self, seen: Seen, now: float) -> None:
        self.lapse(now)
        if self.ended is not None and now - self.ended >= GAP:
            self.held, self.last = None, None
        self.ended = None
        held = self.in_force(now)
        if held is not None and self.worse(held.at, seen, now):
            self.held = None
            self.trail.append("woke")
        self.last, self.last_at = seen, now

    def worse(self, then: Seen, seen: Seen, now: float) -> bool:
        if seen.severity > then.severity or seen.members - then.members:
            return True
        if then.value is None or seen.value is None:
            return False
        last = self.last.value if self.last is not None else None
        hole = now - self.last_at > HOLE
        grew = seen.value > 1.05 * then.value and (last is None or seen.value > 1.05 * last)
        return seen.value >= 2 * then.value or (hole and grew)

    def end(self, now: float) -> None:
        self.lapse(now)
        if self.open and self.last_at <= now:
            self.ended = now
            if self.in_force(now) is not None:
                self.trail.append("resolved")

    def take(self, by: str, now: float, seconds: float | None, snooze: bool) -> bool:
        held = self.in_force(now)
        if not self.open or (held is not None and held.by != by):
            return False
        self.lapse(now)
        until = None if seconds is None else now + min(seconds, MOST)
        assert self.last is not None
        self.held = Held_(by, until, self.last)
        self.trail.append("snooze" if snooze else "take")
        return True

    def undo(self, by: str, now: float) -> bool:
        held = self.in_force(now)
        if not self.open or held is None or held.by != by:
            return False
        self.held = None
        self.trail.append("undo")
        return True


seen = st.builds(
    Seen,
    st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
    st.sampled_from([None, 1.0, 1.5, 1.9, 2.0, 3.1, 4.5]),
    st.frozensets(st.sampled_from("abc"), max_size=3),
)
people = st.sampled_from(["joe", "ann"])
steps = st.one_of(
    st.tuples(st.just("observe"), seen),
    st.tuples(st.just("observe"), seen),
    st.tuples(st.just("end")),
    st.tuples(st.just("ack"), people, st.sampled_from([None, 30.0, 7200.0, 1e6])),
    st.tuples(st.just("snooze"), people, st.sampled_from([None, 900.0, 1e6])),
    st.tuples(st.just("undo"), people),
    st.tuples(
        st.just("wait"), st.sampled_from([1.0, 5.0, 25.0, 70.0, 650.0, 3600.0, 40_000.0, -30.0, -2000.0])
    ),
)


@given(st.lists(steps, min_size=3, max_size=40))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_who_has_it_is_what_the_rules_say(days: list[tuple[object, ...]]) -> None:
    """Two processes: one observes, in the other people act; both see the same."""
    with tempfile.TemporaryDirectory() as folder:
        collector, person = AckStore(private(Path(folder))), AckStore(private(Path(folder)))
        try:
            _live(days, collector, person)
        finally:
            collector.close()
            person.close()


def _live(days: list[tuple[object, ...]], collector: AckStore, person: AckStore) -> None:
    oracle, now = Oracle(), NOW
    for what, *details in days:
        now += 0.5
        oracle.tidy(now)
        match what, *details:
            case "observe", Seen() as each:
                sighting = replace(
                    FIRING,
                    id=f"{int(now * 2):012x}",
                    since=now,
                    severity=each.severity,
                    value=each.value,
                    members=tuple(sorted(each.members)),
                )
                collector.observe([sighting], now)
                # What is told every 20 s or when it moves is what the store knows.
                known = collector.records(now)[FIRING.key]
                oracle.observe(each, now)
                oracle.last = Seen(known.severity, known.value, frozenset(known.members))
                oracle.last_at = known.last_seen_at
            case ("end",):
                collector.observe([], now, {FIRING.key: now})
                oracle.end(now)
            case "ack", str() as by, seconds:
                assert _done(person, "ack", by, now, seconds) is oracle.take(
                    by, now, LEASE if seconds is None else float(str(seconds)), False
                )
            case "snooze", str() as by, seconds:
                length = None if seconds is None else float(str(seconds))
                assert _done(person, "snooze", by, now, length) is oracle.take(by, now, length, True)
            case "undo", str() as by:
                assert _done(person, "undo", by, now) is oracle.undo(by, now)
            case "wait", float() as seconds:
                now += seconds
        oracle.tidy(now)
        held = oracle.in_force(now) if oracle.open else None
        expected = [] if held is None else [(held.by, held.until)]
        for store in (collector, person):
            assert [(each.ack.by, each.ack.until) for each in store.acks(now)] == expected
    words = {"extend": "take", "ack": "take", "unack": "undo", "unsnooze": "undo"}
    assert [words.get(entry.what, entry.what) for entry in person.audit()] == oracle.trail


def _done(store: AckStore, what: str, by: str, now: float, seconds: object = None) -> bool:
    length = None if seconds is None else float(str(seconds))
    try:
        if what == "undo":
            store.unack(_id(store, now), by, now)
        elif what == "ack":
            store.ack(_id(store, now), by, now, seconds=length)
        else:
            store.snooze(_id(store, now), by, now, length)
    except (Gone, Held):
        return False
    return True


def _id(store: AckStore, now: float) -> str:
    record = store.records(now).get(FIRING.key)
    if record is None:
        raise Gone("nothing is open")
    return record.id


def test_the_oracle_would_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that never wakes anybody differs from it."""
    monkeypatch.setattr("wfmon.store.observing.why_woken", lambda *_: None)
    monkeypatch.setattr("wfmon.store.acks.why_woken", lambda *_: None)
    calm, worse = (Seen(Severity.WARNING, value, frozenset()) for value in (1.0, 4.5))
    days: list[tuple[object, ...]] = [("observe", calm), ("ack", "joe", None), ("observe", worse)]
    collector, person = AckStore(private(tmp_path)), AckStore(private(tmp_path))
    with pytest.raises((AssertionError, AckError)):
        _live(days, collector, person)
