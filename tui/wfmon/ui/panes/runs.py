"""A list of runs: what fails first, then what goes on, then the rest, newest first."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.runindex import RECENT
from wfmon.model.alert import Alert
from wfmon.model.run import Run, RunStatus
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.order import StillOrder
from wfmon.ui.panes.facts import lasted, run_sign
from wfmon.ui.rows import Line, Row, RowCursor, rule, width_of, wrap

KEY = "r:"
STILL_SECONDS = 5.0
ABOUT_RUNS = frozenset({"timeout", "stall", "runaway"})  # rules whose members are runs


def runs_of(snapshot: Snapshot, workflow: str) -> list[Run]:
    """Every run of a workflow that is known, in the order of the list."""
    known = {run.id: run for run in snapshot.recent.get(workflow, ())}
    known |= {run.id: run for run in snapshot.runs if run.workflow == workflow}
    return sorted(known.values(), key=_rank)


def counts(snapshot: Snapshot, workflow: str, runs: Sequence[Run]) -> str:
    """``2 failed, 1 running, 40 others``, and whether older ones are not among them."""
    failed = sum(run.failed for run in runs)
    running = sum(run.status is RunStatus.RUNNING for run in runs)
    rest = len(runs) - failed - running
    parts = [f"{failed} failed"] if failed else []
    parts += [f"{running} running"] if running else []
    parts += [f"{rest} other{'' if rest == 1 else 's'}" if parts else f"{rest}"] if rest else []
    if len(snapshot.recent.get(workflow, ())) >= RECENT:
        parts.append("older ones left out")
    return ", ".join(parts)


def affected(runs: list[Run], alert: Alert) -> tuple[list[Run], str]:
    """The runs that the alert is about, those that tell most first, and what they are called."""
    if alert.rule in ABOUT_RUNS and alert.members:
        members = frozenset(alert.members)
        mine = sorted((run for run in runs if run.id in members), key=lambda run: run.started_at or 0.0)
        rest = [run for run in runs if run.id not in members]
        return [*mine, *rest], "Runs it is about, and others"
    if any(run.failed for run in runs):
        return [run for run in runs if run.failed or run.status is RunStatus.RUNNING], "Failing runs"
    return runs, "Runs"


class RunList:
    """The order stands still while a person moves, and rows are kept while nothing in them changed."""

    def __init__(self, cursor: RowCursor) -> None:
        self.cursor = cursor
        self._order = StillOrder()
        self._runs: dict[str, Run] = {}
        self._drawn: dict[str, tuple[Run, object, Row]] = {}
        self._touched_at: float | None = None

    def touched(self, now: float) -> None:
        """A key was pressed: the order stands still for a while."""
        self._touched_at = now

    @property
    def selected(self) -> Run | None:
        return self._runs.get(self.cursor.key or "")

    def place(self, runs: Sequence[Run], now: float) -> None:
        self._runs = {KEY + run.id: run for run in runs}
        still = self._touched_at is not None and 0 <= now - self._touched_at < STILL_SECONDS
        keys = self._order.arrange(list(self._runs), frozen=still)
        self.cursor.place(keys)
        if self._touched_at is None and keys:
            self.cursor.select(keys[0])

    def rows(
        self,
        look: Look,
        width: int,
        height: int,
        now: float,
        title: str,
        right: str,
        why_none: str,
        *,
        active: bool = True,
        pointed: bool = False,
    ) -> list[Row]:
        """A title and the runs in ``height`` rows; ``why_none`` stands where there is none. ``active``: the
        cursor of the screen is in this list; ``pointed``: the title says so."""
        if self._order.new:
            right = f"{self._order.new} new below {look.signs.dot} {right}"
        rows = [rule(look, width, title, right, active=pointed)]
        if not self._runs:
            parts = wrap(why_none, width - 4, 3)
            return [*rows, *(Line(look, width).add(f"  {part}", "muted").row() for part in parts)][:height]
        shown = [self._runs[self.cursor.keys[n]] for n in self.cursor.window(height - 1)]
        columns = _columns(look, width, shown, now)
        return rows + [self._row(look, width, run, now, columns, active) for run in shown]

    def _row(
        self, look: Look, width: int, run: Run, now: float, columns: tuple[int, ...], active: bool
    ) -> Row:
        key = KEY + run.id
        selected = active and key == self.cursor.key
        variant = (look, width, columns, selected, _time(look, run, now), lasted(run, now))
        known = self._drawn.get(key)
        if known is not None and known[0] is run and known[1] == variant:
            return known[2]
        row = _draw(look, width, run, now, columns, selected)
        if len(self._drawn) > 500:
            self._drawn.clear()
        self._drawn[key] = (run, variant, row)
        return row


def _rank(run: Run) -> tuple[int, float]:
    group = 0 if run.failed else 1 if run.status is RunStatus.RUNNING else 2
    return group, -(run.ended_at or run.started_at or run.last_line_at or 0.0)


def _columns(look: Look, width: int, runs: Sequence[Run], now: float) -> tuple[int, ...]:
    """Cells of id, time, try, tokens and cost; 0 where no run has the figure."""
    longest = max(width_of(_name(run)) for run in runs)
    time = max(width_of(_time(look, run, now)) for run in runs)
    return (
        min(max(8, longest), 16 + max(0, width - 80) // 2),
        time,
        5 if any((run.attempt or 0) > 1 for run in runs) else 0,
        max((max(8, width_of(_tokens(run))) for run in runs if run.usage.total is not None), default=0),
        max((max(6, width_of(_cost(run))) for run in runs if run.usage.cost_usd is not None), default=0),
    )


def _draw(look: Look, width: int, run: Run, now: float, columns: tuple[int, ...], selected: bool) -> Row:
    name, time, tries, tokens, cost = columns
    sign, role = run_sign(look, run.status)
    line = Line(look, width, selected=selected).add(sign, role).add(" ")
    line.add(_name(run), "strong" if run.has_id else "muted", name).add("  ")
    line.add(_time(look, run, now), "text", time).add(" ")
    line.add(numbers.span(lasted(run, now)), "text", 6, right=True)
    if tries:
        words = f"try {run.attempt}" if run.attempt is not None and run.attempt > 1 else ""
        line.add("  ").add(words, "text", tries)
    if tokens:
        known = run.usage.total is not None
        line.add("  ").add(_tokens(run), "text" if known else "muted", tokens, right=True)
    if cost:
        known = run.usage.cost_usd is not None
        line.add("  ").add(_cost(run), "text" if known else "muted", cost, right=True)
    words, role = _remark(run)
    return line.add("  ").add(words, role).row(KEY + run.id)


def _tokens(run: Run) -> str:
    total = run.usage.total
    return f"{numbers.count(total)} tok" if total is not None else numbers.UNKNOWN


def _cost(run: Run) -> str:
    return numbers.money(run.usage.cost_usd)


def _remark(run: Run) -> tuple[str, str]:
    if run.error and run.failed:
        return run.error, "text"
    if run.status is RunStatus.RUNNING:
        return "running", "muted"
    if run.status is RunStatus.SUCCESS:
        return run.model or "", "muted"
    return run.status_word or run.status.value, "muted"


def _name(run: Run) -> str:
    return run.id if run.has_id else "no id"


def _time(look: Look, run: Run, now: float) -> str:
    """When it ended (began, while it goes on), with the day where that is not today's."""
    at = run.ended_at if run.ended_at is not None else run.started_at
    if at is None:
        return numbers.UNKNOWN
    minute = look.minute(at, now)
    return look.clock(at) if len(minute) == 5 else minute
