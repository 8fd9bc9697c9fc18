"""The loaded lines of a log: one unbroken stretch of it, bounded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wfmon.model.log import Level, LogLine, LogPage, Mark, Position

MOST_LINES = 5_000


class LogBuffer:
    """Lines in their order. Each keeps its serial number while others come and go at both ends.

    ``start`` and ``end`` are where reading on would begin. ``live``: the stretch reaches to the newest
    line, so that what is read behind ``end`` is new. ``at_start``: nothing is before it.
    ``marks``: how many of the lines are markers.
    """

    def __init__(self, most: int = MOST_LINES) -> None:
        self.first = 0
        self.start: Position = ()
        self.end: Position = ()
        self.at_start = False
        self.live = False
        self.errors = 0
        self.marks = 0
        self.widest_step = 0
        self.widest_run = 0
        self._most = most
        self._lines: list[LogLine] = []
        self._attempts: dict[str | None, int] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def stop(self) -> int:
        """One behind the newest serial number."""
        return self.first + len(self._lines)

    def __getitem__(self, serial: int) -> LogLine:
        return self._lines[serial - self.first]

    def replace(self, page: LogPage) -> None:
        """Take ``page`` in the place of everything."""
        self.first = self.stop
        self._lines = list(page.lines)
        self.start, self.end = page.start, page.end
        self.at_start, self.live = page.at_start, page.at_end
        self.errors = self.marks = self.widest_step = self.widest_run = 0
        self._attempts = {}
        self._count(page.lines)
        self._remember(page.lines)

    def append(self, page: LogPage, near: int) -> None:
        """``page`` follows on; when there are too many, those far from the serial ``near`` go."""
        lines = self._marked(page.lines)
        self._lines += lines
        self.end = page.end or self.end
        self.live = self.live or page.at_end
        self._count(lines)
        self._bound(near)

    def prepend(self, page: LogPage, near: int) -> None:
        """``page`` comes before; when there are too many, those far from the serial ``near`` go."""
        self._lines[:0] = page.lines
        self.first -= len(page.lines)
        self.start = page.start or self.start
        self.at_start = page.at_start
        self._count(page.lines)
        self._bound(near)

    def seek(self, serial: int, step: int, wanted: Callable[[LogLine], bool]) -> int | None:
        """The nearest line after (``step`` 1) or before (-1) ``serial`` that is ``wanted``."""
        index = serial - self.first + step
        while 0 <= index < len(self._lines):
            if wanted(self._lines[index]):
                return index + self.first
            index += step
        return None

    def _count(self, lines: Sequence[LogLine], sign: int = 1) -> None:
        self.errors += sign * sum(line.level >= Level.ERROR for line in lines)
        self.marks += sign * sum(line.mark is not Mark.LINE for line in lines)
        self.widest_step = max([self.widest_step, *(len(line.step) for line in lines if line.step)])
        self.widest_run = max([self.widest_run, *(len(line.run) for line in lines if line.run)])

    def _bound(self, near: int) -> None:
        excess = len(self._lines) - self._most
        if excess <= 0:
            return
        if near - self.first >= self.stop - near:
            gone = self._lines[:excess]
            del self._lines[:excess]
            self.first += excess
            self.start = _moved(self.start, {line.file: line.end for line in gone})
            self.at_start = False
        else:
            gone = self._lines[-excess:]
            del self._lines[-excess:]
            self.end = _moved(self.end, {line.file: line.offset for line in reversed(gone)})
            self.live = False
        self._count(gone, -1)

    def _remember(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            if line.attempt is not None and line.run is not None and line.mark is Mark.LINE:
                self._attempts[line.step] = line.attempt

    def _marked(self, lines: Sequence[LogLine]) -> list[LogLine]:
        """With a marker where a page begins with a new attempt: the page itself cannot know."""
        marked: list[LogLine] = []
        runs = {line.run for line in (*self._lines[-1:], *lines)}
        for line in lines:
            before = self._attempts.get(line.step)
            fresh = before is not None and line.attempt is not None and line.attempt > before
            told = bool(marked) and marked[-1].mark is Mark.ATTEMPT
            if fresh and not told and line.mark is Mark.LINE and len(runs) == 1:
                marked.append(_attempt(line))
            marked.append(line)
            self._remember((line,))
        return marked


def _attempt(line: LogLine) -> LogLine:
    return LogLine(
        line.file,
        line.offset,
        line.offset,
        line.at,
        Level.NONE,
        f"attempt {line.attempt}",
        run=line.run,
        mark=Mark.ATTEMPT,
    )


def _moved(position: Position, places: dict[int, int]) -> Position:
    return tuple(sorted({**dict(position), **places}.items()))
