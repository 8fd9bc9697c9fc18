"""Daemon threads in which sources block, so that neither the loop nor the end of the program waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from queue import SimpleQueue

from wfmon.model.log import LogPage, LogRequest
from wfmon.model.record import dataclass
from wfmon.model.source import Failure
from wfmon.sources.base import LogPages, Reading, Source, SourceError
from wfmon.text.sanitize import safe


@dataclass(frozen=True, slots=True)
class Answer:
    """One poll of one source: a reading or why there is none; seconds of wall and CPU time."""

    source: str
    asked_at: float
    reading: Reading | None
    failure: Failure | None
    detail: str
    took: float
    cpu: float


class SourceWorker:
    """Asks one source, one poll at a time, in a thread of its own."""

    def __init__(self, source: Source, deliver: Callable[[Answer], None]) -> None:
        self.source = source
        self._deliver = deliver
        self._requests: SimpleQueue[float | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, now: float) -> None:
        """Start a poll. The caller does not ask again before the answer is there."""
        if self._thread is None:
            name = f"source {self.source.name}"
            self._thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._thread.start()
        self._requests.put(now)

    def stop(self) -> None:
        """Let the thread end after its present poll; never waits for it."""
        self.leave()
        self.source.close()

    def leave(self) -> None:
        """As ``stop``, but the source stays open for another."""
        self._requests.put(None)

    def _work(self) -> None:
        while (now := self._requests.get()) is not None:
            self._deliver(poll(self.source, now))


def poll(source: Source, now: float) -> Answer:
    """Ask once, here; whatever goes wrong becomes part of the answer."""
    wall, cpu = time.perf_counter(), time.thread_time()
    reading: Reading | None = None
    failure: Failure | None = None
    detail = ""
    try:
        reading = source.poll(now)
    except SourceError as error:
        failure, detail = error.failure, error.detail
    except Exception as error:  # noqa: BLE001 - an unforeseen error of one source is its state, not a crash
        failure, detail = Failure.INTERNAL, safe(f"{type(error).__name__}: {error}")
    took, spent = time.perf_counter() - wall, time.thread_time() - cpu
    return Answer(source.name, now, reading, failure, detail, took, spent)


@dataclass(frozen=True, slots=True)
class _PageJob:
    source: LogPages
    request: LogRequest
    answer: Future[LogPage]


class PageWorker:
    """Reads log pages in the order asked, in one thread; a cancelled request is dropped or cut short."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_PageJob] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def read(self, source: LogPages, request: LogRequest) -> Future[LogPage]:
        answer: Future[LogPage] = Future()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="log pages", daemon=True)
            self._thread.start()
        self._jobs.put(_PageJob(source, request, answer))
        return answer

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job.answer.cancelled():
                continue
            read_page(job.source, job.request, job.answer)


def read_page(source: LogPages, request: LogRequest, answer: Future[LogPage]) -> None:
    """Read a page, here, and give it to whoever waits for ``answer``."""
    try:
        page = source.page(request, answer.cancelled)
    except SourceError as error:
        page = LogPage(lines=(), problem=str(error))
    except Exception as error:  # noqa: BLE001 - told in the pane, as any other problem of the log
        page = LogPage(lines=(), problem=safe(f"{type(error).__name__}: {error}"))
    tell_page(answer, page)


def tell_page(answer: Future[LogPage], page: LogPage) -> None:
    with suppress(InvalidStateError):  # it may be cancelled at this very moment
        answer.set_result(page)
