"""What was found on this host where no source is named: for the sources screen."""

from __future__ import annotations

from wfmon.model.discovery import Discovery
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.facts import LABEL_WIDTH, wrapped_fact
from wfmon.ui.rows import Line, Row, cut, rule

KEY = " discovery"  # of its row, among those of sources: no name of one begins with a blank
_MOST_ROWS = 6  # of one part


def discovery_rows(look: Look, width: int, discovery: Discovery, *, selected: bool) -> list[Row]:
    """What is there, what has gone, what is not looked at and why, where was looked; the first row is the
    cursor's."""
    line = Line(look, width, selected=selected).add("next", "label", LABEL_WIDTH)
    advice = f"write it down: wfmon-tui init {look.signs.dot} each in detail: wfmon-tui doctor"
    rows = [rule(look, width, "Found on this host", _when(discovery))]
    rows.append(line.add(cut(advice, width - LABEL_WIDTH, look.signs.cut)).row(KEY))
    there = [each.what for each in discovery.found if each.gone_since is None]
    if not there and discovery.at is not None and discovery.problem is None:
        there = ["nothing that can be read"]
    gone = [
        f"{each.what}: since {look.minute(each.gone_since, discovery.at or each.gone_since)}"
        for each in discovery.found
        if each.gone_since is not None
    ]
    failed = [discovery.problem] if discovery.problem is not None else []
    rows += _part(look, width, "failed", failed, "warning")
    rows += _part(look, width, "found", there)
    rows += _part(look, width, "gone", gone, "warning")
    rows += _part(look, width, "not seen", discovery.left)
    return rows + _part(look, width, "looked", [", ".join(discovery.looked)])


def _when(discovery: Discovery) -> str:
    if discovery.at is None:
        return "looking for the first time"
    return f"again every {numbers.age(discovery.every)}" if discovery.every is not None else ""


def _part(
    look: Look, width: int, label: str, texts: tuple[str, ...] | list[str], role: str = "text"
) -> list[Row]:
    rows: list[Row] = []
    for number, text in enumerate(texts):
        rows += wrapped_fact(look, width, label if number == 0 else "", text, role, _MOST_ROWS)
    return rows
