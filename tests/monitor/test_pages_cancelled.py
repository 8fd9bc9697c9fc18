"""A page request that is given up must not end the thread that answers the next one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from wfmon.model.log import LogPage, LogRequest
from wfmon.monitor.worker import PageWorker


class LateGivenUp:
    """Its first request is cancelled in the moment between the last look and the answer."""

    def __init__(self) -> None:
        self.answer: Future[LogPage] | None = None

    def page(self, request: LogRequest, cancelled: Callable[[], bool]) -> LogPage:
        if request.run == "first":
            while self.answer is None:
                pass
            assert not cancelled()
            self.answer.cancel()
        return LogPage((), problem=request.run)


def test_a_request_given_up_at_the_last_moment() -> None:
    worker, source = PageWorker(), LateGivenUp()
    source.answer = first = worker.read(source, LogRequest(run="first"))
    assert worker.read(source, LogRequest(run="second")).result(10).problem == "second"
    assert first.cancelled()
