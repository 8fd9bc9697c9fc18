"""One followed file: its identity, how far it is read, and its lines.

A file is known by device, inode, its first bytes and the bytes just before the read position: growth
keeps all four, a truncation or a new file in the same inode does not.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from wfmon.model.log import FileMark
from wfmon.model.record import dataclass, field
from wfmon.sources.logfiles.lines import UTF8, Encoding, detect, find_newline, is_compressed, split
from wfmon.sources.logfiles.times import Zone

if TYPE_CHECKING:
    from wfmon.sources.logfiles.event import Event
    from wfmon.sources.logfiles.formats import Format

HEAD_BYTES = 1024
TAIL_BYTES = 128
CHUNK_BYTES = 1 << 20
_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK

Key = tuple[int, int]  # device, inode


class Handle:
    """An open file that can be lent to another thread. Closing never closes what was lent."""

    def __init__(self, descriptor: int) -> None:
        self._lock = threading.Lock()
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: str) -> Handle | None:
        """None if it is not a regular file; raises OSError if it cannot be opened."""
        descriptor = os.open(path, _OPEN_FLAGS)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        return cls(descriptor)

    def lend(self) -> Handle | None:
        """A handle of the same open file for the caller to close; None if this one is closed."""
        with self._lock:
            return None if self._descriptor < 0 else Handle(os.dup(self._descriptor))

    def stat(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def read(self, count: int, offset: int) -> bytes:
        """Up to ``count`` bytes at ``offset``, whole unless the file ends before."""
        data = os.pread(self._descriptor, count, offset)
        while data and len(data) < count:
            more = os.pread(self._descriptor, count - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def data_from(self, offset: int) -> int:
        """The first offset from ``offset`` on that is not in a hole of the file."""
        try:
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except (OSError, AttributeError):
            return offset

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1


@dataclass(slots=True)
class Counters:
    """What was found odd in a file, for the sources screen."""

    lines: int = 0
    oversized: int = 0
    future: int = 0
    future_by: float = 0.0
    backwards: int = 0
    backwards_by: float = 0.0
    timeless: int = 0
    unnamed: int = 0  # lines with a run id and no workflow of their own


@dataclass(slots=True)
class FollowedFile:
    """``offset`` is the start of the first line that is not read. ``began`` is where reading began.

    ``idle_polls`` counts the looks in a row that found nothing new; ``behind``: more was there than one
    poll reads. What lies before ``marked`` was read by an earlier process, its lines were of the
    times ``marked_at``; ``all_open``: all lines are read of the runs that were open then. ``long_at`` is
    where the over-long line begins whose end is not there yet. ``format`` None: that of the built-in
    aliases; ``facts`` are what the path says of every line. ``block``: the lines of an object over several
    lines whose end is not there yet, the first of them at ``block_at``. ``texts``: how many lines of plain
    text were looked at for their format; ``last_error``: the last that speaks of a run, if it is an error.
    """

    number: int
    path: str
    key: Key
    handle: Handle | None
    encoding: Encoding = UTF8
    head: bytes = b""
    tail: bytes = b""
    offset: int = 0
    began: int = 0
    size: int = 0
    mtime: float = 0.0
    mtime_ns: int = 0
    skipping: bool = False
    marked: int = 0
    marked_at: tuple[float, float] | None = None
    all_open: bool = False
    long_at: int | None = None
    long_tail: bytes = b""
    behind: bool = False
    compressed: bool = False
    cut: bool = False
    detached_at: float | None = None
    deleted: bool = False
    idle_polls: int = 0
    partial_size: int = -1
    zone: Zone | None = None
    zone_sure: bool = False
    last_at: float | None = None
    oldest_at: float | None = None
    newest_at: float | None = None
    group: str = ""
    workflows: set[str] = field(default_factory=set)
    odd: Counters = field(default_factory=Counters)
    mark: FileMark | None = None
    placed: bool = False
    format: Format | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    block: list[bytes] = field(default_factory=list)
    block_at: int = 0
    texts: int = 0
    last_error: Event | None = None
    _chunk_at: int = 0

    @property
    def whole(self) -> bool:
        """Whether it was read from its first byte without a gap."""
        return not self.cut

    @property
    def unread(self) -> int:
        return max(self.size - self.offset, 0)

    def start_at(self, offset: int) -> None:
        """Begin at the first line that starts at or behind ``offset`` (0: at the first byte)."""
        unit = self.encoding.unit
        offset -= (offset - self.encoding.bom) % unit
        if offset <= self.encoding.bom:
            self.offset = self.began = self.encoding.bom
            return
        self.offset = self.began = offset - unit
        self.skipping = True
        self.long_at = None
        self.cut = True
        self.tail = b""

    def go_on_at(self, offset: int, last_at: float | None) -> None:
        """Begin where an earlier process stopped, which saw ``last_at`` in the line before."""
        assert self.handle is not None
        self.offset = self.began = max(offset, self.encoding.bom)
        self.skipping = False
        self.cut = self.offset > self.encoding.bom
        begin = max(self.offset - TAIL_BYTES, 0)
        self.tail = self.handle.read(self.offset - begin, begin)
        self.last_at = last_at

    def take_head(self, default: Encoding) -> None:
        """Read the first bytes and what they say of the encoding."""
        assert self.handle is not None
        self.head = self.handle.read(HEAD_BYTES, 0)
        self.encoding = detect(self.head, default)
        self.compressed = is_compressed(self.head)

    def same_content(self) -> bool:
        """Whether what was read is still what the file holds; learns a longer head on the way."""
        assert self.handle is not None
        if self.size < self.offset:
            return False
        if len(self.head) < HEAD_BYTES:
            head = self.handle.read(HEAD_BYTES, 0)
            if not head.startswith(self.head):
                return False
            self.head = head
        return not self.tail or self.handle.read(len(self.tail), self.offset - len(self.tail)) == self.tail

    def is_copy(self, other: Handle, size: int) -> bool:
        """Whether ``other`` (``size`` bytes) holds what was read here, as a copy made by a rotation does.

        A copy that is still being written is recognised by its beginning.
        """
        head = other.read(HEAD_BYTES, 0)
        shared = min(len(head), len(self.head))
        if not shared or head[:shared] != self.head[:shared]:
            return False
        if size >= self.offset and self.tail:
            return other.read(len(self.tail), self.offset - len(self.tail)) == self.tail
        if self.handle is None:
            return False
        begin = max(size - TAIL_BYTES, 0)
        piece = other.read(TAIL_BYTES, begin)
        return bool(piece) and self.handle.read(len(piece), begin) == piece

    def lines(
        self, budget: int, max_line: int, enough: Callable[[], bool]
    ) -> Iterator[tuple[int, bytes, int]]:
        """(offset, bytes, skipped) of each new complete line, at most about ``budget`` bytes of them.

        ``skipped`` is how many bytes of an over-long line are left out, -1 if that is not known yet.
        ``enough`` is asked before each chunk, whose lines are all given.
        """
        assert self.handle is not None
        chunk = max(CHUNK_BYTES, max_line + self.encoding.unit)
        unit = self.encoding.unit
        self.behind = False
        while self.offset < self.size:
            if budget <= 0 or enough():
                self.behind = True
                return
            data = self.handle.read(min(chunk, self.size - self.offset), self.offset)
            data = data[: len(data) - len(data) % unit]
            if not data:
                return
            budget -= len(data)
            if self.skipping:
                if not self._skip_to_line(data):
                    continue
                data = data[self.offset - self._chunk_at :]
                if not data:
                    continue
            if data[:1] == b"\0" and unit == 1 and not data.strip(b"\0"):
                self._leap_hole(len(data))
                continue
            found, used = split(data, self.encoding)
            if not found:
                if len(data) <= max_line:
                    return
                self.odd.oversized += 1
                begin, self.long_at, self.long_tail = self.offset, self.offset, self.tail
                self._advance(data, len(data))
                self.skipping = True
                yield begin, data[:max_line], -1
                continue
            begin = self.offset
            self._advance(data, used)
            for raw in found:
                length = len(raw)
                if length > max_line:
                    self.odd.oversized += 1
                    yield begin, raw[:max_line], length - max_line
                else:
                    yield begin, raw, 0
                begin += length + unit

    def _skip_to_line(self, data: bytes) -> bool:
        """Move behind the first newline of ``data``; False if there is none in it."""
        self._chunk_at = self.offset
        end = find_newline(data, 0, self.encoding)
        if end < 0:
            self._advance(data, len(data))
            return False
        self._advance(data, end + self.encoding.unit)
        self.skipping, self.long_at = False, None
        return True

    def _leap_hole(self, length: int) -> None:
        """A writer that kept its position over a truncation leaves a hole of zero bytes."""
        assert self.handle is not None
        self.offset = max(self.offset + length, min(self.handle.data_from(self.offset), self.size))
        self.tail = b""

    def _advance(self, data: bytes, used: int) -> None:
        self.offset += used
        piece = data[max(used - TAIL_BYTES, 0) : used]
        self.tail = piece if len(piece) == TAIL_BYTES else (self.tail + piece)[-TAIL_BYTES:]

    def last_partial(self, max_line: int) -> bytes:
        """The line at the end that has no newline yet; empty if there is none or it is over-long."""
        assert self.handle is not None
        left = self.size - self.offset
        if self.skipping or not 0 < left <= max_line:
            return b""
        return self.handle.read(left, self.offset)

    def take_partial(self, data: bytes) -> None:
        """Count the line at the end as read."""
        self._advance(data, len(data))
