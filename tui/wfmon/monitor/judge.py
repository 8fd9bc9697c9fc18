"""Rules over a picture, episodes and acks: what is wrong, since when, and who has it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import tzinfo

from wfmon.analysis.episodes import EpisodeMemory, advance, alerts, begin, cleared, ended, sightings
from wfmon.analysis.onset import backdated
from wfmon.analysis.rules import failure_rate, memory, source_down, storage
from wfmon.analysis.verdict import Scene, verdict
from wfmon.model.action import AcceptNormal, AckAlert, CommentAck, Outcome, UnackAlert
from wfmon.model.alert import Alert, Finding
from wfmon.model.episode import EpisodeKey, EpisodeRecord
from wfmon.model.host import HostSample
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Totals, Verdict
from wfmon.model.source import SourceState
from wfmon.monitor.picture import Picture
from wfmon.monitor.settings import RuleSettings
from wfmon.store.acks import AckStore
from wfmon.store.errors import AckError, StoreError
from wfmon.text.numbers import clock

SHARE = 0.005  # of one core that evaluating rules may take
COST_SECONDS = 10.0  # of history before the verdict names a price per hour


@dataclass(frozen=True, slots=True)
class Judged:
    """What a snapshot says beyond its picture."""

    verdict: Verdict
    alerts: tuple[Alert, ...]
    rules_checked: int
    checked_at: float | None
    acks_shared: bool
    store_problem: str | None


class Judge:
    """Evaluates the rules when it is time, and looks at acks every time.

    ``me`` signs this user's acks; ``zone`` is the display zone (None: local) of the verdict's clocks;
    ``unacked`` leaves out of the verdict what somebody has.
    """

    def __init__(
        self, rules: RuleSettings, store: AckStore, me: str, zone: tzinfo | None, *, unacked: bool = False
    ) -> None:
        self._rules = rules
        self._store = store
        self._me = me
        self._zone = zone
        self._unacked = unacked
        self._memory: EpisodeMemory | None = None
        self._records: Mapping[EpisodeKey, EpisodeRecord] = {}
        self._unsaved: dict[str, str] = {}
        self._checked = 0
        self._checked_at: float | None = None
        self.rules_cpu = 0.0  # seconds that the rules took of the last ``judge``
        self._due = 0.0
        self._answered = 0
        self._failures: tuple[object, frozenset[str], tuple[Finding, ...]] | None = None

    def judge(self, picture: Picture, now: float, *, anew: bool = False) -> Judged:
        """``anew``: do not wait for the time to evaluate, the picture has just become complete."""
        answered = sum(source.as_of is not None for source in picture.sources)
        if anew or now >= self._due or answered != self._answered or self._memory is None:
            self._answered = answered
            cpu = time.thread_time()
            self._evaluate(picture, now)
            self.rules_cpu = time.thread_time() - cpu
            self._due = now + max(self._rules.every, self.rules_cpu / SHARE)
        else:
            self.rules_cpu = 0.0
            self._records = self._store.records(now)
        assert self._memory is not None
        shown = alerts(self._memory, self._records, now, self._rules.episodes, self._unsaved)
        scene = Scene(
            now=now,
            zone=self._zone,
            alerts=shown,
            unjudged=self._memory.unjudged,
            sources=picture.sources,
            workflows=picture.workflows,
            host=picture.host,
            rules_checked=self._checked,
            rules_checked_at=self._checked_at,
            acks_shared=self._store.shared,
            me=self._me,
            cost_usd_per_hour=_sayable_cost(picture.totals),
            unacked=self._unacked,
        )
        return Judged(
            verdict=verdict(scene),
            alerts=shown,
            rules_checked=self._checked,
            checked_at=self._checked_at,
            acks_shared=self._store.shared,
            store_problem=self._store.problem or next(iter(self._store.notes), None),
        )

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
        rules = self._rules
        host = _answering_host(picture)
        return (
            *self._failure_rates(picture, now),
            *memory.evaluate(host, rules.memory, now),
            *storage.evaluate(host, rules.storage, now),
            *source_down.evaluate(picture.sources, rules.source_down, now),
        )

    def _failure_rates(self, picture: Picture, now: float) -> tuple[Finding, ...]:
        """The last findings while there is nothing new to find: of 1,000 workflows they take 30 ms."""
        assert self._memory is not None
        unseen = _unseen(picture)
        ends = cleared(self._memory, failure_rate.RULE)
        last = self._failures
        if last is not None and last[0] is picture.workflows and not ends and last[1] == unseen:
            return last[2]
        found = failure_rate.evaluate(
            picture.workflows, self._rules.failure_rate, now, cleared=ends, unseen=unseen
        )
        found = tuple(self._since_it_began(finding, picture) for finding in found)
        self._failures = None if ends else (picture.workflows, unseen, found)
        return found

    def _since_it_began(self, finding: Finding, picture: Picture) -> Finding:
        """What is new to us may be old: its log tells since when."""
        assert self._memory is not None
        past = picture.pasts.get(finding.workflow or "")
        key = (finding.rule, finding.labels)
        if not finding.holds or past is None or key in self._memory.episodes or key in self._memory.stored:
            return finding
        return backdated(finding, past, self._rules.failure_rate)

    def act(self, action: AckAlert | UnackAlert | CommentAck | AcceptNormal, now: float) -> Outcome:
        """Do it and return when it is stored, or say why not; nothing is raised."""
        try:
            message = self._done(action, now)
        except StoreError as error:
            if not isinstance(action, AcceptNormal):
                self._unsaved[action.alert_id] = str(error)
            return Outcome(False, str(error))
        except AckError as error:
            return Outcome(False, str(error))
        if not isinstance(action, AcceptNormal):
            self._unsaved.pop(action.alert_id, None)
        return Outcome(True, message)

    def _done(self, action: AckAlert | UnackAlert | CommentAck | AcceptNormal, now: float) -> str:
        if isinstance(action, AcceptNormal):
            raise AckError("a new normal cannot be stored yet")
        if isinstance(action, UnackAlert):
            record = self._store.unack(action.alert_id, action.by, now)
            return f"{record.rule} is nobody's again"
        if isinstance(action, CommentAck):
            self._store.comment(action.alert_id, action.by, now, action.comment)
            return "comment saved"
        held = self._store.ack(
            action.alert_id, action.by, now, seconds=action.seconds, comment=action.comment
        )
        until = "it ends" if held.ack.until is None else clock(held.ack.until, self._zone, seconds=False)
        return f"you have {held.episode.rule} until {until}"


def _sayable_cost(totals: Totals) -> float | None:
    """USD an hour, once enough has been seen of it: a call in half a second is no hour's price."""
    seen = totals.rate_window_seconds
    return totals.cost_usd_per_hour if seen is not None and seen >= COST_SECONDS else None


def _answering_host(picture: Picture) -> HostSample | None:
    """None while no host source answers: its rules are then unknown, not fine."""
    ok = any(source.kind == "host" and source.state is SourceState.OK for source in picture.sources)
    return picture.host if ok else None


def _unseen(picture: Picture) -> frozenset[str]:
    """Workflows whose runs come from a source that does not answer now."""
    silent = {
        source.name
        for source in picture.sources
        if source.state is SourceState.DOWN or (source.state is SourceState.STALE and source.failure is None)
    }
    return frozenset(row.name for row in picture.workflows if dict(row.origin).get("runs") in silent)
