"""Plain aligned columns for standard output."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Lines of aligned cells; the first ``left`` columns are flush left, the others flush right."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_cell(row, i, widths[i], left) for i in range(len(row))).rstrip() for row in rows]


def cells(text: str) -> int:
    """Terminal cells that a safe one-row text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _cell(row: Sequence[str], column: int, width: int, left: int) -> str:
    blank = " " * (width - cells(row[column]))
    return row[column] + blank if column < left else blank + row[column]
