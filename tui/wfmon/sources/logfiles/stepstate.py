"""One step of a run while its lines arrive."""

from __future__ import annotations

from wfmon.model.run import NO_USAGE, RunStatus, Step
from wfmon.sources.logfiles.convert import clean_error
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.modelusage import Name, Piece
from wfmon.sources.logfiles.usage import UsageSum, has_usage


class StepState:
    """One step of a run: the attempts that are over, and the one that goes on."""

    __slots__ = (
        "attempt", "calls", "current", "duration", "ended_at", "error", "error_of", "model", "name", "over",
        "provider", "retried", "service", "started_at", "status",
    )  # fmt: skip

    def __init__(self, name: str, at: float) -> None:
        self.name = name
        self.status = RunStatus.RUNNING
        self.started_at = at
        self.duration: float | None = None
        self.ended_at: float | None = None
        self.attempt: int | None = None
        self.model: str | None = None
        self.error: str | None = None
        self.error_of: int | None = None
        self.provider: str | None = None
        self.service: str | None = None
        self.calls = 0
        self.over = UsageSum()
        self.current = UsageSum()
        self.retried: UsageSum | None = None  # of it what attempts used that another one followed

    def take(self, event: Event, status: RunStatus | None, retry: bool) -> None:
        again = False
        if event.attempt is not None and event.attempt != self.attempt:
            if event.by_path and self.attempt is not None and event.attempt < self.attempt:
                return  # of a file that is read later than that of the next attempt
            if self.attempt is not None:
                self._close()
                self._supersede()
            self.attempt, again = event.attempt, True
        self._take_model(event)
        if event.duration is not None and event.at - event.duration < self.started_at:
            self.started_at = event.at - event.duration
        if status is not None and status is not RunStatus.RUNNING:
            self._end(event, status)
        else:
            if self.status is not RunStatus.RUNNING and (again or status is not None or not event.by_path):
                self.status, self.ended_at = RunStatus.RUNNING, None
            if has_usage(event):
                self.calls += 1
                self.current.add(event)
        if retry:
            self._close()
            self._supersede()

    def _take_model(self, event: Event) -> None:
        if event.model is not None:
            self.model = event.model
        if event.provider is not None:
            self.provider = event.provider
        if event.service is not None:
            self.service = event.service

    def _supersede(self) -> None:
        """All that it used so far was for attempts that another one follows."""
        if not self.over.empty:
            self.retried = UsageSum()
            self.retried.add(self.over)

    def _end(self, event: Event, status: RunStatus) -> None:
        self.status, self.ended_at = status, event.at
        self.duration = event.duration if event.duration is not None else max(event.at - self.started_at, 0.0)
        if has_usage(event) and self.current.empty:
            self.calls += 1  # else it says again what the lines of its calls said
        self.current.prefer(event)
        self._close()
        if status is RunStatus.SUCCESS:
            self.error = None
        elif event.error or self.error is None or self.error_of != self.attempt:
            text = event.error or event.message()  # a further line on the same failure often says less
            if text:
                self.error, self.error_of = clean_error(text), self.attempt

    def _close(self) -> None:
        if not self.current.empty:
            self.over.add(self.current)
            self.current.clear()

    def add_to(self, total: UsageSum) -> None:
        total.add(self.over)
        total.add(self.current)

    def step(self) -> Step:
        used = UsageSum()
        self.add_to(used)
        return Step(
            self.name,
            self.status,
            self.started_at,
            self.duration,
            self.attempt,
            self.model,
            used.usage(),
            self.error,
            self.ended_at,
            NO_USAGE if self.retried is None else self.retried.usage(),
            self.provider,
        )

    @property
    def of_model(self) -> Name:
        return self.provider or "", self.model or "", self.service or ""

    def piece(self) -> Piece:
        used = UsageSum()
        self.add_to(used)
        return Piece(self.of_model, used, self.calls)
