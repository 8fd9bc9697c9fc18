"""Rule ``failure_rate`` through the evaluations: it keeps its findings while there is nothing new to find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.analysis.episodes import EpisodeMemory, cleared
from wfmon.analysis.onset import backdated
from wfmon.analysis.rules import failure_rate
from wfmon.model.alert import Finding
from wfmon.model.record import dataclass

if TYPE_CHECKING:
    from wfmon.model.baseline import Baseline
    from wfmon.model.snapshot import Workflow
    from wfmon.monitor.rulebook import Known


@dataclass(frozen=True, slots=True)
class _Grounds:
    """What the findings follow from, but for the time."""

    workflows: Sequence[Workflow]
    baselines: Mapping[str, Baseline]
    unseen: frozenset[str]
    alerted: frozenset[str]


class FailureRates:
    """One per judge. Of 1,000 workflows the rule takes 10 ms: the last findings do while the rows are the
    same objects, the same have episodes, and none has ended lately (then windows move with the time)."""

    def __init__(self) -> None:
        self._dated: set[tuple[object, ...]] = set()  # open episodes whose begin was looked for since
        self._last: tuple[_Grounds, tuple[Finding, ...]] | None = None

    def evaluate(self, known: Known) -> tuple[Finding, ...]:
        ends = cleared(known.memory, failure_rate.RULE)
        memory, last = known.memory, self._last
        alerted = frozenset(
            dict(labels).get("workflow", "")
            for rule, labels in (*memory.episodes, *memory.stored)
            if rule == failure_rate.RULE
        )
        grounds = _Grounds(known.picture.workflows, known.baselines, known.unseen, alerted)
        if last is not None and not ends and _same(last[0], grounds):
            return last[1]
        found = failure_rate.evaluate(
            known.picture.workflows,
            known.rules.failure_rate,
            known.now,
            cleared=ends,
            unseen=known.unseen,
            indexes={name: past.index for name, past in known.picture.pasts.items()},
            alerted=alerted,
        )
        found = tuple(
            self._since_it_began(each, known, ends.get(each.workflow or "")) if each.holds else each
            for each in found
        )
        self._last = None if ends else (grounds, found)
        return found

    def _since_it_began(self, finding: Finding, known: Known, cleared: float | None) -> Finding:
        """What is new to us may be old: its log tells since when, also where it answers only after a
        source that has no past. ``cleared``: when it last ended."""
        past = known.picture.pasts.get(finding.workflow or "")
        if past is None:
            return finding
        dated = (finding.rule, finding.labels, finding.severity)
        if _is_open(finding, known.memory):
            if dated in self._dated:
                return finding
            self._dated.add(dated)
        else:
            self._dated.discard(dated)
        usual = known.baselines.get(finding.workflow or "")
        return backdated(finding, past, known.rules.failure_rate, cleared, usual)


def _same(before: _Grounds, after: _Grounds) -> bool:
    same = before.workflows is after.workflows and before.baselines is after.baselines
    return same and before.unseen == after.unseen and before.alerted == after.alerted


def _is_open(finding: Finding, memory: EpisodeMemory) -> bool:
    key = (finding.rule, finding.labels)
    known = memory.episodes.get(key) or memory.stored.get(key)
    return known is not None and known.ended_at is None
