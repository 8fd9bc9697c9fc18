"""From what was seen and judged to the whole snapshot, before acks and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wfmon.model.budget import Slo
from wfmon.model.record import dataclass, replace
from wfmon.model.snapshot import Collector, Level, Snapshot, Verdict
from wfmon.monitor.picture import Picture
from wfmon.monitor.presenter import NOT_JUDGED
from wfmon.monitor.remembered import Remembered

if TYPE_CHECKING:
    from wfmon.model.discovery import Discovery
    from wfmon.model.ruleinfo import RuleInfo
    from wfmon.monitor.judge import Judged


@dataclass(frozen=True, slots=True)
class Identity:
    """Who watches what, for the head of a snapshot, and what is declared of all runs."""

    host_name: str
    version: str
    collector: Collector
    read_only: bool
    slo: Slo | None = None


def compose(
    identity: Identity,
    picture: Picture,
    judged: Judged,
    remembered: Remembered,
    rules: tuple[RuleInfo, ...],
    discovery: Discovery | None,
) -> Snapshot:
    return Snapshot(
        at=picture.at,
        host_name=identity.host_name,
        version=identity.version,
        collector=identity.collector,
        verdict=NOT_JUDGED,
        sources=picture.sources,
        totals=picture.totals,
        workflows=picture.workflows,
        runs=picture.runs,
        runs_total=picture.runs_total,
        recent=picture.recent,
        tokens=picture.tokens,
        cost=picture.cost,
        host=picture.host,
        alerts=judged.alerts,
        unjudged=judged.unjudged,
        rules_checked=judged.rules_checked,
        rules_checked_at=judged.checked_at,
        read_only=identity.read_only,
        fillings=remembered.fillings,
        retention=remembered.retention,
        history=remembered.status,
        changes=remembered.changes,
        rules=rules,
        ended=judged.ended,
        discovery=discovery,
        calls=picture.calls,
        prices=picture.prices,
        slo=identity.slo,
    )


def compose_broken(identity: Identity, last: Snapshot | None, text: str, at: float) -> Snapshot:
    """The last snapshot under the words of why the monitor itself failed."""
    verdict = Verdict(Level.UNKNOWN, text)
    if last is not None:
        return replace(last, verdict=verdict, broken=text)
    return Snapshot(
        at=at,
        host_name=identity.host_name,
        version=identity.version,
        collector=identity.collector,
        verdict=verdict,
        read_only=identity.read_only,
        broken=text,
    )
