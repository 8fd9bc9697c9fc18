"""Finds the next or previous line of a kind: in what is loaded, else through the feed."""

from __future__ import annotations

from collections.abc import Callable

from wfmon.model.log import Anchor, Level, LogPage, Position
from wfmon.ui.logs.buffer import LogBuffer
from wfmon.ui.logs.feed import LogFeed
from wfmon.ui.logs.search import Matches, Pattern


class Finder:
    """``go`` puts the cursor on a line, ``tell`` says one sentence (the second argument: it is good).

    Steps are 1 (later) and -1 (earlier); ``here`` is the serial number under the cursor. ``matches`` is
    what is looked for now, None while nothing is.
    """

    def __init__(
        self,
        buffer: LogBuffer,
        feed: LogFeed,
        go: Callable[[int], None],
        tell: Callable[[str, bool], None],
    ) -> None:
        self.matches: Matches | None = None
        self._buffer = buffer
        self._feed = feed
        self._go = go
        self._tell = tell

    def to_level(self, here: int, step: int, level: Level, *, following: bool) -> None:
        """To the next line of ``level`` or worse. At the live end, where none can come, to the newest."""
        noun = "error" if level >= Level.ERROR else "warning"
        found = self._buffer.seek(here, step, lambda line: line.level >= level)
        if found is None and following and step > 0:
            step = -1
            found = self._buffer.seek(self._buffer.stop, step, lambda line: line.level >= level)
            if found is not None:
                self._tell(f"the newest {noun}", True)
        if found is not None:
            self._go(found)
        elif self._exhausted(step):
            self._none(step, noun, partial=False)
        else:
            anchor, position = self._outside(step)
            self._feed.find(anchor, position, lambda page: self._found(page, step, noun), level=level)

    def look_for(self, text: str, here: int, *, following: bool) -> None:
        """To the nearest match from here on; while following, to the newest one."""
        self.matches = matches = Matches(Pattern(text))
        matches.refresh(self._buffer)
        earlier = matches.before(here + 1)
        found = earlier if following else matches.after(here - 1)
        found = earlier if found is None else found
        if found is not None:
            self._go(found)
        else:
            self._match_outside(-1, text, turn=True)

    def to_match(self, here: int, step: int) -> None:
        if self.matches is None:
            return
        self.matches.refresh(self._buffer)
        found = self.matches.after(here) if step > 0 else self.matches.before(here)
        if found is not None:
            self._go(found)
        else:
            self._match_outside(step, self.matches.pattern.text, turn=False)

    def _match_outside(self, step: int, text: str, *, turn: bool) -> None:
        """Further than what is loaded; ``turn``: then in the other direction."""

        def arrived(page: LogPage) -> None:
            if page.focus is None and turn and not page.partial:
                self._match_outside(-step, text, turn=False)
            else:
                self._found(page, step, "match")

        if not self._exhausted(step):
            anchor, position = self._outside(step)
            self._feed.find(anchor, position, arrived, pattern=text)
        elif turn:
            self._match_outside(-step, text, turn=False)
        else:
            self._none(step, "match", partial=False)

    def _outside(self, step: int) -> tuple[Anchor, Position]:
        return (Anchor.NEXT, self._buffer.end) if step > 0 else (Anchor.PREVIOUS, self._buffer.start)

    def _exhausted(self, step: int) -> bool:
        return self._buffer.live if step > 0 else self._buffer.at_start

    def _found(self, page: LogPage, step: int, noun: str) -> None:
        if page.focus is None:
            self._none(step, noun, partial=page.partial)
        else:
            self._go(self._buffer.first + page.focus)

    def _none(self, step: int, noun: str, *, partial: bool) -> None:
        where = "later" if step > 0 else "earlier"
        bound = " in the part that could be looked at" if partial else ""
        self._tell(f"no {where} {noun}{bound}", False)
