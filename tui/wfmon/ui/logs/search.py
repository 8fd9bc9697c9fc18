"""What a person looks for in a log."""

from __future__ import annotations

import re
from bisect import bisect_left, insort

from wfmon.model.log import LogLine, Mark
from wfmon.ui.logs.buffer import LogBuffer

Span = tuple[int, int]


class Pattern:
    """Plain text; capitals in it make it tell capitals from small letters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._fold = text == text.lower()
        self._regex = re.compile(re.escape(text), re.IGNORECASE if self._fold else 0)

    def spans(self, text: str) -> list[Span]:
        """Where it stands in ``text``, as character indexes."""
        return [match.span() for match in self._regex.finditer(text)]

    def within(self, text: str) -> bool:
        return self.text in (text.lower() if self._fold else text)

    def in_view(self, line: LogLine) -> bool:
        """Whether it stands in what is shown of a line that is not opened."""
        return self.within(line.message) or (line.step is not None and self.within(line.step))

    def holds(self, line: LogLine) -> bool:
        """As the log sources understand a match: also in what opening the line shows."""
        return line.mark is Mark.LINE and (self.in_view(line) or any(map(self.within, line.detail)))


class Matches:
    """The serial numbers of the loaded lines that match, kept as lines come and go."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self._found: list[int] = []
        self._from = self._to = 0

    def refresh(self, buffer: LogBuffer) -> None:
        """Look at the lines that are new."""
        if self._from == self._to or buffer.first > self._to or buffer.stop < self._from:
            self._found = []
            self._from = self._to = buffer.first
        low, high = max(self._from, buffer.first), min(self._to, buffer.stop)
        self._found = self._found[bisect_left(self._found, low) : bisect_left(self._found, high)]
        for serial in (*range(buffer.first, low), *range(high, buffer.stop)):
            if self.pattern.holds(buffer[serial]):
                insort(self._found, serial)
        self._from, self._to = buffer.first, buffer.stop

    def __len__(self) -> int:
        return len(self._found)

    def after(self, serial: int) -> int | None:
        index = bisect_left(self._found, serial + 1)
        return self._found[index] if index < len(self._found) else None

    def before(self, serial: int) -> int | None:
        index = bisect_left(self._found, serial)
        return self._found[index - 1] if index else None
