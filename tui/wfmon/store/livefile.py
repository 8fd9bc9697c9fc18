"""The collector's last snapshot, where every reader finds it: one file, replaced in place.

It holds a header and two slots. A new payload is written to the slot that is not shown, then the header
is turned to it; checksums of both tell a reader who looked in between to look again. All room is taken
when the file is made, so that a full disk does not silence a collector. Each epoch makes a file of its
own: a collector that was replaced while it hung writes into one that nobody reads.
"""

from __future__ import annotations

import errno
import math
import os
import struct
import zlib
from collections.abc import Sequence

from wfmon.model.record import dataclass, replace
from wfmon.store.errors import StoreError, Superseded
from wfmon.store.files import create, open_plain, same_file
from wfmon.store.lanes import LIVE, Lane
from wfmon.store.rows import is_time

MAGIC = b"wfmonliv"
_HEADER = struct.Struct("<8s12sIQQdIQQI")  # see ``_Head``; then its own CRC
_CRC = struct.Struct("<I")
_HEADER_SIZE = _HEADER.size + _CRC.size
_START = 4096  # of the first slot
_LEAST = 256 * 1024  # bytes of a slot
LARGEST = 32 * 1024 * 1024
MOST_CHUNKS = 200_000
_TRIES = 5
_LAST = 2**62  # of sequences and epochs


@dataclass(frozen=True, slots=True)
class Live:
    """What the collector of ``epoch`` published. ``beat``: its last sign of life (POSIX seconds).

    ``chunks`` are the same object as long as ``sequence`` and ``epoch`` are the same.
    """

    beat: float
    sequence: int
    epoch: int
    schema: int
    chunks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """``slot``: which of the two holds the payload, ``room``: bytes of each slot."""

    key: bytes
    schema: int
    sequence: int
    epoch: int
    beat: float
    slot: int
    room: int
    length: int
    crc: int


class LiveWriter:
    """For the collector of ``epoch``. Calls raise StoreError, and Superseded where a later epoch writes."""

    def __init__(self, lane: Lane, epoch: int, schema: int) -> None:
        self._lane = lane
        self._path = lane.state.path / LIVE
        self._descriptor: int | None = None
        self._payload = b""
        self._head = _Head(lane.key.encode()[:12], schema, 0, epoch, 0.0, 1, 0, 0, 0)

    def publish(self, chunks: Sequence[bytes], now: float) -> None:
        """Show ``chunks`` from now on."""
        payload = _packed(chunks)
        if len(payload) > LARGEST or len(chunks) > MOST_CHUNKS:
            raise StoreError(f"{len(payload)} bytes are too much to publish")
        self._payload = payload
        try:
            self._show(now)
        except OSError as error:
            raise StoreError(_words(error)) from error

    def beat(self, now: float) -> None:
        """Say that the collector lives; does nothing before the first ``publish``."""
        if not self._payload:
            return
        try:
            if self._descriptor is not None and same_file(self._descriptor, self._path):
                self._turn(self._descriptor, self._head, now)
            else:
                self._show(now)  # the file was taken away
        except OSError as error:
            raise StoreError(_words(error)) from error

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _show(self, now: float) -> None:
        if self._descriptor is not None:
            if len(self._payload) <= self._head.room and same_file(self._descriptor, self._path):
                self._fill(self._descriptor, now)
                return
            self.close()
        there = self._there()
        if there is not None and there.epoch > self._head.epoch:
            raise Superseded("another collector has taken over")
        try:
            self._make(now)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or there is None:
                raise
            if there.room < len(self._payload):
                raise
            # No room for another: go on in the file of the collector before.
            self._descriptor = open_plain(self._path, os.O_RDWR)
            self._head = replace(self._head, room=there.room, slot=there.slot)
            self._fill(self._descriptor, now)

    def _fill(self, descriptor: int, now: float) -> None:
        """Write the payload to the slot that is not shown, and turn to it."""
        head = replace(
            self._head,
            sequence=self._head.sequence + 1,
            slot=1 - self._head.slot,
            length=len(self._payload),
            crc=zlib.crc32(self._payload),
        )
        _write(descriptor, self._payload, _START + head.slot * head.room)
        self._turn(descriptor, head, now)

    def _turn(self, descriptor: int, head: _Head, now: float) -> None:
        head = replace(head, beat=now)
        _write(descriptor, _encoded(head), 0)
        self._head = head

    def _make(self, now: float) -> None:
        """A new file with all its room taken; it gets its name when it is whole."""
        room = max(_LEAST, 1 << (len(self._payload) * 3 // 2).bit_length())
        before, mine = self._head, None
        try:
            with create(self._path, self._lane.state) as descriptor:
                _allocate(descriptor, _START + 2 * room)
                self._head = replace(self._head, room=room, slot=1)
                self._fill(descriptor, now)
                mine = os.dup(descriptor)
        except BaseException:
            self._head = before
            if mine is not None:
                os.close(mine)
            raise
        self._descriptor = mine

    def _there(self) -> _Head | None:
        """What the file under the name says."""
        try:
            descriptor = open_plain(self._path, os.O_RDONLY)
        except OSError:
            return None
        try:
            return _decoded(os.pread(descriptor, _HEADER_SIZE, 0))
        finally:
            os.close(descriptor)


class LiveReader:
    """``look`` raises nothing; ``problem`` says why there is nothing to see although there is a file."""

    def __init__(self, lane: Lane) -> None:
        self._path = lane.state.path / LIVE
        self._key = lane.key.encode()[:12]
        self._descriptor: int | None = None
        self._live: Live | None = None
        self.problem: str | None = None

    def look(self) -> Live | None:
        """What is there now; None where there is no file or none that can be read."""
        try:
            return self._looked()
        except FileNotFoundError:
            self.problem = None
        except OSError as error:
            self.problem = _words(error)
        self.close()
        return None

    def close(self) -> None:
        self._live = None
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _looked(self) -> Live | None:
        for _ in range(_TRIES):
            descriptor = self._current()
            raw = os.pread(descriptor, _HEADER_SIZE, 0)
            head = _decoded(raw)
            if head is None:
                continue
            if head.key != self._key:
                self.problem = f"{LIVE}: of a collector with other settings"
                return None
            live = self._unchanged(head) or self._read(descriptor, head)
            if live is not None:
                self._live, self.problem = live, None
                return live
        self.problem = f"{LIVE}: not whole"
        return None

    def _current(self) -> int:
        if self._descriptor is not None:
            if same_file(self._descriptor, self._path):
                return self._descriptor
            self.close()
        self._descriptor = open_plain(self._path, os.O_RDONLY)
        return self._descriptor

    def _unchanged(self, head: _Head) -> Live | None:
        live = self._live
        if live is None or (live.sequence, live.epoch, live.schema) != (
            head.sequence,
            head.epoch,
            head.schema,
        ):
            return None
        if live.beat == head.beat:
            return live
        return Live(head.beat, live.sequence, live.epoch, live.schema, live.chunks)

    def _read(self, descriptor: int, head: _Head) -> Live | None:
        """None where it was turned while it was read, or is not what it says."""
        offset = _START + head.slot * head.room
        if offset + head.length > os.fstat(descriptor).st_size:
            return None
        payload = os.pread(descriptor, head.length, offset)
        if len(payload) != head.length or zlib.crc32(payload) != head.crc:
            return None
        chunks = _unpacked(payload)
        if chunks is None:
            return None
        return Live(head.beat, head.sequence, head.epoch, head.schema, chunks)


def _encoded(head: _Head) -> bytes:
    text = _HEADER.pack(
        MAGIC,
        head.key,
        head.schema,
        head.sequence,
        head.epoch,
        head.beat,
        head.slot,
        head.room,
        head.length,
        head.crc,
    )
    return text + _CRC.pack(zlib.crc32(text))


def _decoded(raw: bytes) -> _Head | None:
    """Strictly: None unless every number can be one of ours."""
    if len(raw) != _HEADER_SIZE or _CRC.unpack(raw[_HEADER.size :])[0] != zlib.crc32(raw[: _HEADER.size]):
        return None
    magic, *fields = _HEADER.unpack(raw[: _HEADER.size])
    head = _Head(*fields)
    ours = (
        magic == MAGIC
        and 0 < head.sequence < _LAST
        and 0 <= head.epoch < _LAST
        and math.isfinite(head.beat)
        and is_time(head.beat)
        and head.slot in (0, 1)
        and head.length <= head.room <= 2 * LARGEST
        and head.length <= LARGEST
    )
    return head if ours else None


def _packed(chunks: Sequence[bytes]) -> bytes:
    """Their number, their lengths, and they themselves."""
    lengths = struct.pack(f"<I{len(chunks)}I", len(chunks), *map(len, chunks))
    return b"".join((lengths, *chunks))


def _unpacked(payload: bytes) -> tuple[bytes, ...] | None:
    if len(payload) < 4:
        return None
    (count,) = struct.unpack_from("<I", payload)
    start = 4 + 4 * count
    if count > MOST_CHUNKS or start > len(payload):
        return None
    lengths = struct.unpack_from(f"<{count}I", payload, 4)
    if start + sum(lengths) != len(payload):
        return None
    chunks = []
    for length in lengths:
        chunks.append(payload[start : start + length])
        start += length
    return tuple(chunks)


def _write(descriptor: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _allocate(descriptor: int, size: int) -> None:
    try:
        os.posix_fallocate(descriptor, 0, size)
    except (OSError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        # Where the file system cannot take room it is taken by writing.
        for offset in range(0, size, _LEAST):
            _write(descriptor, bytes(min(_LEAST, size - offset)), offset)


def _words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk full"
    return f"{LIVE}: {os.strerror(error.errno or 0).lower()}"
