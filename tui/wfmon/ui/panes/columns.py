"""The columns of the workflow table: what each shows, and which fit a width."""

from __future__ import annotations

from collections.abc import Callable

from wfmon.model.record import dataclass
from wfmon.model.run import FAILED, RunStatus
from wfmon.model.snapshot import Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.usual import learnt
from wfmon.ui.rows import cut
from wfmon.ui.series import SPAN

Cell = tuple[str, str]  # text, role
TREND_CEILING = 0.25  # an error ratio that fills a sparkline's cell


@dataclass(frozen=True, slots=True)
class Column:
    """``width`` holds the gap before it. ``figure`` names the origin that can make it stale.

    ``sign`` is drawn behind the cell in a role of its own. ``rank`` orders by importance: what does
    not fit goes from the highest rank on.
    """

    id: str
    head: str
    width: int
    rank: int
    cell: Callable[[Workflow, Look, float], Cell]
    figure: str = ""
    sign: Callable[[Workflow, Look], Cell] | None = None
    right: bool = True
    needs_usual: bool = False
    needs_systems: bool = False


def _figure(text: str, *, zero: bool = False) -> Cell:
    return text, "muted" if zero or text == numbers.UNKNOWN else "text"


def _system(workflow: Workflow, look: Look, _now: float) -> Cell:
    """Whose figures it has, where the name does not say it already."""
    systems = list(dict.fromkeys(name for _, name in workflow.systems if name != workflow.name))
    more = f" +{len(systems) - 1}" if len(systems) > 1 else ""
    if not systems:
        return "", "muted"
    return cut(systems[0], SYSTEM_WIDTH - 2 - len(more), look.signs.cut) + more, "muted"


def _active(workflow: Workflow, look: Look, _now: float) -> Cell:
    if workflow.active is None:
        return _figure(numbers.UNKNOWN)
    active = numbers.count(workflow.active)
    text = look.signs.least(active) if workflow.active_at_least else active
    return _figure(text, zero=workflow.active == 0)


def _runs(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return _figure(numbers.rate(workflow.runs_per_minute), zero=workflow.runs_per_minute == 0)


def _errors(workflow: Workflow, _look: Look, _now: float) -> Cell:
    ratio = workflow.runs.error_ratio if workflow.runs else None
    return _figure(numbers.percent_cell(ratio), zero=ratio == 0)


def _usual_errors(workflow: Workflow, _look: Look, _now: float) -> Cell:
    usual = workflow.usual
    if usual is not None and usual.learning_errors:
        return learnt(usual), "muted"
    return _figure(numbers.percent_cell(usual.error_ratio if usual is not None else None))


def _trend(workflow: Workflow, look: Look, _now: float) -> Cell:
    points = workflow.error_trend
    drawn = look.signs.sparkline(points, 10, steps=SPAN, ceiling=TREND_CEILING)
    return drawn, "spark_bad" if any(points[-SPAN:]) else "muted"


def _retries(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return _figure(numbers.count(workflow.retries), zero=workflow.retries == 0)


def _p50(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return _figure(numbers.span(workflow.duration_p50_seconds))


def _p95(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return _figure(numbers.span(workflow.duration_p95_seconds))


def _slower(workflow: Workflow, _look: Look, _now: float) -> Cell:
    usual = workflow.usual.duration_p95_seconds if workflow.usual else None
    present = workflow.duration_p95_seconds
    return _figure(numbers.times(present / usual if usual and present is not None else None))


def _tokens(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return _figure(numbers.count(workflow.tokens_per_minute), zero=workflow.tokens_per_minute == 0)


def _cost(workflow: Workflow, look: Look, _now: float) -> Cell:
    usd = workflow.cost_usd_per_hour
    if usd is None:
        return _figure(numbers.UNKNOWN)
    return _figure(look.signs.quality(workflow.cost_quality) + numbers.money_cell(usd), zero=usd == 0)


def _calls(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return _figure(numbers.rate(workflow.api_calls_per_minute), zero=workflow.api_calls_per_minute == 0)


def _memory(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return _figure(numbers.size(workflow.rss_bytes))


def _last(workflow: Workflow, _look: Look, now: float) -> Cell:
    if workflow.last_run_at is None:
        return _figure(numbers.UNKNOWN)
    return _figure(coarse(max(0.0, now - workflow.last_run_at)))


def _last_sign(workflow: Workflow, look: Look) -> Cell:
    if workflow.last_run_at is None:
        return "", "text"
    if workflow.last_status is RunStatus.SUCCESS:
        return f" {look.signs.good}", "good"
    return (f" {look.signs.critical}", "critical") if workflow.last_status in FAILED else ("", "text")


def _last_error(workflow: Workflow, _look: Look, _now: float) -> Cell:
    return workflow.last_error or "", "muted"


def coarse(seconds: float) -> str:
    """An age that does not change every second once it is not fresh: 7s, 15s, 40s, 6m."""
    if 10 <= seconds < 60:
        seconds = seconds // 5 * 5
    return numbers.age(seconds)


NAME_WIDTH = 18
MOST_NAME_WIDTH = 40
ERROR_WIDTH = 24
SYSTEM_WIDTH = 16

COLUMNS: tuple[Column, ...] = (
    Column("system", "SYSTEM", SYSTEM_WIDTH, 9, _system, right=False, needs_systems=True),
    Column("active", "ACT", 3, 0, _active, "active"),
    Column("runs", "RUN/m", 7, 1, _runs, "runs"),
    Column("errors", "ERR%", 6, 0, _errors, "runs"),
    Column("usual", "usual", 6, 6, _usual_errors, needs_usual=True),
    Column("trend", "ERRORS", 12, 8, _trend, "runs"),
    Column("retries", "RETRY", 7, 10, _retries, "retries"),
    Column("p50", "P50", 7, 13, _p50, "duration"),
    Column("p95", "P95", 7, 3, _p95, "duration"),
    Column("slower", "xusu", 6, 7, _slower, needs_usual=True),
    Column("tokens", "TOK/m", 8, 4, _tokens, "tokens"),
    Column("cost", "$/h", 7, 5, _cost, "cost"),
    Column("calls", "API/m", 8, 11, _calls, "api_calls"),
    Column("memory", "MEM", 8, 12, _memory),
    Column("last", "LAST", 10, 2, _last, sign=_last_sign, right=False),
)
LAST_ERROR = Column("error", "LAST ERROR", ERROR_WIDTH, 99, _last_error, right=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns stand beside a name of ``name`` cells; ``hidden``: how many found no room."""

    name: int
    columns: tuple[Column, ...]
    hidden: int


def choose(width: int, longest_name: int, *, usual: bool, systems: bool = False, skip: int = 0) -> Layout:
    """The columns that fit ``width``, by rank, in the order of the table.

    ``usual``: some workflow has a baseline. ``systems``: figures are of several. ``skip``: leave out that
    many of the first figures, so that later ones come into view.
    """
    wanted = [
        column
        for column in COLUMNS
        if (usual or not column.needs_usual) and (systems or not column.needs_systems)
    ]
    candidates = wanted[min(skip, len(wanted) - 1) :]
    room = width - 2 - NAME_WIDTH
    taken: list[Column] = []
    for column in sorted(candidates, key=lambda column: column.rank):
        if column.width <= room:
            taken.append(column)
            room -= column.width
    name = NAME_WIDTH + max(0, min(room, longest_name - NAME_WIDTH, MOST_NAME_WIDTH - NAME_WIDTH))
    room -= name - NAME_WIDTH
    columns = tuple(column for column in candidates if column in taken)
    if room >= ERROR_WIDTH:
        columns = (*columns, Column("error", "LAST ERROR", room, 99, _last_error, right=False))
    return Layout(name, columns, len(candidates) - len(taken))
