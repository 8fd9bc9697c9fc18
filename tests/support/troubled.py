"""A log in which a workflow fails often enough for an alert: the smallest thing to be alarmed about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from support.program import json_lines

ERROR = "TimeoutError: 504 after 2 s"


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def finished_run(
    workflow: str, run: str, ended: float, *, failed: bool, error: str = ERROR
) -> Iterator[dict[str, object]]:
    """The lines of one run of two seconds that ended at ``ended`` (POSIX seconds)."""
    base: dict[str, object] = {"workflow": workflow, "run_id": run}
    yield {"ts": stamp(ended - 2), "level": "info", **base, "status": "running", "msg": "run started"}
    if failed:
        yield {"ts": stamp(ended), "level": "error", **base, "status": "error", "error": error,
               "duration_seconds": 2.0, "msg": f"run failed: {error}"}  # fmt: skip
    else:
        yield {"ts": stamp(ended), "level": "info", **base, "status": "success", "duration_seconds": 2.0,
               "msg": "run success"}  # fmt: skip


def troubled_log(path: Path, *, workflow: str = "invoice_extract", runs: int = 30) -> Path:
    """Write ``runs`` runs of the last minutes, of which every second failed; a fine workflow beside.

    What it begins with is older than the window of counts, which is so covered.
    """
    now = time.time()
    lines = [*finished_run(workflow, "run-first", now - 3600, failed=False)]
    for number in range(runs):
        ended = now - 5 - 3.0 * (runs - number)
        lines += finished_run(workflow, f"run-{number:04d}", ended, failed=number % 2 == 1)
        lines += finished_run("email_triage", f"mail-{number:04d}", ended, failed=False)
    path.write_bytes(json_lines(lines))
    return path
