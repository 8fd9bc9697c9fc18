"""When a source is asked again, and how it stands, from its last answers."""

from __future__ import annotations

import random

from wfmon.model.record import dataclass
from wfmon.model.source import Failure, SourceState, SourceStatus
from wfmon.monitor.worker import Answer
from wfmon.sources.base import Reading, Source

SOON = 0.5  # seconds to the next question while an answer is not yet whole (a rate needs two samples) ...
SOON_ANSWERS = 10  # ... for at most so many answers
LATE_GRACE = 1.0  # seconds beyond its own timeout before a silent poll is called slow


@dataclass(frozen=True, slots=True)
class Pace:
    """Settings of the section ``[monitor]``; seconds, and a factor."""

    stale_after: float
    backoff_max: float
    stretch: float


class Track:
    """One source: its schedule and its last good reading."""

    def __init__(self, source: Source, pace: Pace, rng: random.Random) -> None:
        self.source = source
        self.reading: Reading | None = None
        self.answers = 0
        self._pace = pace
        self._rng = rng
        self._due = 0.0
        self._asked_at: float | None = None
        self._refresh = False
        self._failures = 0
        self._failure: Failure | None = None
        self._detail = ""
        self._failing_since: float | None = None
        self._partial_since: float | None = None
        self._took: float | None = None
        self._interval = float(source.interval)
        self._cost = 0.0

    @property
    def busy(self) -> bool:
        return self._asked_at is not None

    @property
    def due_at(self) -> float | None:
        """POSIX seconds of the next question; None while one is under way."""
        return None if self.busy else self._due

    def asked(self, now: float) -> None:
        self._asked_at = now
        self._refresh = False

    def refresh(self) -> None:
        """A person wants it now: at once, or right after the poll that is under way."""
        self._due = 0.0
        self._refresh = True

    def answered(self, answer: Answer, now: float) -> None:
        self._asked_at = None
        self.answers += 1
        self._took = answer.took
        # The first answer also pays for what is loaded with it.
        self._cost = answer.cpu if self.answers > 1 else 0.0
        self._interval = max(float(self.source.interval), self._pace.stretch * self._cost)
        if answer.reading is not None:
            self.reading = answer.reading
            self._failures = 0
            self._failure = self._failing_since = None
            self._partial_since = (self._partial_since or now) if answer.reading.partial else None
            soon = not answer.reading.settled and self.answers <= SOON_ANSWERS
            wait = min(SOON, self.source.interval) if soon else self._interval
        else:
            self._failures += 1
            self._failure, self._detail = answer.failure, answer.detail
            self._failing_since = self._failing_since or answer.asked_at
            longest = max(self._interval, self._pace.backoff_max)
            wait = min(longest, self._interval * 2.0 ** min(self._failures - 1, 10))
            wait *= self._rng.uniform(0.8, 1.0)
        start = answer.asked_at if self._failure is None else now
        self._due = now if self._refresh else max(now, start + wait)

    def charge(self, cpu: float) -> None:
        """Seconds of CPU that its last answer cost beyond the asking: it is asked the more seldom."""
        if self.answers < 2 or self.busy or self._failure is not None:
            return
        before = self._interval
        self._cost += cpu
        self._interval = max(before, self._pace.stretch * self._cost)
        if not self._refresh and self._due:
            self._due += self._interval - before

    @property
    def settled(self) -> bool:
        """Whether waiting longer would tell more (or it failed, which is an answer too)."""
        if self._failure is not None:
            return True
        return self.reading is not None and self.reading.settled

    def fresh(self, now: float) -> bool:
        return self._state(now) is SourceState.OK

    def _late(self, now: float) -> bool:
        return self._asked_at is not None and now - self._asked_at > self.source.timeout + LATE_GRACE

    def _state(self, now: float) -> SourceState:
        if self._failure is not None or self._late(now):
            return SourceState.DOWN
        if self.reading is None:
            return SourceState.WAITING
        if now - self.reading.at > max(self._pace.stale_after, 3 * self._interval) or self.reading.partial:
            return SourceState.STALE
        return SourceState.OK

    def status(self, now: float) -> SourceStatus:
        reading = self.reading
        failure, detail, since = self._failure, self._detail, self._failing_since
        if failure is None and self._late(now):
            failure, detail, since = Failure.TIMEOUT, "no answer yet", self._asked_at
        elif failure is None and reading is not None and reading.partial:
            failure, detail, since = reading.partial_failure, reading.partial, self._partial_since
        return SourceStatus(
            name=self.source.name,
            kind=self.source.kind,
            state=self._state(now),
            profile=reading.profile if reading else None,
            as_of=reading.at if reading else None,
            latency_seconds=self._took,
            interval_seconds=self._interval,
            failure=failure,
            error=(detail or None) if failure else None,
            failing_since=since,
            sees=reading.sees if reading else "",
            missing=reading.missing if reading else (),
            where=self.source.where,
            about=reading.about if reading else (),
            formulas=reading.formulas if reading else (),
        )
