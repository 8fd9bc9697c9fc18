"""How a figure is got: what it is of, and what was asked of the source that tells it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wfmon.model.snapshot import Snapshot
from wfmon.model.source import SourceStatus
from wfmon.text import numbers
from wfmon.ui.panes.columns import coarse

# What each figure of a workflow is; sources say how they come to it.
MEANT = {
    "active": "runs that began and have not ended",
    "errors": "= failed / finished; failed: error, timeout, lost; cancelled and other are outside",
    "runs": "= finished runs of the window / its minutes",
    "duration": "quantiles of how long finished runs took",
    "tokens": "= input + output tokens of the window / its minutes; cached are part of input",
    "cost": "= money of the window / its hours",
    "retries": "attempts that another followed",
    "calls": "= calls of APIs in the window / its minutes",
    "queue": "runs that wait to begin, and how long they waited",
    "timeouts": "runs or calls that ended by a timeout",
    "memory": "resident memory of the processes that are known to be of it",
    "budget": "what the system that holds the budget lets it still spend",
}
_WORDS = re.compile(r"[a-z]+")


def formulas_of(source: SourceStatus | None, *names: str) -> tuple[str, ...]:
    """What was asked of ``source`` for a figure, which may go by any of ``names``. A source may say more of
    the figure in its name: ``duration p95``, ``n8n: cost``."""
    if source is None:
        return ()
    wanted = [_WORDS.findall(name.lower()) for name in names if name]
    found = []
    for figure, formula in source.formulas:
        words = _WORDS.findall(figure.lower())
        if any(_within(each, words) for each in wanted):
            found.append(formula)
    return tuple(dict.fromkeys(found))


def source_named(snapshot: Snapshot, name: str) -> SourceStatus | None:
    return next((one for one in snapshot.sources if one.name == name), None)


def sources_told(
    snapshot: Snapshot, names: Iterator[str] | list[str], now: float
) -> Iterator[tuple[str, str]]:
    """Each of the sources: kind, profile, how often it is asked, how old, what it lacks."""
    for name in dict.fromkeys(name for name in names if name):
        source = source_named(snapshot, name)
        if source is None:
            yield name, "not among the sources that are known now"
            continue
        words = [source.kind, *([f"profile {source.profile}"] if source.profile else []), source.state.value]
        if source.as_of is not None:
            words.append(f"{coarse(max(0.0, now - source.as_of))} old")
        if source.interval_seconds is not None:
            words.append(f"asked every {numbers.span(source.interval_seconds)}")
        yield name, ", ".join(words)
        for missing in source.missing:
            yield "", f"missing: {missing}"


def _within(some: list[str], words: list[str]) -> bool:
    return any(words[at : at + len(some)] == some for at in range(len(words) - len(some) + 1))
