"""The workflows for who wrote them: how much fails, how slow against usual, what one run takes."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.stepstats import PerRun, per_run
from wfmon.model.alert import Alert
from wfmon.model.prices import PriceBook
from wfmon.model.record import dataclass
from wfmon.model.run import FAILED, Run, RunStatus
from wfmon.model.snapshot import Snapshot, Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_words
from wfmon.ui.panes.columns import coarse
from wfmon.ui.rows import Line, Row, width_of

KEY = "w:"
SLOW = 1.5  # times the usual p95 from which on it stands out
_NAME = (12, 40)
# Head, cells with the gap before them, from how many cells of the screen on.
_COLUMNS = (
    ("RUNS", 6, 0),
    ("ERR%", 6, 0),
    ("usual", 7, 90),
    ("P50", 7, 0),
    ("P95", 7, 0),
    ("xusu", 6, 0),
    ("RETRY", 7, 0),
    ("TOK/run", 9, 0),
    ("$/run", 9, 0),
    ("LAST", 8, 90),
)


@dataclass(frozen=True, slots=True)
class RunFigures:
    """``of``: what a mean run takes by the runs in logs; where they do not tell it, by the rates of metrics:
    ``rated`` names which of tokens and money are."""

    of: PerRun
    tokens: float | None
    money_words: str
    rated: frozenset[str]


class WorkflowList:
    """Rows are kept while nothing in them changed, and what a run takes while its runs are the same."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[Workflow, tuple[object, ...], Row]] = {}
        self._means: dict[str, tuple[tuple[Run, ...], PriceBook, PerRun]] = {}

    def per_run(self, snapshot: Snapshot, workflow: str) -> PerRun:
        runs, book = snapshot.recent.get(workflow, ()), snapshot.prices
        known = self._means.get(workflow)
        if known is None or known[0] is not runs or known[1] is not book:
            if len(self._means) > 500:
                self._means.clear()
            known = self._means[workflow] = (runs, book, per_run(runs, book))
        return known[2]

    def head(self, look: Look, width: int, name: int) -> Row:
        line = Line(look, width).add("  ").add("WORKFLOW", "label", name)
        for head, cells, least in _COLUMNS:
            if width >= least:
                line.add(head, "label", cells, right=True)
        return line.row()

    def row(
        self,
        look: Look,
        width: int,
        snapshot: Snapshot,
        workflow: Workflow,
        now: float,
        *,
        name: int,
        alert: Alert | None,
        stale: bool,
        chosen: bool,
        selected: bool,
    ) -> Row:
        """``chosen``: what stands below is about it; ``selected``: the cursor is on it; ``stale``: a source
        of it does not answer."""
        mean = self.per_run(snapshot, workflow.name)
        ago = "" if workflow.last_run_at is None else coarse(max(0.0, now - workflow.last_run_at))
        variant = (look, width, name, id(mean), ago, alert, stale, chosen, selected)
        known = self._drawn.get(workflow.name)
        if known is not None and known[0] is workflow and known[1] == variant:
            return known[2]
        figures = run_figures(look, workflow, mean)
        sign = look.alert_sign(alert) if alert is not None else (" ", "text")
        if alert is None and stale:
            sign = look.signs.unknown, "unknown"
        line = Line(look, width, selected=selected).add(*sign)
        line.add(look.signs.pointer if chosen and not selected else " ", "key")
        line.add(workflow.name, "strong" if alert is not None or chosen else "text", name)
        for (_head, cells, least), (text, role) in zip(_COLUMNS, _cells(workflow, figures, ago), strict=True):
            if width >= least:
                line.add(" ").add(text, "stale" if stale else role, cells - 1, right=True)
        if width >= 90 and workflow.last_status is not None and ago:
            good = workflow.last_status is RunStatus.SUCCESS
            failed = workflow.last_status in FAILED
            mark = look.signs.good if good else look.signs.critical if failed else " "
            line.add(f" {mark}", "good" if good else "critical")
        row = line.row(KEY + workflow.name)
        if len(self._drawn) > 2_000:
            self._drawn.clear()
        self._drawn[workflow.name] = (workflow, variant, row)
        return row


def longest(workflows: Sequence[Workflow]) -> int:
    """Cells of the longest name."""
    return max((width_of(each.name) for each in workflows), default=0)


def name_width(width: int, longest: int) -> int:
    """Cells of the names, of which the longest takes ``longest``."""
    room = width - 2 - sum(cells for _, cells, least in _COLUMNS if width >= least)
    room -= 2 if width >= 90 else 0
    return max(_NAME[0], min(room, _NAME[1], max(longest, _NAME[0])))


def run_figures(look: Look, workflow: Workflow, mean: PerRun) -> RunFigures:
    """Tokens and money of one run. Rates of tokens and of runs have windows of their own: their ratio is
    near enough for a table, and says so where it is explained."""
    pace = workflow.runs_per_minute
    tokens, money, rated = mean.tokens, mean.money, set[str]()
    if tokens is None and pace and workflow.tokens_per_minute is not None:
        tokens = workflow.tokens_per_minute / pace
        rated.add("tokens")
    if not mean.money_n and pace and workflow.burn.quality is not None:
        money = workflow.burn.scaled(1 / (60 * pace))
        rated.add("money")
    words = money_words(look, money)
    if width_of(words) > 8 and money.known:
        words = look.signs.quality(money.quality) + numbers.money(money.least)
    return RunFigures(mean, tokens, words, frozenset(rated))


def _cells(workflow: Workflow, figures: RunFigures, ago: str) -> Sequence[tuple[str, str]]:
    """Text and role of each column."""
    runs, usual = workflow.runs, workflow.usual
    ratio = runs.error_ratio if runs is not None else None
    present = workflow.duration_p95_seconds
    before = usual.duration_p95_seconds if usual is not None else None
    slower = present / before if before and present is not None else None
    failing = ratio is not None and ratio > 0
    return (
        _cell(numbers.count(runs.n if runs is not None else None)),
        (numbers.percent_cell(ratio), "strong" if failing else "muted"),
        _cell(numbers.percent_cell(usual.error_ratio if usual is not None else None)),
        _cell(numbers.span(workflow.duration_p50_seconds)),
        _cell(numbers.span(present)),
        (numbers.times(slower), "warning" if (slower or 0.0) >= SLOW else _cell(numbers.times(slower))[1]),
        _cell(numbers.count(workflow.retries)),
        _cell(numbers.count(figures.tokens)),
        _cell(figures.money_words),
        _cell(ago or numbers.UNKNOWN),
    )


def _cell(text: str) -> tuple[str, str]:
    return text, "muted" if text in ("0", numbers.UNKNOWN) else "text"
