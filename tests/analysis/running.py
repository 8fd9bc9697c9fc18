"""Runs that go on, for tests of the rules about them."""

from __future__ import annotations

from wfmon.analysis.runindex import RunIndex
from wfmon.model.baseline import Baseline
from wfmon.model.run import Run, RunStatus, Usage, WorkflowRuns

NOW = 1_800_000_000.0


def running(run_id: str, elapsed: float | None, *, cost: float | None = None, **more: object) -> Run:
    return Run(
        run_id,
        "w",
        RunStatus.RUNNING,
        started_at=None if elapsed is None else NOW - elapsed,
        usage=Usage(cost_usd=cost),
        source="logs",
        **more,  # type: ignore[arg-type]
    )


def usual(
    p50: float | None = 60.0, p99: float | None = 100.0, cost: float | None = 1.0, n: int = 50
) -> Baseline:
    return Baseline("w", n=n, duration_p50_seconds=p50, duration_p99_seconds=p99, cost_p99_usd=cost)


def indexed(*runs: Run, finished: tuple[Run, ...] = ()) -> dict[str, RunIndex]:
    return {"w": RunIndex(WorkflowRuns("w", tuple(runs), finished, 0.0, open_complete=True))}
