"""The time of the first line of a file, plain or compressed, from a bounded part of it."""

from __future__ import annotations

from typing import Protocol

from wfmon.sources.logfiles.follow import Handle
from wfmon.sources.logfiles.formats import Format
from wfmon.sources.logfiles.lines import Encoding, detect, is_compressed, split
from wfmon.sources.logfiles.readers import Readers
from wfmon.sources.logfiles.times import Zone, judge_zone

_PLAIN_BYTES = 16 << 10
_PACKED_BYTES = 1 << 20  # read of a compressed file: a block of bzip2 gives nothing before it is whole
_PACKED_STEP = 64 << 10
_LINES = 50
_XZ_MEMORY = 64 << 20
_SLACK_SECONDS = 86_400.0  # a naive time may be of another zone than the file's


class FirstLine:
    """``zone`` is the configured one for naive times; None: judged by when the file was written."""

    def __init__(self, readers: Readers, encoding: Encoding, zone: Zone | None) -> None:
        self._readers = readers
        self._encoding = encoding
        self._zone = zone

    def time(self, path: str, mtime: float) -> float | None:
        """POSIX seconds; None where no line of the first part has a time, or one after ``mtime``."""
        data = _beginning(path)
        encoding = detect(data, self._encoding)
        data = data[encoding.bom :]
        lines, used = split(data[: len(data) - len(data) % encoding.unit], encoding)
        if not lines:
            lines = [data[used:]]
        format, _ = self._readers.place(path)
        for raw in lines[:_LINES]:
            at = self._time_of(encoding.to_utf8(raw), mtime, format)
            if at is not None:
                return at if at <= mtime + _SLACK_SECONDS else None
        return None

    def _time_of(self, line: bytes, mtime: float, format: Format | None) -> float | None:
        line = line.lstrip(b"\0")
        if not line.strip():
            return None
        cut = line[:1] == b"{" and line.rstrip()[-1:] != b"}"  # its end is not in the part that was read
        for event in self._readers.events(line, format, {}, skipped=cut):
            if event.time is None:
                continue
            seconds, naive = event.time
            if not naive:
                return seconds
            return (self._zone or judge_zone(seconds, mtime)[0]).posix(seconds)
        return None


def _beginning(path: str) -> bytes:
    """The first part of what the file holds; empty where it cannot be read."""
    try:
        handle = Handle.open(path)
    except OSError:
        return b""
    if handle is None:
        return b""
    try:
        head = handle.read(_PLAIN_BYTES, 0)
        return _unpacked(handle, head) if is_compressed(head) else head
    except OSError:
        return b""
    finally:
        handle.close()


def _unpacked(handle: Handle, head: bytes) -> bytes:
    """The first bytes of a gzip, bzip2 or xz file, a bounded number whatever it claims to hold."""
    # Each module is loaded where such a file is there only.
    try:
        if head.startswith(b"\x1f\x8b"):
            return _gunzipped(head)
        if head.startswith(b"BZh"):
            import bz2

            return _fed(bz2.BZ2Decompressor(), handle)
        if head.startswith(b"\xfd7zXZ\0"):
            import lzma

            try:
                return _fed(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), handle)
            except lzma.LZMAError:
                return b""
    except (ImportError, EOFError, ValueError, OSError):
        return b""
    return b""


def _gunzipped(head: bytes) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(wbits=31).decompress(head, _PLAIN_BYTES)
    except zlib.error:
        return b""


class _Unpacks(Protocol):
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def eof(self) -> bool: ...


def _fed(unpacks: _Unpacks, handle: Handle) -> bytes:
    found, offset = b"", 0
    while offset < _PACKED_BYTES and len(found) < _PLAIN_BYTES and not unpacks.eof:
        data = b""
        if unpacks.needs_input:
            data = handle.read(_PACKED_STEP, offset)
            if not data:
                break
            offset += len(data)
        found += unpacks.decompress(data, _PLAIN_BYTES - len(found))
    return found
