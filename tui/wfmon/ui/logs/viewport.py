"""Where one is in a log: the row of the cursor and the row at the top, by line and row within it."""

from __future__ import annotations

from collections.abc import Callable

from wfmon.ui.logs.buffer import LogBuffer

Spot = tuple[int, int]  # serial number of a line, row within it


class Viewport:
    """``rows_of`` tells how many rows a line takes now. Lines may come and go between the calls."""

    def __init__(self, buffer: LogBuffer, rows_of: Callable[[int], int]) -> None:
        self._buffer = buffer
        self._rows_of = rows_of
        self.cursor: Spot = (0, 0)
        self.top: Spot = (0, 0)
        self.height = 1

    def go(self, serial: int) -> None:
        """The cursor to the first row of a line."""
        self.cursor = (serial, 0)

    def move(self, rows: int) -> bool:
        """The cursor by that many rows; False where it stays."""
        before = self.cursor = self._within(self.cursor)
        self.cursor = self._step(before, rows)
        return self.cursor != before

    def page(self, rows: int) -> bool:
        """Cursor and window by that many rows."""
        self.top = self._step(self._within(self.top), rows)
        return self.move(rows)

    def scroll(self, rows: int) -> None:
        """The window by that many rows; the cursor only as far as it must."""
        self.top = self._filled(self._step(self._within(self.top), rows))
        last = self._step(self.top, self.height - 1)
        self.cursor = min(max(self._within(self.cursor), self.top), last)

    def centre(self) -> None:
        """The cursor's row to the middle of the window, with what is before and after it."""
        self.top = self._step(self._within(self.cursor), -(self.height // 2))

    def reveal(self) -> None:
        """The window so that the rows of the cursor's line are in it, the first of them at least."""
        serial = self._within(self.cursor)[0]
        last = self._step((serial, self._rows_of(serial) - 1), 1 - self.height)
        self.top = min((serial, 0), max(self._within(self.top), last))

    def window(self, height: int) -> list[Spot]:
        """The rows to draw; the cursor's is among them."""
        self.height = max(1, height)
        if not len(self._buffer):
            return []
        self.cursor = self._within(self.cursor)
        self.top = min(self._within(self.top), self.cursor)
        if self._step(self.top, self.height - 1) < self.cursor:
            self.top = self._step(self.cursor, 1 - self.height)
        self.top = self._filled(self.top)
        spots: list[Spot] = []
        serial, row = self.top
        while len(spots) < self.height and serial < self._buffer.stop:
            rows = self._rows_of(serial)
            while row < rows and len(spots) < self.height:
                spots.append((serial, row))
                row += 1
            serial, row = serial + 1, 0
        return spots

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last row of all."""
        return not len(self._buffer) or self._step(self.cursor, 1) == self._within(self.cursor)

    def _filled(self, top: Spot) -> Spot:
        """``top`` or an earlier row, so that the window is full where there are rows enough."""
        last = self._buffer.stop - 1
        return min(top, self._step((last, self._rows_of(last) - 1), 1 - self.height))

    def _within(self, spot: Spot) -> Spot:
        serial, row = spot
        if serial < self._buffer.first:
            return self._buffer.first, 0
        if serial >= self._buffer.stop:
            serial = self._buffer.stop - 1
            return serial, self._rows_of(serial) - 1
        return serial, min(row, self._rows_of(serial) - 1)

    def _step(self, spot: Spot, rows: int) -> Spot:
        serial, row = spot
        row += rows
        while row < 0:
            if serial <= self._buffer.first:
                return self._buffer.first, 0
            serial -= 1
            row += self._rows_of(serial)
        while row >= (size := self._rows_of(serial)):
            if serial >= self._buffer.stop - 1:
                return serial, size - 1
            serial, row = serial + 1, row - size
        return serial, row
