"""Rules over a picture, and episodes: what is wrong and since when."""

from __future__ import annotations

import time
from collections.abc import Mapping

from wfmon.analysis.episodes import EpisodeMemory, advance, begin, cleared, ended, sightings
from wfmon.analysis.onset import backdated
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.shown import alerts
from wfmon.model.alert import Alert, Finding
from wfmon.model.episode import EpisodeKey, EpisodeRecord, Unjudged
from wfmon.model.record import dataclass
from wfmon.monitor.picture import Picture
from wfmon.monitor.rulebook import RULES, known
from wfmon.monitor.rulebook import unseen as unseen_workflows
from wfmon.monitor.settings import RuleSettings
from wfmon.store.acks import AckStore

SHARE = 0.005  # of one core that evaluating rules may take


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules say of a picture. Nobody has these alerts yet: see ``Presenter``."""

    alerts: tuple[Alert, ...]
    unjudged: tuple[Unjudged, ...]
    rules_checked: int
    checked_at: float | None


class Judge:
    """Evaluates the rules when it is time, and tells ``store`` what fires and what ended."""

    def __init__(self, rules: RuleSettings, store: AckStore) -> None:
        self._rules = rules
        self._store = store
        self._memory: EpisodeMemory | None = None
        self._records: Mapping[EpisodeKey, EpisodeRecord] = {}
        self._shown: tuple[Alert, ...] = ()
        self._checked = 0
        self._checked_at: float | None = None
        self.rules_cpu = 0.0  # seconds that the rules took of the last ``judge``
        self._due = 0.0
        self._answered = 0
        self._dated: set[tuple[object, ...]] = set()  # open episodes whose begin was looked for since
        self._failures: tuple[object, frozenset[str], tuple[Finding, ...]] | None = None

    def judge(self, picture: Picture, now: float, *, anew: bool = False) -> Judged:
        """``anew``: do not wait for the time to evaluate, the picture has just become complete.
        Alerts that did not change are the same objects."""
        answered = sum(source.as_of is not None for source in picture.sources)
        self.rules_cpu = 0.0
        if anew or now >= self._due or answered != self._answered or self._memory is None:
            self._answered = answered
            cpu = time.thread_time()
            self._evaluate(picture, now)
            self.rules_cpu = time.thread_time() - cpu
            self._due = now + max(self._rules.every, self.rules_cpu / SHARE)
        assert self._memory is not None
        shown = alerts(self._memory, self._records, now, self._rules.episodes)
        self._shown = _kept(self._shown, shown)
        return Judged(self._shown, self._memory.unjudged, self._checked, self._checked_at)

    def _evaluate(self, picture: Picture, now: float) -> None:
        if self._memory is None:
            self._memory = begin(self._store.records(now).values(), now)
        findings = self._findings(picture, now)
        self._memory = advance(self._memory, findings, now, self._rules.episodes)
        self._records = self._store.observe(sightings(self._memory), now, ended(self._memory))
        self._checked = len({(finding.rule, finding.labels) for finding in findings})
        self._checked_at = now

    def _findings(self, picture: Picture, now: float) -> tuple[Finding, ...]:
        assert self._memory is not None
        view = known(picture, self._memory, self._rules, now)
        others = (finding for rule in RULES for finding in rule.evaluate(view))
        return (*self._failure_rates(picture, now), *others)

    def _failure_rates(self, picture: Picture, now: float) -> tuple[Finding, ...]:
        """The last findings while there is nothing new to find: of 1,000 workflows they take 30 ms."""
        assert self._memory is not None
        unseen = unseen_workflows(picture)
        ends = cleared(self._memory, failure_rate.RULE)
        last = self._failures
        if last is not None and last[0] is picture.workflows and not ends and last[1] == unseen:
            return last[2]
        found = failure_rate.evaluate(
            picture.workflows, self._rules.failure_rate, now, cleared=ends, unseen=unseen
        )
        found = tuple(
            self._since_it_began(finding, picture, ends.get(finding.workflow or "")) for finding in found
        )
        self._failures = None if ends else (picture.workflows, unseen, found)
        return found

    def _since_it_began(self, finding: Finding, picture: Picture, cleared: float | None) -> Finding:
        """What is new to us may be old: its log tells since when, also where it answers only after a
        source that has no past. ``cleared``: when it last ended."""
        past = picture.pasts.get(finding.workflow or "")
        if not finding.holds or past is None:
            return finding
        dated = (finding.rule, finding.labels, finding.severity)
        if self._is_open(finding):
            if dated in self._dated:
                return finding
            self._dated.add(dated)
        else:
            self._dated.discard(dated)
        return backdated(finding, past, self._rules.failure_rate, cleared)

    def _is_open(self, finding: Finding) -> bool:
        assert self._memory is not None
        key = (finding.rule, finding.labels)
        known = self._memory.episodes.get(key) or self._memory.stored.get(key)
        return known is not None and known.ended_at is None


def _kept(before: tuple[Alert, ...], after: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """``after``, with the objects of ``before`` where they are equal."""
    if before == after:
        return before
    known = {alert.id: alert for alert in before}
    return tuple(old if (old := known.get(alert.id)) == alert else alert for alert in after)
