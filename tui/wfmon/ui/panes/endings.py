"""The list of what ended: one row per episode, and what changed near the selected one."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.alert import Alert, Severity
from wfmon.model.history import Change
from wfmon.model.record import dataclass
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.episode import from_to, lasted, worst
from wfmon.ui.panes.words import called, subject
from wfmon.ui.rows import Line, Row, tail, width_of

KEY = "a:"
HOUR = 3600.0
_WIDE = 76  # cells from which on peak and n have columns
_LASTED, _RULE, _PEAK, _N = 7, 13, 6, 6


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of the columns that give way; ``counts``: there is room for peak and n."""

    when: int
    about: int
    counts: bool


def columns(look: Look, width: int, shown: Sequence[Alert], now: float) -> Columns:
    when = max((len(from_to(look, one, now)) for one in shown), default=11)
    counts = width >= _WIDE
    left = width - 2 - when - _LASTED - 2 - _RULE - 2 - (_PEAK + _N + 2 if counts else 0)
    longest = max((width_of(subject(one)) for one in shown), default=0)
    return Columns(when, max(8, min(longest, left - 8, left * 2 // 3)), counts)


def head(look: Look, width: int, at: Columns) -> Row:
    line = Line(look, width).add("  ").add("WHEN", "label", at.when).add("FOR", "label", _LASTED, right=True)
    line.add("  ").add("RULE", "label", _RULE).add(" ").add("ABOUT", "label", at.about).add(" ")
    if at.counts:
        line.add("PEAK", "label", _PEAK, right=True).add("N", "label", _N, right=True).add("  ")
    return line.add("WHO", "label").row()


def episode_row(
    look: Look, width: int, at: Columns, alert: Alert, now: float, *, selected: bool, shared: bool
) -> Row:
    """``alert`` is one that is over. ``shared``: the acks of others would be seen."""
    sign, role = _sign(look, alert.severity)
    line = Line(look, width, selected=selected).add(sign, role).add(" ")
    line.add(from_to(look, alert, now), "text", at.when).add(lasted(look, alert), "text", _LASTED, right=True)
    line.add("  ").add(alert.rule, role, _RULE).add(" ")
    name = subject(alert)
    if name.startswith("/"):
        name = tail(name, at.about, look.signs.cut)
    line.add(name, "strong", at.about).add(" ")
    if at.counts:
        line.add(worst(alert).removesuffix("/h"), "text", _PEAK, right=True)
        line.add(numbers.count(alert.n), "text", _N, right=True)
        line.add("  ")
    return line.add(*_who(alert, width - line.used, shared)).row(KEY + alert.id)


def _sign(look: Look, severity: Severity) -> tuple[str, str]:
    match severity:
        case Severity.CRITICAL:
            return look.signs.critical, "critical"
        case Severity.WARNING:
            return look.signs.warning, "warning"
        case Severity.INFO:
            return look.signs.dot, "text"


def _who(alert: Alert, room: int, shared: bool) -> tuple[str, str]:
    """Who they are counts for more than from where."""
    if not alert.had:
        return "nobody" if shared else "not you", "strong"
    whole = ", ".join(alert.had)
    short = ", ".join(map(called, alert.had))
    return whole if width_of(whole) <= room else short, "text"


def matches(alert: Alert, wanted: str) -> bool:
    """Whether ``wanted``, in small letters, is in what is said of it."""
    texts = (alert.rule, subject(alert), alert.summary, *alert.had, *(value for _name, value in alert.labels))
    return any(wanted in text.casefold() for text in texts)


def near(changes: Sequence[Change], alert: Alert | None) -> tuple[Change, ...]:
    """The changes from an hour before its begin to its end."""
    if alert is None:
        return ()
    end = alert.ended_at if alert.ended_at is not None else alert.since
    return tuple(one for one in changes if alert.since - HOUR <= one.at <= end)
