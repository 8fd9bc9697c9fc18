"""A Prometheus as a source of metrics: what its profiles mean, asked in few bounded queries.

A poll asks, all at one moment of the server's own clock, one query for the targets and one for each
signal that is exposed (seed: 10 in all). The longer windows of the run counts and the cost of the last
hour are asked every third poll, the drawn trends every sixth, and what is exposed at all once a minute;
no query is asked again before 20 times the time that it took. No poll asks more than ``MAX_QUERIES`` of
these (besides the one a minute); what is left waits for the next. What no poll waits for is in
``prometheus_beside``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wfmon.config import schema
from wfmon.model.metrics import Concept, Trend
from wfmon.model.record import dataclass, field
from wfmon.model.source import Failure
from wfmon.model.windows import window_ladder
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.feeds import CONCEPTS
from wfmon.sources.http import Credentials, credentials_from
from wfmon.sources.profile import Profile
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_figures import Answered, Figures
from wfmon.sources.prometheus_scope import Scope, find_scope, shortest_interval
from wfmon.sources.prometheus_trends import read_trends
from wfmon.sources.promql import (
    OP_LABEL,
    Op,
    Query,
    compile_concept,
    compile_growths,
    last_seen,
    up_of,
    watched_targets,
)
from wfmon.text.numbers import duration
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.model.pastcounts import PastCounts
    from wfmon.sources.prometheus_alerts import AlertsBeside
    from wfmon.sources.prometheus_beside import Beside

INTERVAL = 5.0
TIMEOUT = 5.0
MAX_BYTES = 32 * 1024 * 1024
MAX_QUERIES = 40
SCOPE_SECONDS = 60.0
HOUR = 3600.0
LONG_EVERY = 3  # polls
TRENDS_EVERY = 6
POLITE = 20.0
POLITE_AT_MOST = 60.0  # seconds
LAST_SCRAPE_SECONDS = 900.0
# An answer that is kept from an earlier poll is shown no longer than this share of its window.
KEPT_SHARE = 0.2
SAME_SCRAPE = 0.9  # of the time between two scrapes: targets of one round lie closer together


@dataclass(slots=True)
class _Standing:
    """A query that is asked again and again, and its newest answer. ``due`` is of the steady clock, ``first``
    the first poll that asks it. ``hour``: it is of the cost of the last hour."""

    query: Query
    every: int
    first: int = 1
    hour: bool = False
    asked: int | None = None
    due: float = 0.0
    answered: Answered | None = None

    def is_due(self, poll: int, steady: float) -> bool:
        if self.asked is None:
            return poll >= self.first
        return poll - self.asked >= self.every and steady >= self.due


@dataclass(frozen=True, slots=True)
class _Targets:
    """Targets of the jobs that expose our metrics. ``scraped``: the newest good scrape, server's clock."""

    clock: float
    up: int
    down: int
    scraped: float | None


@dataclass(slots=True)
class _Problems:
    """Parts of a poll that failed while the rest answered."""

    texts: list[str] = field(default_factory=list)
    failure: Failure | None = None

    def note(self, failure: Failure, text: str) -> None:
        self.failure = self.failure or failure
        self.texts.append(text)


class PrometheusSource:
    """``timeout`` is in seconds for a whole poll, ``max_bytes`` bounds each answer.

    ``interval`` None: the larger of 5 s and half the scrape interval that the server names, which is
    known after the first poll. ``profiles`` are those that may be used; which of them are is decided
    by the names that the server has. ``steady`` is a monotonic clock.
    """

    kind = "prometheus"

    def __init__(
        self,
        name: str,
        url: str,
        *,
        windows: schema.Windows,
        profiles: Sequence[Profile],
        interval: float | None = None,
        timeout: float = TIMEOUT,
        max_bytes: int = MAX_BYTES,
        credentials: Callable[[], Credentials | None] | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.timeout = timeout
        self._interval = interval if interval is not None else INTERVAL
        self._interval_given = interval is not None
        self._profiles = tuple(profiles)
        self._rate = float(windows.rate)
        self._windows = window_ladder(float(windows.runs), float(windows.max))
        self._max_bytes = max_bytes
        self._new_api = partial(PrometheusApi, url, max_bytes=max_bytes, credentials=credentials)
        self._api = self._new_api()
        self._steady = steady
        self._scope: Scope | None = None
        self._scope_due = 0.0
        self._standing: list[_Standing] = []
        self._polls = 0
        self._trends: tuple[Trend, ...] = ()
        self._trends_due = (0, 0.0)  # poll, steady clock
        self._scraped: float | None = None
        self._wanted_hours: tuple[frozenset[float], float] | None = None
        self._beside: Beside | None = None
        self._alerts: AlertsBeside | None = None
        self._past_api: PrometheusApi | None = None
        self._spacing = 0.0  # seconds between two scrapes of a target, where the server tells

    @classmethod
    def from_config(
        cls, source: schema.Source, windows: schema.Windows, profiles: Sequence[Profile]
    ) -> PrometheusSource:
        """``source.profiles`` narrows ``profiles`` where it names any."""
        return cls(
            source.name or "prometheus",
            source.url,
            windows=windows,
            profiles=[p for p in profiles if not source.profiles or p.name in source.profiles],
            interval=source.interval,
            timeout=source.timeout if source.timeout is not None else TIMEOUT,
            max_bytes=source.max_bytes if source.max_bytes is not None else MAX_BYTES,
            credentials=credentials_from(source.auth),
        )

    @property
    def where(self) -> str:
        return self._api.where

    @property
    def interval(self) -> float:
        return self._interval

    def backfill(self, known: frozenset[float], seconds: float) -> None:
        self._wanted_hours = (known, seconds)

    def poll(self, now: float) -> Reading:
        """Raises ``SourceError`` where nothing is known; a part that failed makes the reading partial.

        ``at`` of the reading is the newest good scrape of the targets, told by our clock: what the
        server has not scraped since then nobody knows, however quickly it answers.
        """
        if self._alerts is not None:
            self._alerts.begin(self._scope or Scope())
        with self._api.within(self.timeout):
            self._polls += 1
            scope = self._current_scope()
            targets = self._ask_targets(scope)
            problems = _Problems()
            self._ask_due(targets.clock, problems)
            self._ask_trends(scope, targets.clock, problems)
            reading = self._reading(now, scope, targets, problems)
        reading = self._with_what_was_learned(reading, scope, targets.clock)
        return self._with_alerts(reading, scope, targets.clock, now)

    def past_runs(self, wanted: Collection[str], begin: float, end: float, seconds: float) -> PastCounts:
        """Over a connection of its own; no poll waits for it. Raises ``SourceError``."""
        from wfmon.sources.prometheus_replay import STEP, read_past

        api = self._past_api = self._new_api()
        try:
            with api.within(seconds):
                step = max(STEP, 2 * self._spacing)
                return read_past(api, self._scope or Scope(), wanted, begin, end, step)
        finally:
            api.close()

    def close(self) -> None:
        """Ends a poll that is under way; never blocks."""
        self._api.close()
        if self._past_api is not None:
            self._past_api.close()
        for beside in (self._beside, self._alerts):
            if beside is not None:
                beside.close()

    # --- asking

    def _current_scope(self) -> Scope:
        if self._scope is None or self._steady() >= self._scope_due:
            former = self._scope
            self._scope = find_scope(self._api, self._profiles, self._windows, former or Scope())
            self._scope_due = self._steady() + SCOPE_SECONDS if self._scope.known_since is not None else 0.0
            if former is None or (former.profiles, former.names) != (self._scope.profiles, self._scope.names):
                self._standing = list(self._compiled(self._scope))
            if self._scope.jobs and not self._interval_given:
                shortest = shortest_interval(self._api, self._scope.jobs)
                self._interval = max(INTERVAL, shortest / 2) if shortest is not None else INTERVAL
                self._spacing = shortest or 0.0
                self._interval_given = True
        return self._scope

    def _compiled(self, scope: Scope) -> list[_Standing]:
        """Short windows first: they are asked while there is time."""
        standing: list[_Standing] = []
        for concept in CONCEPTS:
            owner = scope.owner(concept)
            if owner is None:
                continue
            if concept is Concept.RUNS:
                queries = compile_growths(owner, concept, scope.names, self._windows[0])
            else:
                queries = compile_concept(owner, concept, scope.names, self._rate)
            standing += [_Standing(query, every=1) for query in queries]
            if concept is Concept.RUNS:
                for window in self._windows[1:]:
                    longer = compile_growths(owner, concept, scope.names, window)
                    standing += [_Standing(query, LONG_EVERY) for query in longer]
            elif concept is Concept.COST:
                # Not in the first poll, for which somebody waits.
                hours = compile_growths(owner, concept, scope.names, HOUR)
                standing += [_Standing(query, LONG_EVERY, first=2, hour=True) for query in hours]
        return standing

    def _ask_targets(self, scope: Scope) -> _Targets:
        rows = self._api.instant(watched_targets(scope.jobs))
        clocks = [row.value for row in rows if row.labels.get(OP_LABEL) == Op.NOW]
        if not clocks:
            raise SourceError(Failure.BAD_DATA, f"{self.where} does not tell its time")
        scrapes = [row.value for row in rows if OP_LABEL not in row.labels]
        good = [at for at in scrapes if at > 0]
        if good:
            self._scraped = max(good)
        elif scrapes and self._scraped is None:
            seen = self._api.instant(last_seen(up_of(scope.jobs), LAST_SCRAPE_SECONDS), clocks[0])
            self._scraped = max((row.value for row in seen), default=None)
        return _Targets(clocks[0], len(good), len(scrapes) - len(good), self._scraped)

    def _ask_due(self, clock: float, problems: _Problems) -> None:
        due = [each for each in self._standing if each.is_due(self._polls, self._steady())]
        due.sort(key=lambda each: (each.every, each.asked or 0))
        for standing in due[:MAX_QUERIES]:
            began = self._steady()
            try:
                rows = self._api.instant(standing.query.text, clock)
            except SourceError as error:
                if standing.every == 1 and error.failure is not Failure.BAD_DATA:
                    raise
                what = f"{standing.query.concept.value} of {duration(standing.query.window or 0)}"
                problems.note(error.failure, f"{what}: {error.detail}")
                self._settle(
                    standing, began, standing.answered if error.failure is not Failure.BAD_DATA else None
                )
                if error.failure is not Failure.BAD_DATA:
                    break  # no time left, or the server went away: what is known so far is told
            else:
                self._settle(standing, began, Answered(standing.query, clock, rows))
        if due and problems.texts and not any(each.answered for each in self._standing):
            raise SourceError(problems.failure or Failure.BAD_DATA, problems.texts[0])

    def _settle(self, standing: _Standing, began: float, answered: Answered | None) -> None:
        now = self._steady()
        standing.answered = answered
        standing.asked, standing.due = self._polls, now + min(POLITE * (now - began), POLITE_AT_MOST)

    def _ask_trends(self, scope: Scope, clock: float, problems: _Problems) -> None:
        poll, steady = self._trends_due
        if self._polls < poll or self._steady() < steady or problems.texts or not scope.profiles:
            return
        began = self._steady()
        workflows = {
            row.labels.get("workflow")
            for each in self._standing
            if each.answered and each.query.concept is Concept.RUNS
            for row in each.answered.rows
        }
        try:
            self._trends = read_trends(self._api, scope, self._rate, clock, len(workflows))
        except SourceError as error:
            problems.note(error.failure, f"trends: {error}")
        took = self._steady() - began
        self._trends_due = (self._polls + TRENDS_EVERY, self._steady() + POLITE * took)

    # --- telling

    def _reading(self, now: float, scope: Scope, targets: _Targets, problems: _Problems) -> Reading:
        known = self._known(scope, targets)
        # As old as the last scrape, or as the oldest figure that was not asked again in every poll.
        kept = [each.answered.at for each in self._standing if each.every == 1 and each.answered is not None]
        truth = min((*kept, targets.clock if targets.scraped is None else targets.scraped), default=0.0)
        age = max(0.0, targets.clock - truth)
        figures = Figures(scope.tables, growing=known > 0)
        for standing in self._standing:
            if standing.answered is None or not _fresh(standing.answered, targets.clock):
                continue
            if standing.hour:
                figures.add_hour_cost(standing.answered)
            else:
                figures.add(standing.answered)
        if targets.down:
            everything = targets.up + targets.down
            problems.texts.insert(0, f"{targets.down} of {everything} targets down")
            problems.failure = problems.failure or Failure.NETWORK
        problems.texts.extend(self._api.warnings)
        owners = [owner.name for concept in CONCEPTS if (owner := scope.owner(concept)) is not None]
        return Reading(
            at=now - age,
            metrics=figures.sample(now - age, self._rate, known, self._trends),
            profile=", ".join(dict.fromkeys(owners)) or None,
            sees=" ".join(concept.value for concept in CONCEPTS if concept in figures.exposed),
            missing=tuple(self._missing(scope, figures)),
            partial="; ".join(problems.texts) or None,
            partial_failure=problems.failure,
            settled=known > 0 or not figures.exposed,
        )

    def _with_what_was_learned(self, reading: Reading, scope: Scope, clock: float) -> Reading:
        """From the second poll on: nobody waits for it, and a process that asks once ends before it comes."""
        if self._beside is None:
            if self._polls < 2:
                return reading
            from wfmon.sources.prometheus_beside import Beside

            self._beside = Beside(self.name, self._new_api(), self._wanted_hours, self._steady)
        return self._beside.enriched(reading, scope, clock)

    def _with_alerts(self, reading: Reading, scope: Scope, clock: float, now: float) -> Reading:
        """The first poll does not wait for them; until they are there the reading is not settled."""
        first = self._alerts is None
        if self._alerts is None:
            from wfmon.sources.prometheus_alerts import MAX_BYTES as ALERT_BYTES
            from wfmon.sources.prometheus_alerts import AlertsBeside

            api = self._new_api(max_bytes=min(self._max_bytes, ALERT_BYTES))
            self._alerts = AlertsBeside(self.name, api, lambda: min(INTERVAL, self.interval), self._steady)
            self._alerts.begin(scope)
        return self._alerts.enriched(reading, now, clock, wait=not first)

    def _known(self, scope: Scope, targets: _Targets) -> float:
        """Seconds for which growth is known: of one scrape alone nothing has grown, which is no zero."""
        if scope.known_since is None:
            return 0.0
        newest = targets.clock if targets.scraped is None else targets.scraped
        twice = newest - scope.known_since > SAME_SCRAPE * self._spacing
        return max(0.0, targets.clock - scope.known_since) if twice else 0.0

    def _missing(self, scope: Scope, figures: Figures) -> list[str]:
        """In the words of the scraper: what no series says, and which labels nobody exposes."""
        if not scope.profiles:
            detects = [
                e if isinstance(e, str) else " with ".join(e) for p in self._profiles for e in p.detect
            ]
            looked_for = safe(", ".join(detects), limit=200) or "nothing, no profile is enabled"
            return [f"no known metric: looked for {looked_for}"]
        words: list[str] = []
        for concept in CONCEPTS:
            owner = scope.owner(concept)
            asking = [profile.name for profile in scope.profiles if profile.signals_of(concept)]
            if owner is None:
                words += [f"{concept.value}: not exposed by {name}" for name in asking]
            elif concept not in figures.exposed:
                words.append(f"{concept.value}: no series now")
        for concept, kept in figures.labels_kept.items():
            seen = figures.labels_seen[concept]
            words += [
                f"{concept.value} by {'direction' if dim == 'kind' else dim}: label not exposed"
                for dim in ("workflow", "status", "model", "kind")
                if concept in figures.exposed
                and dim in kept
                and dim not in seen
                and (dim != "status" or concept is Concept.RUNS)
            ]
        return words


def _fresh(answered: Answered, clock: float) -> bool:
    """Whether an answer kept from an earlier poll may still stand for its window."""
    window = answered.query.window or 0.0
    return clock - answered.at <= max(2 * POLITE_AT_MOST, KEPT_SHARE * window)
