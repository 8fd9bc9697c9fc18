"""One row per simulated rule and traffic, as a table of Markdown: what a rule costs and what it gives.

``docs/alerting.md`` holds the rows. A simulation whose row is not there, to the letter, fails: so a changed
default shows its price. ``python -m simulation.report`` writes them anew.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HEAD = (
    "| rule | traffic | naive: false alarms in 30 d | ours | minutes to detect | minutes to clear |\n"
    "|---|---|---|---|---|---|"
)
WRITE_TO = "WFMON_SIMULATION_TABLE"  # a file: rows are appended to it, and not looked for in the document
DOCUMENT = Path(__file__).parents[2] / "docs" / "alerting.md"


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
    """Prints the row, sees that the document has it, and hands it back for the assertions."""
    print(row)
    path = os.environ.get(WRITE_TO)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{row}\n")
    else:
        assert str(row) in written("table"), (
            f"{DOCUMENT.name} does not say this of {row.rule}; see what became dearer, then: "
            "cd tests && python -m simulation.report"
        )
    return row


@cache
def written(block: str) -> tuple[str, ...]:
    """The lines that the document has between the marks of ``block``."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    begin, end = (lines.index(mark) for mark in marks(block))
    return tuple(lines[begin + 1 : end])


def marks(block: str) -> tuple[str, str]:
    return f"<!-- {block} -->", f"<!-- end of {block} -->"


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if value == int(value) or value >= 10 else f"{value:.1f}"
