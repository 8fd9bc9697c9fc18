"""The figures of a point as the panes take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wfmon.analysis.pasttrends import PastTrends, Series
from wfmon.model.history import Kind, Point, Table
from wfmon.model.host import HostSample, Memory, Swap, Volume, WorkflowProcesses
from wfmon.model.metrics import TokenKind
from wfmon.model.money import NO_MONEY, of_truth
from wfmon.model.record import dataclass
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import (
    Cost,
    CostRow,
    LadderStep,
    StatusCounts,
    TokenRow,
    Totals,
    Workflow,
)

# A point of more seconds tells only where within it something was last.
SHARP_SECONDS = 60.0
MINUTE, HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class _Row:
    """One subject of a table."""

    table: Table
    index: int

    def get(self, column: str) -> float | None:
        return self.table.at(self.index, column)

    def whole(self, column: str) -> int | None:
        """Counts of a point of several looks are their mean."""
        value = self.get(column)
        return None if value is None else int(value + 0.5)


def _row(point: Point, kind: Kind, subject: str = "") -> _Row | None:
    table = point.tables.get(kind)
    if table is None or subject not in table.subjects:
        return None
    return _Row(table, table.subjects.index(subject))


def _rows(point: Point, kind: Kind) -> Iterable[tuple[str, _Row]]:
    table = point.tables.get(kind)
    if table is not None:
        for index, subject in enumerate(table.subjects):
            yield subject, _Row(table, index)


def workflows(
    point: Point, at: float, errors: Mapping[str, Series], recent: Mapping[str, tuple[Run, ...]]
) -> tuple[Workflow, ...]:
    """Sorted by name. ``recent``: finished runs of then, oldest first, by workflow."""
    rows = (
        _workflow(name, row, point, at, errors.get(name, ()), recent.get(name, ()))
        for name, row in _rows(point, Kind.WORKFLOW)
    )
    return tuple(sorted(rows, key=lambda row: row.name))


def _workflow(
    name: str, row: _Row, point: Point, at: float, errors: Series, recent: tuple[Run, ...]
) -> Workflow:
    counts, window = _counted(row, point)
    last = _Last.of(row, point, at, recent)
    cost = _rate(row, point, "cost_per_hour", "cost_usd", HOUR)
    burn = of_truth(cost, row.get("cost_truth"))
    error = next((run.error for run in reversed(recent) if run.failed and run.error), None)
    ladder = (LadderStep(window, window, counts),) if counts is not None and window is not None else ()
    return Workflow(
        name=name,
        active=row.whole("active"),
        runs=counts,
        window_seconds=window,
        as_of=at,
        runs_per_minute=_rate(row, point, "runs_per_minute", "runs", MINUTE),
        retries=row.whole("retries"),
        duration_p50_seconds=row.get("duration_p50"),
        duration_p95_seconds=row.get("duration_p95"),
        tokens_per_minute=_rate(row, point, "tokens_per_minute", "tokens", MINUTE),
        cost_usd_per_hour=cost,
        cost_quality=burn.quality,
        burn=burn,
        api_calls_per_minute=row.get("calls_per_minute"),
        last_run_at=last.at,
        last_status=last.status,
        last_error=error,
        rss_bytes=row.whole("rss_bytes"),
        error_trend=errors,
        ladder=ladder,
    )


def _counted(row: _Row, point: Point) -> tuple[StatusCounts | None, float | None]:
    """Finished runs and over how many seconds: those of the whole hour where they were summed up, else
    those of the window that the screen had then."""
    runs, failures = row.whole("runs"), row.whole("failures")
    if point.seconds < HOUR or runs is None or failures is None:
        return _counts(row), row.get("window")
    return StatusCounts(success=max(0, runs - failures), error=min(runs, failures)), point.seconds


def _rate(row: _Row, point: Point, rate: str, total: str, per: float) -> float | None:
    """As it was shown; where nobody looked but a source told of the hour later, its sum per ``per`` s."""
    shown, summed = row.get(rate), row.get(total)
    if point.seconds < HOUR or shown is not None or summed is None:
        return shown
    return summed * per / point.seconds


def _counts(row: _Row) -> StatusCounts | None:
    n, failed = row.whole("n"), row.whole("failed")
    if n is None or failed is None:
        return None
    return StatusCounts(success=max(0, n - failed), error=min(n, failed))


@dataclass(frozen=True, slots=True)
class _Last:
    """The newest finished run."""

    at: float | None = None
    status: RunStatus | None = None

    @classmethod
    def of(cls, row: _Row, point: Point, at: float, recent: tuple[Run, ...]) -> _Last:
        """From the kept run where it is that one, else from the point, which tells only good or bad."""
        age, failed = row.get("last_run_age"), row.get("last_failed")
        ended = None if age is None else point.at + point.seconds - age
        if ended is not None and ended > at:
            ended = at if point.seconds <= SHARP_SECONDS else None
        newest = recent[-1] if recent else None
        kept = None if newest is None else newest.ended_at
        if newest is not None and kept is not None and (ended is None or abs(kept - ended) <= point.seconds):
            return cls(kept, newest.status)
        if ended is None:
            return cls()
        if failed is None:
            return cls(ended)
        return cls(ended, RunStatus.ERROR if failed >= 0.5 else RunStatus.SUCCESS)


def totals(point: Point, trends: PastTrends) -> Totals:
    row = _row(point, Kind.TOTAL)
    if row is None:
        return Totals()
    counts, cost = _counts(row), row.get("cost_per_hour")
    return Totals(
        active=row.whole("active"),
        n=counts.n if counts else None,
        runs_per_minute=row.get("runs_per_minute"),
        success_ratio=counts.success_ratio if counts else None,
        error_ratio=counts.error_ratio if counts else None,
        retries=row.whole("retries"),
        duration_p50_seconds=row.get("duration_p50"),
        duration_p95_seconds=row.get("duration_p95"),
        tokens_per_minute=row.get("tokens_per_minute"),
        cost_usd_per_hour=cost,
        cost_quality=of_truth(cost, row.get("cost_truth")).quality,
        api_calls_per_minute=row.get("calls_per_minute"),
        window_seconds=row.get("window"),
        tokens_trend=trends.total_tokens,
        error_trend=trends.total_errors,
    )


def tokens(point: Point) -> tuple[TokenRow, ...]:
    """Per model; which of them were input or output was not kept."""
    return tuple(
        TokenRow(model, provider, None, TokenKind.TOTAL, value, None)
        for (provider, model), row in _models(point)
        if (value := row.get("tokens_per_minute")) is not None
    )


def cost(point: Point) -> Cost:
    total = _row(point, Kind.TOTAL)
    models = [(names, row.get("cost_per_hour")) for names, row in _models(point)]
    known = [(names, value) for names, value in models if value is not None]
    own = [(name, row.get("cost_per_hour")) for name, row in _rows(point, Kind.WORKFLOW)]
    burn = NO_MONEY if total is None else of_truth(total.get("cost_per_hour"), total.get("cost_truth"))
    return Cost(
        usd_per_hour=burn.least,
        burn=burn,
        by_model=_sums((model, value) for (_, model), value in known),
        by_provider=_sums((provider, value) for (provider, _), value in known),
        by_workflow=_sums((name, value) for name, value in own if value is not None),
    )


def _models(point: Point) -> list[tuple[tuple[str | None, str | None], _Row]]:
    """Provider and model of each; None where the label was not exposed."""
    found = []
    for subject, row in _rows(point, Kind.MODEL):
        provider, _, model = subject.partition("/")
        found.append(((provider or None, model or None), row))
    return found


def _sums(parts: Iterable[tuple[str | None, float]]) -> tuple[CostRow, ...]:
    """The dearest first."""
    sums: dict[str | None, float] = {}
    for name, value in parts:
        sums[name] = sums.get(name, 0.0) + value
    return tuple(
        CostRow(name, value, None) for name, value in sorted(sums.items(), key=lambda each: -each[1])
    )


def host(point: Point) -> HostSample | None:
    """None where nothing of it was kept. Processes are known by their workflow's memory alone."""
    row, volumes = _row(point, Kind.HOST), _volumes(point)
    processes = tuple(
        WorkflowProcesses(name, size, None, 0)
        for name, each in _rows(point, Kind.WORKFLOW)
        if (size := each.whole("rss_bytes")) is not None
    )
    if row is None and not volumes and not processes:
        return None
    return HostSample(
        at=point.at,
        cpu_ratio=row.get("cpu_ratio") if row else None,
        load1=row.get("load1") if row else None,
        cpus=row.whole("cpus") if row else None,
        psi_memory_full_avg10=row.get("psi_memory") if row else None,
        memory=_memory(row),
        swap=_swap(row),
        workflows=processes,
        volumes=volumes,
        processes_seen=0,
        hidden_processes=0,
    )


def _memory(row: _Row | None) -> Memory | None:
    total, available = _pair(row, "memory_total", "memory_available")
    return None if total is None or available is None else Memory(total, available)


def _swap(row: _Row | None) -> Swap | None:
    total, used = _pair(row, "swap_total", "swap_used")
    return None if total is None or used is None else Swap(total, used)


def _pair(row: _Row | None, one: str, other: str) -> tuple[int | None, int | None]:
    return (None, None) if row is None else (row.whole(one), row.whole(other))


def _volumes(point: Point) -> tuple[Volume, ...]:
    return tuple(
        Volume(
            mount=mount,
            device=None,
            path=mount,
            total_bytes=row.whole("total_bytes"),
            free_bytes=row.whole("free_bytes"),
            used_ratio=row.get("used_ratio"),
            inodes_used_ratio=row.get("inodes_used_ratio"),
            limit=bool(row.get("limit")),
        )
        for mount, row in _rows(point, Kind.VOLUME)
    )
