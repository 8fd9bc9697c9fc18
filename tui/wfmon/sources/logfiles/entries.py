"""Entries of a file, read in blocks from either end: a line with the lines that continue it.

Never maps a file: one that is truncated while it is read gives fewer bytes, nothing worse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from wfmon.model.record import dataclass, field
from wfmon.sources.logfiles.follow import Handle
from wfmon.sources.logfiles.lines import Encoding, find_newline, split

BLOCK_BYTES = 128 << 10
_MAX_BLOCK = 2 << 20
_MAX_MORE = 500
_HEAD = re.compile(
    rb"\{|\s{0,4}[\[(]?\d{4}[-/]\d\d[-/]\d\d(?:[T ]|, )\d\d:|<\d{1,3}>|[\w.-]{1,60} {1,20}\| "
    rb"|\[?(?:DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE)\b"
)
_EXCEPTION = rb"[\w.$]{1,100}(?:Error|Exception|Interrupt|Exit)(?::|\s|\\n|\Z)"
_TRACE = (
    rb"Traceback \(most recent|Caused by:|During handling of|The above exception|goroutine |" + _EXCEPTION
)
_MORE = re.compile(rb"[ \t}\])]|" + _TRACE)
# What a container's runtime puts before each line that a program writes, and what then continues a line.
_WRAPPED = re.compile(rb'\{"log":"|[0-9T:.Z+-]{20,40} std(?:out|err) [FP] |[\w.-]{1,60} {1,20}\| ?')
_WRAPPED_MORE = re.compile(rb"[ \t]|\\t|" + _TRACE)


Sign = Callable[[bytes], bool]  # whether data of the file may hold a wanted line


class Stopped(Exception):
    """The scan was cancelled or used up its budget."""


@dataclass(slots=True)
class Budget:
    """How many bytes one request may still read; ``cancelled`` is asked before each block."""

    left: int
    cancelled: Callable[[], bool]

    def spend(self, count: int) -> None:
        if self.left <= 0 or self.cancelled():
            raise Stopped
        self.left -= count


@dataclass(slots=True)
class Entry:
    """``raw`` is the first line as UTF-8, at most the longest line that is read; ``skipped`` is what is
    left out of it. ``offset`` and ``end`` span the continuing lines too."""

    offset: int
    end: int
    raw: bytes
    skipped: int = 0
    more: list[bytes] = field(default_factory=list)

    def as_object(self) -> Entry:
        """The same as one line, where it is an object over several."""
        if not self.more or len(self.raw) > 3 or self.raw.strip() != b"{":
            return self
        return Entry(self.offset, self.end, b"\n".join((self.raw, *self.more)))


@dataclass(frozen=True, slots=True)
class Extent:
    """The part [low, high) of an open file to read; both are starts of lines."""

    handle: Handle
    encoding: Encoding
    low: int
    high: int
    max_line: int


def backward(extent: Extent, position: int, budget: Budget, sign: Sign | None) -> Iterator[Entry | int]:
    """Entries before ``position``, newest first; between them, offsets down to which all was looked at.

    Blocks without the ``sign`` of a wanted line are not cut into lines. Raises Stopped.
    """
    high, block = min(position, extent.high), BLOCK_BYTES
    while high > extent.low:
        low = max(high - block, extent.low)
        low += (high - low) % extent.encoding.unit
        budget.spend(high - low)
        data = extent.handle.read(high - low, low)
        begin = 0
        if low > extent.low:
            begin = find_newline(data, 0, extent.encoding) + extent.encoding.unit
            if begin < extent.encoding.unit or begin >= len(data):
                if block < min(_MAX_BLOCK, 2 * extent.max_line):
                    block *= 2
                    continue
                entry = _long_line(extent, low, high, budget)
                yield entry
                high = entry.offset
                continue
        if sign is not None and not sign(data):
            first = _first_head(data, begin, extent.encoding) if low > extent.low else begin
            if first < 0 and block < _MAX_BLOCK:
                block *= 2
                continue
            high, block = low + max(first, begin), BLOCK_BYTES
            yield high
            continue
        entries, sure = _entries(data[begin:], low + begin, extent)
        if not sure and low > extent.low and block < _MAX_BLOCK:
            block *= 2  # only continuing lines: their head is before them
            continue
        if low > extent.low and entries and not _is_head(entries[0].raw) and len(entries) > 1:
            entries = entries[1:]
        yield from reversed(entries)
        high = entries[0].offset if entries else low + begin
        yield high
        block = BLOCK_BYTES


def forward(extent: Extent, position: int, budget: Budget, sign: Sign | None) -> Iterator[Entry | int]:
    """Entries from ``position`` on, oldest first; between them, offsets up to which all was looked at."""
    low, block = max(position, extent.low), BLOCK_BYTES
    while low < extent.high:
        high = min(low + block, extent.high)
        high -= (high - low) % extent.encoding.unit
        budget.spend(high - low)
        data = extent.handle.read(high - low, low)
        _, used = split(data, extent.encoding)
        last = high >= extent.high
        if not data:
            return
        if used == 0 and not last:
            if block < min(_MAX_BLOCK, 2 * extent.max_line):
                block *= 2
                continue
            entry = _long_line(extent, low, None, budget)
            yield entry
            low = entry.end
            continue
        if not last:
            data = data[:used]
        if sign is not None and not sign(data):
            low += len(data)
            yield low
            continue
        entries, _ = _entries(data, low, extent)
        if not last and len(entries) < 2 and block < _MAX_BLOCK:
            block *= 2  # the next block may continue the last entry: read until another begins
            continue
        if not last and len(entries) > 1:
            entries.pop()
        yield from entries
        low = entries[-1].end if entries else low + len(data)
        yield low
        block = BLOCK_BYTES


def end_of_entry(extent: Extent, offset: int) -> int:
    """The offset behind the lines that continue the entry whose first line ends at ``offset``."""
    first, limit = True, min(offset + _MAX_BLOCK, extent.high)
    while offset < limit:
        data = extent.handle.read(min(BLOCK_BYTES, extent.high - offset), offset)
        lines, used = split(data, extent.encoding)
        if not used:
            break
        for raw in lines:
            line = extent.encoding.to_utf8(raw)
            if _is_head(line) or (first and line.strip() and not _continues(line)):
                return offset
            first = first and not line.strip()
            offset += len(raw) + extent.encoding.unit
    return offset


def _entries(data: bytes, begin: int, extent: Extent) -> tuple[list[Entry], bool]:
    """Entries of whole lines, and whether any begins with what is surely a first line."""
    lines, used = split(data, extent.encoding)
    if used < len(data):
        lines.append(data[used:])
    entries: list[Entry] = []
    sure, inside, offset = False, False, begin
    for raw in lines:
        end = min(offset + len(raw) + extent.encoding.unit, begin + len(data))
        line = extent.encoding.to_utf8(raw).lstrip(b"\0")
        head = _is_head(line)
        sure = sure or head
        inside = not head and bool(entries) and (inside or not line.strip() or _continues(line))
        if inside:
            entry = entries[-1]
            entry.end = end
            if len(entry.more) < _MAX_MORE:
                entry.more.append(line[: extent.max_line])
        elif line.strip():
            entries.append(Entry(offset, end, line[: extent.max_line], max(len(line) - extent.max_line, 0)))
        offset = end
    return entries, sure


def _first_head(data: bytes, begin: int, encoding: Encoding) -> int:
    """Where the first line begins that continues no other; -1 if there is none."""
    at = begin
    while at < len(data):
        end = find_newline(data, at, encoding)
        if end < 0:
            break
        if _is_head(encoding.to_utf8(data[at : min(end, at + 400)])):
            return at
        at = end + encoding.unit
    return -1


def _is_head(line: bytes) -> bool:
    wrapped = _WRAPPED.match(line)
    if wrapped is not None:
        return _WRAPPED_MORE.match(line, wrapped.end()) is None
    return _HEAD.match(line) is not None


def _continues(line: bytes) -> bool:
    """Whether a line that is no head continues the one before, whatever that is."""
    return _MORE.match(line) is not None or _WRAPPED.match(line) is not None


def _long_line(extent: Extent, low: int, high: int | None, budget: Budget) -> Entry:
    """A line longer than a block: found is where it begins and ends, kept is its first part."""
    unit, step = extent.encoding.unit, _MAX_BLOCK
    begin, end = low, high if high is not None else low
    if high is not None:
        begin = _line_start(extent, low, budget)
    while high is None and end < extent.high:
        budget.spend(step)
        data = extent.handle.read(min(step, extent.high - end), end)
        newline = find_newline(data, 0, extent.encoding)
        if newline >= 0 or not data:
            end += newline + unit if data else extent.high - end
            break
        end += len(data)
    raw = extent.handle.read(max(min(extent.max_line, end - begin - unit), 0), begin)
    return Entry(begin, end, extent.encoding.to_utf8(raw), max(end - begin - unit - len(raw), 0))


def _line_start(extent: Extent, inside: int, budget: Budget) -> int:
    """Where the line begins that ``inside`` is an offset of."""
    unit, high = extent.encoding.unit, inside
    while high > extent.low:
        low = max(high - _MAX_BLOCK, extent.low)
        low += (high - low) % unit
        budget.spend(high - low)
        data = extent.handle.read(high - low, low)
        at = data.rfind(extent.encoding.newline)
        while at >= 0 and at % unit:
            at = data.rfind(extent.encoding.newline, 0, at + len(extent.encoding.newline) - 1)
        if at >= 0:
            return low + at + unit
        high = low
    return extent.low
