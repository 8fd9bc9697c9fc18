"""One file of a page: wanted lines in one direction, and how far they have been taken."""

from __future__ import annotations

from collections.abc import Iterator

from wfmon.model.log import LogLine
from wfmon.sources.logfiles.entries import Budget, Entry, Extent, backward, forward
from wfmon.sources.logfiles.event import Event
from wfmon.sources.logfiles.render import Lines, shown_level
from wfmon.sources.logfiles.times import Zone, judge_zone
from wfmon.sources.logfiles.view import FileView
from wfmon.sources.logfiles.wanted import Match, Wanted

Shown = tuple[float, LogLine]  # the time by which files are merged, the line


class OpenFile:
    """A file of the page and the part of it that is read. ``naive`` times are read in its zone."""

    def __init__(self, view: FileView, extent: Extent, wanted: Wanted, zone: Zone | None) -> None:
        self.view = view
        self.extent = extent
        self.wanted = wanted
        self._zone = zone or view.zone

    def posix(self, moment: tuple[float, bool] | None) -> float | None:
        if moment is None:
            return None
        seconds, naive = moment
        if not naive:
            return seconds
        if self._zone is None:
            self._zone, _ = judge_zone(seconds, self.extent.handle.stat().st_mtime)
        return self._zone.posix(seconds)


class Cursor:
    """``position`` is where the next line in this direction begins (forward) or ends (backward). ``batch``
    are the shown records of the entry that the last line taken is of; ``inside``: more of them follow."""

    def __init__(
        self,
        file: OpenFile,
        lines: Lines,
        budget: Budget,
        position: int,
        *,
        back: bool,
        match: Match | None = None,
    ) -> None:
        self.file = file
        self._lines = lines
        self._back = back
        extent = file.extent
        self._low, self._high = extent.low, extent.high
        self.position = min(max(position, extent.low), extent.high)
        self._sign = file.wanted.sign(file.view, match)
        self._signed = extent.encoding.unit == 1  # entries are UTF-8 whatever the file is
        scan = backward if back else forward
        self._found = self._wanted_lines(scan(extent, self.position, budget, self._sign))
        self._next: Shown | None = None
        self._last_at = file.view.newest_at if back else file.view.oldest_at
        self.finished = False
        self.inside = False
        self.batch: list[LogLine] = []
        self._batch: list[LogLine] = []
        self._left = 0

    def peek(self) -> Shown | None:
        """The next line without taking it; None at the end. Raises Stopped."""
        if self._next is None and not self.finished:
            self._next = next(self._found, None)
            if self._next is None:
                self.finished = True
                self.position = self._low if self._back else self._high
            else:
                self.position = self._next[1].end if self._back else self._next[1].offset
        return self._next

    def take(self) -> LogLine:
        assert self._next is not None
        line = self._next[1]
        self._next = None
        self.inside, self.batch = self._left > 0, self._batch
        self.position = line.offset if self._back else line.end
        return line

    def _wanted_lines(self, entries: Iterator[Entry | int]) -> Iterator[Shown]:
        wanted, view = self.file.wanted, self.file.view
        for entry in entries:
            if isinstance(entry, int):
                self.position = entry
                continue
            if self._sign is not None and self._signed and not self._sign(_bytes(entry)):
                continue
            whole = entry.as_object()
            events = self._lines.events(whole, view)
            own = self.file.posix(events[0].time)
            if own is not None:
                self._last_at = own
            if (wanted.is_before if self._back else wanted.is_behind)(own):
                return
            yield from self._shown(whole, events)

    def _shown(self, entry: Entry, events: list[Event]) -> Iterator[Shown]:
        """The wanted ones of an entry's events. They stay together: a position is never between them."""
        wanted, view = self.file.wanted, self.file.view
        shown: list[Shown] = []
        for part, event in enumerate(events):
            own = self.file.posix(event.time)
            if own is not None:
                self._last_at = own
            if not wanted.accepts(event, view) or not wanted.in_time(self._last_at):
                continue
            if shown_level(event) < wanted.min_level:
                continue
            at = self._last_at if self._last_at is not None else 0.0
            shown.append((at, self._lines.line(entry, event, view.number, own, part)))
        self._batch = [line for _, line in shown]
        self._left = len(shown)
        for each in reversed(shown) if self._back else shown:
            self._left -= 1
            yield each


def _bytes(entry: Entry) -> bytes:
    return b"\n".join((entry.raw, *entry.more)) if entry.more else entry.raw
