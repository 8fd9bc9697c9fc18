"""The workflow table: only the rows on the screen are drawn, and kept while nothing changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wfmon.model.alert import Alert
from wfmon.model.snapshot import Totals, Workflow
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.columns import TREND_CEILING, Layout, coarse
from wfmon.ui.rows import Line, Row, rule, width_of
from wfmon.ui.series import SPAN

KEY = "w:"


class WorkflowsPane:
    def __init__(self) -> None:
        self._drawn: dict[str, tuple[tuple[object, ...], Workflow, Row]] = {}

    def title(self, look: Look, width: int, totals: Totals, notes: Sequence[str]) -> Row:
        """``notes``: filter, sort order, what is new; they stand before the totals."""
        parts = [*notes]
        if totals.queue:
            parts.append(f"{numbers.count(totals.queue)} queued")
        if totals.active is not None:
            active = numbers.count(totals.active)
            parts.append(f"{look.signs.least(active) if totals.active_at_least else active} active")
        if totals.success_ratio is not None:
            parts.append(f"ok {numbers.percent(totals.success_ratio, 1)}")
        if totals.error_ratio is not None:
            trend = look.signs.sparkline(
                totals.error_trend, min(10, width // 8), steps=SPAN, ceiling=TREND_CEILING
            ).strip()
            parts.append(f"errors {numbers.percent(totals.error_ratio, 1)} {trend}".rstrip())
        dot = f" {look.signs.dot} "
        while len(parts) > 1 and width_of(dot.join(parts)) > width - 16:
            parts.pop(len(notes) if len(parts) > len(notes) else -1)
        return rule(look, width, "Workflows", dot.join(parts))

    def head(self, look: Look, width: int, layout: Layout) -> Row:
        line = Line(look, width).add("  ").add("WORKFLOW", "label", layout.name)
        for column in layout.columns:
            if column.right:
                line.add(column.head, "label", column.width, right=True)
            else:
                line.add("  ").add(column.head, "label", column.width - 2)
        return line.row()

    def row(
        self,
        look: Look,
        width: int,
        layout: Layout,
        workflow: Workflow,
        now: float,
        *,
        alert: Alert | None,
        stale: frozenset[str],
        selected: bool,
    ) -> Row:
        """``alert``: the worst open one of this workflow; ``stale``: sources that do not answer."""
        last = "" if workflow.last_run_at is None else coarse(max(0.0, now - workflow.last_run_at))
        variant = (look, width, layout, last, alert, stale, selected)
        known = self._drawn.get(workflow.name)
        if known is not None and known[1] is workflow and known[0] == variant:
            return known[2]
        row = _draw(look, width, layout, workflow, now, alert, stale, selected)
        if len(self._drawn) > 2_000:
            self._drawn.clear()
        self._drawn[workflow.name] = (variant, workflow, row)
        return row


def _draw(
    look: Look,
    width: int,
    layout: Layout,
    workflow: Workflow,
    now: float,
    alert: Alert | None,
    stale: frozenset[str],
    selected: bool,
) -> Row:
    origin = dict(workflow.origin)
    sign, role = _sign(look, workflow, alert, origin, stale)
    line = Line(look, width, selected=selected).add(sign, role).add(" ")
    line.add(workflow.name, "strong" if alert is not None else "text", layout.name)
    for column in layout.columns:
        text, cell_role = column.cell(workflow, look, now)
        if column.id == "errors" and alert is not None and alert.rule == "failure_rate":
            cell_role = role
        if origin.get(column.figure) in stale:
            cell_role = "stale"
        if column.right:
            room = column.width if column.id == "active" else column.width - 1
            line.add("" if room == column.width else " ").add(text, cell_role, room, right=True)
            continue
        end = line.used + column.width
        line.add("  ").add(text, cell_role, min(width_of(text), column.width - 2))
        if column.sign is not None:
            line.add(*column.sign(workflow, look))
        line.to(end)
    return line.row(KEY + workflow.name)


def _sign(
    look: Look, workflow: Workflow, alert: Alert | None, origin: Mapping[str, str], stale: frozenset[str]
) -> tuple[str, str]:
    if alert is not None:
        return look.alert_sign(alert)
    if not stale.isdisjoint(workflow.sources) or not stale.isdisjoint(origin.values()):
        return look.signs.unknown, "unknown"
    return " ", "text"
