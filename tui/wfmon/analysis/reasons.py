"""What failed runs have in common, in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wfmon.model.run import FAILED, Run

MOST = 5
NEWEST = 200  # failed runs that are looked at
_LONGEST = 48


def reasons(failed: Sequence[Run]) -> tuple[str, ...]:
    """The most frequent first, with counts: ``extract: ReadTimeout (12)``. ``failed``: oldest first."""
    counts = Counter(reason(run) for run in failed[-NEWEST:])
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return tuple(f"{words} ({count})" for words, count in ordered[:MOST])


def reason(run: Run) -> str:
    """The step that failed last and the head of the error: what a text says before its first colon is the
    same for all errors of a kind, what comes behind it often is not."""
    step = next((each for each in reversed(run.steps) if each.status in FAILED), None)
    error = run.error or (step.error if step is not None else None)
    head = "" if error is None else error.split(": ", 1)[0].split(" (", 1)[0].strip()
    if len(head) > _LONGEST:
        head = head[: _LONGEST - 1] + "…"
    words = head or run.status.value
    return f"{step.name[:_LONGEST]}: {words}" if step is not None else words
