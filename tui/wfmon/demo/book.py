"""Bookkeeping of a worker: metrics, log and ledger say the same, because one place writes all three.

A call is counted in the metrics and logged when it ends; the run's sums go to log and ledger when the
run ends. So while a run is open the metrics are ahead of the ledger by its calls, and when no run is
open the three agree exactly. A worker that is told to end cancels its open runs in all three.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
from pathlib import Path

from wfmon.demo import meters
from wfmon.demo.ledger import Entry, Ledger, ModelUse
from wfmon.demo.plan import Call, RunPlan
from wfmon.demo.problems import ValidationError
from wfmon.demo.runlog import KEEP_BYTES, JsonLog, WorkflowLogger
from wfmon.demo.spec import WorkflowSpec
from wfmon.model.record import dataclass, field


@dataclass(slots=True)
class OpenRun:
    """A run under way: ``began`` is monotonic, ``started_at`` POSIX seconds."""

    plan: RunPlan
    started_at: float
    began: float
    retries: int = 0
    attempt: int = 1
    api_calls: int = 0
    usage: dict[tuple[str, str], ModelUse] = field(default_factory=dict)
    step: str | None = None


class Book:
    """Writes what the runs of one workflow do."""

    def __init__(self, spec: WorkflowSpec, logs: Path, ledger: Ledger, log_bytes: int = KEEP_BYTES) -> None:
        self._spec = spec
        self._ledger = ledger
        path = logs / spec.log_name
        self._plain = WorkflowLogger(path, spec.name, log_bytes) if spec.plain else None
        self._log = None if spec.plain else JsonLog(path, spec.name, log_bytes)
        self._active = meters.ACTIVE.labels(spec.name)

    def started(self, plan: RunPlan) -> OpenRun:
        run = OpenRun(plan, time.time(), time.monotonic())
        self._active.inc()
        self._say(run, logging.INFO, "run started", status="running", timeout_seconds=self._spec.limit)
        return run

    def step_started(self, run: OpenRun, step: str) -> None:
        run.step, run.attempt = step, 1
        self._say(run, logging.DEBUG, f"{step} started", step=step, status="running")

    def called(
        self, run: OpenRun, call: Call, attempt: int, seconds: float, problem: Exception | None
    ) -> None:
        """One attempt of a step has ended, well if ``problem`` is None."""
        name = self._spec.name
        run.attempt = attempt
        if call.provider:
            run.api_calls += 1
            meters.CALLS.labels(name, call.provider, "error" if problem else "success").inc()
        if call.provider and call.model:
            self._spend(run, call, call.provider, call.model)
        if problem is None:
            self._say_call(run, logging.INFO, f"{run.step} done", call, seconds, status="success")

    def retrying(self, run: OpenRun, call: Call, seconds: float, problem: Exception) -> None:
        run.retries += 1
        meters.RETRIES.labels(self._spec.name).inc()
        message = f"retry {run.retries} after {type(problem).__name__}: {problem}"
        self._say_call(run, logging.WARNING, message, call, seconds)

    def gave_up(self, run: OpenRun, call: Call, seconds: float, problem: Exception) -> str:
        """The error line, with the traceback inside it or as text behind it; returns the error's words."""
        words = f"{type(problem).__name__}: {problem}"
        lines = traceback.format_exception(problem)
        as_text = isinstance(problem, ValidationError)
        inside = None if as_text else "".join(lines)
        self._say_call(
            run,
            logging.ERROR,
            f"{run.step}: {words}",
            call,
            seconds,
            status="error",
            error=words,
            traceback=inside,
        )
        if as_text and self._log:
            self._log.write_text("".join(lines).splitlines())
        return words

    def finished(self, run: OpenRun, status: str, error: str | None = None) -> None:
        """The run has ended: log, metrics and ledger, in one go."""
        name, usage = self._spec.name, tuple(run.usage.values())
        duration = round(time.monotonic() - run.began, 6)
        entry = Entry(
            index=run.plan.index,
            run_id=run.plan.id,
            logged_id=not self._spec.plain,
            workflow=name,
            status=status,
            pid=os.getpid(),
            started_at=run.started_at,
            ended_at=time.time(),
            duration_seconds=duration,
            retries=run.retries,
            api_calls=run.api_calls,
            input_tokens=sum(use.input_tokens for use in usage),
            output_tokens=sum(use.output_tokens for use in usage),
            cost_usd=sum((use.cost_usd for use in usage), 0.0),
            usage=usage,
            error=error,
        )
        self._log_end(run, entry)
        meters.EXECUTIONS.labels(name, status).inc()
        meters.DURATION.labels(name).observe(duration)
        self._active.dec()
        self._ledger.write(entry)

    def note(self, level: int, message: str) -> None:
        """A line of the workflow that belongs to no run."""
        if self._log:
            self._log.write(level, message)

    def _spend(self, run: OpenRun, call: Call, provider: str, model: str) -> None:
        name, cost = self._spec.name, call.cost_usd
        meters.TOKENS.labels(name, model, provider, "input").inc(call.input_tokens)
        meters.TOKENS.labels(name, model, provider, "output").inc(call.output_tokens)
        meters.COST.labels(name, provider, model).inc(cost)
        before = run.usage.get((provider, model)) or ModelUse(provider, model, 0, 0, 0.0)
        run.usage[provider, model] = ModelUse(
            provider,
            model,
            before.input_tokens + call.input_tokens,
            before.output_tokens + call.output_tokens,
            before.cost_usd + cost,
        )

    def _log_end(self, run: OpenRun, entry: Entry) -> None:
        if self._plain:
            tokens = entry.input_tokens + entry.output_tokens
            self._plain.log_execution(entry.status, entry.duration_seconds, tokens, entry.cost_usd)
            return
        level = logging.INFO if entry.status in ("success", "cancelled") else logging.ERROR
        self._say(
            run,
            level,
            f"run {entry.status}" if entry.error is None else f"run failed: {entry.error}",
            status=entry.status,
            duration_seconds=entry.duration_seconds,
            attempt=run.attempt,
            retries=entry.retries,
            input_tokens=entry.input_tokens if entry.usage else None,
            output_tokens=entry.output_tokens if entry.usage else None,
            cost_usd=entry.cost_usd if entry.usage else None,
            error=entry.error,
        )

    def _say(self, run: OpenRun, level: int, message: str, **fields: str | int | float | None) -> None:
        if self._log:
            self._log.write(level, message, run.plan.id, **fields)

    def _say_call(
        self,
        run: OpenRun,
        level: int,
        message: str,
        call: Call,
        seconds: float,
        **fields: str | int | float | None,
    ) -> None:
        self._say(
            run,
            level,
            message,
            step=run.step,
            attempt=run.attempt,
            duration_seconds=round(seconds, 6),
            provider=call.provider,
            model=call.model,
            input_tokens=call.input_tokens if call.model else None,
            output_tokens=call.output_tokens if call.model else None,
            cost_usd=call.cost_usd if call.model else None,
            **fields,
        )
