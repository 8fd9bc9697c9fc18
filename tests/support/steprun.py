"""A failed run with its steps, as a snapshot lists it."""

from __future__ import annotations

from dataclasses import replace

from support.snapshots import NOW, incident
from wfmon.model.run import RunStatus, Step, Usage
from wfmon.model.snapshot import Snapshot

STEPS = (
    Step("fetch", RunStatus.SUCCESS, NOW - 14.8, 0.4, ended_at=NOW - 14.4),
    Step(
        "extract",
        RunStatus.ERROR,
        NOW - 14.4,
        2.8,
        attempt=3,
        model="gpt-x",
        usage=Usage(input=1_100, output=100, total=1_200),
        error="TimeoutError",
        ended_at=NOW - 6,
    ),
)


def with_run(**fields: object) -> Snapshot:
    base = incident()
    run = replace(base.runs[0], steps=STEPS, **fields)  # type: ignore[arg-type]
    return replace(base, runs=(run, *base.runs[1:]))
