"""What changed: when, what of, and how."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.model.history import Change
from wfmon.ui.look import Look
from wfmon.ui.moments import told
from wfmon.ui.rows import Line, Row, width_of

_KIND = 10
_SUBJECT = 18
_ONE_ROW = 56  # cells that one change needs in a row; else it takes two


def change_rows(look: Look, width: int, changes: Sequence[Change], now: float) -> list[Row]:
    """A row of each, two where it is narrow. ``now``: the day that needs no name."""
    clocks = [told(one.at, now, look.zone, seconds=True) for one in changes]
    longest = max(map(len, clocks), default=0)
    subject = min(_SUBJECT, max((width_of(one.subject) for one in changes), default=0))
    rows = []
    for clock, one in zip(clocks, changes, strict=True):
        line = Line(look, width).add(f"  {clock:<{longest}}  ", "muted").add(one.kind.value, "strong", _KIND)
        if width >= _ONE_ROW:
            rows.append(line.add(one.subject, "text", subject).add("  ").add(one.text, "text").row())
        else:
            rows.append(line.add(one.subject, "text").row())
            rows.append(Line(look, width).add("    ").add(one.text, "text").row())
    return rows
