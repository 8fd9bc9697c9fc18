"""One run while its lines arrive: steps, attempts, usage, error, outcome.

Usage of a run is what its last line reports; a figure that it does not report is the sum over the
steps, and of a step the sum over its attempts, each counted once.
"""

from __future__ import annotations

from wfmon.model.log import Level
from wfmon.model.record import replace
from wfmon.model.run import LogRef, ModelUsage, Run, RunStatus, Usage
from wfmon.sources.logfiles.convert import clean_error
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.modelusage import Name, Piece, parts, retried
from wfmon.sources.logfiles.stepstate import StepState
from wfmon.sources.logfiles.usage import UsageSum, has_usage
from wfmon.sources.logfiles.words import START_WORDS

MAX_STEPS = 100


class RunState:
    """``spans`` are, per file number, where its lines begin and end. ``start_known`` is False while the
    first line seen may not be the run's first. ``recalled`` until a line comes that no earlier process
    read. ``ends`` says how its end is known, ``concluded`` that no line told it. ``unpriced``: a part of
    what it used has no price, so the sum of the others is not what it cost."""

    __slots__ = (
        "attempt",
        "began",
        "calls",
        "concluded",
        "deadline",
        "duration",
        "ended_at",
        "ends",
        "error",
        "error_at",
        "final",
        "first_at",
        "has_id",
        "id",
        "last_at",
        "limit",
        "log",
        "loose",
        "loose_by",
        "model",
        "pid",
        "provider",
        "quiet",
        "recalled",
        "retries",
        "retry_lines",
        "spans",
        "start_known",
        "status",
        "steps",
        "unpriced",
        "weak_ids",
        "word",
        "workflow",
    )  # fmt: skip

    def __init__(
        self, workflow: str, run_id: str, at: float, *, start_known: bool, has_id: bool = True
    ) -> None:
        self.workflow = workflow
        self.id = run_id
        self.has_id = has_id
        self.began = at
        self.first_at = at
        self.last_at = at
        self.start_known = start_known
        self.status = RunStatus.RUNNING
        self.word: str | None = None
        self.ended_at: float | None = None
        self.duration: float | None = None
        self.limit: float | None = None
        self.deadline: float | None = None
        self.quiet: float | None = None
        self.attempt: int | None = None
        self.retries: int | None = None
        self.retry_lines = 0
        self.final: UsageSum | None = None
        self.loose = UsageSum()
        self.loose_by: dict[Name, tuple[UsageSum, int]] | None = None
        self.calls: dict[str, int] | None = None
        self.steps: dict[str, StepState] = {}
        self.model: str | None = None
        self.provider: str | None = None
        self.pid: int | None = None
        self.error: str | None = None
        self.error_at: float | None = None
        self.log: str | None = None
        self.recalled = True
        self.ends = "told"
        self.concluded = False
        self.unpriced = False
        self.spans: dict[int, tuple[int, int]] = {}
        self.weak_ids: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        return self.status is RunStatus.RUNNING

    def take_line(self, event: Event, file: int, offset: int, end: int, retry: bool) -> None:
        """What any line of the run tells."""
        at = event.at
        if at > self.last_at:
            if self.quiet is None or at - self.last_at > self.quiet:
                self.quiet = at - self.last_at
            self.last_at = at
        elif at < self.first_at:
            self.first_at = at
            self.began = min(self.began, at)
        span = self.spans.get(file)
        self.spans[file] = (offset, end) if span is None else (min(span[0], offset), max(span[1], end))
        if event.unpriced:
            self.unpriced = True
        if event.pid is not None:
            self.pid = event.pid
        if event.model is not None:
            self.model = event.model
        if event.provider is not None and (event.model is not None or has_usage(event)):
            self.provider = event.provider  # else that of a call of another kind
        if event.retries is not None:
            self.retries = event.retries
        if retry:
            self.retry_lines += 1
        if (event.level >= Level.ERROR or event.error is not None) and (
            self.error_at is None or at >= self.error_at
        ):
            text = event.error or event.message()
            if text:
                self.error, self.error_at = clean_error(text), at

    def take_step(self, event: Event, name: str | None, status: RunStatus | None, retry: bool) -> None:
        """A line of a step, or of a call outside any step."""
        step = self.steps.get(name) if name is not None else None
        if step is None and name is not None and len(self.steps) < MAX_STEPS:
            step = self.steps[name] = StepState(name, event.at)
        if step is not None:
            step.take(event, status, retry)
        elif has_usage(event):
            self._add_loose(event)
        if event.attempt is not None and event.attempt > (self.attempt or 0) and not step:
            self.attempt = event.attempt

    def take_limit(self, event: Event) -> None:
        """How long the run may take, by a line that tells how it stands. What other lines call a timeout is
        that of a call or of a step."""
        if event.limit:
            self.limit = event.limit
        if event.deadline is not None:
            self.deadline = event.deadline[0]

    def take_progress(self, event: Event, word: str | None) -> None:
        """A line of the run itself that does not end it."""
        if word in START_WORDS:
            self.start_known = True
            self.began = min(self.began, event.at)
            if self.ended_at is not None and self.duration is None and event.at <= self.ended_at:
                self.duration = self.ended_at - self.began  # its start was in a file that is read later
        if event.attempt is not None:
            self.attempt = event.attempt
        if has_usage(event):
            self._add_loose(event)

    def _add_loose(self, event: Event) -> None:
        """What is used outside any step."""
        self.loose.add(event)
        if self.loose_by is None:
            self.loose_by = {}
        name = (event.provider or "", event.model or "", event.service or "")
        used, calls = self.loose_by.get(name) or (UsageSum(), 0)
        used.add(event)
        self.loose_by[name] = used, calls + 1

    def called(self, provider: str) -> None:
        """It made a call to ``provider``."""
        if self.calls is None:
            self.calls = {}
        if provider in self.calls or len(self.calls) < MAX_STEPS:
            self.calls[provider] = self.calls.get(provider, 0) + 1

    def end(self, event: Event, status: RunStatus, word: str) -> None:
        """The line that says how the run ended; of several the last one holds, but that a run failed because
        it was cancelled makes it no failed one."""
        if status is RunStatus.ERROR and self.status is RunStatus.CANCELLED:
            return
        self.status, self.word = status, word if status is RunStatus.OTHER else None
        self.ended_at = event.end[0] if event.end is not None else event.at
        if event.attempt is not None:
            self.attempt = event.attempt
        if has_usage(event):
            self.final = UsageSum()
            self.final.add(event)
        if event.start is not None:
            self.began, self.start_known = min(event.start[0], self.ended_at), True
        if event.duration is not None:
            self.duration = event.duration
            if not self.start_known:
                self.began, self.start_known = self.ended_at - event.duration, True
        elif self.start_known:
            self.duration = max(self.ended_at - self.began, 0.0)
        if status is RunStatus.SUCCESS:
            self.error = self.error_at = None

    def fail_step(self, event: Event, name: str, status: RunStatus) -> None:
        """The line that ends the run says at which step it failed, of which no line said so."""
        step = self.steps.get(name)
        if step is None and len(self.steps) < MAX_STEPS:
            step = self.steps[name] = StepState(name, event.at)
        if step is not None:
            step.status, step.ended_at = status, event.at
            text = event.error or event.message()
            step.error = clean_error(text) if text else None

    def outcome_of_steps(self) -> RunStatus | None:
        """What its steps make of it: how the worst of them ended; None while one goes on, or where there may
        be some that are not known."""
        if not 0 < len(self.steps) < MAX_STEPS:
            return None
        ended = {step.status for step in self.steps.values()}
        order = (RunStatus.RUNNING, RunStatus.ERROR, RunStatus.TIMEOUT, RunStatus.CANCELLED, RunStatus.OTHER)
        worst = next((status for status in order if status in ended), RunStatus.SUCCESS)
        return None if worst is RunStatus.RUNNING else worst

    def conclude(self, status: RunStatus, word: str) -> None:
        """No line will tell how it ended."""
        self.status, self.word, self.concluded = status, word or None, True
        self.ended_at = self.last_at
        if self.start_known and status is not RunStatus.OTHER:
            self.duration = max(self.last_at - self.began, 0.0)
        if status is RunStatus.SUCCESS:
            self.error = self.error_at = None
        self.recalled = False  # time went on, which nobody may have told

    def lose(self, at: float) -> None:
        """No line for too long, or its process is gone."""
        self.status, self.ended_at, self.duration = RunStatus.LOST, at, None
        self.recalled = False  # time went on, which nobody may have told

    def reopen(self) -> None:
        """It goes on: a further attempt, or it was not lost after all."""
        self.status = RunStatus.RUNNING
        self.word = self.ended_at = self.duration = self.final = None
        self.concluded = False

    def run(self, source: str) -> Run:
        file = max(self.spans, default=None)
        usage = self._usage()
        own = (self.provider or "", self.model or "", "")
        return Run(
            id=self.id,
            workflow=self.workflow,
            status=self.status,
            started_at=self.began if self.start_known or self.open else None,
            ended_at=self.ended_at,
            duration_seconds=self.duration,
            attempt=self._attempt(),
            retries=self._retries(),
            usage=usage,
            model=self.model,
            provider=self.provider,
            pid=self.pid,
            error=self.error,
            error_at=self.error_at,
            source=source,
            log=self.log,
            log_ref=None if file is None else LogRef(source, file, *self.spans[file]),
            has_id=self.has_id,
            last_line_at=self.last_at,
            steps=tuple(step.step() for step in self.steps.values()),
            status_word=self.word,
            recalled=self.recalled,
            limit_seconds=self._limit(),
            quiet_seconds=self.quiet,
            parts=self._parts(usage, own),
            retried=self._retried(own),
            calls=() if self.calls is None else tuple(sorted(self.calls.items())),
        )

    def _parts(self, usage: Usage, own: Name) -> tuple[ModelUsage, ...]:
        if not self.start_known and not self.open:
            return ()  # of a part of the lines there is no sum
        pieces = [step.piece() for step in self.steps.values()]
        if self.loose_by is not None:
            pieces += [Piece(name, used, calls) for name, (used, calls) in self.loose_by.items()]
        return parts(pieces, usage, own)

    def _retried(self, own: Name) -> tuple[ModelUsage, ...]:
        if not self.start_known and not self.open:
            return ()
        superseded = [step for step in self.steps.values() if step.retried is not None]
        if not superseded:
            return ()
        return retried(
            (Piece(step.of_model, step.retried, 0) for step in superseded if step.retried is not None), own
        )

    def _limit(self) -> float | None:
        told = (self.limit, None if self.deadline is None else self.deadline - self.began)
        return min((each for each in told if each is not None and each > 0), default=None)

    def _attempt(self) -> int | None:
        if self.attempt is not None:
            return self.attempt
        return max((step.attempt for step in self.steps.values() if step.attempt is not None), default=None)

    def _retries(self) -> int | None:
        """As reported, else what attempts and retry lines show; None if the log names neither."""
        if self.retries is not None:
            return self.retries
        attempts = [step.attempt for step in self.steps.values() if step.attempt is not None]
        if self.attempt is None and not attempts and not self.retry_lines:
            return None
        of_steps = sum(max(attempt - 1, 0) for attempt in attempts)
        return max((self.attempt or 1) - 1, of_steps, self.retry_lines, 0)

    def _usage(self) -> Usage:
        usage = self._summed()
        return replace(usage, cost_usd=None) if self.unpriced else usage

    def _summed(self) -> Usage:
        summed = UsageSum()
        if self.start_known or self.open:  # of a part of the lines there is no sum
            summed.add(self.loose)
            for step in self.steps.values():
                step.add_to(summed)
        if self.final is None:
            return summed.usage()
        final = self.final
        if final.total is not None and final.input is None and final.output is None:
            # The split that the steps report holds only if it is the split of this very total.
            if summed.tokens != final.total:
                summed.input = summed.output = summed.cached = summed.cache_write = summed.reasoning = None
        elif final.input is not None or final.output is not None:
            summed.input = summed.output = summed.total = None
        summed.prefer(final)
        return summed.usage()
