"""The log files source: globs of log lines, polled into runs and read in pages."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from wfmon.config import schema
from wfmon.model.log import FileMark, LogPage, LogRequest
from wfmon.model.record import dataclass, field
from wfmon.model.retention import Kept
from wfmon.model.run import RunsSample
from wfmon.model.source import Failure
from wfmon.sources.base import Reading, SourceError
from wfmon.sources.logfiles.coverage import Coverage
from wfmon.sources.logfiles.digest import Digest
from wfmon.sources.logfiles.discover import Files
from wfmon.sources.logfiles.fold import Fold
from wfmon.sources.logfiles.follow import FollowedFile
from wfmon.sources.logfiles.formats import Formats
from wfmon.sources.logfiles.lines import UTF8, find_encoding
from wfmon.sources.logfiles.marks import mark_of
from wfmon.sources.logfiles.oddities import formats_in_words, oddities
from wfmon.sources.logfiles.readers import Readers
from wfmon.sources.logfiles.times import named_zone
from wfmon.sources.logfiles.view import FileView, LogView
from wfmon.sources.logfiles.vouch import Vouch
from wfmon.text.numbers import size
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.sources.logfiles.reach import Reach
    from wfmon.sources.profile import Profile

FILE_BUDGET = 8 << 20  # bytes that one poll reads of one file ...
POLL_BUDGET = 32 << 20  # ... and of all files
# How figures are got, for ``i``.
_FORMULAS = (
    ("runs", "the log's runs by the line that ends them, of those that ended in the window"),
    ("active", "runs that began in the log and of which no line tells the end"),
    ("duration", "p50 and p95 of the runs that ended in the window, each by its own begin and end"),
    ("tokens", "sum of the tokens that lines tell of the runs that ended in the window"),
    (
        "cost",
        "sum of the cost that lines tell of the runs that ended in the window; else their tokens priced",
    ),
    ("retries", "attempts after the first that lines tell of the runs that ended in the window"),
    ("calls", "lines that tell a call of an API, by their own time"),
)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Sizes in bytes, times in seconds. ``fields`` are names tried before the built-in aliases.

    ``timezone`` empty: judged per file. ``workflow`` is that of lines which name none. ``keep``: what kind of
    logs these are, ``production`` or ``debug``; empty: the names of the files say. ``profiles`` are the
    names of those that may say how lines are read; empty: any. ``chosen``: as in ``Kept``.
    """

    interval: float = 1.0
    timeout: float = 10.0
    tail_bytes: int = 4 << 20
    max_line_bytes: int = 1 << 20
    keep_runs: int = 2000
    lost_after: float = 1800.0
    workflow: str = ""
    timezone: str = ""
    encoding: str = "utf-8"
    keep: str = ""
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    profiles: Sequence[str] = ()
    chosen: bool = False


class LogFilesSource:
    """Plays the roles runs and logs. ``page`` and ``set_live_pids`` may be called from any thread."""

    kind = "logs"

    def __init__(
        self,
        name: str,
        paths: Sequence[str],
        *,
        settings: LogSettings | None = None,
        profiles: Sequence[Profile] = (),
    ) -> None:
        self._settings = settings or LogSettings()
        self._formats = Formats(profiles, self._settings.profiles)
        self._name = name
        self._where = safe(" ".join(paths), limit=500)
        encoding = find_encoding(self._settings.encoding)
        zone = named_zone(self._settings.timezone) if self._settings.timezone else None
        self._wrong_settings = tuple(
            safe(text)
            for text, wrong in (
                (f"unknown encoding {self._settings.encoding!r}: read as UTF-8", encoding is None),
                (
                    f"unknown timezone {self._settings.timezone!r}: judged per file",
                    bool(self._settings.timezone) and zone is None,
                ),
                *((f"no profile {name}: not used", True) for name in self._formats.unknown),
            )
            if wrong
        )
        self._encoding, self._zone = encoding or UTF8, zone
        self._files = Files(paths, self._encoding, self._settings.tail_bytes)
        self._fold = Fold(
            name,
            keep_runs=self._settings.keep_runs,
            lost_after=self._settings.lost_after,
            default_workflow=self._settings.workflow,
        )
        readers = Readers(self._settings.fields, self._formats)
        self._digest = Digest(self._fold, readers, zone, self._settings.max_line_bytes)
        self._coverage = Coverage(self._files)
        self._vouch = Vouch(name)
        self._reach: Reach | None = None
        self._answered = False
        self._pictured: tuple[int, int, int] | None = None
        self._quiet = False  # nothing was read and no file came, went or moved since the last answer
        self._marks: tuple[FileMark, ...] = ()
        self._view = LogView()
        self._polling = threading.Lock()
        self._live_pids: frozenset[int] | None = None
        self._closed = False
        self._ever_seen = False

    @classmethod
    def from_config(
        cls,
        source: schema.Source,
        logs: schema.Logs,
        profiles: Sequence[Profile] = (),
        *,
        chosen: bool = False,
    ) -> LogFilesSource:
        settings = LogSettings(
            interval=float(source.interval or logs.interval),
            timeout=float(source.timeout or 10.0),
            tail_bytes=int(source.max_bytes or logs.tail_bytes),
            max_line_bytes=int(logs.max_line_bytes),
            keep_runs=logs.keep_runs,
            lost_after=float(logs.lost_after),
            workflow=source.workflow,
            timezone=source.timezone,
            encoding=source.encoding,
            keep=source.keep,
            fields=source.fields,
            profiles=source.profiles,
            chosen=chosen,
        )
        return cls(source.name or "logs", source.paths, settings=settings, profiles=profiles)

    @property
    def name(self) -> str:
        return self._name

    @property
    def where(self) -> str:
        return self._where

    @property
    def interval(self) -> float:
        return self._settings.interval

    @property
    def timeout(self) -> float:
        return self._settings.timeout

    def set_live_pids(self, pids: frozenset[int] | None) -> None:
        """The processes of this host that are alive now; None: not known."""
        self._live_pids = pids

    def widen(self, paths: Sequence[str]) -> None:
        """From the next look on these globs too; may be called from any thread."""
        self._files.widen(paths)

    def resume(self, marks: Sequence[FileMark]) -> None:
        """Before the first poll: go on where the process stopped that made these marks."""
        if marks:
            self._files.resume(marks)
            self._vouch.resume(marks)
            self._fold.spares = True

    def poll(self, now: float) -> Reading:
        """Read what is new, bounded. Raises SourceError where no file can be read."""
        with self._polling:
            if self._closed:
                raise SourceError(Failure.MISSING, "closed")
            self._files.look(now)
            self._require_files()
            self._read_files(now)
            self._fold.expire(now, self._live_pids)
            return self._reading(now)

    def page(self, request: LogRequest, cancelled: Callable[[], bool]) -> LogPage:
        """Lines of a run or a workflow; a slow page does not hold up ``poll``."""
        from wfmon.sources.logfiles.pages import Pager  # nobody waits for it before a log is opened

        pager = Pager(self._name, self._fold, self._settings, self._formats)
        return pager.page(request, self._view, cancelled)

    def close(self) -> None:
        self._closed = True
        if self._polling.acquire(blocking=False):
            try:
                self._files.close()
            finally:
                self._polling.release()

    def _kept(self, now: float) -> tuple[Kept, ...]:
        """How far back the files reach; not looked at for the first answer, which somebody waits for."""
        if not self._answered:
            self._answered = True
            return ()
        if self._reach is None:
            from wfmon.sources.logfiles.firstline import FirstLine
            from wfmon.sources.logfiles.reach import Reach

            first = FirstLine(Readers(self._settings.fields, self._formats), self._encoding, self._zone)
            self._reach = Reach(self._name, self._settings.keep, first, chosen=self._settings.chosen)
        paths = self._files.paths
        return self._reach.step(now, paths, (self._files.changed, len(paths)))

    def _all_marks(self) -> tuple[FileMark, ...]:
        """The same object as last time while no file was read."""
        if self._quiet and not self._fold.open_moved:
            return self._marks
        begins = self._fold.open_from()
        marks = tuple(
            mark for file in self._files.files if (mark := mark_of(file, begins.get(file.number))) is not None
        )
        if not _same(marks, self._marks):
            self._marks = marks
        return self._marks

    def _require_files(self) -> None:
        files = self._files
        if files.files:
            self._ever_seen = True
            return
        if files.denied:
            path, why = next(iter(files.denied.items()))
            raise SourceError(Failure.PERMISSION, safe(f"{path}: {why}"))
        if files.compressed:
            raise SourceError(Failure.BAD_DATA, safe(f"{min(files.compressed)} is compressed: not read"))
        if not self._ever_seen:
            raise SourceError(Failure.MISSING, f"no file matches {self._where}")

    def _read_files(self, now: float) -> None:
        """Oldest file first, so that a run's lines come in order over a rotation."""
        left = POLL_BUDGET
        files = self._files
        self._quiet = (files.changed, files.renamed, len(files.denied)) == self._pictured
        for file in sorted(files.files, key=_reading_order):
            if file.offset >= file.size and not file.skipping:
                file.behind = False
                continue
            self._quiet = False
            if left <= 0 or self._fold.is_full():
                file.behind = True
                continue
            if not files.reopen(file):
                continue
            try:
                left -= self._digest.read(file, min(FILE_BUDGET, left), now)
            except OSError as error:
                files.denied[file.path] = error.strerror or "cannot be read"

    def _reading(self, now: float) -> Reading:
        files = self._files
        if not self._quiet:
            self._picture()
        behind = self._coverage.behind()
        workflows = self._fold.publish(
            now,
            lambda name: now if name in behind else self._coverage.since(name),
            self._coverage.begins_at,
        )
        unread = sum(file.unread for file in files.files if file.behind)
        parts = [f"{size(unread)} still to read"] if unread else []
        parts += [f"{path}: {why}" for path, why in list(files.denied.items())[:3]]
        if not files.files:
            parts.append("no file any more")
        settled = not unread
        if settled:
            self._fold.spares = True  # what a first start reads back may be more than is kept
        failure = Failure.PERMISSION if files.denied else Failure.MISSING if not files.files else None
        return Reading(
            at=now,
            runs=RunsSample(now, workflows),
            sees=self._sees(),
            missing=(*self._wrong_settings, *oddities(files, self._fold, now)),
            partial=safe("; ".join(parts)) if parts else None,
            partial_failure=failure,
            settled=settled,
            watched=self._vouch.watched(
                now,
                lambda: max(self._coverage.source_since(now), self._fold.evicted_until),
                files.gaps[-1][0] if files.gaps else None,
                whole=settled and bool(files.files) and not files.denied,
            ),
            kept=self._kept(now),
            marks=self._all_marks(),
            formulas=_FORMULAS,
        )

    def _sees(self) -> str:
        files = self._files.files
        told = (_plural(len(files), "file"), _plural(self._fold.runs, "run"))
        return "; ".join((", ".join(told), *formats_in_words(files)))

    def _picture(self) -> None:
        """What follows from how far the files are read."""
        files = self._files
        self._pictured = (files.changed, files.renamed, len(files.denied))
        self._coverage.update()
        self._view = LogView(
            tuple(FileView.of(file) for file in sorted(files.files, key=_reading_order)),
            dict(files.retired),
        )


def _same(new: tuple[FileMark, ...], old: tuple[FileMark, ...]) -> bool:
    return len(new) == len(old) and all(map(operator.is_, new, old))


def _reading_order(file: FollowedFile) -> tuple[int]:
    return (file.number,)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
