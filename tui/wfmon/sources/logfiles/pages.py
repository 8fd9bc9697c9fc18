"""Pages of a run's or a workflow's lines, merged from all its files in the order of time.

Read in blocks from the place that is asked for, bounded per request: a page of the newest lines of a
gigabyte costs a few blocks at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wfmon.model.log import Anchor, Level, LogLine, LogPage, LogRequest, Mark, Position
from wfmon.model.record import dataclass, replace
from wfmon.sources.logfiles.cursor import Cursor, OpenFile
from wfmon.sources.logfiles.entries import Budget, Extent, Stopped, end_of_entry
from wfmon.sources.logfiles.fold import Fold
from wfmon.sources.logfiles.formats import Formats
from wfmon.sources.logfiles.readers import Readers
from wfmon.sources.logfiles.render import Lines
from wfmon.sources.logfiles.times import named_zone
from wfmon.sources.logfiles.view import FileView, LogView
from wfmon.sources.logfiles.wanted import Match, Wanted
from wfmon.text.numbers import size
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.sources.logfiles.source import LogSettings

SCAN_BYTES = 32 << 20
_MAX_LIMIT = 5000


@dataclass(slots=True)
class Scan:
    """One request while it is answered. ``stopped``: cancelled, or its budget is used up."""

    request: LogRequest
    files: tuple[OpenFile, ...]
    lines: Lines
    budget: Budget
    stopped: bool = False

    def cursors(
        self, position: dict[int, int] | None, *, back: bool, match: Match | None = None
    ) -> list[Cursor]:
        """One per file: from ``position``, else from the end (back) or the start. With ``match`` they may
        pass over lines that do not match."""
        made: list[Cursor] = []
        for file in self.files:
            begin = file.extent.high if back else file.extent.low
            if position is not None and file.view.number in position:
                begin = position[file.view.number]
            elif position is not None and back:
                continue  # it was not there when the position was taken
            made.append(Cursor(file, self.lines, self.budget, begin, back=back, match=match))
        return made

    def take(
        self, cursors: list[Cursor], limit: int, *, back: bool, until: Match | None = None
    ) -> list[LogLine]:
        """Up to ``limit`` lines in the direction of the cursors; with ``until`` only the first match."""
        taken: list[LogLine] = []
        try:
            while True:
                # Records of one line stay together: the page ends behind them.
                open_ones = cursors
                if len(taken) >= limit:
                    open_ones = [] if until is not None else [cursor for cursor in cursors if cursor.inside]
                cursor = _nearest(open_ones, back=back)
                if cursor is None:
                    break
                line = cursor.take()
                if until is None or until.holds(line):
                    taken.append(line)
        except Stopped:
            self.stopped = True
        return taken


class Pager:
    """Answers page requests of one source, in whatever thread they come."""

    def __init__(self, source: str, fold: Fold, settings: LogSettings, formats: Formats) -> None:
        self._source = source
        self._fold = fold
        self._settings = settings
        self._formats = formats
        self._zone = named_zone(settings.timezone) if settings.timezone else None

    def page(self, request: LogRequest, view: LogView, cancelled: Callable[[], bool]) -> LogPage:
        """Never raises for what a file holds or lacks: ``problem`` says it."""
        request = replace(request, limit=min(max(request.limit, 1), _MAX_LIMIT))
        wanted = Wanted.of(request, self._fold, safe(self._settings.workflow) or None)
        files = self._open(wanted, view)
        try:
            scan = Scan(
                request,
                files,
                Lines(Readers(self._settings.fields, self._formats)),
                Budget(SCAN_BYTES, cancelled),
            )
            page = _answer(scan)
            return self._told(page, scan, wanted, view)
        finally:
            for file in files:
                file.extent.handle.close()

    def _open(self, wanted: Wanted, view: LogView) -> tuple[OpenFile, ...]:
        opened: list[OpenFile] = []
        for file in wanted.files(view.files):
            handle = file.open()
            if handle is None:
                continue
            start = file.encoding.bom
            extent = Extent(handle, file.encoding, start, file.end, self._settings.max_line_bytes)
            high = wanted.high(file)
            if high is not None:
                high = end_of_entry(extent, high)
            extent = replace(
                extent,
                low=max(wanted.low(file), start),
                high=file.end if high is None else min(high, file.end),
            )
            opened.append(OpenFile(file, extent, wanted, self._zone))
        return tuple(opened)

    def _told(self, page: LogPage, scan: Scan, wanted: Wanted, view: LogView) -> LogPage:
        """The page with markers, where it comes from, how far behind it is, and what is wrong."""
        used = {line.file for line in page.lines}
        views = [file.view for file in scan.files]
        paths = [file.path for file in views if file.number in used] or [file.path for file in views]
        newest = max((file.newest_at for file in views if file.newest_at is not None), default=None)
        last = next((line.at for line in reversed(page.lines) if line.at is not None), None)
        behind = 0.0 if page.at_end else None
        if behind is None and newest is not None and last is not None:
            behind = max(newest - last, 0.0)
        lines, focus = _with_marks(page.lines, page.focus, views, scan.request, view.retired)
        return replace(
            page,
            lines=lines,
            focus=focus,
            partial=page.partial or scan.stopped,
            behind_seconds=behind,
            paths=tuple(safe(path, limit=500) for path in paths),
            problem=None if page.lines else self._problem(scan, wanted, view),
        )

    def _problem(self, scan: Scan, wanted: Wanted, view: LogView) -> str | None:
        if scan.request.anchor in (Anchor.AFTER, Anchor.BEFORE):
            return None
        for span in wanted.spans:
            if span.file in view.retired and not scan.files:
                return safe(f"its lines are gone: {view.retired[span.file]}")
        if not view.files:
            return "no log file is read: set paths of a [[source]] of kind logs"
        if scan.stopped:
            return safe(f"not found in the {size(SCAN_BYTES)} that were looked at")
        if wanted.ids:
            return "no line with this run id in the log files that are there"
        return "no line of this in the log files that are there"


def _answer(scan: Scan) -> LogPage:
    request = scan.request
    position = dict(request.position) if request.position else None
    if request.anchor in (Anchor.END, Anchor.BEFORE):
        return _last(scan, position if request.anchor is Anchor.BEFORE else None)
    if request.anchor in (Anchor.START, Anchor.AFTER):
        return _first(scan, position if request.anchor is Anchor.AFTER else None)
    match = Match(request.match_level, request.pattern)
    if request.anchor is Anchor.NEWEST_ERROR:
        match, position = Match(max(request.match_level, Level.ERROR), None), None
    page = _around(scan, position, match, back=request.anchor is not Anchor.NEXT)
    if page is None and request.anchor is Anchor.NEWEST_ERROR and not scan.stopped:
        return _last(scan, None)
    return page or LogPage((), start=request.position, end=request.position)


def _last(scan: Scan, position: dict[int, int] | None) -> LogPage:
    cursors = scan.cursors(position, back=True)
    end = _positions(cursors)
    lines = scan.take(cursors, scan.request.limit, back=True)
    at_start = not scan.stopped and _exhausted(cursors, scan)
    return LogPage(
        tuple(reversed(lines)), _positions(cursors), end, at_start=at_start, at_end=position is None
    )


def _first(scan: Scan, position: dict[int, int] | None) -> LogPage:
    cursors = scan.cursors(position, back=False)
    start = _positions(cursors)
    lines = scan.take(cursors, scan.request.limit, back=False)
    at_end = not scan.stopped and _exhausted(cursors, scan)
    return LogPage(tuple(lines), start, _positions(cursors), at_start=position is None, at_end=at_end)


def _around(scan: Scan, position: dict[int, int] | None, match: Match, *, back: bool) -> LogPage | None:
    """A page with the first match in the given direction in it; None if there is none."""
    cursors = scan.cursors(position, back=back, match=match)
    found = scan.take(cursors, 1, back=back, until=match)
    if not found:
        return None
    focus = found[0]
    batch = next(cursor.batch for cursor in cursors if focus in cursor.batch)
    here = dict(_positions(cursors))
    # The line itself belongs to neither side.
    before_at = {**here, focus.file: focus.offset}
    after_at = {**here, focus.file: focus.end}
    half = max(scan.request.limit // 2, 1)
    earlier = scan.cursors(before_at, back=True)
    before = scan.take(earlier, half, back=True)
    later = scan.cursors(after_at, back=False)
    after = scan.take(later, max(scan.request.limit - len(batch) - len(before), 0), back=False)
    return LogPage(
        (*reversed(before), *batch, *after),
        _positions(earlier),
        _positions(later),
        at_start=not scan.stopped and _exhausted(earlier, scan),
        at_end=not scan.stopped and _exhausted(later, scan),
        focus=len(before) + batch.index(focus),
    )


def _nearest(cursors: list[Cursor], *, back: bool) -> Cursor | None:
    """The cursor whose next line is the newest (back) or the oldest."""
    best: tuple[tuple[float, int], Cursor] | None = None
    for cursor in cursors:
        shown = cursor.peek()
        if shown is None:
            continue
        key = (shown[0], cursor.file.view.number)
        if best is None or (key > best[0] if back else key < best[0]):
            best = (key, cursor)
    return best[1] if best is not None else None


def _positions(cursors: list[Cursor]) -> Position:
    return tuple((cursor.file.view.number, cursor.position) for cursor in cursors)


def _exhausted(cursors: list[Cursor], scan: Scan) -> bool:
    """Whether there is no further line; a page that is just full looks one line further."""
    try:
        return all(cursor.peek() is None for cursor in cursors)
    except Stopped:
        scan.stopped = True
        return False


def _with_marks(
    lines: tuple[LogLine, ...],
    focus: int | None,
    files: list[FileView],
    request: LogRequest,
    retired: dict[int, str],
) -> tuple[tuple[LogLine, ...], int | None]:
    """Marker lines for a rotation, a gap and a new attempt, each before the line it is about."""
    by_number = {file.number: file for file in files}
    known = {number for number, _ in request.position}
    following = request.anchor is Anchor.AFTER and bool(known)
    out: list[LogLine] = []
    attempts: dict[str | None, int] = {}
    previous: LogLine | None = None
    moved = focus
    for index, line in enumerate(lines):
        marks: list[LogLine] = []
        if previous is None and following:
            gone = [number for number in known if number not in by_number and _lost(retired.get(number))]
            marks += [_mark(line, Mark.GAP, f"lines may be missing: {retired[number]}") for number in gone]
            if line.file not in known:
                marks.append(_mark(line, Mark.ROTATION, f"new file: {by_number[line.file].path}"))
        elif previous is not None and _rotated(by_number[previous.file], by_number[line.file]):
            marks.append(_mark(line, Mark.ROTATION, f"new file: {by_number[line.file].path}"))
        if request.run is not None and line.attempt is not None:
            before = attempts.get(line.step)
            if before is not None and line.attempt > before:
                marks.append(_mark(line, Mark.ATTEMPT, f"attempt {line.attempt}"))
            attempts[line.step] = line.attempt
        if moved is not None and focus is not None and index <= focus:
            moved += len(marks)
        out += [*marks, line]
        previous = line
    return tuple(out), moved


def _lost(why: str | None) -> bool:
    return why is not None and why.endswith(("truncated", "deleted"))


def _rotated(before: FileView, after: FileView) -> bool:
    if before.number == after.number or before.group != after.group:
        return False
    if before.newest_at is None or after.oldest_at is None:
        return False
    return before.newest_at <= after.oldest_at + 1.0


def _mark(line: LogLine, mark: Mark, text: str) -> LogLine:
    return LogLine(line.file, line.offset, line.offset, line.at, Level.NONE, safe(text, limit=500), mark=mark)
