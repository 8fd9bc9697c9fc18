"""A Prometheus as a source of metrics: what its profiles mean, asked in few bounded queries.

A poll asks, all at one moment of the server's own clock, one query for the targets and one for each
signal that is exposed (seed: 10 in all), at most ``MAX_QUERIES`` of these: with several profiles the
most important of each (runs, active) in every poll, the others in turns. The longer windows of the run
counts and the cost of the last hour are asked every third poll, the drawn trends every sixth, and what
is exposed at all once a minute; no query is asked again before 20 times the time that it took, and those
in turns not before 9 times what all of a poll took together. Every profile that fits answers with a sample
of its own. What no poll waits for is in ``prometheus_beside``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wfmon.config import schema
from wfmon.model.metrics import MetricsSample
from wfmon.model.record import dataclass, field
from wfmon.model.source import Failure
from wfmon.model.windows import window_ladder
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.http import Credentials, credentials_from
from wfmon.sources.profile import Profile
from wfmon.sources.prometheus_api import PrometheusApi
from wfmon.sources.prometheus_figures import Answered, Figures
from wfmon.sources.prometheus_fit import Fitting, Scope
from wfmon.sources.prometheus_plan import MAX_QUERIES, ORDER, POLITE_AT_MOST, Plan, Standing
from wfmon.sources.prometheus_scope import find_scope, shortest_interval
from wfmon.sources.prometheus_trends import Trends
from wfmon.sources.prometheus_words import missing_words, nothing_known
from wfmon.sources.promql import OP_LABEL, Op, last_seen, up_of, watched_targets
from wfmon.text.numbers import duration

if TYPE_CHECKING:
    from wfmon.model.pastcounts import PastCounts
    from wfmon.sources.prometheus_alerts import AlertsBeside
    from wfmon.sources.prometheus_beside import Beside

__all__ = ["MAX_QUERIES", "PrometheusSource"]

INTERVAL = 5.0
TIMEOUT = 5.0
MAX_BYTES = 32 * 1024 * 1024
SCOPE_SECONDS = 60.0
LAST_SCRAPE_SECONDS = 900.0
# While nothing of ours is there, or nobody knows since when: in so many polls, then as often.
EAGER_POLLS, EAGER_SECONDS = 12, 15.0
# Of the time of a poll, in which queries that are not asked in every one are begun.
IN_TURNS_SHARE = 0.5
# An answer that is kept from an earlier poll is shown no longer than this share of its window.
KEPT_SHARE = 0.2
SAME_SCRAPE = 0.9  # of the time between two scrapes: targets of one round lie closer together


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
        self._plan = Plan(self._windows, self._rate)
        self._polls = 0
        self._trends = Trends(self._rate, steady)
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
            self._scope_due = self._steady() + self._until_next_look(self._scope)
            if former is None or not _asks_as(former, self._scope):
                self._plan.renew(self._scope)
            if self._scope.jobs and not self._interval_given:
                shortest = shortest_interval(self._api, self._scope.jobs)
                self._interval = max(INTERVAL, shortest / 2) if shortest is not None else INTERVAL
                self._spacing = shortest or 0.0
                self._interval_given = True
        return self._scope

    def _until_next_look(self, scope: Scope) -> float:
        """Seconds until it is looked again what is exposed; soon where that is not known yet."""
        if scope.fitting and all(each.known_since is not None for each in scope.fitting):
            return SCOPE_SECONDS
        return 0.0 if self._polls <= EAGER_POLLS else EAGER_SECONDS

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
        due = self._plan.due(self._polls, self._steady())
        start = self._steady()
        for standing in due:
            began = self._steady()
            if not standing.must and began - start > IN_TURNS_SHARE * self.timeout:
                break  # its turn comes
            try:
                rows = self._api.instant(standing.query.text, clock)
            except SourceError as error:
                if standing.must and error.failure is not Failure.BAD_DATA:
                    raise
                problems.note(error.failure, f"{_words_of(standing)}: {error.detail}")
                kept = standing.answered if error.failure is not Failure.BAD_DATA else None
                standing.settle(self._polls, began, self._steady(), kept)
                if error.failure is not Failure.BAD_DATA:
                    break  # no time left, or the server went away: what is known so far is told
            else:
                answered = Answered(standing.query, clock, rows)
                standing.settle(self._polls, began, self._steady(), answered)
        self._plan.rest(self._steady() - start, self._steady())
        if due and problems.texts and not any(each.answered for each in self._plan.standing):
            raise SourceError(problems.failure or Failure.BAD_DATA, problems.texts[0])

    def _ask_trends(self, scope: Scope, clock: float, problems: _Problems) -> None:
        if problems.texts:
            return
        try:
            self._trends.ask_due(self._api, scope, self._plan, self._polls, clock)
        except SourceError as error:
            problems.note(error.failure, f"trends: {error}")

    # --- telling

    def _reading(self, now: float, scope: Scope, targets: _Targets, problems: _Problems) -> Reading:
        # As old as the last scrape, or as the oldest figure of those that every poll should ask for.
        kept = [each.answered.at for each in self._plan.standing if each.must and each.answered]
        truth = min((*kept, targets.clock if targets.scraped is None else targets.scraped), default=0.0)
        age = max(0.0, targets.clock - truth)
        figures = [
            (self._figures(fitting, targets), self._known(fitting, targets)) for fitting in scope.fitting
        ]
        samples = [
            each.sample(now - age, self._rate, known, self._trends.of(each.fitting.profile.name))
            for each, known in figures
        ]
        told = [sample for sample in samples if sample.exposed] or samples[:1]
        if targets.down:
            everything = targets.up + targets.down
            problems.texts.insert(0, f"{targets.down} of {everything} targets down")
            problems.failure = problems.failure or Failure.NETWORK
        problems.texts.extend(self._api.warnings)
        exposed = frozenset().union(*(sample.exposed for sample in told))
        known = all(seconds > 0 for each, seconds in figures if each.exposed)
        return Reading(
            at=now - age,
            metrics=told[0] if told else MetricsSample(now - age, self._rate, 0.0, frozenset()),
            beside=tuple(told[1:]),
            profile=", ".join(sample.profile for sample in told) or None,
            sees=" ".join(concept.value for concept in ORDER if concept in exposed),
            missing=tuple(self._missing([each for each, _ in figures], samples)),
            partial="; ".join(problems.texts) or None,
            partial_failure=problems.failure,
            settled=not exposed or (known and self._plan.complete),
            formulas=self._plan.formulas,
        )

    def _figures(self, fitting: Fitting, targets: _Targets) -> Figures:
        figures = Figures(fitting, growing=self._known(fitting, targets) > 0)
        for standing in self._plan.of(fitting.profile.name):
            if standing.answered is None or not _fresh(standing.answered, targets.clock):
                continue
            if standing.hour:
                figures.add_hour(standing.answered)
            else:
                figures.add(standing.answered)
        return figures

    def _with_what_was_learned(self, reading: Reading, scope: Scope, clock: float) -> Reading:
        """From the second poll on: nobody waits for it, and a process that asks once ends before it comes."""
        if self._beside is None:
            if self._polls < 2:
                return reading
            from wfmon.sources.prometheus_beside import Beside
            from wfmon.sources.prometheus_hours import HoursWanted

            hours = HoursWanted(*self._wanted_hours) if self._wanted_hours else None
            self._beside = Beside(self.name, self._new_api(), hours, self._steady)
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

    def _known(self, fitting: Fitting, targets: _Targets) -> float:
        """Seconds for which growth is known: of one scrape alone nothing has grown, which is no zero."""
        since = fitting.known_since
        if since is None:
            return 0.0
        newest = targets.clock if targets.scraped is None else targets.scraped
        twice = newest - since > SAME_SCRAPE * self._spacing
        return max(0.0, targets.clock - since) if twice else 0.0

    def _missing(self, figures: Sequence[Figures], samples: Sequence[MetricsSample]) -> list[str]:
        if not figures:
            return [nothing_known(self._profiles)]
        words: list[str] = []
        for each, sample in zip(figures, samples, strict=True):
            asked = {
                standing.query.concept
                for standing in self._plan.of(each.fitting.profile.name)
                if standing.asked is not None
            }
            words += missing_words(each, sample, asked, alone=len(figures) == 1)
        return words


def _asks_as(former: Scope, scope: Scope) -> bool:
    """Whether the queries of ``former`` are those of ``scope``."""
    return len(former.fitting) == len(scope.fitting) and all(
        old.asks_as(new) for old, new in zip(former.fitting, scope.fitting, strict=True)
    )


def _words_of(standing: Standing) -> str:
    return f"{standing.query.concept.value} of {duration(standing.query.window or 0)}"


def _fresh(answered: Answered, clock: float) -> bool:
    """Whether an answer kept from an earlier poll may still stand for its window."""
    window = answered.query.window or 0.0
    return clock - answered.at <= max(2 * POLITE_AT_MOST, KEPT_SHARE * window)
