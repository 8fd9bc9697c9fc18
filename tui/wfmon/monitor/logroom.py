"""Log pages of a process that does not collect: sources of its own, read only while somebody reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from wfmon.model.log import LogPage, LogRequest
from wfmon.model.record import dataclass
from wfmon.monitor.logdoor import IDLE_SECONDS
from wfmon.monitor.worker import poll, read_page, tell_page
from wfmon.sources.base import LogPages, Reading, Source
from wfmon.text.sanitize import safe

STRETCH = 20.0  # an interval grows to this many times the CPU time of the last reading


@dataclass(frozen=True, slots=True)
class _Job:
    request: LogRequest
    answer: Future[LogPage]


def choose_log(known: Iterable[tuple[Source, Reading | None]], request: LogRequest) -> LogPages | None:
    """The source that answers ``request``: the one it names, else the first that knows the workflow."""
    pairs = [(source, reading) for source, reading in known if isinstance(source, LogPages)]
    for source, _ in pairs:
        if request.source and isinstance(source, Source) and source.name == request.source:
            return source
    for source, reading in pairs:
        runs = reading.runs if reading is not None else None
        if request.workflow is None or (runs is not None and request.workflow in runs.workflows):
            return source
    return None


def why_no_log(request: LogRequest, *, has_logs: bool) -> str:
    """In words, with the setting that would give one."""
    subject = f" of {request.workflow}" if request.workflow else ""
    if has_logs:
        return (
            f"no log line{subject} was found; add its files to paths of a [[source]] of kind "
            '"logs", or give --logs GLOB'
        )
    return (
        f'no log{subject} is known; [[source]] kind = "logs" paths = [..] in the config, '
        "or --logs GLOB, would give one"
    )


class LogRoom:
    """``build`` makes the log sources, at the first question; ``sources`` are some that were read before.

    One thread reads and answers, in the order asked. Positions of its pages are its own, so who got a
    page here must be answered here.
    """

    def __init__(
        self,
        build: Callable[[], Sequence[Source]],
        sources: Sequence[tuple[Source, Reading | None]] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._build = build
        self._clock = clock
        self._known: dict[str, tuple[Source, Reading | None]] | None = None
        if sources is not None:
            self._known = {source.name: (source, reading) for source, reading in sources}
        self._due: dict[str, float] = {}
        self._asked_at = time.monotonic()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def idle(self) -> bool:
        """Whether nobody has asked for a while."""
        return time.monotonic() - self._asked_at > IDLE_SECONDS

    def read(self, request: LogRequest) -> Future[LogPage]:
        answer: Future[LogPage] = Future()
        self._asked_at = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="log room", daemon=True)
            self._thread.start()
        self._jobs.put(_Job(request, answer))
        return answer

    def close(self) -> None:
        """Give the files up; never waits for the thread."""
        self._closed = True
        self._jobs.put(None)
        for source, _ in (self._known or {}).values():
            source.close()

    def _work(self) -> None:
        while not self._closed:
            try:
                job = self._jobs.get(timeout=self._pause())
            except Empty:
                self._look()
                continue
            if job is not None:
                self._answer(job)

    def _pause(self) -> float:
        now = time.monotonic()
        return max(0.0, min((due - now for due in self._due.values()), default=1.0))

    def _answer(self, job: _Job) -> None:
        if job.answer.cancelled():
            return
        try:
            self._look()
            source = choose_log((self._known or {}).values(), job.request)
        except Exception as error:  # noqa: BLE001 - told in the pane, as any other problem of the log
            tell_page(job.answer, LogPage(lines=(), problem=safe(f"{type(error).__name__}: {error}")))
            return
        if source is None:
            problem = why_no_log(job.request, has_logs=bool(self._known))
            tell_page(job.answer, LogPage(lines=(), problem=problem))
        else:
            read_page(source, job.request, job.answer)

    def _look(self) -> None:
        """Read what was written since the last look at each source that is due."""
        if self._known is None:
            self._known = {source.name: (source, None) for source in self._build()}
        for name, (source, before) in self._known.items():
            if time.monotonic() >= self._due.get(name, 0.0):
                answer = poll(source, self._clock())
                self._known[name] = (source, answer.reading or before)
                self._due[name] = time.monotonic() + max(source.interval, STRETCH * answer.cpu)
