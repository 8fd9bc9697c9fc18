"""Rules over a picture, and episodes: what is wrong and since when."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from wfmon.analysis.episode import OWN
from wfmon.analysis.episodes import EpisodeMemory, advance, begin, ended, sightings
from wfmon.analysis.rules import evaluation
from wfmon.analysis.shown import alerts, rank
from wfmon.model.alert import Alert, Finding, Labels
from wfmon.model.episode import EpisodeKey, EpisodeRecord, Unjudged
from wfmon.model.record import dataclass
from wfmon.monitor.picture import Picture, silent_sources
from wfmon.monitor.rulebook import Known, Rule, known, rulebook
from wfmon.monitor.settings import RuleSettings
from wfmon.store.acks import AckStore
from wfmon.text.redact import redact
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.monitor.lookback import Found

SHARE = 0.005  # of one core that evaluating rules may take
# With more workflows than this rules are evaluated a third as often.
CROWD = 200
CROWD_FACTOR = 3.0
LONGEST_PAUSE = 30.0  # seconds between two evaluations, whatever they cost and the clock does
WHY_CHARS = 160  # of an exception's text that are told


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules say of a picture. Nobody has these alerts yet: see ``Presenter``. ``failures``: of
    rules that could not be evaluated, by name, why. ``ended``: what was found of the time in which nobody
    looked, and cannot be stored."""

    alerts: tuple[Alert, ...]
    unjudged: tuple[Unjudged, ...]
    rules_checked: int
    checked_at: float | None
    failures: Mapping[str, str]
    ended: tuple[Alert, ...] = ()


class Judge:
    """Evaluates the rules when it is time, and tells ``store`` what fires and what ended.

    A rule that raises says nothing, so its alerts stay open without data; that it failed is a finding of
    rule ``evaluation`` and an ``Unjudged``. ``book``: the rules; None: those of the rulebook.
    """

    def __init__(self, rules: RuleSettings, store: AckStore, book: Sequence[Rule] | None = None) -> None:
        self._rules = rules
        self._store = store
        self._book = rulebook() if book is None else tuple(book)
        self._memory: EpisodeMemory | None = None
        self._records: Mapping[EpisodeKey, EpisodeRecord] = {}
        self._shown: tuple[Alert, ...] = ()
        self._failures: Mapping[str, str] = {}
        self._unjudged: tuple[Unjudged, ...] = ()
        self._checked = 0
        self._checked_at: float | None = None
        self.before: Mapping[EpisodeKey, EpisodeRecord] = {}  # what the store knew when this began to look
        self._looked_at = 0.0
        self._ended: tuple[Alert, ...] = ()
        self.rules_cpu = 0.0  # seconds that the rules took of the last ``judge``
        self._due = 0.0
        self._answered = 0

    def judge(self, picture: Picture, now: float, *, anew: bool = False) -> Judged:
        """``anew``: do not wait for the time to evaluate, the picture has just become complete.
        Alerts that did not change are the same objects."""
        answered = sum(source.as_of is not None for source in picture.sources)
        self.rules_cpu = 0.0
        if anew or self._is_due(now) or answered != self._answered or self._memory is None:
            self._answered = answered
            cpu = time.thread_time()
            self._evaluate(picture, now)
            self.rules_cpu = time.thread_time() - cpu
            self._due = now + self._pause(len(picture.workflows))
        assert self._memory is not None
        shown = alerts(self._memory, self._records, now, self._rules.episodes)
        if self._memory.stored:
            from wfmon.monitor.unheard import unheard

            of_before = unheard(self._memory, self._records, picture, self._rules, now)
            shown = tuple(sorted((*shown, *of_before), key=rank)) if of_before else shown
        if any(alert.source != OWN for alert in shown):
            from wfmon.analysis.replaced import unreplaced

            shown = unreplaced(shown, self._rules.replaced_by, _here())
        self._shown = _kept(self._shown, shown)
        return Judged(
            self._shown, self._unjudged, self._checked, self._checked_at, self._failures, self._ended
        )

    @property
    def holding(self) -> tuple[EpisodeKey, ...]:
        """What holds now and may have held before this began to look."""
        episodes = {} if self._memory is None else self._memory.episodes
        return tuple(key for key, each in episodes.items() if any(level.at_least for level in each.levels))

    def look_back(self, found: Found, now: float) -> None:
        """Take over what is found of the time before this began to look; the next ``judge`` evaluates."""
        from wfmon.analysis.rejoin import held_longer, rejoined

        assert self._memory is not None
        past = rejoined(self._memory, found.replayed, self._rules.episodes, now)
        self._memory = held_longer(past.memory, found.kept)
        if past.told and not self._store.amend(past.told, self._looked_at, now):
            from wfmon.analysis.shown import found_ended

            self._ended = tuple(found_ended(each) for each in past.told if each.ended_at is not None)
        self._records = self._own(self._store.records(now))
        self._due = 0.0

    def _is_due(self, now: float) -> bool:
        """Also when the clock was set back behind any pause."""
        return now >= self._due or now < self._due - LONGEST_PAUSE

    def _pause(self, workflows: int) -> float:
        every = self._rules.every * (CROWD_FACTOR if workflows > CROWD else 1.0)
        return max(every, min(LONGEST_PAUSE, self.rules_cpu / SHARE))

    def _evaluate(self, picture: Picture, now: float) -> None:
        if self._memory is None:
            self.before, self._looked_at = self._store.records(now), now
            self._memory = begin(self.before.values(), now)
        findings, failures = self._said(known(picture, self._memory, self._rules, now))
        checks = evaluation.evaluate(
            failures,
            picture.foreign,
            silent_sources(picture),
            self._labels_of(evaluation.RULE),
            self._rules.evaluation,
            now,
        )
        failed = {name: text for name, text in failures.items() if text is not None}
        self._memory = advance(self._memory, [*findings, *checks], now, self._rules.episodes, failed)
        self._records = self._own(self._store.observe(sightings(self._memory), now, ended(self._memory)))
        unjudged = (
            *(Unjudged((name, ()), None, f"rule {name} fails: {text}") for name, text in failed.items()),
            *self._memory.unjudged,
        )
        self._unjudged = self._unjudged if unjudged == self._unjudged else unjudged
        self._failures = failed
        self._checked = self._memory.checked - len(checks)
        self._checked_at = now

    def _said(self, view: Known) -> tuple[list[Finding], dict[str, str | None]]:
        """What the rules find, and of each by name why it failed (None: it did not)."""
        findings: list[Finding] = []
        failures: dict[str, str | None] = {}
        for rule in self._book:
            try:
                findings += rule.evaluate(view)
            except Exception as error:  # noqa: BLE001 - a rule that fails is an alert, not the end of the others
                failures[rule.name] = why(error)
            else:
                failures[rule.name] = None
        return findings, failures

    def _own(self, records: Mapping[EpisodeKey, EpisodeRecord]) -> Mapping[EpisodeKey, EpisodeRecord]:
        """Without those that were over when the store could not be told of it."""
        if not self._ended:
            return records
        over = {alert.id for alert in self._ended}
        return {key: record for key, record in records.items() if record.id not in over}

    def _labels_of(self, rule: str) -> list[Labels]:
        assert self._memory is not None
        return [labels for name, labels in (*self._memory.episodes, *self._memory.stored) if name == rule]


def why(error: Exception) -> str:
    """``ValueError: ...``, fit to be shown and sent."""
    return safe(redact(f"{type(error).__name__}: {error}"), limit=WHY_CHARS)


@cache
def _here() -> frozenset[str]:
    """Names by which others may know this host."""
    name = platform.node().casefold()
    return frozenset((name, name.partition(".")[0], "localhost", "127.0.0.1", "[::1]"))


def _kept(before: tuple[Alert, ...], after: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """``after``, with the objects of ``before`` where they are equal."""
    if before == after:
        return before
    known = {alert.id: alert for alert in before}
    return tuple(old if (old := known.get(alert.id)) == alert else alert for alert in after)
