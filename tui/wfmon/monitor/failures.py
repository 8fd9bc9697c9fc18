"""Rule ``failure_rate`` through the evaluations: it keeps its findings while there is nothing new to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wfmon.analysis.episodes import EpisodeMemory, cleared
from wfmon.analysis.onset import backdated
from wfmon.analysis.rules import failure_rate
from wfmon.model.alert import Finding

if TYPE_CHECKING:
    from wfmon.monitor.rulebook import Known


class FailureRates:
    """One per judge. Of 1,000 workflows the rule takes 30 ms: the last findings do while the rows are
    the same objects and no episode has ended lately (then windows move with the time)."""

    def __init__(self) -> None:
        self._dated: set[tuple[object, ...]] = set()  # open episodes whose begin was looked for since
        self._last: tuple[tuple[object, object], frozenset[str], tuple[Finding, ...]] | None = None

    def evaluate(self, known: Known) -> tuple[Finding, ...]:
        ends = cleared(known.memory, failure_rate.RULE)
        grounds, last = (known.picture.workflows, known.baselines), self._last
        if last is not None and not ends and _same(last[0], grounds) and last[1] == known.unseen:
            return last[2]
        found = failure_rate.evaluate(
            known.picture.workflows,
            known.rules.failure_rate,
            known.now,
            cleared=ends,
            unseen=known.unseen,
            indexes={name: past.index for name, past in known.picture.pasts.items()},
        )
        found = tuple(
            self._since_it_began(finding, known, ends.get(finding.workflow or "")) for finding in found
        )
        self._last = None if ends else (grounds, known.unseen, found)
        return found

    def _since_it_began(self, finding: Finding, known: Known, cleared: float | None) -> Finding:
        """What is new to us may be old: its log tells since when, also where it answers only after a
        source that has no past. ``cleared``: when it last ended."""
        if not finding.holds:
            return finding
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


def _same(before: tuple[object, object], after: tuple[object, object]) -> bool:
    return before[0] is after[0] and before[1] is after[1]


def _is_open(finding: Finding, memory: EpisodeMemory) -> bool:
    key = (finding.rule, finding.labels)
    known = memory.episodes.get(key) or memory.stored.get(key)
    return known is not None and known.ended_at is None
