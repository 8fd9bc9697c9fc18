"""Which lines a request is for, and in which part of which files they can be."""

from __future__ import annotations

import re

from wfmon.model.log import Level, LogLine, LogRequest
from wfmon.model.record import dataclass
from wfmon.model.run import LogRef, Run, RunStatus
from wfmon.sources.logfiles.entries import Sign
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.fold import Fold
from wfmon.sources.logfiles.view import FileView

_RUN_SLACK = 1.0  # seconds around a run without id: its lines may be stamped a little apart
_BETWEEN_SLACK = 300.0  # how far out of order lines may be before a scan by time stops
# One of these is in every line of level ERROR or above, lower case.
_BAD_WORDS = (
    b"err", b"fail", b"fatal", b"crit", b"exception", b"severe", b"panic", b"emerg", b"alert", b"crash",
    b"timeout", b"timed", b"terminated", b"dead", b"false", b"stack",
)  # fmt: skip
_LEVEL_NUMBER = re.compile(
    rb'(?:level|severity|priority|lvl|levelno)\w{0,8}"?\s{0,3}[:=]\s{0,3}(?:[{"\w:]{0,20}\d|"[efc]")|<\d{1,3}>'
)
_UNLIKE_IN_BYTES = set('"\\/:,{}[]<>')  # what JSON, its pretty form and redaction write in another way


@dataclass(frozen=True, slots=True)
class Match:
    """What PREVIOUS, NEXT and NEWEST_ERROR look for: ``pattern`` (case-smart), else a level."""

    level: Level
    pattern: str | None

    def holds(self, line: LogLine) -> bool:
        if self.pattern is None:
            return line.level >= self.level
        fold = self.pattern == self.pattern.lower()
        return any(
            self.pattern in (text.lower() if fold else text)
            for text in (line.message, line.step or "", *line.detail)
        )

    def may_hold(self, data: bytes) -> bool:
        """Whether bytes of an 8-bit file can hold a match; True where that cannot be told from bytes."""
        if self.pattern is None:
            if self.level < Level.ERROR:
                return True
            low = data.lower()
            return any(word in low for word in _BAD_WORDS) or _LEVEL_NUMBER.search(low) is not None
        if not _is_plain(self.pattern):
            return True
        if self.pattern == self.pattern.lower():
            return self.pattern.encode() in data.lower()
        return self.pattern.encode() in data


@dataclass(frozen=True, slots=True)
class Wanted:
    """``ids`` empty: lines of ``workflow`` (None: all lines). ``spans`` are where a known run is."""

    workflow: str | None
    ids: frozenset[str]
    since: float | None
    until: float | None
    min_level: Level
    run: Run | None
    spans: tuple[LogRef, ...]
    default_workflow: str | None
    fold: Fold

    @classmethod
    def of(cls, request: LogRequest, fold: Fold, default_workflow: str | None) -> Wanted:
        run = fold.find(request.workflow, request.run) if request.run is not None else None
        since, until = request.since, request.until
        workflow, ids = request.workflow, frozenset[str]()
        spans: tuple[LogRef, ...] = ()
        if run is not None and run.has_id:
            ids, spans, workflow = fold.ids(run), fold.spans(run), run.workflow
        elif run is not None:
            workflow = run.workflow
            since = since if since is not None else _shifted(run.started_at, -_RUN_SLACK)
            until = until if until is not None else _shifted(run.ended_at, _RUN_SLACK)
        elif request.run is not None:
            ids = frozenset({request.run})
        return cls(workflow, ids, since, until, request.min_level, run, spans, default_workflow, fold)

    def sign(self, file: FileView, match: Match | None) -> Sign | None:
        """A quick look at bytes that says where no wanted line can be; None if there is no such sign."""
        needle = self._needle(file)
        hint = match.may_hold if match is not None and file.encoding.unit == 1 else None
        if needle is None:
            return hint
        if hint is None:
            return lambda data: needle in data
        return lambda data: needle in data and hint(data)

    def _needle(self, file: FileView) -> bytes | None:
        if "run" in file.facts:
            return None  # its lines need not name what the path does
        if len(self.ids) == 1:
            text = next(iter(self.ids))
        elif not self.ids and self.workflow and not file.mixed and file.workflows != {self.workflow}:
            text = self.workflow
        else:
            return None
        return file.encoding.encoded(text) if _is_plain(text) else None

    def files(self, files: tuple[FileView, ...]) -> tuple[FileView, ...]:
        if self.spans:
            numbers = {span.file for span in self.spans}
            newest = max(numbers)
            open_run = self.run is not None and self.run.status is RunStatus.RUNNING
            return tuple(
                file for file in files if file.number in numbers or (open_run and file.number > newest)
            )
        found = (file for file in files if not self._outside(file))
        if self.workflow is not None and not self.ids:
            return tuple(file for file in found if self.workflow in file.workflows or not file.whole)
        return tuple(found)

    def _outside(self, file: FileView) -> bool:
        if self.since is not None and file.newest_at is not None and file.newest_at < self.since - 1.0:
            return True
        return (
            self.until is not None
            and file.whole
            and file.oldest_at is not None
            and file.oldest_at > self.until + 1.0
        )

    def low(self, file: FileView) -> int:
        """Offset before which no line of interest is; 0 if that is not known."""
        span = self._span(file)
        if span is not None and (
            file.whole or (self.run is not None and self.run.duration_seconds is not None)
        ):
            return span.start
        return 0

    def high(self, file: FileView) -> int | None:
        """Offset behind the last line of interest; None if more may come."""
        span = self._span(file)
        if span is None or (self.run is not None and self.run.status is RunStatus.RUNNING):
            return None
        return span.end

    def _span(self, file: FileView) -> LogRef | None:
        return next((span for span in self.spans if span.file == file.number), None)

    def accepts(self, event: Event, file: FileView) -> bool:
        if self.ids:
            if event.run not in self.ids and (event.run is not None or event.weak not in self.ids):
                return False
            return self.workflow is None or event.workflow in (None, self.workflow)
        workflow = event.workflow
        if workflow is None and event.workflow_id is not None:
            workflow = self.fold.name_of(event.workflow_id)
        if self.workflow is None or workflow == self.workflow:
            return True
        if workflow is not None:
            return False
        if event.run is not None and (known := self.fold.workflow_of(event.run)) is not None:
            return known == self.workflow
        return file.workflows == {self.workflow} or self.default_workflow == self.workflow

    def in_time(self, at: float | None) -> bool:
        if at is None:
            return True
        return (self.since is None or at >= self.since) and (self.until is None or at <= self.until)

    def is_before(self, at: float | None) -> bool:
        """Whether a backward scan has left the time asked for."""
        return at is not None and self.since is not None and at < self.since - _BETWEEN_SLACK

    def is_behind(self, at: float | None) -> bool:
        return at is not None and self.until is not None and at > self.until + _BETWEEN_SLACK


def _is_plain(text: str) -> bool:
    """Whether a text stands in a file as it is shown."""
    return text.isascii() and text.isprintable() and not set(text) & _UNLIKE_IN_BYTES


def _shifted(at: float | None, by: float) -> float | None:
    return None if at is None else at + by
