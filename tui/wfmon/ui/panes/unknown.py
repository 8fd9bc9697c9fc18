"""In place of what is not known of a past moment: why, and what is known nearest to it."""

from __future__ import annotations

from wfmon.model.past import PastMoment
from wfmon.ui.moments import told
from wfmon.ui.rows import Line, Row, rule, wrap
from wfmon.ui.views.base import Frame

_MOST_ROWS = 4


def unknown_rows(frame: Frame, past: PastMoment) -> list[Row]:
    look, width = frame.look, frame.width

    def clock(at: float) -> str:
        return told(at, past.at, look.zone, seconds=at % 60 != 0)

    rows = [rule(look, width, f"Nothing is known of {clock(past.at)}")]
    for part in wrap(past.why or "nobody watched then", width - 4, _MOST_ROWS):
        rows.append(Line(look, width).add("  ").add(part, "unknown").row())
    nearest = [f"before it {clock(past.before)}"] if past.before is not None else []
    nearest += [f"after it {clock(past.after)}"] if past.after is not None else []
    if nearest:
        rows.append(Line(look, width).add(f"  known {', '.join(nearest)}", "muted").row())
    return rows[: max(0, frame.height)]
