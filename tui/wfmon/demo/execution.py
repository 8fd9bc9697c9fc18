"""Carries out one planned run: waits, fails, tries again, and tells the book."""

from __future__ import annotations

import asyncio
import time

from wfmon.demo.book import Book, OpenRun
from wfmon.demo.holder import Holder
from wfmon.demo.plan import RunPlan, Step
from wfmon.demo.problems import call_service

BACKOFF = 0.2


class GaveUp(Exception):
    """A step failed for good; the text is the error's words."""


async def execute(plan: RunPlan, book: Book) -> None:
    """Runs to the end whatever happens; a cancelled task ends the run as ``cancelled``."""
    run = book.started(plan)
    # Really resident memory: the allocator's zero pages would not be.
    ballast = b"\x5a" * plan.memory
    try:
        for step in plan.steps[:-1]:
            await do_step(run, step, book)
        if plan.hold is not None:
            await hold(plan.hold)
            book.finished(run, "timeout", f"TimeoutError: no progress for {plan.hold:.0f} s, given up")
            return
        await do_step(run, plan.steps[-1], book)
    except GaveUp as problem:
        book.finished(run, "error", str(problem))
    except asyncio.CancelledError:
        book.finished(run, "cancelled")
        raise
    else:
        book.finished(run, "success")
    finally:
        del ballast


async def do_step(run: OpenRun, step: Step, book: Book) -> None:
    book.step_started(run, step.name)
    for attempt, call in enumerate(step.attempts, start=1):
        began = time.monotonic()
        await asyncio.sleep(call.seconds)
        problem = None
        if call.problem is not None:
            try:
                call_service(call.provider or "local", call.problem, call.seconds)
            except (OSError, ValueError, RuntimeError) as raised:
                problem = raised
        seconds = time.monotonic() - began
        book.called(run, call, attempt, seconds, problem)
        if problem is None:
            return
        if attempt == len(step.attempts):
            raise GaveUp(book.gave_up(run, call, seconds, problem)) from problem
        book.retrying(run, call, seconds, problem)
        await asyncio.sleep(BACKOFF)


async def hold(seconds: float) -> None:
    """No progress: a helper process was asked and never answers."""
    holder = Holder()
    try:
        await asyncio.sleep(seconds)
    finally:
        holder.end()
