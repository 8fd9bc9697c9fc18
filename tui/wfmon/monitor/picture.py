"""From the last good readings to everything of a snapshot but alerts and verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import is_
from typing import TYPE_CHECKING

from wfmon.analysis.burning import Burning, burning, counted, first_logs
from wfmon.analysis.choose import Claims, claims_of
from wfmon.analysis.counting import EVERYTHING, Counting, counting_of, left_out
from wfmon.analysis.merge import Extras, Windows, merge_workflows
from wfmon.analysis.observed import Aliases, ObservedMetrics, ObservedRuns, observe_metrics, observe_runs
from wfmon.analysis.onset import Past
from wfmon.analysis.runindex import RunIndex
from wfmon.analysis.runlist import listed_runs
from wfmon.analysis.totals import call_rows, cost_of, token_rows, total
from wfmon.model.baseline import Baseline
from wfmon.model.budget import Accounts
from wfmon.model.forecast import Filling
from wfmon.model.host import HostSample
from wfmon.model.log import FileMark
from wfmon.model.metrics import Concept, MetricsSample, Trend
from wfmon.model.prices import EMPTY, PriceBook
from wfmon.model.record import dataclass, field, replace
from wfmon.model.retention import Retention
from wfmon.model.run import Run
from wfmon.model.snapshot import CallRow, Cost, TokenRow, Totals, Workflow
from wfmon.model.source import SourceState, SourceStatus
from wfmon.monitor.remembered import NOTHING, Remembered
from wfmon.monitor.track import Track
from wfmon.monitor.trends import Drawings, draw_step, series_name

if TYPE_CHECKING:
    from wfmon.model.foreign import ForeignAlerts

_DRAWN = {"tokens_per_minute": Concept.TOKENS, "error_ratio": Concept.RUNS}
TOTAL_TOKENS = series_name("tokens_per_minute", None)
TOTAL_ERRORS = series_name("error_ratio", None)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known, before anybody judges it. ``pasts``: of workflows whose runs come from logs.
    ``logs``: the runs behind the rows, each workflow in one source; ``marks``: how far the files of each
    log source were read for them. ``baselines``: also of workflows that are not seen now. ``foreign``: the
    last good answer of each system that has alerts of its own. ``claims``: which source each figure is of;
    ``money``: so that of money. ``prices``: those that money is priced with.
    """

    at: float
    sources: tuple[SourceStatus, ...]
    totals: Totals
    workflows: tuple[Workflow, ...]
    runs: tuple[Run, ...]
    runs_total: int | None
    recent: Mapping[str, tuple[Run, ...]]
    tokens: tuple[TokenRow, ...]
    cost: Cost
    host: HostSample | None
    pasts: Mapping[str, Past]
    logs: tuple[ObservedRuns, ...] = ()
    marks: Mapping[str, tuple[FileMark, ...]] = field(default_factory=dict)
    retention: tuple[Retention, ...] = ()
    fillings: tuple[Filling, ...] = ()
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    foreign: tuple[ForeignAlerts, ...] = ()
    claims: Claims | None = None
    money: Mapping[str | None, Burning] = field(default_factory=dict)
    calls: tuple[CallRow, ...] = ()
    prices: PriceBook = EMPTY


def silent_sources(picture: Picture) -> frozenset[str]:
    """Sources that do not answer now."""
    return frozenset(
        source.name
        for source in picture.sources
        if source.state is SourceState.DOWN or (source.state is SourceState.STALE and source.failure is None)
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grounds:
    """All that rows and totals follow from: while it is the same, so are they.

    ``samples`` are those of every source, ``fresh`` whether it answers.
    """

    samples: tuple[object, ...]
    fresh: tuple[bool, ...]
    rss_bytes: Mapping[str, int]
    baselines: Mapping[str, Baseline]
    book: PriceBook

    def same(self, other: _Grounds) -> bool:
        pairs = zip(self.samples, other.samples, strict=False)
        return (
            len(self.samples) == len(other.samples)
            and all(one is another for one, another in pairs)
            and self.fresh == other.fresh
            and self.rss_bytes == other.rss_bytes
            and self.baselines is other.baselines
            and self.book is other.book
        )


class PictureMaker:
    """Keeps what is costly to make anew: run indexes, sorted samples, drawn series, unchanged rows."""

    def __init__(
        self,
        windows: Windows,
        aliases: Aliases,
        runbooks: Mapping[str, str],
        off: Sequence[SourceStatus] = (),
        totals: Sequence[str] = (),
        slos: Mapping[str, float] | None = None,
    ) -> None:
        """``totals``: the profiles that are said to count nothing twice; ``slos``: by workflow the share of
        runs that are to succeed."""
        self._slos = slos or {}
        self._windows = windows
        self._totals = tuple(totals)
        self._off = off
        self._aliases = aliases
        self._runbooks = runbooks
        self._indexes: dict[str, dict[str, RunIndex]] = {}
        self._samples: dict[tuple[str, str], tuple[MetricsSample, bool, ObservedMetrics]] = {}
        self._drawn_from: tuple[tuple[tuple[Trend, ...], ...], Counting] = ((), EVERYTHING)
        self._apart: Mapping[str, tuple[str, ...]] = {}
        self._rows: dict[str, Workflow] = {}
        self._trends = Drawings(draw_step(windows.rate))
        self._preceded = NOTHING.drawn
        self._baselines = NOTHING.baselines
        self._last: tuple[_Grounds, Picture] | None = None
        self.made_rows = False  # whether the last picture has rows and totals of its own

    def make(
        self,
        tracks: Sequence[Track],
        now: float,
        *,
        rows: bool = True,
        remembered: Remembered = NOTHING,
        book: PriceBook = EMPTY,
    ) -> Picture:
        """``rows`` False: keep the last rows and totals, whatever the sources have answered since. ``book``:
        the prices that hold now."""
        if remembered.drawn is not self._preceded:
            self._preceded = remembered.drawn
            self._trends.seen.precede(remembered.drawn)
        self._baselines = remembered.baselines
        host = next((t.reading.host for t in tracks if t.reading and t.reading.host), None)
        grounds = self._grounds(tracks, host, now, book)
        self.made_rows = self._last is None or (rows and not grounds.same(self._last[0]))
        if self._last is None or self.made_rows:
            picture = self._made(tracks, host, grounds, now)
        else:
            grounds, last = self._last
            self._record(last.workflows, last.totals, now)
            picture = replace(last, at=now, sources=self._statuses(tracks, now), host=host)
        picture = replace(
            picture,
            retention=remembered.retention,
            fillings=remembered.fillings,
            baselines=remembered.baselines,
            cost=_with_accounts(picture.cost, remembered.accounts),
            foreign=tuple(t.reading.foreign for t in tracks if t.reading and t.reading.foreign),
        )
        self._last = grounds, picture
        return picture

    def _grounds(
        self, tracks: Sequence[Track], host: HostSample | None, now: float, book: PriceBook
    ) -> _Grounds:
        readings = [track.reading for track in tracks]
        return _Grounds(
            samples=tuple(
                sample for r in readings for sample in ((*r.samples, r.runs) if r else (None, None))
            ),
            fresh=tuple(track.fresh(now) for track in tracks),
            rss_bytes={p.workflow: p.rss_bytes for p in host.workflows if p.rss_bytes is not None}
            if host
            else {},
            baselines=self._baselines,
            book=book,
        )

    def _statuses(self, tracks: Sequence[Track], now: float) -> tuple[SourceStatus, ...]:
        return (*(self._status(track, now) for track in tracks), *self._off)

    def _status(self, track: Track, now: float) -> SourceStatus:
        status = track.status(now)
        apart = self._apart.get(status.name)
        return status if apart is None else replace(status, apart=apart)

    def _made(
        self, tracks: Sequence[Track], host: HostSample | None, grounds: _Grounds, now: float
    ) -> Picture:
        metrics = [seen for track in tracks for seen in self._metrics(track, now)]
        logs = _first_of_each([log for track in tracks if (log := self._runs(track, now)) is not None])
        counting = counting_of(metrics, logs, self._totals)
        self._apart = left_out(metrics, logs, counting)
        self._draw(tracks, counting)
        claims = claims_of(metrics, counting)
        extras = Extras(grounds.rss_bytes, self._runbooks, self._trends, self._baselines, self._slos)
        in_logs = first_logs(logs)
        money = burning(claims, in_logs, self._windows.rate, grounds.book)
        whole = counted(claims, money, in_logs, self._windows.rate, grounds.book)
        rows = merge_workflows(metrics, claims, logs, self._windows, extras, money)
        tokens, tokens_per_minute = token_rows(claims, logs, self._windows)
        cost = cost_of(money, whole, logs, self._windows, grounds.book)
        totals = total(rows, claims, logs, self._windows, tokens_per_minute, cost)
        self._record(rows, totals, now)
        indexes = {name: (source.at, index) for source in logs for name, index in source.indexes.items()}
        windows = {row.name: row.window_seconds or self._windows.runs for row in rows}
        return Picture(
            at=now,
            sources=self._statuses(tracks, now),
            totals=replace(
                totals,
                tokens_trend=self._trends.drawn(TOTAL_TOKENS),
                error_trend=self._trends.drawn(TOTAL_ERRORS),
            ),
            workflows=self._reuse(rows),
            runs=listed_runs(indexes, windows),
            runs_total=_runs_total(indexes),
            recent={name: index.recent for name, (_, index) in indexes.items()},
            tokens=tokens,
            cost=cost,
            host=host,
            pasts=self._pasts(rows, logs),
            logs=tuple(logs),
            claims=claims,
            money=money,
            calls=call_rows(claims, logs, self._windows),
            prices=grounds.book,
            marks={t.source.name: t.reading.marks for t in tracks if t.reading and t.reading.marks},
        )

    def _pasts(self, rows: Sequence[Workflow], logs: Sequence[ObservedRuns]) -> dict[str, Past]:
        told = {row.name: dict(row.origin).get("runs") for row in rows}
        return {
            name: Past(source.at, index, self._windows.ladder, self._windows.grow_runs)
            for source in logs
            for name, index in source.indexes.items()
            if told.get(name) == source.source
        }

    def _metrics(self, track: Track, now: float) -> Iterator[ObservedMetrics]:
        """What each profile reads of the source."""
        if track.reading is None:
            return
        fresh = track.fresh(now)
        for sample in track.reading.samples:
            key = (track.source.name, sample.profile)
            known = self._samples.get(key)
            if known is None or known[0] is not sample or known[1] != fresh:
                seen = observe_metrics(track.source.name, fresh, sample, self._aliases)
                known = self._samples[key] = (sample, fresh, seen)
            yield known[2]

    def _draw(self, tracks: Sequence[Track], counting: Counting) -> None:
        """Series that sources have kept: of a workflow the first that is told, of all work that of the one
        system which makes up the totals."""
        samples = [sample for track in tracks if track.reading for sample in track.reading.samples]
        told = tuple(sample.trends for sample in samples if sample.trends)
        before, by = self._drawn_from
        if counting == by and len(told) == len(before) and all(map(is_, told, before)):
            return
        self._drawn_from = told, counting
        self._trends.take(
            trend
            for sample in reversed(samples)
            for trend in sample.trends
            if trend.workflow is not None or counting.only(_DRAWN[trend.concept], sample.profile)
        )

    def _runs(self, track: Track, now: float) -> ObservedRuns | None:
        if track.reading is None or track.reading.runs is None:
            return None
        name, sample = track.source.name, track.reading.runs
        indexes = observe_runs(sample.workflows, self._indexes.get(name, {}), self._aliases)
        self._indexes[name] = indexes
        return ObservedRuns(name, track.fresh(now), sample.at, indexes)

    def _record(self, rows: Sequence[Workflow], totals: Totals, now: float) -> None:
        if not self._trends.seen.due(now):
            return
        values: dict[str, float | None] = {
            row.name: row.runs.error_ratio if row.runs else None for row in rows
        }
        values[TOTAL_TOKENS] = totals.tokens_per_minute
        values[TOTAL_ERRORS] = totals.error_ratio
        self._trends.seen.record(now, values)

    def _reuse(self, rows: Sequence[Workflow]) -> tuple[Workflow, ...]:
        kept = tuple(
            before if (before := self._rows.get(row.name)) is not None and before == row else row
            for row in rows
        )
        self._rows = {row.name: row for row in kept}
        return kept


def _with_accounts(cost: Cost, accounts: Accounts | None) -> Cost:
    return cost if cost.accounts is accounts else replace(cost, accounts=accounts)


def _first_of_each(logs: Sequence[ObservedRuns]) -> list[ObservedRuns]:
    """A workflow that two log sources name is counted in the first that answers, once."""
    claimed: set[str] = set()
    kept = []
    for source in sorted(logs, key=lambda source: not source.fresh):
        own = {name: index for name, index in source.indexes.items() if name not in claimed}
        claimed.update(own)
        kept.append(replace(source, indexes=own))
    return kept


def _runs_total(indexes: Mapping[str, tuple[float, RunIndex]]) -> int | None:
    """Runs known from logs, open ones included; None where there are no logs."""
    if not indexes:
        return None
    return sum(len(i.runs.open) + len(i.runs.finished) for _, i in indexes.values())
