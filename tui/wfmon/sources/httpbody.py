"""The body of an answer, within a size that holds for what is sent and for what it unpacks to."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from wfmon.model.source import Failure
from wfmon.sources.base import SourceError
from wfmon.text.numbers import size
from wfmon.text.sanitize import safe

if TYPE_CHECKING:
    from wfmon.sources.plainhttp import Head

_REFUSAL_BYTES = 8192
_REFUSAL_LIMIT = 160


class Progress:
    """How far an answer has come, for the words of its failure."""

    def __init__(self) -> None:
        self.answered = False
        self.received = 0

    def counted(self, chunks: Iterable[bytes], limit: int, shown: str) -> Iterable[bytes]:
        for chunk in chunks:
            self.received += len(chunk)
            if self.received > limit:
                raise _too_large(shown, limit)
            yield chunk


def whole(head: Head, progress: Progress, limit: int, shown: str) -> bytes:
    """All of it, unpacked; raises ``SourceError`` beyond ``limit`` bytes. ``shown``: what was asked, for its
    words."""
    announced = head.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and len(announced) < 20 and int(announced) > limit:
        raise _too_large(shown, limit)
    coding = head.headers.get("content-encoding", "").strip().lower()
    body = bytearray()
    for part in _unpacked(progress.counted(head.chunks(), limit, shown), coding, limit, shown):
        body += part
        if len(body) > limit:
            raise _too_large(shown, limit)
    return bytes(body)


def refusal(head: Head, shown: str) -> str:
    """What the body of an error says: a bare JSON string, or an object with a ``message`` or ``error``.
    Empty where it is anything else (a page)."""
    import json

    try:
        told = json.loads(whole(head, Progress(), _REFUSAL_BYTES, shown))
    except (SourceError, ValueError, RecursionError):
        return ""  # the status says enough
    if isinstance(told, dict):
        told = told.get("message") or told.get("error")
    return safe(told, limit=_REFUSAL_LIMIT) if isinstance(told, str) else ""


def _unpacked(chunks: Iterable[bytes], coding: str, limit: int, shown: str) -> Iterable[bytes]:
    """Unpacks gzip in pieces of at most ``limit`` + 1 bytes, so that a bomb is noticed, not stored."""
    if coding in ("", "identity"):
        yield from chunks
        return
    if coding not in ("gzip", "x-gzip"):
        raise SourceError(Failure.BAD_DATA, f"{shown}: encoded as {safe(coding, limit=40)}, asked for gzip")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            packed = chunk
            while packed:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(wbits=31)
                yield unpacker.decompress(packed, limit + 1)
                packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    except zlib.error as error:
        raise SourceError(Failure.BAD_DATA, f"{shown}: broken gzip: {safe(str(error), limit=80)}") from error
    if not unpacker.eof:
        raise SourceError(Failure.BAD_DATA, f"{shown}: gzip ends in the middle")


def _too_large(shown: str, limit: int) -> SourceError:
    return SourceError(Failure.TOO_LARGE, f"{shown}: more than {size(limit)}")
