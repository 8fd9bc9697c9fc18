"""What was spent, split by model, provider or workflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from wfmon.model.record import dataclass
from wfmon.model.snapshot import CostRow
from wfmon.monitor.spendreport import cache_hit
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_part
from wfmon.ui.panes.facts import Part
from wfmon.ui.plots import share_bar
from wfmon.ui.rows import Line, Row, width_of

if TYPE_CHECKING:
    from wfmon.analysis.accounts import SpendLine

KEY = "l:"
APART = "a:"  # lines that are in no sum
NOT_TOLD = "not told"
APART_WHY = "dim: another source tells of the same work; in no sum"
BAR_WIDTH = 8
LEAST_NAME, WANTED_NAME, MOST_NAME = 12, 22, 40  # what a name gets before and after other columns


@dataclass(frozen=True, slots=True)
class _Column:
    """``rank``: what does not fit goes from the highest on. ``width`` holds the gap before it."""

    head: str
    width: int
    rank: int
    cell: Callable[[Look, SpendLine], Part]


def _number(text: str) -> Part:
    return text, "muted" if text == numbers.UNKNOWN else "text"


def _success(look: Look, line: SpendLine) -> Part:
    return money_part(look, line.per_success) if line.per_success is not None else _number(numbers.UNKNOWN)


def _runs(_look: Look, line: SpendLine) -> Part:
    return _number(numbers.count(line.runs.runs) if line.runs is not None else numbers.UNKNOWN)


_COLUMNS = (
    _Column("TOKENS", 8, 1, lambda _look, line: _number(numbers.count(line.amounts.tokens))),
    _Column("IN", 8, 7, lambda _look, line: _number(numbers.count(line.amounts.input))),
    _Column("OUT", 8, 8, lambda _look, line: _number(numbers.count(line.amounts.output))),
    _Column("CACHE", 6, 3, lambda _look, line: _number(numbers.percent(cache_hit(line.amounts)))),
    _Column("WASTED", 9, 2, lambda look, line: money_part(look, line.wasted)),
    _Column("RUNS", 7, 6, _runs),
    _Column("$/SUCCESS", 10, 4, _success),
    _Column("CALLS", 7, 5, lambda _look, line: _number(numbers.count(line.amounts.calls))),
)


def key_of(line: SpendLine) -> str:
    return (KEY if line.counted else APART) + line.name


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that fit, for all rows alike."""

    name: int
    money: int
    bar: int
    columns: tuple[_Column, ...]


def table(look: Look, width: int, lines: Sequence[SpendLine]) -> Table:
    """A column that no line has a figure for is left out."""
    money = max([8, *(width_of(money_part(look, line.money)[0]) for line in lines)]) + 1
    told = [
        column for column in _COLUMNS if any(column.cell(look, line)[0] != numbers.UNKNOWN for line in lines)
    ]
    bar = BAR_WIDTH * (2 if width >= 110 else 1)
    longest = max((width_of(line.name or NOT_TOLD) for line in lines), default=0)
    name = max(LEAST_NAME, min(longest, WANTED_NAME))
    room = width - 2 - name - money - bar - 8
    taken = []
    for column in sorted(told, key=lambda column: column.rank):
        wide = max([column.width, *(width_of(column.cell(look, line)[0]) + 1 for line in lines)])
        if wide <= room:
            taken.append((column, wide))
            room -= wide
    name += max(0, min(room, longest - name, MOST_NAME - name))
    widths = dict(taken)
    columns = tuple(
        _Column(column.head, widths[column], column.rank, column.cell) for column in told if column in widths
    )
    return Table(name, money, bar, columns)


def head(look: Look, width: int, at: Table, by: str) -> Row:
    line = Line(look, width).add("  ").add(by.upper(), "label", at.name)
    line.add("SPENT", "label", at.money, right=True).add("  ").add("SHARE", "label", at.bar + 6)
    for column in at.columns:
        line.add(column.head, "label", column.width, right=True)
    return line.row()


def line_row(look: Look, width: int, at: Table, line: SpendLine, *, selected: bool) -> Row:
    row = Line(look, width, selected=selected).add("  ")
    dim = "stale" if not line.counted else None
    row.add(line.name or NOT_TOLD, dim or ("text" if line.name else "muted"), at.name)
    text, role = money_part(look, line.money, role="strong")
    row.add(text, dim or role, at.money, right=True).add("  ")
    filled, rest = share_bar(look, line.share if line.counted else None, at.bar)
    row.add(filled, "bar").add(rest, "bar_rest")
    percent = numbers.percent(line.share) if line.counted else ""
    row.add(percent, dim or _number(percent)[1], 5, right=True).add(" ")
    for column in at.columns:
        text, role = column.cell(look, line)
        row.add(text, dim or role, column.width, right=True)
    return row.row(key_of(line))


def live_rows(look: Look, width: int, rows: Sequence[CostRow], by: str, window: str) -> Iterator[Row]:
    """What is known of now alone, while nothing is known of the past."""
    name = max(LEAST_NAME, min(MOST_NAME, width - 40))
    line = Line(look, width).add("  ").add(by.upper(), "label", name)
    line.add(f"$/h {window}", "label", 14, right=True)
    yield line.add("LAST HOUR", "label", 14, right=True).row()
    dear = sorted(rows, key=lambda row: -(row.burn.least or row.usd_per_hour or 0.0))
    for row in dear:
        dim = None if row.counted else "stale"
        line = Line(look, width).add("  ").add(row.name or NOT_TOLD, dim or "text", name)
        for money in (row.burn, row.hour):
            text, role = money_part(look, money)
            line.add(text, dim or role, 14, right=True)
        yield line.row()
