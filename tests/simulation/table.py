"""One row per simulated rule and traffic, as a table of Markdown: what a rule costs and what it gives.

Each simulation prints its rows; with ``WFMON_SIMULATION_TABLE`` set to a file they are appended to it too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

HEAD = (
    "| rule | traffic | naive: false alarms in 30 d | ours | minutes to detect | minutes to clear |\n"
    "|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Row:
    """``naive`` and ``ours``: false alarms in 30 days; ``detect`` and ``clear``: median minutes of ours.
    None: does not apply, or was not asked."""

    rule: str
    traffic: str
    naive: float | None
    ours: float | None
    detect: float | None = None
    clear: float | None = None

    def __str__(self) -> str:
        figures = (self.naive, self.ours, self.detect, self.clear)
        return "| " + " | ".join((self.rule, self.traffic, *(_figure(each) for each in figures))) + " |"


def show(row: Row) -> Row:
    """Prints the row, and hands it back for the assertions."""
    print(row)
    path = os.environ.get("WFMON_SIMULATION_TABLE")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{row}\n")
    return row


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value == int(value) or value >= 10 else f"{value:.1f}"
