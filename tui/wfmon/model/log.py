"""Log lines and the pages in which they are asked for and answered."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from wfmon.model.record import dataclass


class Level(IntEnum):
    """Log levels; NONE for a line that does not say."""

    NONE = 0
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50


class Mark(StrEnum):
    """What a row of a log is: a line of the file, or a marker between lines."""

    LINE = "line"
    GAP = "gap"
    ROTATION = "rotation"
    ATTEMPT = "attempt"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, safe to show. (``file``, ``offset``, ``part``) is its identity; ``part`` counts the records
    that one line of the file holds.

    ``message`` is one row of text; ``detail`` are the rows that opening the line shows (the JSON
    object pretty, a traceback, the rest of an over-long line), each safe.
    """

    file: int
    offset: int
    end: int
    at: float | None
    level: Level
    message: str
    workflow: str | None = None
    run: str | None = None
    step: str | None = None
    attempt: int | None = None
    detail: tuple[str, ...] = ()
    mark: Mark = Mark.LINE
    part: int = 0


# Where a page begins or ends: (file, byte offset) for each file it was merged from.
Position = tuple[tuple[int, int], ...]


class Anchor(StrEnum):
    """Which lines of the log a request wants."""

    END = "end"  # the newest lines
    START = "start"  # the oldest lines
    BEFORE = "before"  # lines before ``position``
    AFTER = "after"  # lines from ``position`` on (following)
    NEWEST_ERROR = "newest_error"  # a page around the newest line of level ERROR or above
    PREVIOUS = "previous"  # a page around the newest match before ``position``
    NEXT = "next"  # a page around the oldest match from ``position`` on


@dataclass(frozen=True, slots=True)
class LogRequest:
    """A bounded question for log lines.

    ``run`` is a run id; with only ``workflow`` all lines of the workflow are meant. ``since`` and
    ``until`` bound the time (runs without an id: lines of that time). For PREVIOUS and NEXT a match
    is a line with ``pattern`` in it (case-smart, plain text) or, without a pattern, of level
    ``match_level`` or above. ``min_level`` leaves out lesser lines of the page itself.
    """

    workflow: str | None = None
    run: str | None = None
    source: str | None = None
    anchor: Anchor = Anchor.END
    position: Position = ()
    limit: int = 300
    since: float | None = None
    until: float | None = None
    min_level: Level = Level.NONE
    match_level: Level = Level.ERROR
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines oldest first. ``focus`` is the index of the line that was asked for.

    ``partial`` says that the scan stopped at its bound before the answer was complete. ``problem``
    says in words why there are no lines (which setting would give a log).
    """

    lines: tuple[LogLine, ...]
    start: Position = ()
    end: Position = ()
    at_start: bool = False
    at_end: bool = False
    focus: int | None = None
    partial: bool = False
    behind_seconds: float | None = None
    paths: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class FileMark:
    """How far a log file was read, and how to know it again: by device and inode, the checksum of its
    first ``head_size`` bytes, and that of the ``tail_size`` bytes before ``offset``.

    ``open_from``: where the first line is of the runs that were open then, ``offset`` where none was.
    """

    path: str
    device: int
    inode: int
    offset: int
    head_size: int
    head_sum: int
    tail_size: int
    tail_sum: int
    oldest_at: float | None = None
    newest_at: float | None = None
    open_from: int | None = None
