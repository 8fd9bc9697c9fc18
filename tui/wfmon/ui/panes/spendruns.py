"""The dearest runs of a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wfmon.model.spend import DearRun
from wfmon.text import numbers
from wfmon.ui.look import Look
from wfmon.ui.panes.amounts import money_part
from wfmon.ui.panes.facts import lasted, outcome, run_sign
from wfmon.ui.rows import Line, Row, width_of

KEY = "d:"


def key_of(dear: DearRun) -> str:
    return f"{KEY}{dear.run.workflow}\0{dear.run.id}"


def dear_rows(
    look: Look, width: int, runs: Sequence[DearRun], now: float, cursor: str | None
) -> Iterator[Row]:
    if not runs:
        return
    names = max(width_of(dear.run.workflow) for dear in runs)
    ids = max(width_of(_id(dear)) for dear in runs)
    room = width - 2 - 12 - 9 - 11 - 13
    name = max(8, min(names, room // 2 if ids + names > room else names))
    shown = max(6, min(ids, room - name - 2))
    for dear in runs:
        run, key = dear.run, key_of(dear)
        line = Line(look, width, selected=key == cursor)
        line.add(*run_sign(look, run.status)).add(" ")
        text, role = money_part(look, dear.money, role="strong")
        line.add(text, role, 11, right=True).add("  ")
        line.add(run.workflow, "text", name).add("  ").add(_id(dear), "muted", shown)
        tokens = f"{numbers.count(run.usage.total)} tok" if run.usage.total is not None else ""
        line.add(tokens, "text", 11, right=True)
        seconds = lasted(run, now)
        words = outcome(run.status, run.status_word)
        when = f"  {look.minute(run.ended_at, now)}" if run.ended_at is not None else ""
        line.add(when, "muted", 13)
        line.add(f"  {words}" + (f" {numbers.span(seconds)}" if seconds is not None else ""), "muted")
        yield line.row(key)


def _id(dear: DearRun) -> str:
    return dear.run.id if dear.run.has_id else "without id"
