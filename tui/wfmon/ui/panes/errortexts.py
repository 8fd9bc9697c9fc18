"""What the errors say: the texts of failed runs, grouped into patterns."""

from __future__ import annotations

from collections.abc import Sequence

from wfmon.analysis.patterns import Message, Pattern, patterns
from wfmon.model.run import Run
from wfmon.text import numbers
from wfmon.text.redact import redact
from wfmon.ui.look import Look
from wfmon.ui.panes.columns import coarse
from wfmon.ui.rows import Line, Row, rule, width_of, wrap

KEY = "x:"
_COUNT = 5
_WIDE = 100  # cells from which a text that is too long for its row takes a second


class ErrorTexts:
    """The patterns of a list of runs, kept while the list says the same."""

    def __init__(self) -> None:
        self._said: tuple[Run, ...] = ()
        self._found: tuple[Pattern, ...] = ()

    def of(self, runs: Sequence[Run]) -> tuple[Pattern, ...]:
        failed = tuple(run for run in runs if run.failed and run.error)
        same = len(failed) == len(self._said) and all(
            new is old for new, old in zip(failed, self._said, strict=True)
        )
        if not same:
            self._said, self._found = failed, error_patterns(failed)
        return self._found


def error_patterns(runs: Sequence[Run]) -> tuple[Pattern, ...]:
    """What failed runs say, the most frequent first; ``ref`` of a message is the id of its run."""
    return patterns(
        Message(redact(run.error), run.error_at or run.ended_at, run.workflow, run.id)
        for run in runs
        if run.failed and run.error
    )


def error_rows(
    look: Look,
    width: int,
    height: int,
    found: Sequence[Pattern],
    now: float,
    *,
    first_shown: int = 0,
    selected: int | None = None,
) -> list[Row]:
    """A title and the most frequent patterns from ``first_shown`` on, in ``height`` rows. ``selected``: the
    one that the cursor is on."""
    if height < 2 or not found:
        return []
    several = f"{len(found)} patterns" if len(found) > 1 else ""
    rows = [rule(look, width, "What the errors say", several)]
    found = found[first_shown:]
    told = [_times(look, one, now) for one in found[: height - 1]]
    first, last = (max(width_of(words[n]) for words in told) for n in (0, 1))
    room = width - _COUNT - 2 - (first + 2 if first else 0) - (last + 2 if last else 0)
    for number, (one, (began, ended)) in enumerate(zip(found, told, strict=False)):
        left = height - len(rows)
        if left < 1:
            break
        fold = width >= _WIDE and left > len(found) - number
        parts = wrap(one.text, room, 2) if fold else [one.text]
        here = selected == first_shown + number
        line = (
            Line(look, width, selected=here)
            .add(f"{numbers.count(one.count)}x", "strong", _COUNT, right=True)
            .add("  ")
        )
        line.add(parts[0], "text", room)
        line.add("  " if first else "").add(began, "muted", first)
        line.add("  " if last else "").add(ended, "muted", last, right=True)
        rows.append(line.row(f"{KEY}{first_shown + number}"))
        rows += [Line(look, width).add(" " * (_COUNT + 2)).add(part, "text").row() for part in parts[1:]]
    return rows


def _times(look: Look, one: Pattern, now: float) -> tuple[str, str]:
    first = f"first {look.clock(one.first)}" if one.first is not None and one.count > 1 else ""
    return first, f"last {coarse(max(0.0, now - one.last))} ago" if one.last is not None else ""
