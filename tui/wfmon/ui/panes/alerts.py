"""The alert pane: one row per alert, what needs a person first, what is about to fire last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from wfmon.model.alert import Alert, AlertState, Severity
from wfmon.model.record import dataclass
from wfmon.model.snapshot import Snapshot
from wfmon.ui.look import Look
from wfmon.ui.panes.words import ROOM, ended_ago, fact, standing, subject
from wfmon.ui.rows import Line, Row, rule, tail, width_of

MOST_ROWS = 6
KEY = "a:"
_RULE = 13  # cells of the rule's name
_LEAST_ABOUT, _LEAST_FACT = 8, 10
_COUNTED = (
    (AlertState.NO_DATA, "no data"),
    (AlertState.ACKED, "acked"),
    (AlertState.SNOOZED, "snoozed"),
    (AlertState.SILENCED, "silenced"),
    (AlertState.INHIBITED, "inhibited"),
    (AlertState.PENDING, "pending"),
)

_LATER = {
    AlertState.ACKED: 1,
    AlertState.SNOOZED: 1,
    AlertState.SILENCED: 2,
    AlertState.INHIBITED: 2,
    AlertState.PENDING: 3,
}

Need = tuple[int, int, float, str]


def need(alert: Alert) -> Need:
    """Sorts alerts: what nobody has first, then what somebody has, what is muted, what has not fired yet;
    each by weight, then the oldest first."""
    return (_LATER.get(alert.state, 0), -alert.severity, alert.since, alert.id)


def listed(alerts: Iterable[Alert]) -> list[Alert]:
    """What the pane lists, by need; those of one workflow stand together, where the first of them stands."""
    shown = sorted((alert for alert in alerts if is_listed(alert)), key=need)
    first: dict[tuple[bool, str], Need] = {}
    for alert in shown:
        first.setdefault(_group(alert), need(alert))
    return sorted(shown, key=lambda alert: (first[_group(alert)], need(alert)))


def is_listed(alert: Alert) -> bool:
    return alert.open or alert.state is AlertState.PENDING


def _group(alert: Alert) -> tuple[bool, str]:
    return alert.state is AlertState.PENDING, alert.workflow or f"\0{alert.id}"


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the rule, of what it is about, of what was measured, and of who has it."""

    rule: int
    about: int
    fact: int
    standing: int


def columns(look: Look, width: int, alerts: Sequence[Alert], now: float) -> Columns:
    """Blanks give way where who has an alert, since and until when, would not fit in its column."""
    extra = max(0, width - 80)
    name, about, measured = _RULE + extra // 8, 16 + extra // 8, 21 + extra // 2
    if width < 80:
        about, measured = 15, max(9, width - 32 - 21)
    room = width - name - about - measured - 5
    wanted = max((width_of(standing(one, look, now, ROOM)) for one in alerts if one.taken), default=0)
    spare = min(max(0, wanted - room), _blank(measured, _LEAST_FACT, (_facts(one, look) for one in alerts)))
    measured, room = measured - spare, room + spare
    spare = min(max(0, wanted - room), _blank(about, _LEAST_ABOUT, (subject(one) for one in alerts)))
    return Columns(name, about - spare, measured, room + spare)


def _blank(width: int, least: int, texts: Iterable[str]) -> int:
    """Cells of a column that no text needs."""
    return max(0, width - max(least, *(width_of(text) for text in texts), 0))


def _flaps(alert: Alert, look: Look) -> str:
    return f"{look.signs.flap}{alert.flaps} " if alert.flaps else ""


def _facts(alert: Alert, look: Look) -> str:
    return _flaps(alert, look) + fact(alert)


class AlertsPane:
    """Draws rows and keeps them while nothing in them changed."""

    def __init__(self) -> None:
        self._drawn: dict[str, tuple[tuple[object, ...], Alert, Row]] = {}

    def title(self, look: Look, width: int, snapshot: Snapshot, now: float, *, key: str, new: int) -> Row:
        """``key`` lists what ended; ``new``: how many came while the order was frozen."""
        counts = _counts(snapshot.alerts, new)
        gone = snapshot.ended
        if gone:
            counts.append(f"{ended_ago(gone, now)}: {key}")
        if snapshot.store_problem:  # the longest, and so the last: what does not fit is cut
            counts.append(snapshot.store_problem)
        return rule(look, width, "Alerts", f" {look.signs.dot} ".join(counts))

    def rows(
        self, look: Look, width: int, alerts: Sequence[Alert], now: float, *, cursor: str | None
    ) -> list[Row]:
        at = columns(look, width, alerts, now)
        return [self._row(look, width, at, alert, now, cursor == KEY + alert.id) for alert in alerts]

    def more(self, look: Look, width: int, hidden: Collection[Alert]) -> Row:
        """``+7 more, 3 critical (2 taken)``."""
        words = f"  +{len(hidden)} more"
        critical = [one for one in hidden if one.open and one.severity is Severity.CRITICAL]
        taken = sum(one.taken for one in critical)
        if critical:
            words += f", {len(critical)} critical"
        if taken:
            words += " (taken)" if taken == len(critical) else f" ({taken} taken)"
        return Line(look, width).add(words, "muted").row()

    def _row(self, look: Look, width: int, at: Columns, alert: Alert, now: float, selected: bool) -> Row:
        words = standing(alert, look, now, at.standing)
        variant = (look, width, at, selected, words)
        known = self._drawn.get(alert.id)
        if known is not None and known[1] is alert and known[0] == variant:
            return known[2]
        row = _drawn(look, width, at, alert, words, selected)
        if len(self._drawn) > 500:
            self._drawn.clear()
        self._drawn[alert.id] = (variant, alert, row)
        return row


def _drawn(look: Look, width: int, at: Columns, alert: Alert, words: str, selected: bool) -> Row:
    sign, role = look.alert_sign(alert)
    faint = alert.state is AlertState.PENDING
    line = Line(look, width, selected=selected)
    line.add(sign, role).add(" ").add(alert.rule, role, at.rule).add(" ")
    name = subject(alert)
    if name.startswith("/"):
        name = tail(name, at.about, look.signs.cut)
    line.add(name, "muted" if faint else "strong", at.about).add(" ")
    flaps = _flaps(alert, look)
    line.add(flaps, "muted" if faint else "warning")
    line.add(fact(alert), "muted" if faint else "text", at.fact - width_of(flaps)).add(" ")
    held = alert.ack is not None and alert.ack.problem is not None
    line.add(words, "refusal" if alert.unsaved or held else role if alert.taken or faint else "text")
    return line.row(KEY + alert.id)


def _counts(alerts: Sequence[Alert], new: int) -> list[str]:
    parts = [f"{new} new below"] if new else []
    parts.append(f"{sum(alert.state is AlertState.FIRING for alert in alerts)} firing")
    for state, word in _COUNTED:
        count = sum(alert.state is state for alert in alerts)
        if count:
            parts.append(f"{count} {word}")
    return parts
