"""The screen of a past moment, from what was kept of it. What was not kept is None, never guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo

from wfmon.analysis import pastrows
from wfmon.analysis.pasttrends import NO_TRENDS, PastTrends
from wfmon.analysis.rules import failure_rate
from wfmon.analysis.shown import rank, told
from wfmon.analysis.verdict import Scene, verdict
from wfmon.model.alert import Alert, AlertState
from wfmon.model.episode import EndedEpisode, EpisodeRecord
from wfmon.model.history import Change, Point
from wfmon.model.record import dataclass, replace
from wfmon.model.run import Run
from wfmon.model.snapshot import Collector, Snapshot, Workflow
from wfmon.model.source import SourceState, SourceStatus


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and where: what a snapshot says that no history holds. ``zone`` None: local."""

    host_name: str
    version: str
    me: str
    zone: tzinfo | None
    acks_shared: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of the moment ``at``.

    ``open``: episodes that were open, each with the ack in force then; ``ended``: those that ended before
    it, newest first. ``statuses``: the sources as they were. ``runs``: the newest that had finished, in
    any order. ``changes``: newest first. ``collector``: who wrote the point; None: not known.
    """

    at: float
    point: Point
    open: Sequence[EpisodeRecord] = ()
    ended: Sequence[EndedEpisode] = ()
    statuses: Sequence[SourceStatus] = ()
    runs: Sequence[Run] = ()
    changes: Sequence[Change] = ()
    trends: PastTrends = NO_TRENDS
    collector: Collector | None = None


def moment(kept: Kept, viewer: Viewer) -> Snapshot:
    """The snapshot at ``kept.at``, with the verdict of then."""
    at, point = kept.at, kept.point
    runs = sorted(
        (run for run in kept.runs if run.ended_at is not None), key=lambda run: -(run.ended_at or 0)
    )
    recent = _by_workflow(reversed(runs))
    workflows = pastrows.workflows(point, at, kept.trends.errors, recent)
    host = pastrows.host(point)
    statuses = tuple(_as_of(status, at) for status in kept.statuses)
    rows = {row.name: row for row in workflows}
    alerts = tuple(sorted((_alert(each, rows) for each in kept.open), key=rank))
    totals = pastrows.totals(point, kept.trends)
    tokens, cost = pastrows.tokens(point), pastrows.cost(point)
    scene = Scene(
        now=at,
        zone=viewer.zone,
        alerts=alerts,
        unjudged=(),
        sources=statuses,
        workflows=workflows,
        host=host,
        rules_checked=None,
        rules_checked_at=at,
        acks_shared=viewer.acks_shared,
        me=viewer.me,
        burn=cost.burn,
    )
    return Snapshot(
        at=at,
        host_name=viewer.host_name,
        version=viewer.version,
        collector=kept.collector or Collector(0, "", self_=False),
        verdict=verdict(scene),
        sources=statuses,
        totals=totals,
        workflows=workflows,
        runs=tuple(runs),
        recent=recent,
        tokens=tokens,
        cost=cost,
        host=host,
        alerts=alerts,
        rules_checked_at=at,
        acks_shared=viewer.acks_shared,
        read_only=True,
        ended=tuple(told(each) for each in kept.ended),
        changes=tuple(kept.changes),
    )


def _by_workflow(oldest_first: Iterable[Run]) -> dict[str, tuple[Run, ...]]:
    found: dict[str, list[Run]] = {}
    for run in oldest_first:
        found.setdefault(run.workflow, []).append(run)
    return {name: tuple(runs) for name, runs in found.items()}


def _as_of(status: SourceStatus, at: float) -> SourceStatus:
    """A state is kept when it changes: one that was ok still answered at ``at``; how fast is not known."""
    as_of = at if status.state is SourceState.OK else status.as_of
    return replace(status, as_of=as_of, latency_seconds=None)


def _alert(record: EpisodeRecord, rows: Mapping[str, Workflow]) -> Alert:
    """As it was then: its severity is the worst that it had, its peak up to then is not known.

    Figures of the rule ``failure_rate`` are those of the moment; other rules keep their last words.
    """
    alert = Alert(
        id=record.id,
        rule=record.rule,
        labels=record.labels,
        severity=record.severity,
        state=AlertState.FIRING if record.ack is None else AlertState.ACKED,
        summary=record.summary,
        since=record.began_at,
        since_at_least=record.began_at_least,
        workflow=record.workflow,
        threshold=record.threshold,
        unit=record.unit,
        ack=record.ack,
    )
    row = rows.get(record.workflow or "")
    if record.rule != failure_rate.RULE or row is None or not row.ladder:
        return alert
    step = row.ladder[0]
    return replace(
        alert,
        summary=failure_rate.words(step),
        value=step.counts.error_ratio,
        n=step.counts.n,
        failed=step.counts.failed,
        window_seconds=step.span,
    )
