"""Which runs are listed: all open, the newest, and all failed ones of each workflow's window."""

from __future__ import annotations

from collections.abc import Mapping

from wfmon.analysis.runindex import RunIndex
from wfmon.model.run import Run

NEWEST = 100


def listed_runs(
    indexes: Mapping[str, tuple[float, RunIndex]], windows: Mapping[str, float]
) -> tuple[Run, ...]:
    """Newest first by end (open runs by their last line, in front).

    ``indexes``: per workflow the time at which its logs were read, and its runs. ``windows``: the
    seconds its counts cover.
    """
    chosen: dict[tuple[str, str], Run] = {}
    for name, (at, index) in indexes.items():
        for run in index.failed(at, windows.get(name, 0.0)):
            chosen[run.workflow, run.id] = run
    for run in _newest([index for _, index in indexes.values()]):
        chosen[run.workflow, run.id] = run
    finished = sorted(chosen.values(), key=lambda run: -(run.ended_at or 0.0))
    running = [run for _, index in indexes.values() for run in index.runs.open]
    running.sort(key=lambda run: -(run.last_line_at or run.started_at or 0.0))
    return (*running, *finished)


def _newest(indexes: list[RunIndex]) -> list[Run]:
    """The newest finished runs of all; workflows whose newest is too old are not looked into."""
    ordered = sorted(
        (index for index in indexes if index.newest is not None),
        key=lambda index: -_end(index.newest),
    )
    newest: list[Run] = []
    for index in ordered:
        if len(newest) >= NEWEST and _end(index.newest) <= _end(newest[NEWEST - 1]):
            break
        newest = sorted([*newest, *index.runs.finished[-NEWEST:]], key=lambda run: -_end(run))[:NEWEST]
    return newest


def _end(run: Run | None) -> float:
    return (run.ended_at or 0.0) if run else 0.0
