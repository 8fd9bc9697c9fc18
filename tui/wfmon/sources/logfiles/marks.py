"""How far a file is read, in a form that outlives the process, and knowing a file again by it."""

from __future__ import annotations

from zlib import crc32

from wfmon.model.log import FileMark
from wfmon.sources.logfiles.follow import TAIL_BYTES, FollowedFile, Handle


def mark_of(file: FollowedFile, open_from: int | None) -> FileMark | None:
    """Where another process would go on; None while no line of the file was found. ``open_from`` is where
    the first line in it is of a run that is open.

    The same object as before while nothing of it changed.
    """
    offset, tail = file.offset, file.tail
    if file.skipping:
        if file.long_at is None:
            return None
        offset, tail = file.long_at, file.long_tail
    elif file.block:
        offset, tail = file.block_at, b""  # its beginning is read again
    open_from = offset if open_from is None else min(open_from, offset)
    oldest_at, newest_at = file.oldest_at, file.newest_at
    if newest_at is None and file.marked_at is not None:
        oldest_at, newest_at = file.marked_at  # nothing was read since
    known = file.mark
    if (
        known is not None
        and known.offset == offset
        and known.head_size == len(file.head)
        and (known.device, known.inode) == file.key
        and known.path == _storable(file.path)
        and known.newest_at == newest_at
        and known.oldest_at == oldest_at
        and known.open_from == open_from
    ):
        return known
    tail = tail[-TAIL_BYTES:]
    file.mark = FileMark(
        path=_storable(file.path),
        device=file.key[0],
        inode=file.key[1],
        offset=offset,
        head_size=len(file.head),
        head_sum=crc32(file.head),
        tail_size=len(tail),
        tail_sum=crc32(tail),
        oldest_at=oldest_at,
        newest_at=newest_at,
        open_from=open_from,
    )
    return file.mark


def holds(path: str, mark: FileMark) -> bool:
    """Whether a file has what was read up to the mark; also False where it cannot be read."""
    try:
        handle = Handle.open(path)
    except OSError:
        return False
    if handle is None:
        return False
    try:
        return (
            handle.stat().st_size >= mark.offset
            and crc32(handle.read(mark.head_size, 0)) == mark.head_sum
            and crc32(handle.read(mark.tail_size, mark.offset - mark.tail_size)) == mark.tail_sum
        )
    except OSError:
        return False
    finally:
        handle.close()


def _storable(path: str) -> str:
    """A name that is not UTF-8 cannot be stored; its file is then known by its inode only."""
    return path if path.isascii() else path.encode("utf-8", "backslashreplace").decode()
