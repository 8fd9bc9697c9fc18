"""The slowest steps of a workflow: where the time of its runs goes."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.stepstats import StepStat
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.rows import Line, Row, width_of

KEY = "p:"
_NAME = (8, 32)  # fewest and most cells of a name
_BAR = 10
_WIDE = 100  # cells from which on the share has a bar
_HEADS = (("SHARE", 7), ("P50", 8), ("P95", 8), ("N", 6), ("FAILED", 8), ("RETRIES", 9))


def stat_head(look: Look, width: int, stats: Sequence[StepStat]) -> Row:
    line = Line(look, width).add("  ").add("STEP", "label", _name(width, stats))
    if width >= _WIDE:
        line.add(" " * (_BAR + 2))
    for text, cells in _HEADS:
        line.add(text, "label", cells, right=True)
    return line.row()


def stat_row(look: Look, width: int, stats: Sequence[StepStat], stat: StepStat, *, selected: bool) -> Row:
    """``stats``: all of them, so that the columns stand below each other."""
    line = Line(look, width, selected=selected)
    sign = (look.signs.critical, "critical") if stat.failed else (" ", "text")
    line.add(*sign).add(" ").add(stat.name, "strong" if stat.failed else "text", _name(width, stats))
    if width >= _WIDE:
        filled, rest = look.signs.gauge(stat.share, _BAR)
        line.add("  ").add(filled, "bar").add(rest, "bar_rest")
    cells = (
        numbers.percent(stat.share),
        numbers.span(stat.p50_seconds),
        numbers.span(stat.p95_seconds),
        numbers.count(stat.n),
        numbers.count(stat.failed),
        numbers.count(stat.retries),
    )
    for (head, wide), text in zip(_HEADS, cells, strict=True):
        role = "muted" if text in ("0", numbers.UNKNOWN) else "critical" if head == "FAILED" else "text"
        line.add(text, role, wide, right=True)
    if stat.going:
        line.add(f"  {stat.going} going on", "muted")
    return line.row(KEY + stat.name)


def _name(width: int, stats: Sequence[StepStat]) -> int:
    longest = max((width_of(stat.name) for stat in stats), default=0)
    room = width - 2 - sum(cells for _, cells in _HEADS) - (_BAR + 2 if width >= _WIDE else 0)
    return max(_NAME[0], min(longest, _NAME[1], room))
