"""The alert pane: one row per open alert, what needs a person first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.snapshot import Snapshot
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.words import fact, standing, subject
from wfmon.ui.rows import Line, Row, rule, tail

MOST_ROWS = 6
KEY = "a:"


def need(alert: Alert) -> tuple[bool, int, float]:
    """Sorts alerts: what nobody has first, then the heaviest, then the oldest."""
    return (alert.taken, -alert.severity, alert.since)


class AlertsPane:
    """Draws rows and keeps them while nothing in them changed."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[tuple[object, ...], Alert, Row]] = {}

    def title(self, look: Look, width: int, snapshot: Snapshot, now: float, *, key: str, new: int) -> Row:
        """``key`` lists what ended; ``new``: how many came while the order was frozen."""
        counts = _counts(snapshot.alerts, new)
        gone = snapshot.ended
        if gone:
            ago = numbers.age(max(0.0, now - (gone[0].ended_at or 0.0)))
            counts.append(f"{len(gone)} ended {ago} ago: {key}")
        if snapshot.store_problem:  # the longest, and so the last: what does not fit is cut
            counts.append(snapshot.store_problem)
        return rule(look, width, "Alerts", f" {look.signs.dot} ".join(counts))

    def rows(
        self, look: Look, width: int, alerts: Sequence[Alert], now: float, *, cursor: str | None
    ) -> list[Row]:
        return [self._row(look, width, alert, now, cursor == KEY + alert.id) for alert in alerts]

    def more(self, look: Look, width: int, hidden: Collection[Alert]) -> Row:
        """``+7 more, 3 critical``."""
        words = f"  +{len(hidden)} more"
        critical = sum(alert.severity is Severity.CRITICAL for alert in hidden)
        if critical:
            words += f", {critical} critical"
        return Line(look, width).add(words, "muted").row()

    def _row(self, look: Look, width: int, alert: Alert, now: float, selected: bool) -> Row:
        extra = max(0, width - 80)
        about, measured = 17 + extra // 4, 22 + extra // 2
        if width < 80:
            about, measured = 16, max(10, width - 32 - 20)
        room = width - 16 - about - measured - 1
        words = standing(alert, look, now, room)
        variant = (look, width, selected, words)
        known = self._drawn.get(alert.id)
        if known is not None and known[1] is alert and known[0] == variant:
            return known[2]
        sign, role = look.alert_sign(alert)
        line = Line(look, width, selected=selected)
        line.add(sign, role).add(" ").add(alert.rule, role, 13).add(" ")
        name = subject(alert)
        if name.startswith("/"):
            name = tail(name, about - 1, look.signs.cut)
        line.add(name, "strong", about - 1).add(" ")
        line.add(fact(alert), "text", measured - 1).add(" ")
        line.add(words, "refusal" if alert.unsaved else "acked" if alert.taken else "text")
        row = line.row(KEY + alert.id)
        if len(self._drawn) > 500:
            self._drawn.clear()
        self._drawn[alert.id] = (variant, alert, row)
        return row


def _counts(alerts: Sequence[Alert], new: int) -> list[str]:
    opened = [alert for alert in alerts if alert.open]
    firing = sum(not alert.taken for alert in opened)
    parts = []
    if new:
        parts.append(f"{new} new below")
    parts.append(f"{firing} firing")
    for state in (AlertState.ACKED, AlertState.SNOOZED, AlertState.SILENCED, AlertState.INHIBITED):
        count = sum(alert.state is state for alert in opened)
        if count:
            parts.append(f"{count} {state.value}")
    return parts
