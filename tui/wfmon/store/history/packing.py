"""States of sources and marks of files as bytes; what comes out is checked and safe to show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from wfmon.model.log import FileMark
from wfmon.model.record import replace
from wfmon.model.source import SourceStatus
from wfmon.store.rows import is_time
from wfmon.text.sanitize import safe

MOST_PACKED = 4 * 1024 * 1024
MOST_MARKS = 20_000  # files of one source
MOST_SUM_SIZE = 1024 * 1024  # bytes that a checksum is taken of
TEXT_LIMIT = 500
MOST_MISSING = 100
_MOST_NUMBER = 1 << 62


def pack_state(status: SourceStatus) -> bytes:
    return msgspec.msgpack.encode(_safe_state(status))


def unpack_state(blob: object) -> SourceStatus | None:
    """None for what is no state of ours."""
    if not isinstance(blob, bytes) or len(blob) > MOST_PACKED:
        return None
    try:
        found = msgspec.msgpack.decode(blob, type=SourceStatus)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    return _safe_state(found)


def pack_marks(marks: Sequence[FileMark]) -> bytes:
    return msgspec.msgpack.encode([replace(mark, path=safe(mark.path)) for mark in marks[-MOST_MARKS:]])


def unpack_marks(blob: object) -> tuple[FileMark, ...]:
    """Without marks that none of ours can be."""
    if not isinstance(blob, bytes) or len(blob) > MOST_PACKED:
        return ()
    try:
        found = msgspec.msgpack.decode(blob, type=list[FileMark])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ()
    return tuple(
        replace(mark, path=safe(mark.path), oldest_at=_time(mark.oldest_at), newest_at=_time(mark.newest_at))
        for mark in found[:MOST_MARKS]
        if _is_mark(mark)
    )


def _is_mark(mark: FileMark) -> bool:
    numbers = (mark.device, mark.inode, mark.offset, mark.head_sum, mark.tail_sum)
    sizes = (mark.head_size, mark.tail_size)
    return all(0 <= each < _MOST_NUMBER * 4 for each in numbers) and all(
        0 <= each <= MOST_SUM_SIZE for each in sizes
    )


def _safe_state(status: SourceStatus) -> SourceStatus:
    return replace(
        status,
        name=safe(status.name, limit=TEXT_LIMIT),
        kind=safe(status.kind, limit=TEXT_LIMIT),
        profile=_text(status.profile),
        as_of=_time(status.as_of),
        latency_seconds=_finite(status.latency_seconds),
        interval_seconds=_finite(status.interval_seconds),
        error=_text(status.error),
        failing_since=_time(status.failing_since),
        sees=safe(status.sees, limit=TEXT_LIMIT),
        missing=tuple(safe(each, limit=TEXT_LIMIT) for each in status.missing[:MOST_MISSING]),
        where=safe(status.where, limit=TEXT_LIMIT),
    )


def _text(value: str | None) -> str | None:
    return None if value is None else safe(value, limit=TEXT_LIMIT)


def _time(value: float | None) -> float | None:
    return value if is_time(value) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
