"""A worker process: runs the workflows of one group until its standard input ends.

``python -m wfmon.demo.worker --group NAME --dir DIR --socket FD --seed N --incidents A,B [--keep]
[--log-bytes N]``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Coroutine, Sequence
from pathlib import Path

from wfmon.demo import control, meters
from wfmon.demo.book import Book
from wfmon.demo.disk import LIMIT, Shards, wanted_share
from wfmon.demo.execution import execute
from wfmon.demo.incidents import DISK_GROWTH, Timeline
from wfmon.demo.ledger import Ledger
from wfmon.demo.lifeline import Lifeline
from wfmon.demo.plan import runs
from wfmon.demo.runlog import KEEP_BYTES
from wfmon.demo.spec import WorkflowSpec, of_group

LATE = 2.0  # a worker that was stopped for longer goes on from there instead of catching up


class Worker:
    """Begins runs when their time has come. Times are seconds since ``GO``, by the loop's clock."""

    def __init__(
        self,
        specs: Sequence[WorkflowSpec],
        directory: Path,
        seed: int,
        timeline: Timeline,
        log_bytes: int = KEEP_BYTES,
    ) -> None:
        self._specs = specs
        self._seed = seed
        self._timeline = timeline
        self._data = directory / control.DATA
        ledger = Ledger(directory / control.LEDGER)
        self._books = {spec.name: Book(spec, directory / control.LOGS, ledger, log_bytes) for spec in specs}
        self._began = 0.0
        self._going = False
        self._runs: set[asyncio.Task[None]] = set()
        self._schedules: list[asyncio.Task[None]] = []
        self.ended = asyncio.Event()

    def go(self) -> None:
        if self._going or self.ended.is_set():
            return
        self._going = True
        self._began = asyncio.get_running_loop().time()
        self._schedules = [watched(self._schedule(spec)) for spec in self._specs]
        if "knowledge_sync" in self._books:
            self._schedules.append(watched(self._grow(self._books["knowledge_sync"])))

    async def quiet(self) -> None:
        """Begins no more runs and cancels the open ones; their ends are written when this returns."""
        self._going = True
        tasks = [*self._schedules, *self._runs]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _schedule(self, spec: WorkflowSpec) -> None:
        book = self._books[spec.name]
        for plan in runs(spec, self._seed, self._timeline):
            await self._until(plan.offset)
            task = watched(execute(plan, book))
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)

    async def _grow(self, book: Book) -> None:
        shards = Shards(self._data)
        told = False
        while True:
            offset = self._offset()
            removed = shards.adjust(wanted_share(self._timeline, offset))
            if removed > 3:
                book.note(logging.INFO, f"compacted the index, {removed} shards removed")
            held = self._timeline.window(DISK_GROWTH, offset) is not None
            if held and shards.used_bytes > LIMIT / 2 and not told:
                book.note(
                    logging.WARNING, f"compaction is stuck, {shards.used_bytes} bytes of {LIMIT} in use"
                )
            told = held and shards.used_bytes > LIMIT / 2
            await asyncio.sleep(1.0)

    def _offset(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def _until(self, offset: float) -> None:
        late = self._offset() - offset
        if late > LATE:
            self._began += late
        elif late < 0:
            await asyncio.sleep(-late)


def watched(work: Coroutine[None, None, None]) -> asyncio.Task[None]:
    """A task whose failure is told on standard error."""
    task = asyncio.create_task(work)
    task.add_done_callback(tell_failure)
    return task


def tell_failure(task: asyncio.Task[None]) -> None:
    problem = None if task.cancelled() else task.exception()
    if problem is not None:
        traceback.print_exception(problem)


async def serve(worker: Worker) -> None:
    """Obeys standard input until it ends, or until SIGTERM."""
    loop = asyncio.get_running_loop()
    words: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(0, lambda: words.put_nowait(os.read(0, 64)))
    loop.add_signal_handler(signal.SIGTERM, words.put_nowait, b"")
    while word := await words.get():
        if control.GO in word:
            worker.go()
        if control.QUIET in word:
            await worker.quiet()
            report(control.QUIETED)
    loop.remove_reader(0)
    worker.ended.set()
    await worker.quiet()


def report(word: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, word)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="wfmon.demo.worker")
    parser.add_argument("--group", required=True)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--incidents", default="")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--log-bytes", type=int, default=KEEP_BYTES)
    options = parser.parse_args(arguments)
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    lifeline = Lifeline(options.dir, keep=options.keep)
    try:
        meters.serve(options.socket)
        asyncio.run(work(options))
    finally:
        lifeline.leave()
    return 0


async def work(options: argparse.Namespace) -> None:
    names = tuple(name for name in options.incidents.split(",") if name)
    specs = of_group(options.group)
    for spec in specs:
        meters.ACTIVE.labels(spec.name).set(0)
    worker = Worker(specs, options.dir, options.seed, Timeline(names), options.log_bytes)
    report(control.READY)
    await serve(worker)


if __name__ == "__main__":
    sys.exit(main())
