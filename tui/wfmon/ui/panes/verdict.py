"""Line 2: the one sentence; and, when all is fine, what ended a while ago."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.alert import Alert
from wfmon.model.snapshot import Verdict
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.words import ended_ago, subject, who_had
from wfmon.ui.rows import Line, Row, cut, width_of, wrap

KEY = "verdict"


def verdict_rows(look: Look, width: int, verdict: Verdict, *, enter: bool) -> list[Row]:
    """One row, two where the sentence is longer. ``enter``: ⏎ opens what it speaks of."""
    sign, role = look.level_sign(verdict.level)
    rows = []
    parts = wrap(verdict.text, width - 3, 2)
    for number, text in enumerate(parts):
        line = Line(look, width).add(sign if number == 0 else " ", role).add(" ").add(text, _weight(role))
        hint = f" {look.signs.dot} {look.signs.enter}"
        if enter and number == len(parts) - 1 and line.used + width_of(hint) <= width:
            line.add(hint, "muted")
        rows.append(line.row(KEY))
    return rows


def ended_row(
    look: Look,
    width: int,
    ended: Sequence[Alert],
    now: float,
    *,
    key: str,
    shared: bool,
    selected: bool,
) -> Row | None:
    """What the page was about, when all is green again; None if nothing ended. ``ended``: newest first;
    ``key`` lists them all."""
    if not ended:
        return None
    last = ended[0]
    at = last.ended_at if last.ended_at is not None else now
    span = f"{look.minute(last.since, now)}–{look.minute(at, now)}"
    text = f"{ended_ago(ended, now)}: {_what(last)} {span}, "
    line = Line(look, width, selected=selected).add("  ")
    hint = f" {look.signs.dot} {key}"
    room = width - line.used - width_of(hint)
    line.add(cut(text + who_had(last, shared), room, look.signs.cut), "muted").add(hint, "muted")
    return line.row(f"a:{last.id}")


def _weight(role: str) -> str:
    return role if role in ("critical", "unknown") else "strong"


def _what(alert: Alert) -> str:
    return f"{subject(alert)} {_was(alert)}".strip()


def _was(alert: Alert) -> str:
    worst = alert.peak if alert.peak is not None else alert.value
    if alert.rule == "failure_rate" and worst is not None:
        return f"failed {numbers.percent(worst)}"
    return alert.rule
